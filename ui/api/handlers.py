"""What each operation does: from what was asked to a record. Must not import Flask.

A machine or an account is written down as who acted; whom of the people it concerns only by ticket.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from config.settings import Settings
from hisbridge.arrivals import Arrival
from hisbridge.records import PatientRecord
from kiosk.arrivals import Arrivals, Outcome, open_arrivals
from kiosk.clock import Clock
from kiosk.help_calls import HelpCalls, NoSuchHelpCall, open_help_calls
from kiosk.machines import Scope
from kiosk.queue import rows
from kiosk.queue.acts import Acts
from kiosk.queue.desk import Queue, open_queue
from kiosk.queue.errors import NoSuchTicket
from kiosk.queue.figures import figures
from kiosk.queue.model import Act, Entry
from kiosk.queue.waits import wait_of_newcomer
from kiosk.visit_views import VisitViews, open_visit_views
from ui.api import views
from ui.api.problems import NoSuchProblem
from ui.desk.access import Signed
from ui.words import Words, keys
from wire.codec import Record, to_json

MOST_DAYS = 366

_TODAY = "SELECT id FROM tickets WHERE day = ? AND number = ? ORDER BY rowid LIMIT 20"


class Taken(Record, frozen=True, kw_only=True):
    """What became of an arrival; nothing of the person."""

    outcome: Outcome


@dataclass(frozen=True)
class Asked:
    """One request, understood: parameters and body by the operation's own types, who asks, and under which key."""

    path: Any
    query: Any
    body: Any
    who: Signed
    key: str
    language: str
    sent_at: datetime | None

    @property
    def by(self) -> str:
        """Who is written down. A machine as one, since it may have anybody's name; no account's holds a colon."""
        return f"machine:{self.who.machine}" if self.who.machine else self.who.account

    def act(self, operation: str, counter: str) -> Act:
        """The act under a name of its own: the same request of the same caller under the same key is done once."""
        told = [self.by, self.key, operation, counter, self.path, self.body]
        return Act("api:" + hashlib.sha256(to_json(told)).hexdigest()[:40], counter, self.by)


class Desk:
    """What the operations stand on, each part opened at its first use."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.settings = settings
        self.views = views.Views(settings)
        self.queue: Queue = open_queue(settings, clock)
        self.arrivals: Arrivals = open_arrivals(settings, clock)
        self.help: HelpCalls = open_help_calls(settings, clock)
        self.visits: VisitViews = open_visit_views(settings, clock)
        self.clock = clock

    def close(self) -> None:
        """Let the database go."""
        for part in (self.queue, self.arrivals, self.help, self.visits):
            part.close()


Handler = Callable[[Desk, Asked], Any]


def health(desk: Desk, _: Asked) -> views.Health:
    """Alive, and the database answers."""
    return views.Health(day=desk.queue.day())


def problem(_: Desk, asked: Asked) -> views.ProblemKind:
    """The words of an error's code."""
    code = asked.path.code
    if f"error.{code}" not in keys("en") or f"error.{code}.cure" not in keys("en"):
        raise NoSuchProblem
    told = Words(asked.language).error(code)
    return views.ProblemKind(code=code, cause=told.cause, cure=told.cure)


def services(desk: Desk, _: Asked) -> views.Services:
    """The catalogue."""
    return views.Services(
        services=tuple(
            views.ServiceView(
                code=one.code,
                name_vi=one.name_vi,
                name_en=one.name_en,
                offered=one.offered,
                identity=one.identity,
                minutes=one.minutes,
            )
            for one in desk.settings.kiosk.services
        )
    )


def counters(desk: Desk, _: Asked) -> views.Counters:
    """Every counter."""
    return views.Counters(
        counters=tuple(
            views.CounterPlaceView(code=one.code, name_vi=one.name_vi, name_en=one.name_en, queues=one.queues)
            for one in desk.queue.rules.counters.values()
        )
    )


def queues(desk: Desk, _: Asked) -> views.Queues:
    """How many wait for what, and how long somebody would who came now."""
    rules, now = desk.queue.rules, desk.clock.now()
    names = dict.fromkeys(queue for one in rules.counters.values() for queue in one.queues)
    names.update(dict.fromkeys(rules.services))
    with desk.queue.connection.using() as connection:
        day = Acts(connection, rules, desk.clock).day()
        found = tuple(
            views.QueueView(
                queue=name,
                waiting=rows.count_all(connection, day, name),
                wait=views.wait_view(wait_of_newcomer(connection, rules, day, name, now)),
            )
            for name in names
        )
    return views.Queues(day=day, queues=found)


def counter(desk: Desk, asked: Asked) -> views.CounterNow:
    """What a counter sees."""
    code = asked.path.counter
    return desk.views.counter(code, desk.queue.counter(code))


def calls(desk: Desk, asked: Asked) -> views.Calls:
    """The newest calls."""
    wanted = asked.query
    return calls_of(desk, wanted.counter, wanted.most)


def calls_of(desk: Desk, counter_code: str | None, most: int) -> views.Calls:
    """The newest calls of a counter, or of all; of a counter that is none there are none."""
    if counter_code is not None and counter_code not in desk.queue.rules.counters:
        return views.Calls(calls=())
    found = desk.queue.calls(() if counter_code is None else (counter_code,), most)
    return views.Calls(calls=tuple(desk.views.call(one) for one in found))


def tickets(desk: Desk, asked: Asked) -> views.Tickets:
    """Whoever holds that number today."""
    with desk.queue.connection.using() as connection:
        day = Acts(connection, desk.queue.rules, desk.clock).day()
        names = [row["id"] for row in connection.execute(_TODAY, (day, asked.query.number))]
        found = [entry for name in names if (entry := rows.one(connection, name)) is not None]
    return views.Tickets(tickets=tuple(desk.views.ticket(entry) for entry in found))


def ticket(desk: Desk, asked: Asked) -> views.TicketNow:
    """One ticket, of whatever day."""
    name = asked.path.ticket_id
    with desk.queue.connection.using() as connection:
        entry = rows.one(connection, name)
    if entry is None:
        raise NoSuchTicket
    return views.TicketNow(ticket=desk.views.ticket(entry), wait=views.wait_view(desk.queue.wait_of(name)))


def call_next(desk: Desk, asked: Asked) -> views.Called:
    """Finish whom the counter serves, and call the next."""
    with desk.queue.acting() as acts:
        entry = acts.call_next(asked.act("call_next", asked.path.counter))
    return views.Called(ticket=desk.views.ticket(entry) if entry else None)


def undo(desk: Desk, asked: Asked) -> views.Tickets:
    """Take back what the counter did last."""
    with desk.queue.acting() as acts:
        touched = acts.undo(asked.act("undo", asked.path.counter))
    return views.Tickets(tickets=tuple(desk.views.ticket(entry) for entry in touched))


def _deed(name: str, do: Callable[[Acts, Act, str, Any], Entry]) -> Handler:
    def work(desk: Desk, asked: Asked) -> views.TicketView:
        act = asked.act(name, asked.body.counter)
        with desk.queue.acting() as acts:
            return desk.views.ticket(do(acts, act, asked.path.ticket_id, asked.body))

    return work


call = _deed("call", lambda acts, act, name, told: acts.call(act, name, told.reason))
recall = _deed("recall", lambda acts, act, name, _: acts.recall(act, name))
begin = _deed("begin", lambda acts, act, name, _: acts.begin(act, name))
hold = _deed("hold", lambda acts, act, name, told: acts.hold(act, name, told.reason))
give_back = _deed("return", lambda acts, act, name, told: acts.return_to_queue(act, name, told.reason))
miss = _deed("miss", lambda acts, act, name, _: acts.miss(act, name))
finish = _deed("finish", lambda acts, act, name, _: acts.finish(act, name))
transfer = _deed(
    "transfer", lambda acts, act, name, told: acts.transfer(act, name, told.queue, told.to_counter, told.reason)
)


def visit(desk: Desk, asked: Asked) -> PatientRecord:
    """One visit's record, whole; that it was told is written down first."""
    return desk.visits.whole(asked.path.visit_id, asked.by)


def help_calls(desk: Desk, _: Asked) -> views.HelpList:
    """Who waits for somebody."""
    return views.HelpList(calls=tuple(desk.views.help(one) for one in desk.help.open()))


def ask_help(desk: Desk, asked: Asked) -> views.HelpAsked:
    """Somebody pressed help at the kiosk whose token this is; pressed again it is the same call."""
    made = desk.help.ask(asked.who.machine, asked.body.screen)
    return views.HelpAsked(call_id=made.call_id, answered=made.answered_at is not None)


def help_call(desk: Desk, asked: Asked) -> views.HelpAsked:
    """A call for help as it stands; to a kiosk another's call is none."""
    found = desk.help.one(asked.path.call_id)
    if asked.who.machine and Scope.CALL not in asked.who.scopes and found.kiosk_id != asked.who.machine:
        raise NoSuchHelpCall
    return views.HelpAsked(call_id=found.call_id, answered=found.answered_at is not None)


def answer_help(desk: Desk, asked: Asked) -> views.HelpView:
    """Somebody is coming."""
    return desk.views.help(desk.help.answer(asked.path.call_id, asked.by))


def figures_by_day(desk: Desk, asked: Asked) -> views.Figures:
    """What these days were like, nobody to be known."""
    last = asked.query.last
    first = max(asked.query.first, last - timedelta(days=MOST_DAYS - 1) if last.year > 1 else last)
    offset = desk.settings.site.utc_offset_minutes
    with desk.queue.connection.using() as connection:
        found = figures(connection, first.isoformat(), last.isoformat(), offset)
    return views.Figures(figures=tuple(views.figure_view(one) for one in found))


def arrive(desk: Desk, asked: Asked) -> Taken:
    """Take over another kiosk's check-in, or what became of it."""
    told: Arrival = asked.body
    return Taken(outcome=desk.arrivals.take(told, asked.who.machine, asked.sent_at))
