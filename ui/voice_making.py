"""Making of clips: espeak-ng says the words, opusenc packs them. At build time for the product's own words
(scripts/voice), at a site for its names (`tiepdon voice make`); no process that serves people imports this.

Whatever the words are, they are only ever read from a pipe: never an option, a file's name or a command.
"""

import array
import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from ui.voice import INDEX, MadeClip, MadeIndex, digest_of, made_index
from wire.codec import to_json
from wire.errors import TiepDonError

PROGRAMS = ("espeak-ng", "opusenc")
SPEAKERS = {"vi": ("vi", 125), "en": ("en-gb", 140)}  # voice, words a minute: slow enough for an 80-year-old
OPUS = ("--bitrate", "20", "--speech", "--padding", "0", "--serial", "1", "--discard-comments")
HEADER = 44  # bytes before the samples of espeak's WAV
RATE = 22050
AUDIBLE = 200  # of 32767
BEFORE, AFTER = RATE // 50, RATE // 8  # samples kept around the words: espeak lets half a second of silence follow
ROUND = 1  # grows when clips are to be made anew though nothing else changed
LONGEST_SECONDS = 60.0  # that a program may take for one clip

Texts = Mapping[str, Mapping[str, str]]  # what clips say, by language and clip


class VoiceToolsMissing(TiepDonError):
    """A program that makes clips is not installed (`programs`)."""

    code = "voice.no_tools"


class VoiceFailed(TiepDonError):
    """A program could not say a clip's words (`clip`, `why`)."""

    code = "voice.failed"


class VoiceFolder(TiepDonError):
    """Clips cannot be written into their folder (`folder`, `why`: the system's word for it)."""

    code = "voice.folder"


def make(folder: Path, texts: Texts) -> tuple[MadeIndex, int]:
    """Bring a folder of made clips to these texts: what changed is made, what is not wanted any more is removed.
    Returns its index, and how many were made.

    Raises VoiceToolsMissing, VoiceFailed, VoiceFolder.
    """
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        raise VoiceToolsMissing(programs=" ".join(missing))
    programs = ", ".join(_version(program) for program in PROGRAMS)
    wanted = {
        (language, clip): (text, _made_of(language, text, programs))
        for language in SPEAKERS
        for clip, text in texts.get(language, {}).items()
    }
    try:
        with _held(folder):
            return _renewed(folder, wanted, programs)
    except OSError as error:
        raise VoiceFolder(folder=str(folder), why=error.strerror or "unwritable") from None


def _renewed(folder: Path, wanted: Mapping[tuple[str, str], tuple[str, str]], programs: str) -> tuple[MadeIndex, int]:
    before = made_index(folder)

    def one(place: tuple[str, str]) -> tuple[tuple[str, str], MadeClip, bool]:
        (language, clip), (text, digest) = place, wanted[place]
        file = folder / language / f"{clip}.ogg"
        known = before.languages.get(language, {}).get(clip)
        if known is not None and known.made_of == digest and file.is_file() and file.stat().st_size == known.bytes:
            return place, known, False
        try:
            sound = _speak(language, text)
        except subprocess.SubprocessError as error:
            raise VoiceFailed(clip=f"{language}/{clip}", why=type(error).__name__) from None
        _write(file, sound)
        return place, MadeClip(made_of=digest, words=digest_of(text), bytes=len(sound)), True

    with ThreadPoolExecutor(os.cpu_count()) as workers:
        made = list(workers.map(one, wanted))
    languages: dict[str, dict[str, MadeClip]] = {language: {} for language in sorted(SPEAKERS)}
    for (language, clip), told, _ in sorted(made, key=lambda one: one[0]):
        languages[language][clip] = told
    for language, clips in languages.items():
        for file in (folder / language).iterdir():
            if file.suffix in (".ogg", ".new") and (file.suffix, file.stem in clips) != (".ogg", True):
                file.unlink()
    total = sum(told.bytes for _, told, _ in made)
    index = MadeIndex(made_with=programs, total_bytes=total, languages=languages)
    _write(folder / INDEX, to_json(index))
    return index, sum(is_new for _, _, is_new in made)


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """The folder and those of its languages, for us alone. A link could lead what is removed to somebody else's."""
    for place in (folder, *(folder / language for language in SPEAKERS)):
        if place.is_symlink():
            raise NotADirectoryError(0, "a link", str(place))
        place.mkdir(exist_ok=True)
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX)
        yield
    finally:
        os.close(opened)


def _write(file: Path, content: bytes) -> None:
    """Whole or not at all."""
    fresh = file.with_suffix(".new")
    fresh.write_bytes(content)
    fresh.replace(file)


def _speak(language: str, text: str) -> bytes:
    """The words as Ogg Opus. Raises SubprocessError."""
    voice, speed = SPEAKERS[language]
    said = _through(["espeak-ng", "-v", voice, "-s", str(speed), "--stdin", "--stdout"], text.encode())
    samples = array.array("h", said[HEADER : HEADER + (len(said) - HEADER) // 2 * 2])
    if sys.byteorder == "big":
        samples.byteswap()
    heard = [place for place, sample in enumerate(samples) if abs(sample) > AUDIBLE]
    if heard:
        samples = samples[max(0, heard[0] - BEFORE) : heard[-1] + AFTER]
    if sys.byteorder == "big":
        samples.byteswap()
    raw = ("--raw", "--raw-rate", str(RATE), "--raw-chan", "1", "--raw-bits", "16")
    return _through(["opusenc", "--quiet", *raw, *OPUS, "-", "-"], samples.tobytes())


def _through(command: Sequence[str], told: bytes) -> bytes:
    return subprocess.run(command, input=told, capture_output=True, check=True, timeout=LONGEST_SECONDS).stdout


def _made_of(language: str, text: str, programs: str) -> str:
    """The digest of what a clip is made of."""
    return digest_of(f"{ROUND} {programs} {SPEAKERS[language]} {OPUS} {BEFORE} {AFTER} {text}")


def _version(program: str) -> str:
    """The first line it says of itself, without where its data lies."""
    try:
        told = _through([program, "--version"], b"").decode("utf-8", "replace")
    except subprocess.SubprocessError as error:
        raise VoiceFailed(clip=program, why=type(error).__name__) from None
    return told.split("\n", 1)[0].split("  Data at", 1)[0].strip()
