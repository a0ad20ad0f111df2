"""The masked record: nothing of the person, still a record, still a message."""

import re
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given, settings

from hisbridge.connectors import make
from hisbridge.connectors.contract import Known
from hisbridge.masking import LEFT_OUT, SHOWN, masked, masked_known
from hisbridge.questions import Entitlement
from hisbridge.records import AddressCodes, Event, Merge, Patient, PatientRecord
from tests.hisbridge.making import coverage, destination, patient, record
from tests.hisbridge.strategies import records
from wire.codec import from_json, from_plain, to_json

WHOLE = record(
    event=Event.MERGED,
    merge=Merge(kept="BN0001234", given_up="BN0009876", confirmed_by="Lê Thị Xác Nhận"),
    patient=patient(
        place_of_origin="Xã Gốc, Hà Nam",
        residence_codes=AddressCodes(
            province_code="01", ward_code="00123", ward_candidates=("00124",), detail="Số 1 Đường Mẫu"
        ),
        nationality_code="000",
        ethnicity_code="01",
        occupation_code="12345",
    ),
    visit=msgspec.structs.replace(
        record().visit,
        reason="Đau đầu dữ dội",
        visit_type="01",
        object_code="1.1",
        referring_facility="01029",
        referral_number="GT-778899",
        appointment_id="HEN-665544",
    ),
    coverage=coverage(
        found_by="personal_id",
        other_card_number="DN4010000000018",
        other_valid_from="2025-01-01",
        other_valid_to="2025-12-31",
        five_year_date="2024-07-08",
        entitlement=Entitlement(benefit_level="4"),
    ),
)
PERSONAL = (
    "001303900017", "Nguyễn", "Hoài", "Thử", "2003", "02-14", "Đường Mẫu", "Phường Mẫu", "Gốc", "00123", "00124",
    "Kinh", "12345", "012345678", "2021-05-20", "2028", "0912345678", "Đau", "778899", "665544", "4000000000017",
    "0000000017", "2026-01-01", "2026-12-31", "4010000000018", "2025-01-01", "2025-12-31", "2024-07-08", "1234",
    "9876", "Xác",
)  # fmt: skip


def test_nothing_of_the_person_is_left() -> None:
    shown = to_json(masked(WHOLE)).decode()
    assert [value for value in PERSONAL if value in to_json(WHOLE).decode()] == list(PERSONAL)
    assert [value for value in PERSONAL if value in shown] == []


def test_names_become_initials_and_the_rest_keeps_its_length() -> None:
    person = masked(WHOLE).patient
    assert person.full_name == "N. T. H. T."
    assert (person.personal_id, person.phone) == ("000000000000", "0000000000")
    assert (person.birth_date, person.expiry_date) == ("1111-11-11", "1111-11-11")
    assert person.residence == "xx 0 xxxxx xxx, xxxxxx xxx, xx xxx"


@pytest.mark.parametrize(("date", "hidden"), [("1955", "1111"), ("1955-03", "1111-11"), (None, None)])
def test_a_date_keeps_its_precision(date: str | None, hidden: str | None) -> None:
    assert masked(record(patient=patient(birth_date=date))).patient.birth_date == hidden


def test_what_says_nothing_of_a_person_is_shown() -> None:
    shown = masked(WHOLE)
    assert shown.site == WHOLE.site
    assert shown.evidence == WHOLE.evidence
    assert (shown.visit.visit_id, shown.visit.ticket_number) == ("visit-1", "0001")
    assert shown.coverage is not None
    assert (shown.coverage.verdict, shown.coverage.result_code) == ("valid", "000")


def test_a_masked_record_is_a_record() -> None:
    assert from_json(to_json(masked(WHOLE)), PatientRecord) == masked(WHOLE)


def test_a_masked_message_has_the_shape_of_the_real_one() -> None:
    connector = make(destination())
    real, hidden = (connector.render(one, Known()) or b"" for one in (record(), masked(record())))
    fields = [re.sub(rb"[^|\r]+", b"_", message) for message in (real, hidden)]
    assert fields[0] == fields[1]
    assert not [value for value in PERSONAL if value.encode() in hidden]


def test_the_number_at_the_receiver_is_hidden_too() -> None:
    assert masked_known(Known("BN0001234")) == Known("xx0000000")
    assert masked_known(Known("BN1", "LK 20")) == Known("xx0", "xx 00")
    assert masked_known(Known(none_told=True)) == Known(none_told=True)


def test_every_field_that_is_not_text_is_shown_left_out_or_looked_into() -> None:
    """A field added later is hidden by itself if it is text; of any other kind somebody has to decide."""
    for kind, shown in SHOWN.items():
        for field in msgspec.structs.fields(kind):
            if field.name not in shown | LEFT_OUT:
                assert _kinds(field.type) <= {str, type(None), *SHOWN}, f"{kind.__name__}.{field.name}"
    parts = {kind for field in msgspec.structs.fields(PatientRecord) for kind in _kinds(field.type)}
    assert Patient in parts
    assert {kind for kind in parts if isinstance(kind, type) and issubclass(kind, msgspec.Struct)} - set(SHOWN) == {
        type(WHOLE.site),
        type(WHOLE.evidence),
    }


def _kinds(hint: Any) -> set[Any]:
    if hasattr(hint, "__metadata__"):
        return _kinds(hint.__origin__)
    parts = [part for part in get_args(hint) if not isinstance(part, str)]
    return {kind for part in parts for kind in _kinds(part)} if parts else {hint}


@settings(max_examples=100, deadline=None)
@given(records)
def test_any_record_can_be_masked_and_rendered(plain: dict[str, Any]) -> None:
    whole = from_plain(plain, PatientRecord)
    hidden = masked(whole)
    make(destination()).render(hidden, Known())
    assert (hidden.patient.personal_id or "").strip("0\n") == ""
