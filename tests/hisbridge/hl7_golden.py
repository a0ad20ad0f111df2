"""Golden records for HL7: every event, every awkward value, and how a receiver may want them."""

from typing import Any

import msgspec

from hisbridge.questions import Coverage, Verdict
from hisbridge.records import AddressCodes, Arrival, Event, Guardian, Merge, Patient, PatientRecord
from tests.hisbridge.making import MOTHER, coverage, newborn, patient, record

FULL = record(
    patient=patient(
        residence_codes=AddressCodes(province_code="01", ward_code="00004", detail="Số 1 Đường Mẫu"),
        nationality_code="000",
        ethnicity_code="01",
    ),
    visit=Arrival(
        visit_id="visit-1",
        arrived_at="2026-11-21T07:45:00+07:00",
        service_code="KB",
        service_name="Khám bệnh",
        ticket_number="0001",
        reason="Đau đầu",
        visit_type="01",
        object_code="1.3",
        referring_facility="01099",
        referral_number="GCT/7",
        appointment_id="H7",
    ),
    coverage=coverage(
        other_card_number="HS4000000000018",
        other_valid_from="2027-01-01",
        other_valid_to="2027-12-31",
        other_registered_facility="01029",
        recheck_before_discharge=True,
    ),
)

RECORDS: dict[str, PatientRecord] = {
    "usual": record(),
    "everything known": FULL,
    "typed number only": record(patient=Patient(personal_id="001303900017"), coverage=None, synthetic=False),
    "year of birth": record(patient=patient(birth_date="1948", sex="unknown", previous_id=None)),
    "month of birth": record(patient=patient(birth_date="1948-05", expiry_date="none")),
    "one-word name": record(patient=patient(full_name="Thử")),
    "long ethnic name": record(patient=patient(full_name="Y Bơ\u0306k Thử Niê Kđăm", ethnicity="Ê Đê", phone=None)),
    "delimiters": record(patient=patient(residence="Số 1|2^3&4~5\\6, Phường Mẫu\nHà Nội", full_name="A|B C&D E~F")),
    "quotes": record(patient=patient(residence='""', nationality='""')),
    "not insured": record(coverage=Coverage(verdict=Verdict.NOT_INSURED, result_code="010")),
    "mismatch": record(coverage=coverage(verdict=Verdict.MISMATCH)),
    "a newborn without a number": newborn(),
    "their number known since": newborn(number="001226000017", guardian=msgspec.structs.replace(MOTHER, phone=None)),
    "a child with a number": record(guardian=Guardian(full_name='A|B ^"" C~&\\', relation="other", phone="0900000003")),
    "card without dates": record(coverage=coverage(valid_from=None, valid_to=None, registered_facility=None)),
}

STYLES: dict[str, dict[str, Any]] = {
    "split": {},
    "whole name": {"name_style": "whole_in_family"},
    "whole name given": {"name_style": "whole_in_given"},
    "universal ids": {
        "personal_id_authority": "VNID&1.2.840.99999.1&ISO",
        "insurance_authority": "BHXHVN&urn:x&URI",
        "record_number_authority": "BV&1.2.840.99999.2&ISO",
    },
    "enhanced": {"acknowledgement": "enhanced"},
}

# Which message tells an event, in which structure; a receiver about persons is not told of a cancelled visit.
MESSAGES = {
    ("visit", Event.ARRIVED): ("A04", "ADT_A01"),
    ("visit", Event.UPDATED): ("A08", "ADT_A01"),
    ("visit", Event.CANCELLED): ("A11", "ADT_A09"),
    ("visit", Event.MERGED): ("A40", "ADT_A39"),
    ("person", Event.ARRIVED): ("A28", "ADT_A05"),
    ("person", Event.UPDATED): ("A31", "ADT_A05"),
    ("person", Event.MERGED): ("A40", "ADT_A39"),
}


def told(one: PatientRecord, event: Event) -> PatientRecord:
    """The record as it is when this happened to its visit."""
    merge = Merge(kept="BN000001", given_up="BN000002", confirmed_by="Trần Thị Mẫu")
    return msgspec.structs.replace(
        one,
        event=event,
        revision=0 if event is Event.ARRIVED else 1,
        merge=merge if event is Event.MERGED else None,
    )
