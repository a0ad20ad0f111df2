"""Synthetic persons and readings for the check-in's tests. Nobody here exists."""

from hisbridge.questions import Act, Coverage, Verdict
from reader.reading import (
    Check,
    Checks,
    Document,
    Evidence,
    Holder,
    InsuranceCard,
    Outcome,
    Reading,
    Sex,
    Size,
    Source,
)

LAN = "001303900017"
MINH = "001200900024"
READ_AT = "2026-11-21T00:45:00Z"


def holder(personal_id: str = LAN, **changes: object) -> Holder:
    fields: dict[str, object] = {
        "personal_id": personal_id,
        "full_name": "NGUYỄN THỊ LAN",
        "birth_date": "2003-02-14",
        "sex": Sex.FEMALE,
        "residence": "12 Phố Thử, Phường Mẫu, Hà Nội",
        "issue_date": "2021-05-01",
        "expiry_date": "2028-02-14",
    }
    return Holder(**{**fields, **changes})


def by_chip(personal_id: str = LAN, reading_id: str = "chip-1", **changes: object) -> Reading:
    passed = Check(result=Outcome.PASSED)
    checks = Checks(access=Check(result=Outcome.PASSED, protocol="PACE"), hashes=passed, signature=passed)
    evidence = Evidence(source=Source.CHIP, read_at=READ_AT, checks=checks)
    return Reading(reading_id=reading_id, holder=holder(personal_id, **changes), evidence=evidence)


def passport(reading_id: str = "chip-1") -> Reading:
    """A passport's chip, the specimen of Doc 9303: everything but a personal ID number."""
    document = Document(type="P", issuing_state="UTO", number="L898902C3", nationality="UTO", size=Size.TD3)
    born = {"full_name": "ERIKSSON ANNA MARIA", "birth_date": "1974-08-12", "expiry_date": "2012-04-15"}
    evidence = Evidence(source=Source.CHIP, read_at=READ_AT, checks=Checks())
    holder = Holder(personal_id=None, sex=Sex.FEMALE, **born)
    return Reading(reading_id=reading_id, holder=holder, evidence=evidence, document=document)


def by_qr(personal_id: str = LAN, reading_id: str = "qr-1", **changes: object) -> Reading:
    evidence = Evidence(source=Source.CARD_QR, read_at=READ_AT)
    return Reading(reading_id=reading_id, holder=holder(personal_id, **changes), evidence=evidence)


def by_lines(personal_id: str = LAN, reading_id: str = "mrz-1", **changes: object) -> Reading:
    """The machine-readable lines, as a camera reads them: no diacritics, no address, but the expiry."""
    said = {"full_name": "NGUYEN THI LAN", "residence": None, "issue_date": None, **changes}
    evidence = Evidence(source=Source.MRZ, read_at=READ_AT)
    document = Document(type="ID", issuing_state="VNM", number=personal_id[3:], nationality="VNM", size=Size.TD1)
    return Reading(reading_id=reading_id, holder=holder(personal_id, **said), evidence=evidence, document=document)


def by_insurance_card(reading_id: str = "ins-1", **changes: object) -> Reading:
    """An insurance card's code: everything but a personal ID number."""
    said = {"card_number": "0130390001", "full_name": "NGUYỄN THỊ LAN", "birth_date": "2003-02-14", **changes}
    card = InsuranceCard(**said)
    evidence = Evidence(source=Source.INSURANCE_QR, read_at=READ_AT)
    holder = Holder(personal_id=None, full_name=card.full_name, birth_date=card.birth_date)
    return Reading(reading_id=reading_id, holder=holder, evidence=evidence, insurance=card)


def covered() -> Coverage:
    return Coverage(verdict=Verdict.VALID, result_code="000", card_number="GD4010130390001")


def unlinked() -> Coverage:
    """Nothing is known under this ID number."""
    return Coverage(verdict=Verdict.UNVERIFIED, result_code="050", act=Act.ASK_OTHER_NUMBER)


def uninsured() -> Coverage:
    return Coverage(verdict=Verdict.NOT_INSURED, result_code="010")
