"""Looks at the touchscreen: does its page really show? A healthy process behind a black screen helps nobody
(kiosk.md 4.1, 4). The page tells the kiosk every few seconds, the kiosk tells us."""

from collections.abc import Iterator
from typing import Any

from config.settings import Settings, socket_path
from tiepdon.checks.finding import Finding, Status
from wire.client import Client
from wire.errors import Datum, TiepDonError

SCREEN = "screen"
KIOSK_SECONDS = 2.0
SILENT_SECONDS = 30.0


def look_at_screen(settings: Settings) -> Iterator[Finding]:
    """One finding; nothing where the kiosk process does not answer, which is told of that process. On the sandbox a
    screen that nobody opened is no trouble, and where nobody checks in there is none."""
    if not settings.kiosk.touchscreen:
        yield Finding(probe=SCREEN, status=Status.OK, data={"touchscreen": False})
        return
    try:
        health = Client(socket_path(settings, "kiosk"), KIOSK_SECONDS).get("/health", dict[str, Any])
    except TiepDonError:
        return
    told = health.get("screen")
    if not isinstance(told, dict):
        return
    seen, visible = told.get("seen_seconds"), told.get("visible")
    data: dict[str, Datum] = {"seen_seconds": seen, "visible": visible}
    code, status = None, Status.OK
    if not isinstance(seen, int | float):
        code, status = "doctor.screen_unseen", Status.NOTE if settings.site.synthetic else Status.FAIL
    elif seen > SILENT_SECONDS:
        code, status = "doctor.screen_silent", Status.NOTE if settings.site.synthetic else Status.FAIL
    elif visible is False:
        code, status = "doctor.screen_hidden", Status.WARN
    yield Finding(probe=SCREEN, status=status, code=code, data=data)
