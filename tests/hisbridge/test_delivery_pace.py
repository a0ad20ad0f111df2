"""How fast the courier goes: nobody slows another, gaps are kept, little is held in hand."""

import threading
import time
from itertools import pairwise
from pathlib import Path

import pytest

from hisbridge import outbox_desk
from hisbridge.connectors.contract import Known, Outcome, Receipt
from hisbridge.desk_records import Selection
from hisbridge.errors import DestinationUnreachable, NoAnswer
from hisbridge.outbox import State
from hisbridge.pacing import Pace
from hisbridge.records import PatientRecord
from tests.hisbridge.carrying import LATER, OK, Carrying, Scripted, carrying, running
from tests.hisbridge.making import database, eventually, listed

DAY = 86_400


def test_a_slow_or_dead_destination_slows_no_other(tmp_path: Path) -> None:
    hanging = threading.Event()

    def slow(visit: str) -> Receipt:
        hanging.wait(20)
        return OK

    def dead(visit: str) -> Receipt:
        raise DestinationUnreachable(why="refused")

    path = database(tmp_path)
    names = {"slow": slow, "dead": dead, "quick": lambda visit: OK}  # noqa: ARG005
    carryings = {name: Carrying(path, Scripted(answer), name=name) for name, answer in names.items()}
    try:
        for c in carryings.values():
            c.owe(*[f"{c.name}{number}" for number in range(300)])
        with running(*carryings.values()):
            begun = time.monotonic()
            eventually(lambda: outbox_desk.depth(carryings["quick"].db)["quick"].acknowledged == 300)
            assert time.monotonic() - begun < 10
            owed = outbox_desk.depth(carryings["quick"].db)
            assert (owed["slow"].waiting, owed["dead"].waiting) == (300, 300)
            hanging.set()
    finally:
        for c in carryings.values():
            c.db.close()


@pytest.mark.parametrize("how", ["stop", "let_go"])
def test_ending_in_the_middle_of_a_batch_gives_back_the_rest_untried(tmp_path: Path, how: str) -> None:
    def third(visit: str) -> Receipt:
        if visit == "v2":
            getattr(c.courier, how)()
        return OK

    connector = Scripted(third)
    with carrying(tmp_path, connector) as c:
        c.owe(*[f"v{number}" for number in range(6)])
        c.courier.step()
        assert connector.sent == ["v0", "v1", "v2"]
        told = [c.told(f"v{number}") for number in range(6)]
        assert [one.state for one in told] == [State.ACKNOWLEDGED] * 3 + [State.QUEUED] * 3
        assert [one.attempts for one in told] == [1, 1, 1, 0, 0, 0]


def test_a_slow_receiver_is_given_few_at_a_time_so_that_the_rest_can_be_held(tmp_path: Path) -> None:
    moments = [0.0]

    def slow(visit: str) -> Receipt:
        moments[0] += 3.0
        return OK

    connector = Scripted(slow)
    with carrying(tmp_path, connector, Pace(monotonic=lambda: moments[0])) as c:
        c.owe(*[f"v{number}" for number in range(6)])
        c.courier.step()
        assert connector.sent == ["v0"]
        assert outbox_desk.hold(c.db, Selection(destination="his")) == 5
        c.drain()
        assert connector.sent == ["v0"]


def test_the_gap_between_two_messages_is_kept_whoever_wakes_the_courier(tmp_path: Path) -> None:
    moments: list[float] = []

    def noting(visit: str) -> Receipt:
        moments.append(time.monotonic())
        return OK

    with carrying(tmp_path, Scripted(noting), Pace(min_interval_seconds=0.05)) as c:
        c.owe(*[f"v{number}" for number in range(8)])
        with running(c):
            eventually(lambda: (c.courier.wake(), len(moments) == 8)[1])
    assert min(later - earlier for earlier, later in pairwise(moments)) >= 0.05


def test_a_long_gap_holds_nothing_in_hand(tmp_path: Path) -> None:
    with carrying(tmp_path, Scripted(), Pace(min_interval_seconds=3600)) as c:
        c.owe("v0", "v1", "v2")
        assert c.courier.step() == 0.0
        assert 3590 < (c.courier.step() or 0) <= 3600
        assert [c.state(f"v{number}") for number in range(3)] == [State.ACKNOWLEDGED, State.QUEUED, State.QUEUED]


@pytest.mark.parametrize("jump", [DAY, -DAY])
def test_a_clock_that_jumps_a_day_delays_nothing_and_hurries_nothing_twice(tmp_path: Path, jump: int) -> None:
    answers = iter([LATER, LATER, OK])
    connector = Scripted(lambda visit: next(answers))  # noqa: ARG005
    with carrying(tmp_path, connector) as c:
        c.owe("v1")
        assert c.courier.step() == 1.0
        c.clock.advance(jump)
        assert c.courier.step() == 2.0
        assert c.courier.step() is None  # the record's own pause, by the new clock
        c.clock.advance(2)
        c.courier.step()
        assert c.state("v1") is State.ACKNOWLEDGED
        assert [one.attempt for one in connector.sendings] == [1, 2, 3]


@pytest.mark.parametrize(
    ("asked", "left"), [(90.0, 90.0), (1e300, 3600.0), (float("inf"), 3600.0), (float("nan"), 0.0), (-5.0, 0.0)]
)
def test_a_receiver_that_asks_to_be_left_alone_is_within_bounds_whoever_wakes_the_courier(
    tmp_path: Path, asked: float, left: float
) -> None:
    moments = [1000.0]
    answers = iter([Receipt(Outcome.TRY_LATER, "503", retry_after_seconds=asked), *[OK] * 3])
    connector = Scripted(lambda visit: next(answers))  # noqa: ARG005
    with carrying(tmp_path, connector, Pace(monotonic=lambda: moments[0])) as c:
        c.owe("v1", "v2", "v3")
        assert c.courier.step() == max(left, 1.0)
        c.clock.advance(DAY)
        moments[0] += max(0.0, left - 0.5)
        c.courier.wake()
        assert bool(c.courier.step()) == (left > 0)  # a pause is left, and nothing more was sent
        assert (len(connector.sent) == 1) == (left > 0)
        moments[0] += 0.5
        c.drain()
        assert {one.state for one in listed(c.db)} == {State.ACKNOWLEDGED}


def test_an_unanswered_question_for_the_person_may_ask_to_be_left_alone_too(tmp_path: Path) -> None:
    class Busy(Scripted):
        def identify(self, made: PatientRecord) -> Known:  # noqa: ARG002
            error = NoAnswer(why="search_http_503")
            error.retry_after_seconds = 60.0
            raise error

    with carrying(tmp_path, Busy()) as c:
        c.owe("v1")
        assert c.courier.step() == 60.0
        assert c.courier.step() > 50.0  # type: ignore[operator]
        c.courier.resume()  # a technician knows better
        assert c.courier.step() is None  # the record's own pause
