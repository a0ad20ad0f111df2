"""A copy opened again: to prove that it is whole, and to put it in the place of a database, also on another machine.

What happened after the copy was made is lost here, and named; receivers keep what they have, and what goes out again
carries the key it always had.
"""

import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from config.settings import Settings, database_file
from kiosk import persons, recovery
from kiosk.clock import at_site
from tiepdon.keeping import report as reporting
from tiepdon.keeping.backups import DATABASE, MANIFEST, MAX_SETTINGS, SETTINGS, Manifest, counts
from tiepdon.keeping.envelope import EnvelopeDamaged, identities, opened
from tiepdon.keeping.recovering import finish_file, last_written
from tiepdon.keeping.report import Report
from tiepdon.keeping.upgrading import alone, in_our_words
from tiepdon.migrations import MIGRATIONS
from wire import chain, chain_key, sqlite
from wire.chain import AuditBroken
from wire.codec import from_json
from wire.database import DatabaseFile, DatabaseUnavailable, migrate, open_with, secret_of, transaction
from wire.database_copies import export, stamp
from wire.database_damage import damage_of
from wire.database_swap import NEW, finish, put_in_place, require_unused
from wire.durable import write_durably
from wire.errors import MalformedMessage, TiepDonError

MAX_MANIFEST = 1 << 20  # bytes
MAX_DATABASE = 64 << 30
RESTORED_SETTINGS = "restored-settings.toml"
_BLOCK = 1 << 20


class BackupNewer(TiepDonError):
    """A newer release made the copy (`release`)."""

    code = "backup.newer"


class DatabaseThere(TiepDonError):
    """There is a database, and nobody said that it may be moved aside."""

    code = "backup.database_there"


@dataclass(frozen=True)
class Unpacked:
    """A copy whose every byte was proven. `database` opens with the manifest's key."""

    manifest: Manifest
    database: Path
    settings: bytes | None


def verify(file: Path, identity: Path) -> Manifest:
    """Open a copy, prove it whole, and forget it again.

    Raises WrongIdentity, EnvelopeDamaged, BackupNewer, DatabaseUnavailable.
    """
    with tempfile.TemporaryDirectory(prefix="tiepdon-") as folder, in_our_words():
        return _unpack(file, identity, Path(folder)).manifest


def restore(settings: Settings, file: Path, identity: Path, now: datetime, move_aside: bool = False) -> Report:
    """Put a copy in the place of the database, under this site's key; a database that is there is kept beside it.

    Raises DatabaseThere, DatabaseInUse, WrongIdentity, EnvelopeDamaged, BackupNewer, DatabaseUnavailable.
    """
    where = database_file(settings)
    where.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with alone(where), in_our_words(), _folder(where) as work:
        finish(where.path)
        require_unused(where.path)
        if where.path.exists() and not move_aside:
            raise DatabaseThere
        unpacked = _unpack(file, identity, work)
        made = datetime.fromisoformat(unpacked.manifest.made_at)
        new, local = where.beside(NEW), at_site(now, settings.site.utc_offset_minutes)
        for ending in ("", "-wal", "-shm", "-journal"):
            where.beside(NEW + ending).unlink(missing_ok=True)
        key = bytes.fromhex(unpacked.manifest.key)
        with closing(open_with(unpacked.database, secret_of(key))) as copy:
            export(copy, new, where.secret())
        migrate(DatabaseFile(new, where.key_file), MIGRATIONS)
        until = local
        with closing(open_with(new, where.secret())) as connection:
            chain_key.attach(connection, chain_key.audit_key(where.site_key()))
            with suppress(AuditBroken):
                chain.rotate(connection, key, where.site_key(), now, "tiepdon")
            with transaction(connection):
                certain = _carry_over(connection, where)
                if certain and (last := last_written(where.path)) is not None:
                    until = at_site(last, settings.site.utc_offset_minutes)
                mended = recovery.mend(
                    connection,
                    settings,
                    local,
                    unknown_since=None if certain else at_site(made, settings.site.utc_offset_minutes),
                    unknown_until=until,
                    deliveries=recovery.Outbox.OLDER,
                )
                again = persons.reapply(connection, persons.erased_file(settings))
                told = {
                    "made_at": unpacked.manifest.made_at,
                    "release": unpacked.manifest.release,
                    "digest": unpacked.manifest.database_sha256,
                    "rows": counts(connection),
                    "erased_again": again,
                    "owed_again": mended.owed_again,
                    "doubtful": mended.doubtful,
                }
                chain.note(connection, "database.restored", "tiepdon", "", now, told)
            finish_file(connection)
        if unpacked.settings is not None:
            write_durably(where.path.with_name(RESTORED_SETTINGS), unpacked.settings)
        aside = f"{where.path.name}.replaced-{stamp(now)}"
        report = Report(
            at=local.isoformat(timespec="seconds"),
            what="restored",
            base="backup",
            base_at=at_site(made, settings.site.utc_offset_minutes).isoformat(timespec="seconds"),
            unknown_since=at_site(made, settings.site.utc_offset_minutes).isoformat(timespec="seconds"),
            unknown_until=until.isoformat(timespec="seconds"),
            aside=aside if where.path.exists() else None,
            mended=mended,
        )
        reporting.write(where.path.parent, report, stamp(now))
        put_in_place(where.path, aside)
        return report


def _unpack(file: Path, identity: Path, folder: Path) -> Unpacked:
    keys = identities(identity)
    manifest: Manifest | None = None
    kept: bytes | None = None
    database = folder / "copy.db"
    try:
        source = file.open("rb")
    except OSError as error:
        raise EnvelopeDamaged(why=error.strerror or "unreadable") from None
    digest = ""
    with source, opened(source, keys) as parts:
        for name, content in parts:
            if name == MANIFEST:
                manifest = _manifest(content.read(MAX_MANIFEST))
            elif name == SETTINGS:
                kept = content.read(MAX_SETTINGS)
            elif name == DATABASE:
                digest = _save(content, database)
    if manifest is None or digest != manifest.database_sha256:
        raise EnvelopeDamaged(why="manifest" if manifest is None else "database")
    _prove(database, manifest)
    return Unpacked(manifest, database, kept)


def _manifest(content: bytes) -> Manifest:
    try:
        manifest = from_json(content, Manifest)
        bytes.fromhex(manifest.key), datetime.fromisoformat(manifest.made_at)
    except (MalformedMessage, ValueError):
        raise EnvelopeDamaged(why="manifest") from None
    if set(manifest.migrations) - {migration.name for migration in MIGRATIONS}:
        raise BackupNewer(release=manifest.release)
    return manifest


def _save(content: BinaryIO, target: Path) -> str:
    digest, size = hashlib.sha256(), 0
    with target.open("wb") as file:
        target.chmod(0o600)
        while block := content.read(_BLOCK):
            size += len(block)
            if size > MAX_DATABASE:
                raise EnvelopeDamaged(why="size")
            digest.update(block)
            file.write(block)
    return digest.hexdigest()


def _prove(database: Path, manifest: Manifest) -> None:
    try:
        with closing(open_with(database, secret_of(bytes.fromhex(manifest.key)))) as connection:
            ((told,),) = connection.execute("PRAGMA integrity_check(1)").fetchall()
            whole = told == "ok" and counts(connection) == manifest.rows
    except (sqlite.Error, TiepDonError):
        whole = False
    if not whole:
        raise EnvelopeDamaged(why="database")


def _carry_over(connection: sqlite.Connection, where: DatabaseFile) -> bool:
    """Take from the database that is replaced what may not go back in time: how far numbers went, who was erased.

    False where it is not there, or not whole.
    """
    try:
        if damage_of(where, expected=True) is not None:
            return False
        with closing(open_with(where.path, where.secret())) as old:
            for name, day, following in old.execute("SELECT name, day, next FROM counters").fetchall():
                connection.execute(recovery.RAISE, (name, day, following))
    except (sqlite.Error, TiepDonError):
        return False
    return True


@contextmanager
def _folder(where: DatabaseFile) -> Iterator[Path]:
    folder = where.path.parent / "restoring"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise DatabaseUnavailable(why=error.strerror or "unwritable") from None
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
