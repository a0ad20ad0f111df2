"""What the hospital tells back: kept with the visit, on the ticket in time, at the counter when late; never hostile."""

from contextlib import closing
from datetime import timedelta
from pathlib import Path

import msgspec

from config.settings import Settings, database_path
from hisbridge import outbox
from hisbridge.outbox import Ended, State, claim
from hisbridge.records import FeeLine, HospitalAnswer
from kiosk.changes import Answered, for_the_person
from kiosk.counter import open_counter
from kiosk.events import (
    CallStaff,
    Cancelled,
    Committed,
    Confirmed,
    CoverageAnswered,
    CoverageCameLate,
    HelpAsked,
    HospitalAnswered,
    PayloadRead,
    StopChip,
    Touched,
)
from kiosk.policy import Policy, policy_of
from kiosk.states import AwaitAnswer, Finishing, TicketShown
from kiosk.store import LATE_AT_ONCE, FromHospital, Store
from tests.kiosk.machine import NO_CARD, TICKET, Kiosk, confirming_chip
from tests.kiosk.people import MINH, by_chip, by_qr, covered, uninsured
from tests.kiosk.world import MORNING, HandClock, rows, site, store_of
from wire.database import open_database

ROOM = HospitalAnswer(record_number="BN1", queue_number="45", room="12", fees=(FeeLine(name="Khám", amount="38700"),))
NUMBER_ONLY = HospitalAnswer(record_number="BN1")


def visit_of(store: Store, presentation: str = "run-1") -> str:
    visit = store.check_in(presentation, by_chip(), covered()).ticket.visit_id
    assert visit is not None
    return visit


def tells(settings: Settings, visit: str, answer: HospitalAnswer, destination: str = "his") -> None:
    """The bridge delivers the visit's next record, and the receiver tells this with its receipt."""
    with closing(open_database(database_path(settings))) as connection:
        connection.execute("UPDATE deliveries SET state = 'queued' WHERE record_id = ?", (visit,))
        (taken,) = [one for one in claim(connection, destination, MORNING, 50, 300.0) if one.record_id == visit]
        outbox.settle(connection, [Ended(taken.delivery_id, State.ACKNOWLEDGED, MORNING, answer=answer)])


def test_an_answer_is_with_its_visit_once(settings: Settings, store: Store) -> None:
    visit = visit_of(store)
    assert store.take_hospital_answers() == []
    tells(settings, visit, ROOM)
    assert store.take_hospital_answers() == [FromHospital(visit, ROOM, "his")]
    assert store.take_hospital_answers() == []
    with store_of(settings) as restarted:
        assert restarted.take_hospital_answers() == []
    with closing(open_counter(settings, HandClock())) as counter:
        (answered,) = counter.visit(visit).answers
        assert (answered.destination, answered.answer) == ("his", ROOM)
        assert [row.told for row in counter.page().rows] == [ROOM]


def test_a_later_answer_keeps_what_it_does_not_tell_again(settings: Settings, store: Store) -> None:
    visit = visit_of(store)
    tells(settings, visit, ROOM)
    store.take_hospital_answers()
    tells(settings, visit, HospitalAnswer(record_number="BN1", room="14"))
    (told,) = store.take_hospital_answers()
    assert told.answer == HospitalAnswer(record_number="BN1", queue_number="45", room="14", fees=ROOM.fees)


def test_many_answers_are_taken_a_few_at_a_time(settings: Settings, store: Store) -> None:
    visits = [visit_of(store, f"run-{number}") for number in range(LATE_AT_ONCE + 1)]
    with closing(open_database(database_path(settings))) as connection:
        connection.executemany(
            "INSERT INTO hospital_answers (visit_id, destination, answered_at, answer) VALUES (?, 'his', 'now', ?)",
            [(visit, '{"room":"1"}') for visit in visits],
        )
    assert [len(store.take_hospital_answers()) for _ in range(3)] == [LATE_AT_ONCE, 1, 0]


def test_a_damaged_answer_keeps_no_other_waiting(settings: Settings, store: Store) -> None:
    visit = visit_of(store)
    with closing(open_database(database_path(settings))) as connection:
        connection.executemany(
            "INSERT INTO hospital_answers (visit_id, destination, answered_at, answer) VALUES (?, ?, 'now', ?)",
            [(visit, "archive", "{"), (visit, "his", '{"room":"1"}')],
        )
    assert store.take_hospital_answers() == [FromHospital(visit, HospitalAnswer(room="1"), "his")]


def test_a_hostile_receiver_tells_bounded_text_without_controls(settings: Settings, store: Store) -> None:
    visit = visit_of(store)
    hostile = "\x1b[2J\u202eA\r\n" + "x" * 100_000
    fees = tuple(FeeLine(name=hostile, amount=hostile) for _ in range(1000))
    answer = HospitalAnswer(
        record_number=hostile, visit_number="\x00\x07", queue_number=hostile, room=hostile, fees=fees
    )
    tells(settings, visit, answer)
    (told,) = store.take_hospital_answers()
    assert told.answer.visit_number is None
    for text in (told.answer.record_number, told.answer.queue_number, told.answer.room):
        assert text is not None
        assert len(text) == 200
        assert text.startswith("[2JA x")
    assert len(told.answer.fees) == 100


def test_the_person_is_shown_the_answer_of_one_system_the_first_that_says_where_to_go() -> None:
    def from_(name: str, answer: HospitalAnswer) -> Answered:
        return Answered(name, "2026-11-21T00:45:00Z", answer)

    other = HospitalAnswer(room="99")
    told = [from_("archive", other), from_("his", NUMBER_ONLY), from_("gone", ROOM)]
    assert for_the_person(told, ("his", "archive")) == told[0]
    both = [from_("archive", other), from_("his", ROOM)]
    assert for_the_person(both, ("his", "archive")) == both[1]
    assert for_the_person(told[1:2], ("his",)) == told[1]
    assert for_the_person([], ("his",)) is None


def test_a_ticket_shown_again_after_a_restart_tells_what_was_told(settings: Settings, store: Store) -> None:
    visit = visit_of(store)
    tells(settings, visit, ROOM)
    store.take_hospital_answers()
    with store_of(settings) as restarted:
        issued = restarted.last_unshown(timedelta(minutes=2))
    assert issued is not None
    assert issued.told is not None
    assert (issued.told.answer, issued.told.destination) == (ROOM, "his")


# On the touchscreen.

WAITS = Policy(answer_wait_seconds=3.0)


def committed(policy: Policy, needs_counter: bool = False) -> Kiosk:
    kiosk = Kiosk(policy)
    confirming_chip(kiosk)
    kiosk.tell(CoverageAnswered(kiosk.name, covered()), Confirmed())
    assert isinstance(kiosk.state, Finishing)
    kiosk.tell(Committed(kiosk.name, TICKET, needs_counter))
    return kiosk


def test_by_itself_the_ticket_waits_for_nobody_and_takes_up_what_comes(settings: Settings) -> None:
    assert policy_of(settings).answer_wait_seconds == 0
    kiosk = committed(Policy())
    assert kiosk.state == TicketShown(TICKET, covered(), False)
    kiosk.tell(HospitalAnswered("somebody else's", ROOM))
    assert kiosk.state == TicketShown(TICKET, covered(), False)
    kiosk.tell(HospitalAnswered("v", ROOM))
    assert kiosk.state == TicketShown(TICKET, covered(), False, ROOM)


def test_a_room_told_at_the_last_moment_stays_as_long_as_any_ticket_once() -> None:
    kiosk = committed(Policy())
    kiosk.wait(29)
    kiosk.tell(HospitalAnswered("v", ROOM))
    kiosk.wait(29)
    kiosk.tell(HospitalAnswered("v", HospitalAnswer(room="14")))  # who tells again and again keeps nobody out
    assert isinstance(kiosk.state, TicketShown)
    kiosk.wait(1.1)
    assert not isinstance(kiosk.state, TicketShown)


def test_whom_one_system_has_sent_somewhere_no_other_sends_elsewhere() -> None:
    kiosk = committed(WAITS)
    kiosk.tell(HospitalAnswered("v", ROOM, "his"), HospitalAnswered("v", HospitalAnswer(room="99"), "other"))
    assert kiosk.state == TicketShown(TICKET, covered(), False, ROOM, "his")
    moved = HospitalAnswer(room="14", queue_number="45")
    kiosk.tell(HospitalAnswered("v", moved, "his"))
    assert kiosk.state == TicketShown(TICKET, covered(), False, moved, "his")


def test_what_does_not_say_where_to_go_gives_the_ticket_no_more_time() -> None:
    kiosk = committed(Policy())
    kiosk.wait(29)
    kiosk.tell(HospitalAnswered("v", NUMBER_ONLY))
    kiosk.wait(1.1)
    assert not isinstance(kiosk.state, TicketShown)


def test_a_site_may_wait_for_the_answer_and_shows_one_number_only() -> None:
    kiosk = committed(WAITS)
    assert kiosk.state == AwaitAnswer(TICKET, covered())
    kiosk.tell(HospitalAnswered("v", NUMBER_ONLY))
    assert isinstance(kiosk.state, AwaitAnswer)
    kiosk.tell(HospitalAnswered("v", ROOM))
    assert kiosk.state == TicketShown(TICKET, covered(), False, ROOM)


def test_an_answer_that_does_not_come_is_waited_for_no_longer_than_the_site_says() -> None:
    kiosk = committed(WAITS)
    kiosk.wait(2.9)
    assert isinstance(kiosk.state, AwaitAnswer)
    kiosk.wait(0.2)
    assert kiosk.state == TicketShown(TICKET, covered(), False)
    entered = kiosk.session.entered
    assert entered == kiosk.now  # its own time begins now


def test_whom_the_counter_awaits_waits_for_nothing() -> None:
    assert committed(WAITS, needs_counter=True).state == TicketShown(TICKET, covered(), True)


def test_a_touch_ends_the_wait_and_never_the_ticket() -> None:
    for event in (Touched(), Cancelled(), Confirmed()):
        kiosk = committed(WAITS)
        assert kiosk.tell(event) == ()
        assert isinstance(kiosk.state, TicketShown)
    kiosk = committed(WAITS)
    assert kiosk.tell(HelpAsked()) == (CallStaff("ticket"),)
    assert isinstance(kiosk.state, TicketShown)


def test_the_next_person_waits_while_the_answer_is_waited_for() -> None:
    kiosk = committed(WAITS)
    assert not any(isinstance(effect, StopChip) for effect in kiosk.tell(PayloadRead(by_qr(MINH))))
    assert isinstance(kiosk.state, AwaitAnswer)
    kiosk.tell(NO_CARD)
    kiosk.wait(3.1)
    assert isinstance(kiosk.state, TicketShown)
    kiosk.wait(5.1)
    assert type(kiosk.state).__name__ == "Confirm"


def test_a_late_insurance_answer_that_needs_the_counter_ends_the_wait() -> None:
    kiosk = committed(WAITS)
    kiosk.tell(CoverageCameLate("v", covered(), False))
    assert isinstance(kiosk.state, AwaitAnswer)
    kiosk.tell(CoverageCameLate("v", uninsured(), True))
    assert kiosk.state == TicketShown(TICKET, uninsured(), True)


def test_nobody_is_waited_for_where_no_destination_is(tmp_path: Path) -> None:
    alone = site(tmp_path, destinations=())
    patient = msgspec.structs.replace(alone.kiosk, answer_wait_seconds=3.0)
    assert policy_of(msgspec.structs.replace(alone, kiosk=patient)).answer_wait_seconds == 0


def test_answers_of_a_database_that_never_had_any_cost_one_look(settings: Settings, store: Store) -> None:
    assert store.take_hospital_answers() == []
    assert rows(settings, "SELECT * FROM visit_answers") == []
