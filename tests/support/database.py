"""A database with its tables, made once for each set of migrations and copied from then on."""

import functools
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from wire import sqlite
from wire.database import Migration, migrate


def migrated(path: Path, migrations: Sequence[Migration]) -> None:
    """Put an empty database with these migrations at `path`; one that is there stays and is brought up to them."""
    if path.exists():
        migrate(path, migrations)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(_made(tuple(migrations)), path)


@functools.cache
def _made(migrations: tuple[Migration, ...]) -> Path:
    path = Path(tempfile.mkdtemp(prefix="tiepdon-database-")) / "made.db"
    migrate(path, migrations)
    # Whole in one file: what lies in a log of its own would not be copied.
    for beside in (path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
        if beside.exists() and beside.stat().st_size:
            raise AssertionError(f"{beside.name} is left behind")
    return path


def told(connection: sqlite.Connection) -> str:
    """Every row of every table, as text."""
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()]
    return "\n".join(repr(tuple(row)) for table in tables for row in connection.execute(f"SELECT * FROM {table}"))  # noqa: S608
