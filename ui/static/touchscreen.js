// The page's own part: puts each screen that the server sends on the stage, keeps the digits being typed, and covers
// the page while the server is away. Events are caught on the document, so that a new screen loses none of them.
(() => {
  "use strict";

  const GRACE_MS = 1500; // a short gap (a restart of the stream) is not shown
  const SILENCE_MS = 25000; // two and a half heartbeats
  const PROBE_MS = 1000;
  const TOUCHED_EVERY_MS = 5000;
  const FRESH_MS = 400; // the second tap of a double tap meets nothing

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
    showList(screen);
    window.fit?.screen();
    const warning = stage.querySelector("[data-screen-warning]");
    speak(screen, warning);
    const now = `${screen.id} ${screen.lang} ${warning ? "warning" : ""}`;
    if (now === shown) return;
    if (shown) holdOff();
    shown = now;
    document.dispatchEvent(new CustomEvent("screen:new"));
    const heading = (warning || screen).querySelector("[data-heading]");
    if (!heading) return;
    heading.focus({ preventScroll: true });
    spoken.lang = heading.querySelector("[lang]")?.lang || screen.lang;
    spoken.textContent = heading.textContent;
  }

  let freshUntil = 0;

  function holdOff() {
    stage.dataset.fresh = "";
    clearTimeout(freshUntil);
    freshUntil = setTimeout(() => delete stage.dataset.fresh, FRESH_MS);
  }

  // ---- The list of languages: laid over the screen by the page alone, gone with the screen

  let listed = "";

  function showList(screen) {
    const list = stage.querySelector("[data-list]");
    if (list) list.hidden = listed !== screen.id;
    screen.inert = Boolean(stage.querySelector("[data-screen-warning]")) || Boolean(list && !list.hidden);
  }

  function toggleList(open) {
    const screen = stage.querySelector("[data-screen]");
    if (!screen) return;
    listed = open ? screen.id : "";
    showList(screen);
    window.fit?.screen();
    holdOff();
    stillHere();
    document.dispatchEvent(new CustomEvent("screen:new"));
  }

  // ---- Voice: each screen says itself once, louder by day than by night

  const COUNTED = /^voice\.(digit|letter|number)\./;

  let said = "";
  let saidOn = "";
  let saidClips = [];

  // On a screen that has said itself only what is new is said, and behind it: a number begun again confuses. A number
  // that has changed is said whole.
  function news(clips) {
    let from = 0;
    while (from < clips.length && clips[from] === saidClips[from]) from += 1;
    let to = clips.length;
    let old = saidClips.length;
    while (to > from && old > from && clips[to - 1] === saidClips[old - 1]) {
      to -= 1;
      old -= 1;
    }
    const fresh = clips.slice(from, to);
    return fresh.some((clip) => COUNTED.test(clip)) ? null : fresh;
  }

  function speak(screen, warning) {
    const voice = window.speech;
    if (!voice || document.body.dataset.voice === "off") return;
    if (!("headset" in document.documentElement.dataset)) {
      voice.muted = screen.dataset.voice === "off";
      voice.volume = volumeNow();
    }
    const on = `${screen.id} ${screen.lang} ${warning ? "warning" : ""}`;
    const now = `${on} ${screen.dataset.speech}`;
    if (now === said) return;
    const clips = screen.dataset.speech.split(" ").filter(Boolean);
    const more = on === saidOn ? news(clips) : null;
    said = now;
    saidOn = on;
    saidClips = clips;
    const told = more ?? clips;
    if (told.length) voice.say(screen.lang, told, { interrupt: more === null });
  }

  // In per cent, by the site's own time of day: the machine's zone may be another.
  function volumeNow() {
    const { volume, quietVolume, quietFrom, quietTo, utcOffset } = document.body.dataset;
    const site = new Date(Date.now() + Number(utcOffset) * 60000).toISOString().slice(11, 16);
    const over = quietFrom > quietTo;
    const quiet = over ? site >= quietFrom || site < quietTo : site >= quietFrom && site < quietTo;
    return Number(quiet ? quietVolume : volume);
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
    else if (event.target.closest("[data-open]")) toggleList(true);
    else if (event.target.closest("[data-close], [data-list] [data-action]")) toggleList(false);
    else if (event.target.closest("[data-turn]")) stillHere();
    else if (event.target.closest("[data-screen-warning]") && !event.target.closest("button")) act("touched", "");
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
      said = "";
      saidOn = "";
      saidClips = [];
      digits = "";
      spoken.textContent = "";
      window.speech?.stop();
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
