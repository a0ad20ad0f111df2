"""The message desk in real Chromium: fixtures that its tests share."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page
from werkzeug.serving import WSGIRequestHandler, make_server

from tests.ui.technician_desk import MessageDesk

RECOVERS_MS = 10_000


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def desk(run_dir: Path) -> Iterator[MessageDesk]:
    opened = MessageDesk(run_dir, watching=True)
    yield opened
    opened.close()


@pytest.fixture
def address(desk: MessageDesk) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, desk.app, threaded=True, request_handler=_Quiet)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield f"http://127.0.0.1:{server.port}/technician"
    desk.streams.close()
    server.shutdown()
    server.server_close()


@pytest.fixture
def page(chromium: Browser, address: str, request: pytest.FixtureRequest) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 1280, "height": 800}, locale="vi-VN")
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    language = getattr(request, "param", "vi")
    context.add_cookies([{"name": "technician_language", "value": language, "url": address}])
    opened = context.new_page()
    complaints: list[str] = []
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("console", lambda told: complaints.append(told.text) if told.type in ("error", "warning") else None)
    yield opened
    context.close()
    # Refused forms and an absent bridge are told by the browser as resources that failed; nothing else may be said.
    assert [told for told in complaints if "422" not in told and "503" not in told] == []


def named(page: Page, name: str = "Lan") -> None:
    """Say who asks."""
    page.fill("#f-by", name)
