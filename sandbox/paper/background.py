"""The security print under everything: guilloche-like lines on a gradient. Nobody's real design."""

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image

from sandbox.paper.geometry import HEIGHT, WIDTH, Form, Side

Plane = npt.NDArray[np.float32]

_TINTS: dict[tuple[Form, Side], tuple[tuple[int, int, int], tuple[int, int, int]]] = {
    (2021, "front"): ((206, 226, 214), (226, 224, 196)),
    (2021, "back"): ((214, 226, 206), (232, 216, 204)),
    (2024, "front"): ((198, 222, 232), (236, 226, 206)),
    (2024, "back"): ((204, 222, 226), (228, 214, 222)),
}
_INKS = ((92, 148, 132), (176, 128, 110), (120, 140, 178))
_SEEDS: dict[tuple[Form, Side], int] = {(2021, "front"): 1, (2021, "back"): 2, (2024, "front"): 3, (2024, "back"): 4}


@lru_cache(maxsize=4)
def plate(form: Form, side: Side, pixels_per_mm: float) -> Image.Image:
    """The empty card. Shared: copy it before you draw on it."""
    width, height = round(WIDTH * pixels_per_mm), round(HEIGHT * pixels_per_mm)
    x, y = np.meshgrid(
        np.arange(width, dtype=np.float32) / np.float32(pixels_per_mm),
        np.arange(height, dtype=np.float32) / np.float32(pixels_per_mm),
    )
    first, second = (np.array(tint, np.float32) for tint in _TINTS[form, side])
    blend = (0.5 + 0.5 * np.sin(x / 23 + y / 31))[..., None]
    colour = first * (1 - blend) + second * blend
    random = np.random.default_rng(_SEEDS[form, side])
    for ink in _INKS:
        strength = _lines(x, y, random, pixels_per_mm)[..., None] * np.float32(0.3)
        colour = colour * (1 - strength) + np.array(ink, np.float32) * strength
    rosette = _rosette(x - WIDTH * 0.55, y - HEIGHT * 0.5, pixels_per_mm)[..., None] * np.float32(0.3)
    colour = colour * (1 - rosette) + np.array(_INKS[form % 3], np.float32) * rosette
    return Image.fromarray(np.clip(colour, 0, 255).astype(np.uint8))


def _lines(x: Plane, y: Plane, random: np.random.Generator, pixels_per_mm: float) -> Plane:
    """A bundle of waving lines about 0.8 mm apart."""
    bend, wave, lean = random.uniform(1, 4), random.uniform(8, 20), random.uniform(-0.6, 0.6)  # nosec B311  # a picture
    shift, apart = random.uniform(0, 6), 0.8  # nosec B311
    height = y + lean * x + bend * np.sin(x / wave + shift) + 0.6 * np.sin(x / 2.3 + y / 9)
    return _drawn(height / np.float32(apart), apart, pixels_per_mm)


def _rosette(x: Plane, y: Plane, pixels_per_mm: float) -> Plane:
    """Petals around a centre, fading outward."""
    radius, angle = np.hypot(x, y), np.arctan2(y, x)
    petals = radius * (1 + 0.12 * np.sin(12 * angle)) + 1.2 * np.sin(5 * angle + radius / 3)
    fading: Plane = np.clip((20 - radius) / 8, 0, 1).astype(np.float32)
    fading *= _drawn(petals.astype(np.float32) / np.float32(0.9), 0.9, pixels_per_mm)
    return fading


def _drawn(phase: Plane, apart: float, pixels_per_mm: float) -> Plane:
    """Lines of 0.15 mm where the phase is whole, with soft edges."""
    distance = np.abs(phase - np.round(phase)) * np.float32(apart * pixels_per_mm)
    lines: Plane = np.clip(0.075 * pixels_per_mm + 0.5 - distance, 0, 1).astype(np.float32)
    return lines
