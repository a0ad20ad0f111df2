"""A text cut into words that know their folded form, what stands before them, and which kinds of unit they announce."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from hisbridge.addresses.letters import accent_key, compose, folded_key, has_accents

MAX_WORDS = 36  # an address has fewer; of a longer text only the end is looked at
MAX_LETTERS = 400
MAX_WORD = 40  # letters

_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*|[0-9]+")
_KINDS = {
    "xã": "xã, x",
    "phường": "phường, p, ph, f, phường số, p số",
    "thị trấn": "thị trấn, tt, t t",
    "đặc khu": "đặc khu, đk",
    "quận": "quận, q, quận số, q số",
    "huyện": "huyện, h",
    "thị xã": "thị xã, tx, t x",
    "thành phố": "thành phố, tp, t p",
    "tỉnh": "tỉnh, t",
}
_MARKERS = {
    tuple(folded_key(word) for word in form.split()): (kind, form)
    for kind, forms in _KINDS.items()
    for form in forms.split(", ")
}
_DISTRICTS = ("quận", "huyện", "thị xã")
_WARDS = ("xã", "phường")
_WARD_KEYS = ("xa", "phuong", "ph")  # a lone p is also a room (phòng), a lone x nothing much
_BELOW = "đường, phố, ngõ, hẻm, ngách"
# Syllables of names as well (Lý Thường Kiệt), so only where a part of the text begins with them.
_BELOW_FIRST = "kiệt, ấp, thôn, tổ, đội, xóm, bản, buôn, làng, khóm"
# Without accents tổ, bản and làng are in too many names.
_BELOW_PLAIN = frozenset(["duong", "pho", "ngo", "hem", "ngach", "ap", "thon", "xom", "khom", "buon"])

Marker = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Word:
    """`start` and `end` in the text; `after`: what separates it from the word before: 0 nothing, 1 a hyphen or full
    stop, 2 a comma."""

    start: int
    end: int
    key: str
    after: int
    accented: bool


@dataclass(frozen=True, slots=True)
class Words:
    """The text in NFC and its words.

    `markers`: at each word, the kind of unit announced there and by how many words; `crowded`: whether its part of the
    text (between commas or hyphens) holds several units; `accented`: whether the text has accents at all.
    """

    text: str
    words: tuple[Word, ...]
    markers: tuple[Marker | None, ...]
    crowded: tuple[bool, ...]
    accented: bool

    def spelt(self, first: int, last: int) -> str:
        """The text of the words from `first` up to and without `last`."""
        return self.text[self.words[first].start : self.words[last - 1].end]

    def marker_before(self, first: int) -> Marker | None:
        """The kind announced by the words that end just before that word."""
        for count in (2, 1):
            marker = self.markers[first - count] if first >= count else None
            if marker and marker[1] == count:
                return marker
        return None

    def announces_district(self) -> bool:
        """Whether a district's kind stands somewhere as such, not as part of a name (Xã Quan Sơn)."""
        return any(
            marker
            and marker[0] in _DISTRICTS
            and not self.marker_before(at)
            and (at == 0 or bool(self.words[at].after) or self.crowded[at])
            for at, marker in enumerate(self.markers)
        )

    def announces_ward(self, before: int) -> bool:
        """Whether a ward's kind stands before that word, as such and not as a street's name (12 Đường Phường Mẫu)."""
        return any(
            marker and marker[0] in _WARDS and self.words[at].key in _WARD_KEYS and not (at and self.is_below(at - 1))
            for at, marker in enumerate(self.markers[:before])
        )

    def is_below(self, at: int) -> bool:
        """Whether the word says that a street or a hamlet follows."""
        word = self.words[at]
        begins = at == 0 or bool(word.after) or self.words[at - 1].key.isdigit()
        if not self.accented:
            # The last syllable of a name may look the same: Thai Duong.
            return begins and word.key in _BELOW_PLAIN
        key = accents(self.spelt(at, at + 1))
        return key in _BELOW_KEYS or (begins and key in _BELOW_FIRST_KEYS)

    def below_part(self, first: int) -> bool:
        """Whether its part of the text began as a street, a house or a hamlet."""
        at = first
        while at and not self.words[at].after and not self.markers[at]:
            at -= 1
            if self.is_below(at) or self.words[at].key.isdigit():
                return True
        return False


_accents = lru_cache(4096)(accent_key)


def accents(text: str) -> str:
    """`accent_key`, remembered."""
    return _accents(text)


_BELOW_KEYS = frozenset(map(accent_key, _BELOW.split(", ")))
_BELOW_FIRST_KEYS = frozenset(map(accent_key, _BELOW_FIRST.split(", ")))


def cut(text: str) -> Words:
    """Cut a text of any length into its last words."""
    whole = compose(text)
    found = [
        piece for match in _WORD.finditer(whole, max(0, len(whole) - MAX_LETTERS)) for piece in _unglued(whole, match)
    ][-MAX_WORDS:]
    befores = [found[0][0], *(end for _, end in found[:-1])] if found else []
    kept = tuple(
        _word(whole, first, last, _separation(whole[before:first]))
        for (first, last), before in zip(found, befores, strict=True)
    )
    accented = any(word.accented for word in kept)
    markers = tuple(_marker(whole, kept, at, accented) for at in range(len(kept)))
    return Words(whole, kept, markers, _crowded(kept, markers), accented)


def _marker(text: str, words: tuple[Word, ...], first: int, accented: bool) -> Marker | None:
    for count in (2, 1):
        keys = tuple(word.key for word in words[first : first + count])
        found = _MARKERS.get(keys) if first + count < len(words) else None
        if found and not any(word.after == 2 for word in words[first + 1 : first + count + 1]):
            kind, form = found
            written = text[words[first].start : words[first + count - 1].end]
            if "-" in text[words[first].start : words[first + count].start]:
                continue
            if form.endswith("số") and not words[first + count].key.isdigit():
                continue  # Phường Sở Dầu
            if not accented or not has_accents(form) or accents(written) == accents(form):
                return kind, count
    return None


def _crowded(words: tuple[Word, ...], markers: tuple[Marker | None, ...]) -> tuple[bool, ...]:
    """A part is crowded where nothing separates the text, a kind stands inside it, or it is the last and long."""
    if not any(word.after == 2 for word in words):
        return (True,) * len(words)
    starts = [0, *(at for at, word in enumerate(words) if word.after and at), len(words)]
    crowded: list[bool] = []
    for first, last in pairwise(starts):
        inside = any(markers[at] for at in range(first + 1, last))
        long_end = last == len(words) and last - first > (3 if markers[first] else 4)
        crowded += [inside or long_end] * (last - first)
    return tuple(crowded)


def _unglued(text: str, match: re.Match[str]) -> Iterator[tuple[int, int]]:
    """Begin and end of the words run together in one: QBắc, TXThái, HàNội. In capitals alone nothing tells them."""
    start, end = match.span()
    for at in range(start + 1, end - 1):
        if text[at].isupper() and text[at + 1].islower() and text[at - 1].isalpha():
            yield start, at
            start = at
    yield start, end


def _word(text: str, first: int, last: int, after: int) -> Word:
    piece = text[first:last][:MAX_WORD]
    key = piece.lstrip("0") or "0" if piece.isdigit() else folded_key(piece)
    return Word(first, last, key, after, has_accents(piece))


def _separation(between: str) -> int:
    if any(sign in between for sign in ",;\n\r|()"):
        return 2
    return 1 if "-" in between or ". " in between else 0
