"""What is photographed: card faces, telephone screens, things without a code. Flat pictures with their size in mm."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import zxingcpp
from PIL import Image, ImageDraw

from benchmarks.corpus.people import person
from sandbox.paper import faces, geometry, phone, qr
from sandbox.paper.canvas import font
from sandbox.paper.geometry import Area, Form

Picture = npt.NDArray[Any]
CARD_RESOLUTION = 20.0  # pixels per mm: about five to a module
SCREEN_RESOLUTION = 10.0
_BEZEL = 3.0  # mm


@dataclass(frozen=True)
class Subject:
    """`picture` is BGR, `outline` its mask. `target`: what must be in view, in mm. `module`: mm, of the code.
    `lit`: a screen, which shines itself.
    """

    picture: Picture
    outline: Picture
    resolution: float
    target: Area
    module: float
    text: str | None = None
    lines: tuple[str, ...] = ()
    lit: bool = False

    @property
    def size(self) -> tuple[float, float]:
        """Width and height in mm."""
        return self.picture.shape[1] / self.resolution, self.picture.shape[0] / self.resolution


Maker = Callable[[np.random.Generator], Subject]


def card_with_code(random: np.random.Generator) -> Subject:
    """The side that bears the code, of either form."""
    form: Form = 2021 if random.random() < 0.6 else 2024
    holder, printing = person(random), _print(random)
    picture = faces.side(holder, form, geometry.code_side(form), CARD_RESOLUTION, printing)
    text = faces.code_text(holder, form)
    area = geometry.code_area(form)
    module = area.width / len(qr.encode(text, printing.code))
    return _card(picture, area, module, text)


def card_without_code(random: np.random.Generator) -> Subject:
    """The other side."""
    form: Form = 2021 if random.random() < 0.5 else 2024
    holder, printing = person(random), _print(random)
    middle = Area(20, 10, 45, 34)
    if form == 2024:
        return _card(faces.front(holder, form, CARD_RESOLUTION, printing), middle, 0.3)
    back = _card(faces.back(holder, form, CARD_RESOLUTION, printing), middle, 0.3)
    return replace(back, lines=faces.machine_lines(holder))


def card_with_lines(random: np.random.Generator) -> Subject:
    """The back, of either form; the whole card is the target."""
    form: Form = 2021 if random.random() < 0.6 else 2024
    holder = person(random)
    picture = faces.back(holder, form, CARD_RESOLUTION, _print(random))
    whole = Area(0, 0, geometry.WIDTH, geometry.HEIGHT)
    return replace(_card(picture, whole, 0.3), lines=faces.machine_lines(holder))


def telephone(random: np.random.Generator, *, with_code: bool = True) -> Subject:
    """A telephone with the code of a card, or of nothing, on its screen."""
    form: Form = 2021 if random.random() < 0.5 else 2024
    text = faces.code_text(person(random), form)
    width = random.uniform(62, 72)
    screen = phone.Screen(
        width=width,
        height=width * random.uniform(1.9, 2.2),
        code_width=width * random.uniform(0.55, 0.82),
        dark=bool(random.random() < 0.25),
        title=("Mã QR định danh", "Căn cước điện tử", "Ảnh chụp màn hình")[random.integers(3)],
    )
    style = _style(random)
    picture = phone.render(text, screen, SCREEN_RESOLUTION, style)
    area = phone.code_area(screen)
    module = area.width / len(qr.encode(text, style))
    if not with_code:
        box = [(edge - 6) * SCREEN_RESOLUTION for edge in (area.left, area.top)]
        end = [(edge + 6) * SCREEN_RESOLUTION for edge in (area.left + area.width, area.top + area.height)]
        ImageDraw.Draw(picture).rounded_rectangle([*box, *end], 20, "#c8d4e0")
    margin = round(_BEZEL * SCREEN_RESOLUTION)
    framed = Image.new("RGB", (picture.width + 2 * margin, picture.height + 2 * margin), (12, 12, 14))
    framed.paste(picture, (margin, margin))
    body = _bgr(framed)
    target = Area(area.left + _BEZEL, area.top + _BEZEL, area.width, area.height)
    outline = _rounded(body.shape[1], body.shape[0], 8 * SCREEN_RESOLUTION)
    return Subject(body, outline, SCREEN_RESOLUTION, target, module, text if with_code else None, lit=True)


def page_of_text(random: np.random.Generator) -> Subject:
    """A printed page."""
    picture = Image.new("RGB", (1400, 1000), "#f2f1ec")
    draw = ImageDraw.Draw(picture)
    face, size = font("regular", float(random.uniform(16, 44))), random.uniform(1.3, 2.0)
    height = 40.0
    while height < 960:
        words = " ".join(person(random).residence for _ in range(6))
        draw.text((30, height), words, "#222226", face)
        height += face.size * size
    return _sheet(picture)


def pattern(random: np.random.Generator) -> Subject:
    """A checkerboard, stripes, dots, or the keys of a keyboard."""
    kind, step = random.integers(4), int(random.integers(10, 60))
    y, x = np.indices((900, 1300))
    turns = (x // step + y // step, x // step, np.hypot(x % step - step / 2, y % step - step / 2) < step / 3)
    if kind == 3:
        keys = (x % (3 * step) > step // 3) & (y % (3 * step) > step // 3)
        plane = np.where(keys, 60, 20)
    else:
        plane = np.where(turns[kind] % 2 == 0, 236, 24)
    return _sheet(Image.fromarray(plane.astype(np.uint8)).convert("RGB"))


def near_code(random: np.random.Generator) -> Subject:
    """What looks like a QR code and is none: other codes, torn ones, finders alone, noise in modules."""
    sheet = Image.new("L", (1300, 900), 240)
    for _ in range(random.integers(2, 6)):
        made = (_noise, _finders, _torn, _other_code)[random.integers(4)](random)
        steps = int(random.integers(4, 12))
        large = Image.fromarray(np.kron(made, np.ones((steps, steps), np.uint8)))
        sheet.paste(large, (int(random.integers(0, 900)), int(random.integers(0, 600))))
    return _sheet(sheet.convert("RGB"))


def _noise(random: np.random.Generator) -> Picture:
    size = random.integers(25, 50)
    return np.where(random.random((size, size)) < 0.5, 20, 240).astype(np.uint8)


def _finders(random: np.random.Generator) -> Picture:
    """One or two finder patterns with noise between them; a code has three."""
    plane = _noise(random)
    finder = np.where(qr.encode("x")[:7, :7], 20, 240)
    plane[:7, :7] = finder
    if random.random() < 0.5:
        plane[:7, -7:] = finder
    return plane


def _torn(random: np.random.Generator) -> Picture:
    """Less than half of a code, so that nothing can be restored."""
    code = np.where(qr.encode(faces.code_text(person(random), 2021), _style(random)), 20, 240).astype(np.uint8)
    return code[: int(len(code) * random.uniform(0.25, 0.45))]


def _other_code(random: np.random.Generator) -> Picture:
    kinds = ("DataMatrix", "Aztec", "PDF417", "Code128")
    kind = getattr(zxingcpp.BarcodeFormat, kinds[random.integers(len(kinds))])
    made = zxingcpp.create_barcode(f"MAU{random.integers(10**9)}", kind)
    return np.array(made.to_image(scale=1), np.uint8)


def _style(random: np.random.Generator) -> qr.Style:
    """Levels, segments and versions in about the shares that cards seem to have."""
    correction = ("L", "M", "Q")[random.choice(3, p=(0.42, 0.52, 0.06))]
    segments = ("byte", "mixed", "eci")[random.choice(3, p=(0.78, 0.20, 0.02))]
    version = int(random.choice((5, 6, 7, 8, 9, 10), p=(0.3, 0.2, 0.15, 0.2, 0.1, 0.05)))
    return qr.Style(segments, correction, version)  # type: ignore[arg-type]  # chosen above


def _print(random: np.random.Generator) -> faces.Print:
    dark = int(random.integers(8, 52))
    face = ("ocr-b", "ocr-b-sharp", "ocr-b-light")[random.choice(3, p=(0.7, 0.2, 0.1))]
    pitch = float(random.choice((geometry.LINE_PITCH, random.uniform(4.0, 5.0))))
    ink = (dark, dark, dark + int(random.integers(0, 10)))
    gain = min(0.2, max(-0.12, float(random.normal(0.03, 0.07))))
    return faces.Print(_style(random), face, pitch, gain, ink)  # type: ignore[arg-type]  # chosen above


def _card(picture: Image.Image, target: Area, module: float, text: str | None = None) -> Subject:
    outline = np.asarray(faces.rounded(picture, CARD_RESOLUTION))
    return Subject(_bgr(picture), outline, CARD_RESOLUTION, target, module, text)


def _sheet(picture: Image.Image) -> Subject:
    plane = _bgr(picture)
    outline = np.full(plane.shape[:2], 255, np.uint8)
    size = plane.shape[1] / 10, plane.shape[0] / 10
    return Subject(plane, outline, 10.0, Area(size[0] * 0.3, size[1] * 0.3, size[0] * 0.4, size[1] * 0.4), 0.4)


def _rounded(width: int, height: int, radius: float) -> Picture:
    mask = Image.new("L", (width, height), 0)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, width - 1, height - 1), radius, 255)
    return np.asarray(mask)


def _bgr(picture: Image.Image) -> Picture:
    return cv2.cvtColor(np.asarray(picture), cv2.COLOR_RGB2BGR).astype(np.uint8, copy=False)


def backdrop_alone(_random: np.random.Generator) -> Subject:
    """Something too small to be seen: the desk, the room or whoever stands there is the picture."""
    speck = np.full((4, 4, 3), 128, np.uint8)
    return Subject(speck, np.zeros((4, 4), np.uint8), 10.0, Area(0, 0, 0.4, 0.4), 0.4)
