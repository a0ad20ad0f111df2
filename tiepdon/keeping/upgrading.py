"""The database made ready before the processes start: what was begun is finished, damage is recovered from, what is
not encrypted and should be is encrypted, the schema is brought to this version. And the way back to an older release.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path

from config.settings import Settings, database_file
from tiepdon.keeping.backups import counts
from tiepdon.keeping.recovering import recover_if_damaged
from tiepdon.keeping.report import Report
from tiepdon.migrations import MIGRATIONS
from wire import chain, sqlite
from wire.chain import AuditBroken
from wire.codec import Record
from wire.database import (
    DatabaseFile,
    DatabaseNoWayBack,
    DatabaseUnavailable,
    applied,
    downgrade,
    is_plain,
    migrate,
    newer,
    open_with,
    secret_of,
)
from wire.database_copies import export, forget_snapshots, take_snapshot
from wire.database_swap import (
    NEW,
    DatabaseInUse,
    Step,
    finish,
    no_step,
    overwrite,
    put_in_place,
    require_unused,
)
from wire.durable import give_to_owner, write_durably
from wire.keys import read_key

ENCRYPTED_SINCE = "0.2.0"  # releases before it open no encrypted database
PLAIN, OLD_KEY = ".plain", ".oldkey"  # what is to be written over
LOCK = "database.lock"


class Ready(Record, frozen=True, kw_only=True):
    """What `bring_up` did."""

    file: str
    applied: tuple[str, ...] = ()
    encrypted: bool = False
    recovered: Report | None = None


def bring_up(settings: Settings, now: datetime, step: Step = no_step) -> Ready:
    """Make the database fit for the processes of this version; does nothing where nothing is to be done.

    Raises DatabaseWrongKey, DatabaseOutdated, DatabaseInUse, DatabaseUnavailable, KeyMissing, KeyExposed, KeyUnusable.
    """
    where = database_file(settings)
    where.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with alone(where), in_our_words():
        report = recover_if_damaged(settings, now, step)
        for ending in (PLAIN, OLD_KEY):
            overwrite(where.beside(ending))
        there = where.path.exists() and where.path.stat().st_size > 0
        to_encrypt = there and where.key_file is not None and is_plain(where.path)
        if to_encrypt:
            encrypt(where, now, step)
        if there and _is_behind(where):
            take_snapshot(where, now, "before-upgrade")
        done = migrate(where, MIGRATIONS)
        return Ready(file=str(where.path), applied=tuple(done), encrypted=to_encrypt, recovered=report)


def encrypt(where: DatabaseFile, now: datetime, step: Step = no_step) -> None:
    """Put an encrypted copy in the place of a plain database, and write over the plain one and its snapshots.

    Raises DatabaseInUse, DatabaseUnavailable, KeyMissing, KeyExposed, KeyUnusable, OSError.
    """
    assert where.key_file is not None  # noqa: S101  # the caller looked
    _under_another_key(where, None, read_key(where.key_file), now, PLAIN, step)
    forget_snapshots(where)


def rekey(settings: Settings, new_key_file: Path, now: datetime, step: Step = no_step) -> None:
    """Seal the database under the key in `new_key_file`, which becomes the site's key.

    Cut off in between, the same call finishes it. Raises DatabaseInUse, DatabaseWrongKey, DatabaseUnavailable,
    KeyMissing, KeyExposed, KeyUnusable, OSError.
    """
    where = database_file(settings)
    if where.key_file is None:
        raise DatabaseUnavailable(why="paths.key_file is not set")
    new_key = read_key(new_key_file)
    with alone(where), in_our_words():
        finish(where.path, step)
        if not _opens(where.path, secret_of(new_key)):
            old_key = read_key(where.key_file)
            plain = is_plain(where.path)
            _under_another_key(where, None if plain else old_key, new_key, now, OLD_KEY, step)
        forget_snapshots(where)
        step("key")
        write_durably(where.key_file, new_key_file.read_bytes())
        overwrite(where.beside(OLD_KEY))
        take_snapshot(where, now)


def go_back(settings: Settings, release: str, now: datetime, decrypted: bool = False) -> list[str]:
    """Bring the database back to what that release knows; what it does not know stays where it can.

    `decrypted`: also write it without encryption, for a release that cannot open it otherwise. Raises
    DatabaseNoWayBack, DatabaseInUse, DatabaseUnavailable, DatabaseOutdated, DatabaseWrongKey.
    """
    where = database_file(settings)
    if not where.path.exists():
        return []
    with alone(where), in_our_words():
        finish(where.path)
        require_unused(where.path)
        to_decrypt = newer(ENCRYPTED_SINCE, release) and not is_plain(where.path)
        if to_decrypt and not decrypted:
            raise DatabaseNoWayBack(migration="encryption")
        take_snapshot(where, now, "before-downgrade")
        undone = downgrade(where, MIGRATIONS, release)
        if to_decrypt and where.key_file is not None:
            _under_another_key(where, read_key(where.key_file), None, now, OLD_KEY, no_step)
            overwrite(where.beside(OLD_KEY))
        return undone


def _under_another_key(
    where: DatabaseFile, old: bytes | None, new: bytes | None, now: datetime, ending: str, step: Step
) -> None:
    """The database under another key, in its place; what it was is beside it under `ending`, to be written over."""
    require_unused(where.path)
    made = where.beside(NEW)
    for left in ("", "-wal", "-shm", "-journal"):
        where.beside(NEW + left).unlink(missing_ok=True)
    secret = None if new is None else secret_of(new)
    with closing(open_with(where.path, None if old is None else secret_of(old))) as connection:
        try:
            # Folds the log in, and is refused where anybody else has the database open.
            ((mode,),) = connection.execute("PRAGMA journal_mode = DELETE").fetchall()
        except sqlite.OperationalError:
            raise DatabaseInUse from None
        if mode != "delete":
            raise DatabaseInUse
        step("export")
        export(connection, made, secret)
    with closing(open_with(made, secret)) as connection:
        step("audit")
        # It was broken before, or there is none yet: `tiepdon audit verify` says which.
        with suppress(AuditBroken, sqlite.OperationalError):
            chain.rotate(connection, old, new, now, "tiepdon")
            told = {"rows": counts(connection), "was_encrypted": old is not None, "encrypted": new is not None}
            chain.note(connection, "database.sealed", "tiepdon", "", now, told)
    put_in_place(where.path, where.path.name + ending, step)
    step("overwrite")
    if ending == PLAIN:
        overwrite(where.beside(PLAIN))


def _opens(path: Path, secret: str) -> bool:
    from wire.database import DatabaseNotEncrypted, DatabaseWrongKey

    try:
        open_with(path, secret).close()
    except (DatabaseWrongKey, DatabaseNotEncrypted):
        return False
    return True


def _is_behind(where: DatabaseFile) -> bool:
    with closing(open_with(where.path, where.secret())) as connection:
        return bool({migration.name for migration in MIGRATIONS} - applied(connection))


@contextmanager
def alone(where: DatabaseFile) -> Iterator[None]:
    """One at a time replaces or changes the file. Raises DatabaseInUse."""
    try:
        # Ours alone: whoever may open it may hold it.
        descriptor = os.open(where.path.with_name(LOCK), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        lock = os.fdopen(descriptor, "w")
        give_to_owner(where.path.with_name(LOCK))
    except OSError as error:
        raise DatabaseUnavailable(why=error.strerror or "unwritable") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DatabaseInUse from None
        yield


@contextmanager
def in_our_words() -> Iterator[None]:
    """A disk that is full, read-only or dying, in the product's word."""
    try:
        yield
    except OSError as error:
        raise DatabaseUnavailable(why=error.strerror or type(error).__name__) from None
