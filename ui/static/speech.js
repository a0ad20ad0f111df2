// The loudspeaker's one queue, for touchscreen and board alike. One <audio> element plays everything, so two sounds at
// once cannot be. `speech.say("vi", ["start.place_card"], { interrupt: true })` takes clip names (the catalogue's keys)
// and promises true when they were heard to the end, false when they were dropped. Volume is in per cent.
window.speech = (() => {
  "use strict";

  const MOST_WAITING = 8; // utterances; the oldest is dropped
  const MOST_BLOCKED = 2; // while the browser allows no sound: what is old by then helps nobody
  const MOST_CLIPS = 48; // of one utterance
  const STILL_MS = 4000; // a clip that does not move on for so long is left out
  const INDEX_MS = 5000;
  const NAME = /^[A-Za-z0-9_.-]{1,80}$/;
  const LANGUAGE = /^[a-z]{2,3}$/;

  const audio = new Audio();
  audio.preload = "auto";
  const indexes = new Map(); // language: promise of the clips there are
  let waiting = [];
  let now = null; // the utterance being spoken
  let turn = 0; // grows with every stop, so that what is late knows it is over
  let isMuted = false;
  let percent = 100;
  let blocked = false;
  let skip = null; // ends the clip being played: true when it was heard

  function indexOf(language) {
    if (!indexes.has(language)) {
      const asked = fetch(`/voice/${language}/index.json`, { signal: AbortSignal.timeout(INDEX_MS) })
        .then((answer) => (answer.ok ? answer.json() : Promise.reject(new Error(String(answer.status)))))
        .then((told) => new Map(Object.entries(told)));
      asked.catch(() => indexes.delete(language)); // asked again with the next utterance
      indexes.set(language, asked);
    }
    return indexes.get(language);
  }

  function say(language, clips, { interrupt = false } = {}) {
    if (interrupt) stop();
    const named = Array.from(clips).filter((clip) => NAME.test(clip)).slice(0, MOST_CLIPS);
    if (isMuted || percent === 0 || !LANGUAGE.test(language) || !named.length) return Promise.resolve(false);
    return new Promise((done) => {
      waiting.push({ language, clips: named, done });
      shorten();
      run();
    });
  }

  function shorten() {
    while (waiting.length > (blocked ? MOST_BLOCKED : MOST_WAITING)) waiting.shift().done(false);
  }

  async function run() {
    if (now || blocked || !waiting.length) return;
    const mine = turn;
    now = waiting.shift();
    const spoken = now;
    const heard = await speak(spoken, mine);
    if (mine !== turn) return; // stopped meanwhile: answered there
    now = null;
    if (blocked) {
      waiting.unshift(spoken); // from its beginning, when sound is allowed
      shorten();
      return;
    }
    spoken.done(heard);
    run();
  }

  async function speak({ language, clips }, mine) {
    let there;
    try {
      there = await indexOf(language);
    } catch {
      return false;
    }
    for (const clip of clips) {
      if (mine !== turn) return false;
      if (!there.has(clip)) continue;
      await play(`/voice/${language}/${clip}.ogg?${there.get(clip)}`, mine);
      if (blocked) return false;
    }
    return mine === turn;
  }

  function play(address, mine) {
    return new Promise((over) => {
      let watch = 0;
      const settle = () => {
        if (skip !== settle) return;
        skip = null;
        clearTimeout(watch);
        audio.onended = audio.onerror = audio.ontimeupdate = null;
        audio.pause();
        over();
      };
      const moved = () => {
        clearTimeout(watch);
        watch = setTimeout(settle, STILL_MS);
      };
      skip = settle;
      audio.onended = settle;
      audio.onerror = settle;
      audio.ontimeupdate = moved;
      moved();
      audio.src = address;
      audio.volume = percent / 100;
      audio.play().catch((refused) => {
        if (mine === turn && skip === settle && refused.name === "NotAllowedError") blocked = true;
        if (mine === turn) settle();
      });
    });
  }

  function stop() {
    turn += 1;
    const dropped = now ? [now, ...waiting] : waiting;
    now = null;
    waiting = [];
    if (skip) skip();
    if (audio.hasAttribute("src")) {
      audio.removeAttribute("src"); // gives the decoded sound back
      audio.load();
    }
    for (const utterance of dropped) utterance.done(false);
  }

  // A browser without our command line allows sound only after a key or a touch.
  function allowed() {
    if (!blocked) return;
    blocked = false;
    run();
  }
  for (const kind of ["keydown", "pointerup", "touchend", "click"]) {
    document.addEventListener(kind, allowed, { capture: true, passive: true });
  }

  return {
    say,
    stop,
    get muted() {
      return isMuted;
    },
    set muted(value) {
      isMuted = Boolean(value);
      if (isMuted) stop();
    },
    get volume() {
      return percent;
    },
    set volume(value) {
      const wanted = Number(value);
      if (!Number.isFinite(wanted)) return;
      percent = Math.min(100, Math.max(0, wanted));
      audio.volume = percent / 100;
      if (percent === 0) stop();
    },
    get speaking() {
      return now !== null;
    },
    get waiting() {
      return waiting.length;
    },
    get blocked() {
      return blocked;
    },
  };
})();
