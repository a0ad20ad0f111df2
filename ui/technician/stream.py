"""The event stream of the message desk's pages: their changing part, while one watch asks the bridge for all of them.

Must not import Flask.
"""

from collections.abc import Callable, Iterable, Iterator

from ui.counter.stream import part_events
from ui.technician.watch import Watch


def watched_events(looks: Iterable[None], watch: Watch, render: Callable[[], str]) -> Iterator[bytes]:
    """Bytes of the stream: `part` each time it looks different, `trouble` with a code while the bridge is away."""
    with watch.open_page():
        yield from part_events(looks, watch.version, render)
