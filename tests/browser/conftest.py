"""The real pages in Debian's Chromium, on a server whose session the test sets."""

import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from config.settings import Settings
from kiosk.states import Session
from tests.ui.scripted import ScriptedController, many_services
from ui.app import create_app
from ui.screens import screen_of
from ui.touchscreen.stream import Streams
from ui.words import Words

SETTINGS = many_services()


class _QuietHandler(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:
        """Say nothing: pytest shows what matters."""


class Kiosk:
    """The pages on a loopback port; can go away and come back on the same one."""

    def __init__(self, settings: Settings = SETTINGS) -> None:
        self.settings = settings
        self.controller = ScriptedController()
        self._port = 0
        self._server: BaseWSGIServer | None = None
        self._streams = Streams()
        self.start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._port}/"

    def start(self) -> None:
        self._streams = Streams(limit=6)
        app = create_app(self.settings, self.controller, self._streams)
        self._server = make_server("127.0.0.1", self._port, app, threaded=True, request_handler=_QuietHandler)
        self._port = self._server.port
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self) -> None:
        assert self._server is not None
        self._server.shutdown()
        self._streams.close()
        self._server.server_close()


class Screen:
    """A page on a touchscreen; `show` sets the session and waits until it stands there."""

    def __init__(self, page: Page, kiosk: Kiosk) -> None:
        self.page = page
        self.kiosk = kiosk
        self.complaints: list[str] = []
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def open(self) -> None:
        self.page.route("**/voice/**", lambda route: route.fulfill(json={}))  # a house without clips
        self.page.goto(self.kiosk.address)
        self.page.wait_for_selector("[data-screen]")

    def show(self, session: Session) -> None:
        self.kiosk.controller.show(session)
        token = screen_of(session, self.kiosk.settings, Words(session.language)).token
        self.page.wait_for_function(
            """([token, language, warned]) => {
                const screen = document.querySelector("[data-screen]");
                const warning = document.querySelector("[data-screen-warning]");
                return screen && screen.id === "s-" + token && screen.lang === language
                    && document.documentElement.lang === language && Boolean(warning) === warned;
            }""",
            arg=[token, session.language, session.warned],
            polling=50,  # milliseconds; a page that is shown to nobody may paint no frame to look at
        )

    def tap(self, action: str, value: str = "") -> None:
        self.rested()
        self.page.tap(f'[data-action="{action}"]' + (f'[data-value="{value}"]' if value else ""))

    def rested(self) -> None:
        """Until a finger counts again: a screen that has just come takes no touch for a moment."""
        self.page.wait_for_selector("#stage:not([data-fresh])", state="attached")

    def tap_unheeded(self, action: str) -> None:
        """A finger on a button that is not ready; `tap` would wait until it is."""
        box = self.page.locator(f'[data-action="{action}"]').bounding_box()
        assert box is not None
        self.page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)

    def type(self, digits: str) -> None:
        for digit in digits:
            self.page.tap(f'[data-digit="{digit}"]')

    def typed(self) -> str:
        text: str = self.page.eval_on_selector(".typed", "typed => typed.textContent.replace(/\\s/g, '')")
        return text


@pytest.fixture
def kiosk() -> Iterator[Kiosk]:
    running = Kiosk()
    yield running
    running.stop()


@pytest.fixture
def context(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[BrowserContext]:
    """A touchscreen; `@pytest.mark.parametrize("context", [(width, height)], indirect=True)` sets its size."""
    width, height = getattr(request, "param", (1024, 600))
    opened = chromium.new_context(viewport={"width": width, "height": height}, has_touch=True, locale="vi-VN")
    yield opened
    opened.close()


@pytest.fixture
def screen(context: BrowserContext, kiosk: Kiosk) -> Screen:
    opened = Screen(context.new_page(), kiosk)
    opened.open()
    return opened
