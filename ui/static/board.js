// A calling board: shows what the server sends, speaks new calls in turn, and says when what stands here may be old.
(() => {
  "use strict";

  const SILENCE_MS = 25000; // two and a half heartbeats
  const GRACE_MS = 1500;
  const AGAIN_MS = 2000;
  const FRESH_SECONDS = 60; // a board that was away speaks no older call
  const NEW_SECONDS = 30; // so long a call is marked as a new one
  const SMALLEST = 0.45; // of its usual size: the least that a long name of a room is shrunk to
  const NOTES = [659.26, 523.25]; // Hz: E, C
  const NOTE_SECONDS = 0.45;
  const OPEN_MS = 1000; // after so long without sound being allowed it is taken as blocked

  const { board, build, times, volume, keep } = document.body.dataset;
  const part = document.getElementById("part");
  const away = document.getElementById("away");
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

  async function say(call, round) {
    if (round === 1) await gong();
    let heard = true;
    for (const { language, clips } of call.spoken) {
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
    freshSeconds: FRESH_SECONDS,
    keepSeconds: Number(keep),
    known: remembered(),
    remember,
  });

  function listen() {
    const blocked = window.speech.blocked || (tones && tones.state === "suspended" && Number(volume) > 0);
    silent.hidden = !blocked;
    // What waited while nothing could be heard is said only where it is still of use.
    if (window.speech.blocked && announcer.current && now() - announcer.current.at > FRESH_SECONDS) window.speech.stop();
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

  // A long name of a room is shrunk until it stands in its row, a long number in its column: nothing is ever cut.
  function fit() {
    for (const text of part.querySelectorAll("[data-fit]")) {
      const high = () => text.dataset.fit === "both" && text.scrollHeight > text.clientHeight + 1;
      let size = 1;
      text.style.setProperty("--fit", size);
      while (size > SMALLEST && (text.scrollWidth > text.clientWidth + 1 || high())) {
        size -= 0.05;
        text.style.setProperty("--fit", size);
      }
    }
  }

  function take(told) {
    ahead = told.now - Date.now() / 1000;
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
    const alive = () => (heardAt = performance.now());
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
    opened.onerror = () => {
      broken();
      opened.close(); // a browser gives up for ever after some answers: we do not
      if (source === opened) setTimeout(open, AGAIN_MS);
    };
    heardAt = performance.now();
  }

  function broken() {
    if (!troubled) brokenAt = performance.now();
    troubled = true;
  }

  function watch() {
    if (performance.now() - heardAt > SILENCE_MS) {
      broken();
      open();
    }
    const old = troubled && performance.now() - brokenAt > GRACE_MS;
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
  document.fonts?.ready.then(fit);
  open();
})();
