"""The event stream that keeps a counter's page in step: its changing part, each time it looks different.

The database is asked whether anybody wrote, which costs microseconds; only then is the part read and made again.
Must not import Flask.
"""

import time
from collections.abc import Callable, Iterator

from kiosk.counter import Version
from ui.touchscreen.stream import HEARTBEAT_SECONDS, Streams, encode
from wire.errors import TiepDonError

LOOK_SECONDS = 0.5  # how soon a change in the database is on the page
MAX_STREAMS = 60  # twenty counters, each with a page or two left behind; each holds a thread of the server


def part_events(
    version: Callable[[], Version],
    render: Callable[[], str],
    streams: Streams,
    monotonic: Callable[[], float] = time.monotonic,
) -> Iterator[bytes]:
    """Bytes of the stream: event `part` with the HTML now, then each that differs, `trouble` while there is none.

    Empty where there is nothing new: whoever watches over the stream looks then too (ui/desk/streams.py).
    """
    with streams.joined() as ended:
        seen: Version | None = None
        shown: str | None = None
        beat = 0.0
        while True:
            try:
                now = version()
                if now != seen:
                    html = render()
                    seen = now
                    if html != shown:
                        yield encode("part", html)
                        shown, beat = html, monotonic() + HEARTBEAT_SECONDS
            except TiepDonError as error:
                # The page keeps what it has and says that it may be old.
                seen = shown = None
                yield encode("trouble", error.code)
                if ended.wait(LOOK_SECONDS * 4):
                    return
                continue
            if monotonic() >= beat:
                yield b": alive\n\n" + encode("alive", "")
                beat = monotonic() + HEARTBEAT_SECONDS
            if ended.wait(LOOK_SECONDS):
                return
            yield b""
