"""Twenty counters that look at the same: it is read and rendered once, and only when somebody wrote."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.kiosk.people import by_chip, covered
from tests.kiosk.test_counter_load import crowd
from tests.ui.counter_desk import CounterDesk
from ui.desk.shared import MOST, Shared


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[CounterDesk]:
    opened = CounterDesk(tmp_path)
    yield opened
    opened.close()


def test_twenty_who_look_at_once_are_shown_what_was_made_once() -> None:
    made: list[str] = []
    shared = Shared(lambda: (1,))
    begin = threading.Barrier(20)

    def look(_: int) -> str:
        begin.wait(20)
        return shared.get("list", lambda: made.append("list") or "html")

    with ThreadPoolExecutor(20) as pool:
        assert set(pool.map(look, range(20))) == {"html"}
    assert made == ["list"]


def test_it_is_made_anew_when_somebody_wrote_and_kept_apart_by_what_it_shows() -> None:
    version = [1]
    shared = Shared(lambda: tuple(version))
    assert shared.get("a", lambda: "one") == shared.get("a", lambda: "two") == "one"
    assert shared.get("b", lambda: "other") == "other"
    version[0] = 2
    assert shared.get("a", lambda: "two") == "two"


def test_no_more_is_kept_than_is_looked_at() -> None:
    shared = Shared(lambda: (1,))
    for number in range(3 * MOST):
        shared.get(number, str)
    assert len(shared._kept) == len(shared._making) == MOST


def test_a_desk_that_nobody_changed_reads_nothing_again(desk: CounterDesk) -> None:
    desk.visit("run-1", covered())
    clients = [desk.client() for _ in range(3)]
    seen: list[str] = []
    clients[0].get("/counter/list")
    with desk.counter._shared.using() as connection:
        connection.set_trace_callback(seen.append)
    for client in clients:
        client.get("/counter/list")
    assert [statement for statement in seen if "data_version" not in statement] == []
    desk.store.check_in("run-2", by_chip(), covered())
    clients[1].get("/counter/list")
    assert any("FROM tickets" in statement for statement in seen)


def test_the_desk_of_a_crowd_shows_no_more_than_can_be_looked_at(desk: CounterDesk) -> None:
    client = desk.client()
    crowd(desk.settings, desk.store)
    taken = []
    for where in ("/counter", "/counter/list", "/counter/visits/v77") * 5:
        desk.store.probe()  # somebody wrote: nothing is kept from before
        begun = time.perf_counter()
        page = client.get(where)
        taken.append(time.perf_counter() - begun)
        assert page.status_code == 200
        assert page.text.count("<li") + page.text.count("<tr") < 80
    print(f"pages of a day of 5,000: median {sorted(taken)[7] * 1000:.1f} ms, worst {max(taken) * 1000:.1f} ms")
