"""What a dead file server or a dying stick may never answer, asked so that the command still ends and says so.

No system call that waits for a file server can be taken back; the thread that made it is left behind, and ends with the
process. Must not know what is asked.
"""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
Beat = Callable[[], None]  # called whenever something was got done


class NoAnswer(Exception):
    """Nothing was got done for too long."""


def patiently(work: Callable[[Beat], T], seconds: float) -> T:
    """What `work` returns or raises. Raises NoAnswer when for so many seconds it neither ends nor beats."""
    ended = threading.Event()
    got: list[T] = []
    trouble: list[BaseException] = []
    last = time.monotonic()

    def beat() -> None:
        nonlocal last
        last = time.monotonic()

    def run() -> None:
        try:
            got.append(work(beat))
        except BaseException as error:
            trouble.append(error)
        finally:
            ended.set()

    threading.Thread(target=run, name="patience", daemon=True).start()
    while not ended.wait(max(last + seconds - time.monotonic(), 0.01)):
        if time.monotonic() - last >= seconds:
            raise NoAnswer
    if trouble:
        raise trouble[0]
    return got[0]
