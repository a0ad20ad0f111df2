"""The event stream of one board: which version of the pages this is, the board's part, its calls, and heartbeats.

Must not import Flask.
"""

import time
from collections.abc import Callable, Iterator

from ui.board.watch import LOOK_SECONDS, Shown
from ui.touchscreen.stream import HEARTBEAT_SECONDS, Streams, encode
from wire.errors import TiepDonError

MAX_STREAMS = 10  # each holds a thread of the server
TROUBLE_SECONDS = 2.0


def board_events(
    look: Callable[[], Shown],
    build: str,
    streams: Streams,
    monotonic: Callable[[], float] = time.monotonic,
) -> Iterator[bytes]:
    """Bytes of the stream: `hello` with the build, `part` and `calls` whenever they differ, `trouble` with a code.

    Empty where there is nothing new: whoever watches over the stream looks then too (ui/desk/streams.py).
    """
    with streams.joined() as ended:
        yield encode("hello", build)
        shown: Shown | None = None
        beat = monotonic() + HEARTBEAT_SECONDS
        while True:
            try:
                now = look()
            except TiepDonError as error:
                # The board keeps what it has and says that it may be old.
                shown = None
                yield encode("trouble", error.code)
                if ended.wait(TROUBLE_SECONDS):
                    return
                continue
            if now != shown:
                if shown is None or now.part != shown.part:
                    yield encode("part", now.part)
                yield encode("calls", now.calls)
                shown, beat = now, monotonic() + HEARTBEAT_SECONDS
            if monotonic() >= beat:
                yield b": alive\n\n" + encode("alive", "")
                beat = monotonic() + HEARTBEAT_SECONDS
            if ended.wait(LOOK_SECONDS):
                return
            yield b""
