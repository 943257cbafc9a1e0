// The connection to the server: server-sent events, watched over, made again when it is dead.

import { checkSignedIn } from "./who.js";

const SILENCE_MS = 35000; // the server lets itself be heard every 10 s
const RETRY_MS = 2000;

/**
 * Listen to `url`. Calls `on.figure(figure)`, `on.reload()` when everything must be read anew, and
 * `on.state(state, reason)` with `live`, `reconnecting` (to the server) or `paused` (the server has lost the
 * source of changes).
 */
export function listen(url, on) {
  let source;
  let watchdog;

  function heard() {
    clearTimeout(watchdog);
    watchdog = setTimeout(again, SILENCE_MS);
  }
  function again() {
    source.close();
    clearTimeout(watchdog);
    on.state("reconnecting", "");
    // Spread out, so that a thousand pages do not come back in one instant.
    watchdog = setTimeout(connect, RETRY_MS * (0.5 + Math.random()));
  }
  function connect() {
    source = new EventSource(url);
    heard();
    source.addEventListener("beat", heard);
    source.addEventListener("figure", (event) => {
      heard();
      on.figure(JSON.parse(event.data));
    });
    source.addEventListener("source", (event) => {
      heard();
      const { connected, reason } = JSON.parse(event.data);
      on.state(connected ? "live" : "paused", reason);
      on.reload();
    });
    source.onerror = () => {
      if (source.readyState === EventSource.CLOSED) {
        checkSignedIn();
        again();
      } else on.state("reconnecting", "");
    };
  }
  connect();
}
