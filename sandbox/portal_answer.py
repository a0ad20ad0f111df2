"""What the pretend insurance portal knows and says: which number finds whom, who is compared how, the answer's fields.

Pure; from the document alone (services.md 1.3, 1.4, 2.1, 2.2). Where it leaves a choice, the choice is said here.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from sandbox.person import Insurance, NewCard, Person

WITH_CARD = ("000", "003", "004", "010")  # codes whose answer describes a card
CHILD_YEARS = 6

OFFICERS: Mapping[str, str] = {  # cccdCb to hoTenCb: the facility's registered users
    "000088888888": "Trần Thị Mẫu",
    "000077777777": "Lê Văn Trực",
}

_CARD = re.compile(r"([A-Z]{2})([1-5])([0-9]{2})([0-9]{10})")
_NUMBER = re.compile(r"[0-9]{9}|[0-9]{10}|[0-9]{12}")
_DATE = re.compile(r"(?:([0-9]{2})/([0-9]{2})/)?([0-9]{4})")


def officer_problem(name: str, number: str, officers: Mapping[str, str]) -> str | None:
    """054 for an officer who is not on the list, 055 for a name that is not that officer's."""
    if number not in officers:
        return "054"
    return None if _plain(name) == _plain(officers[number]) else "055"


def usable_date(text: str) -> bool:
    """`dd/MM/yyyy` of a real day, or the year alone; anything else is a parameter of the wrong form (205)."""
    found = _DATE.fullmatch(text)
    if found is None:
        return False
    try:
        date(int(found[3]), int(found[2] or 1), int(found[1] or 1))
    except ValueError:
        return False
    return True


def found(number: str, people: Sequence[Person]) -> Person | str:
    """The person this number finds, or the code that says why nobody: 050 to 053.

    Of a 15-character card whose ten digits are somebody's, a wrong province is 052, a wrong benefit digit 053, a
    wrong group 051; a number of no known shape is 051.
    """
    for person in people:
        if number in _numbers(person):
            return person
    card = _CARD.fullmatch(number)
    if card is None:
        return "050" if _NUMBER.fullmatch(number) else "051"
    for person in people:
        held = _CARD.fullmatch(person.insurance.card_number or "")
        if held is not None and held[4] == card[4]:
            return "052" if held[3] != card[3] else "053" if held[2] != card[2] else "051"
    return "050"


def child_without_number(asked: Mapping[str, str], today: date) -> bool:
    """No card and born less than six years ago: 130. When the real portal says so is not documented."""
    return not asked["maThe"] and int(asked["ngaySinh"][-4:]) >= today.year - CHILD_YEARS


def difference(person: Person, asked: Mapping[str, str]) -> str | None:
    """060, 061 or 070 where the question does not fit what the insurer holds.

    Letters are compared as they are, but for case and spacing: NFD is not NFC and oà is not òa. 061, "first
    characters right", is a name whose words begin with the same letters.
    """
    held_name = person.insurance.full_name or person.full_name
    if _plain(asked["hoTen"]) != _plain(held_name):
        return "061" if _initials(asked["hoTen"]) == _initials(held_name) else "060"
    held, told = portal_date(person.insurance.birth_date or person.birth_date), asked["ngaySinh"]
    same = told == held or (len(told) == 4 and told == held[-4:])
    return None if same else "070"


def answer(code: str, person: Person | None = None, today: date | None = None) -> dict[str, Any]:
    """The documented fields, in their documented order; empty where the code does not describe a card."""
    described = person if code in WITH_CARD else None
    held = described.insurance if described else Insurance(result_code=code)
    new = (held.new_card or _made_up(held)) if described and code in ("003", "004") else None
    text = {
        "maKetQua": code,
        "ghiChu": f"Dữ liệu thử nghiệm, mã {code}",
        "maThe": held.card_number,
        "hoTen": (held.full_name or described.full_name) if described else None,
        "ngaySinh": portal_date(held.birth_date or described.birth_date) if described else None,
        "gioiTinh": {"male": "Nam", "female": "Nữ"}[held.sex or described.sex] if described else None,
        "diaChi": described.residence if described else None,
        "maDKBD": held.registered_facility,
        "cqBHXH": "BHXH Mẫu" if described else None,
        "gtTheTu": portal_date(held.valid_from, today),
        "gtTheDen": portal_date(held.valid_to, today),
        "maKV": held.living_area or "",
        "ngayDu5Nam": portal_date(held.five_year_date, today),
        "maSoBHXH": held.social_security_number,
        "maTheCu": "",
        "maTheMoi": new.card_number if new else "",
        "gtTheTuMoi": portal_date(new.valid_from, today) if new else "",
        "gtTheDenMoi": portal_date(new.valid_to, today) if new else "",
        "maDKBDMoi": new.registered_facility if new else "",
        "tenDKBDMoi": "Cơ sở thử" if new else "",
    }
    return {**text, "dsLichSuKCB2018": _visits() if described else None, "dsLichSuKT2018": _lookups(described)}


def portal_date(iso: str | None, today: date | None = None) -> str:
    """`dd/MM/yyyy` or `yyyy` of an ISO date, or of so many days from today (`+12`)."""
    if not iso:
        return ""
    if iso[0] in "+-":
        iso = ((today or date.min) + timedelta(days=int(iso))).isoformat()
    return "/".join(reversed(iso.split("-")))


def _numbers(person: Person) -> set[str]:
    held = person.insurance
    known = {
        "personal_id": person.personal_id,
        "social_security_number": held.social_security_number,
        "card_number": held.card_number,
        "previous_id": person.previous_id,
    }
    return {number for kind in held.found_by if (number := known[kind])}


def _made_up(held: Insurance) -> NewCard:
    """A new card for somebody who has none, when the code was told from outside."""
    digits = (held.card_number or "GD4000000000000")[5:]
    return NewCard(card_number=f"HC400{digits}", valid_from="2025-01-01", valid_to="2049-12-31")


def _visits() -> list[dict[str, str | None]]:
    """Recent visits: personal data that reception does not need, and must not keep."""
    return [
        {
            "maHoSo": "0",
            "maCSKCB": "99999",
            "ngayVao": "202001020730",
            "ngayRa": "202001021100",
            "tenBenh": "Bệnh thử nghiệm",
            "tinhTrang": "1",
            "kqDieuTri": "2",
            "lyDoVV": "1",
            "TEMP1": "TT0000",
            "TEMP2": "Công ty Thử Nghiệm",
            "TEMP3": None,
            "TEMP4": None,
            "TEMP5": None,
        }
    ]


def _lookups(person: Person | None) -> list[dict[str, str]]:
    """Recent look-ups of the card; the document prints one field both as thongBao and as thongbao."""
    told = {"userKT": "99999_BV", "thoiGianKT": "202001020730", "thongbao": "Thẻ thử nghiệm", "maLoi": "000"}
    return [told] if person else []


def _plain(name: str) -> str:
    return " ".join(name.casefold().split())


def _initials(name: str) -> list[str]:
    """The bare first letter of each word."""
    letters = unicodedata.normalize("NFD", _plain(name)).replace("đ", "d")
    return [word[0] for word in "".join(one for one in letters if not unicodedata.combining(one)).split()]
