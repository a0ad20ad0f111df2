"""Who saw a whole visit, when and where: written before it is shown. Rows are only ever added.

By the API each telling is a row; at the counter, where pages draw themselves anew, what an account sees of a visit on a
page within REPEATED_SECONDS. Must not import Flask, a device library or a connector.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from config.settings import Settings
from hisbridge.records import PatientRecord
from kiosk.audit import note_visit
from kiosk.changes import NoSuchVisit
from kiosk.clock import Clock
from kiosk.connection import Open, SharedConnection, site_database
from wire import sqlite
from wire.codec import from_json
from wire.database import transaction

API = "api"  # the page of what was told to a program
REPEATED_SECONDS = 60

_RECORD = "SELECT record FROM visits WHERE id = ?"
_NOTE = "INSERT INTO visit_views (at, by, visit_id, page) VALUES (?, ?, ?, ?)"
# A clock that went back leaves rows of the future: they hide nothing.
_SEEN = "SELECT 1 FROM visit_views WHERE visit_id = ? AND by = ? AND at > ? AND at <= ? AND page = ? LIMIT 1"
_KNOWN = "SELECT 1 FROM visits WHERE id = ?"
# Whoever called or moved a ticket is written down with that.
_AT_COUNTER = (
    "SELECT visit_id FROM tickets WHERE id = ? AND visit_id IS NOT NULL"
    " AND NOT EXISTS (SELECT 1 FROM moves WHERE ticket_id = tickets.id AND by = ?)"
)
_NEWEST = (
    "SELECT visit_views.id, at, by, page, tickets.number, tickets.day FROM visit_views"
    " LEFT JOIN tickets ON tickets.visit_id = visit_views.visit_id"
    " WHERE visit_views.id < ?1 AND (?2 = '' OR by = ?2)"
    " AND (?3 = '' OR visit_views.visit_id IN (SELECT visit_id FROM tickets WHERE day = ?4 AND number = ?3))"
    " ORDER BY visit_views.id DESC LIMIT ?5"
)


@dataclass(frozen=True)
class Reading:
    """That somebody saw a visit. `at`: seconds since the epoch; `by`: an account, or `machine:` and a machine's name;
    `number` and `day` of its ticket, empty where that is gone. Nothing of the person."""

    reading: int
    at: int
    by: str
    page: str
    number: str
    day: str


class VisitViews:
    """Visits seen whole, each noted. May be called from any thread; raises DatabaseUnavailable."""

    def __init__(self, open_connection: Open, clock: Clock) -> None:
        self._connection = SharedConnection(open_connection)
        self._clock = clock
        self.close = self._connection.close

    def whole(self, visit_id: str, by: str) -> PatientRecord:
        """The visit's record as it stands. Raises NoSuchVisit, MalformedMessage (a damaged record)."""
        with self._connection.using(writes=True) as connection, transaction(connection):
            row = connection.execute(_RECORD, (visit_id,)).fetchone()
            if row is None:
                raise NoSuchVisit
            connection.execute(_NOTE, (self._now(), by, visit_id, API))
            note_visit(connection, "visit.told", by, visit_id, self._clock.now(), {"page": API})
        return from_json(row["record"], PatientRecord)

    def seen(self, visit_ids: Sequence[str], by: str, page: str) -> None:
        """An account sees these visits on a page of the counter; what it just saw there is not written again."""
        now = self._now()
        with self._connection.using() as connection:
            new = [one for one in visit_ids if _new(connection, one, by, page, now)]
        if not new:
            return
        with self._connection.using(writes=True) as connection, transaction(connection):
            connection.executemany(_NOTE, [(now, by, one, page) for one in new])
            for one in new:
                note_visit(connection, "visit.seen", by, one, self._clock.now(), {"page": page})

    def seen_called(self, ticket_id: str, by: str, page: str) -> None:
        """An account sees the visit of a ticket that a counter has before it, and did not call it itself."""
        with self._connection.using() as connection:
            row = connection.execute(_AT_COUNTER, (ticket_id, by)).fetchone()
        if row is not None:
            self.seen((row["visit_id"],), by, page)

    def newest(
        self, most: int, before: int | None = None, by: str = "", number: str = "", day: str = ""
    ) -> list[Reading]:
        """Who saw what, newest first, older than the reading `before`; of one account, of one day's ticket."""
        values = (before if before is not None else 2**62, by, number, day, most)
        with self._connection.using() as connection:
            return [
                Reading(row["id"], row["at"], row["by"], row["page"], row["number"] or "", row["day"] or "")
                for row in connection.execute(_NEWEST, values)
            ]

    def _now(self) -> int:
        return int(self._clock.now().timestamp())


def open_visit_views(settings: Settings, clock: Clock) -> VisitViews:
    """The views on the site's database, which is opened at the first use."""
    return VisitViews(site_database(settings), clock)


def _new(connection: sqlite.Connection, visit_id: str, by: str, page: str, now: int) -> bool:
    if connection.execute(_KNOWN, (visit_id,)).fetchone() is None:
        return False
    return connection.execute(_SEEN, (visit_id, by, now - REPEATED_SECONDS, now, page)).fetchone() is None
