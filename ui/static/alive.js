// Tells the kiosk that this page really shows: that the browser painted a frame, and that it is in view.
// A page that hangs or is hidden paints none; then it says so, or nothing at all, and both are noticed.
(() => {
  "use strict";

  const BEAT_MS = 5000;
  const PAINT_MS = 2000; // a page in view paints sixty times a second

  const stage = document.getElementById("stage");

  function painted() {
    return new Promise((done) => {
      const late = setTimeout(() => done(false), PAINT_MS);
      requestAnimationFrame(() => {
        clearTimeout(late);
        done(true);
      });
    });
  }

  async function beat() {
    const shows = document.visibilityState === "visible" && (await painted());
    // Under the cover of a server that was away there is no screen, but the cover does show.
    const screen = stage.querySelector("[data-screen]")?.dataset.screen || "away";
    const body = new URLSearchParams({ visible: shows ? "1" : "0", screen, build: document.body.dataset.build });
    try {
      await fetch("/touchscreen/alive", {
        method: "POST",
        headers: { "HX-Request": "true" },
        body,
        signal: AbortSignal.timeout(BEAT_MS - 1000),
      });
    } catch {
      // The kiosk is away: it notices that by itself.
    }
  }

  document.addEventListener("visibilitychange", beat);
  setInterval(beat, BEAT_MS);
  beat();
})();
