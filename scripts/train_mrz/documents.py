"""Documents as they are printed: paper, waves of security print, small print, and the zone in many kinds of OCR-B."""

from functools import cache
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from scripts.train_mrz import texts

Picture = npt.NDArray[np.float32]

OCR_B = tuple(f"/usr/share/fonts/opentype/ocr-b/{name}.otf" for name in ("OCRB", "OCRBS"))
# Not OCR-B at all, now and then: whoever has no OCR-B prints with something like it.
OTHER = "/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf"
SMALL_PRINT = (
    "/usr/share/fonts/truetype/noto/NotoSans-Regular.ttf",
    "/usr/share/fonts/truetype/noto/NotoSans-Bold.ttf",
    "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
    "/usr/share/fonts/truetype/dejavu/DejaVuSerif.ttf",
    OTHER,
)
SIZES = {"td1": (85.6, 54.0), "td2": (105.0, 74.0), "td3": (125.0, 88.0)}  # millimetres
DOT = 11.0  # pixels a millimetre
PITCH = 2.54 * DOT  # Doc 9303-3, 4.4
CELL, TALL, ROOM = 40, 64, 20  # pixels of a letter as cut from the font: pitch, height, margin


class Document(NamedTuple):
    """A drawn document, what its lines say, and the middle of each of their letters (lines of letters x 2)."""

    picture: Picture
    lines: list[str]
    middles: list[npt.NDArray[np.float64]]


def document(rng: np.random.Generator, size: str) -> Document:
    wide, high = (int(side * DOT) for side in SIZES[size])
    paper = rng.uniform(140, 245)
    picture = np.full((high, wide), paper, np.float32) + clouds(
        rng, high, wide, rng.uniform(60, 400), rng.uniform(0, 18)
    )
    for _ in range(rng.integers(0, 10)):
        place = rng.uniform(0, wide * 0.7), rng.uniform(0, high)
        write(rng, picture, place, rng.uniform(1.5, 4.5) * DOT, rng.uniform(0, 120))
    if rng.random() < 0.5:
        clutter(rng, picture[: int(high * 0.55)], int(rng.integers(1, 4)))
    count, rows = texts.WIDTHS[size], texts.ROWS[size]
    pitch = PITCH * min(1.0, rng.uniform(0.93, 1.03))
    spacing = pitch * (rng.uniform(1.5, 2.75) if rng.random() < 0.6 else 2.5 + rng.normal(0, 0.1))
    spacing = min(spacing, high * 0.15) if rows == 3 else spacing
    top = high - rng.uniform(2.5, 7) * DOT - spacing * (rows - 1)
    left = (wide - (count - 1) * pitch) / 2 + rng.normal(0, 0.6) * DOT
    left = min(max(left, 0.9 * pitch), max(0.9 * pitch, wide - (count - 0.3) * pitch))
    if rng.random() < 0.42:  # a field left clear for the zone
        clear = picture[int(top - 2.5 * DOT) :]
        clear *= 0.2
        clear += (paper + rng.normal(0, 10)) * 0.8
    if rng.random() < 0.75:
        waves(rng, picture, rng.uniform(5, 70))
    if rng.random() < 0.3:
        picture += clouds(rng, high, wide, 2.5, rng.uniform(0, 6))
    lines = texts.zone(rng, size)
    middles = _print_zone(rng, picture, lines, (left, top), pitch, spacing, paper)
    if rng.random() < 0.25:
        for _ in range(rng.integers(1, 6)):  # scratches
            ends = (rng.uniform(0, 1, (2, 2)) * (wide, high)).astype(int).tolist()
            cv2.line(picture, ends[0], ends[1], float(rng.uniform(100, 255)), 1, cv2.LINE_AA)
    return Document(picture, lines, middles)


def _print_zone(
    rng: np.random.Generator,
    picture: Picture,
    lines: list[str],
    place: tuple[float, float],
    pitch: float,
    spacing: float,
    paper: float,
) -> list[npt.NDArray[np.float64]]:
    high, wide = picture.shape
    font = OTHER if rng.random() < 0.06 else OCR_B[rng.integers(2)]
    weight = int(rng.choice([-1, 0, 0, 0, 1, 1, 2]))
    ink, cover, aspect = rng.uniform(5, min(110, paper - 70)), rng.uniform(0.8, 1), rng.uniform(0.93, 1.08)
    size = rng.uniform(0.86, 1.1)  # of the letters, their pitch apart
    middles = []
    for row, text in enumerate(lines):
        if rng.random() < 0.1:
            weight = int(np.clip(weight + rng.integers(-1, 2), -1, 2))
        mask = _typed(rng, text, font, weight)
        if size < 0.97 or rng.random() < 0.3:
            mask = _narrowed(mask, len(text), size)
        across, down = pitch / CELL, pitch * size * aspect / CELL
        middle = place[1] + row * spacing
        turn = np.array(
            [[across, 0, place[0] - pitch / 2 - ROOM * across], [0, down, middle - TALL / 2 * down]], np.float32
        )
        stamp = cv2.warpAffine(mask, turn, (wide, high)).astype(np.float32) / 255 * np.float32(cover)
        if rng.random() < 0.35:  # worn, or unevenly inked
            stamp *= np.clip(1 - np.abs(clouds(rng, high, wide, rng.uniform(4, 60), rng.uniform(0.05, 0.3))), 0.25, 1)
        picture += stamp * (np.float32(ink) - picture)
        middles.append(np.stack([place[0] + pitch * np.arange(len(text)), np.full(len(text), middle)], axis=1))
    return middles


@cache
def _letters(font: str) -> list[npt.NDArray[np.uint8]]:
    size = CELL / (ImageFont.truetype(font, 1000).getlength("0") / 1000)
    face = ImageFont.truetype(font, size)
    top, bottom = face.getbbox("H")[1], face.getbbox("H")[3]
    cut = []
    for letter in texts.LETTERS:
        cell = Image.new("L", (CELL + 2 * ROOM, TALL), 0)
        ImageDraw.Draw(cell).text((ROOM, (TALL - bottom + top) / 2 - top), letter, font=face, fill=255)
        cut.append(np.array(cell))
    return cut


def _typed(rng: np.random.Generator, text: str, font: str, weight: int) -> npt.NDArray[np.uint8]:
    """One line in white on black; `weight`: how far the ink has spread, or (negative) not reached."""
    mask = np.zeros((TALL, CELL * len(text) + 2 * ROOM), np.uint8)
    for column, letter in enumerate(text):
        cell = _letters(font)[texts.LETTERS.index(letter)]
        if rng.random() < 0.3:
            off = np.array([[1, 0, rng.normal(0, 0.8)], [0, 1, rng.normal(0, 0.8)]], np.float32)
            cell = cv2.warpAffine(cell, off, (cell.shape[1], cell.shape[0]))
        part = mask[:, column * CELL : (column + 1) * CELL + 2 * ROOM]
        np.maximum(part, cell, out=part)
    if weight:
        side = 2 * weight + 1 if weight > 0 else 3
        brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
        mask = cv2.dilate(mask, brush) if weight > 0 else cv2.erode(mask, brush)
    return mask


def _narrowed(mask: npt.NDArray[np.uint8], count: int, size: float) -> npt.NDArray[np.uint8]:
    """Each letter made narrower or wider within its cell."""
    squeeze = np.array([[size, 0, CELL / 2 * (1 - size)], [0, 1, 0]], np.float32)
    cells = [mask[:, ROOM + n * CELL : ROOM + (n + 1) * CELL] for n in range(count)]
    narrow = [cv2.warpAffine(cell, squeeze, (CELL, TALL)) for cell in cells]
    return np.concatenate([mask[:, :ROOM], *narrow, mask[:, -ROOM:]], axis=1)


def clouds(rng: np.random.Generator, high: int, wide: int, cell: float, strength: float) -> Picture:
    """Smooth noise; `cell` is its grain in pixels."""
    coarse = rng.normal(0, 1, (max(2, int(high / cell) + 2), max(2, int(wide / cell) + 2))).astype(np.float32)
    return cv2.resize(coarse, (wide, high), interpolation=cv2.INTER_CUBIC) * np.float32(strength)


def waves(rng: np.random.Generator, picture: Picture, strength: float) -> None:
    """Guilloche: bundles of wavy lines."""
    high, wide = picture.shape
    along = np.linspace(-wide, wide, 90)
    for _ in range(rng.integers(1, 4)):
        layer = np.zeros((high, wide), np.uint8)
        count = int(rng.integers(10, 60))
        step, angle = wide / count * rng.uniform(0.4, 1.5), rng.uniform(0, np.pi)
        large = rng.uniform(2, 60), rng.uniform(0.002, 0.03), rng.uniform(0, 6)
        small = rng.uniform(0, 20), rng.uniform(0.01, 0.06), rng.uniform(0, 6)
        bundle = []
        for n in range(-count, count):
            swing = large[0] * np.sin(large[1] * along + large[2] + n * 0.05)
            across = n * step + swing + small[0] * np.sin(small[1] * along + small[2] - n * 0.1)
            x = along * np.cos(angle) - across * np.sin(angle) + wide / 2
            y = along * np.sin(angle) + across * np.cos(angle) + high / 2
            bundle.append(np.stack([x, y], axis=1).astype(np.int32))
        cv2.polylines(layer, bundle, False, 255, int(rng.integers(1, 3)), cv2.LINE_AA)
        picture -= layer.astype(np.float32) * np.float32(strength / 255 * rng.uniform(0.4, 1))


def write(rng: np.random.Generator, picture: Picture, place: tuple[float, float], height: float, grey: float) -> None:
    """Small print."""
    face = ImageFont.truetype(SMALL_PRINT[rng.integers(len(SMALL_PRINT))], max(6, int(height)))
    text = texts.small_print(rng)
    box = face.getbbox(text)
    drawn = Image.new("L", (int(box[2]) + 4, int(box[3]) + 4), 0)
    ImageDraw.Draw(drawn).text((1, 1), text, font=face, fill=255)
    stamp = np.asarray(drawn, np.float32) / 255
    x, y = int(place[0]), int(place[1])
    left, top = max(x, 0), max(y, 0)
    part = picture[top : max(0, y + stamp.shape[0]), left : max(0, x + stamp.shape[1])]
    if part.size:
        stamp = stamp[top - y : top - y + part.shape[0], left - x : left - x + part.shape[1]]
        part += stamp * (np.float32(grey) - part)


def clutter(rng: np.random.Generator, picture: Picture, count: int) -> None:
    """Whatever else lies about or is printed: shapes, lines, QR codes, bars, small print, fingerprints."""
    high, wide = picture.shape
    for _ in range(count):
        kind = rng.integers(7)
        x, y = int(rng.integers(-50, wide)), int(rng.integers(-50, high))
        a, b = int(rng.integers(20, wide // 2)), int(rng.integers(20, high // 2))
        grey = float(rng.uniform(0, 255))
        thick = -1 if rng.random() < 0.6 else int(rng.integers(1, 6))
        corner = picture[max(0, y) :, max(0, x) :]
        if kind == 0:
            cv2.rectangle(picture, (x, y), (x + a, y + b), grey, thick)
        elif kind == 1:
            cv2.ellipse(picture, (x, y), (a // 2, b // 2), float(rng.uniform(0, 180)), 0, 360, grey, thick)
        elif kind == 2:
            end = x + int(rng.integers(-wide, wide)), y + int(rng.integers(-high, high))
            cv2.line(picture, (x, y), end, grey, int(rng.integers(1, 8)), cv2.LINE_AA)
        elif kind == 3:
            modules = rng.integers(0, 2, (int(rng.integers(21, 60)),) * 2)
            _put(corner, np.kron(modules, np.ones((int(rng.integers(2, 8)),) * 2)) * grey + 20)
        elif kind == 4:
            bars = np.repeat(rng.integers(0, 2, 200), rng.integers(1, 6))[:a] * 200 + 20
            _put(corner, np.tile(bars, (b // 2, 1)))
        elif kind == 5:
            for row in range(rng.integers(1, 8)):
                write(rng, picture, (x, y + row * 30), rng.uniform(10, 40), grey)
        else:
            down, across = np.mgrid[0 : min(b, 200), 0 : min(a, 200)]
            ridge = rng.uniform(0.2, 1.2) * np.hypot(across - a / 3, (down - b / 3) * 1.3)
            _put(corner, 127 + 110 * np.sin(ridge + 2 * np.sin(down / 17)))


def _put(place: Picture, block: npt.NDArray[np.float64]) -> None:
    part = place[: block.shape[0], : block.shape[1]]
    part[:] = block[: part.shape[0], : part.shape[1]]
