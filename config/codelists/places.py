"""Provinces, districts and wards of both eras: two levels since 1 July 2025, before it three (services.md 6.1).

A code alone does not tell its era: nearly every new ward bears the code of one of the old ones it was made of.
Loaded once, when first asked for. Must not know how people write addresses.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import NamedTuple


class Era(StrEnum):
    """Which of the two divisions of the country a code or an address belongs to."""

    NEW = "new"  # 34 provinces, 3,321 wards, no districts
    OLD = "old"  # 63 provinces, districts, 10,035 wards


class Province(NamedTuple):
    """`new_code`: the province it became part of; a new province's own code."""

    era: Era
    code: str
    kind: str
    name: str
    new_code: str


class District(NamedTuple):
    """Old era alone. `new_codes`: the new ward that an island district without wards became."""

    code: str
    province: str
    kind: str
    name: str
    new_codes: tuple[str, ...]


class Ward(NamedTuple):
    """`new_codes`: the new wards it went to, first the one that took all its residents where there is one; a new ward's
    own code. `spellings`: other ways in which official lists write its name. `fate`: GONE or MOVED for one that was no
    longer there in June 2025; `new_codes` are then those it may be part of."""

    era: Era
    code: str
    province: str
    district: str
    kind: str
    name: str
    new_codes: tuple[str, ...]
    spellings: tuple[str, ...]
    fate: str = ""


GONE, MOVED = "gone", "moved"  # merged or renamed; under the same name and code in another district


@dataclass(frozen=True)
class Places:
    """All units by their codes, and the wards and districts that lists before June 2025 have and that one has not."""

    new_provinces: dict[str, Province]
    old_provinces: dict[str, Province]
    districts: dict[str, District]
    new_wards: dict[str, Ward]
    old_wards: dict[str, Ward]
    earlier_districts: dict[str, District]
    earlier_wards: tuple[Ward, ...]

    def district(self, code: str) -> District | None:
        """The old district of that code, as it was last."""
        return self.districts.get(code) or self.earlier_districts.get(code)

    def province(self, era: Era, code: str) -> Province | None:
        """The province of that code in that era."""
        return (self.new_provinces if era is Era.NEW else self.old_provinces).get(code)

    def ward(self, era: Era, code: str) -> Ward | None:
        """The ward of that code in that era."""
        return (self.new_wards if era is Era.NEW else self.old_wards).get(code)

    def successors(self, unit: Ward | District) -> tuple[Ward, ...]:
        """The new wards that a ward of either era, or an island district, is today; several where it was split."""
        return tuple(self.new_wards[code] for code in unit.new_codes)


@cache
def places() -> Places:
    """The lists, read once."""
    provinces = [
        Province(Era(era), code, kind, name, new or code) for era, code, kind, name, new in _rows("provinces.tsv")
    ]
    new_wards = {
        code: Ward(Era.NEW, code, province, "", kind, name, (code,), _split(spellings, "|"))
        for code, province, kind, name, spellings in _rows("wards.tsv")
    }
    districts: dict[str, District] = {}
    old_wards: dict[str, Ward] = {}
    province = district = ""
    for first, *rest in _rows("wards_before_2025_07.tsv"):
        if first.startswith(">"):
            district, (province, kind, name, new) = first[1:], rest
            districts[district] = District(district, province, kind, name, _split(new, " "))
        else:
            kind, name, new, *spellings = rest
            codes, others = _split(new, " "), _split("".join(spellings), "|")
            old_wards[first] = Ward(Era.OLD, first, province, district, kind, name, codes, others)
    earlier_districts, earlier_wards = _earlier(districts)
    return Places(
        {province.code: province for province in provinces if province.era is Era.NEW},
        {province.code: province for province in provinces if province.era is Era.OLD},
        districts,
        new_wards,
        old_wards,
        earlier_districts,
        earlier_wards,
    )


def _earlier(districts: dict[str, District]) -> tuple[dict[str, District], tuple[Ward, ...]]:
    gone: dict[str, District] = {}
    wards: list[Ward] = []
    province = district = ""
    for first, *rest in _rows("wards_earlier.tsv"):
        if first.startswith(">"):
            district, (province, kind, name) = first[1:], rest
            if district not in districts:
                gone[district] = District(district, province, kind, name, ())
        else:
            kind, name, new, *moved = rest
            fate = MOVED if moved else GONE
            wards.append(Ward(Era.OLD, first, province, district, kind, name, _split(new, " "), (), fate))
    return gone, tuple(wards)


def _rows(name: str) -> Iterator[list[str]]:
    lines = resources.files(__package__).joinpath(name).read_text("utf-8").splitlines()
    return (line.split("\t") for line in lines if not line.startswith("#"))


def _split(text: str, sign: str) -> tuple[str, ...]:
    return tuple(text.split(sign)) if text else ()
