"""What the courier remembers of earlier attempts: what the receiver told before, and whether anything is in doubt."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from config.destinations import RegistrationDestination, RestDestination
from hisbridge import outbox, outbox_desk
from hisbridge.connectors.contract import Known, Outcome, Receipt
from hisbridge.delivery import Courier
from hisbridge.desk_records import Selection
from hisbridge.errors import DeliveryError, DestinationSetup, DestinationUnreachable, NoAnswer
from hisbridge.outbox import State
from hisbridge.records import Event, HospitalAnswer
from hisbridge.service import Surroundings, _carrier
from tests.hisbridge.carrying import LATER, OK, Carrying, Scripted, carrying
from tests.hisbridge.making import record, settings
from wire.database import transaction


def lost() -> NoAnswer:
    return NoAnswer(why="timed out")


def not_begun() -> NoAnswer:
    error = lost()
    error.doubtful = False
    return error


def doubts(c: Carrying, connector: Scripted, *first: Exception | Receipt) -> list[bool]:
    """What each attempt is told, after these outcomes of the earlier ones."""
    outcomes = iter([*first, OK])

    def answer(visit: str) -> Receipt:
        outcome = next(outcomes)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    connector.answer = answer
    c.owe("v1")
    for _ in range(len(first) + 1):
        c.courier.step()
        c.courier.resume()
        c.clock.advance(300)
    assert c.state("v1") is State.ACKNOWLEDGED
    return [one.doubtful for one in connector.sendings]


@pytest.mark.parametrize(
    ("outcome", "doubted"),
    [
        (lost(), True),
        (DeliveryError(), True),
        (RuntimeError("a fault of the connector"), True),
        (Receipt(Outcome.TRY_LATER, "http_500", doubtful=True), True),
        (DestinationUnreachable(why="refused"), False),
        (DestinationSetup(key="token_url"), False),
        (not_begun(), False),
        (LATER, False),
    ],
    ids=str,
)
def test_an_attempt_that_may_have_been_carried_out_puts_the_next_ones_in_doubt(
    tmp_path: Path, outcome: Exception | Receipt, doubted: bool
) -> None:
    connector = Scripted()
    with carrying(tmp_path, connector) as c:
        assert doubts(c, connector, outcome, DestinationUnreachable(why="refused")) == [False, doubted, doubted]


def test_a_search_for_the_person_that_fails_casts_no_doubt(tmp_path: Path) -> None:
    class Deaf(Scripted):
        def identify(self, made: object) -> Known:  # noqa: ARG002
            self.asked += 1
            if self.asked == 1:
                raise lost()
            return Known()

    connector = Deaf()
    with carrying(tmp_path, connector) as c:
        c.owe("v1")
        c.courier.step()
        c.clock.advance(300)
        c.drain()
        assert [one.doubtful for one in connector.sendings] == [False]
        assert connector.sendings[0].attempt == 2


def test_a_doubt_that_a_person_was_told_of_is_over_and_any_other_refusal_leaves_it(tmp_path: Path) -> None:
    outcomes = iter(
        [
            Receipt(Outcome.REJECTED, "person_ambiguous"),
            Receipt(Outcome.REJECTED, "booking_unknown", doubtful=False),
            OK,
        ]
    )

    def answer(visit: str) -> Receipt:
        if not connector.sendings[1:]:
            raise lost()
        return next(outcomes)

    connector = Scripted(answer)
    with carrying(tmp_path, connector) as c:
        c.owe("v1")
        for _ in range(4):
            c.courier.step()
            c.clock.advance(300)
            outbox_desk.retry(c.db, Selection(destination="his"))
        assert [one.doubtful for one in connector.sendings] == [False, True, True, False]
        assert c.state("v1") is State.ACKNOWLEDGED


def test_what_was_acknowledged_and_is_sent_again_is_in_no_doubt(tmp_path: Path) -> None:
    connector = Scripted()
    with carrying(tmp_path, connector) as c:
        assert doubts(c, connector, lost()) == [False, True]
        connector.answer = lambda visit: OK  # noqa: ARG005
        outbox_desk.replay(c.db, Selection(destination="his"))
        c.drain()
        assert connector.sendings[-1].doubtful is False


_CHILD = """
import os, signal, sys
from pathlib import Path
from hisbridge.connectors.contract import Known
from tests.hisbridge.carrying import Carrying, Scripted

def die(visit):
    Path(sys.argv[2]).write_bytes(connector.messages[-1])
    os.kill(os.getpid(), signal.SIGKILL)

connector = Scripted(die)
connector.known = Known(none_told=True)
Carrying(Path(sys.argv[1]), connector).drain()
"""


def test_after_a_death_while_sending_the_same_message_goes_out_in_doubt(tmp_path: Path) -> None:
    connector = Scripted()
    connector.known = Known("BN7")  # somebody was made meanwhile, perhaps by the lost attempt
    with carrying(tmp_path, connector) as c:
        c.owe("v1")
        said = tmp_path / "said"
        command = [sys.executable, "-c", _CHILD, str(c.path), str(said)]
        assert subprocess.run(command, cwd=Path(__file__).parents[2], env=dict(os.environ)).returncode == -9
        assert c.state("v1") is State.SENDING
        c.drain()
        assert connector.messages == [said.read_bytes()]
        assert (connector.asked, connector.sendings[0].doubtful, connector.sendings[0].attempt) == (0, True, 2)


@pytest.mark.parametrize("known", [Known("BN7"), Known(none_told=True)], ids=["somebody", "nobody"])
def test_a_resend_is_the_same_message_whatever_the_receiver_would_tell_by_now(tmp_path: Path, known: Known) -> None:
    outcomes = iter([lost(), None])

    def answer(visit: str) -> Receipt:
        if (error := next(outcomes)) is not None:
            raise error
        return OK

    connector = Scripted(answer)
    connector.known = known
    with carrying(tmp_path, connector) as c:
        c.owe("v1")
        c.courier.step()
        connector.known = Known("BN8")
        c.clock.advance(300)
        c.drain()
        assert (connector.asked, len(connector.messages), len(set(connector.messages))) == (1, 2, 1)
        assert outbox_desk.payload_of(c.db, 1)[2] == known


def test_a_receiver_that_is_not_asked_costs_no_write(tmp_path: Path) -> None:
    with carrying(tmp_path, Scripted()) as c:
        c.owe("v1")
        c.drain()
        assert c.db.execute("SELECT known, known_visit FROM deliveries").fetchone()[:] == (None, None)


def test_what_happens_to_a_visit_later_is_told_by_the_number_the_receiver_gave_it(tmp_path: Path) -> None:
    numbers = iter(["LK1", None, "LK2"])

    def answer(visit: str) -> Receipt:
        return Receipt(Outcome.ACKNOWLEDGED, "AA", HospitalAnswer(visit_number=next(numbers, None), room="P1"))

    connector = Scripted(answer)
    with carrying(tmp_path, connector) as c:
        c.owe("v1")
        c.drain()
        for revision, event in enumerate((Event.UPDATED, Event.UPDATED, Event.CANCELLED), start=1):
            with transaction(c.db):
                outbox.enqueue(c.db, record("v1", event=event, revision=revision), ("his",), c.clock())
            c.drain()
        told = [message.partition(b" ")[2].decode() for message in connector.messages]
        assert told == [str(Known(visit_number=number)) for number in (None, "LK1", "LK1", "LK2")]
        c.db.execute("UPDATE deliveries SET answer = '{' WHERE revision = 2")
        assert outbox.told_before(c.db, "his", "v1", 3).visit_number == "LK1"  # damage hides nothing else
        outbox_desk.replay(c.db, Selection(record_id="v1", numbers=(4,)))
        c.drain()
        assert connector.messages[-1] == connector.messages[3]


def test_where_a_doubt_costs_somebodys_time_few_are_in_it_at_once(tmp_path: Path) -> None:
    usual = {"base_url": "http://127.0.0.1:9"}
    careful = RegistrationDestination(name="a", merchant_id="m", secret_file="s", **usual)
    free = RestDestination(name="b", when_unknown="resend", **usual)
    where = settings(tmp_path, careful, free)
    couriers = [_carrier(where, number, Surroundings()) for number in range(2)]
    assert [one._pace.batch for one in couriers if isinstance(one, Courier)] == [2, 50]
