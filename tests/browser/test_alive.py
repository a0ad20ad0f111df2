"""The screen tells that it really shows, from real Chromium; a page that is hidden, hangs or died is noticed."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page
from werkzeug.serving import make_server

from config.settings import load
from tests.support.waiting import BUSY_SECONDS, wait_until
from tests.ui.scripted import ScriptedController, session_of
from ui.app import Care, create_app
from ui.touchscreen.alive import STALE_SECONDS
from ui.touchscreen.stream import Streams

pytestmark = pytest.mark.browser


class Watched:
    """A kiosk whose clock the test sets, and what it says of its screen."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.controller = ScriptedController()
        self.streams = Streams()
        self.app = create_app(load(), self.controller, self.streams, Care(monotonic=self._clock))
        self.client = self.app.test_client()

    def _clock(self) -> float:
        return self.now

    @property
    def screen(self) -> dict[str, object]:
        return dict(self.client.get("/health").get_json()["screen"])

    @property
    def problem(self) -> object:
        return self.client.get("/health/ready").get_json()["parts"]["screen"]

    def is_seen_now(self) -> bool:
        return self.screen["seen_seconds"] == 0.0

    def is_seen_again(self) -> bool:
        """A minute goes by on its clock, and the page tells again."""
        self.now += 60
        wait_until(self.is_seen_now, BUSY_SECONDS, "a beat")
        return True


@contextmanager
def kiosk() -> Iterator[tuple[Watched, str]]:
    watched = Watched()
    server = make_server("127.0.0.1", 0, watched.app, threaded=True)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield watched, f"http://127.0.0.1:{server.port}/"
    finally:
        watched.streams.close()
        server.shutdown()
        server.server_close()


@contextmanager
def page_at(chromium: Browser, address: str) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 1024, "height": 600})
    page = context.new_page()
    page.goto(address)
    page.wait_for_selector("[data-screen]")
    try:
        yield page
    finally:
        context.close()


def renderer_of(chromium: Browser, page: Page) -> int:
    """The process of a page: Chromium keeps spare ones, but only this one computes for as long as the page does."""
    before = computed(chromium)
    while True:
        page.evaluate("const until = performance.now() + 200; while (performance.now() < until);")
        grown = sorted(((now - before.get(pid, 0.0), pid) for pid, now in computed(chromium).items()), reverse=True)
        if grown[0][0] > 0.3 + 3 * grown[1][0]:
            return grown[0][1]


def computed(chromium: Browser) -> dict[int, float]:
    """CPU seconds of each renderer."""
    session = chromium.new_browser_cdp_session()
    told = session.send("SystemInfo.getProcessInfo")["processInfo"]
    session.detach()
    return {int(one["id"]): float(one["cpuTime"]) for one in told if one["type"] == "renderer"}


def test_a_page_that_shows_says_so_and_which_screen_it_is(chromium: Browser) -> None:
    with kiosk() as (watched, address):
        assert watched.screen == {"seen_seconds": None, "visible": False, "name": None, "current": True}
        assert watched.problem == "screen.never_seen"
        with page_at(chromium, address):
            wait_until(watched.is_seen_now, BUSY_SECONDS, "the first beat")
            assert watched.screen == {"seen_seconds": 0.0, "visible": True, "name": "start", "current": True}
            assert watched.problem is None
            watched.controller.show(session_of("keypad-personal_id"))
            wait_until(lambda: watched.screen["name"] == "keypad", BUSY_SECONDS, "the next screen's beat")


def test_a_page_that_is_not_in_view_is_noticed(chromium: Browser) -> None:
    with kiosk() as (watched, address), page_at(chromium, address) as page:
        wait_until(watched.is_seen_now, BUSY_SECONDS, "the first beat")
        page.evaluate(
            """() => {
              Object.defineProperty(document, "visibilityState", { get: () => "hidden", configurable: true });
              document.dispatchEvent(new Event("visibilitychange"));
            }"""
        )
        wait_until(lambda: watched.screen["visible"] is False, BUSY_SECONDS, "it says that it is hidden")
        watched.now += STALE_SECONDS + 1
        assert watched.problem == "screen.hidden"


def test_a_browser_that_paints_no_frame_does_not_count_as_seen(chromium: Browser) -> None:
    with kiosk() as (watched, address), page_at(chromium, address) as page:
        wait_until(watched.is_seen_now, BUSY_SECONDS, "the first beat")
        page.evaluate("window.requestAnimationFrame = () => 0")  # as where the compositor hangs
        wait_until(lambda: watched.screen["visible"] is False, BUSY_SECONDS, "no frame is told as such")


def test_a_page_that_hangs_or_died_falls_silent_and_is_noticed(chromium: Browser) -> None:
    with (
        kiosk() as (other, other_address),
        kiosk() as (watched, address),
        page_at(chromium, other_address),
        page_at(chromium, address) as page,
    ):
        wait_until(watched.is_seen_now, BUSY_SECONDS, "the first beat")
        renderer = renderer_of(chromium, page)
        page.on("crash", lambda _: None)
        os.kill(renderer, signal.SIGSTOP)
        try:
            # Whatever was on its way has come once another page has told twice.
            assert other.is_seen_again()
            watched.now += STALE_SECONDS + 1
            assert other.is_seen_again()
            assert watched.problem == "screen.silent"
        finally:
            os.kill(renderer, signal.SIGCONT)
        wait_until(watched.is_seen_now, BUSY_SECONDS, "it goes on")
        os.kill(renderer, signal.SIGKILL)
        assert other.is_seen_again()
        watched.now += STALE_SECONDS + 1
        assert other.is_seen_again()
        assert watched.problem == "screen.silent"


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"visible": "2", "screen": "start", "build": "0" * 12},
        {"visible": "1", "screen": "Nguyễn Văn An", "build": "0" * 12},
        {"visible": "1", "screen": "a" * 41, "build": "0" * 12},
        {"visible": "1", "screen": "start", "build": "../../etc"},
    ],
)
def test_what_no_page_of_ours_would_tell_is_refused(form: dict[str, str]) -> None:
    watched = Watched()
    said = watched.client.post("/touchscreen/alive", data=form, headers={"HX-Request": "true"})
    assert said.status_code == 400
    assert watched.problem == "screen.never_seen"


def test_another_sites_page_cannot_play_the_screen() -> None:
    watched = Watched()
    form = {"visible": "1", "screen": "start", "build": "0" * 12}
    for headers in ({}, {"HX-Request": "true", "Origin": "http://evil.example"}):
        assert watched.client.post("/touchscreen/alive", data=form, headers=headers).status_code == 403
    assert watched.problem == "screen.never_seen"
    assert watched.client.post("/touchscreen/alive", data=form, headers={"HX-Request": "true"}).status_code == 204
    assert watched.screen["current"] is False  # alive, and of another version
