"""The event stream of the message desk's pages: their changing part, while one watch asks the bridge for all of them.

Must not import Flask.
"""

from collections.abc import Callable, Iterator

from ui.counter.stream import part_events
from ui.technician.watch import Watch
from ui.touchscreen.stream import Streams

MAX_STREAMS = 6  # each holds a thread of the server


def watched_events(watch: Watch, render: Callable[[], str], streams: Streams) -> Iterator[bytes]:
    """Bytes of the stream: `part` each time it looks different, `trouble` with a code while the bridge is away."""
    with watch.open_page():
        yield from part_events(watch.version, render, streams)
