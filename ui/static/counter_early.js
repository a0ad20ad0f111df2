// Keys pressed between two pages. It stands in the page's head: whoever sees a page may press its keys at once, before
// the scripts that know them are there. A key that comes while this page is being left means the next one, never this.
(() => {
  "use strict";

  const LEAVING_MS = 1500; // a page that was asked for and never came gives this one back
  const OURS = /^(.|F[1-9]|F1[0-2]|Escape|Enter|Arrow(Up|Down))$/u;
  const held = [];
  let ready = false;
  let leftAt = -Infinity;

  window.addEventListener("beforeunload", () => (leftAt = performance.now()));

  document.addEventListener("keydown", (event) => {
    const leaving = performance.now() - leftAt < LEAVING_MS;
    if ((ready && !leaving) || !event.isTrusted || event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
    if (!OURS.test(event.key)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (!ready && !event.repeat) held.push(event.key);
  }, true);

  // The page's scripts are there, and the focus is where they put it.
  window.pageReady = () => {
    ready = true;
    document.body.dataset.ready = "";
    for (const key of held.splice(0)) press(document.activeElement || document.body, key);
  };

  function press(target, key) {
    const unheard = target.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
    if (!unheard) return;
    if (key === "Enter" && target.matches("a, button")) target.click();
    else if (key === "Enter") target.form?.requestSubmit();
    else if (key.startsWith("Arrow") && target.matches("input[type=radio]")) choose(target, key === "ArrowDown" ? 1 : -1);
    else if (key.length === 1 && target.matches("input:not([type=radio], [type=checkbox]), textarea"))
      target.setRangeText(key, target.selectionStart, target.selectionEnd, "end");
  }

  function choose(radio, by) {
    const all = [...document.getElementsByName(radio.name)];
    const next = all[(all.indexOf(radio) + by + all.length) % all.length];
    next.checked = true;
    next.focus();
  }
})();
