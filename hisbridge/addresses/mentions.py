"""Where in the text which unit may be named, and how well: each mention by itself, without regard to the others."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from config.codelists.places import Era
from hisbridge.addresses import names
from hisbridge.addresses.names import Name
from hisbridge.addresses.words import Words, accents

_LEVELS = {
    "xã": (0,), "phường": (0,), "thị trấn": (0,), "đặc khu": (0,), "quận": (1,), "huyện": (1,), "thị xã": (1,),
    "thành phố": (1, 2), "tỉnh": (2,),
}  # fmt: skip
_ROMAN = frozenset(["i", "ii", "iii", "iv", "v", "vi", "vii", "viii"])
LEAST = 0.5  # a mention worse than this is none

EXACT, PLAIN, ACCENTS, LETTER = range(4)  # how the name is written: as listed, without accents, with others, a typo
_LOSS = (0, 0.05, 0.35, 0.5)


class Mention(NamedTuple):
    """Words `first` up to `last` name a unit; `begin` is where its announcing kind stands, `marked` that kind."""

    name: Name
    begin: int
    first: int
    last: int
    score: float
    how: int
    marked: str


class Span(NamedTuple):
    """A run of words that may be a name, not broken by a comma, and what its surroundings are worth."""

    key: str
    begin: int
    first: int
    last: int
    marked: str
    weight: float


def _spans(words: Words, worth: Callable[[str], object]) -> Iterator[Span]:
    """The runs of words whose folded key is worth a look."""
    most = names.longest()
    for first in range(len(words.words)):
        left: tuple[str, int, float] | None = None
        key = ""
        for last, word in enumerate(words.words[first : first + most], first + 1):
            if word.after == 2 and last > first + 1:
                break
            key += word.key
            if worth(key):
                left = left or _left(words, first)
                marked, begin, before = left
                yield Span(key, begin, first, last, marked, before + _behind(words, last) + 0.02 * (last - first))


def _left(words: Words, first: int) -> tuple[str, int, float]:
    """The kind that announces a name there, where that stands, and what the left surroundings are worth."""
    marker = words.marker_before(first)
    marked, begin = (marker[0], first - marker[1]) if marker else ("", first)
    return marked, begin, _before(words, begin, first, bool(marker))


def _before(words: Words, begin: int, first: int, marked: bool) -> float:
    """What the left surroundings are worth: a street or hamlet is named like a ward more often than not."""
    if begin and not words.words[begin].after and words.is_below(begin - 1):
        return -0.9
    if marked or first == 0 or words.words[first].after:
        return 0
    if words.crowded[first]:
        return -0.1
    return -0.9 if words.below_part(first) else -0.5


def _behind(words: Words, last: int) -> float:
    if last == len(words.words) or words.words[last].after or words.markers[last]:
        return 0
    return -0.1 if words.crowded[last] else -0.5


def exact(words: Words) -> list[Mention]:
    """The mentions under their own letters, with or without accents."""
    known = names.index()
    return [mention for span in _spans(words, known.get) for mention in _weighed(words, span, known[span.key])]


def misspelt(words: Words, scopes: Iterable[tuple[Era, str]], level: int) -> list[Mention]:
    """The mentions of names one letter off: of provinces (`level` 2), or of what lies within the scopes."""
    tables = [names.provinces()] if level == 2 else [names.nearby().get(scope, {}) for scope in scopes]
    return [
        mention
        for span in _spans(words, lambda key: len(key) >= names.SHORTEST)
        if _worth_guessing(words, span)
        for table in tables
        if (found := names.one_off(table, span.key))
        for mention in _weighed(words, span, found, LETTER)
    ]


def _worth_guessing(words: Words, span: Span) -> bool:
    """Short names resemble each other too much, unless their kind stands before them."""
    least = names.SHORTEST if span.marked else names.SHORTEST + 2
    return span.weight > -0.1 and len(span.key) >= least and not words.markers[span.first]


def _weighed(words: Words, span: Span, meant: Iterable[Name], how: int | None = None) -> list[Mention]:
    """The mentions of those names by that span, but for those that the kind or the accents written there belie."""
    key, begin, first, last, marked, weight = span
    number = key.isdigit()
    levels = _LEVELS[marked] if marked else ()
    without_kind = not number and key not in _ROMAN and (not marked or _no_marker(words, span))
    if how is None and (number or not words.accented):
        how = EXACT if number else PLAIN  # a name listed without accents is no more meant than one that has lost them
    doubted = bool(words.markers[first])
    seen = {words.spelt(first, last): EXACT}
    found: list[Mention] = []
    for name in meant:
        level, _, _, unit, listed = name
        if level in levels:
            place, kind, score = begin, marked, 1 + weight + (0.5 if marked == unit.kind else 0.05)
        elif without_kind:
            place, kind, score = first, "", 1 + (weight - 0.2 if marked else weight)
        else:
            continue
        written = how if how is not None else seen.get(listed)
        if written is None:
            written = seen[listed] = EXACT if words.toned(first, last) == accents(listed) else ACCENTS
        if doubted and written == ACCENTS:
            continue  # Tỉnh Gia is no Tĩnh Gia
        score -= _LOSS[written]
        if score >= LEAST:
            found.append(Mention(name, place, first, last, score, written, kind))
    return found


def _no_marker(words: Words, span: Span) -> bool:
    """Whether the kind before a name may be something else: a lone T a group of houses (tổ), and without accents the
    last syllable of the name before (Xa Tan Quan Dong Nai)."""
    if span.key.isdigit():
        return False
    word = words.words[span.begin]
    return word.key == "t" or (not words.accented and not word.after and span.begin > 0 and len(word.key) > 1)
