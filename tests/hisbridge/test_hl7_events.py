"""Which message tells which event, in each version's own tables; what an update says and what it leaves alone."""

import msgspec
import pytest

from hisbridge.connectors.contract import Known
from hisbridge.connectors.hl7messages import render as rendered
from hisbridge.connectors.hl7segments import Making
from hisbridge.connectors.hl7v2 import Hl7v2Connector, render
from hisbridge.identity import idempotency_key
from hisbridge.questions import Coverage, Entitlement, Verdict
from hisbridge.records import Event, PatientRecord
from tests.hisbridge.hl7_golden import FULL, told
from tests.hisbridge.making import coverage, destination, patient, record


def lines(message: bytes) -> dict[str, list[str]]:
    """The first segment of each name by HL7's own numbers: lines(m)["PID"][5] is PID-5."""
    found: dict[str, list[str]] = {}
    for line in message.decode().rstrip("\r").split("\r"):
        parts = line.split("|")
        found.setdefault(parts[0], [parts[0], "|", *parts[1:]] if parts[0] == "MSH" else parts)
    return found


def names(message: bytes) -> str:
    return " ".join(line[:3] for line in message.decode().rstrip("\r").split("\r"))


@pytest.mark.parametrize(
    ("about", "event", "kind", "segments"),
    [
        ("visit", Event.ARRIVED, "ADT^A04^ADT_A01", "MSH EVN PID PD1 PV1 PV2 IN1 IN1"),
        ("visit", Event.UPDATED, "ADT^A08^ADT_A01", "MSH EVN PID PD1 PV1 PV2 IN1 IN1"),
        ("visit", Event.CANCELLED, "ADT^A11^ADT_A09", "MSH EVN PID PD1 PV1 PV2"),
        ("visit", Event.MERGED, "ADT^A40^ADT_A39", "MSH EVN PID MRG"),
        ("person", Event.ARRIVED, "ADT^A28^ADT_A05", "MSH EVN PID PD1 PV1 IN1 IN1"),
        ("person", Event.UPDATED, "ADT^A31^ADT_A05", "MSH EVN PID PD1 PV1 IN1 IN1"),
        ("person", Event.MERGED, "ADT^A40^ADT_A39", "MSH EVN PID MRG"),
    ],
)
def test_each_event_has_its_message(about: str, event: Event, kind: str, segments: str) -> None:
    message = render(told(FULL, event), destination(about=about))
    assert lines(message)["MSH"][9] == kind
    assert lines(message)["EVN"][1] == kind[4:7]
    assert names(message) == segments


def test_an_index_of_persons_is_not_told_that_a_visit_was_taken_back() -> None:
    connector = Hl7v2Connector(destination(about="person", query="pdq"))
    cancelled = told(FULL, Event.CANCELLED)
    assert connector.render(cancelled, Known()) is None
    with pytest.raises(ValueError, match="not told"):
        render(cancelled, destination(about="person"))
    assert connector.identify(cancelled) == Known()  # and is not asked for the person either


def test_a_person_the_index_knows_is_not_added_again() -> None:
    his = destination(about="person")
    assert lines(render(record(), his, Known("BN7")))["MSH"][9] == "ADT^A31^ADT_A05"
    assert lines(render(record(), his))["MSH"][9] == "ADT^A28^ADT_A05"


def test_messages_about_a_person_alone_say_that_there_is_no_visit() -> None:
    assert lines(render(record(), destination(about="person")))["PV1"] == ["PV1", "1", "N"]


def test_the_record_number_that_is_known_stands_behind_the_personal_id() -> None:
    numbers = lines(render(record(), destination(), Known("BN^7")))["PID"][3].split("~")
    assert numbers[1] == "BN\\S\\7^^^HIS^MR"
    named = destination(record_number_authority="BV&1.2.3&ISO")
    assert lines(render(record(), named, Known("BN7")))["PID"][3].split("~")[1] == "BN7^^^BV&1.2.3&ISO^MR"


def test_a_merge_names_the_number_that_stays_and_the_one_that_goes() -> None:
    message = lines(render(told(FULL, Event.MERGED), destination()))
    assert "BN000001^^^HIS^MR" in message["PID"][3].split("~")
    assert message["MRG"][1] == "BN000002^^^HIS^MR"
    assert "BN000002" not in message["PID"][3]


def test_a_merge_without_record_numbers_is_no_message() -> None:
    with pytest.raises(ValueError):
        rendered(Making(record(event=Event.MERGED, revision=1), destination()))


def test_every_revision_has_its_own_key_and_the_same_visit() -> None:
    first, later = (lines(render(told(FULL, event), destination())) for event in (Event.ARRIVED, Event.UPDATED))
    assert first["MSH"][10] == idempotency_key("his", "visit-1")
    assert later["MSH"][10] == idempotency_key("his", "visit-1", 1)
    assert first["PV1"][19] == later["PV1"][19] == "visit-1^^^TIEPDON^VN"


def test_a_record_that_does_not_tell_its_moment_is_dated_by_the_latest_and_an_arrival_by_the_arrival() -> None:
    late = coverage(asked_at="2026-11-21T07:46:30+07:00")
    assert lines(render(record(coverage=late), destination()))["EVN"][2] == "20261121074500+0700"
    update = lines(render(record(coverage=late, event=Event.UPDATED, revision=1), destination()))
    assert (update["MSH"][7], update["EVN"][6]) == ("20261121074630+0700", "20261121074630+0700")
    assert update["PV1"][44] == "20261121074500+0700"


@pytest.mark.parametrize("event", [Event.UPDATED, Event.CANCELLED, Event.MERGED])
def test_a_later_message_is_dated_by_the_making_of_its_record(event: Event) -> None:
    made = msgspec.structs.replace(told(FULL, event), recorded_at="2026-11-21T09:30:00+07:00")
    message = lines(render(made, destination()))
    assert {message["MSH"][7], message["EVN"][2], message["EVN"][6]} == {"20261121093000+0700"}
    if event is not Event.MERGED:
        assert message["PV1"][44] == "20261121074500+0700"  # the arrival stays what it was


def test_an_update_leaves_alone_what_is_not_known() -> None:
    bare = patient(residence=None, phone=None, ethnicity=None, nationality=None, sex=None, birth_date=None)
    unverified = Coverage(verdict=Verdict.UNVERIFIED)
    message = render(record(patient=bare, coverage=unverified, event=Event.UPDATED, revision=1), destination())
    assert b'""' not in message
    assert b"IN1" not in message
    assert [lines(message)["PID"][number : number + 1] for number in (7, 8)] == [[], []]


def test_both_insurance_cards_are_told_the_one_in_force_first() -> None:
    segments = [line.split("|") for line in render(FULL, destination()).decode().split("\r") if line[:3] == "IN1"]
    told_cards = [(one[1], one[36], one[12], one[13], one[15]) for one in segments]
    assert told_cards == [
        ("1", "GD4000000000017", "20260101", "20261231", "GD4"),
        ("2", "HS4000000000018", "20270101", "20271231", "HS4"),
    ]
    facilities = lines(render(FULL, destination()))["PD1"][3]
    assert facilities == "^^^^^^^^^01028~^^^^^^^^^01029"


def test_a_social_security_number_in_place_of_a_card_has_no_plan_type() -> None:
    assert lines(render(record(coverage=coverage(card_number="0000000017")), destination()))["IN1"][15] == ""


def test_what_reception_learnt_of_the_visit_has_its_place() -> None:
    message = lines(render(FULL, destination()))
    assert (message["PV1"][5], message["PV1"][18], message["PV1"][20]) == ("H7", "01", "1.3")
    assert message["PV2"][3] == "^Đau đầu"
    assert message["IN1"][14] == "GCT/7^^01099"
    assert message["PID"][11] == "Số 1 Đường Mẫu, Phường Mẫu, Hà Nội^^^01^^VNM^H^^00004"
    assert (message["PID"][22], message["PID"][26]) == ("01^Kinh^99DANTOC", "000^Việt Nam^99QUOCTICH")


def test_a_proposal_of_entitlement_is_not_sent() -> None:
    proposed = coverage(entitlement=Entitlement(benefit_level="4", benefit_percent=80, object_code="1.1"))
    assert render(record(coverage=proposed), destination()) == render(record(), destination())


def old(one: PatientRecord = FULL, known: Known | None = None) -> dict[str, list[str]]:
    return lines(render(one, destination(version="2.3.1"), known or Known()))


def test_the_older_version_has_two_components_of_message_type_and_its_own_number() -> None:
    assert (old()["MSH"][9], old()["MSH"][12]) == ("ADT^A04", "2.3.1")


def test_the_older_version_has_only_its_own_identifier_types_and_no_dates_of_identifiers() -> None:
    numbers = [one.split("^") for one in old(known=Known("BN7"))["PID"][3].split("~")]
    assert [one[4] for one in numbers] == ["NI", "MR", "NH", "SS", "NNVNM"]
    assert {len(one) for one in numbers} == {5}


def test_the_older_version_has_no_components_that_came_later() -> None:
    message = old()
    assert message["PID"][13] == "0912345678^PRN^CP"
    assert message["PD1"][3] == "01028~01029"
    assert len(message["EVN"]) == 7  # EVN-6 is its last


@pytest.mark.parametrize("version", ["2.3.1", "2.5", "2.5.1"])
def test_the_leading_zero_of_a_phone_number_stands_in_text_components_alone(version: str) -> None:
    parts = lines(render(FULL, destination(version=version)))["PID"][13].split("^")
    assert parts[0] == "0912345678"
    assert parts[4:8] in ([], [""] * 4)  # the numeric ones


@pytest.mark.parametrize(
    ("mode", "asked"), [("original", ["", ""]), ("enhanced", ["AL", "AL"]), ("commit", ["AL", "NE"])]
)
def test_the_acknowledgement_mode_is_asked_for_in_the_header(mode: str, asked: list[str]) -> None:
    assert lines(render(record(), destination(acknowledgement=mode)))["MSH"][15:17] == asked


def test_the_whole_name_may_stand_in_the_given_name() -> None:
    message = lines(render(record(), destination(name_style="whole_in_given")))
    assert message["PID"][5] == "^Nguyễn Thị Hoài Thử^^^^^L"


def test_an_insurer_with_a_universal_id_keeps_its_short_name_as_its_number() -> None:
    his = destination(insurance_authority="BHXHVN&1.2.3&ISO")
    assert lines(render(record(), his))["IN1"][3] == "BHXHVN^^^BHXHVN&1.2.3&ISO"
