"""How fast, how often and how many at once: the back-off after failures, and a destination's own pace. Pure."""

import time
from collections.abc import Callable
from dataclasses import dataclass

RECEIVER_TRIES = 16  # alone at its destination a record meets them in about twenty minutes
LONGEST_DOUBLING = 32  # beyond it 2**n only grows past any cap
BATCH = 50  # deliveries taken at once, at most
MOST_SILENCES = 1000  # records remembered
CAREFUL_BATCH = 2  # where a record in doubt costs somebody's time; one alone could not show whose trouble it is


@dataclass(frozen=True)
class Backoff:
    """Exponential back-off with full jitter: `draw` gives a number in [0, 1)."""

    first_seconds: float
    longest_seconds: float
    draw: Callable[[], float]

    def pause(self, failures: int) -> float:
        """Seconds to wait after this many failures in a row."""
        ceiling = self.first_seconds * 2.0 ** min(max(failures - 1, 0), LONGEST_DOUBLING)
        return self.draw() * min(ceiling, self.longest_seconds)


class Silences:
    """Which records the receiver stays silent on while it answers others. In memory: a restart begins anew."""

    def __init__(self) -> None:
        self._answers = 0
        self._met: dict[int, int] = {}

    def answered(self) -> None:
        """Some record got a good word or a bad one."""
        self._answers += 1

    def alone(self, delivery_id: int) -> bool:
        """This record met silence: whether it did before, and others were answered since."""
        if len(self._met) >= MOST_SILENCES and delivery_id not in self._met:
            self._met.clear()
        before = self._met.get(delivery_id)
        self._met[delivery_id] = self._answers
        return before is not None and before < self._answers


@dataclass(frozen=True)
class Pace:
    """How fast and how often: seconds between two messages, the clock (monotonic seconds) for that and for batches,
    how many troubles of the receiver one record may meet that others do not, and how many records are taken at once:
    whatever is taken when the process dies is in doubt."""

    min_interval_seconds: float = 0.0
    monotonic: Callable[[], float] = time.monotonic
    receiver_tries: int = RECEIVER_TRIES
    batch: int = BATCH
