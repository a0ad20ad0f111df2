"""The touchscreen: every state, also covered by the warning, and some in strong contrast, large and on the left."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from playwright.sync_api import Browser, Page

from kiosk.states import Hand, Session, Theme, View
from kiosk.states import Size as Letters
from tests.browser.conftest import Kiosk, Screen
from tests.pictures.looking import Language, Part, Size, browsing
from tests.ui.scripted import EVERY_STATE, session_of

PIXELS_PER_MM = 6.65
MEASURES = Path(__file__).parents[1].joinpath("browser", "measures.js").read_text("utf-8")
SIZES: tuple[Size, ...] = ((1024, 600), (1280, 800), (1920, 1080), (1080, 1920))  # 7, 10 and 15 inches, also upright
OTHERWISE = View(theme=Theme.CONTRAST, size=Letters.LARGE, hand=Hand.LEFT)
# A screen that has just come fades in, and its buttons wait a moment: what is judged is what stands there after it.
SETTLED = """() => {
  delete document.getElementById("stage").dataset.fresh;
  for (const one of document.getAnimations()) {
    if (one.effect.getComputedTiming().endTime < 1000) one.finish();
  }
}"""
SAMPLED = ("start", "keypad-personal_id", "confirm", "choose_service", "ticket-wait", "help-called", "adjust")
WARNED = ("confirm", "keypad-personal_id")


def sessions(language: str) -> dict[str, Session]:
    """What the touchscreen can show, by name."""
    found = {key: session_of(key, language) for key in EVERY_STATE}
    for key in WARNED:
        found[f"{key}-warned"] = session_of(key, language, warned=True)
        found[f"{key}-taken"] = session_of(key, language, warned=True, card_taken=True)
    return found | {f"{key}-otherwise": session_of(key, language, view=OTHERWISE) for key in SAMPLED}


def walk(chromium: Browser, language: Language, size: Size) -> Iterator[tuple[str, Page]]:
    """Every state, one after the other on one page."""
    yield from _shown(chromium, size, sessions(language))


def otherwise(chromium: Browser, language: Language, size: Size) -> Iterator[tuple[str, Page]]:
    """Every state in strong contrast, with larger letters, for the left hand."""
    drawn = {f"{key}-otherwise" for key in SAMPLED}  # and judged there
    others = {name: one for name, one in sessions(language).items() if not {name, f"{name}-otherwise"} & drawn}
    yield from _shown(chromium, size, {name: replace(one, view=OTHERWISE) for name, one in others.items()})


def _shown(chromium: Browser, size: Size, shown: Mapping[str, Session]) -> Iterator[tuple[str, Page]]:
    kiosk = Kiosk()
    try:
        with browsing(chromium, size, touch=True) as context:
            screen = Screen(context.new_page(), kiosk)
            screen.open()
            for name, session in shown.items():
                screen.show(session)
                screen.page.evaluate(SETTLED)
                yield name, screen.page
            assert screen.complaints == []
    finally:
        kiosk.stop()


def judge(page: Page) -> list[str]:
    """Millimetres, contrast, overlaps, what is cut."""
    found: list[str] = page.evaluate(MEASURES, PIXELS_PER_MM)
    return found


PART = Part("touchscreen", tuple(sessions("vi")), SIZES, walk, judge, unkept=otherwise, both=2)
