// The page's views and its address: `#overview`, `#townships`, `#tasks`, or `#indicator/division`, a panel,
// with `/records` at its end that of the records behind the figure.

const VIEWS = ["overview", "townships", "tasks"];

/** `shown(name)` is called when a view comes up, `opened(key)` for the address of a panel. */
export function tabs(shown, opened) {
  let current = "";

  function show(name) {
    if (name === current) return;
    current = name;
    for (const section of document.querySelectorAll("[data-view]")) section.hidden = section.dataset.view !== name;
    for (const link of document.querySelectorAll("[data-tab]")) {
      if (link.dataset.tab === name) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    shown(name);
  }
  function follow() {
    const address = decodeURIComponent(location.hash.slice(1));
    if (VIEWS.includes(address)) show(address);
    else {
      if (current === "") show(VIEWS[0]);
      if (address.includes("/")) opened(address);
    }
  }
  addEventListener("hashchange", follow);
  return {
    follow,
    /** Put the address back to the view's own. */
    restore: () => history.replaceState(null, "", current === VIEWS[0] ? location.pathname + location.search : `#${current}`),
  };
}
