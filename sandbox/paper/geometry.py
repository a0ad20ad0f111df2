"""Where things stand on the card, in millimetres from its upper left corner. Pure; must not import a picture library.

The card is ID-1 (ISO/IEC 7810). Its lines keep to ICAO Doc 9303-3 (OCR-B size 1 at ten characters to the inch) and
9303-5 (three lines at the bottom of the back). The places of title, portrait and code are near the real ones and no
nearer: what matters here is how large the code is and what stands around it (card.md 1.1, 1.2 and 8).
"""

from typing import Literal, NamedTuple

Form = Literal[2021, 2024]
Side = Literal["front", "back"]


class Area(NamedTuple):
    """A rectangle in millimetres."""

    left: float
    top: float
    width: float
    height: float

    @property
    def centre(self) -> tuple[float, float]:
        return self.left + self.width / 2, self.top + self.height / 2


WIDTH, HEIGHT, CORNER = 85.6, 53.98, 3.18
PITCH = 2.54  # of characters (9303-3, 4.3)
LINE_PITCH = 4.23  # six lines to the inch
LETTER_HEIGHT = 2.4  # capitals of OCR-B, size 1 (ISO 1073-2)
CHARACTERS, LINES = 30, 3
_FIRST_CHARACTER, _LAST_BASELINE = 4.7, 49.4
_READING_ZONE = Area(2.8, 33.2, 80.0, 17.9)  # the effective reading zone's size is that of 9303-5, 4.2.1
_CODES: dict[Form, tuple[Side, Area]] = {
    2021: ("front", Area(66.6, 3.4, 14.2, 14.2)),
    2024: ("back", Area(70.2, 4.0, 11.0, 11.0)),
}


def code_side(form: Form) -> Side:
    """The side that bears the QR code (card.md 8)."""
    return _CODES[form][0]


def code_area(form: Form) -> Area:
    """The QR code without its quiet zone."""
    return _CODES[form][1]


def reading_zone() -> Area:
    """Where on the back the machine-readable lines are."""
    return _READING_ZONE


def baselines(line_pitch: float = LINE_PITCH) -> tuple[float, ...]:
    """Heights of the lines' baselines; the last one stays where it is when the pitch is another."""
    return tuple(_LAST_BASELINE - line_pitch * (LINES - 1 - number) for number in range(LINES))


def character_left(column: int) -> float:
    """Left edge of a character's cell of one PITCH."""
    return _FIRST_CHARACTER + PITCH * column
