"""What a receiver answered stays with the delivery, also while it waits; a destination tells what it suffers from."""

from pathlib import Path

from hisbridge.connectors.contract import Outcome, Receipt
from hisbridge.desk_records import Depth
from hisbridge.errors import DestinationSetup
from tests.hisbridge.carrying import LATER, Scripted, carrying

FIELDS = ("MA_BN:required", "MA_DICH_VU:required")


def test_a_delivery_that_waits_keeps_the_last_answer_until_it_is_taken(tmp_path: Path) -> None:
    receiver = Scripted(lambda _: LATER)
    with carrying(tmp_path, receiver) as c:
        c.owe("a")
        c.courier.step()
        assert (c.told("a").last_error, c.told("a").receipt) == ("delivery.try_later", "500")
        receiver.answer = lambda _: Receipt(Outcome.ACKNOWLEDGED, "draft a.incomplete", open_work=FIELDS)
        c.clock.advance(60)
        c.courier.step()
        assert (c.told("a").receipt, c.told("a").open_work) == ("draft a.incomplete", FIELDS)


def test_a_stopped_destination_tells_the_answer_or_the_setting(tmp_path: Path) -> None:
    receiver = Scripted(lambda _: Receipt(Outcome.MISCONFIGURED, "http_401"))
    with carrying(tmp_path, receiver) as c:
        c.owe("a")
        c.courier.step()
        health = c.courier.health(Depth())
        assert (health.problem, health.problem_detail) == ("delivery.misconfigured", "http_401")
        assert c.told("a").receipt == "http_401"

        def unusable(_: str) -> Receipt:
            raise DestinationSetup(key="ca_file", why="unusable")

        receiver.answer = unusable
        c.courier.resume()
        assert c.courier.health(Depth()).problem_detail is None
        c.courier.step()
        health = c.courier.health(Depth())
        assert (health.problem, health.problem_detail) == ("delivery.setup", "key=ca_file why=unusable")
