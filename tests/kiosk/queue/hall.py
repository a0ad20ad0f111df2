"""A hall with a kiosk and counters on a real database: people arrive, counters press keys, the clock moves by hand."""

import itertools
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from config.front import RECEPTION, CounterPlace, ServiceSettings
from config.settings import Settings, database_path
from hisbridge.questions import Coverage
from kiosk.clock import at_site
from kiosk.queue.desk import CounterView, Queue
from kiosk.queue.model import Act, Entry, Priority, Standing, Wait
from kiosk.queue.rules import rules_of
from kiosk.states import Choice
from kiosk.store import Issued, Store, desk_of
from tests.kiosk.people import by_chip, covered
from tests.kiosk.world import HandClock, site
from wire import sqlite
from wire.database import open_database, transaction

BORN = "1980-05-05"
STAFF = "nurse-1"


def service(code: str, **changed: object) -> ServiceSettings:
    return ServiceSettings(**{"code": code, "name_vi": code, "name_en": code, **changed})  # type: ignore[arg-type]


def counter(code: str, *queues: str) -> CounterPlace:
    return CounterPlace(code=code, name_vi=f"Quầy {code}", name_en=f"Counter {code}", queues=queues)


SERVICES = (service("KB", number_prefix="K"), service("XN", number_prefix="X"))
COUNTERS = (counter("1", RECEPTION), counter("2", "KB"), counter("3", "KB", "XN"), counter("4", "XN"))


def hospital(
    folder: Path,
    services: Sequence[ServiceSettings] = SERVICES,
    counters: Sequence[CounterPlace] = COUNTERS,
    prefix: str = "",
    make: bool = True,
    **queue: object,
) -> Settings:
    """The settings of a site with these services and counters. `make`: and its database."""
    settings = site(folder, prefix=prefix, destinations=(), make=make)
    return msgspec.structs.replace(
        settings,
        kiosk=msgspec.structs.replace(settings.kiosk, services=tuple(services)),
        queue=msgspec.structs.replace(settings.queue, counters=tuple(counters), **queue),
    )


class Hall:
    """What people and staff do, by ticket numbers: a test reads as a morning in the hall."""

    def __init__(self, settings: Settings, clock: HandClock, durable: bool = True) -> None:
        def connect() -> sqlite.Connection:
            connection = open_database(database_path(settings))
            if not durable:
                connection.execute("PRAGMA synchronous=OFF")
            return connection

        self.clock = clock
        self.store = Store(connect(), desk_of(settings), clock)
        self.queue = Queue(connect, rules_of(settings), clock)
        self.connection = connect()
        self._presses = itertools.count()
        self.last_press = ""
        self._persons = itertools.count()

    def arrive(
        self,
        service: str = "KB",
        priority: Priority = Priority.NONE,
        born: str = BORN,
        coverage: Coverage | None = None,
    ) -> str:
        """Somebody checks in; returns the ticket's identity. `coverage` None: nothing is left to do at reception."""
        return self.check_in(service, priority, born, coverage).ticket.ticket_id

    def check_in(
        self,
        service: str = "KB",
        priority: Priority = Priority.NONE,
        born: str = BORN,
        coverage: Coverage | None = None,
    ) -> Issued:
        reading = by_chip(birth_date=born)
        return self.store.check_in(
            f"visit-{next(self._persons)}", reading, coverage or covered(), Choice(service, priority)
        )

    def act(self, counter: str = "2", name: str = "") -> Act:
        self.last_press = name or f"press-{id(self)}-{next(self._presses)}"
        return Act(self.last_press, counter, STAFF)

    def next(self, counter: str = "2", came: bool = True) -> str | None:
        """The counter calls the next; who that is. `came`: whom it called before stands there."""
        before = self.sees(counter).current if came else None
        if before is not None and before.place.standing is Standing.CALLED:
            self.do("begin", before.ticket_id, counter=counter)
        with self.queue.acting() as acts:
            called = acts.call_next(self.act(counter))
        return None if called is None else called.ticket_id

    def do(self, what: str, ticket: str, *more: object, counter: str = "2", **named: object) -> Entry:
        """One act of a counter on a ticket."""
        with self.queue.acting() as acts:
            entry: Entry = getattr(acts, what)(self.act(counter), ticket, *more, **named)
        return entry

    def undo(self, counter: str = "2") -> list[Entry]:
        with self.queue.acting() as acts:
            return acts.undo(self.act(counter))

    def sees(self, counter: str = "2") -> CounterView:
        return self.queue.counter(counter)

    def waiting(self, counter: str = "2") -> list[str]:
        """Who is called next there, in order."""
        return [entry.ticket_id for entry in self.sees(counter).next_up]

    def wait(self, ticket: str) -> Wait | None:
        return self.queue.wait_of(ticket)

    def row(self, ticket: str) -> dict[str, object]:
        """The ticket's whole row."""
        found = self.connection.execute("SELECT * FROM tickets WHERE id = ?", (ticket,)).fetchone()
        return dict(found)

    def rows(self, query: str, *values: object) -> list[sqlite.Row]:
        return self.connection.execute(query, values).fetchall()

    def later(self, **far: float) -> None:
        """Time passes."""
        self.clock.wall += timedelta(**far)

    def close(self) -> None:
        self.store.close()
        self.queue.close()
        self.connection.close()


@contextmanager
def opened(settings: Settings, clock: HandClock | None = None, durable: bool = True) -> Iterator[Hall]:
    with closing(Hall(settings, clock or HandClock(), durable)) as hall:
        yield hall


def crowded_hospital(folder: Path, make: bool = True) -> Settings:
    """Twenty counters that all call from two services."""
    return hospital(folder, make=make, counters=[counter(str(number), "KB", "XN") for number in range(1, 21)])


def crowd(settings: Settings, how_many: int, now: int) -> None:
    """So many wait already, one a second, half for each service; one in ten has a priority."""
    day = at_site(datetime.fromtimestamp(now, UTC), settings.site.utc_offset_minutes).date().isoformat()
    rows = []
    for number in range(1, how_many + 1):
        arrived, queue = now - how_many + number, ("KB", "XN")[number % 2]
        moment = arrived - (2700 if number % 10 == 0 else 0)
        name = f"t{number}"
        rows.append((name, f"{queue}{number}", queue, day, number, queue, "", arrived, name, 0, queue, moment, arrived))
    with closing(open_database(database_path(settings))) as connection, transaction(connection):
        connection.executemany(
            "INSERT INTO tickets (id, number, prefix, day, sequence, service_code, issued_at, issued_seconds,"
            " presentation, needs_counter, queue, sort_at, since) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            rows,
        )
