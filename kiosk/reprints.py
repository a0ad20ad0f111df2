"""What became of the tickets' paper, and the further copies that staff ask for: counters write, the kiosk prints.

Nothing is ever printed twice by itself: what is begun is noted before the printer gets it, so that a kiosk that goes
down in the middle prints no second one. Every method may be called from any thread; raises DatabaseUnavailable. Must
not import Flask, a device library or a connector.
"""

from dataclasses import dataclass

from config.settings import Settings
from kiosk.clock import Clock, at_site, moment
from kiosk.connection import Open, SharedConnection, site_database
from kiosk.printing.errors import PrinterError
from kiosk.queue.errors import NoSuchTicket
from kiosk.states import Ticket
from wire import chain, sqlite
from wire.database import transaction

LASTS_SECONDS = 600  # whoever waited so long for a copy has left the counter
UNDER_WAY = PrinterError.code  # what stands there while it prints, and for ever where nobody saw how that ended

_TICKET = "SELECT 1 FROM tickets WHERE id = ?"
_WAITING = "SELECT id FROM reprints WHERE ticket_id = ? AND done_at IS NULL AND asked_at >= ?"
_ASK = "INSERT INTO reprints (ticket_id, asked_by, asked_at) VALUES (?, ?, ?) RETURNING id"
_OPEN = """
SELECT reprints.id AS reprint_id, asked_by, asked_at, tickets.id, number, service_code, issued_at, visit_id,
       needs_counter, printed_at, paper_code, paper_language
FROM reprints JOIN tickets ON tickets.id = ticket_id
WHERE done_at IS NULL AND asked_at >= ? ORDER BY asked_at, reprints.id
"""
_DONE = "UPDATE reprints SET done_at = ?, code = ? WHERE id = ? RETURNING ticket_id"
_BEGUN = "UPDATE tickets SET paper_code = ?, paper_language = ? WHERE id = ?"
_PRINTED = "UPDATE tickets SET printed_at = ?, paper_code = NULL WHERE id = ?"
_NOT_PRINTED = "UPDATE tickets SET paper_code = ? WHERE id = ?"
_PAPER = "SELECT printed_at, paper_code FROM tickets WHERE id = ?"


@dataclass(frozen=True)
class TicketOnPaper:
    """What became of a ticket's paper. `code`: of why the last one did not come out, or is not known to have."""

    printed_at: str | None = None
    code: str | None = None

    @property
    def begun(self) -> bool:
        """Whether the printer was ever given it."""
        return self.printed_at is not None or self.code is not None


@dataclass(frozen=True)
class Reprint:
    """A copy that the staff asked for. `asked_at`: seconds since the epoch; `first`: it was never printed at all."""

    reprint_id: int
    ticket: Ticket
    needs_counter: bool
    language: str | None
    first: bool
    asked_by: str
    asked_at: int


class Reprints:
    """The tickets' paper on the site's database, opened at the first use."""

    def __init__(self, open_connection: Open, clock: Clock, utc_offset_minutes: int = 420) -> None:
        self._connection = SharedConnection(open_connection)
        self._clock = clock
        self._offset = utc_offset_minutes
        self.close = self._connection.close

    def ask(self, ticket_id: str, by: str) -> int:
        """Have a ticket printed once more; `by`: the account. The number of the request; one that still waits is the
        same. Raises NoSuchTicket."""
        with self._connection.using(writes=True) as connection, transaction(connection):
            if connection.execute(_TICKET, (ticket_id,)).fetchone() is None:
                raise NoSuchTicket
            row = connection.execute(_WAITING, (ticket_id, self._oldest())).fetchone()
            if row is None:
                (row,) = connection.execute(_ASK, (ticket_id, by, self._seconds())).fetchall()
                chain.note(connection, "ticket.reprint", by, "", self._clock.now(), {"ticket": ticket_id})
            return int(row["id"])

    def open(self) -> list[Reprint]:
        """What is to be printed, the longest asked for first."""
        with self._connection.using() as connection:
            return [_reprint(row) for row in connection.execute(_OPEN, (self._oldest(),))]

    def begin(self, one: Reprint) -> None:
        """It goes to the printer now, and never again by itself."""
        with self._connection.using(writes=True) as connection, transaction(connection):
            connection.execute(_DONE, (self._seconds(), UNDER_WAY, one.reprint_id))

    def done(self, one: Reprint, code: str | None) -> None:
        """It came out (None), or `code` says why not."""
        with self._connection.using(writes=True) as connection, transaction(connection):
            connection.execute(_DONE, (self._seconds(), code, one.reprint_id))
            self._note(connection, one.ticket.ticket_id, code)

    def begin_ticket(self, ticket_id: str, language: str) -> None:
        """The ticket itself goes to the printer now."""
        with self._connection.using(writes=True) as connection, transaction(connection):
            connection.execute(_BEGUN, (UNDER_WAY, language, ticket_id))

    def ticket_done(self, ticket_id: str, code: str | None) -> None:
        """The ticket itself came out (None), or `code` says why not."""
        with self._connection.using(writes=True) as connection, transaction(connection):
            self._note(connection, ticket_id, code)

    def paper_of(self, ticket_id: str) -> TicketOnPaper:
        """What became of its paper. Raises NoSuchTicket."""
        with self._connection.using() as connection:
            row = connection.execute(_PAPER, (ticket_id,)).fetchone()
        if row is None:
            raise NoSuchTicket
        return TicketOnPaper(row["printed_at"], row["paper_code"])

    def _note(self, connection: sqlite.Connection, ticket_id: str, code: str | None) -> None:
        if code is None:
            connection.execute(_PRINTED, (moment(at_site(self._clock.now(), self._offset)), ticket_id))
        else:
            connection.execute(_NOT_PRINTED, (code, ticket_id))

    def _seconds(self) -> int:
        return int(self._clock.now().timestamp())

    def _oldest(self) -> int:
        return self._seconds() - LASTS_SECONDS


def open_reprints(settings: Settings, clock: Clock) -> Reprints:
    """The tickets' paper on the site's database, which is opened at the first use."""
    return Reprints(site_database(settings), clock, settings.site.utc_offset_minutes)


def _reprint(row: sqlite.Row) -> Reprint:
    ticket = Ticket(row["id"], row["number"], row["service_code"], row["issued_at"], row["visit_id"])
    return Reprint(
        reprint_id=row["reprint_id"],
        ticket=ticket,
        needs_counter=bool(row["needs_counter"]),
        language=row["paper_language"],
        first=row["printed_at"] is None and row["paper_code"] is None,
        asked_by=row["asked_by"],
        asked_at=row["asked_at"],
    )
