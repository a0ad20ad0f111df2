"""A database whose file is another one than was opened: moved, gone, or on a disk that was mounted in its place."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from faults.media import why_no_disk
from wire.database import DatabaseUnavailable, open_database, require_in_place


@pytest.fixture
def path(tmp_path: Path) -> Path:
    place = tmp_path / "site.db"
    with closing(open_database(place)) as made:
        made.execute("CREATE TABLE t (number)")
    return place


def numbers(path: Path) -> list[int]:
    with closing(open_database(path)) as connection:
        return [row[0] for row in connection.execute("SELECT number FROM t ORDER BY number")]


def test_a_file_that_lies_where_it_was_opened_is_in_place(path: Path) -> None:
    with closing(open_database(path)) as held:
        held.execute("INSERT INTO t VALUES (1)")
        require_in_place(held)


def test_another_file_in_its_place_is_told(path: Path) -> None:
    with closing(open_database(path)) as held:
        shutil.copyfile(path, path.with_suffix(".new"))
        path.with_suffix(".new").replace(path)
        with pytest.raises(DatabaseUnavailable):
            require_in_place(held)


def test_a_file_that_is_gone_is_told_until_it_is_back(path: Path) -> None:
    with closing(open_database(path)) as held:
        path.rename(path.with_suffix(".away"))
        with pytest.raises(DatabaseUnavailable):
            require_in_place(held)
        path.with_suffix(".away").rename(path)
        require_in_place(held)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A place where disks are mounted over each other."""
    place = tmp_path / "disk"
    place.mkdir()
    yield place
    while os.path.ismount(place):
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def mount(place: Path) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(place)], check=True)


# A process of its own: it holds a connection, is told on a line what to do, and ends as Python ends.
HOLDER = """
import sys
from pathlib import Path
from wire.database import open_database
held = open_database(Path(sys.argv[1]))
held.execute("SELECT * FROM t").fetchall()
print("holds", flush=True)
input()
if sys.argv[2] != "ends":
    held.close()
if sys.argv[2] == "drops":
    del held
"""


@pytest.mark.skipif(why_no_disk() is not None, reason="no disk of our own on this machine")
@pytest.mark.parametrize("way", ["closes", "drops", "ends"])
def test_letting_go_of_a_disk_that_is_gone_takes_nothing_from_the_one_mounted_in_its_place(
    disk: Path, tmp_path: Path, way: str
) -> None:
    mount(disk)
    place = disk / "site.db"
    with closing(open_database(place)) as made:
        made.execute("CREATE TABLE t (number)")
    ino = place.stat().st_ino
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(place), way], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        assert holder.stdout.readline() == "holds\n"
        kept = tmp_path / "kept.db"
        shutil.copyfile(place, kept)
        subprocess.run(["umount", "--lazy", str(disk)], check=True)
        mount(disk)
        shutil.copyfile(kept, place)
        assert place.stat().st_ino == ino  # what SQLite goes by
        with closing(open_database(place)) as writer:
            writer.execute("INSERT INTO t VALUES (1)")
            holder.communicate("\n")
            assert holder.returncode == 0
            assert place.with_name("site.db-wal").exists()
            writer.execute("INSERT INTO t VALUES (2)")
            assert numbers(place) == [1, 2]
