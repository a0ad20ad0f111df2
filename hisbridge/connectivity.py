"""Whether an outside system is worth waiting for, told from its last calls: a circuit breaker by history.

`admit` and `settle` are the whole machine, pure, with the moment as an argument; `Breaker` puts a lock and a clock
around them. Nothing here knows what is asked of whom; a person's own answer, whatever it says, is a good call.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from statistics import fmean

from hisbridge.errors import LookupOffline
from wire.codec import Record

HISTORY = 5  # calls remembered
CLEAN_NEEDED = 2  # clean trials, one after the other, before everybody is let through again
SLOW_NEEDED = 3  # calls before their mean says anything: one slow answer does not make a slow system


@dataclass(frozen=True)
class Rules:
    """When a system counts as offline: errors of the last HISTORY calls, their mean in seconds; when it is tried."""

    open_after_errors: int
    slow_seconds: float
    retry_seconds: float


@dataclass(frozen=True)
class Outcome:
    """How a call went: its seconds, the code of what failed on the way or at the server.

    `telling` is False where the outcome says nothing of the line, for example a setting that is missing.
    """

    seconds: float
    error: str | None = None
    telling: bool = True


@dataclass(frozen=True)
class Admission:
    """Leave to call: `epoch` of the line then, and whether the call is the trial of an offline one."""

    epoch: int
    trial: bool


@dataclass(frozen=True)
class Line:
    """What is known of a system. Moments are monotonic seconds."""

    outcomes: tuple[Outcome, ...] = ()
    offline: bool = False
    next_trial: float = 0.0
    trying: bool = False
    clean: int = 0
    epoch: int = 0  # counts the changes between online and offline
    last_error: str | None = None


class LineHealth(Record, frozen=True, kw_only=True):
    """An outside system as `/v1/health` shows it; `mean_seconds` and `errors` are of the last `calls`."""

    name: str
    online: bool
    calls: int
    errors: int
    mean_seconds: float | None = None
    last_error: str | None = None
    next_trial_seconds: float | None = None


def admit(line: Line, now: float) -> tuple[Line, Admission | None]:
    """Leave to call at this moment, or None: the system is offline and no trial is due."""
    if not line.offline:
        return line, Admission(line.epoch, trial=False)
    if line.trying or now < line.next_trial:
        return line, None
    return replace(line, trying=True), Admission(line.epoch, trial=True)


def settle(line: Line, rules: Rules, admission: Admission, outcome: Outcome, now: float) -> Line:
    """The line after an admitted call has ended."""
    if outcome.error is not None:
        line = replace(line, last_error=outcome.error)
    if admission.epoch != line.epoch:
        return line  # begun before the line's state changed: tells of a time that is over
    if line.offline:
        return _after_trial(line, rules, outcome, now) if admission.trial else line
    if not outcome.telling:
        return line
    line = replace(line, outcomes=(*line.outcomes, outcome)[-HISTORY:])
    return _gone_offline(line, rules, now) if _troubled(line.outcomes, rules) else line


def _after_trial(line: Line, rules: Rules, outcome: Outcome, now: float) -> Line:
    line = replace(line, trying=False)
    if not outcome.telling or outcome.error is not None or outcome.seconds > rules.slow_seconds:
        return replace(line, clean=0, next_trial=now + rules.retry_seconds)
    if line.clean + 1 < CLEAN_NEEDED:
        # The next trial need not wait: somebody answers there.
        return replace(line, clean=line.clean + 1, next_trial=now)
    return Line(epoch=line.epoch + 1, last_error=line.last_error)


def _gone_offline(line: Line, rules: Rules, now: float) -> Line:
    return replace(
        line, offline=True, clean=0, trying=False, epoch=line.epoch + 1, next_trial=now + rules.retry_seconds
    )


def _troubled(outcomes: tuple[Outcome, ...], rules: Rules) -> bool:
    if _errors(outcomes) >= rules.open_after_errors:
        return True
    return len(outcomes) >= SLOW_NEEDED and fmean(one.seconds for one in outcomes) > rules.slow_seconds


def _errors(outcomes: tuple[Outcome, ...]) -> int:
    return sum(one.error is not None for one in outcomes)


class Breaker:
    """One outside system's line. May be used from several threads. `name` is what its error codes begin with."""

    def __init__(self, name: str, rules: Rules, monotonic: Callable[[], float]) -> None:
        self.name = name
        self._rules = rules
        self._monotonic = monotonic
        self._line = Line()
        self._lock = threading.Lock()

    def enter(self) -> Admission:
        """Leave to call; whoever gets it says how it went with `leave`. Raises LookupOffline at once."""
        with self._lock:
            self._line, admission = admit(self._line, self._monotonic())
            if admission is None:
                raise LookupOffline(system=self.name, why=self._line.last_error)
            return admission

    def leave(self, admission: Admission, outcome: Outcome) -> None:
        """How the call went."""
        with self._lock:
            self._line = settle(self._line, self._rules, admission, outcome, self._monotonic())

    def online(self) -> bool:
        """Whether everybody is let through at this moment."""
        with self._lock:
            return not self._line.offline

    def health(self) -> LineHealth:
        """The line at this moment."""
        with self._lock:
            line, now = self._line, self._monotonic()
        return LineHealth(
            name=self.name,
            online=not line.offline,
            calls=len(line.outcomes),
            errors=_errors(line.outcomes),
            mean_seconds=round(fmean(one.seconds for one in line.outcomes), 3) if line.outcomes else None,
            last_error=line.last_error,
            next_trial_seconds=round(max(0.0, line.next_trial - now), 3) if line.offline else None,
        )
