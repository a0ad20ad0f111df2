// The counter's acts: one key each, done once however often it is sent, and the panels that ask something first.
(() => {
  "use strict";

  const BOUNCE_MS = 400; // a key that is pressed twice by one press
  const PAUSE_MS = 700;
  const TRIES = 3;

  const part = document.getElementById("part");
  const panel = document.getElementById("panel");
  const told = document.getElementById("told");
  const spoken = document.getElementById("spoken");
  const names = new Map(); // of acts whose answer was not heard: sent again they are the same act
  let under = ""; // the act under way, also shortly after its answer: see BOUNCE_MS
  let waiting = false; // for an answer
  let next = null; // pressed meanwhile: done after it, if it is about the same person still
  let opener = null;

  const random = () => [...crypto.getRandomValues(new Uint8Array(16))].map((one) => one.toString(16).padStart(2, "0")).join("");
  const pause = (ms) => new Promise((done) => setTimeout(done, ms));

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-act], [data-post], [data-panel]");
    if (!button) return;
    event.preventDefault();
    if (button.dataset.panel) open(button);
    else act(button);
  });

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && panel && !panel.hidden) {
      event.preventDefault();
      event.stopImmediatePropagation();
      close();
    }
  }, true);

  async function act(button) {
    const { act: kind = "", post = "/counter/act", ticket = "", queue = "", counter = "", priority = "", call = "", place = "" } = button.dataset;
    const what = [post, kind, ticket, queue, counter, priority, call, place].join(" ");
    if (what === under) return;
    if (waiting) {
      next = { id: button.id, what, ticket };
      return;
    }
    const reason = panel?.querySelector("[name=reason]");
    if ("reasoned" in button.dataset && !reason.value.trim()) {
      reason.setAttribute("aria-invalid", "true");
      reason.focus();
      tell(spoken.dataset.reason);
      return;
    }
    const name = names.get(what) || random();
    names.set(what, name);
    const page = document.body.dataset.page === "desk" ? "desk" : "ticket";
    const seen = document.querySelector("[data-seen]")?.dataset.seen || ""; // an act is meant for what stands here
    const fields = { name, seen, kind, ticket, queue, counter, priority, call, place, page, reason: reason && !panel.hidden ? reason.value : "" };
    under = what;
    waiting = true;
    document.body.dataset.busy = "";
    tell("");
    try {
      const answer = await sent(post, new URLSearchParams(fields));
      names.delete(what);
      await heard(answer, post, button);
    } catch {
      tell(spoken.dataset.lost); // what was pressed keeps its name: pressed again it is the same act
    } finally {
      waiting = false;
      setTimeout(() => rest(what), BOUNCE_MS);
      goOn();
    }
  }

  function rest(what) {
    if (under !== what || waiting) return;
    under = "";
    delete document.body.dataset.busy;
  }

  function goOn() {
    const wanted = next && document.getElementById(next.id);
    const same = wanted && (wanted.dataset.ticket || "") === next.ticket;
    next = null;
    if (same) act(wanted);
  }

  async function sent(where, body) {
    for (let count = 1; ; count++) {
      try {
        return await window.press(where, body);
      } catch (error) {
        if (count === TRIES) throw error;
        await pause(PAUSE_MS);
      }
    }
  }

  async function heard(answer, post, button) {
    if (answer.status === 401) return location.reload();
    const html = await answer.text();
    const page = new DOMParser().parseFromString(html, "text/html");
    const gone = page.querySelector("[data-go]");
    if (gone) return location.assign(gone.dataset.go);
    if (!answer.ok) {
      tell(page.body.textContent.trim());
      if (answer.status === 409) await renew();
      return;
    }
    if (page.querySelector("[data-told]")) return tell(page.body.textContent.trim());
    if (page.querySelector("[data-register]")) return fill(html, button);
    if (post === "/counter/cancel") return location.reload(); // what could be done with the visit is gone with it
    close();
    const absent = page.querySelector("[data-absent]");
    if (absent) tell(absent.textContent);
    absent?.remove();
    await window.counter.show(page.body.innerHTML);
  }

  // Refused because something else was done meanwhile: what stands here is brought up to date, stream or no stream.
  async function renew() {
    const answer = await fetch(location.href);
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("part");
    if (answer.ok && fresh && part) await window.counter.show(fresh.innerHTML);
  }

  async function open(button) {
    const { panel: kind, ticket } = button.dataset;
    tell("");
    try {
      const answer = await fetch(`/counter/panel/${kind}/${ticket}`);
      if (answer.status === 401) location.reload();
      else if (answer.ok) fill(await answer.text(), button);
      else tell(new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-trouble]")?.textContent.trim() || spoken.dataset.lost);
    } catch {
      tell(spoken.dataset.lost);
    }
  }

  function fill(html, button) {
    opener = button.id;
    panel.innerHTML = html; // our own page, with everything in it escaped
    panel.hidden = false;
    panel.scrollIntoView({ block: "nearest" });
    (panel.querySelector("[data-first]") || panel.querySelector("[tabindex]"))?.focus();
  }

  function close() {
    if (!panel || panel.hidden) return;
    panel.hidden = true;
    panel.replaceChildren();
    (document.getElementById(opener) || part).focus({ preventScroll: true });
  }

  function tell(text) {
    if (told) told.textContent = text.replace(/\s+/g, " ");
  }

  // ---- How long somebody waits

  function times() {
    for (const one of document.querySelectorAll("time[data-since]")) {
      const minutes = Math.max(0, Math.floor((Date.now() / 1000 - Number(one.dataset.since)) / 60));
      const text = minutes < 600 ? spoken.dataset.minutes.replace("{count}", minutes) : new Date(one.dataset.since * 1000).toTimeString().slice(0, 5);
      if (one.textContent !== text) one.textContent = text;
      one.classList.toggle("long", minutes >= 30 && minutes < 600);
    }
  }
  times();
  setInterval(times, 15000);

  // ---- Somebody calls for help: heard once, as soon as it stands there

  let sound = null;
  document.addEventListener("keydown", () => (sound ||= new AudioContext()), { once: true });
  const calls = new Set([...document.querySelectorAll("[data-help]")].map((one) => one.id));

  document.addEventListener("counter:shown", () => {
    times();
    const open = [...document.querySelectorAll("[data-help]")].map((one) => one.id);
    if (open.some((id) => !calls.has(id))) ring();
    calls.clear();
    open.forEach((id) => calls.add(id));
  });

  function ring() {
    document.body.dataset.rang = String(Number(document.body.dataset.rang || 0) + 1);
    if (!sound) return;
    for (const [at, pitch] of [[0, 880], [0.25, 660]]) {
      const [tone, volume] = [sound.createOscillator(), sound.createGain()];
      tone.frequency.value = pitch;
      volume.gain.value = 0.15;
      tone.connect(volume).connect(sound.destination);
      tone.start(sound.currentTime + at);
      tone.stop(sound.currentTime + at + 0.2);
    }
  }

  window.pageReady();
})();
