"""The purge while the kiosk's own process takes people in: nobody waits, nobody of today is lost, those of then go."""

import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from config.settings import Settings, database_file, load
from kiosk.store import open_store
from tests.kiosk.people import by_chip, covered
from tests.kiosk.world import HandClock
from tests.support.checkin import by_number, leave
from tests.support.screen import Screen
from tests.support.waiting import wait_until
from tests.support.world import World
from wire.database import open_database

OLD = 600
CHECK_INS = 6
HOSPITALS = "his-files"
NUMBERS, NAME = "0093039", "TRẦN THỊ CŨ"  # of those who are over; the sandbox knows nobody of them


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    running = World(tmp_path_factory.mktemp("purge") / "state", "--no-pcscd")
    yield running
    running.stop()


def people_of_last_week(settings: Settings, many: int) -> None:
    """Who came then; every receiver has said what became of them."""
    with closing(open_store(settings, HandClock(datetime.now(UTC) - timedelta(days=7)))) as store:
        for one in range(many):
            store.check_in(f"old-{one}", by_chip(f"{NUMBERS}{one:05}", full_name=NAME), covered())

    def settled() -> bool:  # what the bridge has taken meanwhile it settles itself
        with closing(open_database(database_file(settings))) as connection:
            connection.execute("UPDATE deliveries SET state = 'acknowledged' WHERE state IN ('queued', 'held')")
            asked = "SELECT count(*) FROM deliveries WHERE state NOT IN ('acknowledged', 'cancelled')"
            ((waiting,),) = connection.execute(asked).fetchall()
            return not waiting

    wait_until(settled, 30, "the deliveries to be settled")


def left(settings: Settings) -> list[Path]:
    """Files of the site that still hold somebody who is over; what the sandbox's hospital was given is its own."""
    files = [file for file in Path(settings.paths.state).rglob("*") if file.is_file() and HOSPITALS not in file.parts]
    return [file for file in files if any(text.encode() in file.read_bytes() for text in (NUMBERS, NAME))]


def test_people_check_in_while_those_of_last_week_go(world: World) -> None:
    settings = load(world.settings)
    people_of_last_week(settings, OLD)
    assert left(settings)
    over, told = threading.Event(), []

    def purge_again_and_again() -> None:
        while not over.is_set():
            told.append(world.run_command("purge", "--config", str(world.settings)))

    person = world.desk("GET", "/people")[0]["personal_id"]
    numbers = []
    purging = threading.Thread(target=purge_again_and_again)
    with Screen(world.touchscreen) as screen:
        screen.wait_for("start")
        purging.start()
        try:
            for _ in range(CHECK_INS):
                numbers.append(by_number(screen, person).ticket_number)
                leave(screen)
        finally:
            over.set()
            purging.join(60)
    assert None not in numbers
    assert len(set(numbers)) == CHECK_INS
    for one in told:  # somebody may hold the log for a moment: that is said, and is the next one's
        assert one.returncode == 0 or "purge.log_held" in one.stderr, one.stderr
    last = world.run_command("purge", "--config", str(world.settings))
    assert last.returncode == 0, last.stderr
    with world.database() as connection:
        kept = [row["number"] for row in connection.execute("SELECT number FROM tickets WHERE visit_id NOTNULL")]
        assert connection.execute("SELECT count(*) FROM visits").fetchone()[0] == CHECK_INS
    assert sorted(kept) == sorted(str(number) for number in numbers)
    assert world.run_command("audit", "verify", "--config", str(world.settings)).returncode == 0
    assert left(settings) == []
