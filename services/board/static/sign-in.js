// The page to sign in. The password goes in the body of one request and is kept nowhere.

import { byId, halves, pair, setPair } from "./dom.js";

const form = byId("sign-in");
const wrong = byId("wrong");
const next = new URLSearchParams(location.search).get("next") ?? "/";
const LOST = { zh: "连不上服务器，请稍后再试", en: "the server cannot be reached, try again later" };

function say(words) {
  wrong.replaceChildren(words ? pair(words) : "");
  for (const input of form.querySelectorAll("input")) input.setAttribute("aria-invalid", String(Boolean(words)));
}

/** Where to go: what the server allows, and nowhere else; the part after # never reached the server. */
function enter(address) {
  const there = new URL(address, location.origin);
  if (there.origin !== location.origin) there.href = location.origin;
  if (!there.hash) there.hash = location.hash;
  location.replace(there);
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const name = form.elements.namedItem("name").value.trim();
  const password = form.elements.namedItem("password");
  byId("go").disabled = true;
  say(null);
  try {
    const response = await fetch("/v1/session", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ name, password: password.value, next }),
    });
    const answer = await response.json();
    if (response.ok) {
      enter(answer.next);
      return;
    }
    say(halves(answer.detail));
    password.value = "";
    password.focus();
  } catch {
    say(LOST);
  }
  byId("go").disabled = false;
});

const response = await fetch("/v1/session");
if (response.ok) {
  const { county, synthetic } = await response.json();
  setPair(byId("county"), county);
  byId("synthetic").hidden = !synthetic;
}
