"""Killed at any moment, by any number of processes: no number twice, none lost that was seen, no delivery missing."""

import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from config.settings import Settings
from tests.kiosk.world import rows

ROOT = Path(__file__).parents[2]
KILLS = 36
ONE_CHECK_IN_SECONDS = 0.002


@contextmanager
def issuing(settings: Settings, run: str, how_many: str = "") -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.kiosk.issue_tickets", settings.paths.state, run]
    process = subprocess.Popen(
        [*command, how_many] if how_many else command, cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def seen_until_killed(settings: Settings, run: str, lines: int, later: float) -> list[str]:
    """The numbers a process printed that was killed with -9 `later` seconds after its `lines`-th line."""
    with issuing(settings, run) as process:
        assert process.stdout is not None
        told = "".join(process.stdout.readline() for _ in range(lines))
        threading.Event().wait(later)
        process.kill()
        told += process.stdout.read()
    whole, _, _ = told.rpartition("\n")  # a line cut short by the kill was not shown
    return [line for line in whole.splitlines() if line != "ready"]


def check_database(settings: Settings) -> list[str]:
    """Every ticket in the database, after looking at what must hold for all of them."""
    assert rows(settings, "PRAGMA integrity_check") == [("ok",)]
    assert rows(settings, "PRAGMA foreign_key_check") == []
    issued = [str(number) for (number,) in rows(settings, "SELECT number FROM tickets ORDER BY rowid")]
    assert len(issued) == len(set(issued))
    # Visit, ticket and both deliveries are there together or not at all.
    assert rows(settings, "SELECT id FROM visits EXCEPT SELECT visit_id FROM tickets") == []
    assert rows(settings, "SELECT visit_id FROM tickets WHERE visit_id NOTNULL EXCEPT SELECT id FROM visits") == []
    owed = rows(settings, "SELECT record_id FROM deliveries GROUP BY record_id HAVING count(*) = 2")
    assert sorted(owed) == sorted(rows(settings, "SELECT id FROM visits"))
    assert rows(settings, "SELECT count(*) FROM deliveries") == [(2 * len(owed),)]
    return issued


def test_a_number_that_was_seen_survives_kill_9_and_is_never_seen_again(settings: Settings) -> None:
    chance = random.Random(20261121)  # noqa: S311
    seen: list[str] = []
    for turn in range(KILLS):
        # None: while the process starts; one: while the database may just be recovering; more: in full run.
        lines = chance.choice([0, 1, 2, *range(3, 30)])
        # Spread over the length of one check-in, so that every statement is hit at some time.
        seen += seen_until_killed(settings, f"run{turn}", lines, chance.uniform(0, ONE_CHECK_IN_SECONDS))
        if turn % 6 == 0:
            check_database(settings)
    issued = check_database(settings)
    assert len(seen) > KILLS
    assert len(seen) == len(set(seen))
    assert set(seen) <= set(issued)
    with issuing(settings, "after", "1") as process:
        told, _ = process.communicate(timeout=30)
    assert told.splitlines()[1] not in seen


def test_two_processes_at_once_issue_no_number_twice(settings: Settings) -> None:
    with issuing(settings, "one", "60") as one, issuing(settings, "two", "60") as two:
        told = [*one.communicate(timeout=60)[0].split(), *two.communicate(timeout=60)[0].split()]
    numbers = [line for line in told if line != "ready"]
    assert sorted(numbers) == sorted(check_database(settings))
    assert len(numbers) == 120
