"""One person's data, by their number: what is kept of them, and that it is erased (`kiosk.person_copy` gives it out).

Erasing leaves a tombstone, the person's keyed reference and the moment, in the database and in a file beside it, so
that a copy that is put back erases them again; who checks in anew afterwards is kept as anybody. What a law or a
delivery under way holds back is said, and goes as soon as it is free (the nightly purge calls `reapply`). We cannot
erase at the hospital: who was told is listed. Must not import Flask, a device library or a connector.
"""

import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from config.settings import Settings
from hisbridge.identity import person_key
from kiosk import requests
from kiosk.clock import moment
from kiosk.legal_basis import Told, consents_of
from kiosk.requests import Request
from kiosk.visit_removal import BATCH, remove_visits
from wire import chain, sqlite
from wire.codec import Record
from wire.database import transaction
from wire.durable import write_durably
from wire.errors import TiepDonError

ERASED = "erased.list"  # beside the database: `REFERENCE MOMENT` by line
MOST_ERASED = 1 << 20  # lines

# How a person is named: by their number, else by ours; a damaged record is nobody's but its visit's.
NAMED = (
    "coalesce(iif(json_valid(record), coalesce(record ->> '$.patient.personal_id', record ->> '$.patient.local_id'),"
    " NULL), visits.id)"
)
_VISITS = f"""
SELECT visits.id, visits.created_at, number, day FROM visits LEFT JOIN tickets ON visit_id = visits.id
WHERE {NAMED} = :number ORDER BY visits.created_at
"""  # noqa: S608 - our own words, here and below
WARDS = """
SELECT id, created_at, record -> '$.guardian' AS guardian FROM visits
WHERE iif(json_valid(record), record ->> '$.guardian.personal_id', NULL) = :number ORDER BY created_at
"""
_DELIVERIES = f"""
SELECT id, record_id, destination, state, created_at, finished_at FROM deliveries
WHERE person_key = :key OR record_id IN (SELECT id FROM visits WHERE {NAMED} = :number) ORDER BY id
"""  # noqa: S608
_TOMB = "INSERT INTO erased (person, at) VALUES (?, ?) ON CONFLICT (person) DO UPDATE SET at = max(at, excluded.at)"
_NAMED = f"SELECT id, created_at, {NAMED} AS number FROM visits"  # noqa: S608
# A number that was typed wrong stands among the corrections of whom it was corrected to, with what was told of both.
_MISTYPED = """
UPDATE corrections SET before = NULL WHERE before IS NOT NULL AND (visit_id, at) IN
(SELECT visit_id, at FROM corrections WHERE field = 'personal_id' AND before = ?)
"""
_OURS = re.compile(r"[0-9a-f]{32}")  # a visit's name (`kiosk.store.random_id`)
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


class Erased(Record, frozen=True, kw_only=True):
    """What erasing did. `rows`: how many went, by table; `stays`: codes of what had to stay and why; `told`:
    destinations that hold their own copy."""

    reference: str
    visits: int
    rows: dict[str, int]
    under_way: int
    stays: tuple[str, ...]
    told: tuple[str, ...]


def number_of(text: str) -> str:
    """The twelve digits somebody typed, or our own number of somebody without papers. Raises NotANumber, which never
    holds them."""
    number = "".join(text.split())
    if not (len(number) == 12 and number.isascii() and number.isdigit()) and not _OURS.fullmatch(number):
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
        guardian_of=len(connection.execute(WARDS, {"number": number}).fetchall()),
        handed=tuple(
            Handed(
                delivery=row["id"],
                destination=row["destination"],
                state=row["state"],
                at=row["created_at"],
                finished_at=row["finished_at"],
            )
            for row in connection.execute(_DELIVERIES, {"key": person_key(number), "number": number})
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
        gone = _remove(connection, free, (number,))
        waiting = sum(visit.state == "under_way" for visit in before.visits)
        told = tuple(sorted({one.destination for one in before.handed if one.state == "acknowledged"}))
        kept = stays(before, settings)
        data = {"visits": len(free), "rows": gone, "under_way": waiting, "stays": list(kept), "told": list(told)}
        chain.note(connection, "person.erased", by, before.reference, now, data)
    return Erased(reference=before.reference, visits=len(free), rows=gone, under_way=waiting, stays=kept, told=told)


def stays(found: Found, settings: Settings) -> tuple[str, ...]:
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
    if settings.backup.folder and found.visits:
        kept.append("copies")
    return tuple(kept)


def reapply(connection: sqlite.Connection, file: Path | None = None) -> Counter[str]:
    """Erase again who was erased: after a copy was put back, and every night, when a delivery is no more under way.

    `file`: the list beside the site's database; not told, the one beside this database or above its folder. Returns
    rows by table. Begins a transaction of its own where there is none.
    """
    if not connection.in_transaction:
        with transaction(connection):
            return reapply(connection, file)
    connection.executemany(_TOMB, _listed(file if file is not None else _beside(connection)))
    tombs = {row["person"]: row["at"] for row in connection.execute("SELECT person, at FROM erased")}
    if not tombs:
        return Counter()
    busy, visits, numbers = _busy(connection), list[str](), set[str]()
    for row in connection.execute(_NAMED):
        at = tombs.get(chain.reference(connection, row["number"]))
        if at is not None and row["id"] not in busy and _instant(row["created_at"]) <= _instant(at):
            visits.append(row["id"])
            numbers.add(row["number"])
    return Counter(_remove(connection, visits, numbers))


def forget_erased(connection: sqlite.Connection, file: Path, before: str) -> int:
    """Tombstones from before that day (YYYY-MM-DD) go, from the list too: no copy is that old. Returns how many.

    Inside the caller's transaction, as every erasure is: nobody adds to the list meanwhile. Raises OSError.
    """
    gone = connection.execute("DELETE FROM erased WHERE substr(at, 1, 10) < ?", (before,)).rowcount
    listed = list(_listed(file))
    stay = [(person, at) for person, at in listed if at[:10] >= before]
    if len(stay) < len(listed):
        write_durably(file, "".join(f"{person} {at}\n" for person, at in stay).encode())
    return gone


def erased_file(settings: Settings) -> Path:
    """Where the tombstones are kept beside the database; a restore on another machine needs it too."""
    return Path(settings.paths.state) / ERASED


def _remove(connection: sqlite.Connection, visits: Sequence[str], numbers: Iterable[str]) -> dict[str, int]:
    """Visits, and what is no visit's; returns rows by table."""
    gone = Counter[str]()
    for first in range(0, len(visits), BATCH):
        gone += remove_visits(connection, visits[first : first + BATCH])
    for number in numbers:
        gone += _remove_traces(connection, number)
    return dict(+gone)


def _remove_traces(connection: sqlite.Connection, number: str) -> Counter[str]:
    """Settled deliveries, whom technicians chose, where the number was typed wrong, the day's insurance answers, which
    are sealed and only a cache."""
    key = person_key(number)
    settled = "DELETE FROM deliveries WHERE person_key = ? AND state IN ('acknowledged', 'cancelled')"
    chosen = "UPDATE bridge_audit SET selection = NULL WHERE instr(selection, ?)"
    return Counter(
        deliveries=connection.execute(settled, (key,)).rowcount,
        bridge_audit=connection.execute(chosen, (key,)).rowcount,
        corrections=connection.execute(_MISTYPED, (f'"{number}"',)).rowcount,
        coverage_answers=connection.execute("DELETE FROM coverage_answers").rowcount,
    )


def _busy(connection: sqlite.Connection) -> set[str]:
    return {row["record_id"] for row in connection.execute(_BUSY)}


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
