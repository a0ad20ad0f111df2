"""One session of the touchscreen: from the kiosk's first answer to the browser's end, with the page's own heartbeat.

A healthy process may stand behind a black screen; so systemd hears a sign of life only while the page itself tells the
kiosk that it shows (kiosk.md 4.4). Must not know which browser or compositor it is.
"""

import contextlib
import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wire.systemd import Attendance, Manager

log = logging.getLogger(__name__)

FRESH_SECONDS = 15.0  # the page tells every few seconds that it shows
FIRST_PAGE_SECONDS = 60.0  # a Pi's Chromium from its start to the first page
STEP_SECONDS = 0.5
STOP_SECONDS = 5.0
EXIT_FAILED = 1

Told = Mapping[str, Any]  # what the kiosk's /health says; empty: it does not answer


@dataclass(frozen=True)
class Kiosk:
    """What the session asks the kiosk: does it have pages, and what does it say of itself."""

    live: Callable[[], bool]
    health: Callable[[], Told]


def shows(told: Told, within: float = FRESH_SECONDS) -> bool:
    """Does the page show, by what the kiosk heard of it in the last `within` seconds?"""
    screen = told.get("screen")
    if not isinstance(screen, dict) or screen.get("visible") is not True:
        return False
    seen = screen.get("seen_seconds")
    return isinstance(seen, int | float) and 0 <= seen <= within


def run_session(
    command: Sequence[str],
    kiosk: Kiosk,
    manager: Manager,
    stop: threading.Event,
    otherwise: Mapping[str, str] | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> int:
    """Wait for the kiosk, start `command` and stay until it ends or `stop` is set; returns 0 when told to stop, else 1.

    Ends also when the page does not show for FIRST_PAGE_SECONDS after the start. Where it never showed, it is tried
    once more with `otherwise` in the environment. Whatever the command started ends with it. Raises OSError when it
    cannot be started.
    """
    manager.tell("STATUS=waiting for the kiosk")
    while not kiosk.live():
        if stop.wait(STEP_SECONDS):
            return 0
    ways: list[Mapping[str, str]] = [{}, *([otherwise] if otherwise else [])]
    for way in ways:
        if way:
            log.warning("no page that way; trying with %s", " ".join(f"{name}={value}" for name, value in way.items()))
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True, env={**os.environ, **way})
        try:
            code, seen = _attend(process, kiosk, manager, stop, clock)
        finally:
            _end(process)
        if code == 0 or seen:
            break
    return code


def _attend(
    process: "subprocess.Popen[bytes]",
    kiosk: Kiosk,
    manager: Manager,
    stop: threading.Event,
    clock: Callable[[], float],
) -> tuple[int, bool]:
    """The exit code, and whether the page ever showed."""
    born, seen = clock(), False

    def alive() -> bool:
        nonlocal seen
        told, age = kiosk.health(), clock() - born
        if seen:
            # A kiosk that says nothing is no fault of the screen: a new browser would not mend it, and the page itself
            # says that the line is down.
            return not told or shows(told)
        if shows(told, min(age, FRESH_SECONDS)):  # what an earlier browser showed is none of this one's
            seen = True
            manager.tell("STATUS=the page shows")
            log.info("the page shows after %.1f s", age)
        return seen

    manager.tell("STATUS=waiting for the page")
    attendance = Attendance(manager, alive, clock)
    while not stop.wait(STEP_SECONDS):
        if process.poll() is not None:
            log.error("the browser ended with %s", process.returncode)
            return EXIT_FAILED, seen
        if not seen and not manager.address:
            alive()
        attendance.look()
        if not seen and clock() - born > FIRST_PAGE_SECONDS:
            log.error("no page within %.0f s", FIRST_PAGE_SECONDS)
            return EXIT_FAILED, seen
    attendance.leave()
    return 0, seen


def _end(process: "subprocess.Popen[bytes]") -> None:
    """The compositor first, which takes its window along; then whatever is left of its group."""
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
