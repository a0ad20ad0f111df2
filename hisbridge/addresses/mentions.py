"""Where in the text which unit may be named, and how well: each mention by itself, without regard to the others."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from config.codelists.places import Era
from hisbridge.addresses import names
from hisbridge.addresses.names import Name
from hisbridge.addresses.words import Words, accents

_LEVELS = {
    "xã": (0,), "phường": (0,), "thị trấn": (0,), "đặc khu": (0,), "quận": (1,), "huyện": (1,), "thị xã": (1,),
    "thành phố": (1, 2), "tỉnh": (2,),
}  # fmt: skip
LEAST = 0.5  # a mention worse than this is none

EXACT, PLAIN, ACCENTS, LETTER = range(4)  # how the name is written: as listed, without accents, with others, a typo


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
    """A run of words that may be a name, and what its surroundings are worth."""

    key: str
    begin: int
    first: int
    last: int
    marked: str
    weight: float


def spans(words: Words) -> Iterator[Span]:
    """Every run of words not broken by a comma."""
    count, most = len(words.words), names.longest()
    for first in range(count):
        marker = words.marker_before(first)
        marked, begin = (marker[0], first - marker[1]) if marker else ("", first)
        before = _before(words, begin, first, bool(marker))
        key = ""
        for last in range(first + 1, min(first + most, count) + 1):
            word = words.words[last - 1]
            if last > first + 1 and word.after == 2:
                break
            key += word.key
            yield Span(key, begin, first, last, marked, before + _behind(words, last) + 0.02 * (last - first))


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


def exact(words: Words, found: Iterable[Span]) -> Iterator[Mention]:
    """The mentions under their own letters, with or without accents."""
    known = names.index()
    for span in found:
        for name in known.get(span.key, ()):
            if mention := _weigh(words, span, name):
                yield mention


def misspelt(words: Words, found: Iterable[Span], scopes: Iterable[tuple[Era, str]], level: int) -> Iterator[Mention]:
    """The mentions of names one letter off: of provinces (`level` 2), or of what lies within the scopes."""
    tables = [names.provinces()] if level == 2 else [names.nearby(*scope) for scope in scopes]
    for span in found:
        if _worth_guessing(words, span):
            for table in tables:
                for length in range(len(span.key) - 1, len(span.key) + 2):
                    for key, name in table.get(length, ()):
                        if key != span.key and names.near(key, span.key) and (m := _weigh(words, span, name, LETTER)):
                            yield m


def _worth_guessing(words: Words, span: Span) -> bool:
    """Short names resemble each other too much, unless their kind stands before them."""
    least = names.SHORTEST if span.marked else names.SHORTEST + 2
    return span.weight > -0.1 and len(span.key) >= least and not words.markers[span.first]


def _weigh(words: Words, span: Span, name: Name, how: int | None = None) -> Mention | None:
    score = 1 + span.weight
    marked = span.marked
    if marked and name.level not in _LEVELS[marked]:
        return _weigh(words, _unmarked(span), name, how) if _no_marker(words, span) else None
    if marked:
        score += 0.5 if marked == name.unit.kind else 0.05
    elif span.key.isdigit() or span.key in ("i", "ii", "iii", "iv", "v", "vi", "vii", "viii"):
        return None
    written = words.spelt(span.first, span.last)
    if how is None:
        how = _accented(words, span, written, name.written)
    if how == ACCENTS and words.markers[span.first]:
        return None  # Tỉnh Gia is no Tĩnh Gia
    score -= (0, 0.05, 0.35, 0.5)[how]
    return Mention(name, span.begin, span.first, span.last, score, how, marked) if score >= LEAST else None


def _no_marker(words: Words, span: Span) -> bool:
    """Whether the kind before a name may be something else: a lone T a group of houses (tổ), and without accents the
    last syllable of the name before (Xa Tan Quan Dong Nai)."""
    if span.key.isdigit():
        return False
    word = words.words[span.begin]
    return word.key == "t" or (not words.accented and not word.after and span.begin > 0 and len(word.key) > 1)


def _unmarked(span: Span) -> Span:
    return span._replace(begin=span.first, marked="", weight=span.weight - 0.2)


def _accented(words: Words, span: Span, written: str, listed: str) -> int:
    if not words.accented and not span.key.isdigit():
        return PLAIN  # a name listed without accents is no more meant than one that has lost them
    if accents(written) == accents(listed) or span.key.isdigit():
        return EXACT
    plain = not any(word.accented for word in words.words[span.first : span.last])
    return PLAIN if plain and not words.accented else ACCENTS
