"""Nationalities: codes as a hospital system holds them, judged by an alphabetical list of states that has none.

The circular numbers the states from 101 on in the order of their Vietnamese names. A code is kept where the state
stands as many places from a neighbour in the other list as its code says, or where states that list does not have fill
the gap between two such codes in the order of their names. All others are left out and told.
"""

import json
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from babel import Locale

from config.codelists.groups import plain_name

_ENTRY = re.compile(r'Code = "([^"]*)", *MediCode = "([0-9]{3})", *Name = "([^"]*)"')
# Where the two lists and the usual Vietnamese name differ; no code is decided here.
_ALPHA_2 = {"Đông Timor": "TL", "Vương quốc Liên hiệp Anh và Bắc Ireland": "GB", "Tchad": "TD"}
NAMES_DIFFER = {"Ả Rập Saudi": "Ả Rập Xê Út", "Cộng hòa Ấn Độ": "Ấn Độ", "Cộng hòa Dominicana": "Cộng hòa Dominica",
                "Guinea-Bissau": "Guiné-Bissau", "Guinea": "Guinée", "Li ban": "Liban", "Myanma": "Myanmar",
                "SuriCountryName": "Suriname", "Thành Vatican": "Vatican"}  # fmt: skip
# Names in common use, and the one letter that German passports bear.
_MORE = {"107": ("Anh",), "155": ("D",), "175": ("Mỹ",), "220": ("Miến Điện",), "231": ("Liên bang Nga",)}
HEAD = """\
# MA_QUOCTICH: circular 07/2016/TT-BCA, appendix 2: three digits, not ISO 3166 (services.md 6.5). Made by
# scripts/codelists, not by hand; docs/codelists.md says from what, how sure it is and which states are missing. What
# the hospital knows better goes into its own file of the same form.

entries = [
"""


class Held(NamedTuple):
    """One state as the hospital system holds it."""

    alpha_2: str
    code: str
    name: str


def build(codes: Path, order: Path, iso: Path, folder: Path, say: Callable[[str], object]) -> bool:
    """Write `nationalities.toml`; returns whether Viet Nam and nine in ten of the codes could be confirmed."""
    held = [Held(*found) for found in _ENTRY.findall(codes.read_text("utf-8-sig"))]
    rank = {plain_name(name): at for at, name in enumerate(order.read_text("utf-8").splitlines())}
    sure = [one for one in held if one.code == "000" or _confirmed(one, held, rank)]
    kept = [*sure, *_filling(held, sure)]
    for one in held:
        if one not in kept:
            say(f"nationality: {one.code} {one.name} cannot be confirmed; left out")
    countries = _Countries(iso)
    lines = [_line(one, countries, say) for one in sorted(kept, key=lambda one: one.code)]
    say(f"nationalities: {len(held)} with a code, {len(kept)} confirmed")
    (folder / "nationalities.toml").write_text(HEAD + "".join(lines) + "]\n", "utf-8")
    return any(one.code == "000" for one in kept) and len(kept) > 0.9 * len(held)


def _rank(one: Held, rank: dict[str, int]) -> int | None:
    return rank.get(plain_name(NAMES_DIFFER.get(one.name, one.name)))


def _confirmed(one: Held, held: list[Held], rank: dict[str, int]) -> bool:
    """Whether a neighbour in the other list is as many codes away as places."""
    place = _rank(one, rank)
    if place is None:
        return False
    codes = {_rank(other, rank): int(other.code) for other in held if other is not one}
    return any(near in codes and codes[near] - int(one.code) == near - place for near in (place - 1, place + 1))


def _filling(held: list[Held], sure: list[Held]) -> list[Held]:
    """Those that take every code between two sure ones, in the order of their names."""
    by_code = {int(one.code): one for one in held}
    found = []
    for first, last in pairwise(sorted(int(one.code) for one in sure if one.code != "000")):
        between = [by_code[code] for code in range(first, last + 1) if code in by_code]
        names = [plain_name(one.name) for one in between]
        if len(between) == last - first + 1 and names == sorted(names):
            found += between[1:-1]
    return found


class _Countries:
    """ISO 3166 by name, for the letters that passports bear and other spellings of the name."""

    def __init__(self, iso: Path) -> None:
        self.alpha_3 = {row["alpha_2"]: row["alpha_3"] for row in json.loads(iso.read_text("utf-8"))["3166-1"]}
        self.vietnamese = dict(Locale("vi").territories)
        self.english = dict(Locale("en").territories)
        self.by_name = {
            plain_name(names[code]): code for names in (self.english, self.vietnamese) for code in self.alpha_3
        }

    def code(self, one: Held, say: Callable[[str], object]) -> str | None:
        """The state's two letters; None where its name and the letters it is held under do not agree."""
        name = NAMES_DIFFER.get(one.name, one.name)
        found = _ALPHA_2.get(name) or self.by_name.get(plain_name(name)) or self.by_name.get(plain_name(one.name))
        if found and found != one.alpha_2.upper():
            say(f"nationality: {one.code} {one.name} is held as {one.alpha_2}; by its name it is {found}")
        return found or (one.alpha_2 if one.alpha_2 in self.alpha_3 else None)


def _line(one: Held, countries: _Countries, say: Callable[[str], object]) -> str:
    name = NAMES_DIFFER.get(one.name, one.name)
    others = [name, *_MORE.get(one.code, ())]
    if code := countries.code(one, say):
        name = countries.vietnamese[code]
        others = [*others, countries.english[code], countries.alpha_3[code]]
    spellings = {plain_name(other): other for other in reversed(others)}
    spellings.pop(plain_name(name), None)
    listed = ", ".join(json.dumps(alias, ensure_ascii=False) for alias in sorted(spellings.values()))
    return f'  {{ code = "{one.code}", name = {json.dumps(name, ensure_ascii=False)}, aliases = [{listed}] }},\n'
