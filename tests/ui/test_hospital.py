"""What the hospital told, as the ticket and the counter say it: one number large, the room, escaped and bounded."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from config.settings import database_path
from hisbridge import outbox
from hisbridge.outbox import Ended, State, claim
from hisbridge.questions import Coverage, Verdict
from hisbridge.records import FeeLine, HospitalAnswer
from kiosk.states import AwaitAnswer, Session, TicketShown
from tests.kiosk.people import covered
from tests.kiosk.world import MORNING
from tests.ui.counter_desk import PRESS, CounterDesk
from tests.ui.scripted import TICKET, TOLD, ScriptedController, settings_with
from tests.ui.test_counter import name_of
from ui.app import create_app
from ui.hospital import amount_text, fees_text, room_text, shortened
from ui.screens import screen_of
from ui.words import Words
from wire.database import open_database

VI = Words("vi")
HOSTILE = HospitalAnswer(
    record_number="<b>1</b>", queue_number="<i>9</i>", room="<script>\u202ealert(1)</script>",
    fees=(FeeLine(name="<u>x</u>", amount="<s>"),),
)  # fmt: skip


def ticket(told: HospitalAnswer | None, needs_counter: bool = False, insured: bool = True) -> str:
    """The ticket's page."""
    coverage = covered() if insured else None
    controller = ScriptedController(Session(state=TicketShown(TICKET, coverage, needs_counter, told)))
    return create_app(settings_with(), controller).test_client().get("/").text


def test_the_hospitals_own_number_and_room_stand_large_and_ours_no_more() -> None:
    page = ticket(TOLD)
    assert "data-ticket-number>45<" in page
    assert "Phòng 12" in page
    assert "0042" not in page.replace('data-ticket="0042"', "")
    assert "Khám bệnh: 38.700 đồng" in page


def test_whom_the_counter_awaits_keeps_the_number_the_counter_calls() -> None:
    page = ticket(TOLD, needs_counter=True)
    assert "data-ticket-number>0042<" in page
    assert "Phòng 12" not in page  # one way to go; the counter sees the room
    assert VI.get("ticket.after", where="Phòng 12, số 45") in ticket(TOLD, needs_counter=True, insured=False)


def test_what_says_nothing_of_where_to_go_leaves_the_ticket_as_it_was() -> None:
    assert "data-ticket-number>0042<" in ticket(HospitalAnswer(record_number="BN1"))
    assert (
        VI.get("ticket.next")
        in screen_of(Session(state=TicketShown(TICKET, None, False)), settings_with(), VI).context.values()
    )


def test_no_number_is_shown_while_the_answer_is_waited_for() -> None:
    controller = ScriptedController(Session(state=AwaitAnswer(TICKET, covered())))
    page = create_app(settings_with(), controller).test_client().get("/").text
    assert 'data-screen="finishing"' in page
    assert "answer-time" in page
    assert "0042" not in page


@pytest.mark.parametrize("needs_counter", [False, True])
def test_hostile_answers_are_only_text(needs_counter: bool) -> None:
    page = ticket(HOSTILE, needs_counter, insured=False)
    for mark in ("<b>1", "<i>9", "<script>", "<u>x", "<s>", "\u202e"):
        assert mark not in page
    assert "&lt;" in page


def test_long_answers_are_cut_to_their_place() -> None:
    long = HospitalAnswer(queue_number="9" * 200, room="Phòng " * 30, record_number="x" * 200)
    screen = screen_of(Session(state=TicketShown(TICKET, None, False, long)), settings_with(), VI)
    assert len(screen.context["number"]) == 16
    assert screen.context["size"] == "longest"
    assert len(screen.context["room"]) <= 41
    assert screen.context["room"].endswith("Phòng…")


def test_amounts_and_rooms_are_said_as_people_do() -> None:
    assert [amount_text(told, VI) for told in ("38700", "38700.00", "0", "1.5", "miễn", None)] == [
        "38.700 đồng", "38.700 đồng", "0 đồng", "1.5", "miễn", "",
    ]  # fmt: skip
    assert amount_text("1250000", Words("en")) == "1,250,000 VND"
    assert [room_text(HospitalAnswer(room=room), VI) for room in ("12", "12A", "Phòng 12", "")] == [
        "Phòng 12", "Phòng 12A", "Phòng 12", "",
    ]  # fmt: skip
    two = (FeeLine(name="Khám", amount="38700"), FeeLine(name="Siêu âm", amount="100000"))
    assert fees_text(two, VI) == "2 khoản: 138.700 đồng"
    assert fees_text((*two, FeeLine(name="Thuốc")), VI) == VI.get("hospital.fees.some", count=3)
    assert shortened("Phòng khám Nội") == "Phòng khám Nội"


# At the counter.


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[CounterDesk]:
    opened = CounterDesk(tmp_path)
    yield opened
    opened.close()


def tells(desk: CounterDesk, visit: str, answer: HospitalAnswer) -> None:
    """The bridge delivers the record, the receiver tells this, the kiosk takes it."""
    with closing(open_database(database_path(desk.settings))) as connection:
        (taken,) = [one for one in claim(connection, "his", MORNING, 50, 300.0) if one.record_id == visit]
        outbox.settle(connection, [Ended(taken.delivery_id, State.ACKNOWLEDGED, MORNING, answer=answer)])
    desk.store.take_hospital_answers()


def test_the_list_and_the_visit_say_what_the_hospital_told(desk: CounterDesk) -> None:
    visit = desk.visit("run-1", covered())
    client = desk.client()
    before = desk.counter.version()
    assert "data-told" not in client.get("/counter/list").text
    tells(desk, visit, TOLD)
    assert desk.counter.version() != before  # the open pages draw themselves anew
    assert "Phòng 12, số 45" in client.get("/counter/list").text
    page = client.get(f"/counter/visits/{visit}").text
    for text in ('data-answered="his"', "BN000001", "Phòng 12", "45", "Khám bệnh: 38.700 đồng", "07:45 21/11/2026"):
        assert text in page


def test_hostile_answers_are_only_text_at_the_counter(desk: CounterDesk) -> None:
    visit = desk.visit("run-1", covered())
    tells(desk, visit, HOSTILE)
    for page in (desk.client().get("/counter/list").text, desk.client().get(f"/counter/visits/{visit}").text):
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
        assert "<script>\u202e" not in page


def test_what_is_taken_over_is_told_by_itself_and_no_note_asks_to_enter_it_again(desk: CounterDesk) -> None:
    visit = desk.visit("run-1", Coverage(verdict=Verdict.NOT_INSURED, result_code="010"))
    client = desk.client()
    asked = {"full_name": "Nguyễn Thị Lan", "birth_date": "14/02/2003", "personal_id": "001303900017"}
    desk.answer = covered()
    html = client.post(f"/counter/visits/{visit}/ask", data=asked, headers=PRESS).text
    taken = client.post(f"/counter/visits/{visit}/take-over", data={"answer": name_of(html)}, headers=PRESS).text
    assert VI.get("counter.passed_on") in taken
    assert "data-passed-on" in taken


def test_a_check_in_that_was_taken_back_says_so_and_takes_nothing_over(desk: CounterDesk) -> None:
    visit = desk.visit("run-1", None)
    client = desk.client()
    asked = {"full_name": "Nguyễn Thị Lan", "birth_date": "14/02/2003", "personal_id": "001303900017"}
    html = client.post(f"/counter/visits/{visit}/ask", data=asked, headers=PRESS).text
    assert desk.store.cancel(visit, "Trần Thị Mẫu", "Nhầm người")
    assert VI.get("counter.cancelled") in client.get("/counter/list").text
    assert "data-cancelled" in client.get(f"/counter/visits/{visit}").text
    refused = client.post(f"/counter/visits/{visit}/take-over", data={"answer": name_of(html)}, headers=PRESS)
    assert refused.status_code == 409
    assert VI.error("counter.visit_cancelled").cause in refused.text
