// What all the staff's pages share: the language, that somebody is there, and the way to the lock screen.
(() => {
  "use strict";

  const body = document.body;
  const token = body.dataset.csrf || "";
  const idle = Number(body.dataset.lockSeconds || 0) * 1000;

  window.press = (address, values = {}, more = {}) =>
    fetch(address, {
      method: "POST",
      headers: { "HX-Request": "true", "X-CSRF-Token": token, ...more },
      body: new URLSearchParams(values),
    });

  document.addEventListener("click", (event) => {
    const language = event.target.closest("[data-language]");
    if (!language) return;
    event.stopImmediatePropagation();
    press("/language", { language: language.dataset.language }).then(() => location.reload());
  });

  // A code may come behind the address's #, which no server sees.
  const code = document.querySelector("[data-code]");
  if (code && location.hash.length > 1) {
    code.value = decodeURIComponent(location.hash.slice(1));
    history.replaceState(null, "", location.pathname);
  }

  // A page that the browser kept may be another person's by now.
  window.addEventListener("pageshow", (event) => event.persisted && location.reload());
  if (!idle) return;

  const main = document.querySelector("main");

  // ---- That somebody is there: keys and touches, never what the page does by itself

  const every = Math.min(15000, idle / 4);
  let toldAt = Date.now();
  let due = Date.now() + idle;
  let later = null;

  function acted(event) {
    if (!event.isTrusted || later) return;
    later = setTimeout(tell, Math.max(0, toldAt + every - Date.now()));
  }

  function tell() {
    later = null;
    toldAt = Date.now();
    press("/awake").then(look, () => {});
  }

  for (const name of ["keydown", "pointerdown", "wheel"]) document.addEventListener(name, acted, { passive: true, capture: true });

  // ---- The key that locks, whatever has the focus. By its place: what Alt makes of the letter differs.

  document.addEventListener("keydown", (event) => {
    if (event.code !== "KeyL" || !event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || event.repeat) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    lock();
  }, { capture: true });

  let locking = false;

  function lock() {
    main.hidden = locking = true;
    press("/lock").then(look, () => setTimeout(lock, 1000)); // whoever walked away does not see that it failed
  }

  // ---- To the lock screen, also while the server is away: what stands on the page goes first

  let looking = false;

  async function look() {
    if (looking) return;
    looking = true;
    try {
      const answer = await fetch("/session", { cache: "no-store" });
      if (!answer.ok) return;
      const told = await answer.json();
      if (told.state === "open") {
        due = Date.now() + told.lock_seconds * 1000;
        main.hidden = locking;
        return;
      }
      main.replaceChildren();
      const back = encodeURIComponent(location.pathname + location.search);
      location.replace(`${told.state === "locked" ? "/lock" : "/sign-in"}?back=${back}`);
    } catch {
      // asked again below
    } finally {
      looking = false;
    }
  }

  setInterval(() => {
    if (Date.now() < due) return;
    main.hidden = true;
    look();
  }, 500);
  document.addEventListener("visibilitychange", () => document.hidden || look());
  document.addEventListener("htmx:sse:before:message", (event) => event.detail.message.event === "over" && look());
  document.addEventListener("htmx:sse:error", look);
})();
