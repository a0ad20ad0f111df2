"""A PatientRecord in the words of the hospital data standard: element names, date forms, codes. Pure.

What reception does not know stays out; what it cannot be sure of (the insurer's card on a mismatch) too.
"""

import re
import unicodedata
from datetime import date, datetime, timedelta, timezone

from hisbridge.questions import Coverage, Verdict
from hisbridge.records import Arrival, Patient, PatientRecord

SEX = {"male": "1", "female": "2", "unknown": "3"}
NOT_AN_INSURANCE_VISIT = "9"  # MA_DOITUONG_KCB (services.md 2.7)

_LOCAL = timezone(timedelta(hours=7))  # the tables know no offset: they mean Viet Nam's time
_CARDLESS = (Verdict.NOT_INSURED, Verdict.MISMATCH)  # no cover; perhaps somebody else's
_PARTIAL = re.compile(r"([0-9]{4})(?:-([0-9]{2}))?(?:-([0-9]{2}))?")
_UNFIT = re.compile("[\x00-\x20\x7f-\xa0\u2028\u2029\ud800-\udfff\ufffe\uffff]+")


def plain(value: str | None) -> str:
    """A text on one line: NFC, every run of blanks and of characters no receiver can use as one space."""
    return _UNFIT.sub(" ", unicodedata.normalize("NFC", value or "")).strip()


def birth(value: str | None) -> str:
    """NGAY_SINH, yyyyMMddHHmm (services.md 3.1): of a year alone, or of no real day, 0000 for the day."""
    found = _PARTIAL.match(value or "")
    if found is None or found[1] == "0000":
        return ""
    whole = day(value)
    return f"{whole}0000" if whole else f"{found[1]}00000000"


def day(value: str | None) -> str:
    """yyyyMMdd of a whole, real date; empty otherwise."""
    found = _PARTIAL.match(value or "")
    if found is None or found[3] is None:
        return ""
    try:
        date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        return ""
    return f"{found[1]}{found[2]}{found[3]}"


def moment(value: str | None) -> str:
    """yyyyMMddHHmm in Viet Nam's time; empty where it is no moment."""
    try:
        told = datetime.fromisoformat((value or "").strip())
        local = told if told.tzinfo is None else told.astimezone(_LOCAL)
    except (ValueError, OverflowError):
        return ""
    return f"{local:%Y%m%d%H%M}".rjust(12, "0")


def person(patient: Patient) -> dict[str, str]:
    """The fields of the person that both tables have."""
    return {
        "HO_TEN": plain(patient.full_name),
        "SO_CCCD": plain(patient.personal_id),
        "NGAY_SINH": birth(patient.birth_date),
        "GIOI_TINH": SEX.get(patient.sex or "", ""),
    }


def object_code(record: PatientRecord) -> str:
    """MA_DOITUONG_KCB: what staff settled on, else what the insurance answer proposes, else empty (services.md 2.7)."""
    proposal = record.coverage.entitlement if record.coverage is not None else None
    return plain(record.visit.object_code) or plain(proposal.object_code if proposal is not None else None)


def card(record: PatientRecord) -> dict[str, str]:
    """The card in force on the day of the visit; nothing where there is no cover or it is another person's."""
    coverage = _usable(record)
    if coverage is None:
        return {}
    return {
        "MA_THE_BHYT": plain(coverage.card_number),
        "MA_DKBD": plain(coverage.registered_facility),
        "GT_THE_TU": day(coverage.valid_from),
        "GT_THE_DEN": day(coverage.valid_to),
    }


def cards(record: PatientRecord) -> dict[str, str]:
    """As `card`; where the visit may outlast the card, that of both cards joined by `;` (services.md 1.4, 3.3).

    A field is joined only where both cards have it: the parts of all four stand for the same cards in the same order.
    """
    first, coverage = card(record), _usable(record)
    if coverage is None or not coverage.recheck_before_discharge:
        return first
    second = {
        "MA_THE_BHYT": plain(coverage.other_card_number),
        "MA_DKBD": plain(coverage.other_registered_facility),
        "GT_THE_TU": day(coverage.other_valid_from),
        "GT_THE_DEN": day(coverage.other_valid_to),
    }
    known = all(one and not _joins(one) for one in (*first.values(), *second.values()))
    return {name: f"{first[name]};{second[name]}" for name in first} if known else first


def visit(arrival: Arrival) -> dict[str, str]:
    """The fields of the visit that both tables have."""
    return {
        "MA_LK": plain(arrival.visit_id),
        "MA_LOAI_KCB": plain(arrival.visit_type),
        "NGAY_VAO": moment(arrival.arrived_at),
    }


def summary(record: PatientRecord, district_code: str = "") -> dict[str, str]:
    """XML1's administrative part, as far as reception knows it (services.md 3.3)."""
    patient, arrival = record.patient, record.visit
    codes = patient.residence_codes
    usable = _usable(record)
    return {
        **visit(arrival),
        "STT": "1",
        **person(patient),
        "MA_QUOCTICH": plain(patient.nationality_code),
        "MA_DANTOC": plain(patient.ethnicity_code),
        "MA_NGHE_NGHIEP": plain(patient.occupation_code),
        "DIA_CHI": plain(patient.residence),
        "MATINH_CU_TRU": plain(codes.province_code if codes is not None else None),
        "MAHUYEN_CU_TRU": district_code,
        "MAXA_CU_TRU": plain(codes.ward_code if codes is not None else None),
        "DIEN_THOAI": plain(patient.phone),
        **cards(record),
        "LY_DO_VV": plain(arrival.reason),
        "MA_DOITUONG_KCB": object_code(record),
        "MA_NOI_DI": plain(arrival.referring_facility),
        "GIAY_CHUYEN_TUYEN": plain(arrival.referral_number),
        "MA_CSKCB": plain(record.site.facility_code),
        "MA_KHUVUC": plain(usable.living_area) if usable is not None else "",
        "NAM_NAM_LIEN_TUC": day(usable.five_year_date) if usable is not None else "",
    }


def _usable(record: PatientRecord) -> Coverage | None:
    coverage = record.coverage
    if coverage is None or coverage.verdict in _CARDLESS or object_code(record) == NOT_AN_INSURANCE_VISIT:
        return None
    return coverage


def _joins(value: str) -> bool:
    return ";" in value
