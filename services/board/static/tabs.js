// The page's views and its address: `#NAME`, with what the view shows of all that it has behind it
// (`#dashboards/county?from=now-7d`); or `#indicator/division`, a panel, with `/records` at its end that of the
// records behind the figure.

const VIEWS = ["overview", "map", "townships", "dashboards", "tasks", "township", "facility"];
const TAB_OF = { township: "townships", facility: "townships" }; // views without a tab of their own

/**
 * `shown(name, rest, arrived)` is called when a view comes up and when what stands behind its name in the address
 * changes; `arrived` is false for the first one. `opened(key)` is called for the address of a panel.
 */
export function tabs(shown, opened) {
  let current = "";
  let behind = "";

  function show(name, rest) {
    if (name === current && rest === behind) return;
    const arrived = current !== "";
    current = name;
    behind = rest;
    for (const section of document.querySelectorAll("[data-view]")) section.hidden = section.dataset.view !== name;
    for (const link of document.querySelectorAll("[data-tab]")) {
      if (link.dataset.tab === (TAB_OF[name] ?? name)) link.setAttribute("aria-current", name in TAB_OF ? "true" : "page");
      else link.removeAttribute("aria-current");
    }
    shown(name, rest, arrived);
  }
  function follow() {
    const [, name, rest] = /^([^/?]*)(.*)$/.exec(location.hash.slice(1));
    if (VIEWS.includes(name)) show(name, rest);
    else {
      if (current === "") show(VIEWS[0], "");
      if (rest.startsWith("/")) opened(decodeURIComponent(name + rest));
    }
  }
  const restore = () => history.replaceState(null, "", current === VIEWS[0] && !behind ? location.pathname + location.search : `#${current}${behind}`);
  addEventListener("hashchange", follow);
  return {
    follow,
    /** Put the address back to the view's own. */
    restore,
    /** The view that is shown shows something else of what it has: `rest` is how its address ends now. */
    moved(rest) {
      behind = rest;
      restore();
    },
  };
}
