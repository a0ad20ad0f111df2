// The message desk's own part: what changes by itself, ticks, keys, and a word when what stands there may be old.
(() => {
  "use strict";

  const SILENCE_MS = 25000; // two and a half heartbeats
  const GRACE_MS = 1500;
  const REFRESH_MS = 2000;

  const page = document.body.dataset.page;
  const part = document.getElementById("part");
  const outcome = document.getElementById("outcome");
  const spoken = document.getElementById("spoken");
  const away = document.getElementById("away");
  const refreshed = document.querySelector("[data-refresh]");
  const ticks = () => [...document.querySelectorAll(".tick")];

  // ---- The part that changes by itself, and what is asked for anew when it did

  let turn = Promise.resolve();
  let stale = false;
  let refreshedAt = 0;

  part?.addEventListener("part", (event) => {
    if (page === "trouble") {
      if (document.querySelector("[data-passes]")) setTimeout(() => location.reload(), 500);
      return;
    }
    const html = event.detail.data;
    if (part.childElementCount && refreshed) stale = true;
    turn = turn.then(() => morph(part, html)).catch(() => location.reload());
  });

  async function morph(target, html) {
    const focused = target.contains(document.activeElement) ? document.activeElement : null;
    await htmx.swap({ text: html, target, sourceElement: target, swap: "innerMorph" });
    if (focused && document.activeElement !== focused && focused.id) {
      document.getElementById(focused.id)?.focus({ preventScroll: true });
    }
  }

  async function refresh() {
    stale = false;
    refreshedAt = Date.now();
    const answer = await fetch(refreshed.dataset.refresh, { headers: { "HX-Request": "true" } });
    if (!answer.ok) return void (stale = true);
    const html = await answer.text();
    if (ticks().some((tick) => tick.checked)) return void (stale = true); // nobody's choice is taken from under the hand
    turn = turn.then(() => morph(refreshed, html)).then(count);
  }

  if (refreshed) {
    setInterval(() => {
      const free = !ticks().some((tick) => tick.checked);
      if (stale && connected && free && Date.now() - refreshedAt > REFRESH_MS) refresh().catch(() => (stale = true));
    }, 500);
  }

  // ---- Ticks

  function count() {
    const ticked = ticks().filter((tick) => tick.checked).length;
    const told = document.getElementById("ticked");
    if (told) told.textContent = ticked;
    const all = document.getElementById("tick-all");
    if (all) {
      all.checked = ticked > 0 && ticked === ticks().length;
      all.indeterminate = ticked > 0 && !all.checked;
    }
  }

  document.addEventListener("change", (event) => {
    if (event.target.id === "tick-all") ticks().forEach((tick) => (tick.checked = event.target.checked));
    if (event.target.matches("#tick-all, .tick")) {
      const scope = document.querySelector('[name="scope"][value="ticked"]');
      if (scope) scope.checked = true;
      count();
    }
  });

  // ---- Keys, presses and forms

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
    const typing = event.target.closest("input, select, textarea, .sent");
    if (typing && event.key.startsWith("Arrow")) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") return step(event);
    const acts = document.querySelectorAll(`[data-key="${CSS.escape(event.key)}"]`);
    if (!acts.length) return;
    event.preventDefault();
    acts[acts.length - 1].click();
  });

  function step(event) {
    const all = [...document.querySelectorAll("a.open")];
    if (!all.length) return;
    event.preventDefault();
    const at = all.indexOf(document.activeElement);
    all[at < 0 ? 0 : Math.max(0, Math.min(all.length - 1, at + (event.key === "ArrowDown" ? 1 : -1)))].focus();
  }

  let opener = null;

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-dismiss]")) {
      outcome.replaceChildren();
      (document.getElementById(opener) || document.querySelector("a.open"))?.focus();
      return;
    }
    const copy = event.target.closest("[data-copy]");
    if (copy) {
      const text = JSON.parse(copy.dataset.copy);
      const told = (done) => say(done ? spoken.dataset.copied : spoken.dataset.uncopied, copy);
      Promise.resolve(navigator.clipboard?.writeText(text) ?? Promise.reject()).then(() => told(true), () => told(false));
    }
    const pressed = event.target.closest("button, a");
    if (pressed?.id && !outcome?.contains(pressed)) opener = pressed.id;
  });

  function say(text, beside) {
    spoken.textContent = text;
    beside.querySelector("span").textContent = text;
  }

  // The policy forbids forms that leave the page by themselves; an address has only what was given.
  document.addEventListener("submit", (event) => {
    const form = event.target.closest("[data-filter]");
    if (!form) return;
    event.preventDefault();
    const given = [...new FormData(form)].filter(([, text]) => text);
    location.assign(`${form.dataset.filter}?${new URLSearchParams(given)}`);
  });

  // ---- What came of it

  document.addEventListener("htmx:before:request", () => {
    document.querySelectorAll('[aria-invalid="true"]').forEach((field) => field.removeAttribute("aria-invalid"));
  });

  // Not the end of any swap: the part that changes by itself swaps too, and must take no focus.
  if (outcome) new MutationObserver(came).observe(outcome, { childList: true });

  function came() {
    if (!outcome.firstElementChild) return;
    const wrong = [...outcome.querySelectorAll("[data-problem]")]
      .map((told) => document.getElementById(`f-${told.dataset.problem}`))
      .filter(Boolean);
    wrong.forEach((field) => field.setAttribute("aria-invalid", "true"));
    if (wrong.length) return wrong[0].focus();
    if (outcome.querySelector("[data-done]")) {
      ticks().forEach((tick) => (tick.checked = false));
      count();
      const number = document.getElementById("f-personal_id");
      if (number) number.value = "";
      stale = Boolean(refreshed);
      refreshedAt = 0;
    }
    outcome.querySelector("[data-focus]")?.focus();
    outcome.firstElementChild.scrollIntoView({ block: "nearest" });
  }

  document.addEventListener("htmx:error", (event) => {
    if (event.target === part) return;
    outcome?.replaceChildren(Object.assign(document.createElement("p"), { className: "line care", textContent: spoken.dataset.unsent }));
  });

  // ---- Whether what stands there is true

  let connected = false;
  let bridge = true;
  let lostAt = Date.now();
  let heardAt = Date.now();

  function lost() {
    if (connected) lostAt = Date.now();
    connected = false;
    bridge = true;
  }

  function tell() {
    const words = away.querySelector("span");
    const text = bridge ? words.dataset.server : words.dataset.bridge;
    if (words.textContent !== text) words.textContent = text;
    away.hidden = false;
  }

  document.addEventListener("htmx:sse:before:message", (event) => {
    heardAt = Date.now();
    connected = event.detail.message.event !== "trouble";
    bridge = connected;
    if (connected) away.hidden = true;
    else tell();
  });
  for (const name of ["htmx:sse:error", "htmx:sse:close", "htmx:sse:before:connection"]) document.addEventListener(name, lost);

  if (part) {
    setInterval(() => {
      if (Date.now() - heardAt > SILENCE_MS) lost();
      if (!connected && Date.now() - lostAt > GRACE_MS) tell();
    }, 500);
  }

  // ---- Where to begin

  if (page === "list") document.querySelector("a.open")?.focus({ preventScroll: true });
})();
