"""A process that reads one keyboard: `python -m tests.support.keyboard_reader DEVICE [USER]`, for keyboards.py.

Tells each text and each new health as a line of JSON, until its standard input ends.
"""

import json
import os
import sys
import threading
import time
from typing import Any

from reader.scanner.hid import KeyboardScanner


def tell(**what: Any) -> None:
    """One line."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def main(device: str) -> None:
    """Read until told to stop."""
    scanner = KeyboardScanner(device, time.monotonic)
    stop = threading.Event()

    def wait_for_the_end() -> None:
        sys.stdin.read()
        stop.set()

    reading = threading.Thread(target=scanner.run, args=(lambda text: tell(text=text), stop))
    ending = threading.Thread(target=wait_for_the_end, daemon=True)
    reading.start()
    ending.start()
    before: Any = None
    while reading.is_alive():
        now = scanner.health()
        if (now["state"], now["problem"]) != before:
            before = now["state"], now["problem"]
            tell(state=now["state"], problem=now["problem"], sees_codes=scanner.sees_codes)
        stop.wait(0.005)


if __name__ == "__main__":
    import evdev  # noqa: F401  # while it may be read

    for user in sys.argv[2:]:
        os.seteuid(int(user))
    main(sys.argv[1])
