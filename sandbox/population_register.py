"""What the pretend population register holds of each synthetic person, and whom a question finds. Pure.

A person is matched only when number, name and birth date agree; a number alone is not enough (services.md 4.3). Names
are compared without case and marks, since some gateways want them so; a birth date as far as both sides know it.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.person import Person, Place

# Since 1 July 2025 (services.md 6.1), by the province's name as the synthetic cards write it.
PROVINCES: Mapping[str, str] = {
    **{"Hà Nội": "01", "Thái Nguyên": "19", "Quảng Ninh": "22", "Hải Phòng": "31", "Thái Bình": "33"},
    **{"Nam Định": "37", "Thanh Hóa": "38", "Nghệ An": "40", "Quảng Trị": "44", "Thừa Thiên Huế": "46"},
    **{"Đà Nẵng": "48", "Bình Định": "52", "Khánh Hòa": "56", "Đắk Lắk": "66", "Lâm Đồng": "68", "Bình Thuận": "68"},
    **{"Đồng Nai": "75", "TP. Hồ Chí Minh": "79", "Thành phố Hồ Chí Minh": "79", "Tiền Giang": "82", "Vĩnh Long": "86"},
    **{"Kiên Giang": "91", "Cần Thơ": "92"},
}
ETHNIC_GROUPS: Mapping[str, str] = {"Kinh": "01", "Khmer": "05", "Ê Đê": "12", "Ba Na": "13"}  # services.md 6.4

_BIRTH = re.compile(r"([0-9]{4})(?:-?([0-9]{2})-?([0-9]{2}))?")


@dataclass(frozen=True, repr=False)
class Sought:
    """One question as it arrived; a number, a name and a birth date (`yyyyMMdd`, `yyyy-MM-dd` or `yyyy`)."""

    personal_id: str
    previous_id: str
    name: str
    born: str


def birth_parts(text: str) -> tuple[str, ...] | None:
    """(year) or (year, month, day); None for another form."""
    found = _BIRTH.fullmatch(text)
    return tuple(part for part in found.groups() if part) if found else None


def look_up(sought: Sought, people: Sequence[Person]) -> Person | None:
    """The one whose number, name and birth date agree."""
    person = by_number(sought, people)
    if person is None:
        return None
    held = person.register
    told, born = birth_parts(sought.born), birth_parts(held.birth_date or person.birth_date)
    if told is None or born is None or told[: len(born)] != born[: len(told)]:
        return None
    return person if _bare(sought.name) == _bare(held.full_name or person.full_name) else None


def by_number(sought: Sought, people: Sequence[Person]) -> Person | None:
    """Whose number this is, whatever the rest says."""
    for person in people:
        if not person.register.known:
            continue
        if sought.personal_id and person.personal_id == sought.personal_id:
            return person
        if sought.previous_id and not sought.personal_id and person.previous_id == sought.previous_id:
            return person
    return None


def entry(person: Person, *, mistaken: bool = False) -> dict[str, Any]:
    """The CongDan of a person as nested names and texts (services.md 4.4); `mistaken` describes somebody else.

    Religion, parents and the rest of the household are there, as in the real one: who asks must leave them.
    """
    held = person.register
    name = "Ngô Thị Lạc" if mistaken else held.full_name or person.full_name
    born = birth_parts("1950-12-31" if mistaken else held.birth_date or person.birth_date) or ("",)
    home = held.residence or _from_card(person.residence)
    return {
        "SoDinhDanh": person.personal_id,
        "SoCMND": person.previous_id or "",
        "HoVaTen": {"Ho": "", "ChuDem": "", "Ten": name},
        "GioiTinh": {"male": "1", "female": "2"}[held.sex or person.sex],
        "DanToc": ETHNIC_GROUPS.get(person.ethnicity, "55"),
        "TonGiao": person.religion,
        "TinhTrangHonNhan": "1",
        "NhomMau": "00",
        "NgayThangNamSinh": {"Nam": born[0]} if len(born) == 1 else {"NgayThangNam": "".join(born)},
        "NoiDangKyKhaiSinh": _address(_from_card(person.place_of_origin)),
        "QueQuan": _address(_from_card(person.place_of_origin)),
        "ThuongTru": _address(home),
        "NoiOHienTai": _address(held.current_address or home),
        "QuocTich": "VN",
        "Cha": _relative(person.father),
        "Me": _relative(person.mother),
        "VoChong": _relative(person.spouse or ""),
        "ChuHo": {**_relative(person.father or person.full_name), "QuanHe": "01"},
        "SoSoHoKhau": "000000000",
    }


def _from_card(text: str) -> Place:
    """A card's text as the register would hold it where it has no ward code: the province, and the rest as text."""
    rest, _, last = text.rpartition(", ")
    return Place(province=PROVINCES.get(last, ""), detail=rest)


def _address(place: Place) -> dict[str, str]:
    return {
        "MaTinhThanh": place.province,
        "MaQuanHuyen": "",  # empty since districts are gone
        "MaPhuongXa": place.ward,
        "ChiTiet": place.detail,
        "QuocGia": "VN",
    }


def _relative(name: str) -> dict[str, Any]:
    return {"HoVaTen": {"Ten": name}, "QuocTich": "VN", "SoDinhDanh": "", "SoCMND": ""}


def _bare(name: str) -> str:
    letters = unicodedata.normalize("NFD", " ".join(name.casefold().split())).replace("đ", "d")
    return "".join(letter for letter in letters if not unicodedata.combining(letter))
