"""The rendered ADT^A04: what stands where, and that no record can break it."""

import re

import pytest
from hypothesis import HealthCheck, given, settings

from hisbridge.connectors.hl7v2 import render
from hisbridge.identity import idempotency_key
from hisbridge.questions import Coverage, Verdict
from hisbridge.records import Arrival, Patient, PatientRecord
from sandbox.his import parse_message
from tests.hisbridge.making import coverage, destination, patient, record
from tests.hisbridge.strategies import records
from wire.codec import from_json, to_json

HIS = destination()


def fields(message: bytes, segment: str) -> list[str]:
    """HL7 numbering: fields(m, "PID")[5] is PID-5."""
    line = next(line for line in message.decode().split("\r") if line.startswith(segment))
    parts = line.split("|")
    return [parts[0], "|", *parts[1:]] if segment == "MSH" else parts


def test_the_whole_message_is_as_documented() -> None:
    assert render(record(), HIS).decode().replace("\r", "\n") == (
        "MSH|^~\\&|TIEPDON|01028|HIS||20261121074500+0700||ADT^A04^ADT_A01|"
        f"{idempotency_key('his', 'visit-1')}|T|2.5|||||VNM|UNICODE UTF-8|vi\n"
        "EVN|A04|20261121074500+0700||SANDBOX||20261121074500+0700|01028\n"
        "PID|1||001303900017^^^VNID^NI^^20210520^20280214~GD4000000000017^^^BHXHVN^SN~0000000017^^^BHXHVN^SS"
        "~012345678^^^VNID^NNVNM||Nguyễn^Thử^Thị Hoài^^^^L||20030214|F|||"
        "Số 1 Đường Mẫu, Phường Mẫu, Hà Nội^^^^^VNM^H||0912345678^PRN^CP^^^^^^^^^0912345678|||||||||^Kinh||||"
        "^Việt Nam||^Việt Nam\n"
        "PD1|||^^^^^^^^^01028\n"
        "PV1|1|O|KB^^^01028^^^^^Khám bệnh|||||||KB|||||||||visit-1^^^TIEPDON^VN|||||||||||||||||||||||||"
        "20261121074500+0700||||||0001^^^TIEPDON\n"
        "IN1|1|BHYT^Bảo hiểm y tế|BHXHVN|Bảo hiểm xã hội Việt Nam||||||||20260101|20261231||GD4|"
        "Nguyễn^Thử^Thị Hoài^^^^L|SEL^Self^HL70063|20030214|||||||||||20261121074459+0700|||||||GD4000000000017"
        "|||||||||valid||||0000000017^^^BHXHVN^SS\n"
    )


def test_a_typed_number_alone_makes_a_message() -> None:
    message = render(record(patient=Patient(personal_id="001303900017"), coverage=None, synthetic=False), HIS)
    assert [line[:3] for line in message.decode().split("\r")] == ["MSH", "EVN", "PID", "PV1", ""]
    assert fields(message, "PID") == ["PID", "1", "", "001303900017^^^VNID^NI", "", "^^^^^^U"]


def test_the_key_is_stable_and_differs_by_destination_and_visit() -> None:
    key = idempotency_key("his", "visit-1")
    assert re.fullmatch(r"[A-Z2-7]{20}", key)
    assert key == "7N3HVCV2ZRI7ZHYBT6P6"  # a changed key would make receivers take resends for new visits
    others = {idempotency_key("his2", "visit-1"), idempotency_key("his", "visit-2")}
    assert key not in others
    assert len(others) == 2


def test_the_same_record_is_the_same_message_every_time() -> None:
    assert render(record(), HIS) == render(record(), HIS)


def test_sandbox_records_are_marked_and_others_are_not() -> None:
    assert fields(render(record(synthetic=True), HIS), "MSH")[11] == "T"
    real = render(record(synthetic=False), HIS)
    assert fields(real, "MSH")[11] == "P"
    assert b"SANDBOX" not in real


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("Nguyễn Văn Thử", "Nguyễn^Thử^Văn^^^^L"),
        ("  Trần   Mẫu ", "Trần^Mẫu^^^^^L"),
        ("Thử", "Thử^^^^^^L"),
        ("Công Tằng Tôn Nữ Thử", "Công^Thử^Tằng Tôn Nữ^^^^L"),
        ("H'Mẫu Niê Kđăm", "H'Mẫu^Kđăm^Niê^^^^L"),
        (None, "^^^^^^U"),
        (" \t\n", "^^^^^^U"),
    ],
)
def test_names_are_split_in_vietnamese_order(name: str | None, field: str) -> None:
    assert fields(render(record(patient=patient(full_name=name)), HIS), "PID")[5] == field


def test_a_receiver_may_want_the_whole_name_in_one_component() -> None:
    whole = destination(name_style="whole_in_family")
    assert fields(render(record(), whole), "PID")[5] == "Nguyễn Thị Hoài Thử^^^^^^L"


def test_names_typed_with_combining_marks_are_sent_precomposed() -> None:
    message = render(record(patient=patient(full_name="Nguye\u0302\u0303n Thu\u031b\u0309")), HIS)
    assert fields(message, "PID")[5].startswith("Nguyễn^Thử^")


@pytest.mark.parametrize(
    ("known", "sent"),
    [
        ("2003-02-14", "20030214"),
        ("2003-02", "200302"),
        ("1948", "1948"),
        (None, ""),
        ("1955-00-00", "1955"),
        ("1955-02-30", "195502"),
        ("1955-13-01", "1955"),
        ("0000-01-01", ""),
        ("2003-02-14\n", "20030214"),
    ],
)
def test_birth_dates_keep_the_precision_that_is_possible(known: str | None, sent: str) -> None:
    told = fields(render(record(patient=patient(birth_date=known, phone=None)), HIS), "PID")[7]
    assert told == sent


@pytest.mark.parametrize(("sex", "sent"), [("male", "M"), ("female", "F"), ("unknown", "U"), (None, "")])
def test_sex_is_coded_and_left_untouched_when_not_known(sex: str | None, sent: str) -> None:
    assert fields(render(record(patient=patient(sex=sex)), HIS), "PID")[8] == sent


@pytest.mark.parametrize(
    ("moment", "sent"),
    [
        ("2026-11-21T07:45:00+07:00", "20261121074500+0700"),
        ("2026-11-21T00:45:00.123456Z", "20261121004500+0000"),
        ("2026-11-21T07:45:00-03:30", "20261121074500-0330"),
        ("2026-11-21T25:61:00+07:00", "20261121"),
        ("2026-99-21T07:45:00+07:00", "2026"),
        ("2026-11-21T07:45:00+99:00", "20261121"),
    ],
)
def test_moments_carry_their_offset(moment: str, sent: str) -> None:
    visit = Arrival(visit_id="v", arrived_at=moment, service_code="", service_name="", ticket_number="")
    message = render(record(visit=visit), HIS)
    assert fields(message, "MSH")[7] == sent
    assert fields(message, "PV1")[44] == sent


def test_delimiters_and_controls_in_values_are_escaped() -> None:
    message = render(record(patient=patient(residence='a|b^c&d~e\\f\r\ng\x0b\x1ch\u2028i\x85j"')), HIS)
    told = fields(message, "PID")[11].split("^")[0]
    assert told == ("a\\F\\b\\S\\c\\T\\d\\R\\e\\E\\f\\X0D\\\\X0A\\g\\X0B\\\\X1C\\h\\X0A\\i\\X0A\\j" + '"')
    assert parse_message(message)["residence"] == 'a|b^c&d~e\\f\r\ng\x0b\x1ch\ni\nj"'


def test_a_value_never_reads_as_delete_this_field() -> None:
    message = render(record(patient=patient(residence='""', full_name='""', ethnicity='""')), HIS)
    assert b'""' not in message


def test_an_insurance_card_makes_the_insurance_segment_and_its_absence_none() -> None:
    with_card = render(record(), HIS)
    assert fields(with_card, "IN1")[36] == "GD4000000000017"
    assert fields(with_card, "IN1")[12:14] == ["20260101", "20261231"]
    without = render(record(coverage=Coverage(verdict=Verdict.NOT_INSURED, result_code="010")), HIS)
    assert b"\rIN1" not in without


def test_a_mismatching_insurers_numbers_are_no_identifiers_of_the_person() -> None:
    message = render(record(coverage=coverage(verdict=Verdict.MISMATCH)), HIS)
    assert "BHXHVN" not in fields(message, "PID")[3]
    assert fields(message, "IN1")[45] == "mismatch"


def test_authorities_may_carry_their_universal_id() -> None:
    his = destination(personal_id_authority="VNID&2.16.840.1.1&ISO", receiving_application="HIS&urn:x&URI")
    message = render(record(), his)
    assert fields(message, "PID")[3].startswith("001303900017^^^VNID&2.16.840.1.1&ISO^NI")
    assert fields(message, "MSH")[5] == "HIS^urn:x^URI"


def test_the_facility_of_the_destination_wins_over_the_sites() -> None:
    assert fields(render(record(), destination(sending_facility="KHOA")), "MSH")[4] == "KHOA"


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(plain=records)
def test_whatever_fits_the_record_renders_to_one_well_formed_message(plain: dict) -> None:
    made = from_json(to_json(plain), PatientRecord)
    message = render(made, HIS)
    lines = message.decode("utf-8").split("\r")
    assert lines.pop() == ""
    assert [line[:3] for line in lines if line[:3] not in ("PD1", "NK1", "IN1")] == ["MSH", "EVN", "PID", "PV1"]
    assert not re.search(r"[\x00-\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029]", message.decode("utf-8"))
    assert message.decode("utf-8").splitlines() == lines
    told = parse_message(message)
    assert told["personal_id"] == (made.patient.personal_id or told["personal_id"])
    assert told["control_id"] == idempotency_key("his", made.visit.visit_id)
    assert '""' not in re.split(r"[|^~&\r]", message.decode("utf-8"))


def test_lone_surrogates_in_a_record_made_in_memory_do_not_stop_the_message() -> None:
    message = render(record(patient=patient(full_name="A\ud800 B"), visit_id="v\udfff"), HIS)
    assert message.decode("utf-8")
