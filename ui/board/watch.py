"""One look at the queue for all boards: read once when somebody wrote or a day began, however many boards hang there.

Must not import Flask.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from config.front import BoardSettings
from kiosk.queue.board import BoardRead
from kiosk.queue.desk import Queue

LOOK_SECONDS = 0.5  # how soon a call is on the boards
FRESH_SECONDS = 300  # so long a call may still wait for its turn at the loudspeaker


@dataclass(frozen=True)
class Shown:
    """What one board is told: the HTML of its changing part, and its calls as JSON."""

    part: str
    calls: str


class Watch:
    """May be asked from many threads; reads and renders for all of them, at most every half second."""

    def __init__(
        self,
        queue: Queue,
        boards: Sequence[BoardSettings],
        render: Callable[[BoardSettings, BoardRead], Shown],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._queue = queue
        self._boards = tuple(boards)
        self._render = render
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._version: object = None
        self._looked = float("-inf")
        self._shown: Mapping[str, Shown] = {}

    def look(self, name: str) -> Shown:
        """What the board of this name shows now. Raises DatabaseUnavailable, DatabaseOutdated."""
        with self._lock:
            if self._monotonic() - self._looked >= LOOK_SECONDS / 2:
                self._read_anew()
                self._looked = self._monotonic()
            return self._shown[name]

    def _read_anew(self) -> None:
        try:
            version = self._queue.version(), self._queue.day()
            if version == self._version:
                return
            self._version = None
            reads = self._queue.boards(self._boards, FRESH_SECONDS)
        except Exception:
            # Whatever it was: what was read before is not what stands there now, and the next one reads again.
            self._version, self._looked = None, float("-inf")
            raise
        found = zip(self._boards, reads, strict=True)
        self._shown = {board.name: self._render(board, read) for board, read in found}
        self._version = version
