"""The second wall around a support bundle: whatever was gathered, no line that speaks of a person goes out.

The first wall is that logs and reports hold no personal data by rule. This one knows everybody that the database knows
and leaves out each line in which one of them stands, however it is written there: without marks, in capitals, with
other separators, in percent signs, escapes, base64 or hex. Digits that may be somebody's number go in any case. Pure.
"""

import base64
import binascii
import html
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from urllib.parse import unquote_plus

REMOVED = "[line left out: it may speak of a person]"
DIGITS = "#########"
LEAST_LETTERS = 6  # of a term, without marks and separators: below that half of all lines would go
YOUNG = timedelta(days=45)  # days as recent as these stand in every line of a log
_SHINGLE = LEAST_LETTERS
_LONGEST_LINE = 20_000

# A moment is no number of a person's, nor is an address of the network (whose parts have no leading zeros).
_MOMENT = r"\b20[0-9]{2}-[01][0-9]-[0-3][0-9](?:[T ][0-2][0-9]:[0-5][0-9](?::[0-6][0-9](?:[.,][0-9]{1,6})?)?)?\b"
_PART = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9][0-9]|[0-9])"
_ADDRESS = rf"(?<![0-9.])(?:{_PART}\.){{3}}{_PART}(?![0-9.])"
_KEPT = re.compile(f"({_MOMENT}|{_ADDRESS})")
_LONG_NUMBER = re.compile(r"[0-9](?:[ .\u00a0-]?[0-9]){8,}")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{8,}={0,2}")
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2}[ :]?){6,}")
_ESCAPE = re.compile(r"\\u([0-9A-Fa-f]{4})|\\x([0-9A-Fa-f]{2})")
_ENCODINGS = ("utf-8", "utf-16-le", "utf-16-be")


class Wall:
    """Knows the `terms` that may not pass: names, addresses, numbers. Counts what it left out, in `removed`."""

    def __init__(self, terms: Iterable[str]) -> None:
        self._terms: dict[str, set[str]] = defaultdict(set)
        self.removed = 0
        self.masked = 0
        for term in {bare(term) for term in terms}:
            if len(term) >= LEAST_LETTERS:
                self._terms[term[:_SHINGLE]].add(term)

    def passed(self, text: str) -> str:
        """The text without the lines that speak of somebody, long numbers masked in the others."""
        # Not splitlines: that would take a line apart at what is odd in it.
        return "\n".join(self._line(line.rstrip("\r")) for line in text.split("\n"))

    def _line(self, line: str) -> str:
        if len(line) > _LONGEST_LINE or _is_odd(line) or any(self._names_somebody(view) for view in _views(line)):
            self.removed += 1
            return REMOVED
        pieces = _KEPT.split(line)
        for place in range(0, len(pieces), 2):  # what _KEPT found stands between
            pieces[place], times = _LONG_NUMBER.subn(DIGITS, pieces[place])
            self.masked += times
        return "".join(pieces)

    def _names_somebody(self, view: str) -> bool:
        told = bare(view)
        for start in range(len(told) - _SHINGLE + 1):
            terms = self._terms.get(told[start : start + _SHINGLE])
            if terms and any(told.startswith(term, start) for term in terms):
                return True
        return False


def bare(text: str) -> str:
    """Letters and digits alone, without marks, small: one spelling for all ways to write a name or a number."""
    folded = unicodedata.normalize("NFKD", text.casefold()).replace("đ", "d")
    return "".join(letter for letter in folded if letter.isalnum())


def name_terms(name: str) -> Iterator[str]:
    """A name, and every two of its words that follow each other, where they are long enough to mean somebody."""
    words = name.split()
    yield name
    if len(words) > 2:
        yield " ".join(words[1:])
        yield " ".join(words[-2:])
        yield " ".join((words[0], words[-1]))
    yield " ".join(reversed(words))
    yield " ".join((*words[-1:], *words[:-1]))


def date_terms(written: str, today: date) -> Iterator[str]:
    """A date of birth as anybody writes it; none of one that is not whole or that stands in every line these days."""
    try:
        told = date.fromisoformat(written)
    except ValueError:
        return
    if today - told > YOUNG:
        yield from (f"{told:%Y%m%d}", f"{told:%d%m%Y}")


def address_terms(written: str) -> Iterator[str]:
    """An address, and its first part alone: house and street."""
    yield written
    yield written.partition(",")[0]


def _is_odd(line: str) -> bool:
    """Text in another encoding, or none at all: nobody can tell what it says."""
    return any(letter != "\t" and not letter.isprintable() and letter not in "\u00a0\u202f" for letter in line) or (
        "\ufffd" in line
    )


def _views(line: str) -> Iterator[str]:
    """The line as it stands, and as it reads once what is packed into it is unpacked."""
    yield line
    if "%" in line or "+" in line:
        yield unquote_plus(line)
    if "&" in line:
        yield html.unescape(line)
    if "\\" in line:
        yield _ESCAPE.sub(lambda found: chr(int(found[1] or found[2], 16)), line)
        unescaped = line.encode("ascii", "backslashreplace").decode("unicode_escape", "replace")
        yield unescaped.encode("latin-1", "replace").decode("utf-8", "replace")  # bytes as Python shows them
    for packed in _packed(line):
        for encoding in _ENCODINGS:
            try:
                told = packed.decode(encoding)
            except UnicodeDecodeError:
                continue
            yield told


def _packed(line: str) -> Iterator[bytes]:
    for found in _BASE64.finditer(line):
        token = found[0].rstrip("=").translate(str.maketrans("-_", "+/"))
        try:
            yield base64.b64decode(token + "=" * (-len(token) % 4), validate=True)
        except binascii.Error:
            continue
    for found in _HEX.finditer(line):
        yield bytes.fromhex(re.sub("[ :]", "", found[0]))
