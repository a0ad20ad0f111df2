// What is wrong with the screen that stands there, as a list of sentences; an empty list is a good screen.
// Numbers: EN 301 549 5.1.4 and Duff et al. 2010 by way of reference/kiosk.md 2.1, in millimetres of the panel.
(mm) => {
  const wrong = [];
  const letters = Number(document.documentElement.style.getPropertyValue("--letters"));
  if (letters < 1) wrong.push(`letters shrunk to ${letters}`);
  delete document.getElementById("stage").dataset.fresh; // a moment later every button can be pressed
  const cover = document.querySelector("[data-screen-warning]");
  const root = cover || document.querySelector("[data-list]:not([hidden])") || document.querySelector("[data-screen]");
  const name = (element) => `${element.tagName.toLowerCase()}.${element.className} "${element.textContent.trim().slice(0, 30)}"`;

  const languages = '[data-action="language"], [data-open="languages"]';
  if (!cover && !root.matches("[data-list]") && ![...root.querySelectorAll(languages)].some((one) => one.offsetWidth)) {
    wrong.push("no other language in sight");
  }

  const page = document.documentElement;
  if (page.scrollWidth > page.clientWidth || page.scrollHeight > page.clientHeight) wrong.push("the page scrolls");

  const shownElements = [...root.querySelectorAll("*")].filter((element) => {
    if (element.closest("svg, .unseen")) return false;
    const style = getComputedStyle(element);
    return style.visibility !== "hidden" && style.display !== "none" && element.getClientRects().length > 0;
  });

  // Text: inside the screen, inside its button, not on top of other text, big enough, with enough contrast.
  const channel = (value) => (value /= 255) <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const luminance = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const colour = (text) => (text.match(/[\d.]+/g) || []).map(Number);
  const background = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const found = colour(getComputedStyle(at).backgroundColor);
      if (found.length === 3 || found[3] === 1) return found;
    }
    return [255, 255, 255];
  };
  // A word stands on one line. What a site or a hospital sends may be one word longer than any line; Khmer and others
  // that are written without spaces may break anywhere.
  const broken = (node, range, size) => {
    for (const found of node.nodeValue.matchAll(/[\p{Script=Latin}\p{M}\p{N}'’]{2,24}/gu)) {
      range.setStart(node, found.index);
      range.setEnd(node, found.index + found[0].length);
      const tops = [...range.getClientRects()].filter((rect) => rect.width > 0.5).map((rect) => rect.top);
      if (tops.length && Math.max(...tops) - Math.min(...tops) > size * 0.6) return true;
    }
    return false;
  };
  const texts = [];
  for (const element of shownElements) {
    for (const node of element.childNodes) {
      if (node.nodeType !== Node.TEXT_NODE || !node.nodeValue.trim()) continue;
      const range = document.createRange();
      range.selectNodeContents(node);
      const style = getComputedStyle(element);
      const size = parseFloat(style.fontSize);
      // What is turned over in pages is clipped on purpose.
      const clip = element.closest("[data-scroll]")?.getBoundingClientRect();
      const clipped = (rect) => clip && (rect.bottom < clip.top + 4 || rect.top > clip.bottom - 4);
      const rects = [...range.getClientRects()].filter((rect) => rect.width > 0.5 && !clipped(rect));
      // The line box of a font is taller than its letters; 1.0 em around the middle is what can be seen of them.
      const seen = rects.map((rect) => {
        const middle = (rect.top + rect.bottom) / 2;
        return { left: rect.left, right: rect.right, top: middle - size * 0.5, bottom: middle + size * 0.5 };
      });
      const hidden = [element, element.parentElement].find((one) => getComputedStyle(one).textOverflow === "ellipsis");
      const edge = hidden ? hidden.getBoundingClientRect().right : Infinity;
      texts.push({ element, seen: seen.map((rect) => ({ ...rect, right: Math.min(rect.right, edge) })) });
      const within = element.closest("button, .card, .line, .stub, .take-card") || element.closest(".main, .rail") || root;
      const frame = within.getBoundingClientRect();
      // What is too long on purpose ends in an ellipsis: its hidden end lies outside.
      const cut = [element, element.parentElement].some((one) => getComputedStyle(one).textOverflow === "ellipsis");
      for (const rect of seen) {
        if (cut) continue;
        if (rect.left < -0.5 || rect.top < -0.5 || rect.right > innerWidth + 0.5 || rect.bottom > innerHeight + 0.5) {
          wrong.push(`${name(element)} leaves the screen`);
        }
        if (rect.left < frame.left - 1 || rect.right > frame.right + 1 || rect.top < frame.top - 1 || rect.bottom > frame.bottom + 1) {
          wrong.push(`${name(element)} leaves ${within.className}`);
        }
      }
      if (broken(node, range, size)) wrong.push(`${name(element)}: a word is broken`);
      const caps = (size * 0.714) / mm;
      const least = element.closest("[data-heading]:not(.again, .stub-words), [data-name], [data-digit]") ? 7.2 : 4.79;
      const longName = element.closest(".name.long");
      if (caps < (longName ? 4.79 : least)) wrong.push(`${name(element)}: capitals of ${caps.toFixed(2)} mm`);
      const [one, other] = [luminance(colour(style.color)), luminance(background(element))].sort((a, b) => b - a);
      const contrast = (one + 0.05) / (other + 0.05);
      const off = element.closest("[aria-disabled=true]");
      if (!off && contrast < 7) wrong.push(`${name(element)}: contrast ${contrast.toFixed(1)}`);
    }
  }
  // A name of somebody's may end in dots, our own words never.
  for (const own of root.querySelectorAll(".stub-words:not(:has(b)), .mark")) {
    if (own.scrollWidth > own.clientWidth + 1) wrong.push(`${name(own)} is cut`);
  }
  for (const [place, one] of texts.entries()) {
    for (const other of texts.slice(place + 1)) {
      for (const a of one.seen) {
        for (const b of other.seen) {
          const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
          const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
          if (wide > 1 && high > 1) wrong.push(`${name(one.element)} lies on ${name(other.element)}`);
        }
      }
    }
  }

  // What is read in lines has room between them (stacked marks of Vietnamese and Ê Đê).
  for (const element of shownElements.filter((one) => one.matches("p, h1") && !one.matches(".number, .take-card"))) {
    const style = getComputedStyle(element);
    if (parseFloat(style.lineHeight) / parseFloat(style.fontSize) < 1.39) wrong.push(`${name(element)}: lines too close`);
  }

  // Buttons: 20 mm, whole on the screen, apart from each other, and a finger anywhere on one meets it.
  const buttons = shownElements.filter((element) => element.matches("button"));
  const boxes = buttons.map((button) => button.getBoundingClientRect());
  buttons.forEach((button, place) => {
    const box = boxes[place];
    if (box.width < 20 * mm || box.height < 20 * mm) {
      wrong.push(`${name(button)}: ${(box.width / mm).toFixed(1)} x ${(box.height / mm).toFixed(1)} mm`);
    }
    if (box.left < 0 || box.top < 0 || box.right > innerWidth || box.bottom > innerHeight) wrong.push(`${name(button)} leaves the screen`);
    for (const [x, y] of [[0.5, 0.5], [0.06, 0.5], [0.94, 0.5], [0.5, 0.06], [0.5, 0.94]]) {
      const met = document.elementFromPoint(box.left + box.width * x, box.top + box.height * y);
      if (!met || met.closest("button") !== button) wrong.push(`${name(button)} is covered`);
    }
    boxes.slice(place + 1).forEach((other) => {
      if (box.left < other.right && other.left < box.right && box.top < other.bottom && other.top < box.bottom) {
        wrong.push(`${name(button)} overlaps another button`);
      }
    });
    if (!button.textContent.trim() && !button.getAttribute("aria-label")) wrong.push("a button without words");
  });
  for (const picture of root.querySelectorAll("svg.picture")) {
    const box = picture.getBoundingClientRect();
    if (getComputedStyle(picture).display === "none") continue; // its room is given to larger letters
    if (box.width < 15 * mm || box.height < 15 * mm) wrong.push(`a picture of ${box.width.toFixed(0)} x ${box.height.toFixed(0)} px`);
  }
  return [...new Set(wrong)];
};
