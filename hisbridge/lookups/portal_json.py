"""Lenient reading of the insurance portal's JSON: what can be meant in one way only is understood, all else refused.

Gateways and proxies on the way have been seen to change the case of keys, to repeat them, to send numbers for text,
to add a byte-order mark and to append to the end. Pure; knows nothing of cover or persons.
"""

import codecs
import json
import re
from collections.abc import Mapping
from typing import Any, Final, NoReturn

from hisbridge.errors import PortalGarbled, PortalIncomplete

_CODE = re.compile(r"[0-9A-Za-z]{1,8}")
_MORE = re.compile(r'[{}\[\]"]')  # after the object: more data, and nobody knows which of the two counts
_EMPTY: Final[tuple[object, ...]] = (None, "", [], {})
_NEEDED = frozenset(
    {
        *("maketqua", "hoten", "ngaysinh", "gioitinh", "makv", "ngaydu5nam", "masobhxh", "mathecu"),
        *("mathe", "gtthetu", "gttheden", "madkbd", "mathemoi", "gtthetumoi", "gtthedenmoi", "madkbdmoi"),
    }
)


class _Ambiguous:
    """In place of a value: the key came twice with different values."""


_AMBIGUOUS: Final = _Ambiguous()


def read_object(body: bytes) -> dict[str, Any]:
    """The body as a JSON object, every key folded to lower case (the portal itself varies their case).

    Bytes that are not UTF-8 stay as lone surrogates (PEP 383): only who reads that very field is concerned.
    Raises PortalGarbled: a login page, a proxy's error page, half an answer, two answers.
    """
    text, told, end = _first_value(body)
    if not isinstance(told, dict):
        raise PortalGarbled(why="not an object")
    if _MORE.search(text, end):
        raise PortalGarbled(why="more than one value")
    return told


def is_json(body: bytes) -> bool:
    """Whether a body begins with a whole JSON value, read as leniently as here; what it says is not looked at."""
    try:
        _first_value(body)
    except PortalGarbled:
        return False
    return True


def needed(answer: Mapping[str, Any]) -> dict[str, Any]:
    """The answer of a look-up without what reception has no use for: address, employer, visit history, free text."""
    return {key: value for key, value in answer.items() if key in _NEEDED}


def text_of(answer: Mapping[str, Any], key: str, digits: int = 0, lost: int = 1) -> str:
    """A field as text, "" where it is missing or no text.

    A number gets the zeros back that it lost in front of its `digits`, at most `lost`: codes of provinces, and with
    them facility codes and social security numbers, begin with no more than one.

    Raises PortalGarbled where the answer gives the field twice and differently.
    """
    value = answer.get(key)
    if isinstance(value, _Ambiguous):
        raise PortalGarbled(why="a field twice")
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**15:
        plain = str(value)
        return plain.zfill(digits) if len(plain) + lost >= digits else plain
    return ""


def result_code(answer: Mapping[str, Any]) -> str:
    """`maKetQua` as its three characters. Raises PortalIncomplete, PortalGarbled.

    A number, or one digit alone, has lost its zeros on the way. Two digits are left as they are: they belong to an
    older set with other meanings (services.md 1.4), in which only 00 says the same.
    """
    code = text_of(answer, "maketqua", digits=3, lost=2)
    if not _CODE.fullmatch(code):
        raise PortalIncomplete
    return code.zfill(3) if code == "00" or (len(code) == 1 and code.isdigit()) else code


def _first_value(body: bytes) -> tuple[str, Any, int]:
    """The text, its first JSON value, and where that ends in the text. Raises PortalGarbled."""
    text = _decoded(body).lstrip()
    try:
        told, end = _DECODER.raw_decode(text)
    except (ValueError, RecursionError):
        raise PortalGarbled(why="not JSON") from None
    return text, told, end


def _decoded(body: bytes) -> str:
    if body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        try:
            return body.decode("utf-16")
        except UnicodeDecodeError:
            raise PortalGarbled(why="not text") from None
    return body.removeprefix(codecs.BOM_UTF8).decode("utf-8", "surrogateescape")


def _folded(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for name, value in pairs:
        key = name.lower()
        told[key] = _one_of(told[key], value) if key in told else value
    return told


def _one_of(first: Any, second: Any) -> Any:
    """The value that two of the same key amount to."""
    if second in _EMPTY:
        return first
    if first in _EMPTY or (type(first) is type(second) and first == second):
        return second
    return _AMBIGUOUS


def _refuse(_constant: str) -> NoReturn:
    raise ValueError


# The standard library's decoder, because it alone shows keys that come twice. Control characters inside a text are
# let through: line breaks in the free text harm nobody.
_DECODER: Final = json.JSONDecoder(object_pairs_hook=_folded, parse_constant=_refuse, strict=False)
