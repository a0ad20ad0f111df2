"""What the sandbox's camera sees: a desk, and a card or a telephone held up over it by a hand that is not quite still.

Pictures only; who sends them, and when, is `camera.py`. Each picture of a view is made once, so that a card held up for
minutes costs no more than one held up for a second. What draws cards is loaded with the first one: a world whose camera
is not used stays small.
"""

import math
import threading
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw

from sandbox.people import Person
from wire.codec import Record

if TYPE_CHECKING:
    from sandbox.paper.geometry import Area

WIDTH, HEIGHT = 1600, 900
CARD_SCALE = 15.0  # pixels to a millimetre: the card fills most of the picture, as where it is held up to the glass
PHONE_SCALE = 5.8
RISING, SWAYING = 5, 10  # pictures until the hand is there, and of one round of its swaying
PREVIEW_WIDTH = 480
QUALITY = 75


class Shown(Record, frozen=True, kw_only=True):
    """What is held up: whose, which face of it (`front`, `back`, `phone`), and whether its code is `worn`."""

    person: str
    face: str
    worn: bool = False


class View:
    """Pictures of one thing held up, or of the empty desk (None). Any thread may ask."""

    def __init__(self, held: Image.Image | None = None) -> None:
        """`held`: the thing as an RGBA picture in the camera's own pixels."""
        self._held = held
        self._made: dict[int, bytes] = {}
        self._lock = threading.Lock()

    @property
    def still(self) -> bool:
        """Whether every picture is the same."""
        return self._held is None

    def jpeg(self, number: int) -> bytes:
        """Picture `number` since it was held up: first it comes into view from below, then it sways."""
        if self.still:
            number = 0
        elif number >= RISING:
            number = RISING + (number - RISING) % SWAYING
        with self._lock:
            if number not in self._made:
                self._made[number] = _encoded(self._picture(number))
            return self._made[number]

    def preview(self) -> bytes:
        """A small picture for people to look at, JPEG."""
        with Image.open(BytesIO(self.jpeg(RISING))) as picture:
            picture.thumbnail((PREVIEW_WIDTH, PREVIEW_WIDTH))
            return _encoded(picture)

    def _picture(self, number: int) -> Image.Image:
        desk = _desk().copy()
        if self._held is None:
            return desk
        below = max(0.0, 1 - number / RISING) ** 2 * HEIGHT
        turn = 2 * math.pi * (number - RISING) / SWAYING
        held = self._held.rotate(0.9 * math.sin(turn), Image.Resampling.BILINEAR, expand=True)
        x = (WIDTH - held.width) / 2 + 9 * math.cos(turn)
        y = (HEIGHT - held.height) / 2 + 6 * math.sin(2 * turn) + below
        desk.paste(held, (round(x), round(y)), held)
        return desk


@lru_cache(maxsize=1)
def empty() -> View:
    """The desk with nothing over it."""
    return View()


@lru_cache(maxsize=4)
def view_of(person: Person, face: str, worn: bool) -> View:
    """A person's card or telephone held up. Raises FontMissing."""
    from sandbox.paper import faces, geometry, phone

    if face == "phone":
        text = faces.code_text(person, person.generation)
        return View(phone.render(text, phone.Screen(), PHONE_SCALE).convert("RGBA"))
    form = person.generation
    card = (faces.front if face == "front" else faces.back)(person, form, CARD_SCALE)
    if worn and geometry.code_side(form) == face:
        _wear_off(card, geometry.code_area(form))
    card.putalpha(faces.rounded(card, CARD_SCALE))
    return View(card)


def _wear_off(card: Image.Image, area: "Area") -> None:
    """Rubbed until the corners by which a code is found are gone, and a third of the rest."""
    drawn = ImageDraw.Draw(card)
    left, top, width, height = (value * CARD_SCALE for value in area)
    for part in range(7):
        across = left + width * (part / 6 - 0.15)
        ends = [across, top + height * 1.05, across + width * 0.3, top - height * 0.05]
        drawn.line(ends, (236, 236, 230), round(width * 0.06))
    for x, y in ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0)):
        middle_x, middle_y, reach = left + width * x, top + height * y, width * 0.2
        box = [middle_x - reach, middle_y - reach, middle_x + reach, middle_y + reach]
        drawn.ellipse(box, (238, 238, 232))


@lru_cache(maxsize=1)
def _desk() -> Image.Image:
    """A grey desk that grows darker towards the edges."""
    shade = Image.radial_gradient("L").resize((WIDTH, HEIGHT)).point(lambda value: 150 - value // 4)
    return Image.merge("RGB", (shade, shade.point(lambda value: value - 4), shade.point(lambda value: value - 10)))


def _encoded(picture: Image.Image) -> bytes:
    made = BytesIO()
    picture.convert("RGB").save(made, "JPEG", quality=QUALITY)
    return made.getvalue()
