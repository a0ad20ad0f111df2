"""The audit: what was done, by whom, to whom, when; each row sealed with the one before it.

A row's seal is HMAC-SHA-256 (RFC 2104) over the seal before it and the row, so that nobody without the site's key can
change, drop, swap or add a row unseen. Old rows go behind a sealed anchor, so that what is left still proves itself.
That the newest rows were cut off, or an older database put back, a head kept elsewhere shows: beside the database
(`wire.chain_witness`), in the log, on paper. Holds no personal data: a person is named by a keyed reference. Must not
import any other package of ours.
"""

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from wire import sqlite
from wire.chain_key import attach, audit_key
from wire.codec import Record, from_json, to_json
from wire.database import transaction
from wire.errors import MalformedMessage, TiepDonError

GENESIS = bytes(32)  # before the first row
MAX_WORDS = 200  # characters of an act, a name, a place
MAX_DATA = 4000  # characters of JSON
REFERENCE_BYTES = 12  # 2^48 persons until two may share one (birthday bound)

_TABLES = (
    # `at`: UTC, RFC 3339; `ticks`: seconds since the machine's start `boot`, which no wrong clock can change.
    "CREATE TABLE IF NOT EXISTS audit (seq INTEGER PRIMARY KEY, at TEXT NOT NULL, boot TEXT NOT NULL,"
    " ticks REAL NOT NULL, act TEXT NOT NULL, who TEXT NOT NULL, place TEXT NOT NULL, about TEXT NOT NULL,"
    " data TEXT NOT NULL, mac BLOB NOT NULL) STRICT",
    "CREATE INDEX IF NOT EXISTS idx_audit_at ON audit (at)",
    "CREATE INDEX IF NOT EXISTS idx_audit_about ON audit (about) WHERE about <> ''",
    # Up to which row old ones were removed, and that row's seal.
    "CREATE TABLE IF NOT EXISTS audit_anchors (seq INTEGER PRIMARY KEY, at TEXT NOT NULL, mac BLOB NOT NULL,"
    " seal BLOB NOT NULL) STRICT",
    # Under which persons are named in the audit, in consents and among the erased. Beside them and not derived from
    # the site's key, so that a rotated key and a restored copy still name the same person the same way.
    "CREATE TABLE IF NOT EXISTS audit_references (id INTEGER PRIMARY KEY CHECK (id = 1), key BLOB NOT NULL) STRICT",
)
_TRIGGERS = {
    "audit_kept": "BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'audit: rows stay as they are'); END",
    "audit_stays": "BEFORE DELETE ON audit WHEN OLD.seq > (SELECT ifnull(max(seq), 0) FROM audit_anchors)"
    " BEGIN SELECT RAISE(ABORT, 'audit: rows go only behind an anchor'); END",
    "audit_anchors_kept": "BEFORE UPDATE ON audit_anchors BEGIN SELECT RAISE(ABORT, 'audit: anchors stay'); END",
    "audit_anchors_stay": "BEFORE DELETE ON audit_anchors BEGIN SELECT RAISE(ABORT, 'audit: anchors stay'); END",
}

_LAST = "SELECT seq, mac FROM audit WHERE seq = (SELECT max(seq) FROM audit)"
_ANCHOR = "SELECT seq, at, mac, seal FROM audit_anchors WHERE seq = (SELECT max(seq) FROM audit_anchors)"
_STAMP = "SELECT audit_boot() AS boot, audit_ticks() AS ticks"
_MAC = "SELECT audit_mac(?, ?) AS mac"
_NOTE = (
    "INSERT INTO audit (seq, at, boot, ticks, act, who, place, about, data, mac) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_ROWS = "SELECT * FROM audit WHERE seq > ? ORDER BY seq"
_ROTATED = """
SELECT 1 FROM audit WHERE act = 'audit.rotated' AND iif(json_valid(data), data ->> '$.head', NULL) = ?
"""
_ENTRIES = """
SELECT * FROM audit WHERE seq < :before AND at >= :since AND at < :until AND (:about = '' OR about = :about)
AND (:act = '' OR act = :act) AND (:who = '' OR who = :who) ORDER BY seq DESC LIMIT :most
"""


class AuditBroken(TiepDonError):
    """The audit does not prove itself (`row`: the first one that does not; `why`: `changed`, `missing`, `anchor`)."""

    code = "audit.broken"


class AuditCut(TiepDonError):
    """The audit ends before the last head that was kept (`row`), or has another row there: cut off, or an older
    database was put back."""

    code = "audit.cut"


class Entry(Record, frozen=True, kw_only=True):
    """One row. `at`: UTC, RFC 3339; `ticks`: seconds since the machine's start `boot`; `about`: a keyed reference of
    the person, empty where it is about nobody; `data`: what else is known, never a person's own data."""

    seq: int
    at: str
    act: str
    who: str
    place: str
    about: str
    data: dict[str, Any]
    boot: str
    ticks: float


class Head(Record, frozen=True, kw_only=True):
    """The newest row and its seal, hex: whoever keeps it can tell later that nothing before it was lost."""

    seq: int
    mac: str

    def __str__(self) -> str:
        return f"{self.seq}:{self.mac}"


@dataclass(frozen=True)
class Verified:
    """The audit proves itself: how many rows, from which one, up to which head."""

    rows: int
    first: int
    head: Head


def create(execute: Callable[..., object], new_key: Callable[[int], bytes]) -> None:
    """Make the tables where they are not yet, as kiosk and bridge each need them. `execute`: of the connection that is
    migrated; `new_key`: so many random bytes."""
    for statement in _TABLES:
        execute(statement)
    for name, body in _TRIGGERS.items():
        execute(f"CREATE TRIGGER IF NOT EXISTS {name} {body}")
    execute("INSERT INTO audit_references (id, key) VALUES (1, ?) ON CONFLICT DO NOTHING", (new_key(32),))


def note(
    connection: sqlite.Connection,
    act: str,
    who: str,
    about: str,
    now: datetime,
    data: Mapping[str, object] | None = None,
    *,
    place: str = "",
) -> int:
    """Write one row, inside the caller's transaction or as one of its own; returns its number.

    `about`: of `reference`, or empty; `place`: from where it was done, as an address or a process; `data`: never a
    person's own data, at most MAX_DATA characters.
    """
    if not connection.in_transaction:
        with transaction(connection):
            return note(connection, act, who, about, now, data, place=place)
    head = head_of(connection)
    stamp = connection.execute(_STAMP).fetchone()
    told = to_json(data or {}).decode()
    if len(told) > MAX_DATA:
        told = to_json({"cut": len(told)}).decode()
    words = tuple(_line(text) for text in (act, who, place, about))
    row = (head.seq + 1, moment(now), stamp["boot"], stamp["ticks"], *words, told)
    mac = seal_of(connection, bytes.fromhex(head.mac), row)
    connection.execute(_NOTE, (*row, mac))
    return head.seq + 1


def reference(connection: sqlite.Connection, name: str) -> str:
    """How a person or visit is named here: HMAC-SHA-256 under the database's own key, cut to REFERENCE_BYTES, hex."""
    if not name:
        return ""
    ((key,),) = connection.execute("SELECT key FROM audit_references WHERE id = 1").fetchall()
    return hmac.digest(key, name.encode("utf-8", "replace"), hashlib.sha256)[:REFERENCE_BYTES].hex()


def head_of(connection: sqlite.Connection) -> Head:
    """The newest row; where there is none, the anchor, or the beginning."""
    row = connection.execute(_LAST).fetchone() or connection.execute(_ANCHOR).fetchone()
    return Head(seq=0, mac=GENESIS.hex()) if row is None else Head(seq=row["seq"], mac=row["mac"].hex())


def verify(connection: sqlite.Connection) -> Verified:
    """Judge every row, in one reading transaction. Raises AuditBroken, naming the first that does not hold."""
    with _one_view(connection):
        before, first = GENESIS, 1
        anchors = connection.execute("SELECT seq, at, mac, seal FROM audit_anchors ORDER BY seq").fetchall()
        for anchor in anchors:
            if not hmac.compare_digest(anchor["seal"], _anchor_seal(connection, anchor)):
                raise AuditBroken(row=anchor["seq"], why="anchor")
            before, first = anchor["mac"], anchor["seq"] + 1
        expected = first
        stray = connection.execute("SELECT min(seq) AS seq FROM audit WHERE seq < ?", (first,)).fetchone()["seq"]
        if stray is not None:
            raise AuditBroken(row=stray, why="anchor")
        for row in connection.execute(_ROWS, (first - 1,)):
            if row["seq"] != expected:
                raise AuditBroken(row=expected, why="missing")
            if not hmac.compare_digest(row["mac"], seal_of(connection, before, _fields(row))):
                raise AuditBroken(row=expected, why="changed")
            before, expected = row["mac"], expected + 1
    return Verified(rows=expected - first, first=first, head=Head(seq=expected - 1, mac=before.hex()))


def holds(connection: sqlite.Connection, head: Head) -> None:
    """Whether the audit goes through a head that was kept. Raises AuditCut. Says something only of a verified one."""
    anchor = connection.execute(_ANCHOR).fetchone()
    if anchor is not None and head.seq < anchor["seq"]:
        return  # its row is gone by right; the anchor is sealed
    row = connection.execute("SELECT mac FROM audit WHERE seq = ?", (head.seq,)).fetchone()
    if row is None and anchor is not None and head.seq == anchor["seq"]:
        row = anchor
    if head.seq and (row is None or row["mac"].hex() != head.mac) and not _rotated(connection, head):
        raise AuditCut(row=head.seq)


def prune(connection: sqlite.Connection, before: datetime, now: datetime) -> int:
    """Remove what is older, behind a sealed anchor; returns how many rows. Inside the caller's transaction.

    The newest row always stays, whatever the clock says.
    """
    fresh = connection.execute("SELECT min(seq) AS seq FROM audit WHERE at >= ?", (moment(before),)).fetchone()["seq"]
    upto = (head_of(connection).seq if fresh is None else fresh) - 1
    row = connection.execute("SELECT seq, mac FROM audit WHERE seq <= ? ORDER BY seq DESC LIMIT 1", (upto,)).fetchone()
    if row is None:
        return 0
    anchor = {"seq": row["seq"], "at": moment(now), "mac": row["mac"]}
    values = (row["seq"], anchor["at"], row["mac"], _anchor_seal(connection, anchor))
    connection.execute("INSERT INTO audit_anchors (seq, at, mac, seal) VALUES (?, ?, ?, ?)", values)
    return connection.execute("DELETE FROM audit WHERE seq <= ?", (row["seq"],)).rowcount


def rotate(connection: sqlite.Connection, old: bytes | None, new: bytes | None, now: datetime, who: str) -> None:
    """Seal the whole audit anew under another site key, and leave this connection with it. One transaction, the
    caller's or its own; the head under the old key is written into it, so that heads on paper still count.

    `old`, `new`: the site's keys, None for none. Raises AuditBroken: what is broken is never sealed anew.
    """
    if not connection.in_transaction:
        with transaction(connection):
            rotate(connection, old, new, now, who)
        return
    attach(connection, audit_key(old))
    left = verify(connection)
    rows = connection.execute(_ROWS, (0,)).fetchall()
    anchors = connection.execute("SELECT * FROM audit_anchors ORDER BY seq").fetchall()
    attach(connection, audit_key(new))
    for name in _TRIGGERS:
        connection.execute(f"DROP TRIGGER {name}")
    before = anchors[-1]["mac"] if anchors else GENESIS
    for anchor in anchors:
        connection.execute(
            "UPDATE audit_anchors SET seal = ? WHERE seq = ?", (_anchor_seal(connection, anchor), anchor["seq"])
        )
    for row in rows:
        before = seal_of(connection, before, _fields(row))
        connection.execute("UPDATE audit SET mac = ? WHERE seq = ?", (before, row["seq"]))
    for name, body in _TRIGGERS.items():
        connection.execute(f"CREATE TRIGGER {name} {body}")
    note(connection, "audit.rotated", who, "", now, {"head": str(left.head), "rows": left.rows})


def entries(
    connection: sqlite.Connection,
    most: int = 100,
    *,
    before: int | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    about: str = "",
    act: str = "",
    who: str = "",
) -> list[Entry]:
    """Rows, newest first."""
    values = {
        "before": before if before is not None else 2**62,
        "since": "" if since is None else moment(since),
        "until": "9999" if until is None else moment(until),
        "about": about,
        "act": act,
        "who": who,
        "most": most,
    }
    return [_entry(row) for row in connection.execute(_ENTRIES, values)]


def seal_of(connection: sqlite.Connection, before: bytes, row: tuple[object, ...]) -> bytes:
    """The seal of a row behind the one whose seal is `before`, under the connection's key."""
    ((mac,),) = connection.execute(_MAC, (before, _canonical(row))).fetchall()
    return bytes(mac)


def moment(when: datetime) -> str:
    """UTC, RFC 3339, milliseconds: compares as text."""
    return when.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _line(text: str) -> str:
    """One line that a log, a terminal and a table can take, whoever typed it."""
    clean = text[:MAX_WORDS].encode("utf-8", "replace").decode()
    return "".join(letter if letter.isprintable() else " " for letter in clean)


def _anchor_seal(connection: sqlite.Connection, anchor: Any) -> bytes:
    return seal_of(connection, b"anchor", (anchor["seq"], anchor["at"], anchor["mac"].hex()))


def _canonical(row: tuple[object, ...]) -> bytes:
    """One spelling for one row (as RFC 8785 for strings and integers; numbers of ours have at most three decimals)."""
    return json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode()


def _fields(row: sqlite.Row) -> tuple[object, ...]:
    names = ("seq", "at", "boot", "ticks", "act", "who", "place", "about", "data")
    return tuple(row[name] for name in names)


def _entry(row: sqlite.Row) -> Entry:
    told = {name: row[name] for name in ("seq", "at", "act", "who", "place", "about", "boot", "ticks")}
    try:
        data = from_json(row["data"], dict[str, Any])
    except MalformedMessage:
        data = {}
    return Entry(**told, data=data)


def _rotated(connection: sqlite.Connection, head: Head) -> bool:
    """A head from before the key was rotated, as the audit itself tells."""
    return connection.execute(_ROTATED, (str(head),)).fetchone() is not None


@contextmanager
def _one_view(connection: sqlite.Connection) -> Iterator[None]:
    """What is read within is of one moment, while others write."""
    if connection.in_transaction:
        yield
        return
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")
