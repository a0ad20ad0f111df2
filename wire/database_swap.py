"""Another database put in the place of the one that is there, whole: a power cut at any moment leaves the old or the
new, never a mixture of one's pages and the other's log.

A small note beside the database says what is being done until it is done; whoever finds it finishes the work. Used by
encrypting, rotating the key, recovering and restoring. Must not import any other package of ours.
"""

import fcntl
import re
from collections.abc import Callable
from pathlib import Path

from wire import durable
from wire.database import BEING_REPLACED, DatabaseUnavailable
from wire.durable import give_to_owner, move, sync, write_durably
from wire.errors import TiepDonError

LOG_ENDINGS = ("-wal", "-shm")
NEW = ".new"  # the file that is to take the place, whole and durable
MAX_NOTE = 200  # bytes
# Where SQLite locks a database file (sqlite3 os.h, PENDING_BYTE and SHARED_FIRST): every open connection in WAL mode
# holds a shared lock there.
_SHARED_FIRST, _SHARED_BYTES = 0x40000002, 510
_ASIDE = re.compile(r"[A-Za-z0-9._+-]{1,150}")

Step = Callable[[str], None]  # told before each step that touches the disk; a test cuts the power there


class DatabaseInUse(TiepDonError):
    """A process has the database open; nothing was changed."""

    code = "database.in_use"
    retriable = True


def no_step(_: str) -> None:
    """Nothing happens between the steps."""


def put_in_place(path: Path, aside: str, step: Step = no_step) -> None:
    """`PATH.new` takes the place of the database, which is kept beside it under the name `aside` with its log.

    The new one has no log of its own and nobody has either open. Raises OSError.
    """
    if not _ASIDE.fullmatch(aside):
        raise ValueError(aside)
    step("sync")
    give_to_owner(_beside(path, NEW))
    sync(_beside(path, NEW))
    step("note")
    write_durably(_beside(path, BEING_REPLACED), aside.encode())
    finish(path, step)


def finish(path: Path, step: Step = no_step) -> bool:
    """Do what a note says is left to do; False where there is none. Raises OSError."""
    note = _beside(path, BEING_REPLACED)
    try:
        with note.open("rb") as file:
            aside = file.read(MAX_NOTE).decode("ascii", "replace")
    except FileNotFoundError:
        return False
    new = _beside(path, NEW)
    if _ASIDE.fullmatch(aside) and new.exists():  # else the new one is in its place already
        # The database before its log: a database without its log looks whole and is not.
        for ending in ("", *LOG_ENDINGS):
            step(f"aside{ending}")
            move(_beside(path, ending), path.with_name(aside + ending))
        step("place")
        new.replace(path)
        sync(path.parent)
    step("done")
    note.unlink(missing_ok=True)
    sync(path.parent)
    return True


def require_unused(path: Path) -> None:
    """Raise DatabaseInUse when another process has the database open. This process must not have it open itself."""
    try:
        with path.open("r+b") as file:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, _SHARED_BYTES, _SHARED_FIRST)
    except FileNotFoundError:
        return
    except BlockingIOError:
        raise DatabaseInUse from None
    except OSError as error:
        raise DatabaseUnavailable(why=error.strerror or "unreadable") from None


def overwrite(path: Path) -> None:
    """Write over a database file that is no longer wanted, and its log, and remove them. Raises OSError."""
    for ending in ("", *LOG_ENDINGS):
        if (file := _beside(path, ending)).exists():
            durable.overwrite(file)
    sync(path.parent)


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)
