"""The event stream of one board: which version of the pages this is, the board's part, its calls, and heartbeats.

Must not import Flask.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from ui.touchscreen.stream import HEARTBEAT_SECONDS, encode
from wire.codec import to_json
from wire.errors import TiepDonError


@dataclass(frozen=True)
class Shown:
    """What one board is told: the HTML of its changing part, and its calls. `now` is asked whenever they are told
    (seconds since the epoch): what is shared may have been made hours ago, and boards set their clocks by it."""

    part: str
    told: object
    now: Callable[[], float] = field(default=time.time, compare=False)

    @property
    def calls(self) -> str:
        """As JSON, with the server's clock."""
        return to_json({"now": self.now(), "told": self.told}).decode()


def board_events(
    looks: Iterable[None], look: Callable[[], Shown], build: str, monotonic: Callable[[], float] = time.monotonic
) -> Iterator[bytes]:
    """Bytes of the stream: `hello` with the build, `part` and `calls` whenever they differ, `trouble` with a code.

    `looks`: when to look whether there is something new (ui/desk/news.py); empty where there is not, so that whoever
    watches over the stream looks then too (ui/desk/streams.py).
    """
    yield encode("hello", build)
    shown: Shown | None = None
    beat = monotonic() + HEARTBEAT_SECONDS
    for _ in looks:
        try:
            now = look()
        except TiepDonError as error:
            # The board keeps what it has and says that it may be old.
            shown = None
            yield encode("trouble", error.code)
            continue
        if now != shown:
            if shown is None or now.part != shown.part:
                yield encode("part", now.part)
            yield encode("calls", now.calls)
            shown, beat = now, monotonic() + HEARTBEAT_SECONDS
        if monotonic() >= beat:
            yield b": alive\n\n" + encode("alive", "")
            beat = monotonic() + HEARTBEAT_SECONDS
        yield b""
