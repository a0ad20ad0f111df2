"""The whole product as a person meets it: `tiepdon run` as a process, the sandbox desk, real Chromium."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.support.world import World

__all__ = ["World"]


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
