// What can be told of a page's layout and languages without looking at it. Evaluates to a list of what is wrong.
// `names`: proper names of the county that have no English; they may stand in Chinese anywhere.
({ language, names }) => {
  const wrong = [];
  const HAN = /\p{Script=Han}/u;
  const dialog = document.querySelector("dialog[open]");
  const page = dialog ?? document.body;

  const said = (element) => {
    const name = element.id ? `#${element.id}` : element.className && typeof element.className === "string" ? `.${element.className.split(" ").join(".")}` : "";
    return `${element.tagName.toLowerCase()}${name} "${element.textContent.trim().slice(0, 40)}"`;
  };
  // Of a box or any around it; each is asked once, since a page has thousands of texts and few boxes.
  const itOrAround = (holds) => {
    const known = new Map();
    const found = (box) => {
      if (!box || box === page) return false;
      if (!known.has(box)) known.set(box, holds(getComputedStyle(box)) || found(box.parentElement));
      return known.get(box);
    };
    return found;
  };
  const clipped = itOrAround((style) => style.clipPath === "inset(50%)"); // for a screen reader alone
  const hidden = (element) => !element.checkVisibility({ visibilityProperty: true }) || element.closest(".sprite, noscript, option, style, script") || clipped(element);

  // Nothing is wider than the window.
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) wrong.push(`the page is ${root.scrollWidth} wide in a window of ${root.clientWidth}`);
  if (dialog && dialog.scrollWidth > dialog.clientWidth) wrong.push(`the dialog is ${dialog.scrollWidth} wide in ${dialog.clientWidth}`);

  // Texts stay within their boxes, and boxes do not cut them.
  const block = (element) => {
    let box = element;
    while (["inline", "contents"].includes(getComputedStyle(box).display)) box = box.parentElement;
    return box;
  };
  const scrolls = itOrAround((style) => ["auto", "scroll"].includes(style.overflowX));
  // Wholly beyond the edge of a box that hides what does not fit: it is not there for the eye.
  const hides = (style) => style.overflowX === "hidden" || style.overflowY === "hidden";
  const mayBeHidden = itOrAround(hides);
  const outOfSight = (element, drawn) => {
    if (!mayBeHidden(element)) return false;
    for (let box = element; box && box !== page; box = box.parentElement) {
      if (!hides(getComputedStyle(box))) continue;
      const edge = box.getBoundingClientRect();
      if (drawn.left >= edge.right || drawn.right <= edge.left || drawn.top >= edge.bottom || drawn.bottom <= edge.top) return true;
    }
    return false;
  };
  const walker = document.createTreeWalker(page, NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const text = node.textContent.trim();
    const parent = node.parentElement;
    if (!text || hidden(parent)) continue;
    if (!(parent instanceof SVGElement)) {
      range.selectNodeContents(node);
      const drawn = range.getBoundingClientRect();
      if (outOfSight(parent, drawn)) continue;
      const box = block(parent);
      const room = box.getBoundingClientRect();
      const style = getComputedStyle(box);
      const isCut = style.webkitLineClamp === "none" && ["hidden", "clip"].includes(style.overflowX) && box.scrollWidth > box.clientWidth + 1;
      if (isCut) wrong.push(`cut off: ${said(box)}`);
      if (drawn.width && (drawn.right > room.right + 2 || drawn.left < room.left - 2) && !scrolls(box)) {
        wrong.push(`runs ${Math.round(Math.max(drawn.right - room.right, room.left - drawn.left))} px out of its box: ${said(parent)}`);
      }
      if (drawn.width && !scrolls(parent) && (drawn.right > innerWidth + 1 || drawn.left < -1)) wrong.push(`out of the window: ${said(parent)}`);
    }
    // One language is shown where one is asked for.
    if (language === "both") continue;
    if (/\p{Script=Han}.* · [A-Za-z]/u.test(text) && !names.includes(text)) wrong.push(`both languages in one text: "${text.slice(0, 60)}"`);
    if (language === "zh" && parent.closest("[lang=en]")) wrong.push(`English is shown: "${text.slice(0, 60)}"`);
    if (language === "en" && HAN.test(text)) {
      const rest = names.reduce((left, name) => left.replaceAll(name, ""), text);
      if (HAN.test(rest) && !parent.closest(".languages, [data-verbatim]")) wrong.push(`Chinese is shown: "${text.slice(0, 60)}" in ${said(parent)}`);
    }
  }

  // Headings and landmarks.
  const seen = (selector) => [...page.querySelectorAll(selector)] // by a screen reader
    .filter((element) => element.checkVisibility({ visibilityProperty: true }));
  if (!dialog) {
    if (seen("h1").length !== 1) wrong.push(`${seen("h1").length} headings of the first level`);
    const banners = seen("header").filter((header) => !header.closest("article, aside, main, nav, section"));
    if (banners.length !== 1) wrong.push(`${banners.length} × <header> of the page`);
    if (seen("main").length !== 1) wrong.push(`${seen("main").length} × <main>`);
    let before = 0;
    for (const heading of seen("h1, h2, h3, h4, h5, h6")) {
      const level = Number(heading.tagName[1]);
      if (level > before + 1) wrong.push(`a heading of level ${level} after one of level ${before}: ${said(heading)}`);
      before = level;
    }
  }
  return [...new Set(wrong)];
}
