"""Who is signed in: sessions that end by themselves and lock when nobody acts.

The token is known to the browser alone, the database holds its hash. Every method may be called from any thread; raises
DatabaseUnavailable. Must not import Flask, a device library or a connector.
"""

import hashlib
import secrets
from dataclasses import dataclass

from config.settings import Settings
from kiosk.accounts import Account, account_of, found, note
from kiosk.clock import Clock
from kiosk.connection import Open, SharedConnection, site_database
from wire import sqlite
from wire.database import transaction

TOKEN_BYTES = 32
MOST_OF_ONE = 8  # sessions of one account; the oldest make room
MOST_WRONG = 5  # PINs at a lock screen, then the session is over
NOTICE_SECONDS = 10  # acts closer together than this are one, so that not each touch is a write to the card

_FIND = (
    "SELECT accounts.*, sessions.session, sessions.acted_at, sessions.ends_at, sessions.locked, sessions.place,"
    " sessions.wrong, sessions.address FROM sessions JOIN accounts ON accounts.name = sessions.account"
    " WHERE session = ? AND accounts.enabled = 1"
)
_OPEN = (
    "SELECT accounts.*, sessions.session, acted_at, ends_at, locked, place, address FROM sessions"
    " JOIN accounts ON accounts.name = sessions.account"
    " WHERE accounts.enabled = 1 AND ends_at > ?1 AND (?2 = '' OR account = ?2) ORDER BY acted_at DESC, ends_at DESC"
)
_BEGIN = "INSERT INTO sessions (session, account, acted_at, ends_at, address) VALUES (?, ?, ?, ?, ?)"
_OVER = "DELETE FROM sessions WHERE ends_at <= ?"
_ROOM = (
    "DELETE FROM sessions WHERE account = ?1 AND session NOT IN"
    " (SELECT session FROM sessions WHERE account = ?1 ORDER BY acted_at DESC, ends_at DESC LIMIT ?2)"
)


@dataclass(frozen=True)
class Held:
    """A session that lasts. `session`: its name, not its token; `place`: the counter its holder sits at;
    `lock_seconds`: until it locks when nobody acts; `wrong`: PINs refused at the lock screen; `address`: from where its
    holder signed in."""

    session: str
    account: Account
    locked: bool
    place: str
    lock_seconds: float
    wrong: int
    address: str


@dataclass(frozen=True)
class OpenSession:
    """A session as its holder and the supervisors see it. `began_at`, `acted_at`: seconds since the epoch; `address`:
    from where somebody signed in."""

    session: str
    account: Account
    began_at: int
    acted_at: int
    locked: bool
    place: str
    address: str


class Sessions:
    """The sessions on the site's database, opened at the first use. `hours`: how long one lasts; `idle_seconds`: after
    how long without an act it locks."""

    def __init__(self, open_connection: Open, clock: Clock, hours: float, idle_seconds: float) -> None:
        self.connection = SharedConnection(open_connection)
        self._clock = clock
        self._lasts = int(hours * 3600)
        self._idle = idle_seconds
        self.close = self.connection.close

    def begin(self, name: str, address: str = "") -> str:
        """Somebody has signed in from this address; returns a token never used before. Raises NoSuchAccount."""
        token, now = secrets.token_urlsafe(TOKEN_BYTES), self._now()
        with self.connection.using(writes=True) as connection, transaction(connection):
            found(connection, name)
            connection.execute(_OVER, (now,))
            connection.execute(_ROOM, (name, MOST_OF_ONE - 1))
            connection.execute(_BEGIN, (session_of(token), name, now, now + self._lasts, address))
            note(connection, int(now), name, "signed_in", name, address)
        return token

    def find(self, token: str) -> Held | None:
        """Who holds this token; None where nobody does (any more)."""
        return self.named(session_of(token)) if token else None

    def named(self, session: str) -> Held | None:
        """The session of this name, as streams ask for it again and again."""
        with self.connection.using() as connection:
            row = connection.execute(_FIND, (session,)).fetchone()
        now = self._now()
        if row is None or now >= row["ends_at"] or row["ends_at"] - now > self._lasts + 60:  # the clock went back
            return None
        left = row["acted_at"] + self._idle - now
        return Held(
            session,
            account_of(row),
            bool(row["locked"]) or left <= 0,
            row["place"],
            max(left, 0.0),
            row["wrong"],
            row["address"],
        )

    def act(self, held: Held) -> None:
        """Its holder did something; a locked one stays locked."""
        if not held.locked and self._idle - held.lock_seconds >= min(NOTICE_SECONDS, self._idle / 10):
            # Only where nothing changed meanwhile: no act undoes a lock.
            self._write(
                "UPDATE sessions SET acted_at = ?1 WHERE session = ?2 AND locked = 0 AND acted_at > ?1 - ?3",
                self._now(),
                held.session,
                self._idle,
            )

    def lock(self, session: str) -> None:
        """Nothing but the PIN opens it again."""
        self._write("UPDATE sessions SET locked = 1 WHERE session = ?", session)

    def unlock(self, session: str) -> None:
        """The PIN was right."""
        self._write("UPDATE sessions SET locked = 0, wrong = 0, acted_at = ? WHERE session = ?", self._now(), session)

    def try_secret(self, session: str) -> bool:
        """Somebody types the PIN: counted before it is judged, so that many at once are many. False: too many were
        wrong, and the session is over."""
        with self.connection.using(writes=True) as connection, transaction(connection):
            tried = connection.execute(
                "UPDATE sessions SET wrong = wrong + 1 WHERE session = ? AND wrong < ?", (session, MOST_WRONG)
            )
            return tried.rowcount == 1

    def refuse(self, session: str) -> None:
        """It was wrong; after MOST_WRONG of them the session is over."""
        self._write("DELETE FROM sessions WHERE session = ? AND wrong >= ?", session, MOST_WRONG)

    def allow(self, session: str) -> None:
        """It was right."""
        self._write("UPDATE sessions SET wrong = 0 WHERE session = ?", session)

    def sit(self, session: str, place: str) -> None:
        """Its holder sits at this counter now."""
        self._write("UPDATE sessions SET place = ? WHERE session = ?", place, session)

    def open(self, name: str = "") -> list[OpenSession]:
        """The sessions that last, of this account or of all, who acted last first."""
        now = self._now()
        with self.connection.using() as connection:
            found = connection.execute(_OPEN, (now, name)).fetchall()
        return [
            OpenSession(
                row["session"],
                account_of(row),
                int(row["ends_at"]) - self._lasts,
                int(row["acted_at"]),
                bool(row["locked"]) or row["acted_at"] + self._idle <= now,
                row["place"],
                row["address"],
            )
            for row in found
        ]

    def end(self, session: str, by: str = "", whose: str = "") -> bool:
        """Signed out, or ended by the account `by`; only one of the account `whose` where that is told. False: there is
        no such session."""
        with self.connection.using(writes=True) as connection, transaction(connection):
            row: sqlite.Row | None = connection.execute(_FIND, (session,)).fetchone()
            if row is None or (whose and row["name"] != whose):
                return False
            connection.execute("DELETE FROM sessions WHERE session = ?", (session,))
            note(connection, int(self._now()), row["name"], "session_ended" if by else "signed_out", by or row["name"])
            return True

    def _write(self, statement: str, *values: object) -> None:
        with self.connection.using(writes=True) as connection, transaction(connection):
            connection.execute(statement, values)

    def _now(self) -> float:
        return self._clock.now().timestamp()


def open_sessions(settings: Settings, clock: Clock) -> Sessions:
    """The sessions on the site's database, which is opened at the first use."""
    staff = settings.staff
    return Sessions(site_database(settings), clock, staff.session_hours, staff.idle_lock_seconds)


def session_of(token: str) -> str:
    """The name of a token's session: what the database holds of it."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
