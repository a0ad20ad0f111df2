"""What the API takes and tells, as records: the OpenAPI document is made of these types. No name of a person in any.

Moments are RFC 3339 in the site's time. Must not import Flask.
"""

from datetime import UTC, date, datetime
from typing import Annotated

from msgspec import Meta

from config.front import CounterCode
from config.settings import Settings
from kiosk.clock import at_site, moment
from kiosk.help_calls import HelpCall
from kiosk.queue.desk import CounterView
from kiosk.queue.figures import Figure, Measure
from kiosk.queue.model import Call, Entry, Standing, Wait
from wire.codec import Record

FEWEST = 5  # people of a figure; fewer might be known by their hour and service

Id = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}\Z", description="32 hex digits")]
Day = Annotated[str, Meta(pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])\Z", examples=["2026-11-21"])]
QueueName = Annotated[str, Meta(pattern=r"^[A-Z0-9]{1,9}\Z", description="a service's code, or RECEPTION")]
Reason = Annotated[str, Meta(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*\Z")]
Screen = Annotated[str, Meta(pattern=r"^[a-z_]{1,40}\Z", description="the screen on which help was pressed")]
Number = Annotated[str, Meta(pattern=r"^[A-Z0-9-]{1,32}\Z", description="a ticket's number", examples=["A0012"])]


class Nothing(Record, frozen=True, kw_only=True):
    """No parameters."""


# Parameters.


class AtCounter(Record, frozen=True, kw_only=True):
    """In the path: a counter's code."""

    counter: CounterCode


class OfTicket(Record, frozen=True, kw_only=True):
    """In the path: a ticket's identity."""

    ticket_id: Id


class OfVisit(Record, frozen=True, kw_only=True):
    """In the path: a visit's identity."""

    visit_id: Id


class OfHelpCall(Record, frozen=True, kw_only=True):
    """In the path: the number of a call for help."""

    call_id: Annotated[int, Meta(ge=1, le=2**53)]


class OfProblem(Record, frozen=True, kw_only=True):
    """In the path: an error's code."""

    code: Annotated[str, Meta(pattern=r"^[a-z0-9_.]{1,64}\Z")]


class ByNumber(Record, frozen=True, kw_only=True):
    """In the query: the number on somebody's ticket of today."""

    number: Number


class WhichCalls(Record, frozen=True, kw_only=True):
    """In the query: the calls of one counter (none named: of all), so many at most."""

    counter: CounterCode | None = None
    most: Annotated[int, Meta(ge=1, le=100)] = 20


class Days(Record, frozen=True, kw_only=True):
    """In the query: the first and the last day, both included; at most 366 days are told, the last ones."""

    first: date
    last: date


# Bodies.


class Deed(Record, frozen=True, kw_only=True):
    """Who acts on a ticket: the counter. `reason` is kept."""

    counter: CounterCode
    reason: Reason = ""


class Onward(Record, frozen=True, kw_only=True):
    """Where a ticket waits from now on. `to_counter`: for this one alone."""

    counter: CounterCode
    queue: QueueName
    to_counter: CounterCode | None = None
    reason: Reason = ""


class Ask(Record, frozen=True, kw_only=True):
    """Somebody pressed help at the kiosk whose token this is."""

    screen: Screen = "help"


# Answers.


class ProblemKind(Record, frozen=True, kw_only=True):
    """What an error's code means, in the language asked for."""

    code: str
    cause: str
    cure: str


class Health(Record, frozen=True, kw_only=True):
    """The desk is alive and its database answers. `day`: whose tickets are called."""

    day: Day


class ServiceView(Record, frozen=True, kw_only=True):
    """One thing people come for."""

    code: str
    name_vi: str
    name_en: str
    offered: bool
    identity: Annotated[bool, Meta(description="whether it asks who somebody is")]
    minutes: Annotated[int, Meta(description="what one person takes, as the site reckons")]


class Services(Record, frozen=True, kw_only=True):
    """The site's catalogue."""

    services: tuple[ServiceView, ...]


class CounterPlaceView(Record, frozen=True, kw_only=True):
    """A counter or room that calls people from these queues."""

    code: str
    name_vi: str
    name_en: str
    queues: tuple[str, ...]


class Counters(Record, frozen=True, kw_only=True):
    """Every counter of the site."""

    counters: tuple[CounterPlaceView, ...]


class WaitView(Record, frozen=True, kw_only=True):
    """How long it may take: an estimate, whole minutes."""

    ahead: int
    least_minutes: int
    most_minutes: int


class QueueView(Record, frozen=True, kw_only=True):
    """One queue now. `wait`: of somebody who comes now without a priority; null where nobody calls from it."""

    queue: str
    waiting: int
    wait: WaitView | None


class Queues(Record, frozen=True, kw_only=True):
    """The day's queues."""

    day: Day
    queues: tuple[QueueView, ...]


class TicketView(Record, frozen=True, kw_only=True):
    """Where a ticket stands. `needs_counter`: its record has to be completed."""

    ticket_id: Id
    number: str
    day: Day
    service_code: str
    visit_id: str | None
    queue: str
    standing: Standing
    counter: str | None
    calls: int
    missed: int
    needs_counter: bool
    issued_at: str
    since: str


class TicketNow(Record, frozen=True, kw_only=True):
    """A ticket, and how long it may wait; null where it does not wait."""

    ticket: TicketView
    wait: WaitView | None


class Tickets(Record, frozen=True, kw_only=True):
    """Tickets, none or more."""

    tickets: tuple[TicketView, ...]


class CounterNow(Record, frozen=True, kw_only=True):
    """Whom a counter has, whom it put aside, who comes next, how many wait in each of its queues."""

    counter: str
    current: TicketView | None
    held: tuple[TicketView, ...]
    next_up: tuple[TicketView, ...]
    waiting: dict[str, int]


class Called(Record, frozen=True, kw_only=True):
    """Who was called; null: nobody waits."""

    ticket: TicketView | None


class CallView(Record, frozen=True, kw_only=True):
    """One call. `sequence` counts all calls for ever; `again`: a repeated one."""

    sequence: int
    number: str
    counter: str
    queue: str
    at: str
    again: bool


class Calls(Record, frozen=True, kw_only=True):
    """The newest calls, each ticket once, the newest first."""

    calls: tuple[CallView, ...]


class HelpView(Record, frozen=True, kw_only=True):
    """A call for help at a touchscreen."""

    call_id: int
    kiosk_id: str
    screen: str
    at: str
    answered_at: str | None
    answered_by: str | None


class HelpAsked(Record, frozen=True, kw_only=True):
    """The call for help, as its kiosk may know it."""

    call_id: int
    answered: bool


class HelpList(Record, frozen=True, kw_only=True):
    """Who waits for somebody, the longest first."""

    calls: tuple[HelpView, ...]


class FigureView(Record, frozen=True, kw_only=True):
    """One measure of one queue in one hour, minutes. `few`: fewer than five people, told of nobody."""

    day: str
    hour: int
    queue: str
    measure: Measure
    few: bool
    count: int | None
    median: float | None
    most: float | None


class Figures(Record, frozen=True, kw_only=True):
    """How long people waited and were served."""

    figures: tuple[FigureView, ...]


class Views:
    """From the queue's own values to the API's, in the site's time."""

    def __init__(self, settings: Settings) -> None:
        self._offset = settings.site.utc_offset_minutes

    def moment(self, seconds: int) -> str:
        """A moment in the site's time."""
        return moment(at_site(datetime.fromtimestamp(seconds, UTC), self._offset))

    def ticket(self, entry: Entry) -> TicketView:
        """Where a ticket stands."""
        return TicketView(
            ticket_id=entry.ticket_id,
            number=entry.number,
            day=entry.day,
            service_code=entry.service_code,
            visit_id=entry.visit_id,
            queue=entry.place.queue,
            standing=entry.place.standing,
            counter=entry.place.counter,
            calls=entry.place.calls,
            missed=entry.place.missed,
            needs_counter=entry.needs_counter,
            issued_at=self.moment(entry.issued),
            since=self.moment(entry.since),
        )

    def counter(self, code: str, view: CounterView) -> CounterNow:
        """What a counter sees."""
        return CounterNow(
            counter=code,
            current=self.ticket(view.current) if view.current else None,
            held=tuple(self.ticket(entry) for entry in view.held),
            next_up=tuple(self.ticket(entry) for entry in view.next_up),
            waiting=dict(view.waiting),
        )

    def call(self, call: Call) -> CallView:
        """A call, without the name."""
        return CallView(
            sequence=call.sequence,
            number=call.number,
            counter=call.counter,
            queue=call.queue,
            at=self.moment(call.at),
            again=call.again,
        )

    def help(self, call: HelpCall) -> HelpView:
        """A call for help."""
        return HelpView(
            call_id=call.call_id,
            kiosk_id=call.kiosk_id,
            screen=call.screen,
            at=self.moment(call.at),
            answered_at=None if call.answered_at is None else self.moment(call.answered_at),
            answered_by=call.answered_by,
        )


def wait_view(wait: Wait | None) -> WaitView | None:
    """An estimate."""
    if wait is None:
        return None
    return WaitView(ahead=wait.ahead, least_minutes=wait.least_minutes, most_minutes=wait.most_minutes)


def figure_view(figure: Figure) -> FigureView:
    """A figure; of too few people nothing but that there were some."""
    few = figure.count < FEWEST
    return FigureView(
        day=figure.day,
        hour=figure.hour,
        queue=figure.queue,
        measure=figure.measure,
        few=few,
        count=None if few else figure.count,
        median=None if few else figure.median,
        most=None if few else figure.most,
    )
