"""What the counter reads and writes, on the real database: order, pages, taking over, and what it costs."""

import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from config.settings import Settings, database_path
from hisbridge import pending
from hisbridge.questions import Act, Coverage, CoverageQuestion, Officer, Verdict
from hisbridge.records import PatientRecord
from kiosk.changes import NoSuchVisit
from kiosk.counter import AnotherPerson, Counter, Grounds, open_counter
from kiosk.counter_acts import FROM_PAPER, Strength, Task
from kiosk.states import CounterReason
from kiosk.store import Store
from tests.kiosk.people import by_chip, by_qr, covered, uninsured
from tests.kiosk.world import HandClock, rows
from wire.codec import from_json
from wire.database import DatabaseUnavailable, open_database

SLOW = Coverage(verdict=Verdict.UNVERIFIED, reason="portal.timeout", act=Act.WAIT)
ASKED = CoverageQuestion(personal_id="001303900017", full_name="Nguyễn Thị Lan", visit_date="2026-11-21")
OFFICER = Officer(full_name="Trần Thị Mẫu", personal_id="000088888888")


@pytest.fixture
def counter(settings: Settings, clock: HandClock) -> Iterator[Counter]:
    with closing(open_counter(settings, clock)) as opened:
        yield opened


def visit_of(store: Store, presentation: str, coverage: Coverage | None) -> str:
    visit = store.check_in(presentation, by_chip(), coverage).ticket.visit_id
    assert visit is not None
    return visit


def test_who_needs_the_counter_comes_first_in_order_of_arrival(
    store: Store, counter: Counter, clock: HandClock
) -> None:
    for number, coverage in enumerate((covered(), uninsured(), covered(), SLOW)):
        visit_of(store, f"run-{number}", coverage)
        clock.jump(minutes=1)
    store.counter_ticket("run-newborn", CounterReason.NEWBORN)
    page = counter.page()
    assert [row.number for row in page.rows] == ["A0002", "A0004", "A0005", "A0001", "A0003"]
    assert (page.waiting, page.total, page.pages) == (3, 5, 1)
    assert [row.reason for row in page.rows if row.visit_id is None] == [CounterReason.NEWBORN]


def test_each_row_says_what_is_expected(store: Store, counter: Counter) -> None:
    store.check_in("run-1", by_qr(expiry_date="2020-01-01"), uninsured())
    store.check_in("run-2", by_qr(full_name=None), None)
    expired, nameless = counter.page().rows
    assert expired.strength is Strength.CODE
    assert expired.tasks == (Task.EXPIRED_CARD, Act.ASK_RENEWED_CARD)
    assert nameless.tasks == (Task.COMPLETE_NAME, Task.ASK_INSURANCE)


def test_yesterdays_tickets_are_gone_and_a_clock_set_back_hides_none(
    store: Store, counter: Counter, clock: HandClock
) -> None:
    visit_of(store, "run-1", covered())
    clock.jump(days=1)
    assert counter.page().total == 0
    visit_of(store, "run-2", covered())
    clock.jump(days=-2)
    visit_of(store, "run-3", covered())
    assert counter.page().total == 2


def test_a_page_beyond_the_last_is_the_last(store: Store, counter: Counter) -> None:
    for number in range(51):
        visit_of(store, f"run-{number}", covered())
    assert [(counter.page(asked).number, len(counter.page(asked).rows)) for asked in (0, 1, 2, 9)] == [
        (1, 50),
        (1, 50),
        (2, 1),
        (2, 1),
    ]


def test_a_damaged_record_hides_no_other(settings: Settings, store: Store, counter: Counter) -> None:
    damaged = visit_of(store, "run-1", uninsured())
    visit_of(store, "run-2", uninsured())
    with closing(open_database(database_path(settings))) as connection:
        connection.execute("UPDATE visits SET record = '{' WHERE id = ?", (damaged,))
    assert [row.full_name for row in counter.page().rows] == [None, "NGUYỄN THỊ LAN"]


def test_the_version_tells_of_every_write_by_whomever(store: Store, counter: Counter) -> None:
    seen = {counter.version(), counter.version()}
    assert len(seen) == 1
    visit = visit_of(store, "run-1", SLOW)
    seen.add(counter.version())
    counter.take_over(visit, ASKED, covered())
    seen.add(counter.version())
    assert len(seen) == 3


def test_at_midnight_the_list_is_another_though_nobody_writes(counter: Counter, clock: HandClock) -> None:
    before = counter.version()
    clock.jump(days=1)
    assert counter.version() != before


def test_two_counters_may_correct_the_same_visit_and_both_are_kept(
    settings: Settings, store: Store, counter: Counter, clock: HandClock
) -> None:
    visit = visit_of(store, "run-1", SLOW)
    with closing(open_counter(settings, clock)) as other:
        counter.take_over(visit, ASKED, uninsured())
        other.take_over(visit, ASKED, covered())
    assert counter.visit(visit).record.coverage == covered()
    ((first,), (second,)) = rows(settings, "SELECT before FROM corrections ORDER BY id")
    assert [from_json(str(told), Coverage) for told in (first, second)] == [SLOW, uninsured()]


def test_an_answer_taken_over_is_in_the_visit_with_who_did_it_and_what_was_there(
    settings: Settings, store: Store, counter: Counter
) -> None:
    visit = visit_of(store, "run-1", uninsured())
    question = CoverageQuestion(personal_id="001303900017", visit_date="2026-11-21", officer=OFFICER)
    counter.take_over(visit, question, covered())
    ((record, verdict, attention),) = rows(
        settings, "SELECT record, verdict, needs_counter FROM visits JOIN tickets ON visit_id = visits.id"
    )
    assert from_json(str(record), PatientRecord).coverage == covered()
    assert (verdict, attention) == ("valid", 0)
    ((name, number, before, after),) = rows(settings, "SELECT officer_name, officer_id, before, after FROM corrections")
    assert (name, number) == (OFFICER.full_name, OFFICER.personal_id)
    assert from_json(str(before), Coverage) == uninsured()
    assert from_json(str(after), Coverage) == covered()
    corrected = counter.visit(visit).corrected
    assert corrected is not None
    assert (corrected.at, corrected.grounds, corrected.officer_name) == (
        "2026-11-21T07:45:00+07:00",
        Grounds.ASKED,
        OFFICER.full_name,
    )


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"personal_id": "001200900024"}, "personal_id"),
        ({"full_name": "Nguyễn Thị Làn"}, "full_name"),
        ({"birth_date": "2003-02-15"}, "birth_date"),
        ({"sex": "male"}, "sex"),
        ({"birth_date": "2003-02-14"}, "personal_id"),  # a child asked for without a number, at a parent's visit
        ({"full_name": "Nguyễn Thị Lan"}, "personal_id"),
    ],
)
def test_another_persons_answer_is_not_taken_over(
    settings: Settings, store: Store, counter: Counter, asked: dict[str, str], field: str
) -> None:
    visit = visit_of(store, "run-1", uninsured())
    question = CoverageQuestion(visit_date="2026-11-21", **asked)  # type: ignore[arg-type]
    with pytest.raises(AnotherPerson) as refused:
        counter.take_over(visit, question, covered())
    assert refused.value.data == {"field": field}
    assert rows(settings, "SELECT verdict FROM visits") == [("not_insured",)]
    assert rows(settings, "SELECT * FROM corrections") == []


def test_the_year_alone_and_another_spelling_are_the_same_person(store: Store, counter: Counter) -> None:
    visit = visit_of(store, "run-1", uninsured())
    question = CoverageQuestion(full_name="nguyễn thị lan", birth_date="2003", visit_date="2026-11-21")
    counter.take_over(visit, question, covered())
    assert counter.visit(visit).record.coverage == covered()


def test_a_question_left_open_is_not_asked_any_more_once_staff_have_the_answer(
    settings: Settings, store: Store, counter: Counter
) -> None:
    visit = visit_of(store, "run-1", SLOW)
    counter.take_over(visit, ASKED, covered())
    assert rows(settings, "SELECT state, question FROM open_questions") == [("given_up", None)]


def test_a_late_answer_does_not_undo_what_staff_took_over(
    settings: Settings, store: Store, counter: Counter, clock: HandClock
) -> None:
    visit = visit_of(store, "run-1", SLOW)
    with closing(open_database(database_path(settings))) as bridge:
        assert pending.answer(bridge, visit, uninsured(), clock.now()) is not None
    counter.take_over(visit, ASKED, covered())  # the bridge's answer lies there, the kiosk has not taken it yet
    ((late),) = store.take_late_answers()
    assert (late.coverage, late.needs_counter) == (covered(), False)
    assert counter.visit(visit).record.coverage == covered()
    assert store.take_late_answers() == []


def test_a_card_that_staff_inspected_needs_the_counter_no_more(store: Store, counter: Counter) -> None:
    visit = visit_of(store, "run-1", Coverage(verdict=Verdict.MANUAL_CHECK, act=Act.INSPECT_PAPERS))
    seen = Coverage(verdict=Verdict.MANUAL_CHECK, reason=FROM_PAPER, card_number="QN5010000000008")
    counter.take_over(visit, ASKED, seen, Grounds.PAPER_CARD)
    row = counter.visit(visit).row
    assert (row.needs_counter, row.tasks) == (False, ())


def test_a_visit_that_is_not_there_is_said_to_be_none(counter: Counter) -> None:
    for asked in (counter.visit, counter.ticket):
        with pytest.raises(NoSuchVisit):
            asked("0" * 32)
    with pytest.raises(NoSuchVisit):
        counter.take_over("0" * 32, ASKED, covered())


def test_without_a_database_the_counter_says_so_and_is_back_by_itself(
    settings: Settings, store: Store, counter: Counter
) -> None:
    path = database_path(settings)
    away = path.with_name("away.db")
    path.rename(away)
    with pytest.raises(DatabaseUnavailable):
        counter.page()
    away.rename(path)
    assert counter.page().total == 0


def test_a_day_of_5000_visits_is_read_by_index_in_milliseconds(
    settings: Settings, store: Store, counter: Counter
) -> None:
    visit = visit_of(store, "run-1", uninsured())
    with closing(open_database(database_path(settings))) as connection:
        connection.execute("BEGIN")
        connection.execute(
            "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 50000) "
            "INSERT INTO visits (id, presentation, created_at, service_code, source, verdict, record) "
            "SELECT 'v' || i, 'p' || i, created_at, service_code, source, verdict, record FROM n, visits WHERE id = ?",
            (visit,),
        )
        connection.execute(  # ten days, of which this is the last
            "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 50000) "
            "INSERT INTO tickets (id, number, prefix, day, sequence, service_code, issued_at, issued_seconds, visit_id,"
            " presentation, needs_counter) "
            "SELECT 't' || i, 'A' || i, prefix, iif(i <= 5000, day, date(day, -(i / 5000) || ' days')), i,"
            " service_code, issued_at, issued_seconds + i, 'v' || i, 'p' || i, i % 3 = 0 "
            "FROM n, tickets WHERE visit_id = ?",
            (visit,),
        )
        connection.execute("COMMIT")
    assert counter.page().total == 5000
    times = []
    for number in (1, 50, 100):
        for _ in range(5):
            begun = time.perf_counter()
            assert len(counter.page(number).rows) == 50
            times.append(time.perf_counter() - begun)
    median = sorted(times)[len(times) // 2]
    assert median < 0.020, f"{median * 1000:.1f} ms"
    print(f"page of 50 of 5,000 (50,000 in all): median {median * 1000:.2f} ms, worst {max(times) * 1000:.2f} ms")
