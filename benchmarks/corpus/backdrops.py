"""What is behind the card: desks, papers, rooms, people, clutter. Made once for each number and cut differently for
each picture; out of focus as a rule, because the card is what the camera looks at."""

from functools import lru_cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[Any]
WIDTH, HEIGHT = 1920, 1080
VARIANTS = 24


def cut(seed: int, random: np.random.Generator, frame: tuple[int, int]) -> Picture:
    """A part of some backdrop in the frame's size (width, height), BGR."""
    whole = _whole(seed, int(random.integers(VARIANTS)))
    share = random.uniform(0.55, 1.0)
    width, height = int(WIDTH * share), int(HEIGHT * share)
    left, top = int(random.integers(0, WIDTH - width + 1)), int(random.integers(0, HEIGHT - height + 1))
    part = cv2.resize(whole[top : top + height, left : left + width], frame, interpolation=cv2.INTER_LINEAR)
    return part[:, ::-1] if random.random() < 0.5 else part


@lru_cache(maxsize=VARIANTS)
def _whole(seed: int, number: int) -> Picture:
    random = np.random.default_rng([seed, 77, number])
    kinds = (_wood, _cloth, _room, _somebody, _papers, _clutter)
    picture = kinds[number % len(kinds)](random)
    sigma = random.uniform(0.3, 2.0) if number % len(kinds) in (0, 1, 4) else random.uniform(2.0, 9.0)
    grey = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    muted = cv2.addWeighted(picture, 0.35, grey, 0.65, 0)  # rooms and desks are seldom as gay as chance would have them
    return cv2.GaussianBlur(muted, (0, 0), sigma).astype(np.uint8, copy=False)


def _noise(random: np.random.Generator, width: int, height: int) -> Picture:
    """Smooth noise around 128, as coarse as the given grid."""
    small = random.normal(128, 40, (height, width)).clip(0, 255).astype(np.uint8)
    return cv2.resize(small, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)


def _tinted(plane: npt.NDArray[Any], colour: npt.NDArray[Any]) -> Picture:
    return np.asarray(np.clip(plane[..., None] * colour.astype(np.float32), 0, 255), np.uint8)


def _wood(random: np.random.Generator) -> Picture:
    grain = 0.5 * _noise(random, 12, 400) + 0.3 * _noise(random, 40, 1080) + 0.2 * _noise(random, 6, 8)
    return _tinted((0.55 + grain / 290).astype(np.float32), random.uniform((40, 70, 100), (150, 170, 200)))


def _cloth(random: np.random.Generator) -> Picture:
    weave = _noise(random, 960, 540) * 0.3 + _noise(random, 5, 4) * 0.7
    return _tinted((0.6 + weave / 330).astype(np.float32), random.uniform(30, 215, 3))


def _room(random: np.random.Generator) -> Picture:
    picture = _tinted(_noise(random, 3, 3).astype(np.float32) / 140, random.uniform(70, 190, 3))
    for _ in range(random.integers(8, 20)):
        corner = random.integers((-200, -200), (WIDTH, HEIGHT))
        size = random.integers((40, 40), (500, 700))
        cv2.rectangle(picture, corner.tolist(), (corner + size).tolist(), random.integers(10, 240, 3).tolist(), -1)
    for _ in range(random.integers(0, 4)):  # windows and lamps
        corner = random.integers((0, 0), (WIDTH, HEIGHT // 2))
        size = random.integers((80, 40), (400, 300))
        cv2.rectangle(picture, corner.tolist(), (corner + size).tolist(), (255, 255, 250), -1)
    return picture


def _somebody(random: np.random.Generator) -> Picture:
    picture = _room(random)
    x, y, size = (int(random.integers(low, high)) for low, high in ((500, 1400), (300, 600), (160, 330)))
    skin = tuple(random.integers((90, 130, 190), (150, 185, 235)).tolist())
    shirt = tuple(random.integers(20, 230, 3).tolist())
    place = (x, y)
    cv2.ellipse(
        picture, (place[0], place[1] + int(size * 2.4)), (int(size * 1.9), int(size * 1.5)), 0, 0, 360, shirt, -1
    )
    cv2.ellipse(
        picture, (place[0], place[1] - size // 6), (int(size * 0.85), int(size * 1.12)), 0, 0, 360, (25, 25, 30), -1
    )
    cv2.ellipse(picture, place, (int(size * 0.75), int(size)), 0, 0, 360, skin, -1)
    for side in (-1, 1):
        eye = (place[0] + side * size // 3, place[1] - size // 6)
        cv2.ellipse(picture, eye, (size // 8, size // 14), 0, 0, 360, (240, 240, 240), -1)
        cv2.circle(picture, eye, size // 16, (30, 30, 40), -1)
    cv2.ellipse(
        picture, (place[0], place[1] + size // 2), (size // 4, size // 12), 0, 0, 180, (70, 70, 160), size // 30
    )
    return picture


def _papers(random: np.random.Generator) -> Picture:
    """Sheets with lines of print on a table."""
    picture = _wood(random)
    for _ in range(random.integers(2, 6)):
        sheet = np.full((1000, 720, 3), random.integers(205, 250), np.uint8)
        for row in range(60, 940, int(random.integers(16, 30))):
            left = 60
            while left < 600:
                word = int(random.integers(12, 70))
                cv2.line(sheet, (left, row), (min(left + word, 660), row), (60, 56, 52), int(random.integers(3, 8)))
                left += word + 12
        _lay(picture, sheet, random)
    return picture


def _clutter(random: np.random.Generator) -> Picture:
    """A keyboard, stripes, coins, pens and a checked pad."""
    picture = _cloth(random)
    y, x = np.indices((500, 900))
    keys = np.where((x % 56 > 8) & (y % 56 > 8), 70, 22)
    checks = np.where((x // 30 + y // 30) % 2, 225, 35)
    stripes = np.where(np.sin(x / random.uniform(3, 12)) > random.uniform(-0.6, 0.6), 230, 20)
    for plane in (keys, checks, stripes):
        if random.random() < 0.75:
            _lay(picture, np.repeat(plane[..., None], 3, 2).astype(np.uint8), random)
    for _ in range(random.integers(4, 14)):
        at = random.integers((0, 0), (WIDTH, HEIGHT))
        colour = random.integers(20, 240, 3).tolist()
        if random.random() < 0.5:
            cv2.circle(picture, at.tolist(), int(random.integers(20, 70)), colour, -1)
        else:
            to = at + random.integers(-500, 500, 2)
            cv2.line(picture, at.tolist(), to.tolist(), colour, int(random.integers(10, 40)))
    return picture


def _lay(picture: Picture, sheet: Picture, random: np.random.Generator) -> None:
    """Put a sheet somewhere, turned."""
    middle = (sheet.shape[1] / 2, sheet.shape[0] / 2)
    turn = np.asarray(cv2.getRotationMatrix2D(middle, random.uniform(-60, 60), random.uniform(0.5, 1.1)), np.float64)
    turn[:, 2] += random.uniform((-200, -300), (1400, 600))
    cv2.warpAffine(sheet, turn, (WIDTH, HEIGHT), picture, cv2.INTER_LINEAR, cv2.BORDER_TRANSPARENT)
