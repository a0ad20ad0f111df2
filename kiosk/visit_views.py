"""Who was told a whole visit by the API, and when: written before it is told. Rows are only ever added.

Must not import Flask, a device library or a connector.
"""

from config.settings import Settings
from hisbridge.records import PatientRecord
from kiosk.changes import NoSuchVisit
from kiosk.clock import Clock
from kiosk.connection import Open, SharedConnection, site_database
from wire.codec import from_json
from wire.database import transaction

_RECORD = "SELECT record FROM visits WHERE id = ?"
_NOTE = "INSERT INTO visit_views (at, by, visit_id) VALUES (?, ?, ?)"


class VisitViews:
    """Visits, whole, each telling noted. May be called from any thread; raises DatabaseUnavailable."""

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
            connection.execute(_NOTE, (int(self._clock.now().timestamp()), by, visit_id))
        return from_json(row["record"], PatientRecord)


def open_visit_views(settings: Settings, clock: Clock) -> VisitViews:
    """The views on the site's database, which is opened at the first use."""
    return VisitViews(site_database(settings), clock)
