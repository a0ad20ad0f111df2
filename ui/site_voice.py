"""What a site says in its own words: the names of its services and counters, its places, its consent.

Nobody knows them at build time, so `tiepdon voice make` makes their clips from the settings, into the site's own
folder. A clip is played only while it says what the settings say. Must not import Flask.
"""

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from config.settings import Settings
from ui.front_words import ABBREVIATED
from ui.masking import plain
from ui.voice import COMMON, CONSENT, NATIVE, PLACE, SERVICE, WHERE, Clip, digest_of, made_index
from ui.words import LANGUAGES, Words

MOST = 600  # letters said of one text, as many as a consent may have
PAUSES = frozenset(".,;:!?()%+&'-")  # what is heard as a pause or a word; all else a speaker could take for its own


def site_folder(settings: Settings) -> Path:
    """Where the clips of a site's words are made."""
    return Path(settings.paths.state) / "voice"


def site_texts(settings: Settings) -> dict[str, dict[str, str]]:
    """What is to be spoken of a site's own words, by language and clip: whatever somebody may hear, and no more."""
    return {language: dict(_texts(settings, language)) for language in LANGUAGES}


def wanted_texts(
    settings: Settings, recorded: Mapping[str, Collection[str]], common: Path = COMMON
) -> dict[str, dict[str, str]]:
    """What of them is to be made: neither recorded (clips by language) nor made with the build."""
    index = made_index(common).languages
    return {
        language: {
            clip: text
            for clip, text in texts.items()
            if clip not in recorded.get(language, ())
            and not (clip in index.get(language, {}) and index[language][clip].words == digest_of(text))
        }
        for language, texts in site_texts(settings).items()
    }


def site_clips(settings: Settings, common: Path = COMMON) -> dict[str, dict[str, Clip]]:
    """The made clips that say what the settings say now, by language: better nothing than a room's old name."""
    found: dict[str, dict[str, Clip]] = {}
    for folder in (common, site_folder(settings)):
        index = made_index(folder).languages
        for language, texts in site_texts(settings).items():
            made = index.get(language, {})
            found.setdefault(language, {}).update(
                (clip, Clip(folder / language / f"{clip}.ogg", made[clip].made_of))
                for clip, text in texts.items()
                if clip in made and made[clip].words == digest_of(text)
            )
    return found


def named_rooms(settings: Settings) -> dict[str, str]:
    """The clip that says how to get to a room, by the room's name (`folded`) as the settings have it."""
    rooms: dict[str, str] = {}
    for counter in settings.queue.counters:
        for name in (counter.name_vi, counter.name_en, *counter.names.values()):
            rooms.setdefault(folded(name), PLACE + counter.code)
    for service in settings.kiosk.services:
        for name in filter(None, (service.place_vi, service.place_en, *service.places.values())):
            rooms.setdefault(folded(name), WHERE + service.code)
    return rooms


def folded(name: str) -> str:
    """A name as it is compared: another system writes it in its own letters and spaces."""
    return plain(name).casefold()


def sayable(text: str, language: str = NATIVE) -> str:
    """A text as it is handed to whoever speaks it: words, digits, pauses. No markup, no phonemes in brackets, no
    control character, one line, at most `MOST` letters; empty where nothing is left to be said."""
    kept = "".join(
        letter if letter in PAUSES or unicodedata.category(letter)[0] in "LMN" else " " for letter in plain(text)
    )
    for short, whole in ABBREVIATED.items() if language == NATIVE else ():
        kept = re.sub(rf"\b{short}\b", whole, kept)
    whole = " ".join(kept.split())
    cut = whole if len(whole) <= MOST else whole[:MOST].rsplit(" ", 1)[0]
    return cut if re.search(r"\w", cut) else ""


def _texts(settings: Settings, language: str) -> Iterator[tuple[str, str]]:
    words = Words(language)
    for clip, text in _named(settings, language):
        if told := sayable(text, language):
            leads = clip.startswith((PLACE, WHERE))
            yield clip, words.get("clips.to_place", place=told) if leads else told


def _named(settings: Settings, language: str) -> Iterator[tuple[str, str]]:
    """Each clip and the site's own text of it; empty where it wrote none."""
    kiosk, english = settings.kiosk, language == "en"
    offered = [service for service in kiosk.services if service.offered]
    chosen = sum(service.identity for service in offered) > 1  # the only one is not asked for
    for service in offered:
        if chosen or not service.identity:
            yield SERVICE + service.code, service.name_en if english else service.name_vi
        yield WHERE + service.code, service.place_en if english else service.place_vi
    for counter in settings.queue.counters:
        yield PLACE + counter.code, counter.name_en if english else counter.name_vi
    if kiosk.consent.enabled:
        yield CONSENT, kiosk.consent.text_en if english else kiosk.consent.text_vi
