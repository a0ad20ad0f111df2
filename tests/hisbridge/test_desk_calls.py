"""The message desk on the bridge's socket: what technicians see, may do, and what is written down of it."""

import logging
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from config.destinations import LocalAgentDestination
from config.settings import Settings, database_path
from hisbridge import audit, outbox, outbox_desk
from hisbridge.agent import pairing
from hisbridge.agent.codes import PairCode
from hisbridge.desk import AnswerList, AuditList, Changed, DeliveryDetail, DeliveryList, Done, Message
from hisbridge.desk_records import DeskAct, Selection
from hisbridge.identity import person_key
from hisbridge.outbox import Ended, State
from hisbridge.records import HospitalAnswer
from hisbridge.service import BridgeHealth, running
from tests.hisbridge.making import MOMENT, database, destination, eventually, patient, record, settings
from tests.hisbridge.receiver import receiving, say
from wire.client import Client
from wire.database import open_database, transaction
from wire.errors import RemoteError

PERSON = "001303900017"
AGENT = LocalAgentDestination(name="counter", listen="127.0.0.1:0", pairing_seconds=60)


def test_a_pairing_code_is_given_to_whoever_says_who_he_is_and_is_written_down(tmp_path: Path) -> None:
    database(tmp_path)
    made = settings(tmp_path, destination(1), AGENT)
    with running(made) as path, closing(open_database(database_path(made))) as connection:
        client = Client(path, timeout=10.0)
        with pytest.raises(RemoteError, match=r"desk\.name_missing"):
            client.post("/v1/agent/pair", {"destination": "counter"}, PairCode)
        told = client.post("/v1/agent/pair", {"by": "Lan"}, PairCode)
        assert (told.destination, told.seconds) == ("counter", 60)
        with pytest.raises(RemoteError, match=r"config\.unknown_destination"):
            client.post("/v1/agent/pair", {"by": "Lan", "destination": "his"}, PairCode)
        assert pairing.pair(connection, "counter", "", told.code, datetime.now(UTC))
        (entry,) = client.get("/v1/audit", AuditList).entries
        assert (entry.who, entry.act, entry.destination) == ("Lan", "agent.pair", "counter")
        assert told.code not in str(entry)


def test_a_site_without_an_agent_gives_no_code(tmp_path: Path) -> None:
    with desk(tmp_path) as bench, pytest.raises(RemoteError, match=r"config\.no_agent"):
        bench.client.post("/v1/agent/pair", {"by": "Lan"}, PairCode)


@contextmanager
def desk(folder: Path, port: int = 1, *names: str) -> Iterator["Bench"]:
    """A bridge whose destinations are paused, so that nothing moves but what a test moves."""
    database(folder)
    made = settings(folder, *[destination(port, name=name) for name in names or ("his",)])
    with closing(open_database(database_path(made))) as connection:
        for one in made.destinations:
            outbox_desk.pause(connection, one.name, MOMENT)
        with running(made) as path:
            yield Bench(made, connection, Client(path, timeout=10.0))


class Bench:
    def __init__(self, made: Settings, connection: Any, client: Client) -> None:
        self.settings, self.db, self.client = made, connection, client

    def owe(self, *visits: str) -> None:
        for number, visit in enumerate(visits):
            one = record(visit, patient=patient(personal_id=PERSON if number == 0 else f"{number:012}"))
            with transaction(self.db):
                outbox.enqueue(self.db, one, [one.name for one in self.settings.destinations], MOMENT)

    def end(self, number: int, state: State, answer: HospitalAnswer | None = None, **more: Any) -> None:
        self.db.execute("UPDATE deliveries SET state = 'sending' WHERE id = ?", (number,))
        outbox.settle(self.db, [Ended(number, state, MOMENT, receipt="AA", answer=answer, **more)])

    def listed(self, query: str = "") -> list[int]:
        found = self.client.get(f"/v1/deliveries{query}", DeliveryList)
        return [one.delivery_id for one in found.deliveries]

    def act(self, act: str, **chosen: Any) -> int:
        asked = {"act": act, "by": "Lê Văn Kỹ", **chosen}
        return self.client.post("/v1/deliveries/act", asked, Changed).changed

    def message(self, number: int, **more: Any) -> Message:
        return self.client.post("/v1/delivery/message", {"number": number, **more}, Message)

    def switch(self, what: str, name: str = "his", **more: Any) -> Done:
        return self.client.post(f"/v1/destinations/{what}", {"destination": name, **more}, Done)

    def audited(self) -> list[audit.Entry]:
        return audit.entries(self.db)


def refused(call: Any, code: str) -> None:
    with pytest.raises(RemoteError) as caught:
        call()
    assert caught.value.code == code


def test_deliveries_are_filtered_by_whatever_is_given(tmp_path: Path) -> None:
    with desk(tmp_path, 1, "his", "lab") as d:
        d.owe("v1", "v2", "v3")
        d.end(1, State.REJECTED)
        d.end(4, State.DEAD)
        assert d.listed() == [6, 5, 4, 3, 2, 1]
        assert d.listed("?state=rejected,dead") == [4, 1]
        assert d.listed("?destination=lab") == [6, 4, 2]
        assert d.listed("?record_id=v2") == [4, 3]
        assert d.listed("?before=4&limit=2") == [3, 2]
        assert d.listed("?since=2026-11-21T07:45:00%2B07:00&until=2026-11-21T07:45:01%2B07:00") == [6, 5, 4, 3, 2, 1]
        assert d.listed("?until=2026-11-21T00:45:00Z") == []
        assert d.listed("?destination=nowhere") == []


@pytest.mark.parametrize(
    "query", ["state=lost", "state=dead,lost", "since=yesterday", "since=2026-11-21T07:00", "before=x", "limit=-1"]
)
def test_a_filter_that_cannot_be_read_is_no_empty_filter(tmp_path: Path, query: str) -> None:
    with desk(tmp_path) as d:
        refused(lambda: d.listed(f"?{query}"), "wire.malformed")


def test_one_delivery_is_shown_with_what_its_receiver_told(tmp_path: Path) -> None:
    with desk(tmp_path) as d:
        d.owe("v1", "v2")
        d.end(1, State.ACKNOWLEDGED, HospitalAnswer(queue_number="7", room="12"))
        told = d.client.get("/v1/delivery?number=1", DeliveryDetail)
        assert (told.delivery.state, told.answer) == (State.ACKNOWLEDGED, HospitalAnswer(queue_number="7", room="12"))
        assert d.client.get("/v1/delivery?number=2", DeliveryDetail).answer is None
        refused(lambda: d.client.get("/v1/delivery?number=9", DeliveryDetail), "delivery.unknown")
        refused(lambda: d.client.get("/v1/delivery", DeliveryDetail), "wire.malformed")
        (answer,) = d.client.get("/v1/answers?since=0", AnswerList).answers
        assert (answer.visit_id, answer.destination) == ("v1", "his")
        assert d.client.get(f"/v1/answers?since={answer.seq}", AnswerList).answers == ()


def test_a_message_is_shown_with_the_person_hidden(tmp_path: Path) -> None:
    with desk(tmp_path) as d:
        d.owe("v1")
        shown = d.message(1)
        assert shown.masked
        assert shown.body.startswith("MSH|")
        assert not [word for word in (PERSON, "Nguyễn", "Hoài", "0912345678", "GD4", "20030214") if word in shown.body]
        assert d.audited() == []


def test_a_whole_message_is_shown_to_who_gives_a_name_and_it_is_written_down_first(tmp_path: Path) -> None:
    with desk(tmp_path) as d:
        d.owe("v1")
        refused(lambda: d.message(1, whole=True, by="  "), "desk.name_missing")
        whole = d.message(1, whole=True, by="Lê Văn Kỹ")
        assert (whole.masked, PERSON in whole.body) == (False, True)
        (entry,) = d.audited()
        assert (entry.who, entry.act, entry.delivery_id) == ("Lê Văn Kỹ", "message.whole", 1)
        assert PERSON not in repr(entry)
        d.db.execute("CREATE TRIGGER full BEFORE INSERT ON bridge_audit BEGIN SELECT raise(ABORT, 'full'); END")
        refused(lambda: d.message(1, whole=True, by="Lê Văn Kỹ"), "database.unavailable")


def test_a_message_that_killed_a_process_is_not_rendered_to_look_at_it(tmp_path: Path) -> None:
    with desk(tmp_path) as d:
        d.owe("v1")
        d.db.execute("UPDATE deliveries SET suspicion = 1")
        refused(lambda: d.message(1, whole=True, by="Lê Văn Kỹ"), "delivery.unrenderable")
        assert d.audited() == []


def test_a_message_that_cannot_be_rendered_says_so_without_the_person(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with desk(tmp_path) as d:
        d.owe("v1")
        d.db.execute("UPDATE deliveries SET payload = replace(payload, '\"sex\"', '\"Nguyễn\"')")
        refused(lambda: d.message(1), "delivery.unrenderable")
    assert "Nguyễn" not in caplog.text


@pytest.mark.parametrize(
    "chosen", [{}, {"numbers": []}, {"states": [], "destination": None, "since": None, "personal_id": None}]
)
def test_an_act_that_names_nothing_is_refused(tmp_path: Path, chosen: dict[str, Any]) -> None:
    with desk(tmp_path) as d:
        d.owe("v1")
        refused(lambda: d.act("hold", **chosen), "desk.nothing_chosen")
        assert d.listed("?state=held") == []


@pytest.mark.parametrize(
    "chosen",
    [
        {"number": [1]},  # a word of another
        {"numbers": ["1; DROP TABLE deliveries"]},
        {"personal_id": "12"},
        {"since": "2026-13-41T00:00:00Z"},
        {"states": ["lost"]},
        {"numbers": list(range(20_000))},
    ],
)
def test_an_act_that_cannot_be_read_does_nothing(tmp_path: Path, chosen: dict[str, Any]) -> None:
    with desk(tmp_path) as d:
        d.owe("v1")
        refused(lambda: d.act("hold", **chosen), "wire.malformed")
        assert d.listed("?state=held") == []


def test_acts_change_what_they_name_and_are_written_down(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with desk(tmp_path) as d:
        d.owe("v1", "v2", "v3")
        assert d.act("hold", personal_id=PERSON) == 1
        assert d.listed("?state=held") == [1]
        assert d.act("release", numbers=[1, 2]) == 1
        d.end(2, State.REJECTED)
        assert d.act("retry", states=["rejected"]) == 1
        d.end(3, State.ACKNOWLEDGED)
        assert d.act("replay", since="2026-11-21T00:00:00Z", until="2026-11-22T00:00:00Z") == 1
        assert d.act("cancel", record_id="v1") == 0  # it waits, and may leave at any moment: hold it first
        entries = d.audited()
        assert [(one.act, one.changed) for one in reversed(entries)] == [
            ("hold", 1),
            ("release", 1),
            ("retry", 1),
            ("replay", 1),
        ]
        assert {one.who for one in entries} == {"Lê Văn Kỹ"}
        assert person_key(PERSON) in (entries[-1].selection or "")
        assert PERSON not in repr(entries)
    assert PERSON not in caplog.text


def test_an_act_can_be_counted_before_it_is_done(tmp_path: Path) -> None:
    with desk(tmp_path) as d:
        d.owe("v1", "v2")
        asked = {"act": "hold", "by": "", "states": ["queued"]}
        assert d.client.post("/v1/deliveries/count", asked, Changed).changed == 2
        assert d.listed("?state=held") == []
        assert d.audited() == []
        refused(lambda: d.client.post("/v1/deliveries/count", {"act": "hold"}, Changed), "desk.nothing_chosen")


def test_an_act_that_could_not_be_written_down_is_not_done(tmp_path: Path) -> None:
    with desk(tmp_path) as d:
        d.owe("v1")
        d.db.execute("CREATE TRIGGER full BEFORE INSERT ON bridge_audit BEGIN SELECT raise(ABORT, 'full'); END")
        refused(lambda: d.act("hold", numbers=[1]), "database.unavailable")
        assert d.listed("?state=held") == []


def test_a_destination_is_paused_and_resumed_while_the_bridge_runs(tmp_path: Path) -> None:
    with receiving(say("AA")) as receiver, desk(tmp_path, receiver.port) as d:
        assert d.switch("resume", by="Kỹ") == Done(ok=True)
        d.owe("v1")
        eventually(lambda: d.listed("?state=acknowledged") == [1])
        assert d.switch("pause", why="chuyển máy chủ", by="Kỹ") == Done(ok=True)
        d.owe("v2")
        told = d.client.get("/v1/health", BridgeHealth).destinations[0]
        assert (told.paused, told.why_paused, told.waiting, told.acknowledged) == (True, "chuyển máy chủ", 1, 1)
        assert told.paused_at is not None
        d.client.post("/v1/wake", {}, dict)
        assert d.switch("resume", by="Kỹ") == Done(ok=True)
        eventually(lambda: d.listed("?state=acknowledged") == [2, 1])
        assert [entry.act for entry in d.audited()] == ["resume", "pause", "resume"]


def test_resume_ends_the_stop_that_a_receiver_caused(tmp_path: Path) -> None:
    with receiving(say("AR", "200"), say("AA")) as receiver, desk(tmp_path, receiver.port) as d:
        d.switch("resume")
        d.owe("v1")

        def condition() -> str:
            return d.client.get("/v1/health", BridgeHealth).destinations[0].condition.value

        eventually(lambda: condition() == "stopped")
        d.switch("resume")
        eventually(lambda: d.listed("?state=acknowledged") == [1])
        assert condition() == "working"


def test_a_probe_says_whether_the_destination_is_reached_and_sends_nothing(tmp_path: Path) -> None:
    with receiving(say("AA")) as receiver:
        with desk(tmp_path, receiver.port) as d:
            assert d.switch("probe") == Done(ok=True)
        assert receiver.messages == []
    with desk(tmp_path / "second", 1) as d:
        assert d.switch("probe") == Done(ok=False, code="delivery.unreachable")


@pytest.mark.parametrize("what", ["pause", "resume", "probe"])
def test_an_unknown_destination_is_named_with_the_known_ones(tmp_path: Path, what: str) -> None:
    with desk(tmp_path) as d:
        with pytest.raises(RemoteError) as caught:
            d.switch(what, "nowhere")
        assert (caught.value.code, caught.value.data["known"]) == ("config.unknown_destination", "his")
        assert d.audited() == []


def test_health_counts_live_and_names_who_is_owed_and_no_more_in_the_settings(tmp_path: Path) -> None:
    with desk(tmp_path) as d:
        d.owe("v1", "v2", "v3")
        with transaction(d.db):
            outbox.enqueue(d.db, record("v9"), ("gone",), MOMENT)
        d.end(1, State.ACKNOWLEDGED)
        d.act("hold", numbers=[2])
        health = d.client.get("/v1/health", BridgeHealth)
        (told,) = health.destinations
        assert (told.acknowledged, told.held, told.waiting, told.paused) == (1, 1, 1, True)
        assert health.unserved == ("gone",)


def test_a_check_in_never_waits_for_an_act_on_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox_desk, "SOME", 10)
    with desk(tmp_path) as d, closing(open_database(database_path(d.settings))) as technician:
        d.owe(*[f"v{number}" for number in range(100)])
        between: list[int] = []

        def check_in(_seconds: float) -> None:
            # The act waits for this very call: a lock of its own could not end meanwhile, another writer's may.
            d.db.execute("PRAGMA busy_timeout = 2000")
            with transaction(d.db):
                outbox.enqueue(d.db, record(f"new{len(between)}"), ("his",), MOMENT)
            between.append(len(d.listed("?state=held&limit=1000")))

        chosen = Selection(destination="his")
        assert outbox_desk.perform(technician, DeskAct.HOLD, chosen, MOMENT, breathe=check_in) == 100
        assert between == list(range(10, 100, 10))


def test_an_act_on_many_is_one_entry_of_the_audit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox_desk, "SOME", 3)
    with desk(tmp_path) as d:
        d.owe(*[f"v{number}" for number in range(10)])
        assert d.act("hold", destination="his") == 10
        (entry,) = d.audited()
        assert (entry.act, entry.changed) == ("hold", 10)


def test_what_somebody_has_to_complete_is_counted_listed_and_over_when_done_or_superseded(tmp_path: Path) -> None:
    def left(d: Bench) -> int:
        (told,) = d.client.get("/v1/health", BridgeHealth).destinations
        return told.open_work

    def listed(d: Bench) -> list[tuple[int, tuple[str, ...]]]:
        found = d.client.get("/v1/deliveries?open_work=true", DeliveryList)
        return [(one.delivery_id, one.open_work) for one in found.deliveries]

    with desk(tmp_path) as d:
        d.owe("a", "b", "c")
        fields = ("MA_BN:required", "MA_DICH_VU:required")
        for number in (1, 2):
            d.end(number, State.ACKNOWLEDGED, open_work=fields)
        d.end(3, State.ACKNOWLEDGED)
        assert (left(d), listed(d)) == (2, [(2, fields), (1, fields)])
        with transaction(d.db):
            outbox.enqueue(d.db, record("a", revision=1, event="updated"), ("his",), MOMENT)
        d.end(4, State.ACKNOWLEDGED)  # the later record of the same visit is whole
        assert (left(d), listed(d)) == (1, [(2, fields)])
        assert d.act("complete", numbers=[2, 3]) == 1
        assert (left(d), listed(d)) == (0, [])
        assert [entry.act for entry in d.audited()] == ["complete"]
        assert d.listed("?state=acknowledged") == [4, 3, 2, 1]
