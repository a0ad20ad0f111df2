"""Codes beside the card's texts: residence, nationality, ethnic group, by the lists in force; added before rendering.

Pure, and lazy: a list is read when a text first needs it, and a code that the record has already is left alone. A text
that is not surely one entry gives no code, for a wrong code is worse than none.
"""

from functools import cache

import msgspec

from config.codelists.groups import ethnic_group, nationality
from hisbridge.addresses import Address, parse_address
from hisbridge.addresses.records import Reason
from hisbridge.records import AddressCodes, Patient, PatientRecord

CHOICE = frozenset({Reason.SPLIT, Reason.AMBIGUOUS})  # one of the offered wards is meant, and only people can say which
MAX_OFFERED = 20


def enriched(record: PatientRecord) -> PatientRecord:
    """The record with the codes that its texts surely mean; the same object where there is nothing to add."""
    patient = record.patient
    added = {name: code for name, code in _missing(patient).items() if code is not None}
    return msgspec.structs.replace(record, patient=msgspec.structs.replace(patient, **added)) if added else record


@cache
def read_lists() -> None:
    """Read the lists now, once in a process: it takes far longer than a record, and no record is to blame for that."""
    _place("Hà Nội")
    nationality("Việt Nam")
    ethnic_group("Kinh")


def address_codes(text: str) -> AddressCodes | None:
    """Province and ward of today that an address names; the wards to choose from where a former one was split.

    None where not even the province is certain.
    """
    return _codes(parse_address(text))


def _missing(patient: Patient) -> dict[str, object]:
    return {
        "residence_codes": _place(patient.residence) if patient.residence_codes is None else None,
        "current_address_codes": _place(patient.current_address) if patient.current_address_codes is None else None,
        "nationality_code": nationality(patient.nationality or "") if patient.nationality_code is None else None,
        "ethnicity_code": ethnic_group(patient.ethnicity or "") if patient.ethnicity_code is None else None,
    }


def _place(text: str | None) -> AddressCodes | None:
    return address_codes(text) if text else None


def _codes(address: Address) -> AddressCodes | None:
    province, detail = address.new_province_code, address.detail or None
    if province is None:
        return None
    if address.confidence == "high":
        return AddressCodes(province_code=province, ward_code=address.new_ward_code, detail=detail)
    if address.reason not in CHOICE or {one.new_province_code for one in address.candidates} != {province}:
        return None
    offered = dict.fromkeys(one.new_ward_code for one in address.candidates if one.new_ward_code is not None)
    return AddressCodes(province_code=province, ward_candidates=tuple(offered)[:MAX_OFFERED], detail=detail)
