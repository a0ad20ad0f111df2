"""An insurance answer that does not come in time: the ticket does, says so, and is put right when the answer comes."""

import os
import signal
from collections.abc import Iterator

import pytest

from config.settings import load, socket_path
from hisbridge.questions import Verdict
from sandbox.people import find
from tests.endtoend.conftest import World
from tests.support.checkin import by_number, leave, say_yes
from tests.support.screen import Screen, Shown
from tests.support.waiting import wait_until
from ui.words import Words
from wire.client import Client

pytestmark = pytest.mark.pcsc

WORDS = Words("vi")
DEADLINE = 4.0  # kiosk.coverage_deadline_seconds
MARGIN = 4.0  # for a busy machine; without the deadline it would be the bridge's own time-out, at ten seconds


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One of its own: the day's answers of people whom other tests asked about would come at once."""
    running = World(tmp_path_factory.mktemp("late") / "state")
    yield running
    running.stop()


@pytest.fixture
def screen(world: World) -> Iterator[Screen]:
    world.mend()
    world.remove()
    world.take_down()
    with Screen(world.touchscreen) as shown:
        shown.touch("cancel")
        shown.wait_for("start")
        yield shown
    world.mend()
    world.touch("cancel")


def asked(world: World, screen: Screen, person: str) -> float:
    """Hold the card's code up and say that it is me; the moment from which the deadline counts."""
    mark = len(screen.seen())
    world.show_qr(person)
    since = screen.wait_for("confirm", after=mark).at
    say_yes(screen)
    return since


def unverified(screen: Screen, since: float) -> Shown:
    """The ticket, within the deadline, saying that the insurance was not asked yet."""
    ticket = screen.wait_for("ticket")
    assert ticket.at - since < DEADLINE + MARGIN
    assert ticket.line("coverage") == WORDS.get("coverage.unverified")
    assert ticket.line("counter")
    return ticket


def told(world: World, ticket: Shown) -> tuple[str, bool]:
    """What visit and ticket hold now: the verdict, and whether the counter is needed."""
    joined = "SELECT verdict, needs_counter FROM visits JOIN tickets ON visit_id = visits.id WHERE number = ?"
    with world.database() as connection:
        ((verdict, counter),) = connection.execute(joined, (ticket.ticket_number,)).fetchall()
    return verdict, bool(counter)


def put_right(world: World, screen: Screen, ticket: Shown, verdict: Verdict) -> None:
    """The answer is on the ticket's screen, in the visit and in the ticket's state."""
    words = WORDS.get(f"coverage.{verdict.value}")
    shown = screen.wait_for("ticket", holding=words)
    assert shown.ticket_number == ticket.ticket_number
    settled = verdict is Verdict.VALID
    assert bool(shown.line("counter")) is not settled
    assert told(world, ticket) == (verdict, not settled)


def killed_and_back(world: World, name: str) -> None:
    pid = world.pid(name)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: world.pid(name) not in (None, pid), what=f"{name} is started again")


def test_a_bridge_that_hangs_answers_when_it_goes_on(world: World, screen: Screen) -> None:
    bridge = world.pid("bridge")
    assert bridge is not None
    os.kill(bridge, signal.SIGSTOP)
    try:
        ticket = unverified(screen, asked(world, screen, "mau"))
    finally:
        os.kill(bridge, signal.SIGCONT)
    put_right(world, screen, ticket, Verdict.VALID)


def test_an_answer_after_the_deadline_is_not_lost(world: World, screen: Screen) -> None:
    world.fault("portal.slow", "30")
    ticket = unverified(screen, asked(world, screen, "nie"))
    world.fault("portal.slow", None)  # the portal answers what it was asked
    put_right(world, screen, ticket, Verdict.VALID)


@pytest.mark.parametrize(("person", "verdict"), [("eban", Verdict.VALID), ("khac-ten", Verdict.MISMATCH)])
def test_a_bridge_killed_while_it_is_asked_costs_nobody_their_ticket_and_answers_when_it_is_back(
    world: World, screen: Screen, person: str, verdict: Verdict
) -> None:
    world.fault("portal.slow", "30")
    since = asked(world, screen, person)
    screen.wait_for("finishing")
    killed_and_back(world, "bridge")
    ticket = unverified(screen, since)
    world.fault("portal.slow", None)
    put_right(world, screen, ticket, verdict)


def test_an_answer_that_came_while_the_kiosk_was_down_is_taken_when_it_is_back(world: World, screen: Screen) -> None:
    world.fault("portal.down")
    ticket = unverified(screen, asked(world, screen, "nam-sinh"))
    stopped = [pid for pid in (world.pid("kiosk"), *world.workers()) if pid is not None]
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    world.fault("portal.down", None)
    bridge = Client(socket_path(load(world.settings), "bridge"))

    def answered() -> bool:
        bridge.post("/v1/wake", {}, dict[str, int])
        with world.database() as connection:
            (count,) = connection.execute("SELECT count(*) FROM open_questions WHERE state = 'open'").fetchone()
        return bool(count == 0)

    wait_until(answered, what="the bridge knows")
    assert told(world, ticket) == (Verdict.UNVERIFIED, True)
    for pid in reversed(stopped):
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: told(world, ticket) == (Verdict.VALID, False), what="the visit is put right")


def test_a_late_answer_changes_no_other_persons_screen(world: World, screen: Screen) -> None:
    world.fault("portal.slow", "30")
    since = asked(world, screen, "hai-the")
    screen.wait_for("finishing")
    killed_and_back(world, "bridge")
    first = unverified(screen, since)
    leave(screen)
    mark = len(screen.seen())
    second = by_number(screen, find("mau").personal_id)  # nobody is asked by a number alone
    world.fault("portal.slow", None)
    wait_until(lambda: told(world, first)[0] == Verdict.VALID_NEW_CARD, what="the first visit is put right")
    later = [shown for shown in screen.seen()[mark:] if shown.name == "ticket"]
    assert {shown.ticket_number for shown in later} == {second.ticket_number}
    assert {shown.line("coverage") for shown in later} == {WORDS.get("coverage.unverified")}
