"""The queue as data: where a ticket stands, why somebody goes first, what was called.

Must not import Flask, a device library or a connector.
"""

from dataclasses import dataclass, field
from enum import StrEnum


class Standing(StrEnum):
    """Where a ticket stands."""

    WAITING = "waiting"
    CALLED = "called"  # on the way to the counter
    SERVED = "served"  # is being served there
    HELD = "held"  # put aside by a counter that will take it up again
    MISSED = "missed"  # called as often as the site calls, and never came
    DONE = "done"
    CANCELLED = "cancelled"  # the check-in was taken back


class Priority(StrEnum):
    """Who goes first by law: Law on Medical Examination and Treatment 15/2023/QH15, article 3(2) (kiosk.md 1.2)."""

    NONE = ""
    EMERGENCY = "emergency"
    UNDER_SIX = "under_six"
    PREGNANT = "pregnant"
    SEVERE_DISABILITY = "severe_disability"
    AGED = "aged"  # 75 and over
    MERIT = "merit"  # people with merit to the nation


DECLARED = (Priority.PREGNANT, Priority.SEVERE_DISABILITY, Priority.MERIT)  # what nobody can read off a card


class PriorityBy(StrEnum):
    """Who said so."""

    AGE = "age"  # the birth date that was read
    PERSON = "person"  # declared at the kiosk, to be confirmed
    STAFF = "staff"


class MoveKind(StrEnum):
    """What was done to a ticket; one word for one act, in code, database and catalogue."""

    CALL = "call"
    RECALL = "recall"
    BEGIN = "begin"
    HOLD = "hold"
    RETURN = "return"
    TRANSFER = "transfer"
    MISS = "miss"
    REQUEUE = "requeue"
    FINISH = "finish"
    PRIORITY = "priority"
    UNDO = "undo"
    ONWARD = "onward"  # no act of the staff: a late answer left reception nothing to complete
    CANCEL = "cancel"  # likewise: the check-in was taken back


@dataclass(frozen=True)
class Place:
    """Where a ticket stands now: everything an act may change, and an undo puts back.

    `sort_at`: seconds since the epoch, the moment of arrival less the head start of its priority.
    """

    standing: Standing
    queue: str  # a service's code, or config.front.RECEPTION
    sort_at: int
    priority: Priority = Priority.NONE
    priority_by: PriorityBy | None = None
    confirmed: bool = False
    counter: str | None = None  # where it is called, served or held; else none
    wanted: str | None = None  # the only counter that may call it
    calls: int = 0  # since it last began to wait
    missed: int = 0  # how often it was put back because nobody came
    onward: str = ""  # the queue that follows RECEPTION; empty where none does

    @property
    def urgent(self) -> bool:
        """An emergency waits behind emergencies only."""
        return self.priority is Priority.EMERGENCY


@dataclass(frozen=True)
class Entry:
    """A ticket in the queue. `issued`, `since`: seconds since the epoch, of arrival and of coming where it is."""

    ticket_id: str
    number: str
    day: str
    service_code: str
    visit_id: str | None
    needs_counter: bool
    issued: int
    since: int
    place: Place


@dataclass(frozen=True)
class Call:
    """One call, as a board shows and speaks it. `sequence` counts all calls for ever; `again` is a repeated one."""

    sequence: int
    ticket_id: str
    number: str
    counter: str
    queue: str
    at: int
    priority: Priority
    again: bool
    full_name: str | None = field(default=None, repr=False)  # whole; what of it is shown is the board's setting


@dataclass(frozen=True)
class Wait:
    """How long it may take, whole minutes, always an estimate. `ahead`: people called before, if all goes in order."""

    ahead: int
    least_minutes: int
    most_minutes: int


@dataclass(frozen=True)
class Act:
    """Who does something, where, and under which name: the same name twice is the same act, done once.

    `seen`: the counter's last move (`rows.last_move`) as whoever acts saw it; None: they looked at no counter.
    """

    name: str
    counter: str
    by: str
    seen: int | None = None
