"""What light does on the way: lamps mirrored in the laminate, shadows, veils, and how a lit screen shines."""

from math import cos, radians, sin
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks.corpus.optics import Matrix
from benchmarks.corpus.shot import Highlight, Light, Screen

Plane = npt.NDArray[Any]
_COARSE = 4  # slow things are computed for every fourth pixel


class Grid:
    """Where on the thing each pixel of a box of the frame looks, in millimetres from the target's centre."""

    def __init__(self, box: tuple[int, int, int, int], matrix: Matrix, centre: tuple[float, float]) -> None:
        self._box, self._back, self._centre = box, np.linalg.inv(matrix), centre

    def fine(self) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """For every pixel."""
        return self._look(1)

    def coarse(self) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """For every fourth pixel of the box, its end included."""
        return self._look(_COARSE)

    def spread(self, plane: npt.NDArray[Any]) -> Plane:
        """A coarse plane for every pixel."""
        left, top, right, bottom = self._box
        return cv2.resize(plane.astype(np.float32), (right - left, bottom - top), interpolation=cv2.INTER_LINEAR)

    def _look(self, step: int) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        left, top, right, bottom = self._box
        x, y = np.meshgrid(np.arange(left, right, step) + step / 2, np.arange(top, bottom, step) + step / 2)
        u, v, w = (row[0] * x + row[1] * y + row[2] for row in self._back)
        return u / w - self._centre[0], v / w - self._centre[1]


def shadow(light: Light, grid: Grid) -> Plane:
    """How much of the lamp's light reaches the card: a hand's shadow with a soft edge."""
    u, v = grid.coarse()
    angle = radians(light.shadow_angle)
    distance = u * cos(angle) + v * sin(angle) - light.shadow_at
    return grid.spread(1 - light.shadow / (1 + np.exp(np.minimum(-distance / 2.5, 50))))


def mirrored(light: Light, grid: Grid, random: np.random.Generator) -> Plane:
    """Light that the card's surface adds, three channels."""
    u, v = grid.coarse()
    added = np.full((*u.shape, 3), light.veil)
    for highlight in light.highlights:
        added += _highlight(highlight, u, v, random)[..., None]
    if light.hologram:
        added += _hologram(light, u, v, random)
    return np.dstack([grid.spread(added[..., channel]) for channel in range(3)])


def _highlight(
    one: Highlight, u: npt.NDArray[Any], v: npt.NDArray[Any], random: np.random.Generator
) -> npt.NDArray[Any]:
    angle = radians(one.angle)
    x, y = u - one.at[0], v - one.at[1]
    waves = one.film * (_ripples(u, v, random) + 0.4 * _ripples(u * 3, v * 3, random))
    along = (x * cos(angle) + y * sin(angle)) / one.size[0]
    across = (-x * sin(angle) + y * cos(angle)) / one.size[1]
    far = np.hypot(along + waves, across + waves)
    core = 1 / (1 + np.exp(np.minimum((far - 1) * 9, 50)))
    halo = 0.25 * np.exp(-(far**2) / 3)
    return np.asarray(one.strength * (core + halo))


def _ripples(u: npt.NDArray[Any], v: npt.NDArray[Any], random: np.random.Generator) -> npt.NDArray[Any]:
    """A laminate is never quite flat."""
    total = np.zeros_like(u)
    for _ in range(4):
        heading, length, phase = random.uniform(0, 2 * np.pi), random.uniform(4, 16), random.uniform(0, 6.3)
        total += np.sin((u * np.cos(heading) + v * np.sin(heading)) * 2 * np.pi / length + phase)
    return total / 4


def _hologram(light: Light, u: npt.NDArray[Any], v: npt.NDArray[Any], random: np.random.Generator) -> npt.NDArray[Any]:
    """Patches of colour that come and go with the angle."""
    pattern = np.clip(_ripples(u * 2, v * 2, random) * 2 - 0.2, 0, 1)
    hue = _ripples(u, v, random) * 3
    colours = [0.5 + 0.5 * np.cos(hue + turn) for turn in (0.0, 2.1, 4.2)]
    return np.asarray(light.hologram * pattern[..., None] * np.dstack(colours))


def across_frame(light: Light, frame: tuple[int, int], vignette: float) -> Plane:
    """Exposure, colour and falloff of the lamp over the whole frame, and the lens's own falloff; three channels."""
    x, y = np.meshgrid(np.linspace(-1, 1, 32), np.linspace(-1, 1, 18))
    angle = radians(light.falloff_angle)
    plane = 1 - light.falloff * (0.5 + 0.5 * (x * cos(angle) + y * sin(angle))) - vignette * (x * x + y * y) / 2
    colour = np.array([2 - light.warmth, 1.0, light.warmth]) * light.exposure
    field = cv2.resize((plane[..., None] * colour).astype(np.float32), frame, interpolation=cv2.INTER_LINEAR)
    return field.astype(np.float32, copy=False)


def stripes(screen: Screen, grid: Grid, random: np.random.Generator) -> Plane:
    """The screen's own pixels as the sensor's pixels sample them, three channels: moire.

    Each channel's stripes are a third of a pixel apart. Taking the wave at the sensor's pixels is the sampling that
    makes moire; `grid` is the contrast left after each of them has averaged over its area.
    """
    u, v = grid.fine()
    u, v = u / screen.pitch + random.uniform(), v / screen.pitch + random.uniform()
    rows = 1 + screen.grid * 0.6 * np.cos(2 * np.pi * v)
    channels = [(1 + screen.grid * np.cos(2 * np.pi * (u + third / 3))) * rows for third in range(3)]
    return np.dstack(channels).astype(np.float32)


def bands(screen: Screen, rows: int, random: np.random.Generator) -> Plane:
    """A dimmed screen flickers faster than the rolling shutter reads: darker bands across the picture."""
    phase = np.arange(rows) / screen.band_rows + random.uniform()
    wave = 1 / (1 + np.exp(-6 * np.sin(2 * np.pi * phase)))
    return np.asarray(1 - screen.bands * wave, np.float32)[:, None, None]


def smears(screen: Screen, grid: Grid, random: np.random.Generator) -> Plane:
    """Where fingers greased the glass: 0 clean, towards 1 dull."""
    u, _ = grid.coarse()
    height, width = u.shape
    plane = np.zeros((height, width), np.float32)
    for _ in range(int(random.integers(2, 7))):
        start = random.uniform((0, 0), (width, height))
        end = start + random.normal(0, width / 6, 2)
        middle = (start + end) / 2 + random.normal(0, width / 12, 2)
        points = np.array([start, middle, end]).round().astype(np.int32)
        cv2.polylines(plane, [points], False, float(random.uniform(0.4, 1)), max(2, width // 18))
    soft = cv2.GaussianBlur(plane, (0, 0), max(1.0, width / 60))
    return grid.spread((soft * screen.smears).astype(np.float64))
