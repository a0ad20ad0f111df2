// Accounts, machines, requests: what came of a press takes the focus, a link is chosen whole, a typed code goes as an
// address, a person's copy is printed.
(() => {
  "use strict";

  const content = document.getElementById("content");

  if (content) new MutationObserver(came).observe(content, { childList: true });

  function came() {
    const wrong = content.querySelector('#add [aria-invalid="true"]');
    (wrong || content.querySelector("[data-came]"))?.focus();
    content.querySelector("[data-came]")?.scrollIntoView({ block: "nearest" });
  }

  document.addEventListener("focusin", (event) => {
    if (event.target.matches("[data-whole]")) event.target.select();
  });

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-print]")) print();
  });

  // The policy forbids forms that leave the page by themselves.
  document.addEventListener("submit", (event) => {
    const form = event.target.closest("[data-go]");
    if (!form) return;
    event.preventDefault();
    location.assign(`${form.dataset.go}?${new URLSearchParams(new FormData(form))}`);
  });

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || !/^F\d/.test(event.key)) return;
    const act = document.querySelector(`[data-key="${event.key}"]`);
    if (!act) return;
    event.preventDefault();
    act.click();
  });
})();
