"""Lines of text as 1-bit pictures, in whatever script a language is written in.

No printer's code page is trusted with Vietnamese (kiosk.md 3.1), so every word on a ticket is drawn. Pure but for
reading the font files.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import ceil
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

WHITE, BLACK = 255, 0
ABOVE, BELOW = 1.1, 0.32  # of the size: what Noto Sans needs for stacked marks over a capital, and under a letter
_NO_LETTER = "\U0010ffff"
_COENG = "\u17d2"  # Khmer: the next consonant stands under this one


@dataclass(frozen=True)
class Fonts:
    """Font files, regular and bold; of each the first that has a letter draws it."""

    regular: tuple[Path, ...]
    bold: tuple[Path, ...]


@dataclass(frozen=True)
class _Run:
    """Letters that one font draws."""

    text: str
    font: ImageFont.FreeTypeFont

    @property
    def width(self) -> float:
        return self.font.getlength(self.text)


def set_text(text: str, width: int, files: Sequence[Path], size: int) -> Image.Image:
    """The text, centred, on as many lines as it needs in `width` dots; `size` is the em in dots. No mark is ever cut.

    Raises OSError when a font cannot be read.
    """
    lines = [_drawn(line, width, tuple(files), size) for line in _wrapped(text, width, tuple(files), size)]
    return stacked(lines, width)


def stacked(pictures: Sequence[Image.Image], width: int) -> Image.Image:
    """Pictures under each other, each centred."""
    whole = Image.new("1", (width, max(1, sum(picture.height for picture in pictures))), WHITE)
    top = 0
    for picture in pictures:
        whole.paste(picture, ((width - picture.width) // 2, top))
        top += picture.height
    return whole


def _drawn(text: str, width: int, files: tuple[Path, ...], size: int) -> Image.Image:
    runs = _runs(text, files, size)
    boxes = [run.font.getbbox(run.text, mode="1", anchor="ls") for run in runs]
    above = ceil(max([ABOVE * size, *(1 - box[1] for box in boxes)]))
    below = ceil(max([BELOW * size, *(box[3] + 1 for box in boxes)]))
    picture = Image.new("1", (width, above + below), WHITE)
    draw = ImageDraw.Draw(picture)
    x = (width - sum(run.width for run in runs)) / 2
    for run in runs:
        draw.text((round(x), above), run.text, fill=BLACK, font=run.font, anchor="ls")
        x += run.width
    return picture


def _wrapped(text: str, width: int, files: tuple[Path, ...], size: int) -> Iterator[str]:
    """Lines that fit: broken between words, and a word that is too long between letters."""

    def fits(line: str) -> bool:
        return sum(run.width for run in _runs(line, files, size)) <= width - size // 4

    line = ""
    for word in unicodedata.normalize("NFC", text).split():
        joined = f"{line} {word}" if line else word
        if fits(joined):
            line = joined
            continue
        if line:
            yield line
        line = ""
        for letter in _letters(word):
            if line and not fits(line + letter):
                yield line
                line = ""
            line += letter
    if line:
        yield line


def _letters(text: str) -> Iterator[str]:
    """The letters with all their marks."""
    letter = ""
    for sign in text:
        if letter and not _belongs_to(letter, sign):
            yield letter
            letter = ""
        letter += sign
    if letter:
        yield letter


def _belongs_to(letter: str, sign: str) -> bool:
    return letter[-1] == _COENG or unicodedata.category(sign) in ("Mn", "Mc", "Me", "Cf")


def _runs(text: str, files: tuple[Path, ...], size: int) -> list[_Run]:
    fonts = [_font(file, size) for file in files]
    runs: list[_Run] = []
    for letter in _letters(text):
        font = next((font for font, file in zip(fonts, files, strict=True) if _draws(file, letter)), fonts[0])
        if runs and runs[-1].font is font:
            runs[-1] = _Run(runs[-1].text + letter, font)
        else:
            runs.append(_Run(letter, font))
    return runs


@lru_cache(maxsize=64)
def _font(file: Path, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(file), size)


@lru_cache(maxsize=4096)
def _draws(file: Path, letter: str) -> bool:
    """Whether the font has every sign of the letter: it draws none of them as it draws what no font has."""
    font = _font(file, 32)
    missing = _mask(font, _NO_LETTER)
    return all(sign.isspace() or _mask(font, sign) != missing for sign in letter)


def _mask(font: ImageFont.FreeTypeFont, sign: str) -> tuple[tuple[int, int], bytes]:
    mask = font.getmask(sign, mode="1")
    return mask.size, bytes(mask)
