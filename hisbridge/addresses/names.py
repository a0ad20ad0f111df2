"""Every name of the place lists by its folded key, and the names of one province for those written a letter off."""

from collections.abc import Callable, Iterator
from functools import cache
from typing import NamedTuple, TypeVar

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


K = TypeVar("K")


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


class Page(NamedTuple):
    """Names whose keys have one length, and those keys between line breaks, which makes them quick to search."""

    keys: str
    names: list[Name]


Table = dict[int, Page]  # by the length of the keys


@cache
def nearby() -> dict[tuple[Era, str], Table]:
    """The names within each province."""
    return _tables(lambda name: (name.era, name.province) if name.level < 2 else None)


@cache
def provinces() -> Table:
    """The names of provinces."""
    return _tables(lambda name: name.level if name.level == 2 else None)[2]


def _tables(scope: Callable[[Name], K | None]) -> dict[K, Table]:
    found: dict[K, dict[int, tuple[list[str], list[Name]]]] = {}
    for key, names in index().items():
        if len(key) >= SHORTEST:
            for name in names:
                if (of := scope(name)) is not None:
                    keys, named = found.setdefault(of, {}).setdefault(len(key), ([], []))
                    keys.append(key)
                    named.append(name)
    return {
        of: {length: Page("\n".join(["", *keys, ""]), named) for length, (keys, named) in by_length.items()}
        for of, by_length in found.items()
    }


def one_off(table: Table, key: str) -> list[Name]:
    """The names `near` a key of five letters or more, by length; one mistake leaves the first half or the last."""
    half = (len(key) - 2) // 2 if len(key) > SHORTEST else 2
    head, tail = "\n" + key[:half], key[-half:] + "\n"
    found: list[Name] = []
    for length in range(len(key) - 1, len(key) + 2):
        if page := table.get(length):
            width = length + 1
            for line in sorted({*_lines(page.keys, head, width), *_lines(page.keys, tail, width)}):
                other = page.keys[line * width + 1 : (line + 1) * width]
                if other != key and near(other, key):
                    found.append(page.names[line])
    return found


def _lines(page: str, piece: str, width: int) -> Iterator[int]:
    """In which lines of that width the piece is."""
    at = page.find(piece)
    while at >= 0:
        yield at // width
        at = page.find(piece, at + 1)


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
