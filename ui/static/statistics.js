// Printing: every table open on paper, as it was on the screen again afterwards.
(() => {
  "use strict";
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details:not([open])")];
    for (const one of closed) one.open = true;
  });
  addEventListener("afterprint", () => {
    for (const one of closed) one.open = false;
  });
  document.querySelector("[data-print]")?.addEventListener("click", () => print());
})();
