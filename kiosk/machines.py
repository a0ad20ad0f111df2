"""The machines that may call the staff's address: boards, kiosks, other systems. Each has a token of its own.

A machine is enrolled by a code that somebody of the staff makes: it lives for minutes and works once. Only SHA-256 of
codes and tokens is kept: both are random and long, so that nothing slower is needed (NIST SP 800-63B, 5.1.2.2, look-up
secrets of 64 bits or more). Must not import Flask, a device library or a connector.
"""

import hashlib
import logging
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from config.settings import Settings
from kiosk.audit import noted_at
from kiosk.clock import Clock
from kiosk.connection import Open, SharedConnection, site_database
from wire import chain, sqlite
from wire.database import DatabaseUnavailable, transaction
from wire.errors import TiepDonError

log = logging.getLogger(__name__)

CODE_SECONDS = 900  # to walk from the desk to a board in the hall
SEEN_SECONDS = 60  # how often a machine's last sign of life is written
MOST_CODES = 50  # open at once; beyond it the oldest is over
LONGEST_NAME = 60
MOST_ACTS = 500
TOKEN_PREFIX = "tdm_"  # noqa: S105 - lets a search for leaked secrets find one
_LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # none is taken for another on a screen across a room
_CODE_LENGTH = 14  # log2(30) bits each: 68 bits

_MACHINE = "SELECT * FROM machines WHERE ended_at IS NULL"
_NEW_CODE = """
INSERT INTO machine_codes (code_hash, name, scopes, page, expires_at, made_by) VALUES (?, ?, ?, ?, ?, ?)
"""
_OLDEST_OUT = "DELETE FROM machine_codes WHERE id NOT IN (SELECT id FROM machine_codes ORDER BY id DESC LIMIT ?)"
_NEW = """
INSERT INTO machines (name, scopes, page, token_hash, created_at, created_by) VALUES (?, ?, ?, ?, ?, ?) RETURNING *
"""
_NOTE = "INSERT INTO machine_acts (at, machine, act, by, scopes) VALUES (?, ?, ?, ?, ?)"
_NOTES = "SELECT * FROM machine_acts ORDER BY id DESC LIMIT ?"
_END = "UPDATE machines SET ended_at = ?, ended_by = ? WHERE {} AND ended_at IS NULL RETURNING name"


class Scope(StrEnum):
    """What a machine's token is good for."""

    BOARD = "board"  # shows the calls
    KIOSK = "kiosk"  # hands over its check-ins and calls for help
    QUEUE = "queue"  # reads the queue, without names
    CALL = "call"  # calls people: another system's own counter
    RECORDS = "records"  # reads whole visits; each reading is written down
    METRICS = "metrics"  # reads how the processes are


class MachineCodeWrong(TiepDonError):
    """The code that enrols a machine is not one, was used, or is over."""

    code = "machine.code_wrong"


class MachineUnusable(TiepDonError):
    """A machine cannot be enrolled like that (`why`: `name`, `scopes` or `page`)."""

    code = "machine.unusable"


class NoSuchMachine(TiepDonError):
    """No machine of that number or name is enrolled, or its token ended before."""

    code = "machine.unknown"


@dataclass(frozen=True)
class Machine:
    """One enrolled machine. `page`: where its browser goes on, empty for a program; seconds since the epoch;
    `last_seen`: to about a minute, None where it never came."""

    machine_id: int
    name: str
    scopes: frozenset[Scope]
    page: str
    created_at: int
    created_by: str
    last_seen: int | None


@dataclass(frozen=True, repr=False)
class Enrolled:
    """A machine that has just been enrolled, and its token, which is told this once."""

    machine: Machine
    token: str


@dataclass(frozen=True)
class MachineAct:
    """What was done to a machine: `code`, `enrolled`, `replaced` or `revoked`. `at`: seconds since the epoch; `by`: an
    account, or `command` for the command line; `scopes`: what it was made good for, with spaces between."""

    at: int
    machine: str
    act: str
    by: str
    scopes: str


class Machines:
    """The machines on the site's database. Every method may be called from any thread; raises DatabaseUnavailable."""

    def __init__(self, open_connection: Open, clock: Clock) -> None:
        self._connection = SharedConnection(open_connection)
        self._clock = clock
        self.version = self._connection.version
        self.close = self._connection.close

    def new_code(self, name: str, scopes: Collection[Scope], by: str, page: str = "") -> str:
        """A code that enrols one machine within CODE_SECONDS; an earlier code for the same name is over.

        `page`: an address of ours where its browser goes on. Raises MachineUnusable.
        """
        name = " ".join(name.split())
        if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
            raise MachineUnusable(why="name")
        if not scopes:
            raise MachineUnusable(why="scopes")
        if page and not _is_page(page):
            raise MachineUnusable(why="page")
        code = "".join(secrets.choice(_LETTERS) for _ in range(_CODE_LENGTH))
        row = (_hashed(code), name, _written(scopes), page, self._seconds() + CODE_SECONDS, by)
        with self._connection.using(writes=True) as connection, transaction(connection):
            connection.execute("DELETE FROM machine_codes WHERE name = ? OR expires_at <= ?", (name, self._seconds()))
            connection.execute(_NEW_CODE, row)
            connection.execute(_OLDEST_OUT, (MOST_CODES,))
            _note(connection, self._seconds(), by, "code", name, _written(scopes))
        return "-".join((code[:5], code[5:10], code[10:]))

    def enrol(self, code: str) -> Enrolled:
        """The machine that this code is for, with its token; whoever had the name before is signed out.

        Raises MachineCodeWrong.
        """
        token = TOKEN_PREFIX + secrets.token_urlsafe(32)
        now = self._seconds()
        with self._connection.using(writes=True) as connection, transaction(connection):
            row = connection.execute(
                "DELETE FROM machine_codes WHERE code_hash = ? RETURNING *", (_hashed(_typed(code)),)
            ).fetchone()
            if row is None or not now < row["expires_at"]:
                raise MachineCodeWrong
            name, by = row["name"], row["made_by"]
            for _ in connection.execute(_END.format("name = ?"), (now, by, name)).fetchall():
                _note(connection, now, by, "replaced", name)
            (made,) = connection.execute(_NEW, (name, row["scopes"], row["page"], _hashed(token), now, by)).fetchall()
            _note(connection, now, by, "enrolled", name, row["scopes"])
        return Enrolled(_machine(made), token)

    def known(self, token: str) -> Machine | None:
        """Whose token this is; None for any other. That it came is written at most once a minute."""
        if not token.startswith(TOKEN_PREFIX):
            return None
        with self._connection.using() as connection:
            row = connection.execute(_MACHINE + " AND token_hash = ?", (_hashed(token),)).fetchone()
        if row is None:
            return None
        now = self._seconds()
        if row["last_seen"] is None or not 0 <= now - row["last_seen"] < SEEN_SECONDS:
            self._note_seen(row["id"], now)
        return _machine(row)

    def stands(self, machine_id: int) -> bool:
        """Whether its token still counts: a stream asks as it goes on."""
        with self._connection.using() as connection:
            return connection.execute(_MACHINE + " AND id = ?", (machine_id,)).fetchone() is not None

    def all(self) -> list[Machine]:
        """Every machine that is enrolled, by name."""
        with self._connection.using() as connection:
            return [_machine(row) for row in connection.execute(_MACHINE + " ORDER BY name")]

    def revoke(self, machine_id: int, by: str) -> str:
        """End its token at once; returns its name. Raises NoSuchMachine."""
        return self._end("id = ?", machine_id, by)

    def revoke_named(self, name: str, by: str) -> str:
        """As `revoke`, for the command line. Raises NoSuchMachine."""
        return self._end("name = ?", name, by)

    def acts(self, most: int = MOST_ACTS) -> list[MachineAct]:
        """What was done, newest first."""
        with self._connection.using() as connection:
            rows = connection.execute(_NOTES, (most,))
            return [MachineAct(row["at"], row["machine"], row["act"], row["by"], row["scopes"]) for row in rows]

    def _end(self, which: str, value: int | str, by: str) -> str:
        now = self._seconds()
        with self._connection.using(writes=True) as connection, transaction(connection):
            row = connection.execute(_END.format(which), (now, by, value)).fetchone()
            if row is None:
                raise NoSuchMachine
            name = str(row["name"])
            _note(connection, now, by, "revoked", name)
        return name

    def _note_seen(self, machine_id: int, now: int) -> None:
        try:
            with self._connection.using(writes=True) as connection, transaction(connection):
                connection.execute("UPDATE machines SET last_seen = ? WHERE id = ?", (now, machine_id))
        except DatabaseUnavailable as error:  # a full disk must not darken the boards
            log.warning("a machine's last sign of life was not written: %s", error)

    def _seconds(self) -> int:
        return int(self._clock.now().timestamp())


def open_machines(settings: Settings, clock: Clock) -> Machines:
    """The machines on the site's database, which is opened at the first use."""
    return Machines(site_database(settings), clock)


def _machine(row: sqlite.Row) -> Machine:
    known = set(Scope)
    return Machine(
        machine_id=row["id"],
        name=row["name"],
        # One that this version does not know any more is good for nothing.
        scopes=frozenset(Scope(one) for one in row["scopes"].split() if one in known),
        page=row["page"],
        created_at=row["created_at"],
        created_by=row["created_by"],
        last_seen=row["last_seen"],
    )


def _note(connection: sqlite.Connection, at: int, by: str, act: str, machine: str, scopes: str = "") -> None:
    """Write down what was done, in the act's own transaction; rows are only ever added."""
    connection.execute(_NOTE, (at, machine, act, by, scopes))
    chain.note(connection, f"machine.{act}", by, "", noted_at(at), {"machine": machine, "scopes": scopes})


def _written(scopes: Collection[Scope]) -> str:
    return " ".join(sorted(scopes))


def _typed(code: str) -> str:
    """As somebody types it: small letters, spaces, hyphens."""
    return "".join(letter for letter in code[:100].upper() if letter.isalnum())


def _is_page(page: str) -> bool:
    """A path of ours, never another site's: no scheme, no host, no way up."""
    return page.startswith("/") and page[1:2] not in ("/", "\\") and page.isascii() and page.isprintable()


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
