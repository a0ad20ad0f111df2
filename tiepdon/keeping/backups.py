"""Copies for the day when the disk dies: made beside the running processes, for somebody who is not this machine.

On this machine a copy is never readable: it has a key of chance, which stands in the manifest, and both go into an
envelope that only the recipients open. The site's key and other secrets are not in it.
"""

import errno
import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import BinaryIO

from config.settings import Settings, database_file
from tiepdon.keeping.envelope import NoRecipients, seal
from wire import chain, chain_key, sqlite
from wire.chain import AuditBroken
from wire.codec import Record, to_json
from wire.database import DatabaseUnavailable, applied, open_existing, open_with, secret_of
from wire.database_copies import export, stamp
from wire.database_swap import sync
from wire.errors import TiepDonError

MANIFEST, SETTINGS, DATABASE = "manifest.json", "settings.toml", "tiepdon.db"
MAX_SETTINGS = 1 << 20  # bytes
_NAME = re.compile(r"tiepdon-([0-9A-Z]{0,5})-([A-Za-z0-9_.-]{1,32})-(\d{8}T\d{6}Z)\.age")


class BackupFolderGone(TiepDonError):
    """The folder for copies is not there."""

    code = "backup.folder_gone"
    retriable = True


class BackupSameDisk(TiepDonError):
    """The folder for copies lies on the database's own disk: what was to be mounted there is not."""

    code = "backup.same_disk"
    retriable = True


class BackupFull(TiepDonError):
    """No room where copies go."""

    code = "backup.full"
    retriable = True


class BackupReadOnly(TiepDonError):
    """Nothing can be written where copies go."""

    code = "backup.read_only"


class BackupUnwritable(TiepDonError):
    """The copy could not be written (`why`: the system's own word)."""

    code = "backup.unwritable"
    retriable = True


class BackupNotReadBack(TiepDonError):
    """What was written reads back as something else."""

    code = "backup.not_read_back"


class Manifest(Record, frozen=True, kw_only=True):
    """What a copy says of itself. `made_at`: RFC 3339, UTC; `key`: opens this copy alone, 64 hex digits."""

    version: str = "tiepdon.backup/1"
    made_at: str
    release: str
    facility_code: str
    kiosk_id: str
    migrations: tuple[str, ...]
    rows: dict[str, int]
    database_bytes: int
    database_sha256: str
    key: str


class Made(Record, frozen=True, kw_only=True):
    """A copy that lies where copies go."""

    file: str
    bytes: int
    rows: int
    removed: int  # older ones whose time was over


def make(settings: Settings, settings_file: Path | None, now: datetime) -> Made:
    """Make a copy in `backup.folder`, prove that it reads back, remove those whose time is over.

    Raises NoRecipients, BackupFolderGone, BackupSameDisk, BackupFull, BackupReadOnly, BackupUnwritable,
    BackupNotReadBack, DatabaseUnavailable, DatabaseWrongKey; nothing half is left behind.
    """
    folder = _folder(settings)
    name = f"tiepdon-{settings.site.facility_code}-{settings.site.kiosk_id}-{stamp(now)}.age"
    part = folder / (name + ".part")
    with _copy(settings, now) as (manifest, copy):
        parts: list[tuple[str, bytes | Path]] = [(MANIFEST, to_json(manifest))]
        if settings_file is not None:
            parts.append((SETTINGS, _content(settings_file)))
        parts.append((DATABASE, copy))
        with _told(folder):
            for left in folder.glob(name.rpartition("-")[0] + "-*.age.part"):
                left.unlink()
            try:
                written = _write(parts, part, settings.backup.recipients)
                if sha256_of(part) != written:
                    raise BackupNotReadBack
                part.replace(folder / name)
            except BaseException:
                with suppress(OSError):
                    part.unlink(missing_ok=True)
                raise
            sync(folder)
            removed = forget_backups(settings, now - timedelta(days=settings.retention.backup_days))
            size = (folder / name).stat().st_size
    return Made(file=str(folder / name), bytes=size, rows=sum(manifest.rows.values()), removed=removed)


def backups(settings: Settings) -> list[Path]:
    """This kiosk's copies in `backup.folder`, newest first; none where the folder is not there."""
    found = []
    with suppress(OSError):
        for file in Path(settings.backup.folder).iterdir() if settings.backup.folder else ():
            match = _NAME.fullmatch(file.name)
            if match and match[1] == settings.site.facility_code and match[2] == settings.site.kiosk_id:
                found.append(file)
    return sorted(found, key=lambda file: file.name, reverse=True)


def made_at(file: Path) -> datetime:
    """When a copy was made, by its name. Raises ValueError where the name is none."""
    match = _NAME.fullmatch(file.name)
    if match is None:
        raise ValueError(file.name)
    return datetime.strptime(match[3] + "+0000", "%Y%m%dT%H%M%SZ%z")


def forget_backups(settings: Settings, before: datetime) -> int:
    """Remove this kiosk's copies made before a moment: they hold persons (retention); how many went. Raises OSError."""
    gone = [file for file in backups(settings) if made_at(file) < before]
    for file in gone:
        file.unlink()
    return len(gone)


def counts(connection: sqlite.Connection) -> dict[str, int]:
    """How many rows each table has."""
    names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()]
    return {name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names}  # noqa: S608


def sha256_of(file: Path) -> str:
    """The file's digest, in hex. Raises OSError."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


@contextmanager
def _copy(settings: Settings, now: datetime) -> Iterator[tuple[Manifest, Path]]:
    """A copy under a key of chance beside the database, and what it holds; gone afterwards."""
    from tiepdon.migrations import MIGRATIONS

    where, key = database_file(settings), os.urandom(32)
    copy = where.beside(".copy")
    copy.unlink(missing_ok=True)
    try:
        with closing(open_existing(where, MIGRATIONS)) as source:
            export(source, copy, secret_of(key))
        with closing(open_with(copy, secret_of(key))) as connection:
            chain_key.attach(connection, chain_key.audit_key(where.site_key()))
            with suppress(AuditBroken):  # then it is broken in the copy too, and told as that
                chain.rotate(connection, where.site_key(), key, now, "tiepdon")
            migrations, rows = tuple(sorted(applied(connection))), counts(connection)
        yield (
            Manifest(
                made_at=now.isoformat(timespec="seconds"),
                release=version("tiepdon"),
                facility_code=settings.site.facility_code,
                kiosk_id=settings.site.kiosk_id,
                migrations=migrations,
                rows=rows,
                database_bytes=copy.stat().st_size,
                database_sha256=sha256_of(copy),
                key=key.hex(),
            ),
            copy,
        )
    except OSError as error:
        raise DatabaseUnavailable(why=error.strerror or type(error).__name__) from None
    finally:
        for ending in ("", "-wal", "-shm", "-journal"):
            where.beside(".copy" + ending).unlink(missing_ok=True)


def _folder(settings: Settings) -> Path:
    if not settings.backup.recipients:
        raise NoRecipients
    folder = Path(settings.backup.folder)
    try:
        told, state = folder.stat(), Path(settings.paths.state).stat()
        if not folder.is_dir():
            raise BackupFolderGone(folder=str(folder))
    except OSError:
        raise BackupFolderGone(folder=str(folder)) from None
    if settings.backup.another_disk and told.st_dev == state.st_dev:
        raise BackupSameDisk(folder=str(folder))
    return folder


def _write(parts: list[tuple[str, bytes | Path]], part: Path, recipients: tuple[str, ...]) -> str:
    descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w+b") as file:
        digest = _Digested(file)
        seal(parts, digest, recipients)  # type: ignore[arg-type]  # it is only written to
        file.flush()
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)  # what is read next comes from the stick
        return digest.hexdigest()


class _Digested:
    """A file to write to that knows the digest of what was written."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self.hexdigest = self._digest.hexdigest

    def write(self, content: bytes) -> int:
        self._digest.update(content)
        return self._file.write(content)

    def flush(self) -> None:
        self._file.flush()


def _content(file: Path) -> bytes:
    try:
        with file.open("rb") as content:
            return content.read(MAX_SETTINGS)
    except OSError as error:
        raise BackupUnwritable(why=error.strerror or "settings unreadable") from None


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    """What went wrong where copies go, by its own code."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise BackupFull(folder=str(folder)) from None
        if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
            raise BackupReadOnly(folder=str(folder)) from None
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ESTALE, errno.ENODEV):
            raise BackupFolderGone(folder=str(folder)) from None
        raise BackupUnwritable(why=error.strerror or type(error).__name__) from None
