"""A site whose database is filled by check-ins, plain or encrypted, and damage done to its file."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import msgspec

from config.settings import Settings, database_file
from kiosk.store import Store, open_store
from tests.kiosk.people import by_chip, covered
from tests.kiosk.world import HandClock, site
from tiepdon.keeping.upgrading import Ready, bring_up
from wire import sqlite
from wire.database import DatabaseFile, open_database, open_for_reading, open_with
from wire.errors import TiepDonError
from wire.keys import write_new_key

PAGE = 4096


@dataclass(frozen=True)
class Kept:
    """One site's database."""

    settings: Settings

    @property
    def where(self) -> DatabaseFile:
        return database_file(self.settings)

    @property
    def path(self) -> Path:
        return self.where.path

    @contextmanager
    def store(self) -> Iterator[Store]:
        with closing(open_store(self.settings, HandClock(datetime.now(UTC)))) as store:
            yield store

    def check_in(self, first: int, last: int) -> list[str]:
        """The numbers of so many check-ins, one person each."""
        with self.store() as store:
            return [
                store.check_in(f"run-{one}", by_chip(reading_id=f"chip-{one}"), covered()).ticket.number
                for one in range(first, last + 1)
            ]

    def rows(self, query: str, *values: object) -> list[tuple[object, ...]]:
        with closing(open_for_reading(self.where)) as connection:
            return [tuple(row) for row in connection.execute(query, values)]

    def whole(self) -> bool:
        with closing(open_for_reading(self.where)) as connection:
            return connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok" and not list(
                connection.execute("PRAGMA foreign_key_check")
            )

    def bring_up(self, now: datetime | None = None) -> Ready:
        return bring_up(self.settings, now or datetime.now(UTC))

    def folded(self) -> None:
        """Everything in one file."""
        with closing(self.opened()) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def opened(self) -> sqlite.Connection:
        return open_database(self.where)

    def spoil(self, page: int, at: int = 0, content: bytes = bytes(PAGE)) -> None:
        """Write over a part of a page (from 1)."""
        with self.path.open("r+b") as file:
            file.seek((page - 1) * PAGE + at)
            file.write(content)

    def cut_off(self) -> None:
        """As the power leaves it that fails in the middle of a change, while no log (WAL) is in use."""
        self.folded()
        aside = self.path.with_name("aside")
        aside.mkdir()
        shutil.copyfile(self.path, aside / self.path.name)
        with closing(open_with(aside / self.path.name, self.where.secret())) as connection:
            connection.execute("PRAGMA journal_mode=DELETE")
            connection.execute("PRAGMA cache_size=1")  # so that pages are written before the change is whole
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("UPDATE visits SET record = record || ' '")
            for name in (self.path.name, f"{self.path.name}-journal"):
                shutil.copyfile(aside / name, self.path.with_name(name))
            connection.execute("ROLLBACK")
        shutil.rmtree(aside)

    def leaf_of(self, table: str) -> int:
        """A page of this table's rows that is neither its root nor its first or last: found by breaking each."""
        trial, secret = self.path.with_name("trial.db"), self.where.secret()
        shutil.copyfile(self.path, trial)
        whole, found = f"SELECT * FROM {table} NOT INDEXED", None  # noqa: S608
        ends = f"SELECT max(rowid), (SELECT min(rowid) FROM {table}) FROM {table}"  # noqa: S608
        for page in range(2, trial.stat().st_size // PAGE + 1):
            with trial.open("r+b") as file:
                file.seek((page - 1) * PAGE)
                content = file.read(PAGE)
                _write_at(file, page, bytes(PAGE))
                if not _answers(trial, secret, whole) and _answers(trial, secret, ends):
                    found = page
                    break
                _write_at(file, page, content)
        trial.unlink()
        assert found is not None, f"{table} lies on too few pages"
        return found


def _write_at(file: BinaryIO, page: int, content: bytes) -> None:
    file.seek((page - 1) * PAGE)
    file.write(content)
    file.flush()


def _answers(path: Path, secret: str | None, query: str) -> bool:
    try:
        with closing(open_with(path, secret)) as connection:
            connection.execute(query).fetchall()
    except (sqlite.Error, TiepDonError):
        return False
    return True


@contextmanager
def open_elsewhere(kept: Kept) -> Iterator[None]:
    """Another process has the database open, as every process of ours has."""
    code = "import sys; from tests.tiepdon.kept import hold; hold(sys.argv[1], sys.argv[2])"
    key = str(kept.where.key_file or "")
    with subprocess.Popen(
        [sys.executable, "-c", code, str(kept.path), key], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        yield
        holder.kill()


def hold(path: str, key: str) -> None:
    """Have a database open until somebody ends this process."""
    with closing(open_database(DatabaseFile(Path(path), Path(key) if key else None))) as connection:
        connection.execute("SELECT count(*) FROM tickets").fetchone()
        sys.stdout.write("held\n")
        sys.stdout.flush()
        sys.stdin.read()


def kept_site(folder: Path, encrypted: bool) -> Kept:
    """A site made anew; with a key its database is encrypted by the step before the processes."""
    settings = site(folder / "state")
    if encrypted:
        write_new_key(folder / "site.key")
        paths = msgspec.structs.replace(settings.paths, key_file=str(folder / "site.key"))
        settings = msgspec.structs.replace(settings, paths=paths)
        assert bring_up(settings, datetime.now(UTC)).encrypted
    return Kept(settings)
