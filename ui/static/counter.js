// The counter's own part: keys, focus that survives every change, and a word when what stands there may be old.
(() => {
  "use strict";

  const SILENCE_MS = 25000; // two and a half heartbeats
  const GRACE_MS = 1500;
  const AGAIN_MS = 6000; // longer than one try to connect; htmx itself tries again only what was there once
  // Keys of the browser's own that take the focus out of the page: help, find, address, caret browsing, menu. Pressed
  // while there is nothing to do by them, or held down, they would send the next letter there.
  const KEPT = ["F1", "F3", "F6", "F7", "F10"];

  const part = document.getElementById("part");
  const answer = document.getElementById("answer");
  const spoken = document.getElementById("spoken");
  const away = document.getElementById("away");
  const rows = () => [...document.querySelectorAll("a.open")];

  // ---- The part that changes by itself

  let turn = Promise.resolve();

  if (part) {
    part.addEventListener("part", (event) => {
      turn = turn.then(() => older(event.detail.data) || show(event.detail.data)).catch(() => location.reload());
    });
  }

  window.counter = { show: (html) => (turn = turn.then(() => show(html))), say, key: keyOf };

  // What was on its way while an act was answered shows the counter as it was before; what follows it comes by itself.
  function older(html) {
    const shown = Number(part.querySelector("[data-seen]")?.dataset.seen);
    const told = Number(/data-seen="(\d+)"/.exec(html)?.[1]);
    return told > 0 && told < shown;
  }

  async function show(html) {
    const before = new Map([...part.querySelectorAll("[data-row]")].map((row) => [row.id, told(row)]));
    const spokenBefore = new Map([...part.querySelectorAll("[data-spoken]")].map((one) => [one.id, one.dataset.spoken]));
    const focused = part.contains(document.activeElement) ? document.activeElement : null;
    const place = rows().indexOf(focused);
    await htmx.swap({ text: html, target: part, sourceElement: part, swap: "innerMorph" });
    // A row that moved may have lost the focus on its way; one that left the page gives it to the next one.
    if (focused && document.activeElement !== focused) {
      const same = focused.id && document.getElementById(focused.id);
      const next = place < 0 ? part : rows()[Math.min(place, rows().length - 1)] || part;
      (same || next).focus({ preventScroll: !same });
    }
    const changed = [...part.querySelectorAll("[data-row]")].filter(
      (row) => before.has(row.id) && before.get(row.id) !== told(row),
    );
    for (const row of changed) {
      row.classList.add("changed");
      setTimeout(() => row.classList.remove("changed"), 8000);
    }
    const said = changed.map((row) => `${spoken.dataset.changed} ${row.dataset.number}: ${told(row)}`);
    const news = [...part.querySelectorAll("[data-spoken]")].filter((one) => spokenBefore.get(one.id) !== one.dataset.spoken);
    say([...said, ...news.map((one) => one.dataset.spoken)].join(". "));
    document.dispatchEvent(new CustomEvent("counter:shown", { detail: { before: spokenBefore } }));
  }

  function say(text) {
    if (text) spoken.textContent = text;
  }

  function told(row) {
    return row.querySelector("[data-coverage]").textContent.trim();
  }

  // ---- Keys

  function keyOf(event) {
    return event.key.length === 1 ? event.key.toLowerCase() : event.key;
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
    if (KEPT.includes(event.key) && !event.shiftKey) event.preventDefault();
    if (event.repeat) return;
    const typing = event.target.closest("input, select, textarea");
    const panel = document.querySelector("#panel:not([hidden])");
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (event.target.matches("[data-search]") && event.key === "ArrowDown" && rows().length) {
        event.preventDefault();
        rows()[0].focus();
      }
      if (typing || panel || !rows().length) return;
      event.preventDefault();
      step(event.key === "ArrowDown" ? 1 : -1);
      return;
    }
    const key = keyOf(event);
    // A list of choices is a field like the others: no browser sends a form by Enter from it.
    const choosing = CSS.supports("selector(:open)") && event.target.matches(":open"); // there it takes what is marked
    if (key === "Enter" && !choosing && event.target.matches("#write select, #ask select")) {
      event.preventDefault();
      event.target.form.requestSubmit();
      return;
    }
    // Letters and digits are somebody's typing there; elsewhere they are acts (WCAG 2.2, 2.1.4: only with this focus).
    if (typing && (key.length === 1 || key.startsWith("Arrow"))) return;
    if (key.length === 1 && spoken.dataset.letters === "off") return;
    const search = document.querySelector("[data-search]");
    if (key === "F3" && search) {
      event.preventDefault();
      search.focus();
      search.select();
      return;
    }
    if (((key === "Escape" && !panel) || key === "F5") && unsent()) {
      event.preventDefault();
      return;
    }
    const acts = (panel || document).querySelectorAll(`[data-key="${CSS.escape(key)}"]`);
    const act = acts[acts.length - 1];
    if (!act) return;
    event.preventDefault();
    if (act.getAttribute("href") === "#ask") firstField();
    else act.click();
  });

  // What was typed and is in no record yet is given up only on purpose: by a second Esc or F5.
  function unsent() {
    const form = document.getElementById("write");
    if (!form || form.dataset.left || !window.typed(form)) return false;
    form.dataset.left = "once";
    form.addEventListener("input", () => delete form.dataset.left, { once: true });
    answer.replaceChildren(Object.assign(document.createElement("p"), { className: "line care", textContent: spoken.dataset.left }));
    say(spoken.dataset.left);
    return true;
  }

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
    if (event.target.closest("#ask, #write")) {
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
    const gone = answer.querySelector("[data-go]");
    if (gone) {
      location.assign(gone.dataset.go);
      return;
    }
    // Somebody else has written: what stands there now is what this form is compared with from here on.
    for (const one of answer.querySelectorAll("[data-now-field]")) {
      const was = document.getElementById(`was-${one.dataset.nowField}`);
      if (was) was.value = one.dataset.nowText;
      document.getElementById(`f-${one.dataset.nowField}`)?.setAttribute("aria-invalid", "true");
    }
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
    if (!answer || !event.target.closest?.("#ask, #write, #answer")) return;
    answer.replaceChildren(Object.assign(document.createElement("p"), { className: "line care", textContent: answer.dataset.unsent }));
  });

  // ---- Whether what stands there is true

  let connected = false;
  let begun = false;
  let triedAt = Date.now();
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

  document.addEventListener("htmx:sse:after:connection", () => (begun = true));

  if (part?.hasAttribute("hx-sse:connect")) {
    setInterval(() => {
      if (Date.now() - heardAt > SILENCE_MS) lost();
      if (!connected && part.isConnected && Date.now() - lostAt > GRACE_MS) away.hidden = false;
      if (!begun && Date.now() - triedAt > AGAIN_MS) {
        triedAt = Date.now();
        htmx.ajax("GET", part.getAttribute("hx-sse:connect"), { source: part, timeout: AGAIN_MS - 1000 });
      }
    }, 500);
  }

  // ---- The way back: whoever opened somebody from the list, or turned its page, comes back to its rows

  document.addEventListener("click", (event) => {
    if (page === "list" && event.target.closest(".pages a")) sessionStorage.setItem("list", "[]");
    const row = page === "list" && event.target.closest("a.open");
    if (row) sessionStorage.setItem("list", JSON.stringify([location.pathname + location.search, row.id.replace(/^f/, "")]));
    if (event.target.closest('[data-act="call"]')) toDesk();
  });

  function toDesk() {
    sessionStorage.removeItem("list");
    const button = document.getElementById("go-back");
    if (!button?.dataset.list) return;
    button.href = "/counter";
    button.querySelector("span").textContent = button.dataset.desk;
  }

  function back(here) {
    const kept = sessionStorage.getItem("list");
    const [address, row] = JSON.parse(kept || "[]");
    if (here === "list") return kept && (document.getElementById(row) || rows()[0]);
    if (here === "desk") toDesk();
    const button = document.getElementById("go-back");
    if (!address || !button?.dataset.list) return null;
    button.href = address;
    button.querySelector("span").textContent = button.dataset.list;
    return null;
  }

  // ---- Where to begin

  const page = document.body.dataset.page;
  const left = back(page);
  if (page === "list") (left || document.querySelector("[data-search]")).focus();
  else if (page === "ask") document.querySelector('[name="path"]:checked').focus();
  else if (page === "enter") document.querySelector('[name="case"]:checked').focus();
  else if (page === "edit") document.getElementById("f-full_name").focus();
  else if (part) (part.querySelector("[data-first]") || part).focus({ preventScroll: true });
  const name = document.querySelector("[data-name]");
  if (name) name.value = [...crypto.getRandomValues(new Uint8Array(16))].map((one) => one.toString(16).padStart(2, "0")).join("");
})();
