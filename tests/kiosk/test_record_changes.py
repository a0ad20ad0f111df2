"""A visit that changes after its ticket goes out again: what is owed to whom, in which order, and what is not."""

import re
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta

import msgspec
import pytest

from config.destinations import Hl7v2Destination
from config.settings import Settings, database_path
from hisbridge import pending
from hisbridge.outbox import Ended, State, claim, settle
from hisbridge.questions import Act, Coverage, CoverageQuestion, Officer, Verdict
from hisbridge.records import Event, PatientRecord
from kiosk.changes import NoSuchVisit, VisitCancelled
from kiosk.counter import Counter, open_counter
from kiosk.store import Store
from tests.kiosk.people import by_chip, covered, uninsured
from tests.kiosk.world import MORNING, HandClock, rows, store_of
from wire.codec import from_json
from wire.database import DatabaseUnavailable, open_database

SLOW = Coverage(verdict=Verdict.UNVERIFIED, reason="portal.timeout", act=Act.WAIT)
ASKED = CoverageQuestion(personal_id="001303900017", full_name="Nguyễn Thị Lan", visit_date="2026-11-21")
OFFICER = Officer(full_name="Trần Thị Mẫu", personal_id="000088888888")


@pytest.fixture
def counter(settings: Settings) -> Iterator[Counter]:
    with closing(open_counter(settings, HandClock())) as opened:
        yield opened


def visit_of(store: Store, coverage: Coverage | None = SLOW) -> str:
    visit = store.check_in("run-1", by_chip(), coverage).ticket.visit_id
    assert visit is not None
    return visit


def answer_late(settings: Settings, store: Store, visit: str, coverage: Coverage) -> None:
    with closing(open_database(database_path(settings))) as connection:
        assert pending.answer(connection, visit, coverage, MORNING) is not None
    store.take_late_answers()


def owed(settings: Settings, destination: str = "his") -> list[tuple[int, str, Verdict | None]]:
    """What this destination is owed in order: revision, event, and the insurance verdict in the record."""
    query = "SELECT revision, event, payload FROM deliveries WHERE destination = ? ORDER BY id"
    told = [(row[0], row[1], from_json(str(row[2]), PatientRecord)) for row in rows(settings, query, destination)]
    for revision, event, record in told:
        assert (record.revision, record.event) == (revision, event)
    verdicts = [record.coverage.verdict if record.coverage else None for _, _, record in told]
    return [(int(str(rev)), str(event), verdict) for (rev, event, _), verdict in zip(told, verdicts, strict=True)]


def stored(settings: Settings) -> PatientRecord:
    ((record,),) = rows(settings, "SELECT record FROM visits")
    return from_json(str(record), PatientRecord)


def test_a_late_insurance_answer_goes_out_behind_its_arrival(settings: Settings, store: Store) -> None:
    visit = visit_of(store)
    answer_late(settings, store, visit, covered())
    for destination in ("his", "archive"):
        assert owed(settings, destination) == [(0, "arrived", Verdict.UNVERIFIED), (1, "updated", Verdict.VALID)]
    assert (stored(settings).revision, stored(settings).event) == (1, Event.UPDATED)


def test_what_staff_take_over_goes_out_each_time_with_the_next_revision(
    settings: Settings, store: Store, counter: Counter
) -> None:
    visit = visit_of(store)
    answer_late(settings, store, visit, uninsured())
    counter.take_over(visit, msgspec.structs.replace(ASKED, officer=OFFICER), covered())
    assert [one[:2] for one in owed(settings)] == [(0, "arrived"), (1, "updated"), (2, "updated")]
    assert owed(settings)[-1][2] is Verdict.VALID


def test_each_record_tells_when_it_was_made_in_the_sites_time(settings: Settings) -> None:
    clock = HandClock()
    with store_of(settings, clock=clock) as store:
        visit = visit_of(store)
        clock.jump(seconds=90)
        answer_late(settings, store, visit, covered())
    query = "SELECT payload FROM deliveries WHERE destination = 'his' ORDER BY id"
    made = [from_json(str(row[0]), PatientRecord) for row in rows(settings, query)]
    arrived, answered = (datetime.fromisoformat(one.recorded_at or "") for one in made)
    assert made[0].recorded_at == made[0].visit.arrived_at == made[1].visit.arrived_at
    assert (answered - arrived, answered.utcoffset()) == (timedelta(seconds=90), timedelta(hours=7))


def test_an_answer_that_changes_nothing_is_told_to_nobody(settings: Settings, store: Store, counter: Counter) -> None:
    visit = visit_of(store, covered())
    counter.take_over(visit, ASKED, covered())
    assert len(owed(settings)) == 1
    assert stored(settings).revision == 0


def test_every_revision_has_a_key_of_its_own(settings: Settings, store: Store, counter: Counter) -> None:
    visit = visit_of(store)
    counter.take_over(visit, ASKED, covered())
    keys = rows(settings, "SELECT idempotency_key FROM deliveries")
    assert len(set(keys)) == len(keys) == 4


def test_the_change_waits_for_its_arrival_and_finds_it_as_it_was(
    settings: Settings, store: Store, counter: Counter
) -> None:
    """Taken for sending or not, what is owed is never rewritten; the outbox hands the change out behind it."""
    visit = visit_of(store)
    with closing(open_database(database_path(settings))) as connection:

        def next_ones() -> list[tuple[int, int]]:
            taken = claim(connection, "his", MORNING, 10, 300.0)
            records = [(one.delivery_id, from_json(one.payload, PatientRecord)) for one in taken]
            return [(number, record.revision) for number, record in records]

        ((arrival, revision),) = next_ones()
        counter.take_over(visit, ASKED, covered())
        assert (revision, next_ones()) == (0, [])
        settle(connection, [Ended(arrival, State.ACKNOWLEDGED, MORNING)])
        assert [revision for _, revision in next_ones()] == [1]


def test_a_destination_that_never_heard_of_the_visit_is_not_told_of_its_change(
    settings: Settings, store: Store
) -> None:
    visit = visit_of(store)
    added = (*settings.destinations, Hl7v2Destination(name="new", host="127.0.0.1", port=1))
    with store_of(msgspec.structs.replace(settings, destinations=added[1:])) as restarted:
        answer_late(settings, restarted, visit, covered())
    assert [one[0] for one in owed(settings)] == [0]  # it stands in the settings no more
    assert [one[0] for one in owed(settings, "archive")] == [0, 1]
    assert owed(settings, "new") == []


def test_a_change_whose_delivery_cannot_be_written_is_not_made(
    settings: Settings, store: Store, counter: Counter
) -> None:
    visit = visit_of(store)
    with closing(open_database(database_path(settings))) as connection:
        connection.execute(
            "CREATE TRIGGER full BEFORE INSERT ON deliveries BEGIN SELECT raise(ABORT, 'disk full'); END"
        )
    with pytest.raises(DatabaseUnavailable):
        counter.take_over(visit, ASKED, covered())
    record = stored(settings)
    assert (record.revision, record.coverage) == (0, SLOW)
    assert rows(settings, "SELECT * FROM corrections") == []


def test_a_record_of_an_older_version_is_known_as_the_arrival(settings: Settings, store: Store) -> None:
    visit = visit_of(store)
    with closing(open_database(database_path(settings))) as connection:
        ((text,),) = rows(settings, "SELECT record FROM visits")
        old = re.sub(r'"event":"arrived","revision":0,"recorded_at":"[^"]*","merge":null,', "", str(text))
        assert "revision" not in old
        connection.execute("UPDATE visits SET record = ?", (old,))
    answer_late(settings, store, visit, covered())
    assert [one[:2] for one in owed(settings)] == [(0, "arrived"), (1, "updated")]


# A check-in that is taken back.


def test_a_check_in_is_taken_back_and_who_and_why_is_noted(settings: Settings, store: Store, counter: Counter) -> None:
    visit = visit_of(store)
    assert store.cancel(visit, "Trần Thị Mẫu", "Nhầm người\n\x07 khác")
    assert [one[:2] for one in owed(settings)] == [(0, "arrived"), (1, "cancelled")]
    assert rows(settings, "SELECT field, reason, officer_name, before, after FROM corrections") == [
        ("event", "Nhầm người khác", "Trần Thị Mẫu", '"arrived"', '"cancelled"')
    ]
    assert rows(settings, "SELECT state FROM open_questions") == [("given_up",)]
    (row,) = counter.page().rows
    assert (row.cancelled, row.needs_counter, row.tasks) == (True, False, ())
    assert counter.visit(visit).corrected is None  # nobody corrected the insurance answer


def test_a_check_in_is_taken_back_once(settings: Settings, store: Store) -> None:
    visit = visit_of(store)
    assert [store.cancel(visit, "a", "b"), store.cancel(visit, "a", "b")] == [True, False]
    assert len(owed(settings)) == 2
    with pytest.raises(NoSuchVisit):
        store.cancel("nobody's", "a", "b")


def test_what_was_taken_back_changes_no_more(settings: Settings, store: Store, counter: Counter) -> None:
    visit = visit_of(store)
    with closing(open_database(database_path(settings))) as connection:
        assert pending.answer(connection, visit, covered(), MORNING) is not None
    store.cancel(visit, "a", "b")
    (late,) = store.take_late_answers()
    assert (late.coverage, late.needs_counter) == (SLOW, False)
    assert store.take_late_answers() == []
    with pytest.raises(VisitCancelled):
        counter.take_over(visit, ASKED, covered())
    assert [one[:2] for one in owed(settings)] == [(0, "arrived"), (1, "cancelled")]
