"""What is noted in the audit besides the act itself: whose record it was, by a reference; that a process began, with
which settings; where the audit's head is kept.

The chain is `wire.chain`. Must not import Flask, a device library or a connector.
"""

import hashlib
import hmac
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from config.settings import Settings, database_file
from kiosk.clock import Clock
from kiosk.connection import site_database
from wire import chain, sqlite
from wire.chain_key import audit_key
from wire.chain_witness import AuditHeadMissing, Witness
from wire.codec import to_json
from wire.database import open_for_reading, transaction
from wire.errors import TiepDonError

log = logging.getLogger(__name__)

HEAD = "audit.head"  # beside the database

_PERSON = """
SELECT ifnull(record ->> '$.patient.personal_id', record ->> '$.patient.local_id') AS person FROM visits WHERE id = ?
"""
_LAST_START = "SELECT data ->> '$.settings' FROM audit WHERE act = 'process.started' AND place = ? ORDER BY seq DESC"


def about_visit(connection: sqlite.Connection, visit_id: str) -> str:
    """The reference of the person of a visit; of the visit itself where its record does not tell."""
    try:
        row = connection.execute(_PERSON, (visit_id,)).fetchone()
    except sqlite.OperationalError:  # a damaged record: the act is noted all the same
        row = None
    return chain.reference(connection, (row["person"] if row is not None else None) or visit_id)


def noted_at(seconds: float) -> datetime:
    """A moment in seconds since the epoch, as the audit takes it; one out of all bounds is the epoch."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0, UTC)


def note_visit(
    connection: sqlite.Connection,
    act: str,
    who: str,
    visit_id: str,
    now: datetime,
    data: Mapping[str, object] | None = None,
) -> None:
    """Something was done to a visit, or seen of it. Inside the caller's transaction, before the record goes."""
    told = {"visit": visit_id, **(data or {})}
    chain.note(connection, act, who, about_visit(connection, visit_id), now, told)


def note_start(connection: sqlite.Connection, settings: Settings, process: str, now: datetime) -> None:
    """A process began: with which version, and whether its settings are others than at its last start."""
    digest = settings_digest(settings)
    with transaction(connection):
        row = connection.execute(_LAST_START, (process,)).fetchone()
        if row is not None and row[0] != digest:
            chain.note(connection, "settings.changed", "system", "", now, {"settings": digest}, place=process)
        told = {"version": version("tiepdon"), "settings": digest}
        chain.note(connection, "process.started", "system", "", now, told, place=process)


def note_process(settings: Settings, act: str, process: str, clock: Clock) -> None:
    """`process.started` or `process.stopped`, on a connection of its own; a start keeps the audit's head too.

    Raises DatabaseUnavailable, DatabaseOutdated, sqlite.Error, chain.AuditCut, OSError.
    """
    with closing(site_database(settings)()) as connection:
        if act == "process.started":
            note_start(connection, settings, process, clock.now())
            witness(settings).keep(connection, clock.now())
        else:
            chain.note(connection, act, "system", "", clock.now(), place=process)


@contextmanager
def noted(settings: Settings, process: str, clock: Clock) -> Iterator[None]:
    """A process runs within: its start and its end are in the audit. What cannot be noted keeps no process from
    running: people stand before it."""
    began = os.getpid()
    _note_quietly(settings, "process.started", process, clock)
    try:
        yield
    finally:
        if os.getpid() == began:  # gunicorn's workers leave by the same way
            _note_quietly(settings, "process.stopped", process, clock)


def _note_quietly(settings: Settings, act: str, process: str, clock: Clock) -> None:
    try:
        note_process(settings, act, process, clock)
    except (TiepDonError, sqlite.Error, OSError) as error:
        log.warning("%s: not in the audit: %s", act, error)


def settings_digest(settings: Settings) -> str:
    """Which settings these are, without telling what stands in them: twelve digits of an officer stand there too."""
    key = audit_key(database_file(settings).site_key())
    return hmac.digest(key, b"settings" + to_json(settings), hashlib.sha256)[:12].hex()


def head_file(settings: Settings) -> Path:
    """Where the audit's head is kept."""
    return Path(settings.paths.state) / HEAD


def witness(settings: Settings) -> Witness:
    """Keeps the audit's head beside the database."""
    return Witness(head_file(settings))


def renew_head(settings: Settings, now: datetime) -> None:
    """Keep the audit's head where it is another one than the last that was kept, so that what came since cannot be cut
    off unseen. Only after the rows were judged: what is broken is never kept as right.

    Raises AuditCut, OSError, DatabaseUnavailable, DatabaseOutdated, sqlite.Error.
    """
    with closing(site_database(settings)()) as connection:
        kept = witness(settings)
        try:
            behind = kept.check(connection) != chain.head_of(connection)
        except AuditHeadMissing:  # `keep` writes that down
            behind = chain.head_of(connection).seq > 0
        if behind:
            kept.keep(connection, now)


def verify(settings: Settings, heads: tuple[chain.Head, ...] = ()) -> chain.Verified:
    """Judge the site's whole audit: each row, the head beside the database, and these heads that somebody kept.

    Raises AuditBroken, AuditCut, AuditHeadMissing, DatabaseUnavailable and as `open_for_reading` does.
    """
    with closing(open_for_reading(database_file(settings))) as connection:
        verified = chain.verify(connection)
        if verified.head.seq or head_file(settings).exists():
            witness(settings).check(connection)
        for head in heads:
            chain.holds(connection, head)
        return verified
