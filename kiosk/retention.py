"""The nightly purge: what served its purpose goes, by `kiosk.retention_rules`, and leaves nothing in file or log.

Persons go a few hundred visits at a time, each batch one transaction, so that a check-in at night waits for one of them
at most. What no receiver has taken yet stays up to `retention.undelivered_days`, is told every night, and is named in
the audit when it goes. Statistics are made first. Every step can be cut off at any moment: the next night goes on.
Must not import Flask, a device library or a connector.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from config.settings import Settings, database_file
from kiosk.audit import about_visit, witness
from kiosk.clock import Clock, at_site
from kiosk.connection import site_database
from kiosk.legal_basis import note_bases
from kiosk.persons import erased_file, forget_erased, reapply
from kiosk.retention_rules import rule_of
from kiosk.sign_in import KNOWN_SECONDS
from kiosk.statistics import close_days
from kiosk.visit_removal import BATCH, LATE, remove_visits
from wire import chain, sqlite
from wire.codec import Record
from wire.database import DatabaseUnavailable, transaction
from wire.database_copies import forget_snapshots, snapshot_folder, take_snapshot
from wire.errors import TiepDonError

log = logging.getLogger(__name__)

WHOLE_BYTES = 512 << 20  # up to here the file is written anew every night; beyond it SQLite zeroes what it frees
TRIES = 3  # for the log, each as long as the busy time-out
# S608: what is put together here are our own words, never anybody's data.
_UNSETTLED = "('queued', 'sending', 'held', 'dead', 'rejected')"

# A day to come was written by a clock that was wrong: such a visit is over when one that came after it is.
_OVER = """
SELECT id FROM visits WHERE substr(created_at, 1, 10) < :day OR (substr(created_at, 1, 10) > :tomorrow
AND rowid < (SELECT max(rowid) FROM visits WHERE substr(created_at, 1, 10) < :day)) ORDER BY created_at
"""
_WAITING = f"SELECT DISTINCT record_id FROM deliveries WHERE state IN {_UNSETTLED}"  # noqa: S608
_UNDER_WAY = "SELECT DISTINCT record_id FROM deliveries WHERE state = 'sending'"
_GIVEN_UP = f"""
SELECT id, record_id, destination, state FROM deliveries
WHERE destination IN (SELECT DISTINCT destination FROM deliveries) AND record_id = ? AND state IN {_UNSETTLED}
"""  # noqa: S608
_AHEAD = "SELECT count(*) FROM visits WHERE substr(created_at, 1, 10) > ?"

_GONE = " NOT IN (SELECT id FROM visits UNION ALL SELECT id FROM tickets)"
_FREE_TICKETS = """
SELECT id FROM tickets WHERE day < :over AND visit_id IS NULL
AND (day < :undelivered OR id NOT IN (SELECT ticket_id FROM arrivals))
AND id NOT IN (SELECT record_id FROM deliveries WHERE state = 'sending') LIMIT :batch
"""
_OF_TICKET = (
    ("moves", "DELETE FROM moves WHERE ticket_id IN ({})"),
    ("reprints", "DELETE FROM reprints WHERE ticket_id IN ({})"),
    ("arrivals", "DELETE FROM arrivals WHERE ticket_id IN ({})"),
    ("tickets", "DELETE FROM tickets WHERE id IN ({})"),
)
# A check-in that was handed over under another name than a visit of ours: a bare number.
_NUMBERS = f"""
DELETE FROM deliveries WHERE record_id{_GONE} AND state <> 'sending'
AND (created_at < :undelivered_utc OR (created_at < :over_utc AND state NOT IN {_UNSETTLED}))
"""  # noqa: S608
_REST: tuple[tuple[str, str], ...] = (
    ("visit_answers", f"DELETE FROM visit_answers WHERE visit_id{_GONE} AND answered_at < :over_utc"),  # noqa: S608
    ("hospital_answers", f"DELETE FROM hospital_answers WHERE visit_id{_GONE} AND answered_at < :over_utc"),  # noqa: S608
    ("open_questions", f"DELETE FROM open_questions WHERE visit_id{_GONE} AND visit_day < :over"),  # noqa: S608
    ("coverage_answers", "DELETE FROM coverage_answers WHERE day < :over"),
    ("help_calls", "DELETE FROM help_calls WHERE at < :over_seconds"),
    (
        "counters",
        "DELETE FROM counters WHERE day < :over AND day < (SELECT max(day) FROM counters AS newer"
        " WHERE newer.name = counters.name)",
    ),
    ("consents", "DELETE FROM consents WHERE substr(given_at, 1, 10) < :proof"),
    ("person_requests", "DELETE FROM person_requests WHERE done_at IS NOT NULL AND substr(done_at, 1, 10) < :proof"),
    ("visit_views", "DELETE FROM visit_views WHERE at < :audit_seconds"),
    ("bridge_audit", "DELETE FROM bridge_audit WHERE at < :audit_utc"),
    ("account_acts", "DELETE FROM account_acts WHERE at < :audit_seconds AND act <> 'removed'"),
    ("machine_acts", "DELETE FROM machine_acts WHERE at < :audit_seconds"),
    ("machines", "DELETE FROM machines WHERE ended_at < :audit_seconds"),
    ("sign_in_tries", "DELETE FROM sign_in_tries WHERE last < :tried_seconds AND until < :now_seconds"),
    ("sessions", "DELETE FROM sessions WHERE ends_at <= :now_seconds"),
    ("machine_codes", "DELETE FROM machine_codes WHERE expires_at <= :now_seconds"),
    ("agent_codes", "DELETE FROM agent_codes WHERE expires_at <= :now_seconds"),
)
_EMPTIED: tuple[tuple[str, str], ...] = (
    ("bridge_audit", "UPDATE bridge_audit SET selection = NULL WHERE at < :over_utc AND selection IS NOT NULL"),
    ("accounts", "UPDATE accounts SET code = NULL, code_until = NULL WHERE code_until <= :now_seconds"),
)


class PurgeUnfinished(TiepDonError):
    """The purge could not do everything (`codes`: of what was in its way); the next one tries again."""

    code = "purge.unfinished"


class Undelivered(Record, frozen=True, kw_only=True):
    """Records that a receiver still has to take though their day is over. `days`: until the oldest of them goes."""

    visits: int
    days: int | None = None


class Purged(Record, frozen=True, kw_only=True):
    """What one purge did. `removed`: rows by table; `emptied`: rows of which a part went, by table; `purposes`: both by
    what they were kept for; `given_up`: deliveries that nobody took in time, by destination; `ahead`: visits dated
    after today, left by a clock that was wrong; `clean`: nothing of it is in the log or in free pages; `snapshots`,
    `copies`, `aside`: files that held persons and went; `problems`: codes of what was in the way."""

    removed: dict[str, int]
    emptied: dict[str, int]
    purposes: dict[str, int]
    undelivered: Undelivered
    given_up: dict[str, int]
    ahead: int
    clean: bool
    snapshots: int
    problems: tuple[str, ...]
    copies: int = 0
    aside: int = 0


@dataclass(frozen=True)
class _Bounds:
    """The first days that stay, as the tables write them."""

    now: datetime
    over: date
    undelivered: date
    proof: date
    copies: date
    audit: date

    def utc(self, day: date) -> str:
        """The beginning of that day at the site."""
        return chain.moment(self._start(day))

    def values(self) -> dict[str, object]:
        return {
            "over": self.over.isoformat(),
            "over_utc": self.utc(self.over),
            "over_seconds": int(self._start(self.over).timestamp()),
            "undelivered": self.undelivered.isoformat(),
            "undelivered_utc": self.utc(self.undelivered),
            "proof": self.proof.isoformat(),
            "audit_utc": self.utc(self.audit),
            "audit_seconds": int(self._start(self.audit).timestamp()),
            "tried_seconds": self.now.timestamp() - KNOWN_SECONDS,
            "now_seconds": self.now.timestamp(),
        }

    def audit_start(self) -> datetime:
        return self._start(self.audit)

    def _start(self, day: date) -> datetime:
        return datetime.combine(day, time(), self.now.tzinfo)


def purge(settings: Settings, clock: Clock) -> Purged:
    """Remove what is over, then clean file, log and snapshots. Told in the audit.

    Raises DatabaseUnavailable, DatabaseOutdated, and as `open_database` does; what a later step cannot do is a problem
    in the answer.
    """
    with _as_unavailable(), closing(site_database(settings)()) as connection:
        return _purge(connection, settings, at_site(clock.now(), settings.site.utc_offset_minutes))


def _purge(connection: sqlite.Connection, settings: Settings, now: datetime) -> Purged:
    bounds, problems = _bounds(settings, now), list[str]()
    removed, emptied, given_up = Counter[str](), Counter[str](), dict[str, int]()

    def attempt(step: Callable[[], None]) -> None:
        try:
            step()
        except TiepDonError as error:
            problems.append(error.code)
        except (sqlite.Error, OSError) as error:
            log.warning("purge: %s", type(error).__name__)
            problems.append("database.unavailable")

    attempt(lambda: _close_days(connection, settings, now))
    attempt(lambda: removed.update(reapply(connection, erased_file(settings))))
    removed.update(_visits(connection, bounds, given_up))
    removed.update(_tickets(connection, bounds))
    with transaction(connection):
        note_bases(connection, settings, now)
        removed["late_answers"] += connection.execute(LATE).rowcount
        removed["deliveries"] += connection.execute(_NUMBERS, _asked(_NUMBERS, bounds)).rowcount
        for table, statement in _REST:
            removed[table] += connection.execute(statement, _asked(statement, bounds)).rowcount
        for table, statement in _EMPTIED:
            emptied[table] += connection.execute(statement, _asked(statement, bounds)).rowcount
        # A copy that holds somebody may still be put back.
        erased_over = min(bounds.proof, bounds.copies).isoformat()
        attempt(lambda: removed.update(erased=forget_erased(connection, erased_file(settings), erased_over)))
        removed["audit"] += chain.prune(connection, bounds.audit_start(), now)
    left = _undelivered(connection, bounds, settings.retention.undelivered_days)
    ahead = connection.execute(_AHEAD, ((now.date() + timedelta(days=1)).isoformat(),)).fetchone()[0]
    removed, emptied = +removed, +emptied
    purposes = _by_purpose(removed + emptied)
    told = {"removed": removed, "emptied": emptied, "purposes": purposes, "undelivered": left.visits,
            "given_up": given_up, "ahead": ahead}  # fmt: skip
    chain.note(connection, "purge", "system", "", now, told)
    attempt(lambda: _keep_head(connection, settings, now))
    clean = clean_file(connection)
    if not clean:
        problems.append("purge.log_held")
    snapshots = 0
    try:
        snapshots = renew_snapshots(settings, now)
    except (TiepDonError, OSError) as error:
        problems.append(error.code if isinstance(error, TiepDonError) else "database.unavailable")
    return Purged(
        removed=dict(removed),
        emptied=dict(emptied),
        purposes=purposes,
        undelivered=left,
        given_up=given_up,
        ahead=ahead,
        clean=clean,
        snapshots=snapshots,
        problems=tuple(problems),
    )


def clean_file(connection: sqlite.Connection) -> bool:
    """Leave nothing of what was removed in free pages and in the log. False: somebody held the log all the time.

    `secure_delete` has zeroed what was freed in place (SQLite, pragma.html); writing the file anew also leaves out
    what pages that were split or joined may still hold behind their cells.
    """
    # SQLCipher tells them as text where the file is encrypted.
    pages, size = (int(connection.execute(f"PRAGMA {name}").fetchone()[0]) for name in ("page_count", "page_size"))
    if pages * size <= WHOLE_BYTES:
        try:
            connection.execute("VACUUM")
        except sqlite.OperationalError as error:
            log.warning("purge: %s", error)
            return False
    return any(connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0 for _ in range(TRIES))


def renew_snapshots(settings: Settings, now: datetime) -> int:
    """Snapshots hold whom the purge removed: a new one takes their place. Returns how many went.

    Raises NoRoom, DatabaseUnavailable, OSError; those that are there went nevertheless.
    """
    where = database_file(settings)
    gone = forget_snapshots(where)
    if settings.backup.snapshot_minutes:
        take_snapshot(where, now)
    else:  # one that was half made when the power went
        for left in snapshot_folder(where).glob("*.part*"):
            left.unlink(missing_ok=True)
    return gone


def _bounds(settings: Settings, now: datetime) -> _Bounds:
    keep, today = settings.retention, now.date()
    return _Bounds(
        now=now,
        over=today - timedelta(days=keep.visit_days),
        undelivered=today - timedelta(days=max(keep.undelivered_days, keep.visit_days)),
        proof=today - timedelta(days=keep.consent_days),
        copies=today - timedelta(days=keep.backup_days + 1),
        audit=today - timedelta(days=keep.audit_days),
    )


def _asked(statement: str, bounds: _Bounds) -> dict[str, object]:
    return {name: value for name, value in bounds.values().items() if f":{name}" in statement}


def _by_purpose(rows: Mapping[str, int]) -> dict[str, int]:
    """The same rows by what they were kept for."""
    told = Counter[str]()
    for table, count in rows.items():
        told[rule_of(table).purpose.value] += count
    return dict(told)


def _visits(connection: sqlite.Connection, bounds: _Bounds, given_up: dict[str, int]) -> Counter[str]:
    """Visits that are over: those that every receiver has settled, and of the others the oldest. Rows by table."""
    tomorrow = (bounds.now.date() + timedelta(days=1)).isoformat()
    over, late = (
        _names(connection, _OVER, {"day": day.isoformat(), "tomorrow": tomorrow})
        for day in (bounds.over, bounds.undelivered)
    )
    gone = Counter[str]()
    for batch in _batches(sorted(over)):
        with transaction(connection):
            # Judged anew in each batch: somebody may have sent one again meanwhile.
            waiting, under_way = _names(connection, _WAITING), _names(connection, _UNDER_WAY)
            free = [one for one in batch if one not in waiting or (one in late and one not in under_way)]
            for visit in free:
                if visit in waiting:
                    _give_up(connection, visit, bounds.now, given_up)
            if free:
                gone += remove_visits(connection, free)
    return gone


def _give_up(connection: sqlite.Connection, visit: str, now: datetime, given_up: dict[str, int]) -> None:
    """Never silently: the audit says which record went to whom no more."""
    about = about_visit(connection, visit)
    for row in connection.execute(_GIVEN_UP, (visit,)).fetchall():
        told = {"delivery": row["id"], "destination": row["destination"], "state": row["state"], "visit": visit}
        chain.note(connection, "delivery.expired", "system", about, now, told)
        given_up[row["destination"]] = given_up.get(row["destination"], 0) + 1


def _tickets(connection: sqlite.Connection, bounds: _Bounds) -> Counter[str]:
    """Numbers of days that are over, with what was done to them. Rows by table."""
    gone = Counter[str]()
    while True:
        with transaction(connection):
            batch = list(_names(connection, _FREE_TICKETS, {**_asked(_FREE_TICKETS, bounds), "batch": BATCH}))
            places = ", ".join("?" * len(batch))
            for table, statement in _OF_TICKET:
                gone[table] += connection.execute(statement.format(places), batch).rowcount
        if len(batch) < BATCH:
            return +gone


def _undelivered(connection: sqlite.Connection, bounds: _Bounds, days: int) -> Undelivered:
    row = connection.execute(
        f"SELECT count(DISTINCT record_id) AS visits, min(created_at) AS oldest FROM deliveries"  # noqa: S608
        f" WHERE state IN {_UNSETTLED} AND created_at < ?",
        (bounds.utc(bounds.over),),
    ).fetchone()
    if not row["visits"]:
        return Undelivered(visits=0)
    oldest = datetime.fromisoformat(row["oldest"]).astimezone(bounds.now.tzinfo).date()
    return Undelivered(visits=row["visits"], days=max(0, days - (bounds.now.date() - oldest).days))


def _close_days(connection: sqlite.Connection, settings: Settings, now: datetime) -> None:
    """The statistics of the days that go, while their rows are there."""
    close_days(connection, settings.site, now.date(), settings.statistics.least, settings.kiosk.language)


def _keep_head(connection: sqlite.Connection, settings: Settings, now: datetime) -> None:
    """Every row of the audit is judged, then its head kept. Raises AuditBroken, AuditCut, OSError."""
    rows = chain.verify(connection).rows
    chain.note(connection, "audit.verified", "system", "", now, {"rows": rows})
    head = witness(settings).keep(connection, now)
    log.info("audit head %s", head)  # also where the log is collected: nobody here can take it back


def _names(connection: sqlite.Connection, statement: str, *values: object) -> set[str]:
    given = values[0] if values and isinstance(values[0], dict) else values
    return {str(row[0]) for row in connection.execute(statement, given)}


def _batches(names: Sequence[str]) -> Iterator[Sequence[str]]:
    return (names[first : first + BATCH] for first in range(0, len(names), BATCH))


@contextmanager
def _as_unavailable() -> Iterator[None]:
    try:
        yield
    except sqlite.Error as error:
        raise DatabaseUnavailable(why=f"{type(error).__name__}: {error}") from None
