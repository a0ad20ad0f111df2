"""A reader process that accepts a chip reading and never ends it: `mute_reader.py SOCKET`. Killed by the tests."""

import sys
import threading
from pathlib import Path

from tests.kiosk.stubs import HERE, StubReader


def main(path: str) -> None:
    reader = StubReader()
    reader.presence = HERE
    with reader.serving(Path(path)):
        print("ready", flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main(sys.argv[1])
