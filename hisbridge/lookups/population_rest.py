"""The register as an LGSP offers it over REST: JSON fields in and out (services.md 4.3, variant c).

The usual fields asked are documented and a setting, the answer's shape is not: gateways turn the SOAP answer into JSON
each in their own way. It becomes the same tree as the XML one, so that both are read by the same code and rules;
prefixes and attributes (`@…`) that a converter left are dropped there as here.
"""

import json
from collections.abc import Mapping
from typing import Any

from config.settings import PopulationSettings
from hisbridge.http import Answer
from hisbridge.lookups.population_access import Access, refuse_status
from hisbridge.lookups.population_answer import PERSON
from hisbridge.lookups.population_errors import PopulationGarbled, PopulationNotConfigured
from hisbridge.lookups.population_question import Sought
from hisbridge.xml import MAX_DEPTH, MAX_NODES, Node
from wire.codec import to_json

CONTENT_TYPE = "application/json; charset=utf-8"
HEADERS = {"Accept": "application/json"}

# Codes that lose their zeros where a gateway turns digits into a number, and how long they are.
_WIDTHS = {
    "sodinhdanh": 12,
    "socmnd": 9,
    "dantoc": 2,
    "matinhthanh": 2,
    "maquanhuyen": 3,
    "maphuongxa": 5,
}
_BARE_TEXT = frozenset({"$", "#text", "_text", "$t"})
_OF_A_PERSON = frozenset({"sodinhdanh", "hovaten"})
_RELATIVES = frozenset({"cha", "me", "vochong", "nguoidaidien", "chuho"})


class RestTransport:
    """The register behind a REST address of an LGSP."""

    def __init__(self, settings: PopulationSettings, access: Access) -> None:
        self._settings = settings
        self._access = access

    def answer(self, sought: Sought, deadline: float) -> Node:
        """What the register says about this number, name and birth date. Raises a PopulationError."""
        asked = fields(sought, self._settings)
        return content(self._access.send(asked, CONTENT_TYPE, HEADERS, deadline))


def fields(sought: Sought, settings: PopulationSettings) -> bytes:
    """The request, named as the settings say. Raises PopulationNotConfigured.

    A birth date of which only the year is known goes as the year, in the date's field where none is named for years.
    """
    names = settings.rest_fields
    known = {
        "request_id": sought.request_id,
        "procedure_code": sought.procedure_code,
        "integration_code": sought.integration_code,
        "officer": sought.officer,
        "agency_code": sought.agency_code,
        "account": sought.account,
        "phone": sought.phone,
        "personal_id": sought.personal_id,
        "previous_id": sought.previous_id,
        "full_name": sought.name,
        "birth_date": sought.birth_day or (None if names.get("birth_year") else sought.birth_year),
        "birth_year": sought.birth_year,
    }
    for ours in names:
        if ours not in known:
            raise PopulationNotConfigured(key=f"population.rest_fields.{ours}")
    asked = {theirs: text for ours, theirs in names.items() if theirs and (text := known[ours])}
    if len(asked) != sum(bool(theirs and known[ours]) for ours, theirs in names.items()):
        raise PopulationNotConfigured(key="population.rest_fields")  # one name for two of ours
    if not asked.keys().isdisjoint(settings.rest_extra):
        raise PopulationNotConfigured(key="population.rest_extra")
    return to_json({**asked, **settings.rest_extra})


def content(answer: Answer) -> Node:
    """The answer as a tree. Raises a PopulationError."""
    refuse_status(answer.status)
    try:
        told = json.loads(
            answer.body.decode("utf-8-sig"),
            object_pairs_hook=_Pairs,  # a name said twice must not vanish
            parse_int=_Number,
            parse_float=_nothing,
            parse_constant=_nothing,
        )
    except (ValueError, RecursionError):
        raise PopulationGarbled(why="not JSON") from None
    if not isinstance(told, _Pairs):
        raise PopulationGarbled(why="not an object")
    return _Tree().node("answer", told, 0)


class _Pairs(list[tuple[str, Any]]):
    """A JSON object with every name it holds, in order."""


class _Number(str):
    """The digits of a JSON integer: as text, so that none is lost and none is too long to convert."""

    __slots__ = ()


def _nothing(_text: str) -> None:
    """No field of the register is a fraction."""


class _Tree:
    def __init__(self) -> None:
        self._nodes = 0

    def node(self, name: str, value: Any, depth: int) -> Node:
        """A JSON value as an element of that name; of a list, the elements stand side by side in its parent."""
        self._nodes += 1
        if self._nodes > MAX_NODES or depth > MAX_DEPTH:
            raise PopulationGarbled(why="too large")
        name = name.rpartition(":")[2].lower()
        if isinstance(value, _Pairs):
            children = [
                self.node(key, item, depth + 1)
                for key, told in value
                if not key.startswith("@") and key not in _BARE_TEXT
                for item in (told if type(told) is list else [told])
            ]
            return Node(_name(name, children), _bare_text(name, value), children)
        if isinstance(value, list):  # a list in a list
            return Node(name, "", [self.node(name, item, depth + 1) for item in value])
        return Node(name, _text(name, value))


def _bare_text(name: str, pairs: _Pairs) -> str:
    """The text of an element that had attributes, as converters from XML to JSON keep it."""
    told = {_text(name, value) for key, value in pairs if key in _BARE_TEXT}
    if len(told) > 1:
        raise PopulationGarbled(why="text twice")
    return next(iter(told), "")


def _name(name: str, children: list[Node]) -> str:
    """A person by its fields where a gateway dropped the wrapping; a relative is never one."""
    if name in _RELATIVES:
        return name
    return PERSON if {child.name for child in children} >= _OF_A_PERSON else name


def _text(name: str, value: Any, widths: Mapping[str, int] = _WIDTHS) -> str:
    if isinstance(value, _Number):
        return value.zfill(widths.get(name, 0))
    # true and false count as said, so that an answer that holds only one is not taken for an empty one.
    return value.strip() if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else ""
