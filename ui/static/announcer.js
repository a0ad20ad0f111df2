// Which call is spoken when: one at a time, each as often as the board's setting says, in the order of the calls.
// It knows neither page nor loudspeaker: `say(call, round, many)` promises true once it was heard; `many`: so many wait
// that it shall be short. So that it can be tried out.
window.announcer = (options) => {
  "use strict";

  const { say, now, times, freshSeconds, keepSeconds, crowd = 2, many = 5, known = [], remember = () => {} } = options;
  const REMEMBER_SECONDS = 3600; // longer than any call is told
  let heard = new Map(known); // sequence and moment of a call: the moment
  let waiting = [];
  let current = null;
  const nameOf = (call) => `${call.sequence}@${call.at}`;

  // Every call that may still have to be spoken, the oldest first. What is no longer among them was taken back or
  // answered. What is new is spoken, unless it is from before this board was away.
  function offer(calls) {
    const told = new Set(calls.map(nameOf));
    waiting = waiting.filter((call) => told.has(nameOf(call)));
    if (current && !told.has(nameOf(current))) current.over = true;
    const moment = now();
    for (const call of calls) {
      if (heard.has(nameOf(call))) continue;
      heard.set(nameOf(call), call.at);
      if (moment - call.at <= freshSeconds) waiting.push({ ...call, over: false });
    }
    heard = new Map([...heard].filter(([name, at]) => told.has(name) || moment - at <= REMEMBER_SECONDS));
    note();
    run();
  }

  // A page that is opened anew speaks what it had not begun, if that is still fresh.
  function note() {
    const open = new Set(waiting.map(nameOf));
    remember([...heard].filter(([name]) => !open.has(name)));
  }

  async function run() {
    if (current) return;
    while ((current = waiting.shift() ?? null)) {
      note();
      // At peak a call is said once, or the next one comes too late for the person it calls.
      for (let round = 1; round <= times && isDue(round); round += 1) {
        await say(current, round, waiting.length >= many).catch(() => false);
      }
    }
  }

  function isDue(round) {
    return !current.over && now() - current.at <= keepSeconds && (round === 1 || waiting.length < crowd);
  }

  return {
    offer,
    get waiting() {
      return waiting.length;
    },
    get current() {
      return current;
    },
  };
};
