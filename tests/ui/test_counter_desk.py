"""The counter's own desk over HTTP: whom it has, one press one act, records corrected and people typed in."""

import html
import re
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from hisbridge.questions import Citizen, Coverage, Difference, Register, Verdict
from hisbridge.records import Event, Guardian, PatientRecord
from kiosk.accounts import Role
from kiosk.counter_edit import GUARDIAN
from kiosk.counter_entry import Case
from kiosk.queue.model import MoveKind, Priority, PriorityBy, Standing
from kiosk.states import Choice, CounterReason
from tests.kiosk.people import by_chip, covered
from tests.kiosk.world import rows
from tests.ui.counter_desk import CounterDesk
from ui.counter.desk_views import POSSIBLE
from ui.words import LANGUAGES, Words
from wire.codec import from_json

VALID = covered()
CHILD = {
    "case": "child",
    "full_name": "Trần Bé Thử",
    "birth_date": "20/11/2023",
    "guardian_name": "Trần Thị Mẫu",
    "guardian_relation": "mother",
    "guardian_id": "001190000008",
}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[CounterDesk]:
    opened = CounterDesk(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def client(desk: CounterDesk) -> FlaskClient:
    return desk.client()


def press(client: FlaskClient, kind: str, ticket: str = "", status: int = 200, **more: str) -> str:
    fields = {"name": secrets.token_hex(16), "kind": kind, "ticket": ticket, "page": "desk", **more}
    answer = client.post("/counter/act", data=fields)
    assert answer.status_code == status, answer.text
    return answer.text


def has(page: str) -> str:
    found = re.search(r'data-current="([^"]*)"', page)
    assert found
    return found[1]


def seen_on(page: str) -> str:
    found = re.search(r'data-seen="([^"]*)"', page)
    assert found
    return found[1]


def enter(client: FlaskClient, status: int = 200, name: str = "", **typed: str) -> str:
    answer = client.post("/counter/enter", data={"name": name or secrets.token_hex(16), "ticket": "", **typed})
    assert answer.status_code == status, answer.text
    return answer.text


def record_of(desk: CounterDesk, number: str) -> PatientRecord:
    query = "SELECT record FROM visits JOIN tickets ON visit_id = visits.id WHERE number = ?"
    ((record,),) = rows(desk.settings, query, number)
    assert isinstance(record, str)
    return from_json(record, PatientRecord)


def correct(client: FlaskClient, visit: str, was: dict[str, str], status: int = 200, **typed: str) -> str:
    fields = {f"was_{name}": text for name, text in was.items()} | was | {"reason": "sai dấu"} | typed
    answer = client.post(f"/counter/visits/{visit}/edit", data=fields)
    assert answer.status_code == status, answer.text
    return answer.text


def shown(client: FlaskClient, visit: str) -> dict[str, str]:
    page = client.get(f"/counter/visits/{visit}/edit").text
    return dict(re.findall(r'name="was_(\w+)" value="([^"]*)"', page))


# Where one sits


def test_whoever_has_no_counter_yet_chooses_one_and_is_asked_no_more(desk: CounterDesk) -> None:
    client = desk.client(place="")
    assert client.get("/counter").headers["Location"] == "/place"
    assert 'data-place="2"' in client.get("/place").text
    assert client.post("/place", data={"place": "9"}).status_code == 404
    assert 'data-go="/counter"' in client.post("/place", data={"place": "2"}).text
    assert "Phòng xét nghiệm" in client.get("/counter").text


def test_an_act_without_a_counter_is_refused_in_words(desk: CounterDesk) -> None:
    told = press(desk.client(place=""), "call_next", status=409)
    assert Words("vi").get("error.counter.no_place") in told


@pytest.mark.parametrize("path", ["/counter", "/counter/list", "/counter/events", "/place", "/counter/enter"])
def test_technicians_and_strangers_see_nothing_of_it(desk: CounterDesk, path: str) -> None:
    assert desk.client(Role.TECHNICIAN).get(path).status_code == 403
    assert desk.site.stranger().get(path).status_code == 401


# One key, one act


def test_the_next_is_called_begun_and_finished_in_order(desk: CounterDesk, client: FlaskClient) -> None:
    desk.visit("run-1", VALID)
    desk.visit("run-2", VALID, personal_id="001200900024", full_name="Lê Văn Thử")
    page = press(client, "call_next")
    assert has(page) == "A0001"
    assert "NGUYỄN THỊ LAN" in page
    ticket = re.search(r'data-act="begin" data-ticket="(\w+)"', page)
    assert ticket
    assert 'data-standing="served"' in press(client, "begin", ticket[1])
    assert has(press(client, "finish", ticket[1])) == ""
    assert has(press(client, "call_next")) == "A0002"
    told = rows(desk.settings, "SELECT kind, by, counter FROM moves ORDER BY id")
    assert told == [(kind, "mai", "1") for kind in ("call", "begin", "finish", "call")]


def test_an_act_sent_twice_is_done_once(desk: CounterDesk, client: FlaskClient) -> None:
    for number in range(3):
        desk.visit(f"run-{number}", VALID)
    fields = {"name": "press-00000001", "kind": "call_next", "page": "desk"}
    assert {has(client.post("/counter/act", data=fields).text) for _ in range(3)} == {"A0001"}


def test_the_same_key_on_two_pages_of_one_counter_acts_once(desk: CounterDesk, client: FlaskClient) -> None:
    for number in range(3):
        desk.visit(f"run-{number}", VALID)
    other = desk.client(Role.SUPERVISOR)
    seen = {"seen": seen_on(client.get("/counter").text)}
    page = press(client, "call_next", **seen)
    told = press(other, "call_next", status=409, **seen)
    assert Words("vi").get("error.queue.acted_meanwhile") in told
    assert has(other.get("/counter").text) == has(page) == "A0001"
    press(other, "undo", status=409, **seen)
    assert has(press(other, "undo", seen=seen_on(page))) == ""


def test_who_was_called_and_not_begun_is_said_to_be_absent_before_and_after(
    desk: CounterDesk, client: FlaskClient
) -> None:
    for number in range(2):
        desk.visit(f"run-{number}", VALID)
    said, page = Words("vi").get, press(client, "call_next")
    assert said("counter.do.call_next.called", number="A0001") in page
    page = press(client, "call_next")
    assert has(page) == "A0002"
    assert f"<p data-absent>{said('counter.absent.requeue', number='A0001')}</p>" in page
    ((ticket,),) = rows(desk.settings, "SELECT id FROM tickets WHERE number = 'A0002'")
    assert said("counter.do.call_next.served", number="A0002") in press(client, "begin", str(ticket))
    press(client, "call_next")  # the first one, again
    assert said("counter.absent.miss", number="A0001") in press(client, "call_next")
    assert dict(rows(desk.settings, "SELECT number, standing FROM tickets")) == {"A0001": "missed", "A0002": "done"}


def test_whose_record_the_counter_writes_has_come(desk: CounterDesk, client: FlaskClient) -> None:
    visit = desk.visit("run-1", VALID)
    correct(client, visit, shown(client, visit), full_name="Nguyễn Thị Lam")
    assert rows(desk.settings, "SELECT standing FROM tickets") == [("waiting",)]
    press(client, "call_next")
    correct(client, visit, shown(client, visit), full_name="Nguyễn Thị Lâm")
    assert rows(desk.settings, "SELECT standing FROM tickets") == [("served",)]


def test_letters_and_digits_are_switched_off_for_the_account_alone(desk: CounterDesk, client: FlaskClient) -> None:
    other = desk.client(Role.SUPERVISOR)
    assert 'data-letters="off"' not in client.get("/counter").text
    client.post("/place/keys", data={"kind": "off"})
    assert 'data-letters="off"' in desk.client().get("/counter").text  # signed in anew
    assert 'data-letters="off"' not in other.get("/counter").text
    client.post("/place/keys", data={"kind": "on"})
    assert 'data-letters="off"' not in client.get("/counter").text


def test_an_act_that_is_refused_says_why(desk: CounterDesk, client: FlaskClient) -> None:
    ticket = desk.ticket_of(desk.visit("run-1", VALID))
    told = press(client, "begin", ticket, status=409)
    assert Words("vi").get("error.queue.not_possible") in told
    assert Words("vi").get("counter.standing.waiting") in told
    assert press(client, "begin", "nobody", status=404)
    assert press(client, "explode", ticket, status=400)


def test_each_act_of_the_queue_has_its_key_and_its_words(desk: CounterDesk, client: FlaskClient) -> None:
    desk.visit("run-1", VALID)
    page = press(client, "call_next")
    for key in ("F9", "F10", "F8", "F7", "F6", "F4", "q", "t", "p", "u", "c"):
        assert f'data-key="{key}"' in page, key
    for language in LANGUAGES:
        words = Words(language)
        kinds = {kind for possible in POSSIBLE.values() for kind in possible} | {"call_next", "undo"}
        keys = [f"counter.do.{kind}" for kind in kinds] + [f"counter.standing.{one}" for one in Standing]
        keys += [f"counter.priority.{one}" for one in Priority if one]
        keys += [f"counter.priority.by.{one}" for one in PriorityBy] + [f"counter.case.{one}" for one in Case]
        assert [key for key in keys if key not in words] == []


def test_hold_return_transfer_miss_and_undo(desk: CounterDesk, client: FlaskClient) -> None:
    ticket = desk.ticket_of(desk.visit("run-1", VALID))

    def standing() -> tuple[object, ...]:
        return rows(desk.settings, "SELECT standing, queue, counter FROM tickets")[0]

    press(client, "call_next")
    assert 'data-list="held"' in press(client, "hold", ticket)
    press(client, "call", ticket)
    press(client, "return", ticket, reason="bận")
    assert standing() == ("waiting", "KB", None)
    press(client, "call_next")
    press(client, "transfer", ticket, queue="XN", counter="2")
    assert standing() == ("waiting", "XN", None)
    assert has(press(client, "undo")) == "A0001"
    press(client, "miss", ticket)
    assert standing() == ("waiting", "KB", None)
    assert rows(desk.settings, "SELECT reason FROM moves WHERE kind = 'return'") == [("bận",)]


def test_a_declared_priority_is_confirmed_or_refused_with_a_reason(desk: CounterDesk, client: FlaskClient) -> None:
    issued = desk.store.check_in("run-1", by_chip(), VALID, Choice("KB", Priority.PREGNANT))
    ticket = issued.ticket.ticket_id
    assert "tự khai, chưa xác nhận" in client.get("/counter").text
    panel = client.get(f"/counter/panel/priority/{ticket}").text
    assert 'data-priority="pregnant"' in panel
    page = press(client, "priority", ticket, priority="pregnant", reason="đã xem sổ khám thai")
    assert "Phụ nữ có thai (đã xác nhận)" in page
    assert "có thai" not in press(client, "priority", ticket, priority="", reason="nhầm")
    told = rows(desk.settings, "SELECT reason, by FROM moves WHERE kind = 'priority' ORDER BY id")
    assert told == [("đã xem sổ khám thai", "mai"), ("nhầm", "mai")]


def test_the_desk_tells_how_many_wait_and_since_when(desk: CounterDesk) -> None:
    desk.visit("run-1", VALID)
    first = int(desk.clock.now().timestamp())
    desk.clock.jump(minutes=20)
    desk.visit("run-2", VALID)
    page = re.sub(r"\s+", " ", desk.client().get("/counter").text)
    line = re.search(r'data-line="Khám bệnh">.*?<b>(\d+)</b>.*?data-since="(\d+)"', page)
    assert line
    assert (line[1], int(line[2])) == ("2", first)
    assert 'data-minutes="{count} phút"' in page  # the page's script puts the number in


def test_a_call_for_help_stands_there_until_somebody_says_they_come(desk: CounterDesk, client: FlaskClient) -> None:
    call = desk.desk.help.ask("kiosk-1", "start")
    assert f'data-call="{call.call_id}"' in client.get("/counter").text
    assert "data-help" not in client.post("/counter/help", data={"call": str(call.call_id)}).text
    assert desk.desk.help.one(call.call_id).answered_by == "mai"


def test_a_ticket_is_printed_again_and_a_check_in_taken_back_with_a_reason(
    desk: CounterDesk, client: FlaskClient
) -> None:
    visit = desk.visit("run-1", VALID)
    ticket = desk.ticket_of(visit)
    assert "data-told" in client.post("/counter/reprint", data={"ticket": ticket}).text
    assert desk.reprinted == [(ticket, "mai")]
    assert client.post("/counter/cancel", data={"ticket": ticket, "reason": " "}).status_code == 422
    assert (
        Words("vi").get("counter.standing.cancelled")
        in client.post("/counter/cancel", data={"ticket": ticket, "reason": "nhầm người"}).text
    )
    assert rows(desk.settings, "SELECT kind, by, reason FROM moves") == [("cancel", "mai", "nhầm người")]


def test_a_number_without_a_visit_is_taken_off_the_queue_and_nobody_is_typed_in_for_it(
    desk: CounterDesk, client: FlaskClient
) -> None:
    ticket = desk.store.counter_ticket("run-1").ticket.ticket_id
    assert 'data-key="x"' in client.get(f"/counter/tickets/{ticket}").text
    for _ in range(2):  # pressed twice
        told = client.post("/counter/cancel", data={"ticket": ticket, "reason": "đã về"}).text
        assert Words("vi").get("counter.standing.cancelled") in told
    assert rows(desk.settings, "SELECT kind, by, reason FROM moves") == [("cancel", "mai", "đã về")]
    enter(client, 404, ticket=ticket, full_name="Lê Văn Thử", birth_date="1970")
    assert has(press(client, "call_next")) == ""


def test_the_register_says_where_it_differs(desk: CounterDesk, client: FlaskClient) -> None:
    visit = desk.visit("run-1", VALID)
    differs = Difference(field="full_name", card="Nguyễn Thị Lan", register="Nguyễn Thị Lam")
    desk.citizen = Citizen(verdict=Register.MISMATCH, differences=(differs,))
    told = client.post(f"/counter/visits/{visit}/register").text
    assert "Họ và tên: thẻ Nguyễn Thị Lan, dân cư Nguyễn Thị Lam" in told


# Corrections


def test_a_correction_is_kept_with_its_reason_and_goes_out_again(desk: CounterDesk, client: FlaskClient) -> None:
    visit = desk.visit("run-1", VALID)
    told = correct(client, visit, shown(client, visit), full_name="Nguyễn Thị Lam", birth_date="15/2/2003")
    assert f'data-go="/counter/tickets/{desk.ticket_of(visit)}"' in told
    patient = record_of(desk, "A0001").patient
    assert (patient.full_name, patient.birth_date) == ("Nguyễn Thị Lam", "2003-02-15")
    kept = rows(desk.settings, "SELECT field, reason, officer_name, account, before, after FROM corrections")
    who = ("sai dấu", "Mẫu Thị Mai", "mai")
    assert kept == [
        ("full_name", *who, '"NGUYỄN THỊ LAN"', '"Nguyễn Thị Lam"'),
        ("birth_date", *who, '"14/02/2003"', '"15/02/2003"'),
    ]
    owed = rows(desk.settings, "SELECT destination, revision, event FROM deliveries WHERE revision > 0")
    assert sorted(owed) == [("archive", 1, "updated"), ("his", 1, "updated")]
    assert "Nguyễn Thị Lam" in client.get(f"/counter/visits/{visit}").text


@pytest.mark.parametrize(
    ("typed", "wrong"),
    [
        ({"birth_date": "31/2/1990"}, {"birth_date"}),
        ({"phone": "abc"}, {"phone"}),
        ({"full_name": ""}, {"full_name"}),
        ({"service_code": "ZZ"}, {"service_code"}),
        ({}, {"reason"}),
        ({"full_name": "Lê Văn Thử", "reason": " "}, {"reason"}),
        ({"personal_id": "001200900024"}, {"personal_id"}),
    ],
)
def test_what_cannot_be_is_named_and_nothing_is_written(
    desk: CounterDesk, client: FlaskClient, typed: dict[str, str], wrong: set[str]
) -> None:
    visit = desk.visit("run-1", VALID)
    before = record_of(desk, "A0001")
    told = correct(client, visit, shown(client, visit), 422, **typed)
    assert set(re.findall(r'data-problem="(\w+)"', told)) == wrong
    assert record_of(desk, "A0001") == before


def test_of_two_who_correct_the_same_field_the_second_is_told_and_nothing_is_lost(desk: CounterDesk) -> None:
    one, other = desk.client(), desk.client(Role.SUPERVISOR)
    visit = desk.visit("run-1", VALID)
    was = shown(other, visit)
    correct(one, visit, shown(one, visit), full_name="Nguyễn Thị Lam")
    told = correct(other, visit, was, 409, full_name="Nguyễn Thị Lâm", phone="0000000000")
    assert 'data-now-field="full_name" data-now-text="Nguyễn Thị Lam"' in told
    assert record_of(desk, "A0001").patient.full_name == "Nguyễn Thị Lam"
    knowing = was | {"full_name": "Nguyễn Thị Lam"}
    correct(other, visit, knowing, full_name="Nguyễn Thị Lâm", phone="0000000000")
    patient = record_of(desk, "A0001").patient
    assert (patient.full_name, patient.phone) == ("Nguyễn Thị Lâm", "0000000000")


def test_of_two_who_correct_different_fields_both_stand(desk: CounterDesk) -> None:
    one, other = desk.client(), desk.client(Role.SUPERVISOR)
    visit = desk.visit("run-1", VALID)
    was = shown(other, visit)
    correct(one, visit, was, full_name="Nguyễn Thị Lam")
    correct(other, visit, was, residence="1 Phố Mẫu")
    patient = record_of(desk, "A0001").patient
    assert (patient.full_name, patient.residence) == ("Nguyễn Thị Lam", "1 Phố Mẫu")


def test_another_service_lets_them_wait_there_and_another_insurance_number_is_to_be_asked(
    desk: CounterDesk, client: FlaskClient
) -> None:
    visit = desk.visit("run-1", VALID)
    correct(client, visit, shown(client, visit), service_code="XN", insurance_number="DN4010000000017")
    assert rows(desk.settings, "SELECT queue, service_code FROM tickets") == [("XN", "XN")]
    record = record_of(desk, "A0001")
    assert record.visit.service_name == "Xét nghiệm"
    assert record.coverage is not None
    assert (record.coverage.verdict, record.coverage.card_number) == (Verdict.UNVERIFIED, "DN4010000000017")
    page = client.get(f"/counter/visits/{visit}").text
    assert Words("vi").get("counter.verdict.number_typed") in page
    assert 'name="insurance_number" value="DN4010000000017"' in page


# People typed in


def test_a_child_gets_a_number_a_guardian_and_its_priority(desk: CounterDesk, client: FlaskClient) -> None:
    assert 'data-go="/counter/tickets/' in enter(client, **CHILD)
    record = record_of(desk, "A0001")
    assert (record.patient.personal_id, record.evidence.source) == (None, "typed")
    assert rows(desk.settings, "SELECT priority, confirmed, queue FROM tickets") == [("under_six", 1, "RECEPTION")]
    assert record.guardian is not None
    assert (record.guardian.full_name, record.guardian.relation) == ("Trần Thị Mẫu", "mother")
    page = press(client, "call_next")
    assert "Trần Thị Mẫu" in page
    assert Words("vi").get("counter.task.find_number") in page


def test_who_came_with_a_child_is_corrected_told_and_taken_out_with_a_reason(
    desk: CounterDesk, client: FlaskClient
) -> None:
    enter(client, **CHILD)
    ((visit,),) = rows(desk.settings, "SELECT id FROM visits")
    was = shown(client, str(visit))
    assert (was["guardian_name"], was["guardian_relation"]) == ("Trần Thị Mẫu", "mother")
    father = {"guardian_name": "Trần Văn Mẫu", "guardian_relation": "father", "guardian_phone": "0000000000"}
    correct(client, str(visit), was, **father)
    record = record_of(desk, "A0001")
    assert record.guardian == Guardian(
        full_name="Trần Văn Mẫu", relation="father", personal_id="001190000008", phone="0000000000"
    )
    assert (record.event, record.revision) == (Event.UPDATED, 1)
    page = client.get(f"/counter/visits/{visit}").text
    said = Words("vi").get
    assert f"{said('counter.relation.mother')} → {said('counter.relation.father')}" in html.unescape(page)
    told = correct(client, str(visit), shown(client, str(visit)), 422, guardian_name="")
    assert 'data-problem="guardian_name"' in told
    nobody = dict.fromkeys(GUARDIAN, "")
    correct(client, str(visit), shown(client, str(visit)), **nobody)
    assert record_of(desk, "A0001").guardian is None


def test_nobody_of_age_is_asked_for_who_came_with_them(desk: CounterDesk, client: FlaskClient) -> None:
    assert "guardian_name" not in shown(client, desk.visit("run-1", VALID))


@pytest.mark.parametrize(
    ("typed", "wrong"),
    [
        ({}, {"full_name", "birth_date"}),
        (CHILD | {"guardian_name": ""}, {"guardian_name"}),
        (CHILD | {"guardian_relation": "x"}, {"guardian_relation"}),
        (CHILD | {"birth_date": "1990"}, {"birth_date"}),
        (CHILD | {"case": "newborn", "birth_date": "2026"}, {"birth_date"}),
        ({"full_name": "Lê Văn Thử", "birth_date": "1990", "personal_id": "123"}, {"personal_id"}),
    ],
)
def test_what_is_missing_or_wrong_is_named_and_nobody_gets_a_number(
    desk: CounterDesk, client: FlaskClient, typed: dict[str, str], wrong: set[str]
) -> None:
    assert set(re.findall(r'data-problem="(\w+)"', enter(client, 422, **typed))) == wrong
    assert rows(desk.settings, "SELECT count(*) FROM tickets") == [(0,)]


def test_people_without_a_number_are_handed_over_apart_and_their_number_follows_to_whoever_was_told(
    desk: CounterDesk, client: FlaskClient
) -> None:
    for _ in range(2):  # twins: one name, one day, one mother
        enter(client, **CHILD | {"case": "newborn"})
    ((visit,), (twin,)) = rows(desk.settings, "SELECT visit_id FROM tickets ORDER BY number")
    assert isinstance(visit, str)
    owed = "SELECT record_id, revision, event FROM deliveries WHERE destination = 'his' ORDER BY id"
    assert rows(desk.settings, owed) == [(visit, 0, "arrived"), (twin, 0, "arrived")]
    assert rows(desk.settings, "SELECT count(DISTINCT person_key) FROM deliveries") == [(2,)]
    correct(client, visit, shown(client, visit), full_name="Trần Văn Thử")
    correct(client, visit, shown(client, visit), personal_id="001326000017")
    later = [(visit, 1, "updated"), (visit, 2, "updated")]
    assert rows(desk.settings, owed) == [(visit, 0, "arrived"), (twin, 0, "arrived"), *later]
    told = [record_of(desk, number) for number in ("A0001", "A0002")]
    assert [one.patient.personal_id for one in told] == ["001326000017", None]
    assert [one.local_id for one in told] == [visit, twin], "by it receivers find whom they made of the first record"
    assert rows(desk.settings, "SELECT count(DISTINCT person_key) FROM deliveries") == [(2,)], "one line for each"


def test_a_number_that_was_typed_wrong_becomes_another_check_in_of_the_same_ticket(
    desk: CounterDesk, client: FlaskClient
) -> None:
    enter(client, full_name="Lê Văn Thử", birth_date="5/3/1970", personal_id="001070000017")
    place = rows(desk.settings, "SELECT number, queue, standing, sort_at FROM tickets")
    ((wrong,),) = rows(desk.settings, "SELECT visit_id FROM tickets")
    assert isinstance(wrong, str)
    form = shown(client, wrong)
    correct(client, wrong, form, personal_id="001070000025", full_name="Lê Văn An")
    ((right,),) = rows(desk.settings, "SELECT visit_id FROM tickets")
    assert right != wrong
    assert rows(desk.settings, "SELECT number, queue, standing, sort_at FROM tickets") == place
    owed = rows(
        desk.settings, "SELECT record_id, revision, event FROM deliveries WHERE destination = 'his' ORDER BY id"
    )
    assert owed == [(wrong, 0, "arrived"), (wrong, 1, "cancelled"), (right, 0, "arrived")]
    record = record_of(desk, "A0001")
    assert (record.patient.personal_id, record.patient.full_name) == ("001070000025", "Lê Văn An")
    asked = rows(desk.settings, "SELECT visit_id, state FROM open_questions ORDER BY created_at, visit_id")
    assert {state for visit, state in asked if visit == right} == {"open"}
    assert {state for visit, state in asked if visit == wrong} != {"open"}
    desk.late(str(right), Coverage(verdict=Verdict.VALID, result_code="000", card_number="GD4010000000017"))
    page = press(client, "call_next")
    assert "GD4010000000017" in page
    assert "001070000017" in page, "what stood there before, with its reason"
    correct(client, wrong, form, 409, personal_id="001070000033")


def test_a_ticket_without_a_visit_gets_it_once_and_keeps_its_number(desk: CounterDesk, client: FlaskClient) -> None:
    ticket = desk.store.counter_ticket("run-1", CounterReason.FORCES).ticket.ticket_id
    form = client.get(f"/counter/enter?ticket={ticket}").text
    assert 'value="forces" checked' in form
    typed = {"case": "forces", "full_name": "Cao Văn Lính", "birth_date": "1988", "insurance_number": "QN5010000000008"}
    assert f"/counter/tickets/{ticket}" in enter(client, ticket=ticket, name="entry-0000001", **typed)
    enter(client, ticket=ticket, name="entry-0000001", **typed)
    assert Words("vi").get("error.counter.ticket_taken") in enter(client, 409, ticket=ticket, **typed)
    record = record_of(desk, "A0001")
    assert (record.visit.ticket_number, record.patient.full_name) == ("A0001", "Cao Văn Lính")
    assert rows(desk.settings, "SELECT count(*) FROM visits") == [(1,)]
    assert client.get(f"/counter/tickets/{ticket}").headers["Location"].startswith("/counter/visits/")


def test_an_entry_sent_twice_is_one_person(desk: CounterDesk, client: FlaskClient) -> None:
    for _ in range(2):
        enter(client, name="entry-0000001", **CHILD)
    assert rows(desk.settings, "SELECT count(*) FROM tickets") == [(1,)]
    assert rows(desk.settings, "SELECT count(*) FROM corrections WHERE field = 'entry'") == [(1,)]


def test_an_emergency_is_next(desk: CounterDesk, client: FlaskClient) -> None:
    desk.store.counter_ticket("run-1")
    enter(client, case="no_card", full_name="Lê Văn Thử", birth_date="1970", emergency="yes")
    assert has(press(client, "call_next")) == "A0002"


def test_the_insurance_is_asked_by_itself_and_its_answer_appears(desk: CounterDesk, client: FlaskClient) -> None:
    enter(client, full_name="Lê Văn Thử", birth_date="5/3/1970", personal_id="001070000017")
    assert Words("vi").get("counter.verdict.unverified") in press(client, "call_next")
    ((visit,),) = rows(desk.settings, "SELECT id FROM visits")
    desk.late(str(visit), Coverage(verdict=Verdict.VALID, result_code="000", card_number="GD4010000000017"))
    assert "GD4010000000017" in client.get("/counter").text


# Search


def test_people_are_found_by_number_name_without_marks_and_id(desk: CounterDesk, client: FlaskClient) -> None:
    desk.visit("run-1", VALID)
    desk.visit("run-2", VALID, personal_id="001200900024", full_name="Đặng Văn Thử")

    def found(text: str) -> list[str]:
        return re.findall(r'data-number="(\w+)"', client.post("/counter/search", data={"text": text}).text)

    assert found("a0002") == found("2") == found("dang thu") == found("THU Đặng") == found("001200900024") == ["A0002"]
    assert found("nguyễn") == ["A0001"]
    assert found("a000") == ["A0001", "A0002"]
    assert found("xyz") == found("  ") == found("%") == found("'; --") == []
    correct(
        client,
        str(desk.counter.found("2")[0].visit_id),
        shown(client, str(desk.counter.found("2")[0].visit_id)),
        full_name="Lý Văn Thử",
    )
    assert found("dang") == []
    assert found("ly") == ["A0002"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_key_is_shown_in_place_of_words(desk: CounterDesk, language: str) -> None:
    client = desk.client(language=language)
    visit = desk.visit("run-1", VALID)
    issued = desk.store.check_in("run-2", by_chip(birth_date="1940"), None, Choice("KB", Priority.MERIT))
    bare = desk.store.counter_ticket("run-3", CounterReason.CHILD).ticket.ticket_id
    desk.desk.help.ask("kiosk-1", "start")
    enter(client, **CHILD)
    correct(client, visit, shown(client, visit), full_name="Nguyễn Thị Lam", sex="male")
    press(client, "call_next")
    pages = ["/counter", "/counter/list", "/place", "/counter/enter", f"/counter/enter?ticket={bare}"]
    pages += [f"/counter/visits/{visit}", f"/counter/visits/{visit}/edit", f"/counter/tickets/{bare}"]
    pages += [f"/counter/panel/{kind}/{issued.ticket.ticket_id}" for kind in ("transfer", "priority", "cancel")]
    for page in pages:
        text = re.sub(r"<[^>]+>", " ", client.get(page).text)
        assert not re.search(r"\b(counter|card|error|staff|language)\.[a-z_]+(\.[a-z_]+)*\b", text), page
        assert not re.search(r"<script>|\bstyle=|\bon[a-z]+=", client.get(page).text)


def test_no_address_or_log_holds_a_name(
    desk: CounterDesk, client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    visit = desk.visit("run-1", VALID)
    for page in ("/counter", "/counter/list", f"/counter/visits/{visit}"):
        addresses = " ".join(re.findall(r'(?:href|hx-post|data-post|connect)="([^"]*)"', client.get(page).text))
        assert "LAN" not in addresses
        assert "001303900017" not in addresses
    client.post("/counter/search", data={"text": "lan 001303900017"})
    press(client, MoveKind.BEGIN, "nobody", status=404)
    assert "001303900017" not in caplog.text
    assert "LAN" not in caplog.text
