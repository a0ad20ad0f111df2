"""What the insurance answers after the ticket: in the visit once, on the screen while the ticket stands there."""

from contextlib import closing

import pytest

from config.settings import Settings, database_path
from hisbridge import pending
from hisbridge.questions import Act, Coverage, CoverageQuestion, Verdict
from hisbridge.records import PatientRecord
from kiosk.changes import Late
from kiosk.events import CoverageCameLate
from kiosk.states import CounterReason, TicketShown
from kiosk.store import LATE_AT_ONCE
from tests.kiosk.machine import TICKET, Kiosk, confirming_chip
from tests.kiosk.people import by_chip, covered, uninsured, unlinked
from tests.kiosk.world import MORNING, HandClock, rows, store_of
from wire.codec import from_json
from wire.database import open_database

SLOW = Coverage(verdict=Verdict.UNVERIFIED, reason="portal.timeout", act=Act.WAIT)


def the_bridge_answers(settings: Settings, visit_id: str, coverage: Coverage) -> None:
    with closing(open_database(database_path(settings))) as connection:
        assert pending.answer(connection, visit_id, coverage, MORNING) is not None


def record_of(settings: Settings, visit_id: str) -> PatientRecord:
    ((record,),) = rows(settings, "SELECT record FROM visits WHERE id = ?", visit_id)
    return from_json(str(record), PatientRecord)


def test_a_visit_without_an_answer_leaves_its_question_in_the_same_transaction(settings: Settings) -> None:
    with store_of(settings) as store:
        visit = store.check_in("run-1", by_chip(), SLOW).ticket.visit_id
    ((visit_id, question),) = rows(settings, "SELECT visit_id, question FROM open_questions")
    assert visit_id == visit
    asked = from_json(str(question), CoverageQuestion)
    assert (asked.personal_id, asked.visit_date) == ("001303900017", "2026-11-21")


@pytest.mark.parametrize("coverage", [covered(), uninsured(), unlinked(), None])
def test_what_was_answered_is_not_asked_again(settings: Settings, coverage: Coverage | None) -> None:
    with store_of(settings) as store:
        store.check_in("run-1", by_chip(), coverage)
    assert rows(settings, "SELECT * FROM open_questions") == []


def test_a_late_answer_is_in_the_visit_once_and_the_counter_is_no_longer_needed(settings: Settings) -> None:
    with store_of(settings) as store:
        issued = store.check_in("run-1", by_chip(), SLOW)
        visit = issued.ticket.visit_id
        assert visit is not None
        assert issued.needs_counter
        assert store.take_late_answers() == []
        the_bridge_answers(settings, visit, covered())
        assert store.take_late_answers() == [Late(visit, covered(), needs_counter=False)]
        assert store.take_late_answers() == []
    assert record_of(settings, visit).coverage == covered()
    assert rows(settings, "SELECT verdict FROM visits") == [("valid",)]
    assert rows(settings, "SELECT needs_counter FROM tickets") == [(0,)]
    with store_of(settings) as store:
        assert store.take_late_answers() == []


def test_a_damaged_visit_keeps_no_other_waiting(settings: Settings) -> None:
    with store_of(settings) as store:
        visits = [
            store.check_in(f"run-{number}", by_chip(), SLOW).ticket.visit_id for number in range(LATE_AT_ONCE + 1)
        ]
        with closing(open_database(database_path(settings))) as connection:
            connection.execute("UPDATE visits SET record = '{' WHERE id = ?", (visits[0],))
        for visit in visits:
            assert visit is not None
            the_bridge_answers(settings, visit, covered())
        taken = [store.take_late_answers(), store.take_late_answers(), store.take_late_answers()]
    # A few at a time, for a ticket may be waiting behind them.
    assert [[late.visit_id for late in round] for round in taken] == [visits[:-1], visits[-1:], []]
    assert [late.needs_counter for late in taken[0]] == [True, *[False] * (LATE_AT_ONCE - 1)]


def test_answers_that_came_while_the_kiosk_was_down_are_taken_when_it_is_back(settings: Settings) -> None:
    with store_of(settings) as store:
        visits = [store.check_in(f"run-{number}", by_chip(), SLOW).ticket.visit_id for number in range(3)]
    for visit in visits:
        assert visit is not None
        the_bridge_answers(settings, visit, uninsured())
    with store_of(settings) as store:
        assert [late.visit_id for late in store.take_late_answers()] == visits
    assert rows(settings, "SELECT DISTINCT needs_counter FROM tickets") == [(1,)]


def test_an_answer_after_midnight_is_in_yesterdays_visit(settings: Settings) -> None:
    clock = HandClock()
    with store_of(settings, clock) as store:
        visit = store.check_in("run-1", by_chip(), SLOW).ticket.visit_id
        assert visit is not None
        clock.jump(days=1)
        the_bridge_answers(settings, visit, covered())
        assert store.take_late_answers() == [Late(visit, covered(), needs_counter=False)]
    record = record_of(settings, visit)
    assert (record.coverage, record.visit.arrived_at[:10]) == (covered(), "2026-11-21")


def test_a_late_answer_that_names_somebody_else_sends_the_person_to_the_counter(settings: Settings) -> None:
    other = Coverage(verdict=Verdict.MISMATCH, result_code="060", act=Act.COMPARE_PERSON)
    with store_of(settings) as store:
        visit = store.check_in("run-1", by_chip(), SLOW).ticket.visit_id
        assert visit is not None
        the_bridge_answers(settings, visit, other)
        assert store.take_late_answers() == [Late(visit, other, needs_counter=True)]
    assert rows(settings, "SELECT verdict, needs_counter FROM visits JOIN tickets ON visit_id = visits.id") == [
        ("mismatch", 1)
    ]


def test_what_the_kiosk_itself_says_is_asked_again(settings: Settings) -> None:
    """Past the deadline and without a bridge the kiosk has words of its own for "not answered"."""
    with store_of(settings) as store:
        for reason in ("checkin.deadline", "bridge.unreachable", "wire.malformed"):
            store.check_in(reason, by_chip(), Coverage(verdict=Verdict.UNVERIFIED, reason=reason, act=Act.WAIT))
    assert rows(settings, "SELECT count(*) FROM open_questions WHERE state = 'open'") == [(3,)]


def test_a_ticket_on_the_screen_tells_the_late_answer_and_its_time_goes_on() -> None:
    kiosk = Kiosk()
    confirming_chip(kiosk)
    kiosk.session = kiosk.session.__class__(state=TicketShown(TICKET, SLOW, True), entered=kiosk.now, run="run")
    assert kiosk.tell(CoverageCameLate("somebody else's", covered(), False)) == ()
    assert kiosk.state == TicketShown(TICKET, SLOW, True)
    kiosk.now += 3
    entered = kiosk.session.entered
    kiosk.tell(CoverageCameLate("v", covered(), False))
    assert kiosk.state == TicketShown(TICKET, covered(), False)
    assert kiosk.session.entered == entered


def test_the_reason_for_the_counter_stands_with_its_number(settings: Settings) -> None:
    with store_of(settings) as store:
        store.counter_ticket("run-1", CounterReason.CHILD)
        store.counter_ticket("run-2")
    assert rows(settings, "SELECT reason, needs_counter FROM tickets ORDER BY sequence") == [("child", 1), (None, 1)]
