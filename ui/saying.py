"""Words that know how they are spoken: each text carries the names of the clips that say it.

So no template names a key twice, and what stands on the touchscreen can be heard in the same order. Must not import
Flask.
"""

from collections.abc import Iterable

from ui.voice import clips_of_number
from ui.words import Words


class Said(str):
    """A text for the screen; `clips` are what says it, in turn. A person's own text has none: no clip can know it.

    `foreign` is the language it is in where that is not the screen's: a content pack lacks these words (WCAG 2.2,
    3.1.2). Empty: it is the screen's own.
    """

    __slots__ = ("clips", "foreign")
    clips: tuple[str, ...]
    foreign: str

    def __new__(cls, text: str, clips: Iterable[str] = (), foreign: str = "") -> "Said":
        said = super().__new__(cls, text)
        said.clips, said.foreign = tuple(clips), foreign
        return said


class Saying:
    """The words of one language, spoken: `get` is that of `Words`, its texts know their keys."""

    def __init__(self, words: Words) -> None:
        self._words = words
        self.language = words.language
        self.base = words.base

    def __contains__(self, key: str) -> bool:
        return key in self._words

    def get(self, key: str, **values: object) -> Said:
        """The text of `key`. One with values is spoken by what `key.spoken` says, then its numbers digit by digit."""
        text = self._words.get(key, **values)
        told_in = self._words.language_of(key)
        foreign = "" if told_in == self.language else told_in
        if not values:
            return Said(text, (key,), foreign)
        spoken = f"{key}.spoken"
        numbers = (clip for value in values.values() for clip in clips_in(str(value)))
        return Said(text, (spoken, *numbers) if spoken in self else numbers, foreign)

    def title(self, code: str) -> Said:
        """An error's one short sentence for the touchscreen."""
        own = f"error.{code}.title"
        return self.get(own if own in self else "failed.title")


def clips_of(text: str) -> tuple[str, ...]:
    """What says this text: nothing, where it is nobody's word."""
    return text.clips if isinstance(text, Said) else ()


def clips_in(text: str) -> tuple[str, ...]:
    """The digits of a number, one by one; text that is more than a number is not spelt."""
    digits = text.strip("•")
    return clips_of_number(digits) if digits.isascii() and digits.isdigit() else ()
