// The page's own part: puts each screen that the server sends on the stage, keeps the digits being typed, and covers
// the page while the server is away. Events are caught on the document, so that a new screen loses none of them.
(() => {
  "use strict";

  const GRACE_MS = 1500; // a short gap (a restart of the stream) is not shown
  const SILENCE_MS = 25000; // two and a half heartbeats
  const PROBE_MS = 1000;
  const TOUCHED_EVERY_MS = 5000;

  const stage = document.getElementById("stage");
  const spoken = document.getElementById("spoken");
  const away = document.getElementById("away");

  // ---- Screens

  let turn = Promise.resolve();
  let shown = "";

  stage.addEventListener("screen", (event) => {
    turn = turn.then(() => show(event.detail.data)).catch(() => location.reload());
  });

  async function show(html) {
    await htmx.swap({ text: html, target: stage, sourceElement: stage, swap: "innerMorph" });
    settle();
  }

  function settle() {
    const screen = stage.querySelector("[data-screen]");
    if (!screen) return;
    if (screen.dataset.build !== document.body.dataset.build) {
      location.reload();
      return;
    }
    document.documentElement.lang = screen.lang;
    showDigits();
    const warning = stage.querySelector("[data-screen-warning]");
    const now = `${screen.id} ${screen.lang} ${warning ? "warning" : ""}`;
    if (now === shown) return;
    shown = now;
    const heading = (warning || screen).querySelector("[data-heading]");
    if (!heading) return;
    heading.focus({ preventScroll: true });
    spoken.lang = screen.lang;
    spoken.textContent = heading.textContent;
  }

  // ---- Digits: kept here for one screen only, sent once, never in an address

  let digits = "";
  let digitsOf = "";
  let lastTouched = 0;

  function keypad() {
    return stage.querySelector("[data-keypad]");
  }

  function showDigits() {
    const typed = keypad();
    const ok = stage.querySelector('[data-action="digits"]');
    if (!typed || !ok) {
      digits = "";
      digitsOf = "";
      return;
    }
    if (digitsOf !== ok.dataset.token) {
      digits = "";
      digitsOf = ok.dataset.token;
    }
    typed.querySelectorAll("[data-slot]").forEach((slot, place) => {
      slot.textContent = digits[place] || "";
      slot.classList.toggle("filled", place < digits.length);
    });
    ok.setAttribute("aria-disabled", String(digits.length !== Number(typed.dataset.length)));
  }

  function press(button) {
    const typed = keypad();
    if (!typed) return;
    const length = Number(typed.dataset.length);
    if (button.dataset.digit !== undefined) {
      if (digits.length < length) digits += button.dataset.digit;
    } else if (button.dataset.action === "delete") {
      digits = digits.slice(0, -1);
    } else if (digits.length === length) {
      const value = digits;
      digits = "";
      act("digits", value, button.dataset.token);
    }
    showDigits();
    stillHere();
  }

  function stillHere() {
    if (Date.now() - lastTouched < TOUCHED_EVERY_MS) return;
    lastTouched = Date.now();
    act("touched", "");
  }

  function act(action, value, token) {
    const values = token ? { action, value, token } : { action, value };
    htmx.ajax("POST", "/touchscreen/act", { source: document.body, values, swap: "none" });
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest('[data-digit], [data-action="delete"], [data-action="digits"]');
    if (button) press(button);
  });
  document.addEventListener("contextmenu", (event) => event.preventDefault());
  document.addEventListener("dragstart", (event) => event.preventDefault());

  // ---- The server away: a calm cover, nothing personal left under it, and back by itself

  let connected = false;
  let lostAt = Date.now();
  let heardAt = Date.now();

  function lost() {
    if (connected) lostAt = Date.now();
    connected = false;
  }

  document.addEventListener("htmx:sse:after:connection", () => {
    connected = true;
    heardAt = Date.now();
  });
  document.addEventListener("htmx:sse:before:message", () => {
    connected = true;
    heardAt = Date.now();
    away.hidden = true;
  });
  document.addEventListener("htmx:sse:error", lost);
  document.addEventListener("htmx:sse:close", lost);
  document.addEventListener("htmx:sse:before:connection", lost);

  let probing = false;

  async function watch() {
    const silent = Date.now() - heardAt > SILENCE_MS;
    if (silent) lost();
    if (connected || Date.now() - lostAt < GRACE_MS || probing) return;
    if (away.hidden) {
      away.hidden = false;
      stage.replaceChildren();
      shown = "";
      digits = "";
    }
    // The stream comes back by itself; where it does not (it never began, or it hangs), the page begins anew.
    if (Date.now() - lostAt < 3 * GRACE_MS) return;
    probing = true;
    try {
      const answer = await fetch("/health", { cache: "no-store", signal: AbortSignal.timeout(3000) });
      if (answer.ok && !connected) location.reload();
    } catch {
      // still away
    } finally {
      probing = false;
    }
  }

  setInterval(watch, PROBE_MS);
  settle();
})();
