// The headset mode: a few keys that can be told apart by touch, and everything on the screen spoken through the
// headphones in the order it stands there. It begins with the first such key and ends with the person.
// docs/hardware.md, "keypad", has the keys for people. Uses window.speech (speech.js), which may be missing.
(() => {
  "use strict";

  const LOUDER = 15; // per cent
  const HINT = "adjust.hint";
  const NUMBER = "voice.digit.";

  const root = document.documentElement;
  const stage = document.getElementById("stage");

  const ALWAYS = {
    NumpadAdd: "next", ArrowRight: "next", ArrowDown: "next",
    NumpadSubtract: "previous", ArrowLeft: "previous", ArrowUp: "previous",
    NumpadEnter: "choose", Enter: "choose",
    NumpadMultiply: "again", F1: "help",
    NumpadDivide: "help",
    NumpadDecimal: "back", Backspace: "back", Escape: "back",
    PageUp: "louder", PageDown: "softer",
  };
  // Only while no number is asked for: then the digits are digits.
  const BESIDES = {
    4: "previous", 6: "next", 5: "choose", 0: "again", 8: "louder", 2: "softer",
  };

  let at = -1; // place among the things of this screen; -1: nothing yet
  let loudness = 0;
  let house = null; // how loud it is without a wish
  let before = "";

  const screen = () => stage.querySelector("[data-screen]");
  const voice = () => (document.body.dataset.voice === "off" ? null : window.speech);

  function top() {
    return stage.querySelector("[data-screen-warning]") || stage.querySelector("[data-list]:not([hidden])") || screen();
  }

  // Everything that stands there and can be heard, texts before buttons as they are read.
  function things() {
    const found = top() ? [...top().querySelectorAll("[data-clip], button")] : [];
    return found.filter((one) => one.getClientRects().length > 0 && !one.closest("[data-pad-digit], .pad"));
  }

  function asksNumber() {
    return top() === screen() && Boolean(stage.querySelector("[data-keypad]"));
  }

  function clipsOf(element) {
    return (element.dataset.clip || "").split(" ").filter(Boolean);
  }

  function say(clips, language) {
    const speech = voice();
    if (!speech || clips.length === 0) return;
    speech.muted = false; // who presses a key of this mode wants to hear
    speech.volume = Math.max(5, (house ??= speech.volume) + loudness);
    speech.say(language || screen().lang, clips, { interrupt: true });
  }

  function begin() {
    if ("headset" in root.dataset) return false;
    root.dataset.headset = "";
    again();
    return true;
  }

  function end() {
    delete root.dataset.headset;
    at = -1;
    loudness = 0;
    if (house !== null && window.speech) window.speech.volume = house;
    house = null;
  }

  function stand(place) {
    const all = things();
    if (all.length === 0) return;
    at = (place + all.length) % all.length;
    const thing = all[at];
    if (!thing.matches("button, [tabindex]")) thing.tabIndex = -1;
    thing.focus({ preventScroll: true });
    const clips = clipsOf(thing);
    if (thing.getAttribute("aria-pressed") === "true") clips.push("adjust.chosen");
    say(thing.matches("[data-keypad]") ? [...clips, ...typed()] : clips, thing.lang || undefined);
    alive();
  }

  // What was typed so far, digit by digit: heard by whoever asks for it.
  function typed() {
    const text = stage.querySelector("[data-keypad]")?.textContent.replace(/\D/g, "") || "";
    return [...text].map((digit) => NUMBER + digit);
  }

  // The keys are told to whoever begins or asks; a new screen that somebody came to by them tells itself alone.
  function tell(hint) {
    at = -1;
    const shown = screen();
    if (!shown) return;
    const clips = shown.dataset.speech.split(" ").filter(Boolean);
    say([...clips, ...typed(), ...(hint ? [HINT] : [])]);
  }

  function again() {
    tell(true);
    alive();
  }

  function choose() {
    const all = things();
    const thing = all[at];
    if (thing && thing.matches("button")) thing.click();
    else if (asksNumber()) send();
    else if (top().matches("[data-screen-warning]")) press('[data-action="touched"]'); // said last: "I go on"
    else stand(at + 1);
  }

  // A number that is not whole yet is not sent: what there is of it is heard.
  function send() {
    const missing = typed().length < Number(stage.querySelector("[data-keypad]").dataset.length);
    if (missing) say([...clipsOf(stage.querySelector("[data-keypad]")), ...typed()]);
    else press('[data-action="digits"]');
  }

  function back() {
    if (asksNumber() && typed().length > 0) press('[data-action="delete"]');
    else press('[data-close], [data-action="cancel"], [data-action="deny"], [data-action="refuse"]');
  }

  function press(selector) {
    const button = top()?.querySelector(selector);
    if (button) button.click();
  }

  // Also from below a warning, and with the first key: whoever calls is heard.
  function help() {
    stage.querySelector('[data-screen] [data-action="help"]')?.click();
  }

  function turn(step) {
    loudness += step;
    again();
  }

  const ACTS = {
    next: () => stand(at + 1),
    previous: () => stand(at <= 0 ? -1 : at - 1),
    choose,
    again,
    help,
    back,
    louder: () => turn(LOUDER),
    softer: () => turn(-LOUDER),
  };

  // Whoever listens is there: the machine hears of it as of a touch.
  let aliveAt = 0;
  function alive() {
    const warning = stage.querySelector("[data-screen-warning]");
    if (warning || Date.now() - aliveAt < 5000) return;
    aliveAt = Date.now();
    htmx.ajax("POST", "/touchscreen/act", { source: document.body, values: { action: "touched", value: "" }, swap: "none" });
  }

  function digitOf(event) {
    const found = /^(Numpad|Digit)([0-9])$/.exec(event.code);
    // Num Lock does not matter: people who do not see cannot know how it stands.
    return found && (found[1] === "Numpad" || /^[0-9]$/.test(event.key)) ? found[2] : null;
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || !screen()) return;
    const digit = digitOf(event);
    const act = event.code === "Tab" ? (event.shiftKey ? "previous" : "next") : ALWAYS[event.code];
    if (digit === null && act === undefined) return;
    event.preventDefault();
    // A key that is held down is one press; a screen that has just come takes none that was meant for the other.
    if (event.repeat || "fresh" in stage.dataset) return;
    if (digit !== null && asksNumber()) {
      const wasOn = "headset" in root.dataset;
      press(`[data-digit="${digit}"]`);
      if (wasOn) say([NUMBER + digit]);
      return;
    }
    const wanted = digit === null ? act : BESIDES[digit];
    if (wanted === undefined || (begin() && wanted !== "help")) return;
    ACTS[wanted]();
  });

  document.addEventListener("screen:new", () => {
    const shown = screen();
    if (!shown) return;
    at = -1;
    // Home again: the next person begins without it, at the loudness of the house.
    if (shown.dataset.screen === "start" && before && before !== "start" && before !== "adjust") end();
    before = shown.dataset.screen;
    if ("headset" in root.dataset) tell(false);
  });

  // A finger on the glass: this person sees. What is heard stays, the ring around things goes.
  document.addEventListener("pointerdown", () => end());
})();
