"""The message desk in real Chromium: fixtures that its tests share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from kiosk.accounts import Role
from tests.ui.browsing import opened_page, served
from tests.ui.technician_desk import MessageDesk

RECOVERS_MS = 10_000
# Refused forms and an absent bridge are told by the browser as resources that failed.
EXPECTED = ("422", "503")


@pytest.fixture
def desk(run_dir: Path) -> Iterator[MessageDesk]:
    opened = MessageDesk(run_dir, watching=True)
    yield opened
    opened.close()


@pytest.fixture
def address(desk: MessageDesk) -> Iterator[str]:
    with served(desk.app, desk.streams) as at:
        yield f"{at}/technician"


@pytest.fixture
def page(chromium: Browser, desk: MessageDesk, address: str, request: pytest.FixtureRequest) -> Iterator[Page]:
    cookies = {"language": getattr(request, "param", "vi"), **desk.site.cookie(Role.SUPERVISOR)}
    with opened_page(chromium, address.removesuffix("/technician"), cookies, EXPECTED, clipboard=True) as opened:
        yield opened
