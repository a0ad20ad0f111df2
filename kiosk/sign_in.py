"""Signing in: who says a name and its secret gets a session; who guesses waits longer and longer.

What was tried is kept in the database, by account and by address, so that no restart forgives it. A try counts before
it is judged, so that many at once are many. Every try counts against its account; against the address only the first
of each name does, so that one who mistypes keeps nobody behind the same address waiting, and one who tries many names
is slowed. Where somebody signed in before, only what was tried there for their own
account counts, and no wait is long: nobody elsewhere can keep a colleague from work (OWASP, "Slow Down Online Guessing
Attacks with Device Cookies"; here the address stands for the device). Must not import Flask, a device library or a
connector.
"""

import ipaddress
from dataclasses import dataclass

from kiosk.accounts import Accounts, account_of, clean_name, code_hash, found, note
from kiosk.clock import Clock
from kiosk.connection import SharedConnection
from kiosk.secret_hash import SecretHash, check_secret
from kiosk.sessions import Held, Sessions
from wire import chain, sqlite
from wire.database import transaction
from wire.errors import TiepDonError

WAIT_SECONDS = 2.0  # after the first try too many; doubles
LONGEST_WAIT_SECONDS = 900.0
LONGEST_KNOWN_SECONDS = 60.0  # where somebody signed in before
KNOWN_SECONDS = 30 * 24 * 3600
MOST_KNOWN_WRONG = 100  # in a row, then it is a place like any other (NIST SP 800-63B, 5.2.2)
FORGIVEN_SECONDS = 24 * 3600  # without a wrong try
MOST_KEPT = 4000  # tries of names and addresses; those of accounts that exist are never dropped for others

_TRIES = "SELECT failures, until, last FROM sign_in_tries WHERE whom = ?"
_COUNT = (
    "INSERT INTO sign_in_tries (whom, failures, until, last) VALUES (?1, ?2, ?3, ?4)"
    " ON CONFLICT (whom) DO UPDATE SET failures = ?2, until = ?3, last = ?4"
)
_DROP = (
    "DELETE FROM sign_in_tries WHERE whom NOT IN (SELECT 'account:' || name FROM accounts) AND whom NOT LIKE 'known:%'"
    " AND whom NOT IN (SELECT whom FROM sign_in_tries ORDER BY until DESC, last DESC LIMIT ?)"
)
_KNOWN = "INSERT OR REPLACE INTO sign_in_tries (whom, failures, until, last) VALUES (?, 0, 0, ?)"
_DROP_KNOWN = "DELETE FROM sign_in_tries WHERE whom LIKE 'known:%' AND last < ?"
_DROP_KNOWN_OF = "DELETE FROM sign_in_tries WHERE substr(whom, 1, length(?1)) = ?1"


class SignInRefused(TiepDonError):
    """Name and secret do not belong together, or the account may not sign in: which, nobody is told."""

    code = "sign_in.refused"


class SignInWait(TiepDonError):
    """Too many wrong tries, of this name or from this address (`seconds`: how long to wait)."""

    code = "sign_in.wait"
    retriable = True


class CodeRefused(TiepDonError):
    """The code for choosing a PIN is wrong, used or too old."""

    code = "sign_in.code_refused"


@dataclass(frozen=True)
class Patience:
    """How many wrong tries of an account, and how many names with a wrong try from an address, are free of waiting."""

    account: int = 4
    address: int = 50


@dataclass(frozen=True)
class _Limit:
    """What one count allows: so many wrong tries at once, then waits of up to `longest` seconds."""

    whom: str
    free: int
    longest: float


class SignIn:
    """Judges secrets. Raises DatabaseUnavailable."""

    def __init__(
        self,
        accounts: Accounts,
        sessions: Sessions,
        hashes: SecretHash,
        clock: Clock,
        patience: Patience = Patience(),  # frozen
    ) -> None:
        self._connection: SharedConnection = accounts.connection
        self._sessions = sessions
        self._hashes = hashes
        self._clock = clock
        self._patience = patience

    def sign_in(self, name: str, secret: str, address: str) -> str:
        """A session's token. Raises SignInRefused, SignInWait, Busy."""
        name = clean_name(name)[:100]
        self._count(name, address)
        row = self._row(name)
        right = self._hashes.right(row["secret"] if row is not None else None, secret)
        if row is None or not right or not row["enabled"]:
            self._note_refused(row, address)
            raise SignInRefused
        self._forgive(name, address)
        if self._hashes.old(row["secret"]):
            self._keep(name, self._hashes.keep(secret), row["secret"])
        return self._sessions.begin(name, address)

    def unlock(self, held: Held, secret: str) -> None:
        """Open a locked session. Raises SignInRefused, Busy.

        A wrong secret counts against the session alone: whoever holds it had the secret once, and has few tries.
        """
        self._check_own(held, secret, "lock")
        self._sessions.unlock(held.session)

    def change(self, held: Held, old: str, new: str) -> None:
        """Whoever is signed in chooses another secret; every other session of theirs ends.

        Raises SignInRefused (the old one is wrong, which counts as at the lock screen), SecretUnusable, Busy.
        """
        name = held.account.name
        row = self._check_own(held, old, "change")
        check_secret(new, name, held.account.officer_id)
        kept = self._hashes.keep(new)
        with self._connection.using(writes=True) as connection, transaction(connection):
            changed = connection.execute(
                "UPDATE accounts SET secret = ? WHERE name = ? AND secret = ?", (kept, name, row["secret"])
            )
            if changed.rowcount != 1:
                raise SignInRefused
            connection.execute("DELETE FROM sessions WHERE account = ? AND session <> ?", (name, held.session))
            # Who knew the old one may have signed in from anywhere.
            connection.execute(_DROP_KNOWN_OF, (f"known:{name}|",))
            note(connection, int(self._now()), name, "secret_changed", name)

    def choose(self, name: str, code: str, secret: str, address: str) -> None:
        """Somebody who was given a code chooses the secret. Raises CodeRefused, SecretUnusable, SignInWait, Busy."""
        name = clean_name(name)[:100]
        self._count(name, address)
        row = self._row(name)
        if row is None or not row["enabled"] or row["code"] != code_hash(code) or self._now() >= row["code_until"]:
            raise CodeRefused
        self._forgive(name, address)
        account = account_of(row)
        check_secret(secret, account.name, account.officer_id)
        kept = self._hashes.keep(secret)
        with self._connection.using(writes=True) as connection, transaction(connection):
            changed = connection.execute(
                "UPDATE accounts SET secret = ?, code = NULL, code_until = NULL WHERE name = ? AND code = ?",
                (kept, name, row["code"]),
            )
            if changed.rowcount != 1:
                raise CodeRefused
            connection.execute("DELETE FROM sessions WHERE account = ?", (name,))
            note(connection, int(self._now()), name, "secret_chosen", name)

    def _check_own(self, held: Held, secret: str, page: str) -> sqlite.Row:
        if not self._sessions.try_secret(held.session):
            raise SignInRefused
        row = self._row(held.account.name)
        if row is None or not self._hashes.right(row["secret"], secret):
            self._note_refused(row, held.address, page)
            self._sessions.refuse(held.session)
            raise SignInRefused
        self._sessions.allow(held.session)
        return row

    def _note_refused(self, row: sqlite.Row | None, address: str, page: str = "sign_in") -> None:
        """Of a name that is nobody's only that it was tried: people type their PIN into the wrong field."""
        who = row["name"] if row is not None else ""
        with self._connection.using(writes=True) as connection:
            chain.note(connection, "account.refused", who, "", self._clock.now(), {"page": page}, place=address)

    def _row(self, name: str) -> sqlite.Row | None:
        with self._connection.using() as connection:
            row: sqlite.Row | None = connection.execute("SELECT * FROM accounts WHERE name = ?", (name,)).fetchone()
            return row

    def _count(self, name: str, address: str) -> None:
        """Count a try as a wrong one; raises SignInWait where it comes too early, and then counts nothing."""
        now = self._now()
        with self._connection.using(writes=True) as connection, transaction(connection):
            limits = self._limits(connection, name, address)
            waits = 0.0
            for limit in limits:
                row = connection.execute(_TRIES, (limit.whom,)).fetchone()
                # A clock that went back must not keep anybody out for longer than it ever would.
                waits = max(waits, min(row["until"] - now, limit.longest)) if row is not None else waits
            if waits > 0:
                raise SignInWait(seconds=int(waits) + 1)
            for limit in limits:
                row = connection.execute(_TRIES, (limit.whom,)).fetchone()
                before = row["failures"] if row is not None and now - row["last"] < FORGIVEN_SECONDS else 0
                over = before + 1 - limit.free
                wait = min(WAIT_SECONDS * 2.0 ** min(over - 1, 20), limit.longest) if over > 0 else 0.0
                connection.execute(_COUNT, (limit.whom, before + 1, now + wait if wait else 0.0, now))
            if limits[-1].whom == _at(address):
                connection.execute(_COUNT, (_tried(name, address), 1, 0.0, now))
            connection.execute(_DROP, (MOST_KEPT,))

    def _limits(self, connection: sqlite.Connection, name: str, address: str) -> list[_Limit]:
        known = _known(name, address)
        row = connection.execute(_TRIES, (known,)).fetchone()
        if row is not None and row["failures"] < MOST_KNOWN_WRONG:
            return [_Limit(known, self._patience.account, LONGEST_KNOWN_SECONDS)]
        limits = [_Limit(f"account:{name}", self._patience.account, LONGEST_WAIT_SECONDS)]
        tried = connection.execute(_TRIES, (_tried(name, address),)).fetchone()
        if tried is None or self._now() - tried["last"] >= FORGIVEN_SECONDS:
            limits.append(_Limit(_at(address), self._patience.address, LONGEST_WAIT_SECONDS))
        return limits

    def _forgive(self, name: str, address: str) -> None:
        """It was right: the account begins anew there, the address has this one try back."""
        with self._connection.using(writes=True) as connection, transaction(connection):
            counted = self._limits(connection, name, address)[0]
            connection.execute("DELETE FROM sign_in_tries WHERE whom = ?", (counted.whom,))
            connection.execute(_KNOWN, (_known(name, address), self._now()))
            connection.execute(_DROP_KNOWN, (self._now() - KNOWN_SECONDS,))
            if connection.execute("DELETE FROM sign_in_tries WHERE whom = ?", (_tried(name, address),)).rowcount:
                connection.execute(
                    "UPDATE sign_in_tries SET failures = failures - 1, until = 0 WHERE whom = ? AND failures > 0",
                    (_at(address),),
                )

    def _keep(self, name: str, kept: str, before: str) -> None:
        with self._connection.using(writes=True) as connection, transaction(connection):
            found(connection, name)
            connection.execute("UPDATE accounts SET secret = ? WHERE name = ? AND secret = ?", (kept, name, before))

    def _now(self) -> float:
        return self._clock.now().timestamp()


def _known(name: str, address: str) -> str:
    """Who signed in where. No account's name holds a bar (kiosk/accounts.py)."""
    return f"known:{name}|{network_of(address)}"


def _at(address: str) -> str:
    """An address."""
    return f"address:{network_of(address)}"


def _tried(name: str, address: str) -> str:
    """Which name was tried where."""
    return f"tried:{name}|{network_of(address)}"


def network_of(address: str) -> str:
    """Whom an address stands for: an IPv6 one its whole network of 64 bits, which one machine may have to itself."""
    try:
        found_address = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(found_address, ipaddress.IPv6Address):
        if found_address.ipv4_mapped is not None:
            return str(found_address.ipv4_mapped)
        return str(ipaddress.ip_network((found_address, 64), strict=False))
    return str(found_address)
