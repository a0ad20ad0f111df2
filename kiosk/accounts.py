"""Who of the staff may do what: roles, accounts, and who did what to them.

Every method may be called from any thread; raises DatabaseUnavailable. Must not import Flask, a device library or a
connector.
"""

import hashlib
import re
import secrets
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

from config.settings import Settings
from kiosk.audit import noted_at
from kiosk.clock import Clock
from kiosk.connection import Open, SharedConnection, site_database
from wire import chain, sqlite
from wire.database import transaction
from wire.errors import TiepDonError

NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{1,63}")
OFFICER = re.compile(r"(?:[0-9]{12})?")
CODE_SECONDS = 24 * 3600  # how long somebody has for choosing a PIN
MOST_ACTS = 500
_LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # none is taken for another
_CODE_LETTERS = 12  # 58 bits

_ALL = "SELECT * FROM accounts ORDER BY name"
_CHOOSING = "SELECT name FROM accounts WHERE code IS NOT NULL AND code_until > ?"
_ONE = "SELECT * FROM accounts WHERE name = ?"
_ADD = (
    "INSERT INTO accounts (name, full_name, role, officer_id, enabled, code, code_until) VALUES (?, ?, ?, ?, 1, ?, ?)"
)
_WAS = "SELECT 1 FROM account_acts WHERE account = ? AND act = 'removed' LIMIT 1"
_OTHERS = "SELECT count(*) FROM accounts WHERE role = 'supervisor' AND enabled = 1 AND name <> ?"
_NOTE = "INSERT INTO account_acts (at, account, act, by) VALUES (?, ?, ?, ?)"
_NOTES = "SELECT * FROM account_acts ORDER BY id DESC LIMIT ?"
_UNBIND = "DELETE FROM account_subjects WHERE account = ?"  # who it is at the identity provider
_END_ALL = "DELETE FROM sessions WHERE account = ?"


class Role(StrEnum):
    """What somebody is there for."""

    RECEPTIONIST = "receptionist"  # calls people, sees and completes their records
    SUPERVISOR = "supervisor"  # likewise, and keeps accounts and machines
    TECHNICIAN = "technician"  # sees to machines and deliveries; no person's record


class NoSuchAccount(TiepDonError):
    """There is no account of that name."""

    code = "account.unknown"


class AccountUnusable(TiepDonError):
    """An account cannot be like that (`field`: `name`, `full_name` or `officer_id`)."""

    code = "account.unusable"


class NameTaken(TiepDonError):
    """The name belongs to an account, or belonged to one: what it did is written down under it."""

    code = "account.name_taken"


class LastSupervisor(TiepDonError):
    """Nobody would be left who keeps the accounts."""

    code = "account.last_supervisor"


@dataclass(frozen=True)
class Account:
    """One person of the staff. `name` signs in, `officer_id` (twelve digits or empty) is told to the insurance portal.
    `ready`: a PIN or password is chosen; `letter_keys`: single letters and digits are keys at the counter."""

    name: str
    full_name: str
    role: Role
    officer_id: str = ""
    enabled: bool = True
    ready: bool = False
    letter_keys: bool = True


@dataclass(frozen=True)
class AccountAct:
    """What was done to an account, or by signing in with it. `at`: seconds since the epoch; `by`: an account, or
    `command` for the command line."""

    at: int
    account: str
    act: str
    by: str


class Accounts:
    """The accounts on the site's database, opened at the first use."""

    def __init__(self, open_connection: Open, clock: Clock) -> None:
        self.connection = SharedConnection(open_connection)
        self._clock = clock
        self.close = self.connection.close

    def all(self) -> list[Account]:
        """Every account, by name."""
        with self.connection.using() as connection:
            return [account_of(row) for row in connection.execute(_ALL)]

    def one(self, name: str) -> Account:
        """Raises NoSuchAccount."""
        with self.connection.using() as connection:
            return account_of(found(connection, name))

    def choosing(self) -> frozenset[str]:
        """The names of those whose one-time code still holds."""
        with self.connection.using() as connection:
            return frozenset(name for (name,) in connection.execute(_CHOOSING, (self._now(),)))

    def add(self, name: str, full_name: str, role: Role, officer_id: str = "", by: str = "command") -> str:
        """Make an account; returns the code with which its owner chooses a PIN, once, within CODE_SECONDS.

        Raises AccountUnusable, NameTaken.
        """
        name, full_name = clean_name(name), _clean_full_name(full_name)
        _check(name, full_name, officer_id)
        code, now = new_code(), self._now()
        with self.connection.using(writes=True) as connection, transaction(connection):
            if connection.execute(_ONE, (name,)).fetchone() or connection.execute(_WAS, (name,)).fetchone():
                raise NameTaken
            kept = (name, full_name, role.value, officer_id, code_hash(code), now + CODE_SECONDS)
            connection.execute(_ADD, kept)
            note(connection, now, name, "added", by)
        return code

    def change(self, name: str, full_name: str, role: Role, officer_id: str, by: str) -> Account:
        """Another full name, role or officer number; another role ends the sessions.

        Raises NoSuchAccount, AccountUnusable, LastSupervisor.
        """
        full_name = _clean_full_name(full_name)
        _check(name, full_name, officer_id)
        with self.connection.using(writes=True) as connection, transaction(connection):
            before = account_of(found(connection, name))
            if role is not Role.SUPERVISOR:
                _keep_one(connection, before)
            connection.execute(
                "UPDATE accounts SET full_name = ?, role = ?, officer_id = ? WHERE name = ?",
                (full_name, role.value, officer_id, name),
            )
            if role is not before.role:
                connection.execute(_END_ALL, (name,))
            note(connection, self._now(), name, "changed", by)
            return account_of(found(connection, name))

    def enable(self, name: str, by: str) -> None:
        """Let it sign in again. Raises NoSuchAccount."""
        self._switch(name, True, by)

    def disable(self, name: str, by: str) -> None:
        """End its sessions and let it sign in no more. Raises NoSuchAccount, LastSupervisor."""
        self._switch(name, False, by)

    def set_letter_keys(self, name: str, on: bool) -> None:
        """Whether single letters and digits are keys for this person: who dictates, or hits keys unmeant, has none."""
        with self.connection.using(writes=True) as connection, transaction(connection):
            connection.execute("UPDATE accounts SET letter_keys = ? WHERE name = ?", (on, name))

    def reset(self, name: str, by: str) -> str:
        """Forget its PIN and end its sessions; returns the code with which its owner chooses another.

        Raises NoSuchAccount.
        """
        code, now = new_code(), self._now()
        with self.connection.using(writes=True) as connection, transaction(connection):
            found(connection, name)
            connection.execute(
                "UPDATE accounts SET secret = NULL, code = ?, code_until = ? WHERE name = ?",
                (code_hash(code), now + CODE_SECONDS, name),
            )
            connection.execute(_UNBIND, (name,))
            connection.execute(_END_ALL, (name,))
            note(connection, now, name, "reset", by)
        return code

    def remove(self, name: str, by: str) -> None:
        """Forget the person; what was done under the name stays, and nobody gets it again.

        Raises NoSuchAccount, LastSupervisor.
        """
        with self.connection.using(writes=True) as connection, transaction(connection):
            _keep_one(connection, account_of(found(connection, name)))
            connection.execute(_END_ALL, (name,))
            connection.execute("DELETE FROM accounts WHERE name = ?", (name,))
            note(connection, self._now(), name, "removed", by)

    def acts(self, most: int = MOST_ACTS) -> list[AccountAct]:
        """What was done, newest first."""
        with self.connection.using() as connection:
            rows = connection.execute(_NOTES, (most,))
            return [AccountAct(row["at"], row["account"], row["act"], row["by"]) for row in rows]

    def _switch(self, name: str, enabled: bool, by: str) -> None:
        with self.connection.using(writes=True) as connection, transaction(connection):
            account = account_of(found(connection, name))
            if not enabled:
                _keep_one(connection, account)
                connection.execute(_END_ALL, (name,))
            connection.execute("UPDATE accounts SET enabled = ? WHERE name = ?", (enabled, name))
            note(connection, self._now(), name, "enabled" if enabled else "disabled", by)

    def _now(self) -> int:
        return int(self._clock.now().timestamp())


def open_accounts(settings: Settings, clock: Clock) -> Accounts:
    """The accounts on the site's database, which is opened at the first use."""
    return Accounts(site_database(settings), clock)


def clean_name(name: str) -> str:
    """A name as it is kept, however it was typed."""
    return unicodedata.normalize("NFKC", name).strip().lower()


def new_code() -> str:
    """A code for choosing a PIN, in groups that are easily read out."""
    letters = "".join(secrets.choice(_LETTERS) for _ in range(_CODE_LETTERS))
    return "-".join(letters[at : at + 4] for at in range(0, _CODE_LETTERS, 4))


def code_hash(code: str) -> str:
    """What is kept of such a code: it cannot be guessed, so it needs no slow hash. Dashes and case do not matter."""
    letters = "".join(letter for letter in code.upper() if letter.isascii() and letter.isalnum())
    return hashlib.sha256(letters.encode()).hexdigest()


def found(connection: sqlite.Connection, name: str) -> sqlite.Row:
    """The row of an account. Raises NoSuchAccount."""
    row: sqlite.Row | None = connection.execute(_ONE, (name,)).fetchone()
    if row is None:
        raise NoSuchAccount
    return row


def account_of(row: sqlite.Row) -> Account:
    """The account of a row."""
    return Account(
        row["name"],
        row["full_name"],
        Role(row["role"]),
        row["officer_id"],
        bool(row["enabled"]),
        row["secret"] is not None,
        bool(row["letter_keys"]),
    )


def note(connection: sqlite.Connection, at: int, account: str, act: str, by: str, address: str = "") -> None:
    """Write down what was done, and in the audit from which address; rows are only ever added."""
    connection.execute(_NOTE, (at, account, act, by))
    chain.note(connection, f"account.{act}", by, "", noted_at(at), {"account": account}, place=address)


def _keep_one(connection: sqlite.Connection, account: Account) -> None:
    """Raises LastSupervisor where this is the last one that can sign in."""
    if account.role is Role.SUPERVISOR and account.enabled:
        ((others,),) = connection.execute(_OTHERS, (account.name,)).fetchall()
        if not others:
            raise LastSupervisor


def _clean_full_name(full_name: str) -> str:
    return " ".join(unicodedata.normalize("NFC", full_name).split())


def _check(name: str, full_name: str, officer_id: str) -> None:
    if not NAME.fullmatch(name):
        raise AccountUnusable(field="name")
    if not 1 <= len(full_name) <= 100 or any(unicodedata.category(one).startswith("C") for one in full_name):
        raise AccountUnusable(field="full_name")
    if not OFFICER.fullmatch(officer_id):
        raise AccountUnusable(field="officer_id")
