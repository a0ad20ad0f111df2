"""What stands on a ticket, and its picture for a roll of 58 or 80 mm or for a sheet of an office printer.

Pure but for reading the fonts: a ticket is data, the words come as a function of key and language, so that this knows
none. No name and no personal ID number ever stands on it: tickets are dropped and left behind.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

import segno
from PIL import Image, ImageDraw

from kiosk.printing.typesetting import BLACK, WHITE, Fonts, set_text, stacked

ROLL_DPI = 203
ROLL_DOTS = {58: 384, 80: 576}  # printable: 48 and 72 mm of the roll
SHEET_DPI = 300
SHEETS_MM = ((105, 148), (148, 210))  # A6, A5
SHEET_MARGIN_MM = 8
QUIET_MODULES = 4  # ISO/IEC 18004, 9.1
_NARROW = 450  # dots of 203 dpi: a roll of 58 mm


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
class Ribbon:
    """A ticket for a roll: a picture, the number in the printer's own digits ("": it is in the picture), a picture."""

    above: Image.Image
    number: str
    below: Image.Image


def ribbon(paper: TicketPaper, say: Say, fonts: Fonts, dots: int) -> Ribbon:
    """The ticket for a roll of so many dots' width at 203 dpi. Raises OSError when a font cannot be read."""
    setter = _Setter(fonts, dots, ROLL_DPI)
    head, tail = _head(paper, say, setter), _tail(paper, say, setter)
    if is_native(paper.number):
        return Ribbon(setter.column(head), paper.number, setter.column(tail))
    return Ribbon(setter.column([*head, setter.number(paper.number)]), "", setter.column(tail))


def picture(paper: TicketPaper, say: Say, fonts: Fonts, dots: int, dpi: int) -> Image.Image:
    """The whole ticket as one 1-bit picture, its number drawn. Raises OSError when a font cannot be read."""
    setter = _Setter(fonts, dots, dpi)
    return setter.column([*_head(paper, say, setter), setter.number(paper.number), *_tail(paper, say, setter)])


def sheet(paper: TicketPaper, say: Say, fonts: Fonts) -> Image.Image:
    """The ticket on a page of A6, or of A5 where it is too long for that, at 300 dpi. Raises OSError."""
    for size in SHEETS_MM:
        width, height = (round(side * SHEET_DPI / 25.4) for side in size)
        margin = round(SHEET_MARGIN_MM * SHEET_DPI / 25.4)
        drawn = picture(paper, say, fonts, round(ROLL_DOTS[80] * SHEET_DPI / ROLL_DPI), SHEET_DPI)
        if drawn.height <= height - 2 * margin or size == SHEETS_MM[-1]:
            break
    if drawn.height > height - 2 * margin:
        drawn = drawn.resize((drawn.width * (height - 2 * margin) // drawn.height, height - 2 * margin))
    page = Image.new("1", (width, height), WHITE)
    page.paste(drawn, ((width - drawn.width) // 2, margin))
    return page


def is_native(number: str) -> bool:
    """Whether every printer has these letters in its own font: printable ASCII."""
    return bool(number) and number.isascii() and number.isprintable()


def _head(paper: TicketPaper, say: Say, setter: "_Setter") -> list[Image.Image]:
    return [
        *([setter.boxed(say("paper.synthetic"))] if paper.synthetic else []),
        setter.text(paper.site, "small"),
        setter.text(say("paper.number"), "normal", bold=True),
    ]


def _tail(paper: TicketPaper, say: Say, setter: "_Setter") -> Iterator[Image.Image]:
    yield setter.text(paper.service, "large", bold=True)
    if paper.place:
        yield setter.text(say("paper.place", place=paper.place), "normal", bold=True)
    if paper.needs_counter:
        yield setter.gap()
        yield setter.boxed(say("paper.needs_counter"))
    elif paper.ahead is not None or paper.least_minutes is not None:
        yield setter.rule()
    if paper.ahead is not None:
        yield setter.text(say("paper.ahead", count=paper.ahead), "normal")
    if paper.least_minutes is not None and paper.most_minutes is not None:
        yield setter.text(say("paper.wait", least=paper.least_minutes, most=paper.most_minutes), "normal")
        yield setter.text(say("paper.estimate"), "small")
    yield setter.rule()
    yield setter.code(paper.code)
    if paper.reprint:
        yield setter.text(say("paper.reprint"), "normal", bold=True)
    yield setter.text(f"{paper.issued_at:%H:%M  %d/%m/%Y}", "small")
    yield setter.text(paper.kiosk, "small")


class _Setter:
    """Draws the parts of a ticket at one width and resolution."""

    def __init__(self, fonts: Fonts, dots: int, dpi: int) -> None:
        self._fonts = fonts
        self._dots = dots
        self._unit = dpi / ROLL_DPI  # dots for one of the roll's dots
        narrow = dots / self._unit < _NARROW
        sizes = {"small": 24, "normal": 30, "large": 38} if narrow else {"small": 26, "normal": 34, "large": 46}
        self._sizes = {name: round(size * self._unit) for name, size in sizes.items()}

    def column(self, parts: Sequence[Image.Image] | Iterator[Image.Image]) -> Image.Image:
        """The parts under each other; at least one dot high."""
        return stacked(list(parts), self._dots)

    def text(self, text: str, size: Literal["small", "normal", "large"], bold: bool = False) -> Image.Image:
        """Text over the whole width; nothing where there is none."""
        files = self._fonts.bold if bold else self._fonts.regular
        return set_text(text, self._dots, files, self._sizes[size])

    def number(self, number: str) -> Image.Image:
        """The number as large as it fits."""
        size = self._dots // 2
        while True:
            drawn = set_text(number, self._dots, self._fonts.bold, size)
            # More than one line high: it was broken.
            if drawn.height < 2 * size or size <= self._sizes["normal"]:
                return drawn
            size = size * 9 // 10

    def boxed(self, text: str) -> Image.Image:
        """Text in a frame that is seen without colour."""
        edge, pad = self._scaled(4), self._scaled(12)
        inner = set_text(text, self._dots - 2 * (edge + pad), self._fonts.bold, self._sizes["normal"])
        framed = Image.new("1", (self._dots, inner.height + 2 * (edge + pad)), WHITE)
        ImageDraw.Draw(framed).rectangle((0, 0, framed.width - 1, framed.height - 1), outline=BLACK, width=edge)
        framed.paste(inner, (edge + pad, edge + pad))
        return framed

    def rule(self) -> Image.Image:
        """A line with room above and below."""
        drawn = Image.new("1", (self._dots, self._scaled(24)), WHITE)
        middle = drawn.height // 2
        ImageDraw.Draw(drawn).rectangle((0, middle, self._dots - 1, middle + self._scaled(2) - 1), fill=BLACK)
        return drawn

    def gap(self) -> Image.Image:
        """Room."""
        return Image.new("1", (self._dots, self._scaled(12)), WHITE)

    def code(self, content: str) -> Image.Image:
        """The QR code with its quiet zone. Drawn: not every printer has one of its own."""
        modules = [bytes(row) for row in segno.make_qr(content, error="m", boost_error=False).matrix]
        side = len(modules) + 2 * QUIET_MODULES
        small = Image.new("1", (side, side), WHITE)
        for y, row in enumerate(modules):
            for x, dark in enumerate(row):
                if dark:
                    small.putpixel((x + QUIET_MODULES, y + QUIET_MODULES), BLACK)
        scale = max(1, min(self._scaled(7), self._dots * 2 // 3 // side))
        return small.resize((side * scale, side * scale), Image.Resampling.NEAREST)

    def _scaled(self, dots: int) -> int:
        return max(1, round(dots * self._unit))
