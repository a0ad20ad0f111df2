"""From a touch to the next screen in Chromium, and what the touchscreen's page weighs when nothing is cached.

The clock runs in the page: from the finger's `pointerdown` to the second frame after the new screen stands in the
document, which is when it has been painted. A screen that is new takes no touch for a moment, against double taps: the
finger waits for that, and the clock does not run meanwhile.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from benchmarks.footprint import Run
from benchmarks.front_process import load_note, peer
from benchmarks.table import Cell, Table, quantile
from ui.server import THREADS

TOUCH_BAR_MS = 150.0
WEIGHT_BAR_KB = 300.0
PANEL = {"width": 1024, "height": 600}
# In turn: the same card at once again begins nothing.
PEOPLE = ("thu", "vi-du", "eban", "dia-chi-dai", "nie", "nam-sinh", "sap-het-han", "chua-du-5-nam", "dia-chi-moi")
WATCH = """
(() => {
  let at = 0, from = "";
  window.touches = [];
  const shown = () => document.querySelector("#stage [data-screen]")?.id || "";
  document.addEventListener("pointerdown", () => { at = performance.now(); from = shown(); }, true);
  const look = () => {
    const now = shown();
    if (!at || !now || now === from) return;
    const began = at;
    at = 0;
    requestAnimationFrame(() => requestAnimationFrame(() => {
      window.touches.push([performance.now() - began, from, now]);
    }));
  };
  document.addEventListener("DOMContentLoaded", () => {
    const whole = { childList: true, subtree: true, attributes: true, attributeFilter: ["id", "data-screen"] };
    new MutationObserver(look).observe(document.getElementById("stage"), whole);
  });
})();
"""


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's, as on the kiosk."""
    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=flags)
        yield browser
        browser.close()


def touch_table(browser: Browser, run: Run, visits: int) -> Table:
    """Whole visits by touch on the sandbox world, each in turn with as many touches of the bare page."""
    ours: dict[str, list[float]] = {}
    bare_times: list[float] = []
    with peer(THREADS) as bare, _panel(browser) as context, _panel(browser) as other:
        screen, plain = Finger(context, run.facts["touchscreen"]), Finger(other, f"http://127.0.0.1:{bare.port}/")
        for number in range(visits):
            for name, took in _visit(run, screen, PEOPLE[number % len(PEOPLE)]):
                ours.setdefault(name, []).append(took)
                bare_times.append(plain.tap('[data-action="next"]'))
    every = [took for times in ours.values() for took in times]
    rows: list[tuple[Cell, ...]] = [
        (name, len(times), quantile(times, 0.5), quantile(times, 0.95)) for name, times in ours.items()
    ]
    rows.append(("every touch", len(every), quantile(every, 0.5), quantile(every, 0.95)))
    rows.append(("a bare page: fetch, event, innerHTML", len(bare_times), *_both(bare_times)))
    notes = (f"sandbox world, 1024 x 600, one touch of each in turn; bar: p95 < {TOUCH_BAR_MS:g} ms", *load_note())
    return Table("From touch to next screen in Chromium (ms)", ("", "touches", "p50", "p95"), tuple(rows), notes)


def _both(times: list[float]) -> tuple[float, float]:
    return quantile(times, 0.5), quantile(times, 0.95)


class Finger:
    """A page and who touches it."""

    def __init__(self, context: BrowserContext, address: str) -> None:
        context.add_init_script(WATCH)
        self.page: Page = context.new_page()
        self.page.goto(address)
        self.page.wait_for_selector("[data-screen]")

    def tap(self, button: str) -> float:
        """Touch it as soon as a finger counts; milliseconds until the next screen was painted."""
        self.page.wait_for_selector("#stage:not([data-fresh])", state="attached")
        before = self.page.evaluate("window.touches.length")
        self.page.tap(button)
        self.page.wait_for_function("before => window.touches.length > before", arg=before)
        return float(self.page.evaluate("window.touches.at(-1)[0]"))

    def wait_for(self, screen: str) -> None:
        """Until this screen is shown."""
        self.page.wait_for_selector(f'[data-screen="{screen}"]')


def _visit(run: Run, finger: Finger, person: str) -> Iterator[tuple[str, float]]:
    """(what was touched, how long it took), touch by touch."""
    finger.wait_for("start")
    for name, there, back in (
        ("start: help", "help", "cancel"),
        ("start: larger letters", "adjust", "cancel"),
        ("start: type the number", 'path"][data-value="personal_id', "cancel"),
    ):
        yield name, finger.tap(_button(there))
        yield "back", finger.tap(_button(back))
    run.desk("/scanner/show", {"person": person})
    finger.wait_for("confirm")
    yield "confirm: yes", finger.tap(_button("confirm"))
    finger.wait_for("choose_service")
    yield "choose_service: clinic", finger.tap(_button('service"][data-value="KB'))
    finger.wait_for("ticket")
    yield "ticket: done", finger.tap(_button("done"))
    finger.wait_for("goodbye")
    run.touch("done")


def _button(action: str) -> str:
    return f'[data-action="{action}"]'


def weight_table(browser: Browser, run: Run) -> Table:
    """Bytes over the wire of one cold load, headers included, by what they are."""
    product, bare_page = Counter[str](), Counter[str]()
    files = _weigh(browser, run.facts["touchscreen"], product)
    with peer(THREADS) as bare:
        _weigh(browser, f"http://127.0.0.1:{bare.port}/", bare_page)
    apart = ("Font", "Media")
    light = sum(size for kind, size in product.items() if kind not in apart)
    rows: list[tuple[Cell, ...]] = [(kind, product[kind] / 1000, bare_page[kind] / 1000) for kind in sorted(product)]
    rows.append(("without fonts and sound", light / 1000, sum(bare_page.values()) / 1000))
    rows.append(("with fonts and sound", sum(product.values()) / 1000, sum(bare_page.values()) / 1000))
    heaviest = ", ".join(f"{name} {size / 1000:.0f}" for name, size in files.most_common(6))
    notes = (f"the heaviest: {heaviest}; bar: < {WEIGHT_BAR_KB:g} kB without fonts and sound",)
    return Table("Cold load of the touchscreen's page (kB)", ("", "ours", "a bare page"), tuple(rows), notes)


def _weigh(browser: Browser, address: str, sizes: Counter[str]) -> Counter[str]:
    """Adds up by kind; returns by file. The event stream never ends: its bytes count as they come."""
    kinds: dict[str, str] = {}
    files: dict[str, str] = {}
    by_file: Counter[str] = Counter()
    with _panel(browser) as context:
        page = context.new_page()
        wire = context.new_cdp_session(page)

        def answered(event: dict[str, Any]) -> None:
            kinds[event["requestId"]] = _kind(event)
            files[event["requestId"]] = event["response"]["url"].partition("?")[0].rpartition("/")[2] or "page"

        def ended(event: dict[str, Any]) -> None:
            _count(event["requestId"], int(event["encodedDataLength"]))

        def came(event: dict[str, Any]) -> None:
            if kinds.get(event["requestId"]) == "EventSource":
                _count(event["requestId"], int(event["encodedDataLength"]) or int(event["dataLength"]))

        def _count(request: str, size: int) -> None:
            sizes[kinds.get(request, "Other")] += size
            by_file[files.get(request, "other")] += size

        hear: tuple[tuple[str, Callable[[dict[str, Any]], None]], ...] = (
            ("Network.responseReceived", answered),
            ("Network.loadingFinished", ended),
            ("Network.dataReceived", came),
        )
        for name, handler in hear:
            wire.on(name, handler)
        wire.send("Network.enable")
        wire.send("Network.setCacheDisabled", {"cacheDisabled": True})
        page.goto(address)
        page.wait_for_selector("[data-screen]")
        page.evaluate("document.fonts.ready.then(() => true)")
        page.wait_for_timeout(1500)  # the voice's list and clips begin once the page stands
    return by_file


def _kind(event: dict[str, Any]) -> str:
    """What the browser calls it; a stream or a clip that a script fetched by what it is."""
    mime = event["response"]["mimeType"]
    if mime == "text/event-stream":
        return "EventSource"
    return "Media" if mime.startswith("audio/") else str(event["type"])


@contextmanager
def _panel(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport=PANEL, has_touch=True, locale="vi-VN")  # type: ignore[arg-type]
    yield context
    context.close()
