"""A damaged database brought back by itself, so that the kiosk is there at six in the morning: what can be read of it
on top of the last good state, numbers that go on safely, and a report of what is lost.

Works on copies and puts the result in place in one step; the damaged file is kept. Runs before the processes start.
"""

import logging
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from config.settings import Settings, database_file
from kiosk import persons, recovery
from kiosk.clock import at_site
from kiosk.recovery import Mended, Outbox
from tiepdon.keeping import report as reporting
from tiepdon.keeping.backups import counts
from tiepdon.keeping.report import Report
from tiepdon.migrations import MIGRATIONS
from wire import chain, chain_key, sqlite
from wire.database import (
    DatabaseFile,
    DatabaseOutdated,
    DatabaseUnavailable,
    Migration,
    applied,
    is_plain,
    migrate,
    open_with,
    transaction,
)
from wire.database_copies import moment_of, snapshots, stamp
from wire.database_damage import Damage, Remains, copy_readable, damage_of, has_schema
from wire.database_log import lost_commits
from wire.database_rebuild import TableLoss, rebuild, with_schema_of
from wire.database_swap import NEW, Step, finish, no_step, put_in_place, require_unused
from wire.errors import TiepDonError

log = logging.getLogger(__name__)

WORK = "recovering"  # folder beside the database, of what is under way
TRUSTED_LAST = "counters"  # the table that says how far numbers went


@dataclass(frozen=True)
class _Base:
    """What a new database begins with: a file in the work folder, None for nothing."""

    kind: str  # of Report.base
    file: Path | None
    secret: str | None
    at: datetime | None


@dataclass(frozen=True)
class _Remains:
    """What is left. `certain`: all of it is the damaged file's own, nothing was lent by an older copy."""

    readable: Remains | None
    certain: bool


def recover_if_damaged(settings: Settings, now: datetime, step: Step = no_step) -> Report | None:
    """Look at the database and bring it back where it is damaged; None where it is whole, or there never was one.

    Raises DatabaseWrongKey (nothing is touched), DatabaseInUse, DatabaseUnavailable, DatabaseOutdated (it, or the
    last good state, is of a newer version), OSError.
    """
    where = database_file(settings)
    finish(where.path, step)
    until = last_written(where.path) or now
    lost = _lost_commits(where)
    damage = damage_of(where, expected=bool(snapshots(where)))
    if damage is None:
        return _told_of_log(settings, where, lost, (until, now)) if lost else None
    require_unused(where.path)
    reporting.forget_interrupted(where.path.parent)
    with _work_folder(where) as work:
        return _recover(settings, where, damage, work, (until, now), step)


def _recover(
    settings: Settings, where: DatabaseFile, damage: Damage, work: Path, times: tuple[datetime, datetime], step: Step
) -> Report:
    until, now = (at_site(time, settings.site.utc_offset_minutes) for time in times)
    step("copy")
    base = _base(where, damage, work)
    found = _remains(where, damage, base, work)
    remains = found.readable
    new = where.beside(NEW)
    for ending in ("", "-wal", "-shm", "-journal"):
        where.beside(NEW + ending).unlink(missing_ok=True)
    try:
        step("begin")
        if base.file is not None:
            shutil.copyfile(base.file, new)
        new.touch(mode=0o600)
        secret = base.secret if base.file is not None else damage.secret
        file = DatabaseFile(new, where.key_file if secret is not None else None)
        migrate(file, _known(base, remains))
        step("fill")
        with closing(open_with(new, secret)) as connection:
            chain_key.attach(connection, chain_key.audit_key(where.site_key()))
            losses = rebuild(connection, remains)
            lost = {loss.table for loss in losses}
            told = found.certain and TRUSTED_LAST not in lost
            since = None if told else at_site(base.at or _midnight(until), settings.site.utc_offset_minutes)
            with transaction(connection):
                mended = recovery.mend(
                    connection,
                    settings,
                    now,
                    unknown_since=since,
                    unknown_until=until,
                    deliveries=Outbox.LOST if "deliveries" in lost or not found.certain else Outbox.WHOLE,
                )
                persons.reapply(connection, persons.erased_file(settings))
            finish_file(connection)
        migrate(file, MIGRATIONS)
        with closing(open_with(new, secret)) as connection:
            chain_key.attach(connection, chain_key.audit_key(where.site_key()))
            _note(connection, damage, base, losses, now)
            finish_file(connection)
    finally:
        if remains is not None:
            remains.close()
    aside = f"{where.path.name}.damaged-{stamp(now)}" if where.path.exists() else None
    report = Report(
        at=_text(now),
        what=damage.kind,  # type: ignore[arg-type]  # one of those
        base=base.kind,  # type: ignore[arg-type]
        base_at=_text(at_site(base.at, settings.site.utc_offset_minutes)) if base.at else None,
        unknown_since=_text(since) if since else None,
        unknown_until=_text(until),
        aside=aside,
        losses=tuple(losses),
        mended=mended,
    )
    step("report")
    reporting.write(where.path.parent, report, stamp(now))
    put_in_place(where.path, aside or f"{where.path.name}.damaged-{stamp(now)}", step)
    return report


def _lost_commits(where: DatabaseFile) -> int:
    """Commits that were durable and stand behind damage in the log: SQLite leaves them out without a word."""
    if not where.path.exists():
        return 0
    return lost_commits(where.path, None if is_plain(where.path) else where.secret())


def _told_of_log(settings: Settings, where: DatabaseFile, lost: int, times: tuple[datetime, datetime]) -> Report:
    """The database is whole without them: numbers go on above theirs, and the log is kept aside."""
    until, now = times
    local, last = (at_site(time, settings.site.utc_offset_minutes) for time in (now, until))
    # As long as so many check-ins take at the most: each of them is one commit.
    since = datetime.fromtimestamp(last.timestamp() - lost / recovery.PER_SECOND, last.tzinfo)
    aside = f"{where.path.name}.damaged-{stamp(now)}"
    copy_readable(where.beside("-wal"), where.path.with_name(aside + "-wal"))
    secret = None if is_plain(where.path) else where.secret()
    mended = Mended()
    with closing(open_with(where.path, secret)) as connection:
        chain_key.attach(connection, chain_key.audit_key(where.site_key()))
        if not {migration.name for migration in MIGRATIONS} - applied(connection):
            with transaction(connection):
                mended = recovery.mend(
                    connection, settings, local, unknown_since=since, unknown_until=last, deliveries=Outbox.LOST
                )
    report = Report(
        at=_text(local),
        what="log",
        base="itself",
        unknown_since=_text(since),
        unknown_until=_text(last),
        lost_commits=lost,
        aside=aside,
        mended=mended,
    )
    reporting.write(where.path.parent, report, stamp(now))
    return report


def _base(where: DatabaseFile, damage: Damage, work: Path) -> _Base:
    """The newest whole state: the database without its log where that is what is damaged, else a snapshot."""
    log_file = where.beside("-wal")
    if damage.kind in ("pages", "unreadable") and log_file.exists() and log_file.stat().st_size:
        alone = work / "alone.db"
        copy_readable(where.path, alone)
        if _whole(alone, where, damage.secret):
            return _Base("database", alone, damage.secret, _changed(where.path))
    for number, snapshot in enumerate(snapshots(where)):
        copy = work / f"snapshot-{number}.db"
        shutil.copyfile(snapshot, copy)
        secret = None if is_plain(copy) else where.secret()
        if _whole(copy, where, secret):
            return _Base("snapshot", copy, secret, moment_of(snapshot))
    return _Base("nothing", None, None, None)


def _remains(where: DatabaseFile, damage: Damage, base: _Base, work: Path) -> _Remains:
    nothing = _Remains(None, False)
    if damage.kind not in ("pages", "unreadable"):
        return nothing
    copy, certain = work / "damaged.db", True
    copy_readable(where.path, copy)
    if where.beside("-wal").exists():
        copy_readable(where.beside("-wal"), work / "damaged.db-wal")
    if not has_schema(copy, damage.secret):
        if base.file is None or base.secret != damage.secret:
            return nothing
        lent = work / "lent.db"
        shutil.copyfile(base.file, lent)
        pages = with_schema_of(lent, copy, damage.secret)
        if pages is None:
            return nothing
        certain = pages == 0
    return _Remains(Remains(copy, damage.secret), certain)


def _known(base: _Base, remains: Remains | None) -> tuple[Migration, ...]:
    """The migrations that the base and what remains have together. Raises DatabaseOutdated."""
    rows = remains.all("migrations", ["name"]) if remains is not None else None
    names = {str(name) for (name,) in rows} if rows else set()
    if base.file is not None:
        with closing(open_with(base.file, base.secret)) as connection:
            names |= applied(connection)
    unknown = names - {migration.name for migration in MIGRATIONS}
    if unknown:
        raise DatabaseOutdated(newer=min(unknown))
    return tuple(one for one in MIGRATIONS if one.name in names) if names else MIGRATIONS


def _note(connection: sqlite.Connection, damage: Damage, base: _Base, losses: list[TableLoss], now: datetime) -> None:
    try:
        data = {"what": damage.kind, "base": base.kind, "tables": len(losses), "rows": counts(connection)}
        chain.note(connection, "database.recovered", "tiepdon", "", now, data)
    except (sqlite.Error, TiepDonError) as error:  # an audit that is damaged too keeps nobody from checking in
        log.warning("audit: %s", type(error).__name__)


def _whole(file: Path, where: DatabaseFile, secret: str | None) -> bool:
    try:
        return damage_of(DatabaseFile(file, where.key_file if secret is not None else None), expected=True) is None
    except TiepDonError:
        return False


def finish_file(connection: sqlite.Connection) -> None:
    """Everything in one file, without a log of its own."""
    try:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("PRAGMA journal_mode = DELETE")
    except sqlite.Error as error:
        raise DatabaseUnavailable(why=f"{type(error).__name__}: {error}") from None


@contextmanager
def _work_folder(where: DatabaseFile) -> Iterator[Path]:
    work = where.path.parent / WORK
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(mode=0o700)
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def last_written(path: Path) -> datetime | None:
    times = [time for file in (path, path.with_name(path.name + "-wal")) if (time := _changed(file)) is not None]
    return max(times, default=None)


def _changed(file: Path) -> datetime | None:
    try:
        return datetime.fromtimestamp(file.stat().st_mtime, UTC)
    except OSError:
        return None


def _midnight(local: datetime) -> datetime:
    return local.replace(hour=0, minute=0, second=0, microsecond=0)


def _text(time: datetime) -> str:
    return time.isoformat(timespec="seconds")
