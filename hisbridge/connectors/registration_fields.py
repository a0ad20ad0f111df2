"""A PatientRecord as `POST /dangky-kcb` wants it: the names of decision 4750 in three places (services.md 3.5). Pure.

What is not known is null, as the contract says. The contract writes MATINH_CUTRU where the data standard has
MATINH_CU_TRU: every name can be replaced by a setting.
"""

import re
from collections.abc import Mapping
from typing import Any

from config.destinations import RegistrationDestination
from hisbridge.connectors.contract import Known
from hisbridge.connectors.rest_fields import card_of, clean, day
from hisbridge.identity import idempotency_key
from hisbridge.records import PatientRecord

BETWEEN = "\t"  # MA_BN and ID_BN as one text, which is kept with the delivery for every resend
_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,14}")
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]{0,14})\.[0-9]{1,6}")

Body = dict[str, Any]


def known_as(record_number: str, internal_id: str | None) -> Known:
    """Both names of a person there. `ID_BN` null would make a known person a new one."""
    return Known(record_number + (BETWEEN + internal_id if internal_id else ""))


def registration(record: PatientRecord, known: Known, destination: RegistrationDestination) -> Body:
    """The body. Strings, but for the fields named in `numbers`."""
    number, _, internal = (known.record_number or "").partition(BETWEEN)
    visit = record.visit
    return {
        "THONG_TIN_BN": _named(_person(record, number, internal, destination), destination),
        "THONG_TIN_DICH_VU": _named(_service(record, destination), destination),
        **_named(
            {
                "SO_GIAY_CHUYEN_TUYEN": clean(visit.referral_number),
                "MA_BENH_CHUYEN_TUYEN": None,
                "DON_VI_CHUYEN_TUYEN": clean(visit.referring_facility),
            },
            destination,
        ),
    }


def order_of(record: PatientRecord, destination: RegistrationDestination) -> str:
    """Our own name of the visit there."""
    return idempotency_key(destination.name, record.visit.visit_id)


def _person(
    record: PatientRecord, number: str, internal: str, destination: RegistrationDestination
) -> Mapping[str, str | None]:
    patient, visit, card = record.patient, record.visit, card_of(record.coverage)
    form = destination.date_format
    words = (clean(patient.full_name) or "").split()
    codes = patient.residence_codes
    return {
        "ID_BN": internal or None,
        "MA_BN": number or None,
        "HO_TEN": " ".join(words) or None,
        "HO_BN": words[0] if len(words) > 1 else None,
        "TEN_BN": " ".join(words[1:] or words) or None,
        "MATINH_CU_TRU": codes.province_code if codes else None,
        "MAHUYEN_CU_TRU": destination.district_code,
        "MAXA_CU_TRU": codes.ward_code if codes else None,
        "MA_DANTOC": clean(patient.ethnicity_code),
        "MA_QUOCTICH": clean(patient.nationality_code),
        "MA_NGHE_NGHIEP": clean(patient.occupation_code),
        "DIA_CHI": clean(patient.residence),
        "NGAY_SINH": day(patient.birth_date, form),
        "GIOI_TINH": destination.sex_codes.get(patient.sex or "unknown"),
        "SO_GTTT": patient.personal_id,
        "NGAY_CAP_GTTT": day(patient.issue_date, form),
        "MA_THE_BHYT": card.card_number if card else None,
        "MA_DKBD": card.registered_facility if card else None,
        "GT_THE_TU": day(card.valid_from, form) if card else None,
        "GT_THE_DEN": day(card.valid_to, form) if card else None,
        "MA_DOITUONG_KCB": clean(visit.object_code),
        "NGAY_VAO": visit.arrived_at[:19].replace("T", " "),
        "MA_LOAI_KCB": clean(visit.visit_type),
        "MA_CSKCB": clean(record.site.facility_code),
        "DIEN_THOAI": clean(patient.phone),
    }


def _service(record: PatientRecord, destination: RegistrationDestination) -> Mapping[str, str | None]:
    visit = record.visit
    told: dict[str, str | None] = {
        "ID_KHOA": None,
        "ID_DICH_VU": clean(visit.service_code),
        "TEN_DICH_VU": clean(visit.service_name),
    }
    if destination.key_field:
        told[destination.key_field] = order_of(record, destination)
    return {**told, **destination.services.get(visit.service_code, {})}


def _named(values: Mapping[str, str | None], destination: RegistrationDestination) -> Body:
    renamed = destination.renamed
    return {
        name: number(value) if ours in destination.numbers else value
        for ours, value in values.items()
        if (name := renamed.get(ours, ours))
    }


def number(text: str | None) -> int | float | str | None:
    """A JSON number where the text is one, as it stands otherwise."""
    if text is None or _WHOLE.fullmatch(text):
        return None if text is None else int(text)
    return float(text) if _DECIMAL.fullmatch(text) else text
