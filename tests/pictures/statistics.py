"""The statistics: a day, a month with every table open, one kiosk alone, days that were not counted."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from kiosk.accounts import Role
from tests.pictures import counter
from tests.pictures.looking import Language, Part, Size, browsing
from tests.ui.browsing import served
from tests.ui.statistics_site import StatisticsSite
from ui.touchscreen.stream import Streams

# Letters of a drawing have no box of their own to be cut by: they lie within the drawing, and none on another.
_DRAWN = """() => [...document.querySelectorAll("svg.chart")].flatMap((chart) => {
  const frame = chart.viewBox.baseVal, wrong = [];
  const texts = [...chart.querySelectorAll("text")].map((text) => [text.textContent, text.getBBox()]);
  for (const [place, [text, box]] of texts.entries()) {
    if (box.x < 0 || box.y < 0 || box.x + box.width > frame.width || box.y + box.height > frame.height) {
      wrong.push(`${text} leaves its drawing`);
    }
    for (const [other, its] of texts.slice(place + 1)) {
      const wide = Math.min(box.x + box.width, its.x + its.width) - Math.max(box.x, its.x);
      const high = Math.min(box.y + box.height, its.y + its.height) - Math.max(box.y, its.y);
      if (wide > 1 && high > 4) wrong.push(`${text} lies on ${other}`);
    }
  }
  return wrong;
})"""
STATES = ("day", "month", "kiosk", "empty")
SIZES: tuple[Size, ...] = ((1280, 800), (800, 600))


def judge(page: Page) -> list[str]:
    """As every page of the staff; of drawings, their letters."""
    drawn: list[str] = page.evaluate(_DRAWN)
    letters = set(page.locator("svg.chart text").all_text_contents())
    return drawn + [one for one in counter.judge(page) if one.removesuffix(" is cut") not in letters]


def walk(chromium: Browser, language: Language, size: Size) -> Iterator[tuple[str, Page]]:
    """A supervisor looks at November."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tiepdon-pictures-")))
        desk = stack.enter_context(closing(StatisticsSite(folder)))
        address = stack.enter_context(served(desk.app, Streams()))
        context = stack.enter_context(browsing(chromium, size))
        cookies = {**desk.cookie(Role.SUPERVISOR), "language": language}
        context.add_cookies([{"name": name, "value": value, "url": address} for name, value in cookies.items()])
        page = context.new_page()
        for state, query in (
            ("day", ""),
            ("month", "?span=month&day=2026-11-20"),
            ("kiosk", "?span=week&day=2026-11-12&kiosk=kiosk-2"),
            ("empty", "?day=2020-02-02"),
        ):
            page.goto(f"{address}/statistics{query}")
            expect(page.locator("h1")).to_be_visible()
            if state == "month":
                for closed in page.locator("details:not([open]) > summary").all()[::-1]:
                    closed.click()
            yield state, page


PART = Part("statistics", STATES, SIZES, walk, judge)
