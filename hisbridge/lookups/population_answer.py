"""What the population register holds about a person, taken from a tree of names and texts (XML or JSON alike).

Pure. Only what reception needs is ever looked at: religion, parents, spouse, blood group, marital status, household
and head of household stay in the tree and end with it (services.md 4.4, 7.1). A document that contradicts itself is
no answer: this code never chooses between two values.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from hisbridge.lookups.persons import PartialDay, tidy
from hisbridge.lookups.population_errors import (
    PopulationFault,
    PopulationGarbled,
    PopulationIncomplete,
    PopulationUnknownAnswer,
)
from hisbridge.questions import RegisteredAddress
from hisbridge.xml import Node

Sex = Literal["male", "female", "unknown"]

PERSON = "congdan"
COLLECTION = "congdancollection"
MAX_PEOPLE = 20
MAX_TEXT = 300  # characters of a name or of an address's free part

_SEX_WORDS: Mapping[str, Sex] = {"nam": "male", "nữ": "female"}  # as on the chip
# The codes of the insurer's dictionary (services.md 6.5); the register's own table is not public, hence a setting.
USUAL_SEXES: Mapping[str, Sex] = {"1": "male", "2": "female", "3": "unknown"}
_YES_OR_NO = {"true": True, "1": True, "false": False, "0": False}  # XML Schema's booleans
_ECHOES = frozenset({"mayeucau", "madvc", "matichhop", "macanbo", "madonvi"})  # of our own request
_TROUBLE = re.compile("error|fault|exception|^(?:ma)?loi$")
_NO_TROUBLE = frozenset({"", "0", "00", "000", "false", "null", "none"})
_NUMBER = re.compile(r"[0-9]{12}")
_PREVIOUS = re.compile(r"[0-9]{9}|[0-9]{12}")
_CODE = re.compile(r"[0-9A-Za-z]{1,10}")
_ETHNICITY = re.compile(r"[0-9]{2}")
_ZONE = r"(?:T00:00:00(?:\.0+)?)?(?:Z|[+-][0-9]{2}:[0-9]{2})?"
_DAYS = (
    re.compile(r"(?P<year>[0-9]{4})(?P<month>[0-9]{2})(?P<day>[0-9]{2})"),
    re.compile(r"(?P<year>[0-9]{4})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})" + _ZONE),
    re.compile(r"(?P<day>[0-9]{2})/(?P<month>[0-9]{2})/(?P<year>[0-9]{4})"),
    re.compile(r"(?P<year>[0-9]{4})"),
)


@dataclass(frozen=True, kw_only=True, repr=False)
class Entry:
    """One person of the register; None where it says nothing usable."""

    personal_id: str | None
    previous_id: str | None
    full_name: str
    birth_date: PartialDay | None
    sex: Sex | None
    ethnicity_code: str | None
    nationality: str | None
    residence: RegisteredAddress | None
    current_address: RegisteredAddress | None
    place_of_origin: RegisteredAddress | None


def entries(answer: Node, sexes: Mapping[str, Sex] = USUAL_SEXES) -> tuple[Entry, ...]:
    """The persons in an answer, none where the register says that it knows nobody.

    Raises PopulationGarbled for a document that contradicts itself, PopulationFault for one that tells of an error,
    PopulationIncomplete for a person whose name is not where it should be, PopulationUnknownAnswer for anything else.
    """
    people = list(_people(answer))
    found = [entry(node, sexes) for node in people]
    if len(found) > MAX_PEOPLE:
        raise PopulationGarbled(why="too many persons")
    # An empty CongDan, or one without a name, is the register's other way to say nobody (services.md 4.4).
    named = tuple(person for person in found if person.full_name)
    if any(not person.full_name and _nameless(node) for person, node in zip(found, people, strict=True)):
        raise PopulationIncomplete
    if not found and _tells_of_error(answer):
        raise PopulationFault  # an empty list beside an error is not the register's word
    if not found and not _says_nobody(answer):
        raise PopulationUnknownAnswer
    return named


def confirmed(answer: Node, names: Sequence[str]) -> bool:
    """Whether the register says that there is such a person; `names`: what its yes or no may be called.

    Raises PopulationGarbled where it says both, PopulationFault or PopulationUnknownAnswer where it says neither.
    """
    wanted = {name.lower() for name in names}
    said = {_YES_OR_NO.get(node.text.lower()) for node in answer.walk() if node.name in wanted and node.text}
    if len(said) > 1:
        raise PopulationGarbled(why="yes and no")
    told = next(iter(said), None)
    if told is None:
        raise PopulationFault if _tells_of_error(answer) else PopulationUnknownAnswer
    return told


def sex_codes(settings: Mapping[Sex, str]) -> Mapping[str, Sex]:
    """The register's codes to ours; a code that stands for two is none."""
    told = [theirs.strip().casefold() for theirs in settings.values()]
    kinds: tuple[Sex, ...] = ("male", "female", "unknown")
    named = ((kind, settings.get(kind, "").strip().casefold()) for kind in kinds)
    return {theirs: kind for kind, theirs in named if theirs and told.count(theirs) == 1}


def entry(person: Node, sexes: Mapping[str, Sex] = USUAL_SEXES) -> Entry:
    """One CongDan. Raises PopulationGarbled."""
    return Entry(
        personal_id=_matching(_NUMBER, _value(person, "sodinhdanh")),
        previous_id=_matching(_PREVIOUS, _value(person, "socmnd")),
        full_name=_name(_only(person, "hovaten")),
        birth_date=_birth(_only(person, "ngaythangnamsinh")),
        sex=_sex(_value(person, "gioitinh"), sexes),
        ethnicity_code=_matching(_ETHNICITY, _value(person, "dantoc")),
        nationality=_value(person, "quoctich") or None,
        residence=_address(_only(person, "thuongtru")),
        current_address=_address(_only(person, "noiohientai")),
        place_of_origin=_address(_only(person, "quequan")),
    )


def clean(text: str) -> str:
    """NFC, single spaces, and no character that is not for reading; empty when longer than any real value."""
    shown = "".join(
        " " if letter.isspace() else letter
        for letter in text
        if letter.isspace() or not unicodedata.category(letter).startswith("C")
    )
    return tidy(shown) if len(shown) <= MAX_TEXT else ""


def _people(answer: Node) -> Iterator[Node]:
    """Every CongDan that does not stand inside another one."""
    waiting = [answer]
    while waiting:
        node = waiting.pop()
        if node.name == PERSON:
            yield node
        else:
            waiting.extend(reversed(node.children))


def _nameless(person: Node) -> bool:
    """Whether somebody is described, and only the name cannot be read: that is not the register's way to say nobody."""
    names = person.named("hovaten")
    return any(_told(name) for name in names) if names else _told(person)


def _tells_of_error(answer: Node) -> bool:
    """Whether something is called an error and is not empty, nought or no."""
    called = (node for node in answer.walk() if _TROUBLE.search(node.name))
    return any(below.text.lower() not in _NO_TROUBLE for node in called for below in node.walk())


def _says_nobody(answer: Node) -> bool:
    """An empty collection, or an answer with nothing in it but echoes of the question."""
    nodes = list(answer.walk())
    if any(node.name == COLLECTION and not _told(node) for node in nodes):
        return True
    return bool(answer.children) and not any(node.text for node in nodes if node.name not in _ECHOES)


def _told(element: Node) -> bool:
    return any(node.text for node in element.walk())


def _only(node: Node, name: str) -> Node | None:
    """The child of that name; one said twice in the same words counts once."""
    found = node.named(name)
    if not found:
        return None
    if any(_words(other) != _words(found[0]) for other in found[1:]):
        raise PopulationGarbled(why=f"{name} twice")
    return found[0]


def _words(node: Node) -> list[tuple[str, str]]:
    return [(below.name, below.text) for below in node.walk()]


def _value(node: Node, name: str) -> str:
    found = _only(node, name)
    return clean(found.text) if found is not None else ""


def _name(node: Node | None) -> str:
    """Ho, ChuDem and Ten in the Vietnamese order; often everything stands in Ten, or without parts."""
    if node is None:
        return ""
    parts = [_value(node, part) for part in ("ho", "chudem", "ten")]
    return clean(" ".join(parts)) or clean(node.text)


def _birth(node: Node | None) -> PartialDay | None:
    """Nam, NgayThangNam or both. Raises PopulationGarbled where they disagree."""
    if node is None:
        return None
    told = [_day(text) for text in (_value(node, "ngaythangnam"), _value(node, "nam"), clean(node.text)) if text]
    if not told:
        return None
    known = [day for day in told if day is not None]
    # A date that is none leaves the birth date unknown, whatever stands beside it.
    if len(known) != len(told):
        return None
    longest = max(known, key=len)
    if any(longest[: len(day)] != day for day in known):
        raise PopulationGarbled(why="birth dates disagree")
    return longest


def _day(text: str) -> PartialDay | None:
    """A real day; with month or day 00, or the year alone, as far as it is known."""
    found = next((match for form in _DAYS if (match := form.fullmatch(text))), None)
    if found is None:
        return None
    told = found.groupdict()
    year, month, day = (int(told.get(part) or 0) for part in ("year", "month", "day"))
    if not year or (day and not month):
        return None
    try:
        date(year, month or 1, day or 1)
    except ValueError:
        return None
    return tuple(part for part in (year, month, day) if part)


def _sex(text: str, sexes: Mapping[str, Sex]) -> Sex | None:
    return sexes.get(text.casefold()) or _SEX_WORDS.get(text.casefold())


def _address(node: Node | None) -> RegisteredAddress | None:
    if node is None:
        return None
    province, district, ward = (
        _matching(_CODE, _value(node, name)) for name in ("matinhthanh", "maquanhuyen", "maphuongxa")
    )
    address = RegisteredAddress(
        province_code=province,
        district_code=district,
        ward_code=ward,
        detail=_value(node, "chitiet") or None,
        country=_value(node, "quocgia") or None,
    )
    return address if address != RegisteredAddress() else None


def _matching(pattern: re.Pattern[str], text: str) -> str | None:
    return text if pattern.fullmatch(text) else None
