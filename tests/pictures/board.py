"""The calling boards: quiet, full, just called, by name, of one room, with the server away; and the list of boards."""

import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
from playwright.sync_api import Browser, Page, expect

from kiosk.accounts import Role
from kiosk.queue.model import Priority
from tests.pictures.counter import judge as judge_page
from tests.pictures.looking import Language, Part, Size, browsing
from tests.ui.board_hall import BOARDS, BoardHall
from tests.ui.browsing import served

SIZES: tuple[Size, ...] = ((1920, 1080), (1080, 1920))
STATES = ("boards", "quiet", "first-call", "full", "named", "one-room", "without-sound", "away", "no-such-board")
# A loudspeaker that is always ready, or never: what the browser allows is a matter of chance.
SPEAKER = """window.speech = {
  say: () => new Promise(() => {}), stop: () => {}, volume: 100, muted: false, blocked: BLOCKED,
};
window.AudioContext = class extends AudioContext { get state() { return "running"; } };"""
# Every word of a call stands within its row, whole.
CUT = """() => [...document.querySelectorAll(".call :is(.number, .place, .place span, .mark, .name)")]
  .filter((text) => {
    const row = text.closest(".call").getBoundingClientRect(), it = text.getBoundingClientRect();
    if (!it.height) return false;
    return it.top < row.top - 1 || it.bottom > row.bottom + 1 || it.right > row.right + 1
      || text.scrollHeight > text.clientHeight + 1 && text.matches(".place");
  }).map((text) => `${text.className} "${text.textContent.trim().slice(0, 30)}" is cut`)"""
OTHER = {"vi": "en", "en": "vi"}


def walk(chromium: Browser, language: Language, size: Size) -> Iterator[tuple[str, Page]]:
    """A morning in the hall; `language` is the boards' first."""
    both = (language, OTHER[language])
    languages = {"hall": both, "named": (language,), "lab": (language,), "full": both}
    boards = [msgspec.structs.replace(board, languages=languages[board.name]) for board in BOARDS]
    with (
        tempfile.TemporaryDirectory(prefix="tiepdon-pictures-") as folder,
        closing(BoardHall(Path(folder), boards)) as halls,
        browsing(chromium, size) as context,
    ):
        page = context.new_page()
        with served(halls.site.app, halls.streams) as address:
            cookies = {"language": language, **halls.site.cookie(Role.RECEPTIONIST)}
            context.add_cookies([{"name": name, "value": value, "url": address} for name, value in cookies.items()])
            for state in _states(halls, page, f"{address}/board"):
                yield state, page
        expect(page.locator("#away")).to_be_visible()
        yield "away", page


def _states(halls: BoardHall, page: Page, address: str) -> Iterator[str]:
    hall = halls.hall
    _speaker(page, blocked=False)
    page.goto(address)
    yield "boards"
    page.goto(f"{address}/none")
    yield "no-such-board"
    page.goto(f"{address}/hall")
    expect(page.locator(".none")).to_be_visible()
    yield "quiet"
    hall.arrive()
    hall.next("2")
    expect(page.locator(".call.new")).to_be_visible()
    yield "first-call"
    for _ in range(4):
        hall.arrive()
    hall.arrive(priority=Priority.PREGNANT)
    urgent = hall.arrive()
    hall.arrive("XN")
    hall.arrive("XN")
    hall.do("prioritise", urgent, Priority.EMERGENCY, True, "", counter="3")
    for counter in ("3", "2", "4", "3", "2"):
        hall.next(counter)
    for name, state in (("lab", "one-room"), ("named", "named"), ("hall", "without-sound"), ("hall", "full")):
        _speaker(page, blocked=state == "without-sound")
        page.goto(f"{address}/{name}")
        expect(page.locator(".call").first).to_be_visible()
        expect(page.locator("#silent")).to_be_visible(visible=state == "without-sound")
        yield state


def _speaker(page: Page, blocked: bool) -> None:
    told = SPEAKER.replace("BLOCKED", "true" if blocked else "false")
    page.unroute("**/static/speech.js*")
    page.route("**/static/speech.js*", lambda route: route.fulfill(body=told, content_type="text/javascript"))


def judge(page: Page) -> list[str]:
    """As every page, and no letter of a call is cut."""
    return [*judge_page(page), *page.evaluate(CUT)]


PART = Part("board", STATES, SIZES, walk, judge)
