"""One person's data, by their number: what is kept, a copy for them, erased.

Erasing leaves a tombstone, the person's keyed reference and the moment, in the database and in a file beside it, so
that a copy that is put back erases them again; who checks in anew afterwards is kept as anybody. What a law or a
delivery under way holds back is said, and goes as soon as it is free (the nightly purge calls `reapply`). We cannot
erase at the hospital: who was told is listed. Must not import Flask, a device library or a connector.
"""

import logging
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from config.settings import Settings
from hisbridge.identity import person_key
from kiosk import requests
from kiosk.clock import moment
from kiosk.legal_basis import GROUNDS, Told, consents_of
from kiosk.requests import Request
from kiosk.retention_rules import RULES
from kiosk.visit_removal import BATCH, remove_visits
from wire import chain, sqlite
from wire.codec import Record, from_json
from wire.database import transaction
from wire.errors import MalformedMessage, TiepDonError

log = logging.getLogger(__name__)

ERASED = "erased.list"  # beside the database: `REFERENCE MOMENT` by line
MOST_ERASED = 1 << 20  # lines

_VISITS = """
SELECT visits.id, visits.created_at, record, number, day FROM visits LEFT JOIN tickets ON visit_id = visits.id
WHERE record ->> '$.patient.personal_id' = :number ORDER BY visits.created_at
"""
_WARDS = "SELECT id, created_at FROM visits WHERE record ->> '$.guardian.personal_id' = ? ORDER BY created_at"
_DELIVERIES = """
SELECT id, record_id, destination, state, created_at, finished_at FROM deliveries
WHERE person_key = ? OR record_id IN (SELECT id FROM visits WHERE record ->> '$.patient.personal_id' = ?) ORDER BY id
"""
_CORRECTIONS = "SELECT at, field, reason, before, after FROM corrections WHERE visit_id = ? ORDER BY id"
_ANSWERS = "SELECT destination, answered_at, answer FROM visit_answers WHERE visit_id = ? ORDER BY destination"
_TOMB = "INSERT INTO erased (person, at) VALUES (?, ?) ON CONFLICT (person) DO UPDATE SET at = max(at, excluded.at)"
_NAMED = """
SELECT id, created_at, record ->> '$.patient.personal_id' AS number FROM visits
WHERE record ->> '$.patient.personal_id' IS NOT NULL
"""
_BUSY = """
SELECT DISTINCT record_id FROM deliveries WHERE state IN ('queued', 'sending', 'held', 'dead', 'rejected')
"""


class NotANumber(TiepDonError):
    """A person is named by twelve digits."""

    code = "person.not_a_number"


class FolderUnusable(TiepDonError):
    """A copy for a person cannot be written there (`why`); an older one is never written over."""

    code = "person.folder_unusable"


class Visit(Record, frozen=True, kw_only=True):
    """A visit that is still kept. `state`: `kept`, or `under_way` while a receiver has not settled it."""

    visit_id: str
    at: str
    ticket: str | None
    state: str


class Handed(Record, frozen=True, kw_only=True):
    """A record that went, or is to go, to somebody."""

    delivery: int
    destination: str
    state: str
    at: str
    finished_at: str | None


class Found(Record, frozen=True, kw_only=True):
    """What is kept of a person. `reference`: how the audit names them; `guardian_of`: visits of others in which they
    stand as the one who came along; `seen`: how often somebody looked, `last_seen` when."""

    reference: str
    visits: tuple[Visit, ...]
    guardian_of: int
    handed: tuple[Handed, ...]
    consents: tuple[Told, ...]
    requests: tuple[Request, ...]
    seen: int
    last_seen: str | None
    erased_at: str | None


class Copy(Record, frozen=True, kw_only=True):
    """Everything that is kept of a person, for themselves, in a form that machines read (`version`)."""

    version: str
    made_at: str
    facility: str
    found: Found
    records: tuple[dict[str, Any], ...]
    corrections: tuple[dict[str, Any], ...]
    answers: tuple[dict[str, Any], ...]
    seen_by: tuple[dict[str, str], ...]
    purposes: tuple[dict[str, str], ...]


class Erased(Record, frozen=True, kw_only=True):
    """What erasing did. `stays`: codes of what had to stay and why; `told`: destinations that hold their own copy."""

    reference: str
    visits: int
    under_way: int
    stays: tuple[str, ...]
    told: tuple[str, ...]


def number_of(text: str) -> str:
    """The twelve digits somebody typed. Raises NotANumber, which never holds them."""
    number = "".join(text.split())
    if not (len(number) == 12 and number.isascii() and number.isdigit()):
        raise NotANumber
    return number


def find(connection: sqlite.Connection, number: str) -> Found:
    """What is kept of the person."""
    person, busy = chain.reference(connection, number), _busy(connection)
    seen = [one for one in chain.entries(connection, 100_000, about=person) if one.act in SEEN]
    tomb = connection.execute("SELECT at FROM erased WHERE person = ?", (person,)).fetchone()
    return Found(
        reference=person,
        visits=tuple(
            Visit(
                visit_id=row["id"],
                at=row["created_at"],
                ticket=row["number"],
                state="under_way" if row["id"] in busy else "kept",
            )
            for row in connection.execute(_VISITS, {"number": number})
        ),
        guardian_of=len(connection.execute(_WARDS, (number,)).fetchall()),
        handed=tuple(
            Handed(
                delivery=row["id"],
                destination=row["destination"],
                state=row["state"],
                at=row["created_at"],
                finished_at=row["finished_at"],
            )
            for row in connection.execute(_DELIVERIES, (person_key(number), number))
        ),
        consents=tuple(consents_of(connection, number)),
        requests=tuple(requests.requests_of(connection, number)),
        seen=len(seen),
        last_seen=seen[0].at if seen else None,
        erased_at=tomb["at"] if tomb is not None else None,
    )


SEEN = frozenset({"visit.seen", "visit.told", "delivery.message.whole", "person.found", "person.exported"})


def look(connection: sqlite.Connection, number: str, by: str, now: datetime) -> Found:
    """`find`, written down first."""
    with transaction(connection):
        chain.note(connection, "person.found", by, chain.reference(connection, number), now)
    return find(connection, number)


def export(connection: sqlite.Connection, settings: Settings, number: str, by: str, now: datetime) -> Copy:
    """Everything that is kept, for the person themselves; that it was made is written down first."""
    with transaction(connection):
        chain.note(connection, "person.exported", by, chain.reference(connection, number), now)
    found = find(connection, number)
    visits = connection.execute(_VISITS, {"number": number}).fetchall()
    seen = (one for one in chain.entries(connection, 100_000, about=found.reference) if one.act in SEEN)
    return Copy(
        version="tiepdon.person_copy/1",
        made_at=moment(now),
        facility=settings.site.facility_name,
        found=found,
        records=tuple(record for row in visits if (record := _plain(row["record"])) is not None),
        corrections=tuple(
            {
                "visit_id": row["id"],
                "at": one["at"],
                "field": one["field"],
                "reason": one["reason"],
                "before": _plain(one["before"]),
                "after": _plain(one["after"]),
            }
            for row in visits
            for one in connection.execute(_CORRECTIONS, (row["id"],))
        ),
        answers=tuple(
            {"destination": one["destination"], "at": one["answered_at"], "answer": _plain(one["answer"])}
            for row in visits
            for one in connection.execute(_ANSWERS, (row["id"],))
        ),
        seen_by=tuple({"at": one.at, "by": one.who, "act": one.act} for one in seen),
        purposes=_purposes(),
    )


def erase(connection: sqlite.Connection, settings: Settings, number: str, by: str, now: datetime) -> Erased:
    """Remove what is kept of a person, all in one transaction with its tombstone; a delivery under way is not torn.

    The caller cleans file and snapshots afterwards (`kiosk.retention.clean_file`, `renew_snapshots`). Raises OSError
    (the tombstone could not be kept beside the database: nothing is erased).
    """
    before = find(connection, number)
    with transaction(connection):
        # First: were it lost, a copy put back would bring the person back unseen.
        _append(erased_file(settings), before.reference, moment(now))
        connection.execute(_TOMB, (before.reference, moment(now)))
        free = [visit.visit_id for visit in before.visits if visit.state == "kept"]
        for first in range(0, len(free), BATCH):
            remove_visits(connection, free[first : first + BATCH])
        _remove_traces(connection, number)
        waiting = sum(visit.state == "under_way" for visit in before.visits)
        told = tuple(sorted({one.destination for one in before.handed if one.state == "acknowledged"}))
        kept = stays(before)
        data = {"visits": len(free), "under_way": waiting, "told": list(told)}
        chain.note(connection, "person.erased", by, before.reference, now, data)
    return Erased(reference=before.reference, visits=len(free), under_way=waiting, stays=kept, told=told)


def stays(found: Found) -> tuple[str, ...]:
    """Codes of what erasing leaves and why, as `person.stays.CODE` tells."""
    kept = ["audit", "tombstone"]
    if found.consents or found.requests:
        kept.append("proof")
    if any(visit.state == "under_way" for visit in found.visits):
        kept.append("under_way")
    if found.guardian_of:
        kept.append("guardian")
    if found.handed:
        kept.append("receivers")
    return tuple(kept)


def reapply(connection: sqlite.Connection, file: Path | None = None) -> int:
    """Erase again who was erased: after a copy was put back, and every night, when a delivery is no more under way.

    `file`: the list beside the site's database; not told, the one beside this database or above its folder. Returns
    how many visits went. Begins a transaction of its own where there is none.
    """
    if not connection.in_transaction:
        with transaction(connection):
            return reapply(connection, file)
    connection.executemany(_TOMB, _listed(file if file is not None else _beside(connection)))
    tombs = {row["person"]: row["at"] for row in connection.execute("SELECT person, at FROM erased")}
    if not tombs:
        return 0
    busy, gone, numbers = _busy(connection), list[str](), set[str]()
    for row in connection.execute(_NAMED):
        at = tombs.get(chain.reference(connection, row["number"]))
        if at is not None and row["id"] not in busy and _instant(row["created_at"]) <= _instant(at):
            gone.append(row["id"])
            numbers.add(row["number"])
    for first in range(0, len(gone), BATCH):
        remove_visits(connection, gone[first : first + BATCH])
    for number in numbers:
        _remove_traces(connection, number)
    return len(gone)


def erased_file(settings: Settings) -> Path:
    """Where the tombstones are kept beside the database; a restore on another machine needs it too."""
    return Path(settings.paths.state) / ERASED


def _remove_traces(connection: sqlite.Connection, number: str) -> None:
    """What is no visit's: settled deliveries, whom technicians chose, the day's insurance answers, which are sealed and
    only a cache."""
    key = person_key(number)
    connection.execute("DELETE FROM deliveries WHERE person_key = ? AND state IN ('acknowledged', 'cancelled')", (key,))
    connection.execute("UPDATE bridge_audit SET selection = NULL WHERE instr(selection, ?)", (key,))
    connection.execute("DELETE FROM coverage_answers")


def _busy(connection: sqlite.Connection) -> set[str]:
    return {row["record_id"] for row in connection.execute(_BUSY)}


def _purposes() -> tuple[dict[str, str], ...]:
    terms = {rule.purpose: rule.term.value for rule in RULES if rule.persons}
    return tuple(
        {
            "purpose": purpose.value,
            "basis": ground.basis.value,
            "source": ground.source,
            "kept": terms.get(purpose, ""),
        }
        for purpose, ground in GROUNDS.items()
        if purpose in terms
    )


def _plain(text: str | None) -> Any:
    """JSON as plain data; what is damaged is told as text, for it is the person's all the same."""
    if text is None:
        return None
    try:
        return from_json(text, Any)
    except MalformedMessage:
        return {"damaged": text}


def _instant(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _append(file: Path, reference: str, at: str) -> None:
    """One more line, on the disk when this returns."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "ab") as opened:
        opened.write(f"{reference} {at}\n".encode())
        opened.flush()
        os.fsync(opened.fileno())


def _listed(file: Path | None) -> Iterable[Sequence[str]]:
    """The lines that are whole; others were cut off by a power cut, and their erasure never happened."""
    if file is None:
        return
    with suppress(OSError, UnicodeDecodeError), file.open(encoding="ascii") as lines:
        for _, line in zip(range(MOST_ERASED), lines, strict=False):
            reference, _, at = line.strip().partition(" ")
            try:
                datetime.fromisoformat(at)
            except ValueError:
                continue
            yield reference, at


def _beside(connection: sqlite.Connection) -> Path | None:
    for row in connection.execute("PRAGMA database_list"):
        if row[1] == "main" and row[2]:
            folder = Path(row[2]).parent
            return next((one / ERASED for one in (folder, folder.parent) if (one / ERASED).exists()), None)
    return None
