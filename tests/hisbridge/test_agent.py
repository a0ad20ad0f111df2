"""The local agent's own interface: pairing, offering, taking once."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from hisbridge import outbox_desk
from hisbridge.agent import pairing
from hisbridge.agent.access import access
from hisbridge.agent.errors import AgentSetup
from hisbridge.desk_records import Selection
from hisbridge.outbox import State
from hisbridge.records import Event, PatientRecord
from hisbridge.standing import Condition
from tests.hisbridge.agents import HIS, Page, Running, destination, running
from tests.hisbridge.making import eventually, listed, record
from tests.support.database import told
from wire.codec import from_plain


def test_a_paired_page_takes_a_record_and_the_delivery_is_acknowledged(tmp_path: Path) -> None:
    with running(tmp_path) as agent:
        page = agent.paired()
        agent.put(record("v1"))
        offer = page.offered()
        status, taken = page.post("/v1/take", {"offer": offer["offer"]})
        assert status == 200
        assert from_plain(taken, PatientRecord) == record("v1")
        told = agent.told("v1")
        assert (told.state, told.attempts, told.receipt) == (State.ACKNOWLEDGED, 1, f"taken {HIS}")


def test_status_says_nothing_of_persons_and_whether_the_page_is_paired(tmp_path: Path) -> None:
    with running(tmp_path) as agent:
        agent.put(record("v1"))
        status, told = Page(agent.port).get("/v1/status")
        assert status == 200
        assert told == {
            "product": "tiepdon", "version": "1", "feed": "tiepdon", "offer": "click", "paired": False,
            "synthetic": True,
        }  # fmt: skip
        assert agent.paired().get("/v1/status")[1]["paired"] is True


def test_what_waits_is_shown_by_ticket_and_without_the_person(tmp_path: Path) -> None:
    with running(tmp_path) as agent:
        page = agent.paired()
        agent.put(record("v1"))
        _, told = page.get("/v1/waiting")
        assert [one["ticket_number"] for one in told["waiting"]] == ["0001"]
        person = record("v1").patient
        assert not any(str(value) in str(told) for value in (person.full_name, person.personal_id, person.birth_date))


def test_a_taken_record_is_given_to_nobody_again(tmp_path: Path) -> None:
    with running(tmp_path) as agent:
        page, other = agent.paired(), agent.paired()
        agent.put(record("v1"))
        offer = page.offered()["offer"]
        assert page.post("/v1/take", {"offer": offer, "attempt": "a"})[0] == 200
        for again in (page, other):
            status, told = again.post("/v1/take", {"offer": offer})
            assert (status, told["code"]) == (400, "agent.no_offer")
        assert other.post("/v1/take", {"offer": offer, "attempt": "b"})[1]["code"] == "agent.no_offer"
        assert page.get("/v1/waiting")[1] == {"waiting": [], "offers": []}


def test_a_page_whose_answer_was_lost_asks_for_the_same_attempt_again(tmp_path: Path) -> None:
    with running(tmp_path) as agent:
        page = agent.paired()
        agent.put(record("v1"))
        wanted = {"offer": page.offered()["offer"], "attempt": "7c1d"}
        assert page.post("/v1/take", wanted) == page.post("/v1/take", wanted)
        assert agent.told("v1").attempts == 1


def test_an_offer_ends_by_itself_and_the_record_waits_on(tmp_path: Path) -> None:
    with running(tmp_path, offer_seconds=0.05) as agent:
        page = agent.paired()
        agent.put(record("v1"))
        offer = page.offered()["offer"]
        eventually(lambda: not page.get("/v1/waiting")[1]["offers"])
        assert page.post("/v1/take", {"offer": offer})[1]["code"] == "agent.no_offer"
        assert agent.told("v1").state is State.QUEUED
        assert page.get("/v1/waiting")[1]["waiting"]


def test_at_once_offers_each_record_once_by_itself(tmp_path: Path) -> None:
    with running(tmp_path, offer="at_once", offer_seconds=0.2) as agent:
        page = agent.paired()
        agent.owe("a", "b")
        first = eventually(lambda: page.get("/v1/waiting")[1]["offers"])
        second = eventually(
            lambda: [one for one in page.get("/v1/waiting")[1]["offers"] if one["offer"] != first[0]["offer"]]
        )
        assert len(second) == 1
        eventually(lambda: not page.get("/v1/waiting")[1]["offers"])
        assert len(page.get("/v1/waiting")[1]["waiting"]) == 2


def test_a_code_pairs_once(tmp_path: Path) -> None:
    with running(tmp_path) as agent:
        code = agent.code()
        page = Page(agent.port)
        assert page.post("/v1/pair", {"code": f"{code[:3]} {code[3:]}"})[0] == 200
        assert page.post("/v1/pair", {"code": code})[1]["code"] in ("agent.pairing", "agent.too_many")


def test_five_wrong_codes_end_the_right_one_also_over_a_restart(tmp_path: Path) -> None:
    with running(tmp_path) as agent:
        code = agent.code()
        wrong = "000000" if code != "000000" else "000001"
        for _ in range(5):
            with pytest.raises(pairing.AgentPairing):
                pairing.pair(agent.db, "his", HIS, wrong, agent.clock())
        with pytest.raises(pairing.AgentPairing):
            pairing.pair(agent.db, "his", HIS, code, agent.clock())


def test_guessing_is_slowed_down_before_any_code_is_looked_at(tmp_path: Path) -> None:
    with running(tmp_path) as agent:
        answers = [Page(agent.port).post("/v1/pair", {"code": "123456"}) for _ in range(5)]
        assert answers[-1][0] == 429
        assert answers[-1][1]["code"] == "agent.too_many"


def test_a_code_is_over_after_its_time(tmp_path: Path) -> None:
    with running(tmp_path, pairing_seconds=60.0) as agent:
        code = agent.code()
        agent.clock.advance(60)
        assert Page(agent.port).post("/v1/pair", {"code": code})[1]["code"] == "agent.pairing"


def test_only_hashes_of_codes_and_tokens_are_kept(tmp_path: Path) -> None:
    with running(tmp_path) as agent:
        page = agent.paired()
        code = agent.code()
        stored = told(agent.db)
        assert page.token not in stored
        assert f"'{code}'" not in stored


def test_an_unpaired_page_takes_nothing(tmp_path: Path) -> None:
    with running(tmp_path) as agent:
        page = agent.paired()
        agent.put(record("v1"))
        offer = page.offered()["offer"]
        assert pairing.unpair(agent.db, "his", HIS) == 1
        assert page.post("/v1/take", {"offer": offer})[1]["code"] == "agent.not_paired"
        assert agent.told("v1").state is State.QUEUED


def test_a_later_record_of_the_visit_replaces_the_one_that_nobody_took(tmp_path: Path) -> None:
    with running(tmp_path) as agent:
        page = agent.paired()
        agent.put(record("v1"))
        agent.put(record("v1", event=Event.UPDATED, revision=1))
        offer = page.offered()
        assert page.post("/v1/take", {"offer": offer["offer"]})[1]["revision"] == 1
        assert [(one.revision, one.state, one.receipt) for one in listed(agent.db)] == [
            (1, State.ACKNOWLEDGED, f"taken {HIS}"),
            (0, State.ACKNOWLEDGED, "superseded"),
        ]


def test_a_persons_earlier_visit_comes_first(tmp_path: Path) -> None:
    with running(tmp_path) as agent:
        page = agent.paired()
        agent.put(record("v1"))
        agent.put(record("v2"))
        assert len(page.get("/v1/waiting")[1]["waiting"]) == 1
        assert page.post("/v1/take", {"offer": page.offered()["offer"]})[1]["visit"]["visit_id"] == "v1"
        assert page.post("/v1/take", {"offer": page.offered()["offer"]})[1]["visit"]["visit_id"] == "v2"


def test_nothing_is_offered_of_a_paused_destination_or_a_held_record(tmp_path: Path) -> None:
    with running(tmp_path) as agent:
        page = agent.paired()
        agent.owe("a", "b")
        offer = page.offered()["offer"]
        outbox_desk.hold(agent.db, Selection(numbers=[agent.told("a").delivery_id]))
        assert page.post("/v1/take", {"offer": offer})[1]["code"] == "agent.no_offer"
        assert len(page.get("/v1/waiting")[1]["waiting"]) == 1
        outbox_desk.pause(agent.db, "his", agent.clock())
        assert page.get("/v1/waiting")[1]["waiting"] == []


def test_what_nobody_took_in_time_is_shown_as_failed_and_comes_back_when_retried(tmp_path: Path) -> None:
    with running(tmp_path, wait_hours=1.0) as agent:
        page = agent.paired()
        agent.put(record("v1"))
        agent.clock.advance(3601)
        told = eventually(lambda: one if (one := agent.told("v1")).state is State.DEAD else None)
        assert told.last_error == "agent.not_taken"
        outbox_desk.retry(agent.db, Selection(destination="his"))
        assert page.post("/v1/take", {"offer": page.offered()["offer"]})[0] == 200


def test_two_pages_that_take_at_the_same_moment_get_it_once(tmp_path: Path) -> None:
    with running(tmp_path) as agent:
        pages = [agent.paired(), agent.paired()]
        agent.put(record("v1"))
        offer = pages[0].offered()["offer"]
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda page: page.post("/v1/take", {"offer": offer})[0], pages * 8))
        assert sorted(answers) == [200] + [400] * 15


def test_a_database_that_fails_is_named_and_the_agent_comes_back(tmp_path: Path) -> None:
    with running(tmp_path) as agent:
        agent.db.execute("ALTER TABLE deliveries RENAME TO away")
        eventually(lambda: agent.health().problem == "database.unavailable")
        agent.db.execute("ALTER TABLE away RENAME TO deliveries")
        eventually(lambda: agent.health().condition is Condition.WORKING)


def test_a_taken_address_is_named_and_tried_again(tmp_path: Path) -> None:
    with running(tmp_path / "first") as first:
        second = Running(tmp_path / "second", destination(listen=f"127.0.0.1:{first.port}"))
        thread = threading.Thread(target=second.agent.run, args=(0.05,), daemon=True)
        thread.start()
        eventually(lambda: second.health().problem == "agent.cannot_listen")
        first.agent.stop()
        assert second.agent.listening.wait(10)
        second.agent.stop()
        thread.join(10)
        second.db.close()


@pytest.mark.parametrize(
    ("wrong", "key"),
    [
        ({"listen": "192.168.5.1:8000"}, "listen"),
        ({"listen": "0.0.0.0:8000"}, "listen"),
        ({"listen": "[::]:8000"}, "listen"),
        ({"listen": "192.168.5.1:8000", "lan": True}, "clients"),
        ({"listen": "127.0.0.1:8000", "clients": ("1.2.3",)}, "clients"),
        ({"listen": "127.0.0.1:80000"}, "listen"),
    ],
)
def test_settings_that_open_more_than_they_say_are_refused(wrong: dict[str, Any], key: str, tmp_path: Path) -> None:
    agent = Running(tmp_path, destination(**wrong))
    thread = threading.Thread(target=agent.agent.run, args=(0.05,), daemon=True)
    thread.start()
    eventually(lambda: agent.health().condition is Condition.STOPPED)
    assert agent.health().problem == "agent.setup"
    with pytest.raises(AgentSetup) as refused:
        access(agent.settings, 8000)
    assert refused.value.data["key"] == key
    agent.agent.stop()
    thread.join(10)
    agent.db.close()
