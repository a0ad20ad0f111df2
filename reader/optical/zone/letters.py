"""What the letters of a located zone may be: its lines straightened, and a small network read along each.

OCR-B on a machine-readable zone has one pitch (Doc 9303-3, 4.4), so the letters' middles are looked for where they are
evenly spaced, and their number is known beforehand. Says nothing about which texts are allowed.
"""

from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from reader.optical.pictures import GreyImage
from reader.optical.zone import network
from reader.optical.zone.correct import Chances
from reader.optical.zone.locate import Line, Zone

Strips = npt.NDArray[np.float32]
"""Lines x 32 rows x columns: straightened lines of local contrast."""

PITCH = 16  # pixels from letter to letter, what the network was trained on
HEIGHT = 32
MARGIN = 3  # letters' room before the first and after the last
COLUMN = 4  # pixels for each column of the network's answer
LEAST_FIT = -1.6  # of a line that may be one: upside down, or of other print, it is -1.5 to -3, well seen -0.1
WELL_FIT = -0.12
_PITCH = PITCH // COLUMN
_NONE = 37  # of the network's outputs
_WINDOW = (3 * PITCH + 1, HEIGHT + 1)


class Read(NamedTuple):
    """Chances of each line's letters, and how well even spacing explains the lines: 0 is perfect, per letter."""

    chances: tuple[Chances, ...]
    fit: float


class _Line(NamedTuple):
    """`ends`: of the evenly spaced letters, half a letter beyond the first and the last, in pixels of the strip."""

    chances: Chances
    fit: float
    ends: tuple[float, float]


class _Straightened(NamedTuple):
    """A zone's lines upright; `ways` take the picture's pixels to those of each."""

    strips: Strips
    ways: list[npt.NDArray[Any]]


def read(picture: GreyImage, zone: Zone, letters: int) -> Read | None:
    """Read a zone whose lines have that many letters, whichever way up makes more sense; None where neither does.

    One line is tried both ways first, so that what is no zone costs little. Where the letters turn out not to be
    quite where the lines' ends were seen, they are read again from there.
    """
    straight = _straightened(picture, zone, letters)
    tried = straight.strips[len(zone.lines) // 2]
    upright, turned = _read(np.stack([tried, tried[::-1, ::-1]]), letters)
    if max(upright.fit, turned.fit) < LEAST_FIT:
        return None
    if turned.fit > upright.fit:
        zone = Zone(tuple(Line(line.end, line.begin, line.thickness) for line in reversed(zone.lines)))
        straight = _straightened(picture, zone, letters)
    lines = _read(straight.strips, letters)
    first = _together(lines)
    if first.fit > WELL_FIT:
        return first
    moved = Zone(tuple(_moved(*each) for each in zip(zone.lines, lines, straight.ways, strict=True)))
    again = _together(_read(_straightened(picture, moved, letters).strips, letters))
    return max(first, again, key=lambda read: read.fit)


def _read(strips: Strips, letters: int) -> list[_Line]:
    return [_spaced(answer, letters) for answer in network.letters_in(strips[..., None])]


def _together(lines: list[_Line]) -> Read:
    return Read(tuple(line.chances for line in lines), float(np.mean([line.fit for line in lines])))


def _moved(line: Line, found: _Line, way: npt.NDArray[Any]) -> Line:
    """The line with its ends where its letters were found."""
    ends = np.array([[(end, HEIGHT / 2) for end in found.ends]], np.float32)
    begin, end = cv2.perspectiveTransform(ends, np.linalg.inv(way))[0]
    return Line(begin, end, line.thickness)


def _straightened(picture: GreyImage, zone: Zone, letters: int) -> _Straightened:
    """Each line with PITCH pixels a letter, perspective undone, in local contrast."""
    first, last = zone.lines[0], zone.lines[-1]
    length = max(1.0, (first.length + last.length) / 2)
    factor = PITCH * letters / length
    apart = ((last.begin - first.begin) @ first.normal + (last.end - first.end) @ first.normal) / 2
    left, right, depth = MARGIN * PITCH, (MARGIN + letters) * PITCH, float(apart) * factor
    seen = np.array([first.begin, first.end, last.end, last.begin], np.float32)
    upright = np.array([[left, 0], [right, 0], [right, depth], [left, depth]], np.float32)
    forth = cv2.getPerspectiveTransform(seen, upright)
    part, back = _part(picture, zone, factor)
    strips, ways = [], []
    for line in zone.lines:
        ends = cv2.perspectiveTransform(np.array([[line.begin, line.end]], np.float32), forth)[0]
        way = np.array([[1, 0, 0], [0, 1, HEIGHT / 2 - float(ends[:, 1].mean())], [0, 0, 1]]) @ forth
        size = (right + left, HEIGHT)
        strips.append(cv2.warpPerspective(part, way @ back, size, borderMode=cv2.BORDER_REPLICATE))
        ways.append(way)
    return _Straightened(_contrast(np.stack(strips)), ways)


def _part(picture: GreyImage, zone: Zone, factor: float) -> tuple[GreyImage, npt.NDArray[np.float64]]:
    """The part of the picture around the zone, smoothed if it will be made smaller; and the way back to the whole."""
    points = np.array([point for line in zone.lines for point in (line.begin, line.end)])
    room = 4 * PITCH / factor
    low = np.maximum(np.floor(points.min(axis=0) - room), 0).astype(int)
    high = np.minimum(np.ceil(points.max(axis=0) + room), picture.shape[::-1]).astype(int)
    part: GreyImage = picture[low[1] : high[1], low[0] : high[0]]
    if not part.size:
        part, low = picture, np.zeros(2, int)
    if factor < 0.8:
        part = np.asarray(cv2.GaussianBlur(part, (0, 0), 0.4 / factor), np.uint8)
    return part, np.array([[1, 0, low[0]], [0, 1, low[1]], [0, 0, 1]], np.float64)


def _contrast(strips: npt.NDArray[np.uint8]) -> Strips:
    """Each pixel as its distance from the mean around it, in standard deviations around it."""
    out = np.empty(strips.shape, np.float32)
    for strip, result in zip(strips, out, strict=True):
        away = strip.astype(np.float32)
        away -= cv2.blur(away, _WINDOW, borderType=cv2.BORDER_REFLECT)
        spread = np.sqrt(np.maximum(cv2.blur(away * away, _WINDOW, borderType=cv2.BORDER_REFLECT), 0))
        np.clip(away / (spread + 3), -3, 3, out=result)
    return out


def _spaced(answer: npt.NDArray[np.float32], letters: int) -> _Line:
    """Columns x 38 to the `letters` evenly spaced places that explain the answer best."""
    columns = len(answer)
    letter = answer[:, :_NONE].max(axis=1)
    none = answer[:, _NONE]
    # Nothing stands before the first letter and after the last, as far as two letters away.
    quiet = np.concatenate([[0], np.cumsum(none)])
    reach = 2 * _PITCH
    at = np.arange(columns)
    edge = _PITCH // 2
    before = (quiet[np.maximum(at - edge + 1, 0)] - quiet[np.maximum(at - edge - reach + 1, 0)]) / _PITCH
    after = (quiet[np.minimum(at + edge + reach, columns)] - quiet[np.minimum(at + edge, columns)]) / _PITCH
    score = letter + before
    came = np.zeros((letters, columns), np.int64)
    for n in range(1, letters):
        best = np.full(columns, -np.inf, np.float32)
        for step in (_PITCH - 1, _PITCH, _PITCH + 1):
            candidate = np.full(columns, -np.inf, np.float32)
            gap = sum(none[half : half + columns - step] for half in (step // 2, -(-step // 2))) / 2
            candidate[step:] = score[:-step] + gap - (0.0 if step == _PITCH else 0.3)
            better = candidate > best
            best[better] = candidate[better]
            came[n, better] = at[better] - step
        score = best + letter
    score = score + after
    place = int(score.argmax())
    total = float(score[place])
    places = [place]
    for n in range(letters - 1, 0, -1):
        places.append(int(came[n, places[-1]]))
    found = np.array(places[::-1])
    slope, start = np.polyfit(np.arange(letters), found * COLUMN + (COLUMN - 1) / 2, 1)
    ends = float(start - slope / 2), float(start + slope * (letters - 0.5))
    return _Line(_smoothed(answer, found), total / letters, ends)


def _smoothed(answer: npt.NDArray[np.float32], places: npt.NDArray[np.int64]) -> Chances:
    """Which letter it is by its own column and those beside it, which see it shifted by a quarter of a pitch; that it
    is one at all by its own alone.
    """
    last = len(answer) - 1
    beside = [answer[np.clip(places + step, 0, last), :_NONE] for step in (-1, 0, 1)]
    scores = 0.25 * beside[0] + 0.5 * beside[1] + 0.25 * beside[2]
    scores -= scores.max(axis=1, keepdims=True)
    scores -= np.log(np.exp(scores).sum(axis=1, keepdims=True))
    some = np.log1p(-np.minimum(np.exp(answer[places, _NONE]), 0.999))
    return np.asarray(scores + some[:, None], np.float32)
