"""What technicians and pages are told of the outbox, and how they say which deliveries they mean. Records alone: knows
no database, no connector and no network.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from hisbridge.outbox import State
from hisbridge.records import HospitalAnswer
from wire.codec import Record


class DeskAct(StrEnum):
    """What a technician may do to deliveries."""

    RETRY = "retry"
    REPLAY = "replay"
    HOLD = "hold"
    RELEASE = "release"
    CANCEL = "cancel"
    COMPLETE = "complete"


class Delivery(Record, frozen=True, kw_only=True):
    """One delivery as shown to technicians and scripts, without personal data. Moments are UTC, RFC 3339."""

    delivery_id: int
    record_id: str
    revision: int = 0
    event: str = "arrived"
    destination: str
    idempotency_key: str
    state: State
    attempts: int
    created_at: str
    next_attempt_at: str | None = None
    finished_at: str | None = None
    last_error: str | None = None
    receipt: str | None = None
    open_work: tuple[str, ...] = ()


class Depth(Record, frozen=True, kw_only=True):
    """How much a destination is owed: records waiting, when the oldest was made, how many ended badly, and how many
    were taken with fields that somebody has to complete."""

    waiting: int = 0
    held: int = 0
    oldest_created_at: str | None = None
    acknowledged: int = 0
    rejected: int = 0
    dead: int = 0
    open_work: int = 0


class Pause(Record, frozen=True, kw_only=True):
    """A destination that a technician has paused."""

    destination: str
    paused_at: str
    why: str = ""


class Told(Record, frozen=True, kw_only=True):
    """What a receiver told back of a visit; `seq` grows with every answer."""

    seq: int
    visit_id: str
    destination: str
    answered_at: str
    answer: HospitalAnswer


@dataclass(frozen=True)
class Selection:
    """Which deliveries are meant; every part that is given narrows it. Moments bound `created_at`, `until` excluded.

    `person_key` as of hisbridge.identity; `before` is a delivery's number, for the next page; `open_work`: only what
    was taken with fields that somebody has to complete.
    """

    numbers: Sequence[int] = ()
    destination: str | None = None
    states: Sequence[State] = ()
    since: datetime | None = None
    until: datetime | None = None
    person_key: str | None = None
    record_id: str | None = None
    before: int | None = None
    open_work: bool = False

    @property
    def everything(self) -> bool:
        """Whether nothing narrows it: no act is ever meant so."""
        return self == Selection()
