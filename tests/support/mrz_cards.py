"""Pictures of card backs for the tests of the machine-readable lines, drawn with Pillow and photographed by numpy.

Nothing of it is shared with what the networks learned from (`scripts/train_mrz`), so that a test says something.
"""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from reader.lds.dg1 import check_digit

OCR_B = "/usr/share/fonts/opentype/ocr-b/OCRB.otf"
SMALL_PRINT = "/usr/share/fonts/truetype/noto/NotoSans-Regular.ttf"
DOT = 14  # pixels a millimetre of the drawn card
SIZES = {30: (85.6, 53.98), 36: (105.0, 74.0), 44: (125.0, 88.0)}  # ISO/IEC 7810, millimetres, by letters a line
PITCH, SPACING = 2.54, 6.35  # Doc 9303-5: ten letters an inch; lines
FAMILY = "NGUYEN TRAN LE PHAM HOANG HUYNH PHAN VU VO DANG BUI DO HO NGO DUONG LY".split()  # noqa: SIM905
GIVEN = "VAN THI HUU DUC MINH ANH QUOC THANH KIM XUAN LAN HUONG GIANG QUYNH KHOA PHUONG BAO CHAU".split()  # noqa: SIM905

Glyph = Callable[[str, float], Image.Image]


def vietnamese(rng: np.random.Generator) -> tuple[str, str, str]:
    """The lines of somebody who does not exist (card.md 3.1); the number's last six digits begin with 9000."""
    year, month, day = int(rng.integers(1930, 2022)), int(rng.integers(1, 13)), int(rng.integers(1, 29))
    female = bool(rng.integers(2))
    number = f"{rng.integers(1, 97):03}{2 * (year // 100 - 19) + female}{year % 100:02}9000{rng.integers(100):02}"
    birth = f"{year % 100:02}{month:02}{day:02}"
    expiry = "991231" if rng.random() < 0.2 else f"{rng.integers(25, 60):02}{month:02}{day:02}"
    first = f"IDVNM{checked(number[3:])}{number}<<{check_digit(number + '<<')}"
    second = f"{checked(birth)}{'MF'[female]}{checked(expiry)}VNM{'<' * 11}"
    second += check_digit(first[5:30] + second[:7] + second[8:15] + second[18:29])
    given = "<".join(GIVEN[n] for n in rng.integers(len(GIVEN), size=rng.integers(1, 4)))
    return first, second, f"{FAMILY[rng.integers(len(FAMILY))]}<<{given}".ljust(30, "<")[:30]


def checked(text: str) -> str:
    return text + check_digit(text)


@dataclass(frozen=True)
class Shot:
    """How the card is held and seen: `width` is the card's share of a 1280 pixels wide picture, angles in degrees,
    `blur` and `shake` in pixels, `noise` in grey values, `light` a factor.
    """

    width: float = 0.7
    roll: float = 0.0
    tilt: tuple[float, float] = (0.0, 0.0)
    blur: float = 0.6
    shake: tuple[float, float] = (0.0, 0.0)
    noise: float = 3.0
    light: float = 1.0
    glare: float = 0.0
    jpeg: int = 85
    size: tuple[int, int] = (1280, 720)


def by_hand(rng: np.random.Generator) -> Shot:
    """As people hold a card up, whole in view: any way up, somewhat tilted, seldom quite sharp."""
    return Shot(
        width=float(rng.uniform(0.5, 0.92)),
        roll=float(rng.choice([0, 180, 0, 180, 90, 270]) * (rng.random() < 0.6) + rng.normal(0, 9)),
        tilt=(float(rng.normal(0, 10)), float(rng.normal(0, 10))),
        blur=float(rng.uniform(0.3, 1.5)),
        shake=(float(rng.uniform(0, 4)) if rng.random() < 0.3 else 0.0, float(rng.uniform(0, 180))),
        noise=float(rng.uniform(1, 9)),
        light=float(rng.uniform(0.45, 1.1)),
        glare=float(rng.uniform(40, 160)) if rng.random() < 0.3 else 0.0,
        jpeg=int(rng.integers(55, 95)),
    )


def ocr_b(letter: str, height: float, font: str = OCR_B) -> Image.Image:
    """One letter in black on white in a square cell, `height` pixels from the base line to the top of an H."""
    face = ImageFont.truetype(font, 100)
    top, bottom = face.getbbox("H")[1], face.getbbox("H")[3]
    face = ImageFont.truetype(font, round(100 * height / (bottom - top)))
    top, bottom = face.getbbox("H")[1], face.getbbox("H")[3]
    side = round(height * 1.6)
    cell = Image.new("L", (side, side), 255)
    width = face.getlength(letter)
    ImageDraw.Draw(cell).text(((side - width) / 2, (side - (bottom - top)) / 2 - top), letter, font=face, fill=0)
    return cell


def back(lines: Sequence[str], rng: np.random.Generator, glyph: Glyph = ocr_b, spacing: float = SPACING) -> Image.Image:
    """A card's back: waves and rosettes under everything, small print, a chip, and the lines at the foot."""
    width, foot = SIZES[len(lines[0])]
    wide, high = round(width * DOT), round(foot * DOT)
    card = Image.new("L", (wide, high), int(rng.integers(185, 240)))
    draw = ImageDraw.Draw(card)
    across = np.arange(0, wide + 8, 8)
    for n in range(int(rng.integers(20, 45))):
        swing, turn = rng.uniform(5, 40), rng.uniform(0.004, 0.012)
        down = high * n / 40 + swing * np.sin(across * turn + n * 0.4)
        draw.line(list(zip(across.tolist(), down.tolist(), strict=True)), fill=int(rng.integers(150, 215)), width=2)
    middle = wide * rng.uniform(0.3, 0.7), high * rng.uniform(0.4, 0.8)
    round_about = np.linspace(0, 2 * np.pi, 200)
    for radius in range(30, 420, 26):
        reach = radius * (1 + 0.15 * np.sin(9 * round_about + radius))
        ring = zip(middle[0] + reach * np.cos(round_about), middle[1] + reach * np.sin(round_about), strict=True)
        draw.line([(float(x), float(y)) for x, y in ring], fill=int(rng.integers(160, 220)), width=1)
    print_face = ImageFont.truetype(SMALL_PRINT, round(2.4 * DOT))
    for n, text in enumerate(("Đặc điểm nhận dạng / Personal identification", "Ngày, tháng, năm / Date", "CỤC TRƯỞNG")):
        draw.text((4 * DOT, (3 + 5 * n) * DOT), text, font=print_face, fill=60)
    draw.rounded_rectangle((60 * DOT, 4 * DOT, 73 * DOT, 15 * DOT), 20, fill=150, outline=90, width=4)
    height = 2.5 * DOT * rng.uniform(0.92, 1.08)
    ink = int(rng.integers(15, 70))
    left = (width - PITCH * (len(lines[0]) - 1)) / 2 + rng.uniform(-1, 1)
    foot -= rng.uniform(4.0, 6.5)
    for row, text in enumerate(lines):
        for column, letter in enumerate(text):
            cell = glyph(letter, height)
            x = (left + PITCH * column) * DOT - cell.width / 2 + rng.normal(0, 0.7)
            y = (foot - spacing * (len(lines) - 1 - row)) * DOT - cell.height / 2
            stamp = cell.point(lambda value: 255 - value)
            card.paste(ink, (round(x), round(y)), stamp)
    return card


def photograph(card: Image.Image, shot: Shot, rng: np.random.Generator) -> np.ndarray:
    """The card before a table, as a camera's luma plane would have it."""
    wide, high = shot.size
    grain = rng.integers(0, 256, (high // 16, wide // 16), dtype=np.uint8)
    table = Image.fromarray(grain).resize((wide, high), Image.Resampling.BICUBIC)
    picture = Image.blend(table, Image.new("L", (wide, high), int(rng.integers(30, 200))), 0.7)
    corners = _seen_corners(card.size, shot, rng)
    back_again = _perspective(corners, [(0, 0), (card.width, 0), (card.width, card.height), (0, card.height)])
    seen = card.transform(shot.size, Image.Transform.PERSPECTIVE, back_again, Image.Resampling.BICUBIC)
    there = Image.new("L", card.size, 255).transform(shot.size, Image.Transform.PERSPECTIVE, back_again)
    picture.paste(seen, (0, 0), there)
    light = np.asarray(picture.filter(ImageFilter.GaussianBlur(shot.blur)), np.float64) * shot.light
    if shot.shake[0] >= 1:
        steps = np.linspace(-0.5, 0.5, 9) * shot.shake[0]
        angle = np.radians(shot.shake[1])
        moved = [np.roll(light, (round(s * np.sin(angle)), round(s * np.cos(angle))), (0, 1)) for s in steps]
        light = np.mean(moved, axis=0)
    if shot.glare:
        down, across = np.mgrid[0:high, 0:wide]
        x, y = rng.uniform(0.2, 0.8) * wide, rng.uniform(0.2, 0.8) * high
        light += shot.glare * np.exp(-(((across - x) / 170) ** 2 + ((down - y) / 90) ** 2))
    light += rng.normal(0, 1, light.shape) * shot.noise
    stored = io.BytesIO()
    Image.fromarray(np.clip(light, 0, 255).astype(np.uint8)).save(stored, "JPEG", quality=shot.jpeg)
    with Image.open(stored) as developed:
        return np.array(developed.convert("L"))


def _seen_corners(size: tuple[int, int], shot: Shot, rng: np.random.Generator) -> list[tuple[float, float]]:
    """Where the card's corners come to lie, wholly in view."""
    scale = shot.width * shot.size[0] / size[0]
    turn, lean, swing = np.radians([shot.roll, *shot.tilt])
    points = []
    for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1)):
        a, b = x * size[0] / 2 * scale, y * size[1] / 2 * scale
        depth = 1 + (a * np.sin(swing) + b * np.sin(lean)) / (1.4 * shot.size[0])
        a, b = a * np.cos(swing) / depth, b * np.cos(lean) / depth
        points.append((a * np.cos(turn) - b * np.sin(turn), a * np.sin(turn) + b * np.cos(turn)))
    spread = np.array(points)
    span = np.ptp(spread, axis=0)
    spread *= min(1.0, *(0.97 * np.array(shot.size) / span))
    room = (np.array(shot.size) - np.ptp(spread, axis=0)) * rng.uniform(0.1, 0.9, 2)
    return [(float(x), float(y)) for x, y in spread - spread.min(axis=0) + room]


def _perspective(source: Sequence[tuple[float, float]], target: Sequence[tuple[float, float]]) -> tuple[float, ...]:
    """Pillow's eight numbers that take each point of `source` to that of `target`."""
    rows, values = [], []
    for (x, y), (u, v) in zip(source, target, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    return tuple(np.linalg.solve(np.array(rows, float), np.array(values, float)).tolist())
