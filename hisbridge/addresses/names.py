"""Every name of the place lists by its folded key, and the names of one province for those written a letter off."""

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from config.codelists.places import District, Era, Province, Ward, places
from hisbridge.addresses.letters import folded_keys

# Names in common use that no list holds.
_COMMON = {
    "01": ("HN", "TPHN"),
    "31": ("HP", "TPHP"),
    "46": ("Thừa Thiên Huế", "TT Huế", "TTH"),
    "48": ("TPĐN",),
    "77": ("BRVT", "BR VT", "Bà Rịa VT"),
    "79": ("HCM", "TPHCM", "HCMC", "Sài Gòn", "SG"),
    "92": ("TPCT",),
}
_COMMON_DISTRICTS = {"643": ("Ban Mê Thuột", "BMT")}


class Name(NamedTuple):
    """One way to write one unit. `level`: 0 ward, 1 district, 2 province. `province` is a code of `era`."""

    level: int
    era: Era
    province: str
    unit: Ward | District | Province
    written: str


@cache
def index() -> dict[str, list[Name]]:
    """All names by folded key."""
    found: dict[str, list[Name]] = {}
    for key, name in zip(folded_keys(name.written for name in _every()), _every(), strict=True):
        found.setdefault(key.lstrip("0") if key.isdigit() else key, []).append(name)
    return found


@cache
def longest() -> int:
    """How many words the longest name has."""
    return 1 + max(name.written.replace("-", " ").replace("'", " ").count(" ") for name in _every())


@cache
def nearby(era: Era, province: str) -> dict[int, list[tuple[str, Name]]]:
    """The names within one province by the length of their keys, for names of five letters or more."""
    found: dict[int, list[tuple[str, Name]]] = {}
    for key, names in index().items():
        if len(key) >= SHORTEST:
            for name in names:
                if (name.era, name.province) == (era, province) and name.level < 2:
                    found.setdefault(len(key), []).append((key, name))
    return found


@cache
def provinces() -> dict[int, list[tuple[str, Name]]]:
    """The names of provinces in the same shape."""
    found: dict[int, list[tuple[str, Name]]] = {}
    for key, names in index().items():
        for name in names:
            if name.level == 2 and len(key) >= SHORTEST:
                found.setdefault(len(key), []).append((key, name))
    return found


SHORTEST = 5  # a shorter name one letter off may be anything


def near(one: str, two: str) -> bool:
    """Whether one letter added, left out, changed, or two exchanged make one of the other."""
    if abs(len(one) - len(two)) > 1:
        return False
    begin = 0
    while begin < min(len(one), len(two)) and one[begin] == two[begin]:
        begin += 1
    rest, other = one[begin:], two[begin:]
    if rest[1:] == other[1:] or rest[1:] == other or rest == other[1:]:
        return True
    return rest[:2] == other[1::-1] and rest[2:] == other[2:]


@cache
def _every() -> tuple[Name, ...]:
    return tuple(_names())


def _names() -> Iterator[Name]:
    known = places()
    for provinces in (known.new_provinces, known.old_provinces):
        for province in provinces.values():
            for written in (province.name, *_COMMON.get(province.code, ())):
                if not (province.code == "77" and province.era is Era.NEW):
                    yield Name(2, province.era, province.code, province, written)
    for district in (*known.districts.values(), *known.earlier_districts.values()):
        for written in (district.name, *_COMMON_DISTRICTS.get(district.code, ())):
            yield Name(1, Era.OLD, district.province, district, written)
    for ward in (*known.new_wards.values(), *known.old_wards.values(), *known.earlier_wards):
        for written in (ward.name, *ward.spellings):
            yield Name(0, ward.era, ward.province, ward, written)
