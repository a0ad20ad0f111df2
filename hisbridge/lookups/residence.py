"""Does the card's residence say the same as the register's: a printed text beside codes. Pure.

The register is believed to hold today's wards, but codes of wards came back with another meaning on 1 July 2025
(services.md 6.1), so that a code stands for every ward of today that it may mean. What cannot be told apart is no
silent agreement: a ward that the text does not surely name is a difference, for a person to look at.
"""

import unicodedata

from config.codelists.places import Era, Ward, places
from hisbridge.addresses import Address, parse_address
from hisbridge.questions import RegisteredAddress


def lives_elsewhere(card: str, held: RegisteredAddress) -> bool:
    """Whether the text on the card and the register's address differ, as far as both are known."""
    printed = parse_address(card)
    meant = today(held)
    if meant and printed.new_ward_code is not None:
        return printed.new_ward_code not in meant or _other_detail(printed, held)
    if not meant and held.ward_code is None and printed.new_province_code is not None and held.province_code:
        return printed.new_province_code != held.province_code
    return True


def today(held: RegisteredAddress) -> frozenset[str]:
    """Codes of today's wards that the register's code may mean; none where it is in no list."""
    code, known = held.ward_code or "", places()
    old = known.ward(Era.OLD, code)
    found = {ward.code for ward in known.successors(old)} if old is not None else set()
    if not held.district_code and known.ward(Era.NEW, code) is not None:
        found.add(code)
    return frozenset(found)


def readable(held: RegisteredAddress) -> str:
    """The register's address in words where the lists know its codes, else with the codes themselves."""
    known = places()
    ward: Ward | None = None if held.district_code else known.ward(Era.NEW, held.ward_code or "")
    ward = ward or known.ward(Era.OLD, held.ward_code or "")
    province = known.province(Era.NEW, held.province_code or "")
    names = (
        held.detail,
        f"{ward.kind.capitalize()} {ward.name}" if ward is not None else held.ward_code,
        held.district_code,
        province.name if province is not None else held.province_code,
        held.country if held.country != "VN" else None,
    )
    return ", ".join(name for name in names if name)


def _other_detail(printed: Address, held: RegisteredAddress) -> bool:
    """House and street, where both tell them; capitals, marks and signs between them say nothing."""
    one, other = _plain(printed.detail), _plain(held.detail or "")
    return bool(one and other) and one != other


def _plain(text: str) -> str:
    letters = unicodedata.normalize("NFD", text.casefold().replace("đ", "d"))
    return "".join(sign for sign in letters if sign.isalnum())
