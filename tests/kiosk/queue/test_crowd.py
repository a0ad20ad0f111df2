"""Twenty counters press at once while five thousand wait: nobody is called twice, in order, and it stays cheap."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from config.front import BoardSettings
from kiosk.queue.model import Priority
from tests.kiosk.queue.hall import Hall, crowd, crowded_hospital, opened
from tests.kiosk.world import HandClock, rows

WAITING = 5000
PROCESSES = 4
EACH = 40
NOW = int(datetime(2026, 11, 23, 8, 0, tzinfo=UTC).timestamp())


def test_twenty_counters_in_four_processes_call_nobody_twice_and_keep_the_order(tmp_path: Path) -> None:
    settings = crowded_hospital(tmp_path)
    crowd(settings, WAITING, NOW)
    counters = [[str(1 + process * 5 + number) for number in range(5)] for process in range(PROCESSES)]
    command = [sys.executable, "-m", "tests.kiosk.queue.press_next", str(tmp_path), str(NOW), str(EACH)]
    running = [
        subprocess.Popen([*command, *codes], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for codes in counters
    ]
    for process in running:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    told = [process.communicate("go\n", timeout=60)[0].split() for process in running]
    assert [process.returncode for process in running] == [0] * PROCESSES
    called = [ticket for lines in told for ticket in lines[:-1]]
    assert len(called) == len(set(called)) == 20 * EACH
    in_order = rows(settings, "SELECT ticket_id, queue FROM moves WHERE kind = 'call' ORDER BY id")
    should = rows(settings, "SELECT id, queue FROM tickets ORDER BY sort_at, sequence")
    for queue in ("KB", "XN"):
        mine = [ticket for ticket, of in in_order if of == queue]
        assert mine == [ticket for ticket, of in should if of == queue][: len(mine)]
    standing = dict(rows(settings, "SELECT standing, count(*) FROM tickets GROUP BY standing"))
    assert standing == {"waiting": WAITING - len(called), "served": 20, "done": len(called) - 20}


@pytest.fixture
def crowded(tmp_path: Path) -> Iterator[Hall]:
    settings = crowded_hospital(tmp_path)
    crowd(settings, WAITING, NOW)
    with opened(settings, HandClock(datetime.fromtimestamp(NOW, UTC)), durable=False) as hall:
        yield hall


def test_no_statement_of_the_queue_looks_through_a_whole_table(crowded: Hall) -> None:
    said: list[str] = []
    with crowded.queue.connection.using() as connection:
        connection.set_trace_callback(said.append)
    crowded.store._connection.set_trace_callback(said.append)
    issued = crowded.check_in("KB")
    visit, ticket = str(issued.ticket.visit_id), issued.ticket.ticket_id
    crowded.next("1")
    crowded.next("1")
    crowded.next("1", came=False)
    crowded.do("call", ticket, counter="2")
    for what in ("recall", "begin", "hold", "call", "miss", "call", "finish"):
        crowded.do(what, ticket, counter="2")
    crowded.do("transfer", ticket, "XN", "3")
    crowded.do("prioritise", ticket, Priority.EMERGENCY, True, "")
    crowded.undo("2")
    crowded.sees("1")
    crowded.wait(ticket)
    crowded.queue.calls((), 6)
    crowded.queue.boards((BoardSettings(name="a", next_up=3), BoardSettings(name="b", names="masked")), 300)
    crowded.store.cancel(visit, "a", "b")
    statements = {text for text in said if text.lstrip().split()[0] in ("SELECT", "UPDATE", "INSERT", "WITH")}
    assert len(statements) > 30
    for statement in statements:
        plan = [row["detail"] for row in crowded.rows(f"EXPLAIN QUERY PLAN {statement}")]
        assert not [step for step in plan if step.startswith("SCAN") and "CONSTANT" not in step], (statement, plan)


def steps_of_a_call(folder: Path, waiting: int) -> int:
    """How much SQLite does for one call, in steps of its own machine, which no busy computer changes."""
    folder.mkdir()
    settings = crowded_hospital(folder)
    crowd(settings, waiting, NOW)
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    with opened(settings, HandClock(datetime.fromtimestamp(NOW, UTC)), durable=False) as hall:
        hall.next("1")
        with hall.queue.connection.using() as connection:
            connection.set_progress_handler(count, 1)
        hall.next("1", came=False)
    return steps


def test_a_call_costs_no_more_with_five_thousand_waiting(tmp_path: Path) -> None:
    assert steps_of_a_call(tmp_path / "many", WAITING) <= 1.2 * steps_of_a_call(tmp_path / "few", 50)
