"""One content pack from its folder, strictly: who made it, its words, its recordings (docs/languages.md).

A pack comes from outside the house, so nothing in it is believed: what is broken, too large or leads out of the folder
is refused with a code, and the kiosk goes on without it. Must not import Flask.
"""

import io
import re
import string
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from ui.front_words import front_keys, speakable
from ui.pack_files import (
    PackConsent,
    PackError,
    PackMarkup,
    PackMissing,
    PackOutside,
    PackOwnLanguage,
    PackPlaceholders,
    PackRecording,
    PackSyntax,
    PackTooLarge,
    PackUnreadable,
    check_inside,
    size_of,
    text_of,
)
from ui.pack_fonts import Fonts, OwnFont, read_fonts
from ui.voice import CLIP, CONSENT, NUMBERS, PLACE, SERVICE, WHERE
from ui.words import LANGUAGES, Words
from wire.codec import Record, from_plain
from wire.errors import MalformedMessage

ABOUT, WORDS, VOICE = "pack.toml", "words.po", "voice"
MOST_ABOUT, MOST_WORDS, MOST_RECORDING = 16 << 10, 512 << 10, 256 << 10  # bytes
MOST_RECORDINGS, MOST_VOICE = 1000, 48 << 20  # files, bytes
MOST_TEXT = 400  # letters of one text

# Font by script: what the pages ship and the tests have looked at.
FONTS = {"Noto Sans": "Latn", "Noto Sans Khmer": "Khmr"}

Said = Annotated[str, Meta(max_length=400)]


class WordsMade(Record, frozen=True, kw_only=True):
    """Who made the words. Nobody in `reviewed_by`: every text counts as a draft."""

    source: Said = ""
    reviewed_by: Said = ""
    reviewed_on: Annotated[str, Meta(pattern=r"^([0-9]{4}-[0-9]{2}-[0-9]{2})?\Z")] = ""


class VoiceMade(Record, frozen=True, kw_only=True):
    """Who speaks, where their consent is kept, under which licence the recordings may be used. No names are needed."""

    speakers: Said = ""
    consent: Said = ""
    licence: Said = ""


class About(Record, frozen=True, kw_only=True):
    """pack.toml. `language`: ISO 639, the folder's name; `name`: what its speakers call it; `script`: ISO 15924;
    `letters`: its alphabet, which the fonts must draw; `falls_back_to`: the language of what the pack lacks."""

    format: Literal[1]
    language: Annotated[str, Meta(pattern=r"^[a-z]{2,3}\Z")]
    name: Annotated[str, Meta(min_length=1, max_length=40)]
    script: Annotated[str, Meta(pattern=r"^[A-Z][a-z]{3}\Z")] = "Latn"
    font: Literal["Noto Sans", "Noto Sans Khmer"] | OwnFont = "Noto Sans"
    letters: Annotated[str, Meta(max_length=2000)] = ""
    falls_back_to: Literal["vi", "en"] = "vi"  # whoever reads a minority's language was taught in Vietnamese
    words: WordsMade = WordsMade()
    voice: VoiceMade = VoiceMade()

    @property
    def font_name(self) -> str:
        """The font as people know it."""
        return self.font if isinstance(self.font, str) else self.font.file


@dataclass(frozen=True)
class Pack:
    """One pack, as far as it may be used. `drafts`: texts nobody has reviewed; `stale`: keys and recordings of words
    that there are no more, or that are not a pack's to say."""

    about: About
    folder: Path
    texts: Mapping[str, str] = field(default_factory=dict)
    drafts: Mapping[str, str] = field(default_factory=dict)
    recordings: Mapping[str, Path] = field(default_factory=dict)
    fonts: Fonts = field(default_factory=dict)
    stale: tuple[str, ...] = ()

    @property
    def language(self) -> str:
        """Its code."""
        return self.about.language


def read_pack(folder: Path) -> Pack:
    """The pack in this folder. Raises PackError."""
    if folder.is_symlink() and folder.resolve().parent != folder.parent.resolve():
        raise PackOutside(pack=folder.name)
    if not folder.is_dir():
        raise PackMissing(pack=folder.name)
    about = _about(folder)
    texts, drafts, stale = _words(folder, about)
    recordings, strange = _recordings(folder, about)
    fonts = read_fonts(folder, about.font) if isinstance(about.font, OwnFont) else {}
    return Pack(about, folder, texts, drafts, recordings, fonts, (*stale, *strange))


def _about(folder: Path) -> About:
    text = text_of(folder, ABOUT, MOST_ABOUT)
    if text is None:
        raise PackMissing(pack=folder.name, file=ABOUT)
    try:
        about = from_plain(tomllib.loads(text), About)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        why = str(error)[:120] if isinstance(error, tomllib.TOMLDecodeError) else "nested too deep"
        raise PackSyntax(pack=folder.name, file=ABOUT, why=why) from None
    except MalformedMessage as error:
        raise PackError(pack=folder.name, file=ABOUT, key=error.data.get("where"), why=error.data.get("why")) from None
    if about.language != folder.name:
        raise PackError(pack=folder.name, file=ABOUT, key="language", why="is not the folder's name")
    if isinstance(about.font, str) and FONTS[about.font] != about.script:
        raise PackError(pack=folder.name, file=ABOUT, key="font", why="does not draw this script")
    for key, told in (("name", about.name), ("letters", about.letters)):
        if _is_unclean(told):
            raise PackMarkup(pack=folder.name, file=ABOUT, key=key)
    return about


def _words(folder: Path, about: About) -> tuple[dict[str, str], dict[str, str], list[str]]:
    """Its reviewed texts, its drafts, and the keys that are not a pack's."""
    text = text_of(folder, WORDS, MOST_WORDS)
    if text is None:
        return {}, {}, []
    if about.language in LANGUAGES:
        raise PackOwnLanguage(pack=folder.name, file=WORDS)
    texts: dict[str, str] = {}
    drafts: dict[str, str] = {}
    stale = []
    for key, told, fuzzy in _messages(folder.name, text):
        if key not in front_keys():
            stale.append(key)
            continue
        _check_text(folder.name, key, told)
        (drafts if fuzzy or not about.words.reviewed_by.strip() else texts)[key] = told
    return texts, drafts, sorted(stale)


def _messages(pack: str, text: str) -> Iterator[tuple[str, str, bool]]:
    """Key, text, whether it is marked `fuzzy` (gettext's word for not reviewed); what is empty is missing."""
    from babel.messages.pofile import PoFileError, read_po  # where there is a pack alone: every start would pay for it

    try:
        catalogue = read_po(io.StringIO(text), abort_invalid=True)
        found = [(message.id, message.string, message.fuzzy) for message in catalogue if message.id and message.string]
    except PoFileError as error:
        raise PackSyntax(pack=pack, file=WORDS, why=str(error)[:120]) from None
    except Exception as error:
        # The parser raises whatever its line made it stumble over (ValueError, IndexError, UnicodeError, ...).
        raise PackSyntax(pack=pack, file=WORDS, why=type(error).__name__) from None
    for key, told, fuzzy in found:
        if not isinstance(key, str) or not isinstance(told, str):
            raise PackSyntax(pack=pack, file=WORDS, why="plural forms are not used")
        yield key, unicodedata.normalize("NFC", told.strip()), fuzzy


def _check_text(pack: str, key: str, told: str) -> None:
    if len(told) > MOST_TEXT:
        raise PackTooLarge(pack=pack, file=WORDS, key=key, most=MOST_TEXT)
    if _is_unclean(told):
        raise PackMarkup(pack=pack, file=WORDS, key=key)
    try:
        names = placeholders(told)
    except ValueError:
        raise PackPlaceholders(pack=pack, file=WORDS, key=key) from None
    if names != placeholders(Words("vi").raw(key)):
        raise PackPlaceholders(pack=pack, file=WORDS, key=key)


def placeholders(text: str) -> frozenset[str]:
    """The `{names}` in a text. Raises ValueError where a brace stands alone or a placeholder is more than a name."""
    names = set()
    for _, name, form, conversion in string.Formatter().parse(text):
        if name is None:
            continue
        if form or conversion or not name.isidentifier():
            raise ValueError("placeholder")
        names.add(name)
    return frozenset(names)


def _is_unclean(text: str) -> bool:
    """Markup or an entity, a control character, an override of the direction, a character nobody assigned."""
    if re.search(r"[<>]|&#?\w+;", text):
        return True
    directed = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
    return any(
        unicodedata.category(sign) in ("Cc", "Cs", "Co", "Cn") or unicodedata.bidirectional(sign) in directed
        for sign in text
    )


def _recordings(folder: Path, about: About) -> tuple[dict[str, Path], list[str]]:
    """Its sounds by clip, and the names of those that nothing asks for."""
    place = folder / VOICE
    if not place.exists() and not place.is_symlink():
        return {}, []
    check_inside(folder, place)
    if not place.is_dir():
        raise PackUnreadable(pack=folder.name, file=VOICE)
    found: dict[str, Path] = {}
    strange = []
    total = 0
    for file in _listed(folder, place):
        name = f"{VOICE}/{file.name}"
        size = size_of(folder, file, MOST_RECORDING)
        total += size
        if total > MOST_VOICE or len(found) >= MOST_RECORDINGS:
            raise PackTooLarge(pack=folder.name, file=VOICE, most=MOST_VOICE)
        own = file.stem == CONSENT or file.stem.startswith((PLACE, SERVICE, WHERE))
        if not CLIP.match(file.stem) or not (own or file.stem in clip_names()):
            strange.append(name)
            continue
        if not _is_opus(folder, file):
            raise PackRecording(pack=folder.name, file=name)
        found[file.stem] = file
    if found and not (about.voice.consent.strip() and about.voice.licence.strip()):
        raise PackConsent(pack=folder.name, file=ABOUT, key="voice.consent, voice.licence")
    return found, strange


@cache
def clip_names() -> frozenset[str]:
    """The clips that the pages may ask for, but those of a site's own words."""
    return frozenset({*speakable(), *(f"voice.number.{number}" for number in NUMBERS)})


def _listed(folder: Path, place: Path) -> list[Path]:
    try:
        return sorted(file for file in place.iterdir() if file.suffix == ".ogg")
    except OSError:
        raise PackUnreadable(pack=folder.name, file=VOICE) from None


def _is_opus(folder: Path, file: Path) -> bool:
    """An Ogg page that begins an Opus stream (RFC 7845, 3 and 5.1)."""
    try:
        with file.open("rb") as opened:
            head = opened.read(64)
    except OSError:
        raise PackUnreadable(pack=folder.name, file=f"{VOICE}/{file.name}") from None
    return head.startswith(b"OggS") and b"OpusHead" in head
