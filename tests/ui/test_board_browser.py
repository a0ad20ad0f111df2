"""The boards in real Chromium: read from afar, spoken in turn, honest when they may be old, back by themselves."""

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from werkzeug.serving import make_server

from kiosk.accounts import Role
from kiosk.queue.model import Priority
from tests.browser.axe import violations
from tests.support.waiting import wait_until
from tests.ui.board_hall import BoardHall
from tests.ui.browsing import MEASURE, _Quiet, opened_page
from ui.desk.news import News

pytestmark = pytest.mark.browser

SIZES = [(1920, 1080), (1080, 1920), (1366, 768)]
# Chromium's own word on a page that may make no sound yet, on a server that is away, and on one that refuses.
EXPECTED = ("AudioContext", "ERR_", "MIME", "404", "401")
# A loudspeaker that keeps what it was told to say until the test lets it end.
SPEAKER = """window.speech = (() => {
  const told = [];
  let ended = [];
  return {
    say: (language, clips) => new Promise((done) => { told.push([language, ...clips]); ended.push(done); }),
    end: () => { const all = ended; ended = []; all.forEach((done) => done(true)); return all.length; },
    told, stop: () => {}, volume: 100, muted: false, blocked: false,
  };
})();"""


# Capitals are read from three hundred times their height: from ten metres 33.3 mm, which is 46.7 mm of the letters'
# size, on a screen of 32 inches (398 mm on its shorter side).
OF_THE_SCREEN = 46.7 / 398
# What reaches out of its row, a row out of the list, and a room's name that is cut.
OUTSIDE = """() => {
  const reaches = (inner, outer) => {
    const it = inner.getBoundingClientRect(), room = outer.getBoundingClientRect();
    return it.width && (it.top < room.top - 1 || it.bottom > room.bottom + 1 || it.right > room.right + 1);
  };
  const calls = [...document.querySelectorAll('.call')], list = document.querySelector('.calls');
  const wrong = calls.filter((call) => reaches(call, list));
  for (const call of calls) wrong.push(...[...call.querySelectorAll('span')].filter((text) => reaches(text, call)));
  for (const place of document.querySelectorAll('.place')) {
    if (place.scrollHeight > place.clientHeight + 1) wrong.push(place);
  }
  return wrong.map((one) => `${one.className}: ${one.textContent.trim()}`);
}"""


class Server:
    """The staff's pages on one port, that can be switched off and on."""

    def __init__(self, boards: BoardHall) -> None:
        self._boards = boards
        self._port = 0
        self._running: Any = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        self._boards.streams.news = News(self._boards.streams.news.version)
        self._running = make_server(
            "127.0.0.1", self._port, self._boards.site.app, threaded=True, request_handler=_Quiet
        )
        self._port = self._running.port
        threading.Thread(target=self._running.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self) -> None:
        if self._running is not None:
            self._boards.streams.close()
            self._running.shutdown()
            self._running.server_close()
            self._running = None


@pytest.fixture
def boards(run_dir: Path) -> Iterator[BoardHall]:
    with closing(BoardHall(run_dir)) as opened:
        yield opened


@pytest.fixture
def server(boards: BoardHall) -> Iterator[Server]:
    running = Server(boards)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def page(chromium: Browser, boards: BoardHall, server: Server) -> Iterator[Page]:
    with opened_page(chromium, server.address, boards.site.cookie(Role.RECEPTIONIST), EXPECTED) as opened:
        yield opened


def busy(boards: BoardHall) -> None:
    """Eight calls: a long room, a priority, an emergency, and people who wait."""
    hall = boards.hall
    for _ in range(8):
        hall.arrive()
    hall.arrive(priority=Priority.PREGNANT)
    urgent = hall.arrive()
    hall.arrive("XN")
    hall.arrive("XN")
    hall.do("prioritise", urgent, Priority.EMERGENCY, True, "", counter="3")
    for counter in ("3", "2", "4", "3", "2", "3", "3", "4", "2"):
        hall.next(counter)


def spoken(page: Page) -> list[list[str]]:
    found: list[list[str]] = page.evaluate("speech.told")
    return found


def with_speaker(page: Page) -> None:
    page.route("**/static/speech.js*", lambda route: route.fulfill(body=SPEAKER, content_type="text/javascript"))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ["hall", "named", "full"])
def test_a_full_board_is_legible_and_nothing_is_cut(
    page: Page, boards: BoardHall, server: Server, name: str, size: tuple[int, int]
) -> None:
    busy(boards)
    with_speaker(page)  # and sound allowed: the band that asks for it would come in the middle, and take room
    page.add_init_script('AudioContext = class extends AudioContext { get state() { return "running"; } };')
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.goto(f"{server.address}/board/{name}")
    expect(page.locator(".call").first).to_be_visible()
    page.wait_for_function(f"() => document.fonts.status === 'loaded' && !({OUTSIDE})().length")
    assert page.evaluate(MEASURE) == []
    if name == "hall":  # the same rules for the same marks: once is enough
        assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")
    letters = page.evaluate("parseFloat(getComputedStyle(document.querySelector('.call .number')).fontSize)")
    assert letters >= OF_THE_SCREEN * min(size)


def test_a_new_call_is_marked_by_a_word_and_a_frame_and_spoken_in_each_language(
    page: Page, boards: BoardHall, server: Server
) -> None:
    with_speaker(page)
    page.goto(f"{server.address}/board/hall")
    expect(page.locator(".none")).to_contain_text("Chưa gọi số nào")
    boards.hall.arrive()
    boards.hall.next("2")
    expect(page.locator(".call.new")).to_contain_text("Vừa gọi")
    expect(page.locator("#clock")).to_have_text("07:45")
    for number, (language, again) in enumerate([("vi", False), ("en", False), ("vi", True), ("en", True)]):
        wait_until(lambda number=number: len(spoken(page)) == number + 1)  # type: ignore[misc]
        told = spoken(page)[number]
        assert (told[0], "voice.again" in told) == (language, again)
        assert told[-2:] == ["voice.to_counter", "voice.digit.2"]
        assert page.evaluate("speech.end()") == 1
    boards.hall.do("recall", boards.hall.sees("2").current.ticket_id, counter="2")  # type: ignore[union-attr]
    wait_until(lambda: len(spoken(page)) == 5)


def test_calls_while_one_is_spoken_wait_their_turn_and_a_reload_says_nothing_twice(
    page: Page, boards: BoardHall, server: Server
) -> None:
    with_speaker(page)
    for _ in range(3):
        boards.hall.arrive()
    page.goto(f"{server.address}/board/named")
    boards.hall.next("2")
    wait_until(lambda: len(spoken(page)) == 1)
    boards.hall.next("3")
    expect(page.locator(".call")).to_have_count(2)
    assert len(spoken(page)) == 1
    page.evaluate("speech.end()")
    wait_until(lambda: len(spoken(page)) == 2)
    page.reload()
    expect(page.locator(".call")).to_have_count(2)
    wait_until(lambda: len(spoken(page)) == 1)
    assert spoken(page)[0][-1] == "voice.digit.3"  # which was waiting; the first was begun before


def test_a_board_without_its_server_says_that_it_may_be_old_and_comes_back_by_itself(
    page: Page, boards: BoardHall, server: Server
) -> None:
    boards.hall.arrive()
    boards.hall.arrive()
    boards.hall.next("2")
    page.goto(f"{server.address}/board/hall")
    expect(page.locator(".call .number")).to_have_text("K0001")
    expect(page.locator("#away")).to_be_hidden()
    server.stop()
    expect(page.locator("#away")).to_contain_text("Mất kết nối từ 07:45")
    expect(page.locator(".call .number")).to_have_text("K0001")
    assert violations(page) == []
    assert page.evaluate(MEASURE) == []
    boards.hall.next("2")
    server.start()
    expect(page.locator(".call .number").first).to_have_text("K0002")
    expect(page.locator("#away")).to_be_hidden()


def test_a_board_that_may_not_see_this_any_more_shows_nothing_and_says_so(
    page: Page, boards: BoardHall, server: Server
) -> None:
    boards.hall.arrive()
    boards.hall.next("2")
    page.goto(f"{server.address}/board/named")
    expect(page.locator(".call .name")).to_have_text("N. T. LAN")
    cookies = page.context.cookies()
    page.context.clear_cookies()
    sleep(page)
    expect(page.locator("#over")).to_contain_text("không còn quyền xem")
    expect(page.locator(".call")).to_have_count(0)
    expect(page.locator("#away")).to_be_hidden()
    assert violations(page) == []
    page.context.add_cookies(cookies)  # let in anew
    expect(page.locator(".call .number")).to_have_text("K0001")
    expect(page.locator("#over")).to_be_hidden()


def sleep(page: Page) -> None:
    """An hour passes on the wall's clock and in no other way."""
    page.evaluate("(() => { const now = Date.now; Date.now = () => now() + 3600e3; })()")


def test_a_machine_that_slept_asks_anew_at_once(page: Page, boards: BoardHall, server: Server) -> None:
    page.goto(f"{server.address}/board/hall")
    expect(page.locator(".none")).to_be_visible()
    with page.expect_request("**/board/hall/events"):
        sleep(page)
    expect(page.locator("#clock")).to_have_text("07:45")
    expect(page.locator("#away")).to_be_hidden()


def test_a_board_of_an_older_version_loads_the_new_one(page: Page, boards: BoardHall, server: Server) -> None:
    page.goto(f"{server.address}/board/hall")
    expect(page.locator(".none")).to_be_visible()
    old = "**/board/hall"
    page.route(
        old,
        lambda route: route.fulfill(
            body=route.fetch().text().replace('data-build="', 'data-build="old'), content_type="text/html"
        ),
        times=1,
    )
    page.reload()
    wait_until(lambda: "old" not in (page.get_attribute("body", "data-build") or "old"))
    expect(page.locator(".none")).to_be_visible()


def test_a_browser_that_allows_no_sound_is_told_of_until_somebody_touches_the_board(page: Page, server: Server) -> None:
    page.goto(f"{server.address}/board/hall")
    expect(page.locator("#silent")).to_contain_text("Chưa có tiếng")
    page.locator("#silent").click()
    expect(page.locator("#silent")).to_be_hidden()


def test_with_the_kiosks_policy_a_board_sounds_though_nobody_ever_touched_it(
    chromium: Browser, boards: BoardHall, server: Server
) -> None:
    """As docs/first-day.md starts it."""
    policy = ["--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required"]
    kiosk = chromium.browser_type.launch(executable_path="/usr/bin/chromium", args=policy)
    try:
        with opened_page(kiosk, server.address, boards.site.cookie(Role.RECEPTIONIST), ()) as page:
            with_speaker(page)
            page.add_init_script(
                "window.states = []; const make = AudioContext; window.AudioContext = function () {"
                " const made = new make(); states.push(made); return made; };"
            )
            page.goto(f"{server.address}/board/hall")
            boards.hall.arrive()
            boards.hall.next("2")
            wait_until(lambda: len(spoken(page)) == 1)
            assert page.evaluate("states.map((one) => one.state)") == ["running"]
            expect(page.locator("#silent")).to_be_hidden()
    finally:
        kiosk.close()


def test_a_board_that_speaks_nothing_asks_for_no_sound(page: Page, boards: BoardHall, server: Server) -> None:
    page.route(
        "**/board/hall",
        lambda route: route.fulfill(
            body=route.fetch().text().replace('data-volume="80"', 'data-volume="0"'), content_type="text/html"
        ),
    )
    page.goto(f"{server.address}/board/hall")
    expect(page.locator(".none")).to_be_visible()
    expect(page.locator("#silent")).to_be_hidden()


def test_with_reduced_motion_a_new_call_keeps_its_word_and_moves_nothing(
    page: Page, boards: BoardHall, server: Server
) -> None:
    page.emulate_media(reduced_motion="reduce")
    boards.hall.arrive()
    boards.hall.next("2")
    page.goto(f"{server.address}/board/hall")
    expect(page.locator(".call .mark.new")).to_be_visible()
    assert page.evaluate("document.getAnimations().length") == 0
