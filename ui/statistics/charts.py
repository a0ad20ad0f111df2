"""Charts as numbers for an inline SVG: where each bar stands and what is written beside it. The words come in, the
drawing is the template's; what a chart shows also stands in a table. Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH = 640
LABEL = 244  # wide, in units of the drawing, for what stands before a bar
VALUE = 90  # behind it
ROW = 30
BAR = 18
HIGH = 190  # of columns
FOOT = 26
LETTER = 7.8  # how wide a letter is at most, usually
MOST_LABELS = 16  # under columns; of more, every second or third has one


@dataclass(frozen=True)
class Bar:
    """A bar in units of the drawing. `second`: of the second series, hatched."""

    x: float
    y: float
    width: float
    height: float
    second: bool = False


@dataclass(frozen=True)
class Text:
    """A word at a place. `anchor`: `start`, `middle` or `end`; `quiet`: it stands for what is hidden."""

    x: float
    y: float
    text: str
    anchor: str = "start"
    quiet: bool = False


@dataclass(frozen=True)
class Chart:
    """One drawing."""

    width: float
    height: float
    bars: tuple[Bar, ...]
    texts: tuple[Text, ...]
    base: float | None = None  # the line on which columns stand


@dataclass(frozen=True)
class Value:
    """One thing to draw. `amount` None: it is hidden; `text`: what is written beside; `second`: the second series."""

    label: str
    amount: float | None
    text: str
    second: float | None = None
    second_text: str = ""


def bars(values: Sequence[Value]) -> Chart:
    """One row for each value, two where there is a second series."""
    most = max((max(one.amount or 0, one.second or 0) for one in values), default=0) or 1
    room = WIDTH - LABEL - VALUE
    drawn: list[Bar] = []
    texts: list[Text] = []
    y = 0.0
    for one in values:
        rows = [(one.amount, one.text, False)]
        if one.second is not None or one.second_text:
            rows.append((one.second, one.second_text, True))
        texts.append(Text(LABEL - 8, y + len(rows) * ROW / 2 + 5, shortened(one.label, LABEL - 8), "end"))
        for amount, text, second in rows:
            wide = 0.0 if not amount else max(2.0, amount / most * room)
            if wide:
                drawn.append(Bar(LABEL, y + (ROW - BAR) / 2, round(wide, 1), BAR, second))
            texts.append(Text(round(LABEL + wide + 6, 1), y + ROW / 2 + 5, text, quiet=amount is None))
            y += ROW
    return Chart(WIDTH, y, tuple(drawn), tuple(texts), LABEL if values else None)


def columns(values: Sequence[Value]) -> Chart:
    """One column for each value, from left to right."""
    most = max((one.amount or 0 for one in values), default=0) or 1
    each = WIDTH / max(len(values), 1)
    skip = -(-len(values) // MOST_LABELS)
    drawn: list[Bar] = []
    texts: list[Text] = []
    for number, one in enumerate(values):
        middle = (number + 0.5) * each
        high = 0.0 if not one.amount else max(2.0, one.amount / most * (HIGH - 24))
        top = HIGH - high
        if high:
            drawn.append(Bar(round(middle - each * 0.36, 1), round(top, 1), round(each * 0.72, 1), round(high, 1)))
        if len(one.text) * LETTER <= each and (one.amount or one.amount is None):
            texts.append(Text(round(middle, 1), round(top - 6, 1), one.text, "middle", one.amount is None))
        if number % skip == 0:
            least = len(one.label) * LETTER / 2 + 4  # so that the first one is not cut
            texts.append(Text(round(max(middle, least), 1), HIGH + FOOT - 8, one.label, "middle"))
    return Chart(WIDTH, HIGH + FOOT, tuple(drawn), tuple(texts), HIGH)


def shortened(label: str, room: float) -> str:
    """As much of a label as has room; whole it stands in the table."""
    most = int(room / LETTER)
    return label if len(label) <= most else label[: most - 1].rstrip() + "…"
