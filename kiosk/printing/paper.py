"""What stands on a ticket, and its picture for a roll of 58 or 80 mm. The page of an office printer is `pdf`.

Pure but for reading the fonts: a ticket is data, the words come as a function of key and language, so that this knows
none. No name and no personal ID number ever stands on it: tickets are dropped and left behind.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Literal, Protocol

import segno
from PIL import Image, ImageDraw

from kiosk.printing.typesetting import BLACK, WHITE, Fonts, lines_of, set_text, stacked

ROLL_DPI = 203
ROLL_DOTS = {58: 384, 80: 576}  # printable: 48 and 72 mm of the roll
QUIET_MODULES = 4  # ISO/IEC 18004, 9.1
Size = Literal["small", "normal", "large"]
_NARROW = 450  # dots of 203 dpi: a roll of 58 mm
_EM: dict[Size, int] = {"small": 26, "normal": 34, "large": 46}
_NARROW_EM: dict[Size, int] = {"small": 24, "normal": 30, "large": 38}


@dataclass(frozen=True)
class TicketPaper:
    """One ticket as it is printed. `code` goes into its QR code: the ticket's own id, opaque; it also names the job.

    `issued_at` is printed as it stands, so it is given in the site's own time. `ahead`, `least_minutes` and
    `most_minutes` are estimates, None where nobody knows. `reprint`: a second copy, marked as one.
    """

    number: str
    service: str
    place: str
    kiosk: str
    site: str
    issued_at: datetime
    code: str
    language: str
    ahead: int | None = None
    least_minutes: int | None = None
    most_minutes: int | None = None
    needs_counter: bool = False
    synthetic: bool = False
    reprint: bool = False


class Say(Protocol):
    """The words of one language (ui.words.Words.get)."""

    def __call__(self, key: str, **values: object) -> str: ...


@dataclass(frozen=True)
class Text:
    """Words over the whole width."""

    text: str
    size: Size
    bold: bool = False


@dataclass(frozen=True)
class Boxed:
    """Words in a frame that is seen without colour."""

    text: str


@dataclass(frozen=True)
class Code:
    """The ticket's QR code."""

    content: str


class Mark(Enum):
    """What parts the words."""

    RULE = "rule"
    GAP = "gap"


Part = Text | Boxed | Code | Mark


@dataclass(frozen=True)
class Ribbon:
    """A ticket for a roll: a picture, the number in the printer's own digits ("": it is in the picture), a picture."""

    above: Image.Image
    number: str
    below: Image.Image


@dataclass(frozen=True)
class Measures:
    """How large everything is on so many dots' width at a resolution."""

    dots: int
    dpi: int

    def scaled(self, dots: int) -> int:
        """As many dots as so many of a roll's."""
        return max(1, round(dots * self.dpi / ROLL_DPI))

    def em(self, size: Size) -> int:
        """The size of letters."""
        narrow = self.dots * ROLL_DPI / self.dpi < _NARROW
        return self.scaled((_NARROW_EM if narrow else _EM)[size])

    @property
    def edge(self) -> int:
        """A frame's line."""
        return self.scaled(4)

    @property
    def pad(self) -> int:
        """Room within a frame."""
        return self.scaled(12)

    @property
    def line(self) -> int:
        """A rule's line."""
        return self.scaled(2)

    def height(self, mark: Mark) -> int:
        """What a mark takes."""
        return self.scaled(24 if mark is Mark.RULE else 12)

    def module(self, side: int) -> int:
        """One module of a QR code of so many modules a side, its quiet zone included."""
        return max(1, min(self.scaled(7), self.dots * 2 // 3 // side))


def ribbon(paper: TicketPaper, say: Say, fonts: Fonts, dots: int) -> Ribbon:
    """The ticket for a roll of so many dots' width at 203 dpi. Raises OSError when a font cannot be read."""
    setter = _Setter(fonts, Measures(dots, ROLL_DPI))
    above, below = setter.parts(head(paper, say)), setter.parts(tail(paper, say))
    if is_native(paper.number):
        return Ribbon(stacked(above, dots), paper.number, stacked(below, dots))
    return Ribbon(stacked([*above, setter.number(paper.number)], dots), "", stacked(below, dots))


def picture(paper: TicketPaper, say: Say, fonts: Fonts, dots: int, dpi: int) -> Image.Image:
    """The whole ticket as one 1-bit picture, its number drawn. Raises OSError when a font cannot be read."""
    setter = _Setter(fonts, Measures(dots, dpi))
    above, below = setter.parts(head(paper, say)), setter.parts(tail(paper, say))
    return stacked([*above, setter.number(paper.number), *below], dots)


def is_native(number: str) -> bool:
    """Whether every printer has these letters in its own font: printable ASCII."""
    return bool(number) and number.isascii() and number.isprintable()


def head(paper: TicketPaper, say: Say) -> list[Part]:
    """What stands over the number."""
    return [
        *([Boxed(say("paper.synthetic"))] if paper.synthetic else []),
        Text(paper.site, "small"),
        Text(say("paper.number"), "normal", bold=True),
    ]


def tail(paper: TicketPaper, say: Say) -> Iterator[Part]:
    """What stands under the number."""
    yield Text(paper.service, "large", bold=True)
    if paper.place:
        yield Text(say("paper.place", place=paper.place), "normal", bold=True)
    if paper.needs_counter:
        yield Mark.GAP
        yield Boxed(say("paper.needs_counter"))
    yield from _estimates(paper, say)
    yield Mark.RULE
    yield Code(paper.code)
    if paper.reprint:
        yield Text(say("paper.reprint"), "normal", bold=True)
    yield Text(f"{paper.issued_at:%H:%M  %d/%m/%Y}", "small")
    yield Text(paper.kiosk, "small")


def _estimates(paper: TicketPaper, say: Say) -> Iterator[Part]:
    """How many are before this one and how long it may take, marked as what it is."""
    told = []
    if paper.ahead is not None:
        told.append(say("paper.ahead", count=paper.ahead) if paper.ahead else say("paper.ahead.none"))
    if paper.least_minutes is not None and paper.most_minutes is not None:
        key = "paper.wait" if paper.least_minutes else "paper.wait.under"
        told.append(say(key, least=paper.least_minutes, most=paper.most_minutes))
    if told:
        yield Mark.GAP if paper.needs_counter else Mark.RULE
        yield from (Text(one, "normal") for one in told)
        yield Text(say("paper.estimate"), "small")


def code_matrix(content: str) -> list[bytes]:
    """The QR code's modules, a row each, 1 is dark, with its quiet zone."""
    modules = [bytes(row) for row in segno.make_qr(content, error="m", boost_error=False).matrix]
    quiet, side = bytes(QUIET_MODULES), bytes(len(modules) + 2 * QUIET_MODULES)
    return [*[side] * QUIET_MODULES, *(quiet + row + quiet for row in modules), *[side] * QUIET_MODULES]


def number_size(number: str, dots: int, files: Sequence[Path], smallest: int) -> int:
    """The em in which the number fills the width and stands on one line."""
    size = dots // 2
    while size > smallest and len(lines_of(number, dots, files, size)) > 1:
        size = size * 9 // 10
    return max(size, smallest)


class _Setter:
    """Draws the parts of a ticket."""

    def __init__(self, fonts: Fonts, measures: Measures) -> None:
        self._fonts = fonts
        self._measures = measures

    def parts(self, parts: Iterable[Part]) -> list[Image.Image]:
        """Each as a picture, none wider than the paper."""
        return [self._part(part) for part in parts]

    def number(self, number: str) -> Image.Image:
        """The number as large as it fits."""
        dots, bold = self._measures.dots, self._fonts.bold
        return set_text(number, dots, bold, number_size(number, dots, bold, self._measures.em("normal")))

    def _part(self, part: Part) -> Image.Image:
        match part:
            case Text(text, size, bold):
                files = self._fonts.bold if bold else self._fonts.regular
                return set_text(text, self._measures.dots, files, self._measures.em(size))
            case Boxed(text):
                return self._boxed(text)
            case Code(content):
                return self._code(content)
            case Mark():
                return self._mark(part)

    def _boxed(self, text: str) -> Image.Image:
        edge, around = self._measures.edge, self._measures.edge + self._measures.pad
        inner = set_text(text, self._measures.dots - 2 * around, self._fonts.bold, self._measures.em("normal"))
        framed = Image.new("1", (self._measures.dots, inner.height + 2 * around), WHITE)
        ImageDraw.Draw(framed).rectangle((0, 0, framed.width - 1, framed.height - 1), outline=BLACK, width=edge)
        framed.paste(inner, (around, around))
        return framed

    def _mark(self, mark: Mark) -> Image.Image:
        room = Image.new("1", (self._measures.dots, self._measures.height(mark)), WHITE)
        if mark is Mark.RULE:
            top = room.height // 2
            line = (0, top, room.width - 1, top + self._measures.line - 1)
            ImageDraw.Draw(room).rectangle(line, fill=BLACK)
        return room

    def _code(self, content: str) -> Image.Image:
        """Drawn: not every printer has a QR code of its own."""
        matrix = code_matrix(content)
        small = Image.new("1", (len(matrix), len(matrix)), WHITE)
        for y, row in enumerate(matrix):
            for x, dark in enumerate(row):
                if dark:
                    small.putpixel((x, y), BLACK)
        scale = self._measures.module(len(matrix))
        return small.resize((small.width * scale, small.height * scale), Image.Resampling.NEAREST)
