"""The outbox: nothing owed is lost, nobody's records overtake each other."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from hisbridge import outbox
from hisbridge.outbox import State
from hisbridge.records import PatientRecord
from hisbridge.schema import MIGRATIONS
from tests.hisbridge.making import MOMENT, database, patient, record
from wire.codec import from_json
from wire.database import migrate, open_database, transaction


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(open_database(database(tmp_path))) as opened:
        yield opened


def owe(connection: sqlite3.Connection, visit: str, person: str = "001303900017", *names: str) -> None:
    made = record(visit, patient=patient(personal_id=person))
    with transaction(connection):
        outbox.enqueue(connection, made, names or ("his",), MOMENT)


def claim(connection: sqlite3.Connection, seconds: float = 0, limit: int = 10, name: str = "his") -> list[str]:
    now = MOMENT + timedelta(seconds=seconds)
    return [one.record_id for one in outbox.claim(connection, name, now, limit, horizon_seconds=300)]


def states(connection: sqlite3.Connection) -> dict[str, State]:
    return {one.record_id: one.state for one in outbox.list_deliveries(connection)}


def numbers(connection: sqlite3.Connection) -> dict[str, int]:
    return {one.record_id: one.delivery_id for one in outbox.list_deliveries(connection)}


def test_the_schema_is_made_once(tmp_path: Path) -> None:
    path = database(tmp_path)
    assert migrate(path, MIGRATIONS) == []


def test_a_record_is_owed_to_each_destination_under_its_own_key(connection: sqlite3.Connection) -> None:
    owe(connection, "v1", "001303900017", "his", "lab")
    found = outbox.list_deliveries(connection)
    assert {one.destination for one in found} == {"his", "lab"}
    assert len({one.idempotency_key for one in found}) == 2
    assert {one.state for one in found} == {State.QUEUED}
    assert found[0].created_at == "2026-11-21T00:45:00.000Z"


def test_without_destinations_nothing_is_owed(connection: sqlite3.Connection) -> None:
    outbox.enqueue(connection, record(), (), MOMENT)
    assert outbox.list_deliveries(connection) == []


def test_enqueue_belongs_to_the_callers_transaction(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN")
    outbox.enqueue(connection, record(), ("his",), MOMENT)
    connection.execute("ROLLBACK")
    assert outbox.list_deliveries(connection) == []


def test_one_visit_is_owed_once_per_destination(connection: sqlite3.Connection) -> None:
    owe(connection, "v1")
    with pytest.raises(sqlite3.IntegrityError):
        owe(connection, "v1")
    assert len(outbox.list_deliveries(connection)) == 1


def test_the_record_comes_back_as_it_was_given(connection: sqlite3.Connection) -> None:
    made = record("v1", patient=patient(full_name="Y Bơ\u0306k 'Êban \U00020000"))
    with transaction(connection):
        outbox.enqueue(connection, made, ("his",), MOMENT)
    (taken,) = outbox.claim(connection, "his", MOMENT, 1, 300)
    assert from_json(taken.payload, PatientRecord) == made


def test_an_attempt_is_on_disk_before_it_is_handed_out(connection: sqlite3.Connection, tmp_path: Path) -> None:
    owe(connection, "v1")
    (taken,) = outbox.claim(connection, "his", MOMENT, 1, 300)
    assert taken.attempts == 1
    with closing(open_database(tmp_path / "state" / "tiepdon.db")) as other:
        (seen,) = outbox.list_deliveries(other)
    assert (seen.state, seen.attempts) == (State.SENDING, 1)
    assert claim(connection) == []


def test_records_of_one_person_go_one_after_the_other(connection: sqlite3.Connection) -> None:
    owe(connection, "a1", "000000000001")
    owe(connection, "a2", "000000000001")
    owe(connection, "b1", "000000000002")
    assert claim(connection) == ["a1", "b1"]
    assert claim(connection) == []
    outbox.acknowledge(connection, numbers(connection)["a1"], "AA", MOMENT)
    assert claim(connection) == ["a2"]


def test_a_waiting_record_holds_back_only_its_person_and_only_its_destination(connection: sqlite3.Connection) -> None:
    owe(connection, "a1", "000000000001", "his", "lab")
    owe(connection, "a2", "000000000001", "his", "lab")
    owe(connection, "b1", "000000000002")
    (first,) = outbox.claim(connection, "his", MOMENT, 1, 300)
    outbox.defer(connection, first.delivery_id, "delivery.no_answer", MOMENT + timedelta(seconds=60))
    assert claim(connection) == ["b1"]
    assert claim(connection, name="lab") == ["a1"]
    assert claim(connection, seconds=59) == []
    assert claim(connection, seconds=61) == ["a1"]


@pytest.mark.parametrize("end", ["reject", "kill"])
def test_a_record_that_ended_badly_blocks_nobody(connection: sqlite3.Connection, end: str) -> None:
    owe(connection, "a1", "000000000001")
    owe(connection, "a2", "000000000001")
    (first,) = outbox.claim(connection, "his", MOMENT, 1, 300)
    if end == "reject":
        outbox.reject(connection, first.delivery_id, "delivery.rejected", "AE 101", MOMENT)
    else:
        outbox.kill(connection, first.delivery_id, "delivery.unrenderable", MOMENT)
    assert claim(connection) == ["a2"]
    told = {one.record_id: one for one in outbox.list_deliveries(connection)}["a1"]
    assert told.state == (State.REJECTED if end == "reject" else State.DEAD)
    assert told.finished_at == "2026-11-21T00:45:00.000Z"


def test_a_clock_that_was_set_back_delays_nothing(connection: sqlite3.Connection) -> None:
    owe(connection, "v1")
    (first,) = outbox.claim(connection, "his", MOMENT, 1, 300)
    outbox.defer(connection, first.delivery_id, "delivery.no_answer", MOMENT + timedelta(seconds=100))
    assert claim(connection, seconds=-86400) == ["v1"]


def test_unknown_outcomes_go_out_again_after_a_restart(connection: sqlite3.Connection) -> None:
    owe(connection, "v1")
    key = outbox.list_deliveries(connection)[0].idempotency_key
    claim(connection)
    assert outbox.reset_sending(connection, "lab") == 0
    assert outbox.reset_sending(connection, "his") == 1
    (again,) = outbox.claim(connection, "his", MOMENT, 1, 300)
    assert (again.idempotency_key, again.attempts) == (key, 2)


def test_deliveries_are_listed_newest_first_by_state_and_without_the_person(connection: sqlite3.Connection) -> None:
    for number in range(4):
        owe(connection, f"v{number}", f"{number:012}")
    claim(connection, limit=1)
    assert [one.record_id for one in outbox.list_deliveries(connection, limit=2)] == ["v3", "v2"]
    assert [one.record_id for one in outbox.list_deliveries(connection, State.SENDING)] == ["v0"]
    assert "Nguyễn" not in repr(outbox.list_deliveries(connection))
    assert "000000000001" not in repr(outbox.list_deliveries(connection))


def test_depth_counts_what_is_owed_and_what_ended_badly(connection: sqlite3.Connection) -> None:
    for number in range(4):
        owe(connection, f"v{number}", f"{number:012}")
    claim(connection, limit=1)
    outbox.reject(connection, numbers(connection)["v1"], "delivery.rejected", "AE", MOMENT)
    outbox.acknowledge(connection, numbers(connection)["v2"], "AA", MOMENT)
    told = outbox.depth(connection)["his"]
    assert (told.waiting, told.rejected, told.dead) == (2, 1, 0)
    assert told.oldest_created_at == "2026-11-21T00:45:00.000Z"


def test_the_claim_walks_an_index(connection: sqlite3.Connection) -> None:
    plan = connection.execute(
        "EXPLAIN QUERY PLAN " + outbox._CLAIM, {"destination": "his", "now": 0, "horizon": 300, "limit": 1}
    ).fetchall()
    steps = [row["detail"] for row in plan]
    assert all(step.startswith("SEARCH") for step in steps if "mine" in step or "earlier" in step), steps
    assert not any("TEMP B-TREE" in step for step in steps)


def test_the_depth_is_counted_in_the_index(connection: sqlite3.Connection) -> None:
    steps = [row["detail"] for row in connection.execute("EXPLAIN QUERY PLAN " + outbox._DEPTH)]
    assert any("SCAN deliveries USING COVERING INDEX" in step for step in steps), steps
    assert not any(step == "SCAN deliveries" for step in steps), steps
