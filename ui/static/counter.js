// The counter's own part: keys, focus that survives every change, and a word when what stands there may be old.
(() => {
  "use strict";

  const SILENCE_MS = 25000; // two and a half heartbeats
  const GRACE_MS = 1500;

  const part = document.getElementById("part");
  const answer = document.getElementById("answer");
  const spoken = document.getElementById("spoken");
  const away = document.getElementById("away");
  const rows = () => [...document.querySelectorAll("a.open")];

  // ---- The part that changes by itself

  let turn = Promise.resolve();

  if (part) {
    part.addEventListener("part", (event) => {
      turn = turn.then(() => show(event.detail.data)).catch(() => location.reload());
    });
  }

  async function show(html) {
    const before = new Map([...part.querySelectorAll("[data-row]")].map((row) => [row.id, told(row)]));
    const focused = part.contains(document.activeElement) ? document.activeElement : null;
    const place = rows().indexOf(focused);
    await htmx.swap({ text: html, target: part, sourceElement: part, swap: "innerMorph" });
    // A row that moved may have lost the focus on its way; one that left the page gives it to the next one.
    if (focused && document.activeElement !== focused) {
      const same = focused.id && document.getElementById(focused.id);
      (same || rows()[Math.min(place, rows().length - 1)])?.focus({ preventScroll: !same });
    }
    const changed = [...part.querySelectorAll("[data-row]")].filter(
      (row) => before.has(row.id) && before.get(row.id) !== told(row),
    );
    for (const row of changed) {
      row.classList.add("changed");
      setTimeout(() => row.classList.remove("changed"), 8000);
    }
    if (changed.length) {
      spoken.textContent = changed
        .map((row) => `${spoken.dataset.changed} ${row.dataset.number}: ${told(row)}`)
        .join(". ");
    }
  }

  function told(row) {
    return row.querySelector("[data-coverage]").textContent.trim();
  }

  // ---- Keys

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
    const typing = event.target.closest("input, select, textarea");
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (typing || !rows().length) return;
      event.preventDefault();
      step(event.key === "ArrowDown" ? 1 : -1);
      return;
    }
    if (typing && event.key.startsWith("Arrow")) return;
    const acts = document.querySelectorAll(`[data-key="${CSS.escape(event.key)}"]`);
    const act = acts[acts.length - 1];
    if (!act) return;
    event.preventDefault();
    if (act.getAttribute("href") === "#ask") firstField();
    else act.click();
  });

  function step(by) {
    const all = rows();
    const at = all.indexOf(document.activeElement);
    all[at < 0 ? 0 : Math.max(0, Math.min(all.length - 1, at + by))].focus();
  }

  function firstField() {
    const form = document.getElementById("ask");
    form.scrollIntoView({ block: "start" });
    form.querySelector('[name="path"]:checked').focus({ preventScroll: true });
  }

  document.addEventListener("click", (event) => {
    const language = event.target.closest("[data-language]");
    if (language) {
      const body = new URLSearchParams({ language: language.dataset.language });
      fetch("/counter/language", { method: "POST", headers: { "HX-Request": "true" }, body }).then(() => location.reload());
      return;
    }
    if (event.target.closest('a[href="#ask"]')) {
      event.preventDefault();
      firstField();
      return;
    }
    const row = event.target.closest("[data-row]");
    if (row && !event.target.closest("a")) row.querySelector("a.open").click();
  });

  // ---- Questions and their answers

  document.addEventListener("htmx:before:request", (event) => {
    if (event.target.closest("#ask")) {
      answer.replaceChildren();
      clearProblems(document);
    } else if (event.target.closest(".paper")) {
      clearProblems(event.target.closest(".paper"));
    }
  });

  function clearProblems(root) {
    root.querySelectorAll('[aria-invalid="true"]').forEach((field) => field.removeAttribute("aria-invalid"));
  }

  document.addEventListener("htmx:after:swap", () => {
    if (!answer || !answer.firstElementChild) return;
    const problems = [...answer.querySelectorAll("[data-problem]")];
    const wrong = problems.map((told) => document.getElementById(`f-${told.dataset.problem}`)).filter(Boolean);
    wrong.forEach((field) => field.setAttribute("aria-invalid", "true"));
    wrong[0]?.closest("details")?.setAttribute("open", "");
    if (wrong.length) {
      wrong[0].focus();
      return;
    }
    const first = [...answer.querySelectorAll("[data-focus]")].pop() || answer.querySelector("[data-first]");
    if (first && !answer.contains(document.activeElement)) first.focus();
    else if (answer.querySelector("[data-taken], [data-paper], [data-trouble]")) first?.focus();
    answer.scrollIntoView({ block: "nearest" });
  });

  document.addEventListener("htmx:error", (event) => {
    if (!answer || !event.target.closest?.("#ask, #answer")) return;
    answer.replaceChildren(Object.assign(document.createElement("p"), { className: "line care", textContent: answer.dataset.unsent }));
  });

  // ---- Whether what stands there is true

  let connected = false;
  let lostAt = Date.now();
  let heardAt = Date.now();

  function lost() {
    if (connected) lostAt = Date.now();
    connected = false;
  }

  document.addEventListener("htmx:sse:before:message", (event) => {
    heardAt = Date.now();
    connected = event.detail.message.event !== "trouble";
    if (connected) away.hidden = true;
    else away.hidden = false;
  });
  for (const name of ["htmx:sse:error", "htmx:sse:close", "htmx:sse:before:connection"]) document.addEventListener(name, lost);

  if (part) {
    setInterval(() => {
      if (Date.now() - heardAt > SILENCE_MS) lost();
      if (!connected && Date.now() - lostAt > GRACE_MS) away.hidden = false;
    }, 500);
  }

  // ---- Where to begin

  if (document.body.dataset.page === "list") (rows()[0] || document.querySelector('[data-key="F2"]'))?.focus();
  if (document.body.dataset.page === "ask") document.querySelector('[name="path"]:checked').focus();
})();
