"""The registration API of a hospital system: one record for one person and one booking for one visit, come what may."""

import json
from pathlib import Path
from typing import Any

import pytest

from config.destinations import RestDestination
from hisbridge.connectors.contract import Known, Outcome, Receipt, Sending
from hisbridge.connectors.rest import RestConnector
from hisbridge.errors import (
    DeliveryError,
    DestinationUnreachable,
    NoAnswer,
    PersonAmbiguous,
)
from hisbridge.questions import Verdict
from hisbridge.records import Event, HospitalAnswer
from sandbox.hospital_rest import HospitalRest
from tests.hisbridge.making import coverage, patient, record
from tests.hisbridge.rest_making import FIND, carried, settings
from tests.hisbridge.speaking import reply, request_on, speaking


def test_a_new_person_is_made_and_booked_and_the_answer_tells_both_numbers(
    hospital: HospitalRest, connector: RestConnector
) -> None:
    told = carried(connector, record())
    (number,), (booking,) = hospital.patients, hospital.bookings
    assert told == Receipt(
        Outcome.ACKNOWLEDGED,
        "booked",
        HospitalAnswer(record_number=number, visit_number=booking, queue_number="1"),
    )
    assert hospital.patients[number] == {
        "surname": "Nguyễn Thị Hoài",
        "name": "Thử",
        "gender": "0",
        "dateOfBirth": "14/02/2003",
        "phone": "0912345678",
        "cmnd": "001303900017",
        "address": "Số 1 Đường Mẫu, Phường Mẫu, Hà Nội",
        "nationalityId": "VN",
    }


def test_the_booking_names_the_card_and_our_order(hospital: HospitalRest, connector: RestConnector) -> None:
    carried(connector, record())
    (booking,) = hospital.bookings.values()
    body = json.loads(booking["shown"]["text"])
    assert len(body.pop("orderId")) == 20
    assert body == {
        "patient": {"hisId": booking["patient"]},
        "appointments": {"date": "21/11/2026", "timeslot": "07:45"},
        "insuranceDetail": {
            "insuranceNumber": "GD4000000000017",
            "expiredDate": "31/12/2026",
            "insuranceStatus": "valid",
            "hospitalId": "01028",
        },
        "status": "CONFIRMED",
    }


def test_a_card_that_the_insurer_holds_for_somebody_else_is_not_told(connector: RestConnector) -> None:
    told = connector.render(record(coverage=coverage(verdict=Verdict.MISMATCH)), Known())
    assert told is not None
    assert b"insuranceDetail" not in told


def test_somebody_who_is_there_is_used_and_left_as_they_are(hospital: HospitalRest, connector: RestConnector) -> None:
    carried(connector, record("visit-1"))
    before = json.dumps(hospital.patients)
    again = record("visit-2", patient=patient(phone="0900000000"))
    assert connector.identify(again) == Known(next(iter(hospital.patients)))
    assert carried(connector, again).answer is not None
    assert json.dumps(hospital.patients) == before
    assert len(hospital.bookings) == 2


def test_where_the_site_wants_it_the_cards_data_are_laid_over_a_record_that_is_there(
    hospital: HospitalRest, port: int, password: Path
) -> None:
    made = RestConnector(settings(port, password, update_known=True))
    carried(made, record("visit-1"))
    carried(made, record("visit-2", patient=patient(phone="0900000000")))
    assert [held["phone"] for held in hospital.patients.values()] == ["0900000000"]
    made.close()


@pytest.mark.parametrize(
    "held",
    [
        {"surname": "NGUYỄN THỊ HOÀI", "name": "THỬ"},
        {"surname": "Nguyen Thi Hoai", "name": "Thu"},
        {"dateOfBirth": "2003"},
        {"dateOfBirth": "14/02/2003 00:00:00"},
    ],
)
def test_what_only_differs_in_writing_is_the_same_person(
    hospital: HospitalRest, connector: RestConnector, held: dict[str, str]
) -> None:
    carried(connector, record())
    next(iter(hospital.patients.values())).update(held)
    assert connector.identify(record()) == Known(next(iter(hospital.patients)))


@pytest.mark.parametrize(
    "held", [{"name": "Khác"}, {"dateOfBirth": "15/02/2003"}, {"dateOfBirth": ""}, {"surname": "", "name": ""}]
)
def test_a_record_with_the_number_and_another_name_or_birth_goes_to_a_person(
    hospital: HospitalRest, connector: RestConnector, held: dict[str, str]
) -> None:
    carried(connector, record())
    next(iter(hospital.patients.values())).update(held)
    with pytest.raises(PersonAmbiguous):
        connector.identify(record())


def test_several_records_of_one_number_go_to_a_person_before_and_after_a_lost_answer(
    hospital: HospitalRest, connector: RestConnector
) -> None:
    carried(connector, record())
    hospital.set_fault("rest.twins", "on")
    with pytest.raises(PersonAmbiguous):
        connector.identify(record())
    message = connector.render(record("visit-2"), Known())
    assert message is not None
    assert connector.send(message, Sending("KEY", 2)) == Receipt(Outcome.REJECTED, "person_ambiguous")
    assert (len(hospital.patients), len(hospital.bookings)) == (1, 1)


def test_a_record_under_the_earlier_number_is_found_where_name_and_birth_agree(
    hospital: HospitalRest, connector: RestConnector
) -> None:
    carried(connector, record())
    (held,) = hospital.patients.values()
    held["cmnd"] = "012345678"
    assert connector.identify(record()) == Known(next(iter(hospital.patients)))
    held["name"] = "Khác"
    assert connector.identify(record()) == Known(none_told=True)


def test_a_create_whose_answer_is_lost_is_found_again_within_the_same_attempt(
    hospital: HospitalRest, connector: RestConnector
) -> None:
    hospital.set_fault("rest.lost", "save")
    assert carried(connector, record()).text == "booked"
    assert (len(hospital.patients), len(hospital.bookings)) == (1, 1)


def test_a_create_in_doubt_is_searched_for_before_it_is_made_again(hospital: HospitalRest, port: int) -> None:
    """A line that dies for good just after the create: the next attempt finds what it made."""
    made = RestConnector(RestDestination(name="dhg", base_url=f"http://127.0.0.1:{port}", timeout_seconds=2))
    wanted = made.render(record(), Known())
    assert wanted is not None
    hospital.patients["P1"] = {
        "surname": "Nguyễn Thị Hoài",
        "name": "Thử",
        "cmnd": "001303900017",
        "dateOfBirth": "14/02/2003",
    }
    hospital._tokens.add("")  # no account is asked for
    told = made.send(wanted, Sending("KEY", 2, doubtful=True))
    # The process may have died after the booking too: only a person can know, and then decides.
    assert (told.text, told.doubtful) == ("booking_unknown", False)
    assert made.send(wanted, Sending("KEY", 3)).text == "booked"
    assert list(hospital.patients) == ["P1"]
    made.close()


def test_a_booking_alone_casts_doubt_a_lost_search_or_save_does_not(
    hospital: HospitalRest, connector: RestConnector
) -> None:
    """Who is there is sought again before anybody is made, so that only the booking could be made twice."""
    wanted = connector.render(record(), Known(none_told=True))
    assert wanted is not None
    doubts = {}
    for step in ("save", "search", "booking"):
        hospital.set_fault("rest.half" if step == "search" else "rest.lost", "body" if step == "search" else step)
        try:
            doubts[step] = connector.send(wanted, Sending("KEY", 2)).outcome
        except DeliveryError as error:
            doubts[step] = error.doubtful
        hospital.set_fault("rest.half", None)
        hospital.set_fault("rest.lost", None)
    assert doubts == {"save": Outcome.ACKNOWLEDGED, "search": False, "booking": True}
    assert len(hospital.patients) == 1


def test_nothing_is_made_twice_over_many_lost_answers_where_bookings_can_be_found(
    hospital: HospitalRest, port: int, password: Path
) -> None:
    made = RestConnector(settings(port, password, paths=FIND))
    for number in range(10):
        told = record(f"visit-{number}", patient=patient(personal_id=f"0013039000{number:02}", previous_id=None))
        for attempt, lost in enumerate(("save", "booking", "booking", None), start=1):
            hospital.set_fault("rest.lost", lost)
            try:
                receipt = carried(made, told, attempt)
            except DeliveryError:
                continue
            assert receipt.outcome is Outcome.ACKNOWLEDGED
            break
    assert (len(hospital.patients), len(hospital.bookings)) == (10, 10)
    made.close()


def test_a_booking_whose_answer_is_lost_is_found_again_within_the_same_attempt(
    hospital: HospitalRest, port: int, password: Path
) -> None:
    made = RestConnector(settings(port, password, paths=FIND))
    hospital.set_fault("rest.lost", "booking")
    told = carried(made, record())
    assert (told.text, told.answer and told.answer.queue_number) == ("booked", "1")
    assert len(hospital.bookings) == 1
    made.close()


def test_a_hospital_that_says_it_has_this_already_is_asked_for_it(password: Path) -> None:
    found = json.dumps({"mabn": "P1", "cmnd": "001303900017", "name": "NGUYEN THI HOAI THU", "dateOfBirth": "2003"})
    answers = {
        b"/api/v1/token": [reply(b'{"token":"t"}')],
        b"/api/v1/patient/detail": [reply(b"{}", status="404 X"), reply(b"{}", status="404 X"), reply(found.encode())],
        b"/api/v1/patients": [reply(b"", status="409 X")],
    }

    def serve(_: int, connection: Any) -> None:
        while asked := request_on(connection):
            connection.sendall(answers[asked.split(b" ")[1]].pop(0))

    with speaking(serve) as (base, _):
        made = RestConnector(settings(int(base.rpartition(":")[2]), password, booking=False))
        assert carried(made, record()) == Receipt(Outcome.ACKNOWLEDGED, "saved", HospitalAnswer(record_number="P1"))
        made.close()


def test_a_booking_in_doubt_goes_to_a_person_once_and_then_out_again_when_they_say_so(
    hospital: HospitalRest, connector: RestConnector
) -> None:
    hospital.set_fault("rest.lost", "booking")
    with pytest.raises(NoAnswer):
        carried(connector, record())
    hospital.set_fault("rest.lost", None)
    assert carried(connector, record(), 2, doubtful=True).text == "booking_unknown"
    assert len(hospital.bookings) == 1
    assert carried(connector, record(), 3).text == "booked"


def test_where_the_hospital_recognises_the_order_a_booking_in_doubt_simply_goes_out_again(
    hospital: HospitalRest, port: int, password: Path
) -> None:
    made = RestConnector(settings(port, password, when_unknown="resend"))
    hospital.set_fault("rest.lost", "booking")
    with pytest.raises(NoAnswer):
        carried(made, record())
    hospital.set_fault("rest.lost", None)
    assert carried(made, record(), 2).text == "booked"
    assert len({one["order"] for one in hospital.bookings.values()}) == 1
    made.close()


def test_an_outage_before_anything_was_sent_casts_no_doubt(hospital: HospitalRest, connector: RestConnector) -> None:
    carried(connector, record("visit-0"))
    hospital.set_fault("rest.down", "on")
    with pytest.raises(DestinationUnreachable):
        connector.identify(record())
    hospital.set_fault("rest.down", None)
    assert carried(connector, record(), 7).text == "booked"


def test_an_update_lays_the_new_data_over_the_record_and_books_nothing(
    hospital: HospitalRest, connector: RestConnector
) -> None:
    carried(connector, record())
    changed = record(event=Event.UPDATED, revision=1, patient=patient(phone="0900000000"))
    assert carried(connector, changed).text == "saved"
    assert [held["phone"] for held in hospital.patients.values()] == ["0900000000"]
    assert len(hospital.bookings) == 1


def test_a_cancelled_visit_is_taken_back_by_the_number_it_was_given_and_twice_is_once(
    hospital: HospitalRest, connector: RestConnector, port: int, password: Path
) -> None:
    told = carried(connector, record()).answer
    assert told is not None
    known = Known(visit_number=told.visit_number)
    restarted = RestConnector(settings(port, password))
    wanted = restarted.render(record(event=Event.CANCELLED, revision=1), known)
    assert wanted is not None
    assert [restarted.send(wanted, Sending("KEY", n)).text for n in (1, 2)] == ["cancelled", "no_booking"]
    assert hospital.bookings == {}
    restarted.close()


def test_a_booking_whose_number_was_never_told_is_found_by_our_order_or_goes_to_a_person(
    hospital: HospitalRest, connector: RestConnector, port: int, password: Path
) -> None:
    carried(connector, record())
    gone = record(event=Event.CANCELLED, revision=1)
    assert carried(connector, gone) == Receipt(Outcome.REJECTED, "cancel_unknown")
    finding = RestConnector(settings(port, password, paths=FIND))
    assert carried(finding, gone).text == "cancelled"
    assert carried(finding, gone).text == "no_booking"
    finding.close()


def test_a_merge_is_not_told_and_a_cancellation_only_where_there_are_bookings(port: int, password: Path) -> None:
    without = RestConnector(settings(port, password, booking=False))
    assert without.render(record(event=Event.MERGED), Known()) is None
    assert without.render(record(event=Event.CANCELLED), Known()) is None


def test_a_message_is_the_same_for_every_resend(connector: RestConnector) -> None:
    assert connector.render(record(), Known("P1")) == connector.render(record(), Known("P1"))
