"""What is spoken: which words are clips, in which order a number or a call is said, how loud at which time of day.

A clip is named by the catalogue's key of its words. Made clips (`ui/voice_making.py`) are placeholders; a recording of
a content pack or of the site takes their place. Must not import Flask: the routes are `ui/voice_pages.py`.
"""

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import time
from pathlib import Path
from types import MappingProxyType

from msgspec import field

from config.front import VoiceSettings
from ui.front_words import speakable, spoken_text
from ui.words import LANGUAGES, Words
from wire.codec import Record, from_json
from wire.errors import MalformedMessage

MADE = Path(__file__).parent / "static" / "voice"
COMMON = MADE / "common"  # made with the build too: names that many sites have (`ui/site_voice.py`)
INDEX = "index.json"
NATIVE = "vi"  # what is not recorded in another language is said in this one
CLIP = re.compile(r"[A-Za-z0-9_.-]{1,80}\Z")
# A room by its number, as hospitals write it: P.101, Phòng 12, B2-05.
ROOM = re.compile(r"(?:P\.|Phòng |Room )? ?([A-Z]?[0-9]{0,2}[-. ]?[A-Z]?[0-9]{1,4}[A-Z]?)", re.IGNORECASE)
NUMBERS = range(100)  # `voice.number.N`, counts said as one word; their text is the numeral itself
# A site's own words, made or recorded: where a counter is, what a service is called, where it is; the consent.
PLACE, SERVICE, WHERE = "voice.place.", "voice.service.", "voice.where."  # and the counter's or service's code
CONSENT = "voice.consent"

# What is joined from parts is of one language: a group is taken from a language only where it is whole there.
CALLS = frozenset(
    {
        *(f"voice.digit.{digit}" for digit in range(10)),
        *(f"voice.letter.{chr(letter)}" for letter in range(ord("A"), ord("Z") + 1)),
        *(f"voice.{name}" for name in ("your_number", "call", "to_counter", "again", "room")),
    }
)
WAITS = frozenset(
    {
        *(f"voice.number.{number}" for number in NUMBERS),
        *(f"voice.{name}" for name in ("ahead", "ahead_none", "wait", "to", "minutes")),
    }
)


class MadeClip(Record, frozen=True, kw_only=True):
    """One file of the made clips. `made_of`: digest of words and of how they were spoken; `words`: of them alone."""

    made_of: str
    words: str
    bytes: int


class MadeIndex(Record, frozen=True, kw_only=True):
    """What scripts/voice made, by language and clip."""

    made_with: str = ""
    total_bytes: int = 0
    languages: dict[str, dict[str, MadeClip]] = field(default_factory=dict)


@dataclass(frozen=True)
class Clip:
    """One sound that can be played. `version` changes with what is heard."""

    file: Path
    version: str


@dataclass(frozen=True)
class Voice:
    """Every clip there is, by language; what a language lacks is said in Vietnamese (`voice_of`)."""

    languages: Mapping[str, Mapping[str, Clip]]

    def clips(self, language: str) -> Mapping[str, Clip]:
        """The clips of a language, Vietnamese where nothing is known of it."""
        return self.languages.get(language, self.languages.get(NATIVE, {}))


def voice_of(
    recordings: Mapping[str, Mapping[str, Path]],
    languages: Iterable[str],
    made: Path = MADE,
    bases: Mapping[str, str] = MappingProxyType({}),
    site: Mapping[str, Mapping[str, Clip]] = MappingProxyType({}),
) -> Voice:
    """The voice of these languages: recordings first (by language and clip), then what was made (`site`: of the site's
    own words), then the language that it falls back to (`bases`; else Vietnamese).

    What is joined from parts (a number, a call, a wait) is never said in two languages.
    """
    index = made_index(made)
    native = _of_one(NATIVE, recordings, index, made, site)
    told = {NATIVE: native}
    # Ours first: others build on them.
    for language in sorted(languages, key=lambda language: language not in LANGUAGES):
        if language == NATIVE:
            continue
        own = _of_one(language, recordings, index, made, site)
        below = told.get(bases.get(language, NATIVE), native)
        if CALLS - own.keys():
            own = {clip: found for clip, found in own.items() if clip not in CALLS and not clip.startswith(PLACE)}
        else:
            below = {clip: found for clip, found in below.items() if not clip.startswith(PLACE)}
        if WAITS - own.keys():
            own = {clip: found for clip, found in own.items() if clip not in WAITS}
        told[language] = {**below, **own}
    return Voice(told)


def _of_one(
    language: str,
    recordings: Mapping[str, Mapping[str, Path]],
    index: MadeIndex,
    made: Path,
    site: Mapping[str, Mapping[str, Clip]],
) -> dict[str, Clip]:
    clips = {
        name: Clip(made / language / f"{name}.ogg", clip.made_of)
        for name, clip in index.languages.get(language, {}).items()
        if CLIP.match(name)
    }
    clips.update(site.get(language, {}))
    for name, file in recordings.get(language, {}).items():
        told = file.stat()
        seen = f"{told.st_size} {told.st_mtime_ns}"
        clips[name] = Clip(file, digest_of(seen))
    return clips


def made_index(made: Path = MADE) -> MadeIndex:
    """What was made; an empty one where nothing was, or where it cannot be read: then there is silence, and `doctor`
    says so."""
    try:
        return from_json((made / INDEX).read_bytes(), MadeIndex)
    except (OSError, MalformedMessage):
        return MadeIndex()


def scripts(language: str) -> dict[str, str]:
    """What is to be spoken for each clip of one of the product's own languages, a whole and ordered set."""
    if language not in LANGUAGES:
        return {}
    words = Words(language)
    spoken = {key: spoken_text(words.raw(key)) for key in speakable()}
    return spoken | {f"voice.number.{number}": str(number) for number in NUMBERS}


def digest_of(text: str) -> str:
    """A short name for words, by which changed ones are told."""
    return hashlib.blake2s(text.encode(), digest_size=6).hexdigest()


def clips_of_number(text: str) -> tuple[str, ...]:
    """A ticket's number or a counter's code, sign by sign; what is neither letter (A to Z) nor digit is not said."""
    return tuple(
        f"voice.digit.{sign}" if sign.isdigit() else f"voice.letter.{sign}"
        for sign in text.upper()
        if sign.isascii() and sign.isalnum()
    )


def clips_of_count(count: int) -> tuple[str, ...]:
    """A count of people or minutes: one word up to 99, above it digit by digit."""
    if count in NUMBERS:
        return (f"voice.number.{count}",)
    return tuple(f"voice.number.{digit}" for digit in str(max(0, count)))


def clips_of_ticket(number: str) -> tuple[str, ...]:
    """`Your number is ...`."""
    return ("voice.your_number", *clips_of_number(number))


def clips_of_wait(ahead: int, least: int = 0, most: int | None = None) -> tuple[str, ...]:
    """How many wait before, and about how many minutes, as the range that is written; `most` None: nobody knows."""
    told: tuple[str, ...] = ("voice.ahead", *clips_of_count(ahead)) if ahead > 0 else ("voice.ahead_none",)
    if most is not None and most > 0:
        begin = (*clips_of_count(least), "voice.to") if least < most else ()
        told += ("voice.wait", *begin, *clips_of_count(most), "voice.minutes")
    return told


def clips_of_room(room: str, named: str = "") -> tuple[str, ...]:
    """Where to go: a room's number sign by sign. One with a name is not spelt: `named`, the clip that the site may have
    for it, and that it stands on the screen."""
    found = ROOM.fullmatch(room)
    if found:
        return ("voice.room", *clips_of_number(found[1]))
    return (named, "voice.room_named") if named else ("voice.room_named",)


def clips_of_call(number: str, counter: str, recorded: Collection[str] = (), times: int = 1) -> tuple[str, ...]:
    """A call: `number ... please come to counter ...`, said `times` times.

    `recorded`: the clips there are; a site's own of where the counter is (`voice.place.CODE`) is said instead of its
    code.
    """
    place = PLACE + counter
    to = (place,) if place in recorded else ("voice.to_counter", *clips_of_number(counter))
    call = ("voice.call", *clips_of_number(number), *to)
    return call if times <= 1 else call + ("voice.again", *call) * (times - 1)


def volume_at(voice: VoiceSettings, clock: time) -> int:
    """How loud it is at this time of the site's day, in per cent; 0: nothing is spoken.

    The quiet time may go over midnight; where it begins and ends at the same minute there is none.
    """
    if not voice.enabled:
        return 0
    begin, end = time.fromisoformat(voice.quiet_from), time.fromisoformat(voice.quiet_to)
    at = clock.replace(tzinfo=None)
    quiet = begin <= at < end if begin <= end else at >= begin or at < end
    return voice.quiet_volume if quiet else voice.volume
