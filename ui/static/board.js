// A calling board: shows what the server sends, speaks new calls in turn, and says when what stands here may be old.
(() => {
  "use strict";

  const GRACE_MS = 1500;
  const AGAIN_MS = 2000;
  const REFUSED_MS = 5000; // somebody has to let this browser in anew first
  const NEW_SECONDS = 30; // so long a call is marked as a new one
  const SMALL = 0.45; // of its usual size: so far a long name of a room is shrunk in every language
  const SMALLEST = 0.3; // and so far in one
  const NOTES = [659.26, 523.25]; // Hz: E, C
  const NOTE_SECONDS = 0.45;
  const OPEN_MS = 1000; // after so long without sound being allowed it is taken as blocked

  const { board, build, times, volume, keep, late, beat } = document.body.dataset;
  const SILENCE_MS = 2500 * Number(beat); // two and a half heartbeats
  const part = document.getElementById("part");
  const away = document.getElementById("away");
  const over = document.getElementById("over");
  const silent = document.getElementById("silent");
  const MEMORY = `board.${board}`;

  // ---- The server's clock: the display's own may be wrong

  let ahead = 0; // seconds the server's clock is before this machine's
  let offset = 420;
  const now = () => Date.now() / 1000 + ahead;
  const site = (seconds) => new Date((seconds + offset * 60) * 1000);
  const two = (number) => String(number).padStart(2, "0");
  const hour = (seconds) => `${two(site(seconds).getUTCHours())}:${two(site(seconds).getUTCMinutes())}`;

  function tick() {
    if (!known) return;
    const day = site(now());
    document.getElementById("clock").textContent = hour(now());
    const date = `${two(day.getUTCDate())}/${two(day.getUTCMonth() + 1)}/${day.getUTCFullYear()}`;
    document.getElementById("date").textContent = date;
    for (const row of part.querySelectorAll(".call")) row.classList.toggle("new", isNew(row.dataset.call));
  }

  // ---- Sound: a gong, then the call; one after the other

  let tones = null;
  window.speech.volume = Number(volume);

  function context() {
    tones ??= new AudioContext();
    return tones;
  }

  async function gong() {
    if (Number(volume) === 0) return;
    const audio = context();
    if (audio.state !== "running") {
      await Promise.race([audio.resume(), new Promise((late) => setTimeout(late, OPEN_MS))]);
      if (audio.state !== "running") return;
    }
    await new Promise((over) => {
      NOTES.forEach((frequency, index) => {
        const begin = audio.currentTime + index * NOTE_SECONDS;
        const tone = audio.createOscillator();
        const loud = audio.createGain();
        tone.frequency.value = frequency;
        loud.gain.setValueAtTime(0, begin);
        loud.gain.linearRampToValueAtTime((0.5 * Number(volume)) / 100, begin + 0.02);
        loud.gain.exponentialRampToValueAtTime(0.001, begin + 2 * NOTE_SECONDS);
        tone.connect(loud).connect(audio.destination);
        tone.start(begin);
        tone.stop(begin + 2 * NOTE_SECONDS);
        if (index === NOTES.length - 1) tone.onended = over;
      });
      setTimeout(over, 3000); // a device without a loudspeaker ends no tone
    });
  }

  // Where many wait to be called a call is said in the board's chief language alone; it stands there in all of them.
  async function say(call, round, many) {
    if (round === 1) await gong();
    let heard = true;
    for (const { language, clips } of many ? call.spoken.slice(0, 1) : call.spoken) {
      heard = (await window.speech.say(language, round === 1 ? clips : ["voice.again", ...clips])) && heard;
    }
    return heard;
  }

  function remember(calls) {
    try {
      sessionStorage.setItem(MEMORY, JSON.stringify(calls));
    } catch {
      // A browser that keeps nothing says a call once more after it was reloaded.
    }
  }

  function remembered() {
    try {
      return JSON.parse(sessionStorage.getItem(MEMORY) ?? "[]");
    } catch {
      return [];
    }
  }

  const announcer = window.announcer({
    say,
    now,
    times: Number(times),
    freshSeconds: Number(late), // a board that was away speaks no older call
    keepSeconds: Number(keep),
    known: remembered(),
    remember,
  });

  function listen() {
    const blocked = window.speech.blocked || (tones && tones.state === "suspended" && Number(volume) > 0);
    silent.hidden = !blocked;
    // What waited while nothing could be heard is said only where it is still of use.
    if (window.speech.blocked && announcer.current && now() - announcer.current.at > Number(late)) window.speech.stop();
  }

  if (Number(volume) > 0 && Number(times) > 0) setTimeout(() => context().resume().catch(() => {}), 0);
  for (const kind of ["pointerup", "keydown"]) document.addEventListener(kind, () => tones?.resume());

  // ---- What stands there

  const moments = new Map(); // a call: when it was made
  const isNew = (sequence) => moments.has(sequence) && now() - moments.get(sequence) <= NEW_SECONDS;
  let known = false; // whether the server told its clock

  function show(html) {
    const read = new DOMParser().parseFromString(html, "text/html");
    part.replaceChildren(...read.body.childNodes);
    part.removeAttribute("aria-busy");
    fit();
    tick();
  }

  // A long name of a room is shrunk until it stands in its row, a long number in its column. One that is too long even so
  // stands there in the board's chief language alone: nothing is ever cut.
  function fit() {
    for (const text of part.querySelectorAll("[data-fit]")) {
      text.classList.remove("short");
      if (shrink(text, SMALL)) continue;
      text.classList.add("short");
      shrink(text, SMALLEST);
    }
  }

  function shrink(text, least) {
    const high = () => text.dataset.fit === "both" && text.scrollHeight > text.clientHeight + 1;
    const large = () => text.scrollWidth > text.clientWidth + 1 || high();
    let size = 1;
    text.style.setProperty("--fit", size);
    while (size > least && large()) {
      size -= 0.05;
      text.style.setProperty("--fit", size);
    }
    return !large();
  }

  function take({ now: moment, told }) {
    ahead = moment - Date.now() / 1000;
    offset = told.offset_minutes;
    known = true;
    moments.clear();
    for (const call of told.calls) moments.set(String(call.sequence), call.at);
    tick();
    announcer.offer(told.calls);
  }

  // ---- The stream: opened anew by itself, and whatever is old says so

  let source = null;
  let heardAt = 0; // performance.now()
  let lastGood = 0; // seconds since the epoch
  let troubled = true;
  let brokenAt = performance.now();

  function open() {
    source?.close();
    source = new EventSource(`/board/${board}/events`);
    const opened = source;
    const alive = () => {
      heardAt = performance.now();
      over.hidden = true;
    };
    const good = () => {
      alive();
      lastGood = now();
      troubled = false;
    };
    opened.addEventListener("hello", (event) => {
      alive();
      if (event.data !== build) location.reload();
    });
    opened.addEventListener("part", (event) => {
      good();
      show(event.data);
    });
    opened.addEventListener("calls", (event) => {
      good();
      take(JSON.parse(event.data));
      lastGood = now();
    });
    opened.addEventListener("alive", () => {
      alive();
      if (!troubled) lastGood = now();
    });
    opened.addEventListener("trouble", () => {
      alive();
      broken();
    });
    opened.addEventListener("over", () => refuse());
    opened.onerror = () => {
      broken();
      opened.close(); // a browser gives up for ever after some answers: we do not
      if (source === opened) again(opened);
    };
    heardAt = performance.now();
  }

  async function again(opened) {
    const refused = await isRefused();
    if (source !== opened) return;
    if (refused) refuse();
    setTimeout(() => source === opened && open(), refused ? REFUSED_MS : AGAIN_MS);
  }

  // A stream that is refused does not say why; the page itself does.
  async function isRefused() {
    try {
      const page = { method: "HEAD", redirect: "manual", cache: "no-store", signal: AbortSignal.timeout(SILENCE_MS) };
      const answer = await fetch(`/board/${board}`, page);
      return answer.type === "opaqueredirect" || answer.status === 401 || answer.status === 403;
    } catch {
      return false; // nobody answers
    }
  }

  // What stood here is not for this browser any more.
  function refuse() {
    over.hidden = false;
    part.replaceChildren();
    moments.clear();
    announcer.offer([]);
  }

  function broken() {
    if (!troubled) brokenAt = performance.now();
    troubled = true;
  }

  let watchedAt = Date.now();

  function watch() {
    // While the machine sleeps only the wall's clock goes on, and a line that is gone says nothing.
    const slept = Date.now() - watchedAt > SILENCE_MS;
    watchedAt = Date.now();
    if (slept || performance.now() - heardAt > SILENCE_MS) {
      broken();
      open();
    }
    const old = troubled && over.hidden && performance.now() - brokenAt > GRACE_MS;
    if (old && away.hidden) {
      const since = hour(lastGood || now());
      for (const text of away.querySelectorAll("[data-text]")) {
        text.textContent = text.dataset.text.replace("{time}", since);
      }
    }
    away.hidden = !old;
    document.body.classList.toggle("old", old);
    listen();
    tick();
  }

  setInterval(watch, 500);
  addEventListener("resize", fit);
  new ResizeObserver(fit).observe(part); // a band over the calls takes room from them
  document.fonts.addEventListener("loadingdone", fit); // a letter of another script or weight came late
  open();
})();
