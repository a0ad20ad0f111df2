"""Wait for a condition with a deadline, in small steps: no test sleeps for a fixed time."""

import threading
import time
from collections.abc import Callable

STEP_SECONDS = 0.01


def wait_until(condition: Callable[[], object], seconds: float = 5.0, what: str = "") -> None:
    """Return as soon as `condition()` is true; fail the test when it is not within `seconds`."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what or getattr(condition, '__name__', 'condition')}")
        pause.wait(STEP_SECONDS)
