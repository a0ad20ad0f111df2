"""Help pressed at a touchscreen, as both sides see it: the counters who called, the touchscreen that somebody comes.

Nothing personal is kept: which kiosk, on which screen, when, and who of the staff answered. Every method may be called
from any thread; raises DatabaseUnavailable. Must not import Flask, a device library or a connector.
"""

from dataclasses import dataclass

from config.settings import Settings
from kiosk.clock import Clock
from kiosk.connection import Open, SharedConnection, site_database
from wire import sqlite
from wire.database import transaction
from wire.errors import TiepDonError

LASTS_SECONDS = 3600  # whoever called and was not answered so long is not there any more

_OPEN_OF = "SELECT * FROM help_calls WHERE answered_at IS NULL AND at >= ? AND kiosk_id = ? ORDER BY at DESC LIMIT 1"
_OPEN = "SELECT * FROM help_calls WHERE answered_at IS NULL AND at >= ? ORDER BY at, id"
_ONE = "SELECT * FROM help_calls WHERE id = ?"
_ASK = "INSERT INTO help_calls (kiosk_id, screen, at) VALUES (?, ?, ?) RETURNING *"
_ANSWER = "UPDATE help_calls SET answered_at = ?, answered_by = ? WHERE id = ? AND answered_at IS NULL"


class NoSuchHelpCall(TiepDonError):
    """Nobody has called for help under that number."""

    code = "help.no_such_call"


@dataclass(frozen=True)
class HelpCall:
    """One call for help. `at`, `answered_at`: seconds since the epoch; `answered_by`: the account."""

    call_id: int
    kiosk_id: str
    screen: str
    at: int
    answered_at: int | None
    answered_by: str | None


class HelpCalls:
    """The calls on the site's database, opened at the first use."""

    def __init__(self, open_connection: Open, clock: Clock) -> None:
        self._connection = SharedConnection(open_connection)
        self._clock = clock
        self.version = self._connection.version
        self.close = self._connection.close

    def ask(self, kiosk_id: str, screen: str) -> HelpCall:
        """Call somebody to this kiosk; while one call of it is open, pressing again is the same call."""
        with self._connection.using(writes=True) as connection, transaction(connection):
            row = connection.execute(_OPEN_OF, (self._oldest(), kiosk_id)).fetchone()
            if row is None:
                (row,) = connection.execute(_ASK, (kiosk_id, screen, self._seconds())).fetchall()
            return _call(row)

    def open(self) -> list[HelpCall]:
        """Who waits for somebody, the longest first."""
        with self._connection.using() as connection:
            return [_call(row) for row in connection.execute(_OPEN, (self._oldest(),))]

    def one(self, call_id: int) -> HelpCall:
        """A call as it stands now: the touchscreen asks whether somebody is coming. Raises NoSuchHelpCall."""
        with self._connection.using() as connection:
            return _found(connection, call_id)

    def answer(self, call_id: int, by: str) -> HelpCall:
        """Somebody is coming; the first who says so is kept. Raises NoSuchHelpCall."""
        with self._connection.using(writes=True) as connection, transaction(connection):
            connection.execute(_ANSWER, (self._seconds(), by, call_id))
            return _found(connection, call_id)

    def _seconds(self) -> int:
        return int(self._clock.now().timestamp())

    def _oldest(self) -> int:
        return self._seconds() - LASTS_SECONDS


def open_help_calls(settings: Settings, clock: Clock) -> HelpCalls:
    """The calls for help on the site's database, which is opened at the first use."""
    return HelpCalls(site_database(settings), clock)


def _found(connection: sqlite.Connection, call_id: int) -> HelpCall:
    row = connection.execute(_ONE, (call_id,)).fetchone()
    if row is None:
        raise NoSuchHelpCall
    return _call(row)


def _call(row: sqlite.Row) -> HelpCall:
    return HelpCall(row["id"], row["kiosk_id"], row["screen"], row["at"], row["answered_at"], row["answered_by"])
