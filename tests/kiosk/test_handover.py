"""What leaves the kiosk: the record's own fields, in its own shape, whatever a card says."""

from datetime import date

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.front import ServiceSettings
from config.settings import SiteSettings
from hisbridge.questions import CoverageQuestion
from hisbridge.records import PatientRecord, ProofCheck
from kiosk.entries import typed_reading
from kiosk.handover import NoPersonalId, Place, coverage_question, patient_record
from reader.reading import Check, Checks, Evidence, Holder, Outcome, Reading, Sex, Source
from tests.kiosk.people import LAN, by_chip, by_qr, covered, passport
from wire.codec import from_json, to_json

SITE = SiteSettings(
    facility_code="01028", facility_name="Bệnh viện Mẫu", kiosk_id="k1", utc_offset_minutes=420, synthetic=True
)
PLACE = Place(
    visit_id="v1",
    ticket_number="A0001",
    service=ServiceSettings(code="KB", name_vi="Khám bệnh", name_en="Examination"),
    arrived_at="2026-11-21T07:45:00+07:00",
)


def record_of(reading: Reading) -> PatientRecord:
    return patient_record(reading, covered(), SITE, PLACE)


def test_a_chip_reading_becomes_a_record_with_every_check() -> None:
    record = record_of(by_chip(place_of_origin="Xã Mẫu", nationality="Việt Nam", ethnicity="Ê-đê"))
    assert from_json(to_json(record), PatientRecord) == record
    patient = record.patient
    assert (patient.personal_id, patient.full_name, patient.birth_date) == (LAN, "NGUYỄN THỊ LAN", "2003-02-14")
    assert (patient.sex, patient.expiry_date, patient.ethnicity) == ("female", "2028-02-14", "Ê-đê")
    assert record.evidence.source == "chip"
    assert set(record.evidence.checks) == {field.name for field in msgspec.structs.fields(Checks)}
    assert record.evidence.checks["access"].protocol == "PACE"
    assert record.evidence.checks["chain"].result == "not_done"
    assert (record.visit.arrived_at, record.visit.ticket_number) == ("2026-11-21T07:45:00+07:00", "A0001")
    assert (record.site.facility_code, record.synthetic) == ("01028", True)
    assert record.coverage == covered()


def test_only_a_chip_has_checks_to_hand_over() -> None:
    evidence = Evidence(
        source=Source.CARD_QR, read_at="2026-11-21T00:45:00Z", checks=Checks(chain=Check(result=Outcome.PASSED))
    )
    record = record_of(msgspec.structs.replace(by_qr(), evidence=evidence))
    assert (record.evidence.source, record.evidence.checks) == ("card_qr", {})


def test_a_typed_number_is_handed_over_alone() -> None:
    record = record_of(typed_reading(LAN, "r", "2026-11-21T00:45:00Z"))
    told = {name: value for name, value in msgspec.to_builtins(record.patient).items() if value is not None}
    assert told == {"personal_id": LAN}
    assert record.evidence.source == "typed"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("birth_date", "14/02/2003"),
        ("birth_date", "2003-02-14\n2003"),
        ("expiry_date", "never"),
        ("issue_date", "2021-05"),
    ],
)
def test_a_field_without_the_records_shape_is_left_out_and_the_visit_kept(field: str, value: str) -> None:
    record = record_of(by_chip(**{field: value}))
    assert getattr(record.patient, field) is None
    assert record.patient.full_name == "NGUYỄN THỊ LAN"


def test_a_line_break_at_the_end_is_not_handed_over() -> None:
    assert record_of(by_chip(birth_date="2003-02-14\n")).patient.birth_date == "2003-02-14"
    with pytest.raises(NoPersonalId):
        record_of(by_qr(f"{LAN}\n"))


def test_a_reading_moment_without_shape_gives_way_to_the_arrival() -> None:
    assert record_of(typed_reading(LAN, "r", "")).evidence.read_at == PLACE.arrived_at


@pytest.mark.parametrize("personal_id", ["", "12345", "0013039000171", "00130390001x", "GD4010130390001"])
def test_nobody_is_handed_over_without_a_personal_id(personal_id: str) -> None:
    with pytest.raises(NoPersonalId) as caught:
        record_of(by_qr(personal_id))
    assert caught.value.data == {}


def test_the_insurance_is_asked_with_what_it_needs_and_no_more() -> None:
    assert coverage_question(by_chip(), date(2026, 11, 21)) == CoverageQuestion(
        personal_id=LAN,
        full_name="NGUYỄN THỊ LAN",
        birth_date="2003-02-14",
        sex="female",
        visit_date="2026-11-21",
    )


def test_the_name_of_the_machine_readable_lines_is_shown_and_not_handed_over() -> None:
    read = by_qr(full_name="TRAN THI MAU", birth_date="2003-02-14")
    lines = msgspec.structs.replace(read, evidence=Evidence(source=Source.MRZ, read_at="2026-11-21T00:45:00Z"))
    assert record_of(lines).patient.full_name is None
    assert coverage_question(lines, date(2026, 11, 21)).full_name is None
    assert (record_of(lines).patient.birth_date, record_of(lines).evidence.source) == ("2003-02-14", "mrz")


def test_a_name_that_lost_its_marks_on_the_way_is_not_handed_over() -> None:
    read = by_qr(full_name="Tran Thi Mau", residence="So 1 Duong Mau", birth_date="2003-02-14")
    lost = msgspec.structs.replace(read, warnings=("diacritics_lost",))
    patient = record_of(lost).patient
    assert (patient.full_name, patient.residence, patient.birth_date) == (None, None, "2003-02-14")
    assert coverage_question(lost, date(2026, 11, 21)).full_name is None
    assert record_of(read).patient.full_name == "Tran Thi Mau"


def test_a_passport_is_not_handed_over() -> None:
    with pytest.raises(NoPersonalId):
        record_of(passport())
    with pytest.raises(NoPersonalId):
        coverage_question(passport(), date(2026, 11, 21))


def test_the_record_says_of_a_check_what_its_contract_has() -> None:
    access = Check(result=Outcome.PASSED, protocol="PACE-GM", algorithm="PACE-ECDH-GM-AES-CBC-CMAC-128")
    evidence = Evidence(source=Source.CHIP, read_at="2026-11-21T00:45:00Z", checks=Checks(access=access))
    record = record_of(Reading(reading_id="r", holder=by_chip().holder, evidence=evidence))
    assert record.evidence.checks["access"] == ProofCheck(
        result="passed", protocol="PACE-GM", algorithm="PACE-ECDH-GM-AES-CBC-CMAC-128"
    )


ANYTHING = st.one_of(st.none(), st.text(max_size=30), st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\n?", fullmatch=True))


@given(
    holder=st.builds(
        Holder,
        personal_id=st.one_of(
            st.none(), st.just(LAN), st.text(max_size=15), st.from_regex(r"[0-9]{12}\n?", fullmatch=True)
        ),
        full_name=ANYTHING,
        birth_date=ANYTHING,
        sex=st.one_of(st.none(), st.sampled_from(Sex)),
        residence=ANYTHING,
        issue_date=ANYTHING,
        expiry_date=ANYTHING,
        previous_id=ANYTHING,
        ethnicity=ANYTHING,
        nationality=ANYTHING,
        place_of_origin=ANYTHING,
    ),
    read_at=st.text(max_size=30),
)
def test_whatever_was_read_the_record_can_be_read_back_or_nobody_is_handed_over(holder: Holder, read_at: str) -> None:
    reading = Reading(reading_id="r", holder=holder, evidence=Evidence(source=Source.CHIP, read_at=read_at))
    try:
        record = record_of(reading)
    except NoPersonalId:
        return
    assert from_json(to_json(record), PatientRecord) == record
    question = coverage_question(reading, date(2026, 11, 21))
    assert from_json(to_json(question), CoverageQuestion) == question
