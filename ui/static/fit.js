// Lets the words be as large as the screen allows, and turns the pages of what does not fit on one.
// `window.fit.screen()` after each new screen; nothing is remembered beyond it.
(() => {
  "use strict";

  const LARGER = 1.5; // what "larger letters" asks for
  const LEAST = 0.72; // a text of a language we did not foresee is shrunk rather than cut
  const STEP = 0.04;

  const root = document.documentElement;
  const stage = document.getElementById("stage");
  let page = 0; // of the choices or the long text on this screen
  let pageOf = "";
  let fewest = 0; // choices on a page: larger letters are not paid for with a further touch

  function millimetre() {
    const probe = document.createElement("i");
    probe.style.cssText = "position:absolute;visibility:hidden;width:calc(100 * var(--mm))";
    document.body.append(probe);
    const width = probe.getBoundingClientRect().width / 100;
    probe.remove();
    return width;
  }

  // Letters grow with the distance; on a large panel everything has grown already.
  function wanted(screen) {
    const style = getComputedStyle(root);
    const panel = parseFloat(style.getPropertyValue("--panel-mm")) || 6.65;
    const far = parseFloat(style.getPropertyValue("--far")) || 1;
    const distance = Math.max(1, (far * panel) / millimetre());
    return distance * (screen.dataset.size === "large" ? LARGER : 1);
  }

  const FRAME = ".button, .card, .line, .stub, .take-card, .person, .main > *, .rail > *";

  // Whether letters leave what they stand in, or a button its side of the screen. The line box of a font is taller than
  // its letters: what counts is what can be seen of them.
  function overflows(shown) {
    if (choicesShown(shown) < fewest) return true;
    for (const button of shown.querySelectorAll(".button:not([hidden])")) {
      const area = button.closest(".card, .choices, .main, .rail");
      const box = button.getBoundingClientRect();
      if (area && box.width > 0 && outside(box, area.getBoundingClientRect(), 1.5)) return true;
    }
    const area = (side) => side.getBoundingClientRect();
    for (const part of shown.querySelectorAll(".main > *, .rail > *, .lines > *, .stub > *, .card > *")) {
      const box = part.getBoundingClientRect();
      const side = part.closest(part.parentElement.matches(".stub") ? ".stub" : ".main, .rail, .card");
      if (box.width > 0 && !part.matches(".unseen") && outside(box, area(side), 3)) return true;
    }
    const texts = document.createTreeWalker(shown, NodeFilter.SHOW_TEXT);
    const range = document.createRange();
    // Letters that grow keep their distance; those of the size they must have may use the room between the parts.
    const grown = Number(root.style.getPropertyValue("--letters")) > 1;
    const gap = grown ? 0 : 1.3 * millimetre();
    const edge = grown ? -0.5 * millimetre() : 1;
    while (texts.nextNode()) {
      const node = texts.currentNode;
      const element = node.parentElement;
      if (!node.nodeValue.trim() || element.closest(".unseen, svg, .top, [data-scroll], .number, [hidden]")) continue;
      const within = element.closest(FRAME);
      if (!within) continue;
      const frame = within.getBoundingClientRect();
      const slack = within.matches(".main > :not(.line)") ? gap : within.matches(".button") ? edge : 1;
      const hides = element.closest(".name, .stub-words");
      if (hides) {
        if (grown && hides.scrollWidth > hides.clientWidth + 1) return true;
        continue;
      }
      const half = parseFloat(getComputedStyle(element).fontSize) * 0.5;
      const own = blockOf(element).getBoundingClientRect(); // a word wider than this would be broken
      range.selectNodeContents(node);
      for (const rect of range.getClientRects()) {
        const middle = (rect.top + rect.bottom) / 2;
        const seen = { left: rect.left, right: rect.right, top: middle - half, bottom: middle + half };
        if (rect.width > 0.5 && (outside(seen, frame, slack) || rect.right > own.right + 1)) return true;
      }
    }
    return false;
  }

  function blockOf(element) {
    let block = element;
    while (getComputedStyle(block).display === "inline") block = block.parentElement;
    return block;
  }

  function outside(box, frame, slack) {
    return (
      box.left < frame.left - slack || box.right > frame.right + slack ||
      box.top < frame.top - slack || box.bottom > frame.bottom + slack
    );
  }

  function letters(scale) {
    root.style.setProperty("--letters", scale.toFixed(2));
  }

  function choicesShown(shown) {
    return shown.querySelectorAll("[data-pages] > :not([hidden])").length;
  }

  function size(shown) {
    const most = wanted(shown);
    root.toggleAttribute("data-grown", most > 1.1);
    fewest = 0;
    if (most > 1 && shown.querySelector("[data-pages]")) {
      letters(1);
      lay(shown);
      fewest = choicesShown(shown);
    }
    letters(most);
    lay(shown);
    if (!overflows(shown)) return;
    let scale = most;
    if (most > 1) {
      // The greatest that fits, by halves; few layouts, since each is seen by who waits.
      let low = 1;
      letters(1);
      lay(shown);
      if (!overflows(shown)) {
        let high = most;
        while (high - low > STEP) {
          const middle = (low + high) / 2;
          letters(middle);
          lay(shown);
          if (overflows(shown)) high = middle;
          else low = middle;
        }
        letters(low);
        lay(shown);
        return;
      }
      scale = 1;
    }
    while (scale > LEAST && overflows(shown)) {
      scale -= STEP;
      letters(scale);
      lay(shown);
    }
  }

  // ---- Pages

  function lay(screen) {
    const turn = screen.querySelector("[data-turn]");
    const choices = screen.querySelector("[data-pages]");
    if (choices) layChoices(choices, turn);
    const text = screen.querySelector("[data-scroll]");
    if (text) layText(text, turn);
  }

  function layChoices(choices, turn) {
    const all = [...choices.children];
    for (const one of all) one.hidden = false;
    if (turn) turn.hidden = true;
    const style = getComputedStyle(choices);
    const columns = style.gridTemplateColumns.split(" ").length;
    const gap = parseFloat(style.rowGap) || 0;
    const row = Math.max(...all.map((one) => Math.max(parseFloat(getComputedStyle(one).minHeight), wants(one))));
    const room = () => columns * Math.max(1, Math.floor((choices.clientHeight + gap + 1) / (row + gap)));
    if (!turn || all.length <= room()) return;
    turn.hidden = false; // takes room of its own on an upright panel
    const fits = room();
    const pages = Math.ceil(all.length / fits);
    page %= pages;
    all.forEach((one, place) => {
      one.hidden = Math.floor(place / fits) !== page;
    });
  }

  // How high a button must be for its words.
  function wants(button) {
    const style = getComputedStyle(button);
    const inside = [...button.children].map((child) => child.getBoundingClientRect().height);
    return Math.max(0, ...inside) + parseFloat(style.paddingTop) + parseFloat(style.paddingBottom);
  }

  function layText(text, turn) {
    const line = parseFloat(getComputedStyle(text).lineHeight);
    text.style.removeProperty("max-height");
    if (turn) turn.hidden = true;
    const room = () => Math.max(1, Math.floor(text.clientHeight / line + 0.02));
    const total = Math.round(text.scrollHeight / line);
    if (turn) turn.hidden = total <= room();
    const lines = room();
    text.style.maxHeight = `${lines * line}px`;
    const pages = Math.max(1, Math.ceil(total / lines));
    page %= pages;
    text.scrollTop = Math.min(page * lines, Math.max(0, total - lines)) * line;
  }

  function screen() {
    const shown = stage.querySelector("[data-screen]");
    if (!shown) return;
    if (pageOf !== shown.id) {
      pageOf = shown.id;
      page = 0;
    }
    const cover = stage.querySelector("[data-screen-warning]");
    root.dataset.fitting = ""; // no word is broken to make it fit
    size(cover || stage.querySelector("[data-list]:not([hidden])") || shown);
    delete root.dataset.fitting;
  }

  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-turn]")) return;
    page += 1;
    screen();
  });
  window.addEventListener("resize", screen);
  if (document.fonts) document.fonts.ready.then(screen);
  window.fit = { screen };
})();
