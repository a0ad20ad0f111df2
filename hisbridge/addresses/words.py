"""A text cut into words that know their folded form, what stands before them, and which kinds of unit they announce."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from hisbridge.addresses.letters import accent_key, compose, folded_key, has_accents

MAX_WORDS = 36  # an address has fewer; of a longer text only the end is looked at
MAX_LETTERS = 400
MAX_WORD = 40  # letters

_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*|[0-9]+")
_LETTER = re.compile(r"[^\W_]")
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
# The folded first word of a form to its second, its kind and itself; the longer forms first.
_FORMS: dict[str, list[tuple[str, str, str]]] = {}
for _kind, _forms in _KINDS.items():
    for _form in sorted(_forms.split(", "), key=lambda form: -form.count(" ")):
        _first, _, _second = map(folded_key, _form.partition(" "))
        _FORMS.setdefault(_first, []).append((_second, _kind, _form))
_DISTRICTS = ("quận", "huyện", "thị xã")
_WARDS = ("xã", "phường")
_WARD_KEYS = ("xa", "phuong", "ph")  # a lone p is also a room (phòng), a lone x nothing much
_BELOW = "đường, phố, ngõ, hẻm, ngách"
# Syllables of names as well (Lý Thường Kiệt), so only where a part of the text begins with them.
_BELOW_FIRST = "kiệt, ấp, thôn, tổ, đội, xóm, bản, buôn, làng, khóm"
# Without accents tổ, bản and làng are in too many names.
_BELOW_PLAIN = frozenset(["duong", "pho", "ngo", "hem", "ngach", "ap", "thon", "xom", "khom", "buon"])

Marker = tuple[str, int]


class Word(NamedTuple):
    """`start` and `end` in the text; `key` folded, `toned` with accents; `after`: what separates it from the word
    before: 0 nothing, 1 a hyphen or full stop, 2 a comma; `joined`: written together with the word before."""

    start: int
    end: int
    key: str
    toned: str
    accented: bool
    after: int
    joined: bool


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

    def toned(self, first: int, last: int) -> str:
        """`accents` of the words from `first` up to and without `last`."""
        return _toned(self.text, self.words[first:last])

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
        if self.accented and word.toned in _BELOW_KEYS:
            return True
        # Without accents the last syllable of a name may look the same: Thai Duong.
        below = word.toned in _BELOW_FIRST_KEYS if self.accented else word.key in _BELOW_PLAIN
        return below and (at == 0 or bool(word.after) or self.words[at - 1].key.isdigit())

    def below_part(self, first: int) -> bool:
        """Whether its part of the text began as a street, a house or a hamlet."""
        at = first
        while at and not self.words[at].after and not self.markers[at]:
            at -= 1
            if self.is_below(at) or self.words[at].key.isdigit():
                return True
        return False


_accents = lru_cache(4096)(accent_key)


def accents(name: str) -> str:
    """`accent_key`, its syllables remembered: there are far fewer of them than names."""
    return "".join(map(_accents, name.split(" ")))


_BELOW_KEYS = frozenset(map(accent_key, _BELOW.split(", ")))
_BELOW_FIRST_KEYS = frozenset(map(accent_key, _BELOW_FIRST.split(", ")))


def cut(text: str) -> Words:
    """Cut a text of any length into its last words."""
    whole = compose(text)
    found: list[Word] = []
    before: int | None = None
    for match in _WORD.finditer(whole, max(0, len(whole) - MAX_LETTERS)):
        start = match.start()
        after, joined = (0, False) if before is None else _between(whole[before:start])
        for begin, end, key, toned, accented in _pieces(match[0]):
            found.append(Word(start + begin, start + end, key, toned, accented, after, joined))
            after, joined = 0, True
        before = match.end()
    if len(found) > MAX_WORDS:
        found = found[-MAX_WORDS:]
        found[0] = found[0]._replace(after=0)
    accented = any(word.accented for word in found)
    markers = tuple(
        [_marker(whole, found, at, accented) if word.key in _FORMS else None for at, word in enumerate(found)]
    )
    return Words(whole, tuple(found), markers, _crowded(found, markers), accented)


def _toned(text: str, words: Sequence[Word]) -> str:
    if any(word.joined for word in words[1:]):
        return accent_key(text[words[0].start : words[-1].end])
    return "".join([word.toned for word in words])


def _marker(text: str, words: Sequence[Word], first: int, accented: bool) -> Marker | None:
    for second, kind, form in _FORMS[words[first].key]:
        count = 2 if second else 1
        behind = words[first + 1 : first + count + 1]
        if len(behind) < count or (second and behind[0].key != second) or any(word.after == 2 for word in behind):
            continue
        if "-" in text[words[first].start : behind[-1].start]:
            continue
        if form.endswith("số") and not behind[-1].key.isdigit():
            continue  # Phường Sở Dầu
        if not accented or not has_accents(form) or _toned(text, words[first : first + count]) == accents(form):
            return kind, count
    return None


def _crowded(words: Sequence[Word], markers: tuple[Marker | None, ...]) -> tuple[bool, ...]:
    """A part is crowded where nothing separates the text, a kind stands inside it, or it is the last and long."""
    if not any(word.after == 2 for word in words):
        return (True,) * len(words)
    starts = [0, *[at for at, word in enumerate(words) if word.after and at], len(words)]
    crowded: list[bool] = []
    for first, last in pairwise(starts):
        inside = any(markers[first + 1 : last])
        long_end = last == len(words) and last - first > (3 if markers[first] else 4)
        crowded += [inside or long_end] * (last - first)
    return tuple(crowded)


@lru_cache(4096)
def _pieces(text: str) -> tuple[tuple[int, int, str, str, bool], ...]:
    """Begin, end, folded key, accents, and whether it has any, of each of the words run together in one: QBắc, TXThái,
    HàNội. In capitals alone nothing tells them. Remembered, for most words of an address are syllables of names."""
    cuts = [at for at in range(1, len(text) - 1) if text[at].isupper() and text[at + 1].islower()]
    bounds = [0, *(at for at in cuts if text[at - 1].isalpha()), len(text)]
    return tuple((first, last, *_keys(text[first:last])) for first, last in pairwise(bounds))


def _keys(text: str) -> tuple[str, str, bool]:
    piece = text[:MAX_WORD]
    key = piece.lstrip("0") or "0" if piece.isdigit() else folded_key(piece)
    return key, accent_key(text), has_accents(piece)


@lru_cache(256)
def _between(text: str) -> tuple[int, bool]:
    """What separates two words, and whether nothing does but digits of other scripts."""
    joined = not text or bool(_LETTER.search(text))
    if any(sign in text for sign in ",;\n\r|()"):
        return 2, joined
    return 1 if "-" in text or ". " in text else 0, joined
