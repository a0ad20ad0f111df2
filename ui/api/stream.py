"""The calls as a stream of events, each once, numbered by the call: who was away goes on behind the last one it had.

Must not import Flask.
"""

import time
from collections.abc import Callable, Iterator, Sequence

from ui.api.views import CallView
from wire.codec import to_json

LOOK_SECONDS = 0.5
HEARTBEAT_SECONDS = 2.0  # so soon a stream notices that its server stops or its token ended
LASTS_SECONDS = 300.0  # then it ends by itself and whoever listens comes again: no thread is held for ever


def call_events(
    newest: Callable[[], Sequence[CallView]],
    version: Callable[[], object],
    after: int | None,
    pause: Callable[[float], None] = time.sleep,
    monotonic: Callable[[], float] = time.monotonic,
) -> Iterator[bytes]:
    """Bytes of the stream. `newest`: the calls, the newest first; `after`: the last that was had, None: none yet.

    Without it the stream begins with the calls that stand now. Ends after LASTS_SECONDS.
    """
    began = beat = monotonic()
    seen = 0 if after is None else after
    known: object = None
    yield b"retry: 2000\n\n"
    while monotonic() - began < LASTS_SECONDS:
        if (now := version()) != known:
            known = now
            for call in reversed([one for one in newest() if one.sequence > seen]):
                seen = call.sequence
                yield b"id: %d\nevent: call\ndata: %s\n\n" % (seen, to_json(call))
        if monotonic() - beat >= HEARTBEAT_SECONDS:
            beat = monotonic()
            yield b": alive\n\n"
        yield b""  # nothing new: whoever watches over the stream looks then too (ui/desk/streams.py)
        pause(LOOK_SECONDS)
