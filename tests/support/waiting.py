"""Wait for a condition with a deadline, in small steps: no test sleeps for a fixed time."""

import threading
import time
from collections.abc import Callable

STEP_SECONDS = 0.01
# How long a busy machine may hold up what is due at once, above what quiet ones take by two orders. Where it is a bar,
# what would be waited for in error (a peer that holds back, another time-out) must be LONG_SECONDS away or endless.
BUSY_SECONDS = 20.0
LONG_SECONDS = 60.0


def wait_until(condition: Callable[[], object], seconds: float = BUSY_SECONDS, what: str = "") -> None:
    """Return as soon as `condition()` is true; fail the test when it is not within `seconds`."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what or getattr(condition, '__name__', 'condition')}")
        pause.wait(STEP_SECONDS)
