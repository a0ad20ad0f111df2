"""Looks at what keeps a site well for years: which version runs, is the data encrypted, was old data removed, were
copies made, does the audit still prove itself.

Reads what those works leave behind (the audit's own rows, files); must not do any of their work.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from config.settings import Settings, database_file, database_path
from tiepdon.checks.finding import Finding, Status
from tiepdon.checks.machine import Machine, text
from wire import chain, sqlite
from wire.errors import Datum, TiepDonError

VERSION, ENCRYPTION, PURGE, REQUESTS, BACKUP, SNAPSHOT, AUDIT = (
    *("version", "encryption", "purge", "requests", "backup", "snapshot", "audit"),
)
UPDATE_FILE = "var/lib/tiepdon-update/update.json"
PURGE_LATE = timedelta(hours=50)  # two nights and a little
FOLDER_SECONDS = 3.0  # for a folder of the network to answer; twice of it is less than a look may take
DAYS_OFF_AHEAD = timedelta(days=45)  # the days off of a year are announced about then
SNAPSHOTS_LATE = 3  # times as long as one should take
MOST_VERIFIED = 50_000  # rows judged within a look: about a second


def look_at_version(machine: Machine) -> Iterator[Finding]:
    """One finding: which version runs, from which slot of the disk the machine started, and an update's course."""
    data: dict[str, Datum] = {"version": running_version(), "slot": _slot(text(machine.root / "proc/cmdline"))}
    course = machine.root / UPDATE_FILE
    code, status = None, Status.OK
    if course.exists():
        from tiepdon.update.course import UNDER_WAY, Course, Phase
        from wire.codec import from_json

        told = from_json(course.read_bytes(), Course)
        data |= {"update": told.phase.value, "update_version": told.after}
        if told.phase in UNDER_WAY:
            code, status = "doctor.update_under_way", Status.NOTE
        elif told.phase is Phase.STUCK:
            code, status = "doctor.update_stuck", Status.FAIL
        elif told.phase is Phase.WENT_BACK:
            code, status = "doctor.update_went_back", Status.WARN
    yield Finding(probe=VERSION, status=status, code=code, data=data)


def look_at_encryption(settings: Settings) -> Iterator[Finding]:
    """One finding: a site's database is encrypted, and its key is there and usable. Sandbox data needs none."""
    from wire.keys import read_key

    key = settings.paths.key_file
    if not key:
        told = not settings.site.synthetic
        code = "doctor.not_encrypted" if told else None
        yield Finding(probe=ENCRYPTION, status=Status.WARN if told else Status.OK, code=code, data={"encrypted": False})
        return
    read_key(Path(key))  # raises what is wrong with it
    yield Finding(probe=ENCRYPTION, status=Status.OK, data={"encrypted": True, "key_file": key})


def look_at_purge(settings: Settings, now: datetime | None = None) -> Iterator[Finding]:
    """One finding: when old data was last removed. Nothing where there is no database."""
    connection = _open(settings)
    if connection is None:
        return
    try:
        last = _last(connection, ("purge",))
        oldest = _first(connection, "SELECT min(created_at) FROM visits")
    finally:
        connection.close()
    today = now or datetime.now(UTC)
    data: dict[str, Datum] = {"last": None if last is None else chain.moment(last), "oldest_visit": _day(oldest)}
    # On a new site there is nothing to remove yet.
    due = oldest is not None and today - oldest > timedelta(days=settings.retention.visit_days) + PURGE_LATE
    late = due and (last is None or today - last > PURGE_LATE)
    code = "doctor.purge_late" if late else None
    yield Finding(probe=PURGE, status=Status.WARN if code else Status.OK, code=code, data=data)


def look_at_requests(settings: Settings, now: datetime | None = None) -> Iterator[Finding]:
    """Is what persons asked of their data answered and done in the days of the law; and do the settings know the days
    off by which these are counted. Nothing where there is no database."""
    from kiosk.clock import at_site
    from kiosk.requests import due_day, is_late, listed
    from kiosk.working_days import unknown_tet

    connection = _open(settings)
    if connection is None:
        return
    try:
        waiting = listed(connection)
    finally:
        connection.close()
    today = at_site(now or datetime.now(UTC), settings.site.utc_offset_minutes).date()
    late = [one for one in waiting if is_late(one, today)]
    data: dict[str, Datum] = {"open": len(waiting), "late": len(late), "due": min(map(due_day, waiting), default=None)}
    code = "doctor.requests_late" if late else None
    yield Finding(probe=REQUESTS, status=Status.WARN if code else Status.OK, code=code, data=data)
    if waiting or not settings.site.synthetic:
        last = max((date.fromisoformat(one.latest_due) for one in waiting), default=today)
        year = unknown_tet(today, max(last, today + DAYS_OFF_AHEAD), settings.retention.days_off)
        touched = unknown_tet(today, last, settings.retention.days_off) is not None
        if year is not None:
            status = Status.WARN if waiting and touched else Status.NOTE
            yield Finding(probe=REQUESTS, status=status, code="doctor.days_off_unknown", data={"year": year})


def look_at_backup(settings: Settings, now: datetime | None = None) -> Iterator[Finding]:
    """One finding: is there a folder for copies, how old is this kiosk's newest in it. The sandbox wants none."""
    from tiepdon.keeping.backup_folder import BackupFolderSilent, backups, is_there
    from tiepdon.keeping.backups import last_made

    folder, today = settings.backup.folder, now or datetime.now(UTC)
    if not folder:
        wanted = not settings.site.synthetic
        code = "doctor.no_backup" if wanted else None
        yield Finding(probe=BACKUP, status=Status.WARN if wanted else Status.OK, code=code, data={"configured": False})
        return
    data: dict[str, Datum] = {"folder": folder, "recipients": len(settings.backup.recipients)}
    try:
        there = is_there(settings, FOLDER_SECONDS)
        copies = backups(settings, FOLDER_SECONDS)
    except BackupFolderSilent as error:
        yield Finding(probe=BACKUP, status=Status.WARN, code=error.code, data=data)
        return
    if not there:
        yield Finding(probe=BACKUP, status=Status.WARN, code="doctor.backup_folder", data=data)
        return
    last = last_made(copies, today)
    data |= {"copies": len(copies), "last": None if last is None else chain.moment(last)}
    late = timedelta(hours=2 * settings.backup.every_hours)
    code = "doctor.backup_late" if last is None or today - last > late else None
    yield Finding(probe=BACKUP, status=Status.WARN if code else Status.OK, code=code, data=data)


def look_at_snapshots(settings: Settings, now: datetime | None = None) -> Iterator[Finding]:
    """One finding: how old is the newest state that is kept beside the database. None is made of a sandbox's."""
    from wire.database_copies import moment_of, snapshots

    minutes = settings.backup.snapshot_minutes
    if not minutes or not database_path(settings).exists():
        return
    kept = [moment_of(file) for file in snapshots(database_file(settings))]
    data: dict[str, Datum] = {"kept": len(kept), "last": chain.moment(kept[0]) if kept else None}
    late = not kept or (now or datetime.now(UTC)) - kept[0] > SNAPSHOTS_LATE * timedelta(minutes=minutes)
    wanted = late and not settings.site.synthetic
    code = "doctor.snapshot_late" if wanted else None
    yield Finding(probe=SNAPSHOT, status=Status.WARN if wanted else Status.OK, code=code, data=data)


def look_at_audit(settings: Settings) -> Iterator[Finding]:
    """One finding: does the audit prove itself; one that is long is judged whole every night, and then it is told when
    that was done last. Raises AuditBroken, AuditCut, AuditHeadMissing."""
    from kiosk.audit import head_file, witness

    connection = _open(settings)
    if connection is None:
        return
    try:
        rows = connection.execute("SELECT count(*) AS many FROM (SELECT 1 FROM audit LIMIT ?)", (MOST_VERIFIED + 1,))
        many = rows.fetchone()["many"]
        data: dict[str, Datum] = {"rows": many, "verified": many <= MOST_VERIFIED}
        if many <= MOST_VERIFIED:
            chain.verify(connection)
        if head_file(settings).exists():
            data["head"] = str(witness(settings).check(connection)).partition(":")[0]
        if many > MOST_VERIFIED and (last := _last(connection, ("audit.verified",))) is not None:
            data["last_verified"] = chain.moment(last)
    finally:
        connection.close()
    yield Finding(probe=AUDIT, status=Status.OK, data=data)


def running_version() -> str:
    """Of the package that runs."""
    try:
        return version("tiepdon")
    except PackageNotFoundError:
        return "?"


def _slot(command_line: str) -> str | None:
    """The root that the kernel was started with: on a machine with two slots it tells them apart."""
    return next((word.partition("=")[2] for word in command_line.split() if word.startswith("root=")), None)


def _open(settings: Settings) -> sqlite.Connection | None:
    """For looking only; None where there is none or it cannot be used, which the database's own probe tells."""
    from wire.database import open_for_reading

    if not database_path(settings).exists():
        return None
    try:
        connection = open_for_reading(database_file(settings))
    except TiepDonError:
        return None
    try:
        connection.execute("SELECT 1 FROM audit LIMIT 1")
    except sqlite.Error:
        connection.close()
        return None
    return connection


def _last(connection: sqlite.Connection, acts: Sequence[str]) -> datetime | None:
    places = ",".join("?" * len(acts))
    return _first(connection, f"SELECT max(at) FROM audit WHERE act IN ({places})", acts)  # noqa: S608 - question marks


def _first(connection: sqlite.Connection, question: str, values: Sequence[str] = ()) -> datetime | None:
    (told,) = connection.execute(question, tuple(values)).fetchone()
    return None if told is None else datetime.fromisoformat(told)


def _day(when: datetime | None) -> str | None:
    return None if when is None else f"{when:%Y-%m-%d}"
