"""A day of 5,000 visits and twenty counters: everything is found by index, and costs what a quiet day costs."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from config.settings import Settings, database_path
from kiosk import counter_desk, sought
from kiosk.counter import Counter, open_counter
from kiosk.counter_desk import desk_view
from kiosk.queue.desk import Queue, open_queue
from kiosk.store import Store
from tests.kiosk.people import by_chip, uninsured
from tests.kiosk.world import HandClock, rows
from wire import sqlite
from wire.database import open_database

VISITS = 5000
VISITS_OF = """
WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
INSERT INTO visits (id, presentation, created_at, service_code, source, verdict, record)
SELECT 'v' || i, 'p' || i, created_at, service_code, source, verdict, record FROM n, visits WHERE id = ?
"""
TICKETS_OF = """
WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
INSERT INTO tickets (id, number, prefix, day, sequence, service_code, issued_at, issued_seconds, visit_id,
                     presentation, needs_counter, queue, sort_at, since, standing)
SELECT 't' || i, printf('A%04d', i), prefix, day, i, service_code, issued_at, issued_seconds + i, 'v' || i,
       'p' || i, 1, queue, sort_at + i, since + i, iif(i % 10 = 0, 'missed', 'waiting')
FROM n, tickets WHERE visit_id = ?
"""


@pytest.fixture
def queue(settings: Settings) -> Iterator[Queue]:
    with closing(open_queue(settings, HandClock())) as opened:
        yield opened


@pytest.fixture
def counter(settings: Settings) -> Iterator[Counter]:
    with closing(open_counter(settings, HandClock())) as opened:
        yield opened


def crowd(settings: Settings, store: Store, how_many: int = VISITS) -> None:
    """So many of one day, with the name of the first; every tenth missed, the rest waiting."""
    visit = store.check_in("run-1", by_chip(), uninsured()).ticket.visit_id
    with closing(open_database(database_path(settings))) as connection:
        connection.execute("BEGIN")
        connection.execute(VISITS_OF, (how_many, visit))
        connection.execute(TICKETS_OF, (how_many, visit))
        connection.execute(
            "INSERT INTO sought SELECT day, word, 'v' || value FROM sought, json_each(?) WHERE visit_id = ?",
            (str(list(range(2, how_many + 1))), visit),
        )
        connection.execute("COMMIT")
        connection.execute("ANALYZE")


def steps(connection: sqlite.Connection, work: str, *values: object) -> str:
    return " | ".join(str(row[3]) for row in connection.execute(f"EXPLAIN QUERY PLAN {work}", values))


def test_what_a_counter_asks_is_found_by_index(settings: Settings, store: Store) -> None:
    crowd(settings, store)
    with closing(open_database(database_path(settings))) as connection:
        plans = {
            "longest": steps(connection, counter_desk._LONGEST, "2026-11-21", "KB", "1"),
            "missed": steps(connection, counter_desk._MISSED, "2026-11-21", "KB", 10),
            "number": steps(connection, sought._BY_NUMBER, "2026-11-21", "A01", "A01z", 50),
            "words": steps(connection, *_words("nguyen", "lan")),
        }
    assert [name for name, plan in plans.items() if "SCAN" in plan] == []
    assert "idx_tickets_longest" in plans["longest"]
    assert "idx_tickets_missed" in plans["missed"]
    assert "idx_tickets_number" in plans["number"]
    assert "TEMP" not in plans["longest"] + plans["missed"] + plans["number"]


def _words(*words: str) -> tuple[object, ...]:
    statement, values = sought._by_words("2026-11-21", words)
    return statement, *values


def test_a_counter_asks_as_little_in_a_crowd_as_in_an_empty_hall(
    settings: Settings, store: Store, queue: Queue
) -> None:
    def asked() -> int:
        seen: list[str] = []
        with queue.connection.using() as connection:
            connection.set_trace_callback(seen.append)
        view = desk_view(queue, HandClock(), "1")
        with queue.connection.using() as connection:
            connection.set_trace_callback(None)
        assert len(view.next_up) <= 10
        return len(seen)

    few = asked()
    crowd(settings, store)
    assert asked() <= few + len(queue.rules.services) + 2  # who waits longest is asked only where somebody waits


def test_somebody_is_found_among_5000_with_few_steps(settings: Settings, store: Store, counter: Counter) -> None:
    crowd(settings, store)
    rare = store.check_in("run-rare", by_chip("001200900024", full_name="Đặng Quý Hiếm"), uninsured()).ticket
    assert [row.number for row in counter.found("quy hiem")] == [rare.number]
    assert [row.number for row in counter.found("4999")] == ["A4999"]
    assert len(counter.found("nguyen lan")) == sought.MOST
    with closing(open_database(database_path(settings))) as connection:
        done: list[int] = []
        connection.set_progress_handler(lambda: done.append(1), 100)
        assert len(sought.found(connection, "2026-11-21", "dang quy", ("A",))) == 1
        assert len(done) * 100 < VISITS  # virtual machine steps: far from one for each visit


def test_what_is_sought_by_goes_with_the_visit(settings: Settings, store: Store) -> None:
    visit = store.check_in("run-1", by_chip(), uninsured()).ticket.visit_id
    assert len(rows(settings, "SELECT 1 FROM sought")) == 4
    with closing(open_database(database_path(settings))) as connection:
        connection.execute("DELETE FROM tickets")
        connection.execute("DELETE FROM visits WHERE id = ?", (visit,))
    assert rows(settings, "SELECT 1 FROM sought") == []
