"""The courier and a receiver or record in trouble: what it costs, whom it costs, and that it ends."""

import logging
import subprocess
import sys
from pathlib import Path

import pytest

from hisbridge import outbox, outbox_desk
from hisbridge.connectors.contract import Outcome, Receipt
from hisbridge.desk_records import Depth, Selection
from hisbridge.errors import DestinationUnreachable, NoAnswer
from hisbridge.outbox import State
from hisbridge.pacing import RECEIVER_TRIES, Pace
from hisbridge.rendering_mark import RenderingMark
from hisbridge.standing import Condition
from tests.hisbridge.carrying import LATER, OK, Scripted, carrying
from tests.hisbridge.making import MOMENT, listed

DAY = 86_400


def test_a_record_that_is_the_receivers_only_trouble_is_given_up_and_blocks_nobody(tmp_path: Path) -> None:
    with carrying(tmp_path, Scripted(lambda visit: LATER if visit == "bad" else OK)) as c:
        c.owe("bad")
        for number in range(RECEIVER_TRIES):
            assert c.state("bad") is State.QUEUED
            c.owe(f"v{number}", person=f"{number + 100:012}")
            c.drain()
            assert c.state(f"v{number}") is State.ACKNOWLEDGED
            c.clock.advance(300)
        assert (c.state("bad"), c.told("bad").last_error) == (State.DEAD, "delivery.try_later")
        c.owe("later", person="000000000001")
        c.drain()
        assert c.state("later") is State.ACKNOWLEDGED


def test_a_record_alone_with_a_troubled_receiver_is_given_up_too(tmp_path: Path) -> None:
    with carrying(tmp_path, Scripted(lambda visit: LATER), Pace(receiver_tries=8)) as c:  # noqa: ARG005
        c.owe("v1")
        for _ in range(8):
            assert c.state("v1") is State.QUEUED
            c.courier.step()
            c.clock.advance(300)
        assert (c.state("v1"), c.told("v1").attempts) == (State.DEAD, 8)
        assert outbox_desk.retry(c.db, Selection(states=(State.DEAD,))) == 1
        c.courier.step()
        assert c.state("v1") is State.QUEUED  # counted anew


def test_a_receiver_that_is_down_for_a_night_kills_nobodys_record(tmp_path: Path) -> None:
    down = True
    connector = Scripted(lambda visit: LATER if down else OK)  # noqa: ARG005
    with carrying(tmp_path, connector, Pace(receiver_tries=8)) as c:
        c.owe(*[f"v{number}" for number in range(10)])
        for _ in range(200):
            c.courier.step()
            c.clock.advance(300)
        assert {one.state for one in listed(c.db)} == {State.QUEUED}
        down = False
        c.clock.advance(300)
        c.drain()
        assert {one.state for one in listed(c.db)} == {State.ACKNOWLEDGED}


@pytest.mark.parametrize("error", [NoAnswer(why="timed out"), DestinationUnreachable(why="refused")])
def test_trouble_of_the_network_is_borne_for_ever(tmp_path: Path, error: Exception) -> None:
    def away(visit: str) -> Receipt:
        raise error

    with carrying(tmp_path, Scripted(away)) as c:
        c.owe("v1")
        for _ in range(3 * RECEIVER_TRIES):
            c.courier.step()
            c.clock.advance(300)
        assert (c.state("v1"), c.told("v1").attempts) == (State.QUEUED, 3 * RECEIVER_TRIES)


def test_a_handful_of_records_that_silence_the_receiver_starve_nobody_behind_them(tmp_path: Path) -> None:
    def selective(visit: str) -> Receipt:
        if visit.startswith("bad"):
            raise NoAnswer(why="connection closed")
        return OK

    connector = Scripted(selective)
    with carrying(tmp_path, connector) as c:
        c.owe("bad-1", "bad-2", "bad-3", "v1", "v2", "v3")
        for _ in range(6):  # whatever failed is due again before the receiver is asked again
            c.courier.step()
            c.clock.advance(300)
        assert [c.state(visit) for visit in ("v1", "v2", "v3")] == 3 * [State.ACKNOWLEDGED]
        assert [c.state(visit) for visit in ("bad-1", "bad-2", "bad-3")] == 3 * [State.QUEUED]


def test_a_record_on_which_the_receiver_alone_stays_silent_is_given_up_and_holds_its_person_no_longer(
    tmp_path: Path,
) -> None:
    def selective(visit: str) -> Receipt:
        if visit == "bad":
            raise NoAnswer(why="timed out")
        return OK

    with carrying(tmp_path, Scripted(selective), Pace(receiver_tries=3)) as c:
        c.owe("bad", "later", person="000000000017")
        for number in range(6):
            c.owe(f"v{number}", person=f"{number + 1:012}")
            c.drain()
            c.clock.advance(300)
        assert (c.state("bad"), c.told("bad").last_error) == (State.DEAD, "delivery.no_answer")
        assert c.state("later") is State.ACKNOWLEDGED


def test_a_connector_whose_sending_fails_on_one_record_loses_the_others_no_time(tmp_path: Path) -> None:
    def faulty(visit: str) -> Receipt:
        if visit == "bad":
            raise RuntimeError("Nguyễn")
        return OK

    with carrying(tmp_path, Scripted(faulty), Pace(receiver_tries=3)) as c:
        c.owe("bad", "v1", "v2")
        c.drain()
        assert (c.state("v1"), c.state("v2")) == (State.ACKNOWLEDGED, State.ACKNOWLEDGED)
        for _ in range(3):
            c.clock.advance(300)
            c.drain()
        assert (c.state("bad"), c.told("bad").last_error) == (State.DEAD, "delivery.failed")


@pytest.mark.parametrize("death", ["os._exit(9)", "os.kill(os.getpid(), signal.SIGSEGV)"])
def test_a_record_that_kills_the_process_dies_at_its_third_victim(tmp_path: Path, death: str) -> None:
    with carrying(tmp_path, Scripted()) as c:
        c.owe("v1", "v2", "bad", "v3")
        c.owe("v4", person="000000000003")  # the same person's next visit
        victims = 0
        while _child(c.path, death) != 0:
            victims += 1
            assert victims <= 3
        assert victims == 3
        assert (c.state("bad"), c.told("bad").last_error) == (State.DEAD, "delivery.unrenderable")
        assert {c.state(visit) for visit in ("v1", "v2", "v3", "v4")} == {State.ACKNOWLEDGED}


_CHILD = """
import os, signal, sys
from pathlib import Path
from tests.hisbridge.carrying import Carrying, Scripted

class Deadly(Scripted):
    def render(self, made, known):
        if made.visit.visit_id == "bad":
            {death}
        return super().render(made, known)

carrying = Carrying(Path(sys.argv[1]), Deadly())
carrying.drain()
"""


def _child(path: Path, death: str) -> int:
    code = _CHILD.format(death=death)
    return subprocess.run([sys.executable, "-c", code, str(path)], cwd=Path(__file__).parents[2]).returncode


def test_who_was_only_under_way_when_a_process_died_is_not_suspected(tmp_path: Path) -> None:
    with carrying(tmp_path, Scripted()) as c:
        c.owe("v1", "v2")
        for _ in range(5):
            outbox.claim(c.db, "his", MOMENT, 10, 300)  # and the process is killed, or the power fails
            assert outbox.reset_sending(c.db, "his") == 2
        c.drain()
        assert {c.state("v1"), c.state("v2")} == {State.ACKNOWLEDGED}


def test_trouble_that_changes_its_face_is_still_one_trouble(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    turns = iter([NoAnswer(why="a"), DestinationUnreachable(why="b"), NoAnswer(why="c"), None])

    def answer(visit: str) -> Receipt:
        if (error := next(turns)) is not None:
            raise error
        return OK

    with carrying(tmp_path, Scripted(answer)) as c:
        c.owe("v1")
        for _ in range(4):
            c.courier.step()
            c.clock.advance(300)
        assert c.state("v1") is State.ACKNOWLEDGED
    assert len([entry for entry in caplog.records if entry.name.startswith("hisbridge")]) == 2


def test_a_destination_that_stopped_itself_goes_on_when_somebody_says_so(tmp_path: Path) -> None:
    answers = iter([Receipt(Outcome.MISCONFIGURED, "AR 200"), OK, OK])
    with carrying(tmp_path, Scripted(lambda visit: next(answers))) as c:  # noqa: ARG005
        c.owe("v1", "v2")
        c.drain()
        c.clock.advance(DAY)
        c.courier.wake()
        c.drain()
        assert (c.condition(), c.courier.health(Depth()).problem) == (Condition.STOPPED, "delivery.misconfigured")
        c.courier.resume()
        c.drain()
        assert {c.state("v1"), c.state("v2")} == {State.ACKNOWLEDGED}
        assert c.condition() is Condition.WORKING


def test_whoever_dies_while_the_lists_are_read_blames_no_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marked: list[int | None] = []
    mark = RenderingMark(tmp_path / "his")

    def reading() -> None:
        marked.append(mark.culprit())

    monkeypatch.setattr("hisbridge.delivery.read_lists", reading)
    with carrying(tmp_path, Scripted()) as c:
        c.owe("v1", "v2")
        c.drain()
        assert (marked, c.state("v1"), c.state("v2")) == ([None], State.ACKNOWLEDGED, State.ACKNOWLEDGED)
    mark.close()
