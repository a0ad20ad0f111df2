"""How a destination stands with its receiver, as seen by the attempts: told in `/v1/health`, and once in the log.

One line when a trouble begins and one when it ends, whatever lies between. Knows no database and no connector.
"""

import logging
from collections import Counter
from datetime import UTC, datetime
from enum import StrEnum

from msgspec import field

from hisbridge.desk_records import Depth, Pause
from wire.codec import Record

log = logging.getLogger(__name__)

MAX_DETAIL = 200  # characters


class Condition(StrEnum):
    """How a destination is doing."""

    IDLE = "idle"  # nothing tried yet
    WORKING = "working"
    FAILING = "failing"  # the last attempt got no answer or a "later"; the next one is planned
    STOPPED = "stopped"  # the receiver says the set-up is wrong: nothing is sent until `resume` or a restart


class DestinationHealth(Record, frozen=True, kw_only=True):
    """One destination as `/v1/health` shows it. Moments are UTC, RFC 3339."""

    name: str
    connector: str
    condition: Condition
    problem: str | None
    problem_detail: str | None = None  # codes and names of settings, or the receiver's own codes; nothing personal
    failures_in_a_row: int
    stale_answers: int
    last_acknowledged_at: str | None
    paused: bool = False
    paused_at: str | None = None
    why_paused: str | None = None
    waiting: int = 0
    held: int = 0
    oldest_created_at: str | None = None
    acknowledged: int = 0
    rejected: int = 0
    dead: int = 0
    open_work: int = 0
    attempts: dict[str, int] = field(default_factory=dict)  # since the process began: answered, failed, stopped


class Standing:
    """The condition of one destination. Written by its courier's thread, read by others."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.condition = Condition.IDLE
        self.problem: str | None = None
        self.detail: str | None = None
        self.failures = 0  # in a row
        self.last_acknowledged: datetime | None = None
        self.attempts: Counter[str] = Counter()

    @property
    def stopped(self) -> bool:
        """Whether nothing is to be sent until somebody says so."""
        return self.condition is Condition.STOPPED

    def answered(self) -> None:
        """The receiver took or refused a record by itself."""
        if self.condition is Condition.FAILING:
            log.warning("%s: delivering again after %d failures", self.name, self.failures)
        self.condition, self.problem, self.detail, self.failures = Condition.WORKING, None, None, 0
        self.attempts["answered"] += 1

    def failed(self, delivery_id: int, code: str, why: str) -> None:
        """An attempt ended without a word on the record."""
        if self.condition is not Condition.FAILING:
            log.warning("%s: delivery %d waits (%s)", self.name, delivery_id, why)
        self.failures += 1
        self.attempts["failed"] += 1
        self.condition, self.problem, self.detail = Condition.FAILING, code, why

    def database_failed(self, code: str, why: str) -> None:
        """Nothing can be taken from the outbox or noted in it; a stop of the receiver's making is not forgotten."""
        if not self.stopped:
            self.condition, self.problem, self.detail = Condition.FAILING, code, why

    def database_is_well(self, code: str) -> None:
        """It can again; what the receiver said before is not known any more."""
        if self.problem == code:
            self.condition, self.problem, self.detail = Condition.IDLE, None, None

    def stop(self, code: str, why: str) -> None:
        """No record will pass before somebody changes something."""
        log.error("%s: stopped, no record will pass before a setting is changed (%s)", self.name, why)
        self.condition, self.problem, self.detail = Condition.STOPPED, code, why
        self.attempts["stopped"] += 1

    def resume(self) -> None:
        """Somebody changed it: try again."""
        if self.stopped:
            self.condition, self.problem, self.detail, self.failures = Condition.IDLE, None, None, 0

    def health(self, connector: str, stale_answers: int, owed: Depth, pause: Pause | None) -> DestinationHealth:
        """All of it, with what the outbox holds for this destination."""
        last = self.last_acknowledged
        return DestinationHealth(
            name=self.name,
            connector=connector,
            condition=self.condition,
            problem=self.problem,
            problem_detail=_facts(self.problem, self.detail),
            failures_in_a_row=self.failures,
            stale_answers=stale_answers,
            last_acknowledged_at=last.astimezone(UTC).isoformat(timespec="seconds") if last else None,
            paused=pause is not None,
            paused_at=pause.paused_at if pause else None,
            why_paused=pause.why if pause else None,
            waiting=owed.waiting,
            held=owed.held,
            oldest_created_at=owed.oldest_created_at,
            acknowledged=owed.acknowledged,
            rejected=owed.rejected,
            dead=owed.dead,
            open_work=owed.open_work,
            attempts=dict(self.attempts),
        )


def _facts(code: str | None, why: str | None) -> str | None:
    """What the reason tells beyond its code."""
    return (why or "").removeprefix(code or "").strip()[:MAX_DETAIL] or None
