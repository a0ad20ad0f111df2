"""The ticket as a page for an office printer: PDF with real text, so that it is searched, read aloud and sharp.

The only importer of reportlab. Letters that must be stacked or joined (Khmer, the marks of Ê Đê) are drawn as on the
roll, by the library that can, with the same text behind them that nobody sees and every search finds.
"""

import io
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from PIL import Image
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFError, TTFont
from reportlab.pdfgen.canvas import Canvas

from kiosk.printing.paper import (
    ROLL_DOTS,
    ROLL_DPI,
    Boxed,
    Code,
    Mark,
    Measures,
    Part,
    Say,
    Text,
    TicketPaper,
    code_matrix,
    head,
    number_size,
    tail,
)
from kiosk.printing.typesetting import Fonts, Line, drawn, lines_of

DPI = 600  # of what is drawn; everything is measured in these dots
SHEETS_MM = ((105, 148), (148, 210))  # A6, A5
MARGIN_MM = 8
_POINT = 72 / DPI
_UNSEEN = 3  # text render mode of ISO 32000-1, table 106

# One part as it is put on the page: its height, and what draws it from a top edge down.
Placed = tuple[int, Callable[[Canvas, int], None]]


def page(paper: TicketPaper, say: Say, fonts: Fonts) -> bytes:
    """One page of A6, or of A5 where the ticket is too long for that. Raises OSError when a font cannot be read."""
    parts = _Parts(fonts, Measures(round(ROLL_DOTS[80] * DPI / ROLL_DPI), DPI))
    placed = [*parts.placed(head(paper, say)), parts.number(paper.number), *parts.placed(tail(paper, say))]
    needed = sum(height for height, _ in placed)
    margin = _dots(MARGIN_MM)
    sizes = [(_dots(width), _dots(height)) for width, height in SHEETS_MM]
    width, height = next((size for size in sizes if needed <= size[1] - 2 * margin), sizes[-1])
    made = io.BytesIO()
    # Compressed, and the same bytes for the same ticket: no date, no chance. Its first font would else be Helvetica.
    options = {"pageCompression": 1, "invariant": 1, "lang": paper.language}
    canvas = Canvas(made, (width * _POINT, height * _POINT), initialFontName=_font(fonts.regular[0]), **options)
    canvas.setTitle(paper.number)
    canvas.setAuthor(paper.site)
    canvas.scale(_POINT, _POINT)
    shrunk = min(1.0, (height - 2 * margin) / needed)
    canvas.translate((width - parts.measures.dots * shrunk) / 2, height - margin)
    canvas.scale(shrunk, shrunk)
    top = 0
    for taken, draw in placed:
        draw(canvas, top)
        top -= taken
    canvas.save()
    return made.getvalue()


class _Parts:
    """Puts the parts of a ticket on a page whose origin is the upper left corner of what may be printed."""

    def __init__(self, fonts: Fonts, measures: Measures) -> None:
        self._fonts = fonts
        self.measures = measures

    def placed(self, parts: Iterable[Part]) -> list[Placed]:
        return [self._part(part) for part in parts]

    def number(self, number: str) -> Placed:
        dots, bold = self.measures.dots, self._fonts.bold
        return self._text(number, bold, number_size(number, dots, bold, self.measures.em("normal")))

    def _part(self, part: Part) -> Placed:
        match part:
            case Text(text, size, bold):
                return self._text(text, self._fonts.bold if bold else self._fonts.regular, self.measures.em(size))
            case Boxed(text):
                return self._boxed(text)
            case Code(content):
                return self._code(content)
            case Mark():
                return self._mark(part)

    def _text(self, text: str, files: Sequence[Path], size: int, within: int = 0) -> Placed:
        """`within`: dots that stay free on either side."""
        width = self.measures.dots - 2 * within
        lines = lines_of(text, width, files, size)

        def draw(canvas: Canvas, top: int) -> None:
            for line in lines:
                _put(canvas, line, size, (within, top - line.above), width)
                top -= line.height

        return sum(line.height for line in lines), draw

    def _boxed(self, text: str) -> Placed:
        edge, around = self.measures.edge, self.measures.edge + self.measures.pad
        inner, draw_text = self._text(text, self._fonts.bold, self.measures.em("normal"), around)
        height = inner + 2 * around

        def draw(canvas: Canvas, top: int) -> None:
            canvas.setLineWidth(edge)
            canvas.rect(edge / 2, top - height + edge / 2, self.measures.dots - edge, height - edge)
            draw_text(canvas, top - around)

        return height, draw

    def _mark(self, mark: Mark) -> Placed:
        height, line = self.measures.height(mark), self.measures.line

        def draw(canvas: Canvas, top: int) -> None:
            if mark is Mark.RULE:
                canvas.rect(0, top - height // 2 - line, self.measures.dots, line, stroke=0, fill=1)

        return height, draw

    def _code(self, content: str) -> Placed:
        matrix = code_matrix(content)
        module = self.measures.module(len(matrix))
        left = (self.measures.dots - module * len(matrix)) // 2

        def draw(canvas: Canvas, top: int) -> None:
            for y, row in enumerate(matrix):
                for x, dark in enumerate(row):
                    if dark:
                        canvas.rect(left + x * module, top - (y + 1) * module, module, module, stroke=0, fill=1)

        return module * len(matrix), draw


def _put(canvas: Canvas, line: Line, size: int, at: tuple[int, int], width: int) -> None:
    """A line centred in `width` dots; `at`: where its letters stand, from the left."""
    left, base = at
    if not line.plain:
        picture = drawn(line, width).convert("L").point(lambda dot: 255 - dot)
        canvas.drawImage(_ink(picture), left, base - line.below, width, line.height, mask="auto")
    pieces = [(run.text, _font(run.file)) for run in line.runs]
    long = sum(pdfmetrics.stringWidth(text, font, size) for text, font in pieces)
    words = canvas.beginText(left + (width - long) / 2, base)
    if not line.plain:
        words.setTextRenderMode(_UNSEEN)
    for text, font in pieces:
        words.setFont(font, size)
        words.textOut(text)
    canvas.saveState()
    canvas.drawText(words)
    canvas.restoreState()


def _ink(cover: Image.Image) -> ImageReader:
    """Black where `cover` is white, nothing elsewhere."""
    black = Image.new("RGBA", cover.size, (0, 0, 0, 0))
    black.putalpha(cover)
    return ImageReader(black)


def _font(file: Path) -> str:
    """The name under which reportlab knows the font. Raises OSError."""
    if file.stem not in pdfmetrics.getRegisteredFontNames():
        try:
            pdfmetrics.registerFont(TTFont(file.stem, str(file)))
        except TTFError as error:
            raise OSError(str(error)) from None
    return file.stem


def _dots(mm: float) -> int:
    return round(mm * DPI / 25.4)
