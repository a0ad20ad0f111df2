"""The store on a real database file: one number, one visit, one delivery for each destination, or nothing at all."""

import shutil
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from config.settings import Settings, database_path
from hisbridge.records import Patient, PatientRecord
from kiosk.handover import NoPersonalId, Typed
from kiosk.store import Store, open_store
from tests.kiosk.people import by_chip, covered
from tests.kiosk.world import MORNING, HandClock, rows, site, store_of
from wire import sqlite
from wire.codec import from_json
from wire.database import DatabaseOutdated, DatabaseUnavailable


def counts(settings: Settings) -> tuple[int, ...]:
    tables = ("visits", "tickets", "deliveries")
    return tuple(int(str(rows(settings, f"SELECT count(*) FROM {table}")[0][0])) for table in tables)  # noqa: S608


def test_a_check_in_is_visit_ticket_and_deliveries(settings: Settings) -> None:
    with store_of(settings) as store:
        issued = store.check_in("run-1", by_chip(), covered())
    assert (issued.ticket.number, issued.ticket.service_code) == ("A0001", "KB")
    assert issued.ticket.issued_at == "2026-11-21T07:45:00+07:00"
    assert not issued.needs_counter
    ((visit_id, record),) = rows(settings, "SELECT id, record FROM visits")
    assert visit_id == issued.ticket.visit_id
    told = from_json(str(record), PatientRecord)
    assert (told.visit.visit_id, told.visit.ticket_number) == (visit_id, "A0001")
    assert rows(settings, "SELECT record_id, destination FROM deliveries ORDER BY destination") == [
        (visit_id, "archive"),
        (visit_id, "his"),
    ]
    assert rows(settings, "SELECT day, sequence, visit_id FROM tickets") == [("2026-11-21", 1, visit_id)]


def test_a_counter_ticket_has_a_number_and_no_visit(settings: Settings) -> None:
    with store_of(settings) as store:
        issued = store.counter_ticket("run-1")
    assert (issued.ticket.number, issued.ticket.visit_id, issued.needs_counter) == ("A0001", None, True)
    assert counts(settings) == (0, 1, 0)


def test_the_same_presentation_gives_the_same_ticket(settings: Settings) -> None:
    with store_of(settings) as store:
        first = store.check_in("run-1", by_chip(), covered())
        again = store.check_in("run-1", by_chip(), None)
        other = store.check_in("run-2", by_chip(), covered())
    assert again.ticket == first.ticket
    assert again.needs_counter == first.needs_counter
    assert other.ticket.number == "A0002"
    assert counts(settings) == (2, 2, 4)


def test_a_check_in_survives_the_process(settings: Settings) -> None:
    with store_of(settings) as store:
        store.counter_ticket("run-1")
    with store_of(settings) as store:
        assert store.counter_ticket("run-2").ticket.number == "A0002"


def test_numbers_begin_again_each_day_of_the_site(settings: Settings) -> None:
    clock = HandClock()
    with store_of(settings, clock) as store:
        numbers = [store.counter_ticket("1").ticket.number]
        clock.jump(hours=16)  # 23:45 in Viet Nam, already the next day nowhere but further east
        numbers.append(store.counter_ticket("2").ticket.number)
        clock.jump(minutes=16)
        numbers.append(store.counter_ticket("3").ticket.number)
    assert numbers == ["A0001", "A0002", "A0001"]
    assert [day for (day,) in rows(settings, "SELECT day FROM tickets ORDER BY rowid")] == [
        "2026-11-21",
        "2026-11-21",
        "2026-11-22",
    ]


def test_a_clock_that_jumps_back_and_forth_calls_no_number_twice(settings: Settings) -> None:
    clock = HandClock()
    numbers = []
    with store_of(settings, clock) as store:
        for turn, days in enumerate([0, -1, 0, 1, -365, 0, 365]):
            clock.jump(days=days)
            numbers += [store.counter_ticket(f"{turn}-{i}").ticket.number for i in range(2)]
    assert numbers == [f"A{n:04d}" for n in range(1, 15)]


def test_after_the_last_four_digit_number_the_numbers_grow(settings: Settings) -> None:
    with store_of(settings) as store:
        store.counter_ticket("1")
        with closing(sqlite.connect(database_path(settings))) as connection, connection:
            connection.execute("UPDATE counters SET next = 9999")
        assert [store.counter_ticket(f"n{i}").ticket.number for i in range(3)] == ["A9999", "A10000", "A10001"]


def test_kiosks_with_different_prefixes_count_on_their_own(tmp_path: Path) -> None:
    settings, other = site(tmp_path, prefix="A"), site(tmp_path, prefix="B")
    with store_of(settings) as one, store_of(other) as two:
        numbers = [one.counter_ticket("1"), two.counter_ticket("2"), one.counter_ticket("3")]
    assert [issued.ticket.number for issued in numbers] == ["A0001", "B0001", "A0002"]


def test_eight_threads_and_two_connections_issue_no_number_twice(settings: Settings) -> None:
    each = 25
    with store_of(settings) as one, store_of(settings) as two, ThreadPoolExecutor(8) as pool:

        def issue(worker: int) -> list[str]:
            store = one if worker % 2 else two
            return [store.check_in(f"{worker}-{i}", by_chip(), covered()).ticket.number for i in range(each)]

        numbers = [number for issued in pool.map(issue, range(8)) for number in issued]
    assert sorted(numbers) == [f"A{n:04d}" for n in range(1, 8 * each + 1)]
    assert counts(settings) == (200, 200, 400)


def test_one_presentation_committed_by_many_threads_at_once_is_one_visit(settings: Settings) -> None:
    gate = threading.Barrier(8)
    with store_of(settings) as store, ThreadPoolExecutor(8) as pool:

        def issue(_: int) -> str:
            gate.wait(10)
            return store.check_in("run-1", by_chip(), covered()).ticket.ticket_id

        assert len(set(pool.map(issue, range(8)))) == 1
    assert counts(settings) == (1, 1, 2)


# A ticket nobody has seen.


def test_a_ticket_is_unshown_until_it_was_shown(settings: Settings) -> None:
    clock = HandClock()
    with store_of(settings, clock) as store:
        assert store.last_unshown(timedelta(minutes=2)) is None
        issued = store.check_in("run-1", by_chip(), covered())
        assert store.last_unshown(timedelta(minutes=2)) == issued
        store.mark_shown(issued.ticket.ticket_id)
        assert store.last_unshown(timedelta(minutes=2)) is None


def test_a_ticket_made_at_the_counter_is_shown_by_no_touchscreen(settings: Settings) -> None:
    clock = HandClock()
    with store_of(settings, clock) as store:
        here = store.check_in("run-1", by_chip(), covered())
        typed = Typed(Patient(full_name="Trần Bé Thử"), MORNING.isoformat())
        store.check_in("desk-1", typed, None)
        assert store.last_unshown(timedelta(minutes=2)) == here, "neither shown nor printed after a restart"


def test_an_old_unshown_ticket_is_nobodys_any_more(settings: Settings) -> None:
    clock = HandClock()
    with store_of(settings, clock) as store:
        issued = store.counter_ticket("run-1")
        clock.jump(seconds=119)
        assert store.last_unshown(timedelta(minutes=2)) == issued
        clock.jump(seconds=2)
        assert store.last_unshown(timedelta(minutes=2)) is None


# When nothing can be written.


def fill(store: Store) -> tuple[int, DatabaseUnavailable]:
    """Check in until there is no room, after one that was; how many there are then, and the error."""
    for served in range(1, 2000):
        try:
            store.check_in(f"run-{served + 1}", by_chip(), covered())
        except DatabaseUnavailable as error:
            return served, error
    raise AssertionError("never full")


def test_a_full_database_writes_nothing_at_all_and_recovers(settings: Settings) -> None:
    with store_of(settings) as store:
        store.check_in("run-1", by_chip(), covered())
        connection = store._connection
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}")
        served, refused = fill(store)
        assert refused.retriable
        assert "full" in str(refused.data["why"])
        assert counts(settings) == (served, served, 2 * served)
        assert not store.healthy()
        connection.execute("PRAGMA max_page_count = 1000000")
        assert store.healthy()
        issued = store.check_in(f"run-{served + 1}", by_chip(), covered())
        assert issued.ticket.number == f"A{served + 1:04d}"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own with little room (needs root)."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1500k", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no right to mount a small file system here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_writes_nothing_at_all_and_room_is_enough_to_recover(small_disk: Path) -> None:
    settings = site(small_disk)
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(700 << 10))
    with store_of(settings) as store:
        store.check_in("run-1", by_chip(), covered())
        served, refused = fill(store)
        assert refused.retriable
        assert counts(settings) == (served, served, 2 * served)
        assert not store.healthy()
        ballast.unlink()
        assert store.healthy()
        issued = store.check_in(f"run-{served + 1}", by_chip(), covered())
        assert issued.ticket.number == f"A{served + 1:04d}"
    assert rows(settings, "PRAGMA integrity_check") == [("ok",)]


def test_a_locked_database_is_an_error_and_not_a_wait_without_end(settings: Settings) -> None:
    with store_of(settings) as store, closing(sqlite.connect(database_path(settings))) as other:
        store._connection.execute("PRAGMA busy_timeout = 50")
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseUnavailable):
            store.check_in("run-1", by_chip(), covered())
        other.execute("ROLLBACK")
        assert store.check_in("run-1", by_chip(), covered()).ticket.number == "A0001"


def test_a_damaged_database_is_an_error_of_ours(settings: Settings) -> None:
    path = database_path(settings)
    for log in path.parent.glob("*.db-*"):
        log.unlink()
    path.write_bytes(path.read_bytes()[:4096] + b"\xff" * 40960)
    with pytest.raises((DatabaseUnavailable, DatabaseOutdated)), store_of(settings) as store:
        store.check_in("run-1", by_chip(), covered())


def test_a_store_without_its_tables_is_refused(tmp_path: Path) -> None:
    settings = site(tmp_path)
    path = database_path(settings)
    path.unlink()
    with pytest.raises(DatabaseUnavailable):
        open_store(settings, HandClock())
    path.touch()
    with pytest.raises(DatabaseOutdated):
        open_store(settings, HandClock())


def test_nobody_without_a_number_gets_a_visit(settings: Settings) -> None:
    with store_of(settings) as store:
        with pytest.raises(NoPersonalId):
            store.check_in("run-1", by_chip("12345"), covered())
        assert counts(settings) == (0, 0, 0)
        assert store.counter_ticket("run-2").ticket.number == "A0001"
