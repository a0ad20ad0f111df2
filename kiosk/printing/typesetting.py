"""Lines of text, and their 1-bit pictures, in whatever script a language is written in.

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
class Run:
    """Letters that one font file draws."""

    text: str
    file: Path
    font: ImageFont.FreeTypeFont

    @property
    def width(self) -> float:
        """Dots."""
        return self.font.getlength(self.text)


@dataclass(frozen=True)
class Line:
    """One line of a text, in dots. `above`, `below`: what it needs over and under the line the letters stand on."""

    runs: tuple[Run, ...]
    above: int
    below: int

    @property
    def text(self) -> str:
        """All of it."""
        return "".join(run.text for run in self.runs)

    @property
    def width(self) -> float:
        """Dots."""
        return sum(run.width for run in self.runs)

    @property
    def height(self) -> int:
        """Dots."""
        return self.above + self.below

    @property
    def plain(self) -> bool:
        """Whether each letter is one sign of one font: nothing is stacked, joined or moved by its neighbours."""
        return len({run.file for run in self.runs}) == 1 and all(len(letter) == 1 for letter in _letters(self.text))


def set_text(text: str, width: int, files: Sequence[Path], size: int) -> Image.Image:
    """The text, centred, on as many lines as it needs in `width` dots; `size` is the em in dots. No mark is ever cut.

    Raises OSError when a font cannot be read.
    """
    return stacked([drawn(line, width) for line in lines_of(text, width, files, size)], width)


def lines_of(text: str, width: int, files: Sequence[Path], size: int) -> list[Line]:
    """The text broken into lines of `width` dots. Raises OSError when a font cannot be read."""
    return [_line(line, tuple(files), size) for line in _wrapped(text, width, tuple(files), size)]


def stacked(pictures: Sequence[Image.Image], width: int) -> Image.Image:
    """Pictures under each other, each centred."""
    whole = Image.new("1", (width, max(1, sum(picture.height for picture in pictures))), WHITE)
    top = 0
    for picture in pictures:
        whole.paste(picture, ((width - picture.width) // 2, top))
        top += picture.height
    return whole


def drawn(line: Line, width: int) -> Image.Image:
    """The line as a picture so wide, centred."""
    picture = Image.new("1", (width, line.height), WHITE)
    draw = ImageDraw.Draw(picture)
    x = (width - line.width) / 2
    for run in line.runs:
        draw.text((round(x), line.above), run.text, fill=BLACK, font=run.font, anchor="ls")
        x += run.width
    return picture


def _line(text: str, files: tuple[Path, ...], size: int) -> Line:
    runs = tuple(_runs(text, files, size))
    boxes = [run.font.getbbox(run.text, mode="1", anchor="ls") for run in runs]
    above = ceil(max([ABOVE * size, *(1 - box[1] for box in boxes)]))
    below = ceil(max([BELOW * size, *(box[3] + 1 for box in boxes)]))
    return Line(runs, above, below)


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


def _runs(text: str, files: tuple[Path, ...], size: int) -> list[Run]:
    runs: list[Run] = []
    for letter in _letters(text):
        file = next((file for file in files if _draws(file, letter)), files[0])
        if runs and runs[-1].file == file:
            runs[-1] = Run(runs[-1].text + letter, file, runs[-1].font)
        else:
            runs.append(Run(letter, file, _font(file, size)))
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
