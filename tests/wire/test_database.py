import os
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
import sqlite_utils

from wire import sqlite
from wire.database import (
    DatabaseOutdated,
    DatabaseUnavailable,
    Migration,
    applied,
    migrate,
    open_database,
    require,
    transaction,
)


def make_notes(database: sqlite_utils.Database) -> None:
    database["notes"].create({"id": int, "text": str}, pk="id", strict=True)  # type: ignore[union-attr]


FIRST = Migration("test-0001-notes", make_notes)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "state" / "test.db"
    migrate(file, [FIRST])
    return file


def test_migrating_twice_does_nothing_the_second_time(path: Path) -> None:
    assert migrate(path, [FIRST]) == []


def test_the_file_is_for_its_owner_only(path: Path) -> None:
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0


def test_a_failing_step_leaves_nothing_behind(path: Path) -> None:
    def half(database: sqlite_utils.Database) -> None:
        database["half"].create({"id": int}, pk="id")  # type: ignore[union-attr]
        raise ValueError("half way")

    with pytest.raises(ValueError, match="half way"):
        migrate(path, [FIRST, Migration("test-0002-half", half)])
    connection = open_database(path)
    assert applied(connection) == {"test-0001-notes"}
    assert connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'half'").fetchone()[0] == 0
    connection.close()


def test_a_database_of_a_newer_version_is_not_touched(path: Path) -> None:
    with pytest.raises(DatabaseOutdated):
        migrate(path, [])


def test_a_missing_migration_is_named(path: Path) -> None:
    connection = open_database(path)
    with pytest.raises(DatabaseOutdated) as caught:
        require(connection, [FIRST, Migration("test-0002-more", make_notes)])
    assert caught.value.data == {"missing": "test-0002-more"}
    connection.close()


def test_commits_are_made_durable_before_they_return(path: Path) -> None:
    connection = open_database(path)
    assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    assert connection.execute("PRAGMA synchronous").fetchone()[0] == 2  # FULL
    connection.close()


def test_an_exception_rolls_the_transaction_back(path: Path) -> None:
    connection = open_database(path)

    def half_a_change() -> None:
        with transaction(connection):
            connection.execute("INSERT INTO notes (text) VALUES ('x')")
            raise KeyError

    with pytest.raises(KeyError):
        half_a_change()
    assert connection.execute("SELECT count(*) FROM notes").fetchone()[0] == 0
    connection.close()


def test_a_full_disk_is_said_and_leaves_the_connection_usable(path: Path) -> None:
    connection = open_database(path)
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(DatabaseUnavailable), transaction(connection):
        connection.execute("INSERT INTO notes (text) VALUES (?)", ("x" * 100_000,))
    connection.execute("PRAGMA max_page_count = 100000")
    with transaction(connection):
        connection.execute("INSERT INTO notes (text) VALUES ('y')")
    assert [row["text"] for row in connection.execute("SELECT text FROM notes")] == ["y"]
    connection.close()


def test_a_file_that_is_no_database_is_said(tmp_path: Path) -> None:
    file = tmp_path / "noise.db"
    file.write_bytes(os.urandom(8192))
    with pytest.raises(DatabaseUnavailable):
        open_database(file)


def test_sqlite_utils_is_not_loaded_by_a_long_running_process() -> None:
    check = "import sys, wire.database; sys.exit('sqlite_utils' in sys.modules)"
    assert subprocess.run([os.sys.executable, "-c", check], check=False).returncode == 0  # type: ignore[attr-defined]


def test_the_pragmas_do_not_leak_deleted_text(path: Path) -> None:
    connection = open_database(path)
    with transaction(connection):
        connection.execute("INSERT INTO notes (text) VALUES ('secretive-marker')")
    with transaction(connection):
        connection.execute("DELETE FROM notes")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    assert b"secretive-marker" not in path.read_bytes()
    with closing(sqlite.connect(path)) as again:
        assert again.execute("PRAGMA integrity_check").fetchone()[0] == "ok"


def test_a_damaged_database_is_unavailable_and_not_outdated(path: Path) -> None:
    migrate(path, [FIRST])
    with closing(open_database(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    content = path.read_bytes()
    path.write_bytes(content[:size] + b"\xa5" * (len(content) - size))
    with closing(open_database(path)) as connection, pytest.raises(DatabaseUnavailable):
        require(connection, [FIRST])
