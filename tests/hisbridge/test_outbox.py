"""The outbox: nothing owed is lost, nobody's records overtake each other."""

import re
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from hisbridge import outbox, outbox_desk
from hisbridge.desk_records import DeskAct, Selection
from hisbridge.outbox import Deferred, Ended, State
from hisbridge.records import Event, HospitalAnswer, PatientRecord
from hisbridge.schema import MIGRATIONS
from tests.hisbridge.making import MOMENT, database, listed, patient, record
from wire import sqlite
from wire.codec import from_json
from wire.database import migrate, open_database, transaction


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite.Connection]:
    with closing(open_database(database(tmp_path))) as opened:
        yield opened


def owe(connection: sqlite.Connection, visit: str, person: str = "001303900017", *names: str) -> None:
    made = record(visit, patient=patient(personal_id=person))
    with transaction(connection):
        outbox.enqueue(connection, made, names or ("his",), MOMENT)


def claim(connection: sqlite.Connection, seconds: float = 0, limit: int = 10, name: str = "his") -> list[str]:
    now = MOMENT + timedelta(seconds=seconds)
    return [one.record_id for one in outbox.claim(connection, name, now, limit, horizon_seconds=300)]


def states(connection: sqlite.Connection) -> dict[str, State]:
    return {one.record_id: one.state for one in listed(connection)}


def numbers(connection: sqlite.Connection) -> dict[str, int]:
    return {one.record_id: one.delivery_id for one in listed(connection)}


def test_the_schema_is_made_once(tmp_path: Path) -> None:
    path = database(tmp_path)
    assert migrate(path, MIGRATIONS) == []


def test_a_record_is_owed_to_each_destination_under_its_own_key(connection: sqlite.Connection) -> None:
    owe(connection, "v1", "001303900017", "his", "lab")
    found = listed(connection)
    assert {one.destination for one in found} == {"his", "lab"}
    assert len({one.idempotency_key for one in found}) == 2
    assert {one.state for one in found} == {State.QUEUED}
    assert found[0].created_at == "2026-11-21T00:45:00.000Z"


def test_without_destinations_nothing_is_owed(connection: sqlite.Connection) -> None:
    outbox.enqueue(connection, record(), (), MOMENT)
    assert listed(connection) == []


def test_enqueue_belongs_to_the_callers_transaction(connection: sqlite.Connection) -> None:
    connection.execute("BEGIN")
    outbox.enqueue(connection, record(), ("his",), MOMENT)
    connection.execute("ROLLBACK")
    assert listed(connection) == []


def test_one_visit_is_owed_once_per_destination(connection: sqlite.Connection) -> None:
    owe(connection, "v1")
    with pytest.raises(sqlite.IntegrityError):
        owe(connection, "v1")
    assert len(listed(connection)) == 1


def test_the_record_comes_back_as_it_was_given(connection: sqlite.Connection) -> None:
    made = record("v1", patient=patient(full_name="Y Bơ\u0306k 'Êban \U00020000"))
    with transaction(connection):
        outbox.enqueue(connection, made, ("his",), MOMENT)
    (taken,) = outbox.claim(connection, "his", MOMENT, 1, 300)
    assert from_json(taken.payload, PatientRecord) == made


def test_an_attempt_is_on_disk_before_it_is_handed_out(connection: sqlite.Connection, tmp_path: Path) -> None:
    owe(connection, "v1")
    (taken,) = outbox.claim(connection, "his", MOMENT, 1, 300)
    assert (taken.attempts, taken.suspicion) == (0, 0)
    with closing(open_database(tmp_path / "state" / "tiepdon.db")) as other:
        (seen,) = listed(other)
    assert seen.state is State.SENDING
    assert claim(connection) == []


def test_records_of_one_person_go_one_after_the_other(connection: sqlite.Connection) -> None:
    owe(connection, "a1", "000000000001")
    owe(connection, "a2", "000000000001")
    owe(connection, "b1", "000000000002")
    assert claim(connection) == ["a1", "b1"]
    assert claim(connection) == []
    outbox.settle(connection, [Ended(numbers(connection)["a1"], State.ACKNOWLEDGED, MOMENT, receipt="AA")])
    assert claim(connection) == ["a2"]


def test_a_waiting_record_holds_back_only_its_person_and_only_its_destination(connection: sqlite.Connection) -> None:
    owe(connection, "a1", "000000000001", "his", "lab")
    owe(connection, "a2", "000000000001", "his", "lab")
    owe(connection, "b1", "000000000002")
    (first,) = outbox.claim(connection, "his", MOMENT, 1, 300)
    outbox.settle(connection, [Deferred(first.delivery_id, "delivery.no_answer", MOMENT + timedelta(seconds=60))])
    assert claim(connection) == ["b1"]
    assert claim(connection, name="lab") == ["a1"]
    assert claim(connection, seconds=59) == []
    assert claim(connection, seconds=61) == ["a1"]


@pytest.mark.parametrize("end", ["reject", "kill"])
def test_a_record_that_ended_badly_blocks_nobody(connection: sqlite.Connection, end: str) -> None:
    owe(connection, "a1", "000000000001")
    owe(connection, "a2", "000000000001")
    (first,) = outbox.claim(connection, "his", MOMENT, 1, 300)
    if end == "reject":
        outbox.settle(connection, [Ended(first.delivery_id, State.REJECTED, MOMENT, "delivery.rejected", "AE 101")])
    else:
        outbox.settle(connection, [Ended(first.delivery_id, State.DEAD, MOMENT, "delivery.unrenderable")])
    assert claim(connection) == ["a2"]
    told = {one.record_id: one for one in listed(connection)}["a1"]
    assert told.state == (State.REJECTED if end == "reject" else State.DEAD)
    assert told.finished_at == "2026-11-21T00:45:00.000Z"


def test_a_clock_that_was_set_back_delays_nothing(connection: sqlite.Connection) -> None:
    owe(connection, "v1")
    (first,) = outbox.claim(connection, "his", MOMENT, 1, 300)
    outbox.settle(connection, [Deferred(first.delivery_id, "delivery.no_answer", MOMENT + timedelta(seconds=100))])
    assert claim(connection, seconds=-86400) == ["v1"]


def test_unknown_outcomes_go_out_again_after_a_restart(connection: sqlite.Connection) -> None:
    owe(connection, "v1")
    key = listed(connection)[0].idempotency_key
    claim(connection)
    assert outbox.reset_sending(connection, "lab") == 0
    assert outbox.reset_sending(connection, "his") == 1
    (again,) = outbox.claim(connection, "his", MOMENT, 1, 300)
    # Counted, because it may have arrived; nobody is suspected, for nothing was being rendered.
    assert (again.idempotency_key, again.attempts, again.suspicion) == (key, 1, 0)


def test_only_what_was_being_rendered_is_suspected_of_having_killed_the_process(connection: sqlite.Connection) -> None:
    owe(connection, "v1", "000000000001")
    owe(connection, "v2", "000000000002")
    for _ in range(2):
        claim(connection)
        assert outbox.reset_sending(connection, "his", culprit=numbers(connection)["v2"]) == 2
    assert [one.suspicion for one in outbox.claim(connection, "his", MOMENT, 10, 300)] == [0, 2]


def test_a_record_that_is_retried_goes_out_after_the_one_of_its_person_that_is_under_way(
    connection: sqlite.Connection,
) -> None:
    owe(connection, "a1")
    owe(connection, "a2")
    claim(connection)
    outbox.settle(connection, [Ended(numbers(connection)["a1"], State.REJECTED, MOMENT, "delivery.rejected")])
    assert claim(connection) == ["a2"]
    assert outbox_desk.retry(connection, Selection(numbers=(1,))) == 1
    assert claim(connection) == []
    outbox.settle(connection, [Ended(numbers(connection)["a2"], State.ACKNOWLEDGED, MOMENT)])
    assert claim(connection) == ["a1"]


def test_where_an_earlier_record_of_a_visit_arrives_again_the_latest_follows_it(connection: sqlite.Connection) -> None:
    owe(connection, "a1", "000000000001")
    with transaction(connection):
        later = record("a1", patient=patient(personal_id="000000000001"), revision=1, event=Event.UPDATED)
        outbox.enqueue(connection, later, ("his",), MOMENT)
    for number in (1, 2):
        claim(connection)
        outbox.settle(connection, [Ended(number, State.ACKNOWLEDGED, MOMENT)])
    assert outbox_desk.replay(connection, Selection(numbers=(1,))) == 1
    assert [one.delivery_id for one in outbox.claim(connection, "his", MOMENT, 10, 300)] == [1]
    outbox.settle(connection, [Ended(1, State.ACKNOWLEDGED, MOMENT)])
    assert [one.delivery_id for one in outbox.claim(connection, "his", MOMENT, 10, 300)] == [2]


def test_an_act_is_counted_without_being_done(connection: sqlite.Connection) -> None:
    owe(connection, "v1")
    chosen = Selection(states=(State.QUEUED,))
    assert outbox_desk.count(connection, DeskAct.HOLD, chosen) == 1
    assert states(connection) == {"v1": State.QUEUED}
    assert outbox_desk.count(connection, DeskAct.REPLAY, chosen) == 0


def test_an_act_is_undone_with_the_transaction_it_belongs_to(connection: sqlite.Connection) -> None:
    owe(connection, "v1")
    connection.execute("BEGIN")
    assert outbox_desk.hold(connection, Selection(record_id="v1")) == 1
    connection.execute("ROLLBACK")
    assert states(connection) == {"v1": State.QUEUED}


def test_a_damaged_answer_hides_no_later_one(connection: sqlite.Connection) -> None:
    for visit, answer in (("v1", "{"), ("v2", '{"room":"12"}')):
        connection.execute(
            "INSERT INTO hospital_answers (visit_id, destination, answered_at, answer) VALUES (?, 'his', 'now', ?)",
            (visit, answer),
        )
    assert [told.visit_id for told in outbox_desk.answers(connection)] == ["v2"]


def test_whoever_follows_the_answers_misses_none_after_old_ones_were_deleted(connection: sqlite.Connection) -> None:
    def told(visit: str) -> int:
        values = (visit, "his", "now", '{"room":"12"}')
        connection.execute(outbox._ANSWERED, values)
        return outbox_desk.answers(connection)[-1].seq

    seen = [told("v1"), told("v2")][-1]
    connection.execute("DELETE FROM hospital_answers")
    later = told("v3")
    assert later > seen
    assert [one.visit_id for one in outbox_desk.answers(connection, seen)] == ["v3"]


def test_answers_keep_their_numbers_and_attempts_are_in_doubt_when_an_older_database_is_brought_up(
    tmp_path: Path,
) -> None:
    path = tmp_path / "old.db"
    before = [one for one in MIGRATIONS if one.name < "bridge-0007"]
    migrate(path, before)
    with closing(open_database(path)) as old:
        owe_as_before = (
            "INSERT INTO deliveries (record_id, destination, idempotency_key, person_key, payload, state, attempts, "
            "render_failures, next_attempt_at, created_at) VALUES (?, 'his', ?, 'p', '{}', 'queued', ?, 0, 0.0, 'now')"
        )
        for visit, attempts in (("fresh", 0), ("tried", 3)):
            old.execute(owe_as_before, (visit, visit, attempts))
        old.execute("INSERT INTO hospital_answers VALUES (41, 'v1', 'his', 'now', '{\"room\":\"12\"}')")
    migrate(path, MIGRATIONS)
    with closing(open_database(path)) as new:
        assert [one.seq for one in outbox_desk.answers(new)] == [41]
        new.execute("DELETE FROM hospital_answers")
        new.execute(outbox._ANSWERED, ("v2", "his", "now", "{}"))
        assert [one.seq for one in outbox_desk.answers(new)] == [42]
        doubtful = new.execute("SELECT record_id, doubtful FROM deliveries ORDER BY id").fetchall()
        assert [tuple(row) for row in doubtful] == [("fresh", 0), ("tried", 1)]


def test_outcomes_are_written_all_together_or_not_at_all(connection: sqlite.Connection) -> None:
    owe(connection, "v1")
    claim(connection)
    number = numbers(connection)["v1"]
    connection.execute("CREATE TRIGGER full BEFORE INSERT ON hospital_answers BEGIN SELECT raise(ABORT, 'full'); END")
    answer = HospitalAnswer(queue_number="7")
    with pytest.raises(sqlite.IntegrityError):
        outbox.settle(connection, [Ended(number, State.ACKNOWLEDGED, MOMENT, receipt="201", answer=answer)])
    assert states(connection) == {"v1": State.SENDING}
    connection.execute("DROP TRIGGER full")
    outbox.settle(connection, [Ended(number, State.ACKNOWLEDGED, MOMENT, receipt="201", answer=answer)])
    (told,) = outbox_desk.answers(connection)
    assert (told.visit_id, told.destination, told.answer) == ("v1", "his", answer)
    assert outbox_desk.answers(connection, told.seq) == []


def test_a_later_record_of_a_visit_waits_for_the_first_to_arrive(connection: sqlite.Connection) -> None:
    owe(connection, "a1", "000000000001")
    with transaction(connection):
        later = record("a1", patient=patient(personal_id="000000000001"), revision=1, event=Event.UPDATED)
        outbox.enqueue(connection, later, ("his",), MOMENT)
    owe(connection, "a2", "000000000001")
    (first,) = outbox.claim(connection, "his", MOMENT, 10, 300)
    outbox.settle(connection, [Ended(first.delivery_id, State.REJECTED, MOMENT, "delivery.rejected")])
    # The correction of what never arrived waits, and with it the person's next visit, until somebody decides.
    assert claim(connection) == []
    assert outbox_desk.cancel(connection, Selection(record_id="a1"), MOMENT) == 1
    assert [one.idempotency_key != first.idempotency_key for one in outbox.claim(connection, "his", MOMENT, 10, 300)]


def test_a_paused_destination_gets_nothing_until_it_is_resumed(connection: sqlite.Connection) -> None:
    owe(connection, "v1", "001303900017", "his", "lab")
    outbox_desk.pause(connection, "his", MOMENT, "moving house")
    assert claim(connection) == []
    assert claim(connection, name="lab") == ["v1"]
    assert outbox_desk.pauses(connection)["his"].why == "moving house"
    assert [outbox_desk.resume(connection, "his"), outbox_desk.resume(connection, "his")] == [True, False]
    assert claim(connection) == ["v1"]


def test_technicians_hold_release_retry_replay_and_give_up(connection: sqlite.Connection) -> None:
    for number in range(4):
        owe(connection, f"v{number}", f"{number:012}")
    of = {visit: Selection(numbers=(number,)) for visit, number in numbers(connection).items()}
    assert outbox_desk.hold(connection, of["v3"]) == 1
    taken = {one.record_id: one.delivery_id for one in outbox.claim(connection, "his", MOMENT, 10, 300)}
    assert sorted(taken) == ["v0", "v1", "v2"]
    ends = {"v0": State.ACKNOWLEDGED, "v1": State.REJECTED, "v2": State.DEAD}
    outbox.settle(connection, [Ended(taken[visit], state, MOMENT) for visit, state in ends.items()])
    assert outbox_desk.retry(connection, of["v0"]) == 0  # it arrived: that is replay's
    assert outbox_desk.replay(connection, Selection(since=MOMENT, until=MOMENT + timedelta(seconds=1))) == 1
    assert outbox_desk.retry(connection, of["v1"]) == 1
    assert outbox_desk.cancel(connection, of["v2"], MOMENT) == 1
    assert outbox_desk.release(connection, of["v3"]) == 1
    assert claim(connection) == ["v0", "v1", "v3"]
    assert states(connection)["v2"] is State.CANCELLED


def test_deliveries_are_listed_newest_first_by_state_and_without_the_person(connection: sqlite.Connection) -> None:
    for number in range(4):
        owe(connection, f"v{number}", f"{number:012}")
    claim(connection, limit=1)
    assert [one.record_id for one in listed(connection, limit=2)] == ["v3", "v2"]
    assert [one.record_id for one in listed(connection, State.SENDING)] == ["v0"]
    assert "Nguyễn" not in repr(listed(connection))
    assert "000000000001" not in repr(listed(connection))


def test_depth_counts_what_is_owed_and_what_ended_badly(connection: sqlite.Connection) -> None:
    for number in range(4):
        owe(connection, f"v{number}", f"{number:012}")
    claim(connection, limit=1)
    outbox.settle(connection, [Ended(numbers(connection)["v1"], State.REJECTED, MOMENT, "delivery.rejected", "AE")])
    outbox.settle(connection, [Ended(numbers(connection)["v2"], State.ACKNOWLEDGED, MOMENT, receipt="AA")])
    told = outbox_desk.depth(connection)["his"]
    assert (told.waiting, told.rejected, told.dead) == (2, 1, 0)
    assert told.oldest_created_at == "2026-11-21T00:45:00.000Z"


def test_many_of_one_person_starve_nobody_behind_them(
    connection: sqlite.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "FRONT", 3)
    for number in range(6):
        owe(connection, f"v{number}")
    owe(connection, "behind", "000000000001")
    assert claim(connection) == ["v0"]
    # The first is put off, and nothing else of this person may go: the others are looked for behind the front.
    first = numbers(connection)["v0"]
    outbox.settle(connection, [Deferred(first, "hl7.no_answer", MOMENT + timedelta(seconds=60))])
    assert claim(connection) == ["behind"]
    assert claim(connection) == []
    assert claim(connection, seconds=60) == ["v0"]


def test_a_person_held_at_the_front_starves_nobody_behind(
    connection: sqlite.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "FRONT", 2)
    for number in range(4):
        owe(connection, f"v{number}")
    owe(connection, "behind", "000000000001")
    outbox_desk.hold(connection, Selection(numbers=[numbers(connection)["v0"]]))
    assert claim(connection) == ["behind"]


def test_the_claim_walks_an_index(connection: sqlite.Connection) -> None:
    plan = connection.execute(
        "EXPLAIN QUERY PLAN " + outbox._CLAIM, {"destination": "his", "now": 0, "horizon": 300, "limit": 1, "until": 9}
    ).fetchall()
    steps = [row["detail"] for row in plan]
    assert all(step.startswith("SEARCH") for step in steps if re.search("mine|ahead|earlier", step)), steps
    assert any("COVERING INDEX idx_deliveries_destination_person_key_state_id" in step for step in steps), steps
    assert not any("TEMP B-TREE" in step for step in steps)


def test_the_depth_is_counted_in_the_index(connection: sqlite.Connection) -> None:
    steps = [row["detail"] for row in connection.execute("EXPLAIN QUERY PLAN " + outbox_desk._DEPTH)]
    assert any("SCAN deliveries USING COVERING INDEX" in step for step in steps), steps
    assert not any(step == "SCAN deliveries" for step in steps), steps
