"""The second wall around a support bundle: whatever was gathered, no line that speaks of a person goes out.

The first wall is that logs and reports hold no personal data by rule. This one knows everybody that the database knows
and leaves out each line in which one of them stands, however it is written there: without marks, in capitals, with
other separators, in percent signs, escapes, base64 or hex. Digits that may be somebody's number go in any case. Pure.
"""

import base64
import html
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from urllib.parse import unquote, unquote_plus

REMOVED = "[line left out: it may speak of a person]"
DIGITS = "#########"
LEAST_LETTERS = 6  # of a term that is looked for within words: shorter ones stand in half of all lines
YOUNG = timedelta(days=45)  # days as recent as these stand in every line of a log
_SHINGLE = LEAST_LETTERS
_LONGEST_LINE = 20_000

# A moment is no number of a person's, nor is an address of the network (whose parts have no leading zeros).
_MOMENT = r"\b20[0-9]{2}-[01][0-9]-[0-3][0-9](?:[T ][0-2][0-9]:[0-5][0-9](?::[0-6][0-9](?:[.,][0-9]{1,6})?)?)?\b"
_PART = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9][0-9]|[0-9])"
_ADDRESS = rf"(?<![0-9.])(?:{_PART}\.){{3}}{_PART}(?![0-9.])"
_KEPT = re.compile(f"({_MOMENT}|{_ADDRESS})")
_LONG_NUMBER = re.compile(r"[0-9](?:[ ./_\u00a0-]?[0-9]){8,}")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{6,}")
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2}[ :]?){4,}[0-9A-Fa-f]?")
_QUOTED = re.compile(r"=([0-9A-F]{2})")  # quoted-printable (RFC 2045, 6.7)
_ESCAPE = re.compile(r"\\u([0-9A-Fa-f]{4})|\\x([0-9A-Fa-f]{2})")
_ANY_ESCAPE = re.compile(r"\\([^\n]?)")
_KNOWN_ESCAPES = tuple("\\'\"abfnrtvxuUN0123")  # another one Python warns of, and once will refuse
_WIDE = ("utf-16-le", "utf-16-be")
_URL_SAFE = str.maketrans("-_", "+/")
_LEAST_BASE64 = 6  # letters: a name of five
_MOST_BEGINNINGS = 20
_DEPTH = 2  # so often something packed is packed again
_WORD = re.compile(r"[^\W_]+")


class Wall:
    """Knows the `terms` that may not pass: names, addresses, numbers. Counts what it left out, in `removed`."""

    def __init__(self, terms: Iterable[str]) -> None:
        self._terms: dict[str, set[str]] = defaultdict(set)
        self._short: dict[str, set[str]] = defaultdict(set)  # by their first word
        self.removed = 0
        self.masked = 0
        for term in set(terms):
            told, words = bare(term), _words(term)
            if len(told) >= LEAST_LETTERS:
                self._terms[told[:_SHINGLE]].add(told)
            elif len(words) > 1:  # Lê An: looked for as words that follow each other
                self._short[words[0]].add(" ".join(words))

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
        return bool(self._short) and self._names_briefly(_words(view))

    def _names_briefly(self, words: list[str]) -> bool:
        for start, word in enumerate(words):
            for term in self._short.get(word, ()):
                if " ".join(words[start : start + term.count(" ") + 1]) == term:
                    return True
        return False


def bare(text: str) -> str:
    """Letters and digits alone, without marks, small: one spelling for all ways to write a name or a number."""
    folded = unicodedata.normalize("NFKD", text.casefold()).replace("đ", "d")
    return "".join(letter for letter in folded if letter.isalnum())


def _words(text: str) -> list[str]:
    return [bare(word) for word in _WORD.findall(unicodedata.normalize("NFC", text))]


def name_terms(name: str) -> Iterator[str]:
    """A name, and every two of its words that follow each other, where they are long enough to mean somebody."""
    words = name.split()
    yield name
    if len(words) > 2:
        parts = (" ".join(words[1:]), " ".join(words[-2:]), " ".join((words[0], words[-1])))
        yield from (part for part in parts if len(bare(part)) >= LEAST_LETTERS)
    yield " ".join(reversed(words))
    yield " ".join((*words[-1:], *words[:-1]))


def date_terms(written: str, today: date) -> Iterator[str]:
    """A date of birth as anybody writes it; none of one that is not whole or that stands in every line these days."""
    try:
        told = date.fromisoformat(written)
    except ValueError:
        return
    if today - told > YOUNG:
        yield from (f"{told:%Y%m%d}", f"{told:%d%m%Y}", f"{told.day}{told.month}{told.year}")


def address_terms(written: str) -> Iterator[str]:
    """An address, and its first part alone: house and street."""
    yield written
    yield written.partition(",")[0]


def _is_odd(line: str) -> bool:
    """Text in another encoding, or none at all: nobody can tell what it says."""
    return any(letter != "\t" and not letter.isprintable() and letter not in "\u00a0\u202f" for letter in line) or (
        "\ufffd" in line
    )


def _views(line: str, depth: int = _DEPTH) -> Iterator[str]:
    """The line as it stands, and as it reads once what is packed into it is unpacked."""
    yield line
    if depth:
        for told in _unpacked(line):
            if told != line:
                yield from _views(told, depth - 1)


def _unpacked(line: str) -> Iterator[str]:
    if "%" in line or "+" in line:
        yield unquote_plus(line)
    if "&" in line:
        yield html.unescape(line)
    if "=" in line:
        yield unquote(_QUOTED.sub(r"%\1", line))
    if "\\" in line:
        yield _ESCAPE.sub(lambda found: chr(int(found[1] or found[2], 16)), line)
        known = _ANY_ESCAPE.sub(lambda found: found[0] if found[1] in _KNOWN_ESCAPES else rf"\\{found[1]}", line)
        unescaped = known.encode("ascii", "backslashreplace").decode("unicode_escape", "replace")
        yield unescaped.encode("latin-1", "replace").decode("utf-8", "replace")  # bytes as Python shows them
    for packed in _packed(line):
        yield packed.decode("utf-8", "ignore")
        if 0 in packed:  # as of every letter without a mark
            yield from (packed.decode(encoding, "ignore") for encoding in _WIDE)


def _packed(line: str) -> Iterator[bytes]:
    for found in _BASE64.finditer(line):
        token = found[0]
        # What stands before it may look like a part of it: a path, a name.
        begins = [0, *(place + 1 for place, letter in enumerate(token) if letter in "/_-")]
        for begin in begins[:_MOST_BEGINNINGS]:
            told = token[begin:].translate(_URL_SAFE)
            told = told[: len(told) - (len(told) % 4 == 1)]
            if len(told) >= _LEAST_BASE64:
                yield base64.b64decode(told + "=" * (-len(told) % 4))
    for found in _HEX.finditer(line):
        digits = re.sub("[ :]", "", found[0])
        for told in (digits, digits[1:]):  # a digit before them belonged to something else
            yield bytes.fromhex(told[: len(told) // 2 * 2])
