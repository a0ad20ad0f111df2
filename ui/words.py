"""The words: one catalogue per language, keyed by stable keys, so that code holds codes and people read sentences.

PO files are read at start, with no compile step (docs/decisions/0003). Used by the touchscreen, the command line and
the sandbox, so it must not import Flask.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from wire.errors import TiepDonError

LANGUAGES = ("vi", "en")
FALLBACK = "en"
PACKS_FALL_BACK_TO = "vi"  # whoever reads a minority's language was taught in Vietnamese
DOMAIN = "tiepdon"

# All that our own catalogues are made of (gettext manual, "PO Files"); a test compares with what Babel reads. Babel
# itself, which packs from outside the house are read with, takes eight times as long, at every start.
_QUOTED = r'("[^\n]*"(?:\n"[^\n]*")*)'
_MESSAGE = re.compile(rf"^msgid {_QUOTED}\nmsgstr {_QUOTED}$", re.MULTILINE)
_ESCAPED = re.compile(r"\\(.)")
_ESCAPES = {"n": "\n", "t": "\t"}


@dataclass(frozen=True)
class ErrorWords:
    """What people are told of an error.

    `title` is the touchscreen's one short sentence (a general one where the code has none of its own), `cause` and
    `cure` are for staff and technicians.
    """

    code: str
    title: str
    cause: str
    cure: str


class Words:
    """The words of one language; a key missing there is taken from English, and failing that shown itself.

    With the words of a content `pack` (`ui.packs`) it is that pack's language, and what the pack lacks is told in
    `base`.
    """

    def __init__(self, language: str, pack: Mapping[str, str] | None = None, base: str = PACKS_FALL_BACK_TO) -> None:
        self._pack = pack
        self._base = base if pack is not None else language if language in LANGUAGES else FALLBACK
        self.language = language if pack is not None else self._base

    def __contains__(self, key: str) -> bool:
        return key in keys(self._base) or (self._pack is not None and key in self._pack)

    def get(self, key: str, **values: object) -> str:
        """The text of `key`, its `{name}` placeholders filled from `values` (blank where none is given)."""
        text = self.raw(key)
        return text.format_map(_Blank(values)) if "{" in text else text

    def raw(self, key: str) -> str:
        """The text of `key` as it stands in the catalogue, placeholders and all."""
        if self._pack is not None and key in self._pack:
            return self._pack[key]
        told = _catalogue(self._base).get(key)
        return _catalogue(FALLBACK).get(key, key) if told is None else told

    def language_of(self, key: str) -> str:
        """The language in which `key` is told: the page marks words that are not in its own (WCAG 2.2, 3.1.2)."""
        return self.language if self._pack is None or key in self._pack else self._base

    @property
    def base(self) -> str:
        """The language of what it lacks; its own where it lacks nothing."""
        return self._base

    def error(self, code: str) -> ErrorWords:
        """The words of an error code; a code of a newer process gets the general words, never an exception."""
        known = f"error.{code}" if f"error.{code}" in self else "error.unknown"
        title = f"error.{code}.title" if f"error.{code}.title" in self else "failed.title"
        return ErrorWords(code=code, title=self.get(title), cause=self.get(known), cure=self.get(f"{known}.cure"))


def error_words(code: str, language: str) -> ErrorWords:
    """The words of an error code in a language."""
    return Words(language).error(code)


def error_line(error: TiepDonError, language: str = FALLBACK) -> str:
    """An error as one line for a terminal: cause, cure, then the code with its facts."""
    words = error_words(error.code, language)
    facts = [f"{name}={_one_line(value)}" for name, value in error.data.items() if value is not None]
    return f"{words.cause}. {words.cure}. [{' '.join([error.code, *facts])}]"


@cache
def keys(language: str) -> frozenset[str]:
    """Every key that a language has words for."""
    return frozenset(_catalogue(language))


def _one_line(value: object) -> str:
    text = " ".join(str(value).split())
    return f'"{text}"' if " " in text or not text else text


class _Blank(dict[str, object]):
    """A missing value leaves a blank: a sentence with a hole is better than a screen that does not come."""

    def __missing__(self, key: str) -> str:
        return ""


@cache
def _catalogue(language: str) -> Mapping[str, str]:
    """The texts by key; what is empty is missing."""
    path = resources.files("ui").joinpath("locales", language, "LC_MESSAGES", f"{DOMAIN}.po")
    found = ((_unquoted(key), _unquoted(text)) for key, text in _MESSAGE.findall(path.read_text("utf-8")))
    return {key: text for key, text in found if key and text}


def _unquoted(lines: str) -> str:
    text = "".join(line[1:-1] for line in lines.split("\n"))
    return _ESCAPED.sub(lambda found: _ESCAPES.get(found[1], found[1]), text) if "\\" in text else text
