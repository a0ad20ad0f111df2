"""The whole product as a person meets it: `tiepdon run` as a process, the sandbox desk, real Chromium."""

from collections.abc import Callable, Iterator
from contextlib import closing
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from config.settings import load
from kiosk.clock import SystemClock
from kiosk.queue.desk import open_queue
from kiosk.queue.model import Act
from tests.support.world import World

__all__ = ["World", "nobody_waits", "sign_in"]


def sign_in(page: Page, world: World, name: str) -> None:
    """Somebody of the sandbox's staff signs in at the staff's address, by keyboard."""
    page.goto(f"{world.facts['staff']}sign-in")
    expect(page.locator('[name="name"]')).to_be_focused()
    page.keyboard.type(name)
    page.keyboard.press("Tab")
    page.keyboard.type(str(world.facts["pin"]))
    page.keyboard.press("Enter")
    page.wait_for_url(lambda address: not address.endswith("/sign-in"))


def nobody_waits(world: World) -> None:
    """Whoever other tests left in a queue or at a counter is called and finished."""
    settings = load(world.settings)
    with closing(open_queue(settings, SystemClock())) as queue, queue.acting() as acts:
        called = True
        while called:  # who is done at reception waits for what they came for
            called = False
            for counter in queue.rules.counters:
                while acts.call_next(Act(uuid4().hex, counter, "test")):
                    called = True


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    running = World(tmp_path_factory.mktemp("world") / "state")
    yield running
    running.stop()


@pytest.fixture
def browser_page(chromium: Browser) -> Iterator[Callable[[str], Page]]:
    """Open a page on a 7-inch touchscreen (1024 x 600)."""
    contexts: list[BrowserContext] = []

    def open_page(address: str) -> Page:
        context = chromium.new_context(viewport={"width": 1024, "height": 600}, has_touch=True, locale="vi-VN")
        contexts.append(context)
        page = context.new_page()
        page.goto(address)
        return page

    yield open_page
    for context in contexts:
        context.close()
