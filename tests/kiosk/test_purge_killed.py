"""The purge killed at any moment: what is there is whole, the next one finishes, and nothing is left in any file."""

import random
import shutil
import subprocess
import sys
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from config.settings import Settings, database_file, database_path, load
from kiosk import audit
from kiosk.clock import SystemClock
from kiosk.retention import purge
from kiosk.store import open_store
from tests.kiosk.people import MINH, by_chip, covered
from tests.kiosk.world import HandClock, rows
from tests.support.database import migrated
from tiepdon.migrations import MIGRATIONS
from wire.database import open_database
from wire.database_copies import take_snapshot

KILLS = 10
OLD = 900  # visits that are over: some batches of one purge
STAYS = 5
NUMBERS, NAME = "0093039", "TRẦN THỊ CŨ"  # of those who are over


def written(folder: Path) -> Path:
    """The settings of a site that lives in this folder and owes each record to one receiver."""
    file = folder / "tiepdon.toml"
    owed = '[[destinations]]\nname = "his"\nconnector = "hl7v2"\nhost = "127.0.0.1"\nport = 1\n'
    file.write_text(f'[paths]\nstate = "{folder}/state"\nrun = "{folder}"\n{owed}', "utf-8")
    return file


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site's folder with people of last week, settled, a snapshot that holds them, and a few of today."""
    folder = tmp_path_factory.mktemp("purge-killed")
    settings = load(written(folder))
    (folder / "state").mkdir(mode=0o700)
    migrated(database_path(settings), MIGRATIONS)
    old = HandClock(datetime.now(UTC) - timedelta(days=7))
    with closing(open_store(settings, old)) as store:
        for one in range(OLD):
            store.check_in(f"old-{one}", by_chip(f"{NUMBERS}{one:05}", full_name=NAME), covered())
    with closing(open_store(settings, SystemClock())) as store:
        for one in range(STAYS):
            store.check_in(f"new-{one}", by_chip(MINH, full_name="PHẠM VĂN MINH"), covered())
    with closing(open_database(database_path(settings))) as connection:
        connection.execute("UPDATE deliveries SET state = 'acknowledged'")
    take_snapshot(database_file(settings), old.wall)
    return folder


def copied(pristine: Path, folder: Path) -> tuple[Path, Settings]:
    shutil.copytree(pristine / "state", folder / "state")
    return written(folder), load(written(folder))


def purging(file: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "tiepdon.main", "purge", "--config", str(file)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def left(settings: Settings) -> list[Path]:
    """Files that still hold somebody who is over, in whatever page of them."""
    wanted = (NUMBERS.encode(), NAME.encode())
    files = [file for file in Path(settings.paths.state).rglob("*") if file.is_file()]
    return [file for file in files if any(text in file.read_bytes() for text in wanted)]


def test_killed_at_any_moment_the_next_purge_finishes_and_leaves_nothing(pristine: Path, tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    file, settings = copied(pristine, tmp_path / "whole")
    assert left(settings)  # or the search would find nothing ever
    begun = time.monotonic()
    assert purging(file).wait(60) == 0
    lasts = time.monotonic() - begun
    assert left(settings) == []
    chance = random.Random(20261123)  # noqa: S311
    caught = []
    for turn in range(KILLS):
        folder = tmp_path / str(turn)
        folder.mkdir()
        file, settings = copied(pristine, folder)
        process = purging(file)
        try:
            process.wait(chance.uniform(lasts / 4, lasts))
        except subprocess.TimeoutExpired:
            process.kill()
        process.wait()
        assert rows(settings, "PRAGMA integrity_check") == [("ok",)]
        ((there,),) = rows(settings, "SELECT count(*) FROM visits")
        # A visit goes with its ticket and its deliveries, or not at all.
        assert rows(settings, "SELECT id FROM visits EXCEPT SELECT visit_id FROM tickets") == []
        assert rows(settings, "SELECT id FROM visits EXCEPT SELECT record_id FROM deliveries") == []
        caught.append(there)
        told = purge(settings, SystemClock())
        assert (told.problems, told.clean) == ((), True)
        assert rows(settings, "SELECT count(*) FROM visits") == [(STAYS,)]
        audit.verify(settings)
        assert left(settings) == [], caught
    assert min(caught) < OLD + STAYS  # not all of them were killed before they began
