"""The words: one catalogue per language, keyed by stable keys, so that code holds codes and people read sentences.

PO files are read at start, with no compile step. Used by the touchscreen, the command line and the sandbox, so it must
not import Flask.
"""

import gettext
import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from wire.errors import TiepDonError

LANGUAGES = ("vi", "en")
FALLBACK = "en"
PACKS_FALL_BACK_TO = "vi"  # whoever reads a minority's language was taught in Vietnamese
DOMAIN = "tiepdon"


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
        return _translations(self._base).gettext(key)

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
    return frozenset(str(message.id) for message in _catalogue(language) if message.id and message.string)


def _one_line(value: object) -> str:
    text = " ".join(str(value).split())
    return f'"{text}"' if " " in text or not text else text


class _Blank(dict[str, object]):
    """A missing value leaves a blank: a sentence with a hole is better than a screen that does not come."""

    def __missing__(self, key: str) -> str:
        return ""


@cache
def _translations(language: str) -> gettext.GNUTranslations:
    compiled = io.BytesIO()
    write_mo(compiled, _catalogue(language))
    compiled.seek(0)
    translations = gettext.GNUTranslations(compiled)
    if language != FALLBACK:
        translations.add_fallback(_translations(FALLBACK))
    return translations


@cache
def _catalogue(language: str) -> Any:
    path = resources.files("ui").joinpath("locales", language, "LC_MESSAGES", f"{DOMAIN}.po")
    with path.open("rb") as file:
        return read_po(file, locale=language, domain=DOMAIN)
