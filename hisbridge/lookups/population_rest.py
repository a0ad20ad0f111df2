"""The register as an LGSP offers it over REST: JSON fields in and out (services.md 4.3, variant c).

The fields asked are documented, the answer's shape is not: gateways turn the SOAP answer into JSON each in their own
way. It becomes the same tree as the XML one, so that both are read by the same code and the same rules.
"""

import json
from collections.abc import Mapping
from typing import Any

from hisbridge.http import Answer
from hisbridge.lookups.population_access import Access, refuse_status
from hisbridge.lookups.population_answer import PERSON, Entry, entries
from hisbridge.lookups.population_errors import PopulationGarbled
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
_OF_A_PERSON = frozenset({"sodinhdanh", "hovaten"})
_RELATIVES = frozenset({"cha", "me", "vochong", "nguoidaidien", "chuho"})


class RestTransport:
    """The register behind a REST address of an LGSP."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def people(self, sought: Sought, deadline: float) -> tuple[Entry, ...]:
        """Whom the register holds under this number, name and birth date. Raises a PopulationError."""
        return understood(self._access.send(fields(sought), CONTENT_TYPE, HEADERS, deadline))


def fields(sought: Sought) -> bytes:
    """The request. A birth date of which only the year is known goes as the year: no other field is documented."""
    asked = {
        "maYeuCau": sought.request_id,
        "maDVC": sought.procedure_code,
        "maCanBo": sought.officer,
        "soDinhDanh": sought.personal_id,
        "soCMND": sought.previous_id,
        "hoVaTen": sought.name,
        "ngayThangNam": sought.birth_day or sought.birth_year,
    }
    return to_json({name: text for name, text in asked.items() if text})


def understood(answer: Answer) -> tuple[Entry, ...]:
    """The persons in an answer. Raises a PopulationError."""
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
    return entries(_Tree().node("answer", told, 0))


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
        name = name.lower()
        if isinstance(value, _Pairs):
            children = [
                self.node(key, item, depth + 1)
                for key, told in value
                for item in (told if type(told) is list else [told])
            ]
            return Node(_name(name, children), "", children)
        if isinstance(value, list):  # a list in a list
            return Node(name, "", [self.node(name, item, depth + 1) for item in value])
        return Node(name, _text(name, value))


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
