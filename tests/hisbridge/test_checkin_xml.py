"""The check-in file (XML0): the table's order and sizes, what reception knows in its forms, and what stays open."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hisbridge.connectors import make
from hisbridge.connectors.checkin_xml import CheckinXmlConnector, check_in_row
from hisbridge.connectors.contract import Known, Outcome
from hisbridge.connectors.xml_documents import Mark, check_in, mark_of, marked, unmarked
from hisbridge.connectors.xml_tables import CHECK_IN, Problem, check_in_problems, fitted, problems
from hisbridge.connectors.xml_values import birth, day, moment, plain
from hisbridge.questions import Entitlement, Verdict
from hisbridge.records import Event, Merge, PatientRecord
from sandbox.people import all_people
from tests.hisbridge import strategies
from tests.hisbridge.checkin_xml_asking import (
    REQUIRED,
    SIZES,
    destination,
    lying,
    only,
    rendered,
    settled,
    told,
    visits,
)
from tests.hisbridge.making import coverage, patient, record
from wire.codec import from_plain

NOWHERE = Path("/nowhere")
COMPLETE = {
    "MA_LK": "visit-1",
    "STT": "1",
    "MA_BN": "001303900017",
    "HO_TEN": "Nguyễn Thị Hoài Thử",
    "SO_CCCD": "001303900017",
    "NGAY_SINH": "200302140000",
    "GIOI_TINH": "2",
    "MA_THE_BHYT": "GD4000000000017",
    "MA_DKBD": "01028",
    "GT_THE_TU": "20260101",
    "GT_THE_DEN": "20261231",
    "MA_DOITUONG_KCB": "1.1",
    "NGAY_VAO": "202611210745",
    "MA_LOAI_KCB": "01",
    "MA_CSKCB": "01028",
    "MA_DICH_VU": "00.0000.0000",
    "TEN_DICH_VU": "Khám mẫu",
    "NGAY_YL": "202611210745",
}


def connector(folder: Path = NOWHERE, **differences: Any) -> CheckinXmlConnector:
    return CheckinXmlConnector(destination(folder, **differences))


def filled(sent: PatientRecord, **differences: Any) -> dict[str, str]:
    return {name: value for name, value in only(rendered(connector(**differences), sent)).items() if value}


def left(sent: PatientRecord, **differences: Any) -> tuple[str, ...]:
    return check_in_row(sent, destination(NOWHERE, **differences), Known())[1]


def test_the_registry_makes_it_from_its_settings() -> None:
    assert isinstance(make(destination(NOWHERE)), CheckinXmlConnector)


def test_the_table_is_the_one_of_the_decision() -> None:
    assert {field.name: field.size for field in CHECK_IN} == SIZES
    assert [field.name for field in CHECK_IN] == list(SIZES)
    assert {field.name for field in CHECK_IN if field.required} == REQUIRED
    assert len(CHECK_IN) == 26


def test_a_complete_check_in_holds_what_reception_knows_in_the_order_of_the_table() -> None:
    message = rendered(connector(), settled())
    assert list(only(message)) == list(SIZES)
    assert filled(settled()) == COMPLETE
    assert left(settled()) == ()


@pytest.mark.parametrize("person", all_people(), ids=lambda person: person.key)
def test_every_person_of_the_sandbox_is_written_as_their_card_says(person: Any) -> None:
    sent = settled(
        patient=patient(
            personal_id=person.personal_id,
            full_name=person.full_name,
            birth_date=person.birth_date,
            sex=person.sex,
        )
    )
    fields = filled(sent)
    assert fields["HO_TEN"] == person.full_name
    assert fields["SO_CCCD"] == person.personal_id
    year, month, day_ = (*person.birth_date.split("-"), "00", "00")[:3]
    assert fields["NGAY_SINH"] == f"{year}{month}{day_}0000"
    assert fields["GIOI_TINH"] == {"male": "1", "female": "2"}[person.sex]
    assert left(sent) == ()


@pytest.mark.parametrize(
    ("told_", "written"),
    [
        ("1950", "195000000000"),
        ("1950-07", "195000000000"),
        ("1950-07-31", "195007310000"),
        ("1950-02-30", "195000000000"),
        ("0000", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_a_birth_date_is_written_as_far_as_it_is_known(told_: str | None, written: str) -> None:
    assert birth(told_) == written


def test_a_moment_is_written_in_viet_nams_time_whatever_its_offset() -> None:
    assert moment("2026-11-21T07:45:59+07:00") == moment("2026-11-21T00:45:00Z") == "202611210745"
    assert moment("2026-11-20T19:45:00-05:00") == "202611210745"
    assert moment("2026-13-40T00:00:00Z") == moment("9999-12-31T23:59:59-12:00") == moment(None) == ""
    assert day("2026-11-31") == day("2026-11") == ""


def test_what_staff_settled_on_comes_before_the_proposal_and_the_proposal_before_nothing() -> None:
    proposed = coverage(entitlement=Entitlement(object_code="1.2"))
    assert filled(settled("1.5", coverage=proposed))["MA_DOITUONG_KCB"] == "1.5"
    assert filled(settled(None, coverage=proposed))["MA_DOITUONG_KCB"] == "1.2"
    assert left(settled(None)) == ("MA_DOITUONG_KCB:required",)
    assert left(settled(None, coverage=None)) == ("MA_DOITUONG_KCB:required",)


@pytest.mark.parametrize("verdict", [Verdict.NOT_INSURED, Verdict.MISMATCH])
def test_a_card_that_is_ended_or_somebody_elses_is_not_written(verdict: Verdict) -> None:
    fields = filled(settled(coverage=coverage(verdict=verdict)))
    assert not {"MA_THE_BHYT", "MA_DKBD", "GT_THE_TU", "GT_THE_DEN"} & fields.keys()


def test_a_visit_that_is_none_of_the_insurers_has_no_card() -> None:
    assert "MA_THE_BHYT" not in filled(settled("9"))


def test_of_two_cards_the_one_in_force_on_the_day_is_written_for_the_table_holds_no_second() -> None:
    both = coverage(
        other_card_number="GD4000000000018",
        other_valid_from="2027-01-01",
        other_valid_to="2027-12-31",
        other_registered_facility="01005",
        recheck_before_discharge=True,
    )
    assert filled(settled(coverage=both)) == COMPLETE


@pytest.mark.parametrize(
    ("settings_", "open_"),
    [
        ({"patient_number": "none"}, ("MA_BN:required",)),
        ({"service_code": ""}, ("NGAY_YL:required", "MA_DICH_VU:required")),
        ({"service_name": ""}, ("NGAY_YL:required", "MA_DICH_VU:required")),
    ],
)
def test_what_the_hospital_does_not_delegate_stays_open(settings_: dict[str, str], open_: tuple[str, ...]) -> None:
    assert left(settled(), **settings_) == open_


def test_a_record_number_the_receiver_told_comes_before_the_personal_id_number() -> None:
    fields, _ = check_in_row(settled(), destination(NOWHERE), Known("BN000001"))
    assert fields["MA_BN"] == "BN000001"


def test_a_value_beyond_its_size_is_left_out_and_named_never_cut() -> None:
    sent = settled(patient=patient(full_name="x" * 256))
    assert "HO_TEN" not in filled(sent)
    assert left(sent) == ("HO_TEN:too_long",)


def test_sizes_are_counted_as_the_receivers_languages_count() -> None:
    assert left(settled(patient=patient(full_name="𡨸" * 127))) == ()
    assert left(settled(patient=patient(full_name="𡨸" * 128))) == ("HO_TEN:too_long",)


def test_the_kind_of_care_of_the_visit_comes_before_the_usual_one() -> None:
    sent = settled()
    sent = msgspec.structs.replace(sent, visit=msgspec.structs.replace(sent.visit, visit_type="07"))
    assert filled(sent)["MA_LOAI_KCB"] == "07"
    assert filled(settled(), visit_type="02")["MA_LOAI_KCB"] == "02"


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"HO_TEN": ""}, "HO_TEN:required"),
        ({"GIOI_TINH": "4"}, "GIOI_TINH:form"),
        ({"NGAY_SINH": "195013010000"}, "NGAY_SINH:form"),
        ({"NGAY_VAO": "202611212460"}, "NGAY_VAO:form"),
        ({"GT_THE_TU": "2026-01-01"}, "GT_THE_TU:too_long"),
        ({"GT_THE_TU": "2026111"}, "GT_THE_TU:form"),
        ({"MA_DOITUONG_KCB": "1.1234"}, "MA_DOITUONG_KCB:too_long"),
        ({"STT": "x"}, "STT:form"),
        ({"HO_TEN": "a\x00b"}, "HO_TEN:unfit"),
        ({"MA_DICH_VU": ""}, "MA_DICH_VU:required"),
        ({"TEN_DICH_VU": ""}, "TEN_DICH_VU:required"),
        ({"MA_THUOC": "T1"}, "TEN_THUOC:required"),
        ({"MA_VAT_TU": "V1"}, "TEN_VAT_TU:required"),
        ({"NGAY_VAO_NOI_TRU": "202611210800"}, "LY_DO_VNT:required"),
        ({"NGAY_VAO_NOI_TRU": "202611200800", "LY_DO_VNT": "x"}, "NGAY_VAO_NOI_TRU:order"),
        ({"NGAY_YL": "202611210744"}, "NGAY_YL:order"),
        ({"MATINH_CUTRU": "01"}, "MATINH_CUTRU:unknown"),
    ],
)
def test_the_validator_names_field_and_rule(changed: dict[str, str], problem: str) -> None:
    assert [str(found) for found in check_in_problems({**COMPLETE, **changed})] == [problem]


def test_a_medicine_or_a_material_is_a_first_cost_too() -> None:
    for code, name in (("MA_THUOC", "TEN_THUOC"), ("MA_VAT_TU", "TEN_VAT_TU")):
        values = {**COMPLETE, "MA_DICH_VU": "", "TEN_DICH_VU": "", code: "1", name: "Một"}
        assert check_in_problems(values) == ()


def test_several_visits_stand_in_one_file_and_are_counted() -> None:
    message = check_in([COMPLETE, {**COMPLETE, "MA_LK": "visit-2"}, {**COMPLETE, "MA_LK": "visit-3"}])
    assert [(visit["MA_LK"], visit["STT"]) for visit in visits(message)] == [
        ("visit-1", "1"),
        ("visit-2", "2"),
        ("visit-3", "3"),
    ]


def test_the_units_signature_stays_empty() -> None:
    assert b"<CHUKYDONVI></CHUKYDONVI>" in rendered(connector(), settled())


def test_a_draft_lies_in_the_folder_and_its_name_says_whether_it_is_whole(tmp_path: Path) -> None:
    to = connector(tmp_path)
    receipt = told(to, settled())
    assert receipt.outcome is Outcome.ACKNOWLEDGED
    assert receipt.text.endswith(".xml (complete)")
    whole = msgspec.structs.replace(record().visit, visit_id="visit-2")
    receipt = told(to, record(visit=whole))
    assert receipt.text.endswith(".incomplete (open MA_DOITUONG_KCB:required)")
    assert receipt.open_work == ("MA_DOITUONG_KCB:required",)
    assert sorted(Path(name).suffix for name in lying(tmp_path)) == [".incomplete", ".xml"]


def test_a_draft_that_is_resent_is_one_file(tmp_path: Path) -> None:
    to = connector(tmp_path)
    for attempt in (1, 2, 3):
        told(to, settled(), attempt)
    assert len(lying(tmp_path)) == 1


def test_a_later_record_takes_the_place_of_the_unfinished_draft_of_its_visit_only(tmp_path: Path) -> None:
    to = connector(tmp_path)
    other = msgspec.structs.replace(record().visit, visit_id="visit-2")
    told(to, record(visit=other))
    told(to, record())
    told(to, settled(event=Event.UPDATED, revision=1))
    names = lying(tmp_path)
    assert sorted(Path(name).suffix for name in names) == [".incomplete", ".xml"]
    (incomplete,) = [name for name in names if name.endswith(".incomplete")]
    assert only((tmp_path / incomplete).read_bytes())["MA_LK"] == "visit-2"


def test_a_cancelled_check_in_is_told_by_a_file_that_nobody_takes_for_a_check_in(tmp_path: Path) -> None:
    to = connector(tmp_path)
    told(to, record())
    told(to, settled(event=Event.CANCELLED, revision=1))
    (name,) = lying(tmp_path)
    assert name.endswith("-0001.cancelled")


def test_a_merge_is_not_told() -> None:
    merge = Merge(kept="BN1", given_up="BN2", confirmed_by="Trần Thị Mẫu")
    assert connector().render(settled(event=Event.MERGED, merge=merge), Known()) is None


def test_the_mark_can_be_read_back_and_taken_off() -> None:
    mark = Mark(
        "20261121074500", "ABCDEFGHIJKLMNOPQRST", 12, Event.UPDATED, True, ("MA_BN:required", "HO_TEN:too_long")
    )
    document = check_in([COMPLETE])
    assert mark_of(marked(document, mark)) == mark
    assert unmarked(marked(document, mark)) == document
    assert mark_of(document) is None
    assert unmarked(document) == document


texts = st.text(max_size=300)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(list(SIZES)), texts))
def test_whatever_is_written_can_be_read_back_and_fits(values: dict[str, str]) -> None:
    kept, broken = fitted(CHECK_IN, {name: plain(value) for name, value in values.items()})
    read = only(check_in([kept]))
    assert list(read) == list(SIZES)
    assert {**read, "STT": ""} == {**kept, "STT": ""}
    assert all(len(value) <= SIZES[name] for name, value in read.items())
    assert all(isinstance(problem, Problem) and problem.rule != "required" for problem in broken)


@settings(max_examples=100, deadline=None)
@given(strategies.records)
def test_whatever_a_record_holds_the_file_fits_the_table_and_names_what_is_open(plain_: dict[str, Any]) -> None:
    sent = from_plain(plain_, PatientRecord)
    message = rendered(connector(), sent)
    assert rendered(connector(), sent) == message
    fields = only(message)
    assert list(fields) == list(SIZES)
    for name, value in fields.items():
        assert len(value) <= SIZES[name]
        assert not any(ord(sign) < 32 or 127 <= ord(sign) < 160 for sign in value)
    mark = mark_of(message)
    assert mark is not None
    assert {one.partition(":")[0] for one in mark.open} >= {name for name in REQUIRED if not fields[name]}
    if not mark.open:
        assert problems(CHECK_IN, fields) == ()
