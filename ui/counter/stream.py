"""The event stream that keeps a counter's page in step: its changing part, each time it looks different.

The database is asked whether anybody wrote, which costs microseconds; only then is the part read and made again.
Must not import Flask.
"""

import time
from collections.abc import Callable, Iterable, Iterator

from kiosk.counter import Version
from ui.touchscreen.stream import HEARTBEAT_SECONDS, encode
from wire.errors import TiepDonError


def part_events(
    looks: Iterable[None],
    version: Callable[[], Version],
    render: Callable[[], str],
    monotonic: Callable[[], float] = time.monotonic,
) -> Iterator[bytes]:
    """Bytes of the stream: event `part` with the HTML now, then each that differs, `trouble` while there is none.

    `looks`: when to look whether there is something new (ui/desk/news.py); empty where there is not, so that whoever
    watches over the stream looks then too (ui/desk/streams.py).
    """
    seen: Version | None = None
    shown: str | None = None
    beat = 0.0
    for _ in looks:
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
            continue
        if monotonic() >= beat:
            yield b": alive\n\n" + encode("alive", "")
            beat = monotonic() + HEARTBEAT_SECONDS
        yield b""
