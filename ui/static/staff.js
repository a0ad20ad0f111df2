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

  // Whether something was typed or chosen there that is in no record yet.
  window.typed = (root) => [...root.querySelectorAll("input, select, textarea")].some((one) =>
    ["hidden", "submit", "password"].includes(one.type) ? false
    : one.type === "checkbox" || one.type === "radio" ? one.checked !== one.defaultChecked
    : one.tagName === "SELECT" ? [...one.options].some((option) => option.selected !== option.defaultSelected) && one.selectedIndex > 0
    : one.value !== one.defaultValue,
  );

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
  const nav = document.querySelector(".top .acts");
  let kept = null; // the page under the lock

  // ---- That somebody is there: keys and touches, never what the page does by itself

  const every = Math.min(15000, idle / 4);
  let toldAt = Date.now();
  let due = Date.now() + idle;
  let later = null;

  function acted(event) {
    if (!event.isTrusted || later || kept) return;
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
    if (kept) return event.stopImmediatePropagation(); // typing the PIN is no act of the page
    if (event.code !== "KeyL" || !event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || event.repeat) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    lock();
  }, { capture: true });

  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-lock]")) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    lock();
  }, { capture: true });

  let locking = false;
  let focused = null; // what had the focus: hidden it loses it

  function hide() {
    if (!main.hidden) focused = document.activeElement;
    main.hidden = true;
  }

  function lock() {
    hide();
    locking = true;
    press("/lock").then(look, () => setTimeout(lock, 1000)); // whoever walked away does not see that it failed
  }

  // ---- To the lock screen, also while the server is away: what stands on the page goes first

  let looking = false;
  let lookedAt = 0;

  async function look() {
    if (looking) return;
    looking = true;
    lookedAt = Date.now();
    try {
      const answer = await fetch("/session", { cache: "no-store" });
      if (!answer.ok) return;
      const told = await answer.json();
      if (told.state === "open") {
        due = Date.now() + told.lock_seconds * 1000;
        if (kept) uncover();
        main.hidden = locking;
        return;
      }
      if (told.state === "locked" && (kept || typed(main))) return await cover();
      kept = null;
      main.replaceChildren();
      const back = encodeURIComponent(location.pathname + location.search);
      location.replace(`${told.state === "locked" ? "/lock" : "/sign-in"}?back=${back}`);
    } catch {
      // asked again below
    } finally {
      looking = false;
    }
  }

  // ---- What was typed outlasts a lock: the page is kept in this script's memory alone, out of the document, and the
  // PIN asked for in its place. The session that locked opens it again; where that is over, or another person signs in,
  // the page is left and nothing of it is anywhere.

  async function cover() {
    if (!kept) {
      hide();
      kept = { focus: focused, page: body.dataset.page, title: document.title, main: taken(main), nav: taken(nav) };
      body.dataset.page = "lock";
    }
    if (main.firstElementChild) return;
    const answer = await fetch("/lock", { headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (!answer.ok || page.body.dataset.page !== "lock") return; // looked at again
    document.title = page.title;
    main.append(...page.querySelector("main").childNodes);
    main.hidden = locking = false;
    main.querySelector("[name=secret]").focus();
  }

  function uncover() {
    const { focus, page, title } = kept;
    main.replaceChildren(kept.main);
    nav.replaceChildren(kept.nav);
    kept = null;
    body.dataset.page = page;
    document.title = title;
    main.hidden = locking = false;
    focus?.focus();
    for (const one of main.querySelectorAll("[hx-sse\\:connect]"))
      if (!one._htmx?.sse) htmx.ajax("GET", one.getAttribute("hx-sse:connect"), { source: one, timeout: 5000 });
  }

  function taken(from) {
    const all = document.createDocumentFragment();
    all.append(...from.childNodes);
    return all;
  }

  document.addEventListener("submit", async (event) => {
    if (!kept || !event.target.matches('[hx-post="/unlock"]')) return;
    event.preventDefault();
    const field = event.target.elements.secret;
    const told = main.querySelector("#told");
    try {
      const answer = await press("/unlock", { secret: field.value });
      const elsewhere = answer.headers.get("HX-Redirect");
      if (answer.ok) return look();
      if (elsewhere) return location.replace(elsewhere);
      told.replaceChildren(...new DOMParser().parseFromString(await answer.text(), "text/html").body.childNodes);
    } catch {
      document.getElementById("away").hidden = false;
    }
    field.select();
  }, { capture: true });

  document.addEventListener("click", (event) => {
    if (!kept || !event.target.closest('[hx-post="/sign-out"]')) return;
    press("/sign-out").then(() => location.replace("/sign-in"), () => {});
  }, { capture: true });

  setInterval(() => {
    if (kept) return Date.now() - lookedAt > 5000 ? look() : null;
    if (Date.now() < due) return;
    hide();
    look();
  }, 500);
  document.addEventListener("visibilitychange", () => document.hidden || look());
  document.addEventListener("htmx:sse:before:message", (event) => event.detail.message.event === "over" && look());
  document.addEventListener("htmx:sse:error", look);
})();
