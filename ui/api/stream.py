"""The calls as a stream of events, each once, numbered by the call: who was away goes on behind the last one it had.

Must not import Flask.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence

from ui.api.views import CallView
from wire.codec import to_json

HEARTBEAT_SECONDS = 2.0
LASTS_SECONDS = 300.0  # then it ends by itself and whoever listens comes again: no thread is held for ever


def call_events(
    looks: Iterable[None],
    newest: Callable[[], Sequence[CallView]],
    version: Callable[[], object],
    after: int | None,
    monotonic: Callable[[], float] = time.monotonic,
) -> Iterator[bytes]:
    """Bytes of the stream. `looks`: when to look whether there are new ones (ui/desk/news.py); `newest`: the calls, the
    newest first; `after`: the last that was had, None: none yet.

    Without it the stream begins with the calls that stand now. Ends after LASTS_SECONDS.
    """
    began = beat = monotonic()
    seen = 0 if after is None else after
    known: object = None
    yield b"retry: 2000\n\n"
    for _ in looks:
        if monotonic() - began >= LASTS_SECONDS:
            return
        if (now := version()) != known:
            known = now
            for call in reversed([one for one in newest() if one.sequence > seen]):
                seen = call.sequence
                yield b"id: %d\nevent: call\ndata: %s\n\n" % (seen, to_json(call))
        if monotonic() - beat >= HEARTBEAT_SECONDS:
            beat = monotonic()
            yield b": alive\n\n"
        yield b""  # nothing new: whoever watches over the stream looks then too (ui/desk/streams.py)
