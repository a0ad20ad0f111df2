// The sandbox desk: draws the synthetic people, drives the desk's API, shows what the hospital received.
// Everything that arrives is put on the page as text, never as markup.
(() => {
  "use strict";

  const byId = (id) => document.getElementById(id);
  const part = (within, name) => within.querySelector(`[data-part="${name}"]`);

  // For faults that take a value; 6 s is beyond the kiosk's deadline.
  const VALUES = {
    "portal.code": "060",
    "portal.person_code": "mau=010",
    "portal.slow": 6,
    "portal.slow_token": 6,
    "portal.slow_lookup": 6,
    "population.slow": 6,
  };

  let words = {};
  let language = "vi";
  let people = [];
  let state = { card: null, scanned: null, in_view: null, faults: {}, messages: 0 };
  let messages = [];
  let messagesKnown = -1;

  // ---- Words

  function say(key, values = {}) {
    const text = (words[language] || {})[key] || key;
    return text.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
  }

  function translate(within) {
    within.querySelectorAll("[data-word]").forEach((element) => {
      element.textContent = say(element.dataset.word);
    });
  }

  function choose(wanted) {
    language = wanted in words ? wanted : "vi";
    document.documentElement.lang = language;
    document.querySelectorAll("[data-language]").forEach((button) => {
      button.setAttribute("aria-pressed", String(button.dataset.language === language));
    });
    translate(document);
    drawPeople();
    drawState();
    drawMessages();
  }

  // ---- Asking the sandbox

  function trouble(text) {
    byId("trouble").textContent = text;
    byId("trouble").hidden = !text;
  }

  async function ask(path, body) {
    const options = body === undefined ? {} : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
    const answer = await fetch(path, options);
    const told = await answer.json();
    if (!answer.ok) throw Object.assign(new Error(told.code), { code: told.code });
    return told;
  }

  async function act(...steps) {
    try {
      for (const [path, body] of steps) await ask(path, body);
      trouble("");
    } catch (error) {
      trouble(error.code ? say("trouble.code", { code: error.code }) : say("trouble.away"));
    }
  }

  const listIn = (told, name) => (Array.isArray(told) ? told : told[name] || []);

  // ---- People

  function date(iso) {
    const parts = (iso || "").split("-");
    return parts.length === 3 ? `${parts[2]}/${parts[1]}/${parts[0]}` : parts.reverse().join("/");
  }

  function nameOf(key) {
    const person = people.find((one) => one.key === key);
    return person ? person.full_name : null;
  }

  function drawPeople() {
    const list = byId("people");
    list.replaceChildren(
      ...people.map((person) => {
        const drawn = byId("person").content.cloneNode(true).firstElementChild;
        translate(drawn);
        drawn.dataset.person = person.key;
        part(drawn, "kind").textContent = say(`person.kind_${person.generation}`);
        part(drawn, "generation").textContent = say("person.generation", { year: person.generation });
        part(drawn, "portrait").src = `/portrait?person=${encodeURIComponent(person.key)}`;
        part(drawn, "number").textContent = person.personal_id;
        part(drawn, "name").textContent = person.full_name;
        part(drawn, "born").textContent = date(person.birth_date);
        part(drawn, "expires").textContent = person.expiry_date === "none" ? say("person.no_expiry") : date(person.expiry_date);
        part(drawn, "about").textContent = person[`about_${language}`] || "";
        part(drawn, "insured").hidden = !person.insurance_number;
        part(drawn, "insured").textContent = say("card.insurance", { number: person.insurance_number });
        return drawn;
      }),
    );
  }

  // ---- What lies on the reader, what is broken

  function drawState() {
    document.querySelectorAll("[data-person]").forEach((drawn) => {
      drawn.classList.toggle("placed", drawn.dataset.person === state.card);
    });
    byId("slot").toggleAttribute("data-empty", !state.card);
    byId("on-reader").textContent = state.card ? say("now.card", { name: nameOf(state.card) || state.card }) : say("now.none");
    byId("scanned").textContent = state.scanned ? say("now.scanned", { name: nameOf(state.scanned) || say("now.other_code") }) : "";
    document.querySelector('[data-do="remove"]').disabled = !state.card;
    drawCamera();
    drawPrinted();
    drawFaults();
  }

  // The last tickets, newest first.
  function drawPrinted() {
    const tickets = [...(state.printed || [])].reverse().slice(0, 3);
    byId("printed-none").hidden = tickets.length > 0;
    byId("printed").replaceChildren(
      ...tickets.map((ticket) => {
        const picture = document.createElement("img");
        picture.src = `/printer/ticket?name=${encodeURIComponent(ticket.name)}`;
        picture.alt = say("printed.ticket", { number: ticket.digits });
        return picture;
      }),
    );
  }

  let pictured = "";

  function drawCamera() {
    const seen = state.in_view;
    const name = seen ? nameOf(seen.person) || seen.person : "";
    byId("in-view").textContent = seen ? `${name}: ${say(`camera.${seen.face}`)}` : say("camera.none");
    document.querySelector('[data-do="take-down"]').disabled = !seen;
    const now = JSON.stringify(seen);
    if (now === pictured) return;
    pictured = now;
    byId("camera").src = `/camera/picture?${encodeURIComponent(now)}`;
  }

  const isOn = (value) => value !== null && value !== false;

  // One group for each system, in the order in which they are told.
  function groupOf(name) {
    const system = name.split(".")[0];
    let group = byId("faults").querySelector(`[data-system="${CSS.escape(system)}"]`);
    if (!group) {
      group = document.createElement("details");
      group.open = true;
      group.dataset.system = system;
      group.append(document.createElement("summary"));
      byId("faults").append(group);
    }
    group.firstElementChild.textContent = say(`faults.group.${system}`);
    return group;
  }

  function drawFaults() {
    document.querySelector('[data-do="mend"]').disabled = !Object.values(state.faults || {}).some(isOn);
    for (const [name, value] of Object.entries(state.faults || {})) {
      const box = groupOf(name);
      let button = box.querySelector(`[data-fault="${CSS.escape(name)}"]`);
      if (!button) {
        button = document.createElement("button");
        button.type = "button";
        button.className = "fault";
        button.dataset.fault = name;
        button.append(document.createElement("span"), document.createElement("small"));
        box.append(button);
      }
      const key = `fault.${name}`;
      const on = isOn(value);
      button.firstElementChild.textContent = say(key) === key ? name : say(key);
      button.lastElementChild.textContent = say(on ? "fault.on" : "fault.off");
      button.setAttribute("aria-pressed", String(on));
    }
  }

  // ---- What the hospital received

  function stamp(hl7) {
    return /^\d{8}/.test(hl7) ? `${hl7.slice(6, 8)}/${hl7.slice(4, 6)}/${hl7.slice(0, 4)}` : hl7 || "";
  }

  function drawMessages() {
    byId("count").textContent = String(messages.length);
    byId("received-none").hidden = messages.length > 0;
    byId("received").replaceChildren(
      ...[...messages].reverse().map((message) => {
        const drawn = byId("message").content.cloneNode(true).firstElementChild;
        translate(drawn);
        part(drawn, "name").textContent = message.name || "?";
        part(drawn, "ticket").textContent = message.ticket_number || "";
        part(drawn, "system").textContent = say(`faults.group.${message.system}`);
        part(drawn, "born").textContent = stamp(message.birth_date);
        part(drawn, "number").textContent = message.personal_id || "";
        part(drawn, "insurance").textContent = [message.insurance_number, message.insurance_status].filter(Boolean).join(" · ") || "-";
        part(drawn, "service").textContent = message.service_name || message.service_code || "";
        part(drawn, "copies").textContent = String(message.copies ?? "");
        part(drawn, "text").textContent = message.text || "";
        return drawn;
      }),
    );
  }

  async function follow(told) {
    state = told;
    drawState();
    if (told.messages === messagesKnown) return;
    messagesKnown = told.messages;
    try {
      messages = listIn(await ask("/his/messages"), "messages");
      drawMessages();
    } catch {
      messagesKnown = -1;
    }
  }

  // ---- Pressing

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.language) choose(button.dataset.language);
    if (button.dataset.fault) {
      const on = VALUES[button.dataset.fault] ?? true;
      act(["/faults", { name: button.dataset.fault, value: button.getAttribute("aria-pressed") === "true" ? null : on }]);
    }
    const person = button.closest("[data-person]")?.dataset.person;
    switch (button.dataset.do) {
      case "mend":
        act(["/faults/mend", {}]);
        break;
      case "remove":
        act(["/card/remove", {}]);
        break;
      case "place":
        act(["/card/place", { person }]);
        break;
      case "show":
        act(["/scanner/show", { person }]);
        break;
      case "insure":
        act(["/scanner/show", { person, card: "insurance" }]);
        break;
      case "hold-up":
        act(["/camera/show", { person, face: button.dataset.face, worn: byId("worn").checked }]);
        break;
      case "take-down":
        act(["/camera/clear", {}]);
        break;
      case "both":
        act(["/card/place", { person }], ["/scanner/show", { person }]);
        break;
    }
  });

  // ---- Beginning

  async function begin() {
    try {
      words = await ask("/desk-words.json");
      people = listIn(await ask("/people"), "people");
    } catch {
      trouble("Sandbox?");
      setTimeout(begin, 2000);
      return;
    }
    choose(language);
    const events = new EventSource("/events");
    events.addEventListener("open", () => trouble(""));
    events.addEventListener("error", () => trouble(say("trouble.away")));
    events.addEventListener("state", (event) => follow(JSON.parse(event.data)));
  }

  begin();
})();
