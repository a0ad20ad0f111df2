"""The bridge on its socket: answers in time whatever the outside does, carries the outbox out, tells how it is."""

import json
import logging
import os
import socket
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from config.settings import Settings, database_path
from hisbridge import outbox
from hisbridge.desk import DeliveryList
from hisbridge.outbox import State
from hisbridge.questions import Coverage, CoverageQuestion, Verdict
from hisbridge.service import QUESTIONS_AT_ONCE, BridgeHealth, running, serve
from sandbox.people import all_people, find
from sandbox.portal import Portal
from tests.hisbridge import hostile
from tests.hisbridge.making import MOMENT, database, destination, eventually, patient, portal_settings, record
from tests.hisbridge.making import settings as made_settings
from tests.hisbridge.receiver import mute, receiving, say
from tests.support.waiting import BUSY_SECONDS, LONG_SECONDS
from wire.client import Client
from wire.database import DatabaseOutdated, DatabaseUnavailable, open_database, transaction
from wire.errors import RemoteError


def question(key: str = "mau") -> CoverageQuestion:
    person = find(key)
    return CoverageQuestion(
        personal_id=person.personal_id,
        full_name=person.full_name,
        birth_date=person.birth_date,
        visit_date="2026-11-21",
    )


def owe(settings: Settings, *visits: str) -> None:
    with closing(open_database(database_path(settings))) as connection:
        for number, visit in enumerate(visits):
            with transaction(connection):
                made = record(visit, patient=patient(personal_id=f"{number:012}"))
                outbox.enqueue(connection, made, [one.name for one in settings.destinations], MOMENT)


@contextmanager
def bridge(settings: Settings) -> Iterator[Client]:
    with running(settings) as path:
        yield Client(path, timeout=10.0)


def with_portal(folder: Path, port: int, **differences: Any) -> Settings:
    database(folder)
    portal = portal_settings(folder, port, **differences)
    return made_settings(folder, **{name: getattr(portal, name) for name in portal.__struct_fields__})


def states(client: Client) -> list[State]:
    return [one.state for one in client.get("/v1/deliveries", DeliveryList).deliveries]


def test_what_is_owed_is_delivered_without_being_asked(tmp_path: Path) -> None:
    database(tmp_path)
    with receiving(say("AA")) as receiver:
        settings = made_settings(tmp_path, destination(receiver.port))
        owe(settings, "v1", "v2")
        with bridge(settings) as client:
            eventually(lambda: states(client) == [State.ACKNOWLEDGED] * 2)
            owe(settings, "v3")
            assert client.post("/v1/wake", {}, dict) == {"woken": 1}
            eventually(lambda: states(client) == [State.ACKNOWLEDGED] * 3)
        assert len(receiver.messages) == 3


def test_each_destination_goes_its_own_way(tmp_path: Path) -> None:
    database(tmp_path)
    with receiving(say("AA")) as good, receiving(mute) as bad:
        settings = made_settings(
            tmp_path,
            destination(bad.port, name="slow", timeout_seconds=0.2),
            destination(good.port, name="quick"),
        )
        owe(settings, "v1")
        with bridge(settings) as client:

            def told() -> dict[str, str]:
                health = client.get("/v1/health", BridgeHealth)
                return {one.name: one.condition.value for one in health.destinations}

            eventually(lambda: told() == {"slow": "failing", "quick": "working"})
            health = client.get("/v1/health", BridgeHealth)
            assert {one.name: one.waiting for one in health.destinations} == {"slow": 1, "quick": 0}
            assert health.database is None


def test_coverage_is_answered_over_the_socket(tmp_path: Path) -> None:
    with Portal(all_people()).serving() as (_, port), bridge(with_portal(tmp_path, port)) as client:
        answer = client.post("/v1/coverage?deadline_ms=4000", question(), Coverage)
        assert (answer.verdict, answer.card_number) == (Verdict.VALID, "GD4000000000017")
        health = client.get("/v1/health", BridgeHealth)
        assert health.portal.enabled
        assert "GD4" not in json.dumps(client.get("/v1/health", dict))


def test_a_hanging_portal_is_answered_for_at_the_deadline(tmp_path: Path) -> None:
    with (
        hostile.lying(hostile.nothing) as port,
        bridge(with_portal(tmp_path, port, timeout_seconds=LONG_SECONDS)) as client,
    ):
        begun = time.monotonic()
        answer = client.post("/v1/coverage?deadline_ms=200", question(), Coverage)
        assert time.monotonic() - begun < BUSY_SECONDS
        assert (answer.verdict, answer.reason) == (Verdict.UNVERIFIED, "portal.timeout")
        assert answer.asked_at is not None


def test_many_questions_to_a_hanging_portal_hold_a_bounded_number_of_threads(tmp_path: Path) -> None:
    with hostile.lying(hostile.nothing) as port, bridge(with_portal(tmp_path, port)) as client:
        answers: list[Coverage] = []

        def ask() -> None:
            # Long enough for all to be there at once, also on a busy machine.
            answers.append(client.post("/v1/coverage?deadline_ms=2000", question(), Coverage))

        earlier = set(threading.enumerate())  # a hanging question of another test may go on for its own time
        threads = [threading.Thread(target=ask) for _ in range(100)]
        for thread in threads:
            thread.start()
        held = sum(thread.name == "question" for thread in set(threading.enumerate()) - earlier)
        for thread in threads:
            thread.join(10)
        assert held <= QUESTIONS_AT_ONCE
        assert len(answers) == 100
        assert {answer.reason for answer in answers} == {"portal.timeout", "portal.busy"}


def test_a_portal_that_is_off_needs_no_network(tmp_path: Path) -> None:
    database(tmp_path)
    with bridge(made_settings(tmp_path)) as client:
        answer = client.post("/v1/coverage", question(), Coverage)
        assert (answer.verdict, answer.reason) == (Verdict.UNVERIFIED, "portal.disabled")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/coverage?deadline_ms=4000", {"personal_id": "12"}),
        ("/v1/coverage?deadline_ms=soon", {"personal_id": "001303900017", "visit_date": "2026-11-21"}),
        ("/v1/coverage?deadline_ms=-1", {"personal_id": "001303900017", "visit_date": "2026-11-21"}),
        ("/v1/nothing", {}),
    ],
)
def test_malformed_calls_are_refused_with_a_code(tmp_path: Path, path: str, body: dict[str, Any]) -> None:
    database(tmp_path)
    with bridge(made_settings(tmp_path)) as client, pytest.raises(RemoteError) as caught:
        client.post(path, body, dict)
    assert caught.value.code == "wire.malformed"


def test_deliveries_are_listed_by_state(tmp_path: Path) -> None:
    database(tmp_path)
    with receiving(say("AE", "101")) as receiver:
        settings = made_settings(tmp_path, destination(receiver.port))
        owe(settings, "v1")
        with bridge(settings) as client:
            eventually(lambda: states(client) == [State.REJECTED])
            listed = client.get("/v1/deliveries?state=rejected&limit=5", DeliveryList).deliveries
            assert [(one.record_id, one.receipt) for one in listed] == [("v1", "AE 101 PID^1^5")]
            assert client.get("/v1/deliveries?state=dead", DeliveryList).deliveries == ()
            with pytest.raises(RemoteError):
                client.get("/v1/deliveries?state=lost", DeliveryList)


def test_a_missing_or_unmigrated_database_is_named_at_the_start_and_not_made(tmp_path: Path) -> None:
    settings = made_settings(tmp_path)
    with pytest.raises(DatabaseUnavailable), running(settings):
        pass
    assert not database_path(settings).exists()
    database_path(settings).parent.mkdir()
    open_database(database_path(settings)).close()
    with pytest.raises(DatabaseOutdated), running(settings):
        pass


def test_a_locked_database_stops_neither_answers_nor_later_delivery(tmp_path: Path) -> None:
    database(tmp_path)
    with receiving(say("AA")) as receiver:
        settings = made_settings(tmp_path, destination(receiver.port))
        owe(settings, "v1")
        with closing(open_database(database_path(settings))) as greedy:
            greedy.execute("BEGIN EXCLUSIVE")
            with bridge(settings) as client:
                assert client.get("/v1/health", BridgeHealth).destinations[0].waiting == 1
                assert client.post("/v1/coverage", question(), Coverage).reason == "portal.disabled"
                assert receiver.messages == []
                greedy.execute("COMMIT")
                eventually(lambda: states(client) == [State.ACKNOWLEDGED])


def test_a_database_that_goes_away_is_reported_and_found_again(tmp_path: Path) -> None:
    path = database(tmp_path)
    with bridge(made_settings(tmp_path)) as client:
        away = path.with_suffix(".away")
        path.rename(away)
        assert client.get("/v1/health", BridgeHealth).database == "database.unavailable"
        with pytest.raises(RemoteError) as caught:
            client.get("/v1/deliveries", DeliveryList)
        assert caught.value.code == "database.unavailable"
        away.rename(path)
        assert client.get("/v1/health", BridgeHealth).database is None


def test_a_second_bridge_on_the_same_socket_sends_nothing(tmp_path: Path) -> None:
    database(tmp_path)
    settings = made_settings(tmp_path)
    with running(settings), pytest.raises(OSError, match="in use"), running(settings):
        pass


def test_the_socket_is_for_its_owner_only_and_leaves_with_the_process(tmp_path: Path) -> None:
    database(tmp_path)
    with running(made_settings(tmp_path)) as path:
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600  # noqa: PTH116
        with socket.socket(socket.AF_UNIX) as one:
            one.connect(str(path))
    assert not path.exists()


def test_serve_ends_when_told_also_in_the_middle_of_a_send(tmp_path: Path) -> None:
    database(tmp_path)
    with receiving(mute) as receiver:
        settings = made_settings(tmp_path, destination(receiver.port, timeout_seconds=30.0))
        owe(settings, "v1")
        stop = threading.Event()
        thread = threading.Thread(target=serve, args=(settings, stop))
        thread.start()
        eventually(lambda: receiver.messages)
        stop.set()
        thread.join(10)
        assert not thread.is_alive()


def test_no_person_is_logged_by_the_process(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    database(tmp_path)
    with receiving(say("AE", "101"), say("AA")) as receiver, Portal(all_people()).serving() as (_, port):
        portal = portal_settings(tmp_path, port)
        settings = made_settings(
            tmp_path,
            destination(receiver.port),
            **{name: getattr(portal, name) for name in portal.__struct_fields__},
        )
        owe(settings, "v1", "v2")
        with bridge(settings) as client:
            client.post("/v1/coverage", question("khac-ten"), Coverage)
            eventually(lambda: sorted(states(client)) == [State.ACKNOWLEDGED, State.REJECTED])
    for word in ("Nguyễn", "Hoàng", "040190900028", "000000000001", "001303900017", "GD4", "99999_BV"):
        assert word not in caplog.text
