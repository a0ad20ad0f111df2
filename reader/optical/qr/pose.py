"""Where exactly a QR code lies in a picture: its version and the perspective of its four corners.

Ordinary decoders give up when the finders are blurred or noisy. Here every fixed pattern of the code takes part: a pose
is as good as the correlation of all of them with the picture. Poses are tried by the dozen in one sampling (numpy), so
that the search costs milliseconds. Pure but for OpenCV.

Corners are those of the whole code as printed, clockwise from the top left one: rows of x, y in pixels.
"""

from collections.abc import Iterable
from functools import lru_cache
from itertools import permutations
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from reader.optical.pictures import GreyImage
from reader.optical.qr.symbol import FINDER, FIRST_VERSION, LAST_VERSION, Fixed, Floats, fixed, side_of

_SIDES = tuple(side_of(version) for version in range(FIRST_VERSION, LAST_VERSION + 1))
_MIDDLE = FINDER / 2  # of a finder, in modules from the code's corner

# The finders' filter works at one scale; the picture is brought to several.
_FILTER_PIXELS = 2.0  # a module
_FILTER_SIDES = (33, 41, 51, 63, 78)  # codes of about so many modules are found
_FILTER_RANK = 5
_MOST_FINDERS = 9
_MOST_TRIPLES = 12
_MOST_PROPOSALS = 2
_LEAST_RESPONSE = 0.27


class Pose(NamedTuple):
    """`side`: modules a side; `corners`: 4 x 2; `score`: about 1 for a clear code, 0.3 and less for none."""

    side: int
    corners: Floats
    score: float

    def transform(self) -> Floats:
        """3 x 3, from modules to pixels."""
        scale = np.diag(np.array([1 / self.side, 1 / self.side, 1], np.float32))
        transform: Floats = _transforms(self.corners[None])[0] @ scale
        return transform


def contrast(picture: GreyImage, reach: float) -> Floats:
    """The picture freed of light and shadow: how much lighter or darker a pixel is than `reach` pixels around it, by
    their spread."""
    window = (int(reach) | 1, int(reach) | 1)
    smooth = cv2.GaussianBlur(picture.astype(np.float32), (0, 0), 0.55)
    middle = cv2.blur(smooth, window)
    spread = cv2.sqrt(np.maximum(cv2.blur(smooth * smooth, window) - middle * middle, 0))
    return (smooth - middle) / (spread + 4)


def best_pose(picture: Floats, extent: float) -> Pose | None:
    """The likeliest pose of a code in the picture (see `contrast`); None without three finders.

    `extent`: rough size of the code in pixels, standing upright or on its corner.
    """
    finders = _finders(picture, extent)
    corners, sides = _proposals(finders)
    if not len(corners):
        return None
    scores = np.zeros(len(corners))
    for side in np.unique(sides):
        chosen = sides == side
        scores[chosen] = _scores(picture, corners[chosen], fixed(int(side)))
    best = [int(index) for index in np.argsort(-scores)[:_MOST_PROPOSALS]]
    rough = [_with_fourth(picture, Pose(int(sides[index]), corners[index], 0.0)) for index in best]
    return _climbed(picture, max(rough, key=lambda pose: pose.score), (0.6, 0.3, 0.15, 0.07))


def _transforms(corners: Floats) -> Floats:
    """K x 3 x 3 for K x 4 x 2 corners: from the unit square to pixels (Heckbert's closed form)."""
    (x0, x1, x2, x3), (y0, y1, y2, y3) = corners[:, :, 0].T, corners[:, :, 1].T
    dx1, dx2, dx3 = x1 - x2, x3 - x2, x0 - x1 + x2 - x3
    dy1, dy2, dy3 = y1 - y2, y3 - y2, y0 - y1 + y2 - y3
    area = dx1 * dy2 - dx2 * dy1
    area = np.where(np.abs(area) < 1e-6, 1e-6, area)
    g, h = (dx3 * dy2 - dx2 * dy3) / area, (dx1 * dy3 - dx3 * dy1) / area
    one = np.ones_like(g)
    rows = [x1 - x0 + g * x1, x3 - x0 + h * x3, x0, y1 - y0 + g * y1, y3 - y0 + h * y3, y0, g, h, one]
    return np.stack(rows, axis=1).reshape(-1, 3, 3).astype(np.float32)


def _scores(picture: Floats, corners: Floats, known: Fixed) -> Floats:
    """How well the fixed patterns agree with the picture under each of K poses."""
    places = np.column_stack([known.places / known.side, np.ones(len(known.places), np.float32)]).T
    at = _transforms(corners) @ places
    depth = np.maximum(at[:, 2], 1e-3)
    x, y = at[:, 0] / depth, at[:, 1] / depth
    seen = cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
    return seen @ known.signs / np.float32(len(known.signs))


def _moves() -> Floats:
    """Ways to change four corners a little: each alone, and all together (shift, size, shear, turn)."""
    alone = [np.eye(8, dtype=np.float32)[index].reshape(4, 2) for index in range(8)]
    x, y = np.array([[1, 0]] * 4, np.float32), np.array([[0, 1]] * 4, np.float32)
    grow = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], np.float32)
    turn = np.array([[1, -1], [1, 1], [-1, 1], [-1, -1]], np.float32)
    ways = [*alone, x, y, grow, grow * x, grow * y, turn]
    return np.array([sign * way for way in ways for sign in (-1, 1)], np.float32)


_MOVES = _moves()


def _climbed(picture: Floats, pose: Pose, steps: Iterable[float]) -> Pose:
    """The best pose that small changes of the corners lead to; `steps` in modules, each tried while it helps."""
    known, corners = fixed(pose.side), pose.corners.astype(np.float32)
    module = np.float32(np.sqrt(abs(cv2.contourArea(corners))) / pose.side)
    best = float(_scores(picture, corners[None], known)[0])
    for step in steps:
        for _ in range(3):
            moves = _MOVES * (np.float32(step) * module)
            gains = _scores(picture, corners + moves, known) - best
            if gains.max() <= 1e-4:
                break
            # What helps alone often helps together; if it does not, the best alone is taken.
            weights = np.maximum(gains, 0) / gains.max()
            both = np.stack([corners + np.tensordot(weights, moves, 1), corners + moves[gains.argmax()]])
            scores = _scores(picture, both, known)
            corners, best = both[scores.argmax()], float(scores.max())
    return Pose(pose.side, corners, best)


def _with_fourth(picture: Floats, pose: Pose) -> Pose:
    """Three finders give three corners; the fourth depends on the perspective and is searched for."""
    module = np.float32(np.sqrt(abs(cv2.contourArea(pose.corners))) / pose.side)
    reach = np.arange(-6, 7, dtype=np.float32) * module * max(1, pose.side / 45) * np.float32(0.8)
    tried = np.repeat(pose.corners[None], len(reach) ** 2, axis=0)
    tried[:, 2] += np.stack(np.meshgrid(reach, reach), axis=-1).reshape(-1, 2)
    scores = _scores(picture, tried, fixed(pose.side))
    return Pose(pose.side, tried[scores.argmax()], float(scores.max()))


class _Finder(NamedTuple):
    x: float
    y: float
    module: float  # pixels
    response: float


@lru_cache(maxsize=1)
def _finder_filter() -> list[tuple[Floats, Floats]]:
    """A finder seen from every side at once, as a sum of separable filters (rows, columns)."""
    fine, reach = 8, int(np.ceil(4.6 * _FILTER_PIXELS))
    line = (np.arange(-reach * fine, (reach + 1) * fine) + 0.5 - fine / 2) / fine / _FILTER_PIXELS
    x, y = np.meshgrid(line, line)
    total = np.zeros_like(x)
    for angle in np.radians(np.arange(0, 90, 9)):
        u, v = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
        away = np.maximum(np.abs(u), np.abs(v))
        total += np.select([away < 1.5, away < 2.5, away < 3.5, away < 4.5], [-1, 1, -1, 0.6], 0)
    size = 2 * reach + 1
    small = total.reshape(size, fine, size, fine).mean(axis=(1, 3))
    inside = np.hypot(*np.meshgrid(np.arange(-reach, reach + 1), np.arange(-reach, reach + 1))) < 4.6 * _FILTER_PIXELS
    small = np.where(inside, small - small[inside].mean(), 0)
    u, s, v = np.linalg.svd(small / np.abs(small).sum())
    return [((u[:, k] * s[k]).astype(np.float32), v[k].astype(np.float32)) for k in range(_FILTER_RANK)]


def _finders(picture: Floats, extent: float) -> list[_Finder]:
    """What looks most like finders, at several sizes."""
    found: list[_Finder] = []
    for side in _FILTER_SIDES:
        scale = _FILTER_PIXELS * side / extent
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=method)
        parts = [cv2.sepFilter2D(small, -1, row, column) for column, row in _finder_filter()]
        response: Floats = np.sum(parts, axis=0)
        peaks = (response >= cv2.dilate(response, np.ones((5, 5), np.uint8))) & (response > _LEAST_RESPONSE)
        ys, xs = np.nonzero(peaks)
        for index in np.argsort(-response[ys, xs])[:_MOST_FINDERS]:
            x, y = (float(xs[index]) + 0.5) / scale - 0.5, (float(ys[index]) + 0.5) / scale - 0.5
            found.append(_Finder(x, y, extent / side, float(response[ys[index], xs[index]])))
    found.sort(key=lambda finder: -finder.response)
    places = np.array([(finder.x, finder.y) for finder in found]).reshape(-1, 2)
    apart = np.array([2.5 * finder.module for finder in found])
    kept: list[int] = []
    for index in range(len(found)):
        away = places[kept] - places[index]
        if not (np.hypot(away[:, 0], away[:, 1]) <= apart[index]).any():
            kept.append(index)
            if len(kept) == _MOST_FINDERS:
                break
    return [found[index] for index in kept]


def _proposals(finders: list[_Finder]) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Corners and sides of codes that three of the finders could belong to; the fourth corner as if seen straight."""
    places = np.array([(f.x, f.y, f.module, f.response) for f in finders], np.float64).reshape(-1, 4)
    orders = np.array(list(permutations(range(len(finders)), 3)), np.int64).reshape(-1, 3)
    first, right, below = places[orders[:, 0]], places[orders[:, 1]], places[orders[:, 2]]
    u, v = right[:, :2] - first[:, :2], below[:, :2] - first[:, :2]
    long_u, long_v = np.hypot(*u.T), np.hypot(*v.T)
    turn = u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        square = (turn > 0.86 * long_u * long_v) & (long_u < 1.8 * long_v) & (long_v < 1.8 * long_u)
        estimate = 1.5 * (long_u + long_v) / (first[:, 2] + right[:, 2] + below[:, 2]) + FINDER
    strength = first[:, 3] + right[:, 3] + below[:, 3] + 100 * square
    chosen = np.argsort(-strength)[:_MOST_TRIPLES]
    chosen = chosen[square[chosen]]
    ratio = np.array(_SIDES) / estimate[chosen, None]
    which, index = np.nonzero((ratio > 0.72) & (ratio < 1.4))
    sides = np.array(_SIDES)[index]
    chosen = chosen[which]
    return _outer(first[chosen, :2], right[chosen, :2], below[chosen, :2], sides), sides


def _outer(first: Floats, right: Floats, below: Floats, sides: npt.NDArray[np.int64]) -> Floats:
    """From the finders' middles to the codes' corners, as if seen straight. K x 2 each, to K x 4 x 2."""
    long = sides[:, None]
    x, y = (right - first) / (long - FINDER), (below - first) / (long - FINDER)
    corner = first - _MIDDLE * (x + y)
    return np.stack([corner, corner + long * x, corner + long * (x + y), corner + long * y], axis=1).astype(np.float32)
