"""Where machine-readable lines are in a picture: sets of parallel lines of one length, whatever way they are turned.

A small network marks the middle of each line (`network.lines_in`); here its marks become straight lines and the
lines become zones. Says nothing about what stands in them, nor which end is the beginning.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from reader.optical.pictures import Box, GreyImage
from reader.optical.zone import network

Points = npt.NDArray[np.float32]
Answer = npt.NDArray[np.float32]
"""The network's answer for a picture, at half of its size: a logit."""

LONG_SIDE = 640  # pixels in which lines are looked for: a letter of a card that fills a third is 6 wide
MOST_ZONES = 4
_WINDOW = 25  # pixels of local contrast
_SHORTEST = 50.0  # pixels of 640; thirty letters of 4 pixels, somewhat hidden
_MOST_PARTS = 60
_LEVELS = (0.5, 2.0, 4.0, 6.0)  # of the network's answer, a logit
_SLENDER = 9.0  # lengths to thickness; three lines run together have some 7, a line alone 30


class Line(NamedTuple):
    """A line's two ends (at its outermost letters' outer edges) and its thickness as marked, in picture pixels."""

    begin: Points
    end: Points
    thickness: float

    @property
    def length(self) -> float:
        return float(np.linalg.norm(self.end - self.begin))

    @property
    def direction(self) -> Points:
        """Of length one."""
        return (self.end - self.begin) / max(self.length, 1e-6)

    @property
    def normal(self) -> Points:
        """Of length one: downwards, where the direction is to the right."""
        return np.array([-self.direction[1], self.direction[0]], np.float32)


class Zone(NamedTuple):
    """Two or three parallel lines in order; which of the two orders is not known."""

    lines: tuple[Line, ...]


def locate(picture: GreyImage) -> Iterator[Zone]:
    """Places that may be machine-readable zones, the likeliest first, few in number.

    First as seen in the whole picture made small; then, if more is asked for, by a closer look at the place that is
    marked most: lines of a card held far away run together in the small picture.
    """
    scale = min(1.0, LONG_SIDE / max(picture.shape))
    answer = _marks(picture, scale)
    yield from _zones_in(answer, scale, Box(0, 0, 0, 0))
    box = _most_marked(answer, scale)
    if box is not None:
        part = picture[box.top : box.top + box.height, box.left : box.left + box.width]
        closer = min(1.3, LONG_SIDE / max(part.shape))
        if closer > 1.3 * scale:
            yield from _zones_in(_marks(part, closer), closer, box)


def _zones_in(answer: Answer, scale: float, box: Box) -> list[Zone]:
    """The zones in the network's answer for a part of the picture (`box`) that was scaled."""
    parts = sorted(_parts(answer), key=lambda part: -part.length)[:_MOST_PARTS]
    lines = [_scaled(line, 2 / scale, box) for line in _joined(parts) if line.length * 2 >= _SHORTEST]
    zones = sorted(_zones(lines), key=lambda zone: -sum(line.length for line in zone.lines))
    if not any(len(zone.lines) == 3 for zone in zones):
        zones[1:1] = [third for pair in zones[:1] for third in _with_a_third(pair)]
    return zones[:MOST_ZONES]


def _most_marked(answer: Answer, scale: float) -> Box | None:
    """The part of the picture around the largest group of marks; None when there is none worth a look."""
    near = cv2.dilate((answer > _LEVELS[0]).astype(np.uint8), np.ones((5, 5), np.uint8))
    count, _, statistics, _ = cv2.connectedComponentsWithStats(near, connectivity=8)
    if count < 2:
        return None
    left, top, width, height, area = (int(n) for n in statistics[1 + int(statistics[1:, 4].argmax())])
    if max(width, height) * 2 < _SHORTEST / 2 or area < 40:
        return None
    room = 10 + max(width, height) // 8
    left, top, right, bottom = (
        max(0, round((n) * 2 / scale)) for n in (left - room, top - room, left + width + room, top + height + room)
    )
    return Box(left, top, right - left, bottom - top)


def _marks(picture: GreyImage, scale: float) -> Answer:
    """The network's answer for the picture scaled, at half of that size."""
    high, wide = (max(8, round(side * scale)) for side in picture.shape)
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = cv2.resize(picture, (wide, high), interpolation=method).astype(np.float32)
    small -= cv2.blur(small, (_WINDOW, _WINDOW))
    spread = np.sqrt(np.maximum(cv2.blur(small * small, (_WINDOW, _WINDOW)), 0))
    contrast = np.clip(small / (spread + 4), -3, 3)
    padded = np.pad(contrast, ((0, -high % 4), (0, -wide % 4)))
    return np.asarray(network.lines_in(padded[None, :, :, None])[0, :, :, 0], np.float32)


def _parts(answer: Answer) -> Iterator[Line]:
    """Each connected mark as a straight line; marks that run into each other are parted by a higher level."""
    taken = np.zeros(answer.shape, bool)
    for level in _LEVELS:
        marked = ((answer > level) & ~taken).astype(np.uint8)
        count, labels, statistics, _ = cv2.connectedComponentsWithStats(marked, connectivity=8)
        for label in range(1, count):
            left, top, width, height, area = (int(n) for n in statistics[label])
            if area < 12 or max(width, height) < 8:
                continue
            place = (slice(top, top + height), slice(left, left + width))
            rows, columns = np.nonzero(labels[place] == label)
            line = _straight(np.stack([columns + left, rows + top], axis=1).astype(np.float32), level == _LEVELS[-1])
            if line is not None:
                taken[place] |= labels[place] == label
                yield line


def _straight(points: Points, short: bool) -> Line | None:
    """The line that these points fill; None when they fill no slender one. `short`: whether a piece of one counts."""
    middle = points.mean(axis=0)
    around = points - middle
    spread, directions = np.linalg.eigh(around.T @ around / len(points))
    direction = directions[:, 1].astype(np.float32)
    low, high = np.quantile(around @ direction, (0.004, 0.996))
    thickness = len(points) / max(1.0, float(high - low))
    slender = high - low > (_SLENDER / 2 if short else _SLENDER) * thickness
    # Evenly filled, the deviation across is 0.29 of the thickness; of two lines joined at an end it is 0.5.
    if not slender or spread[0] > (0.4 * thickness) ** 2 + 1.5:
        return None
    return Line(middle + low * direction, middle + high * direction, thickness)


def _joined(parts: Sequence[Line]) -> list[Line]:
    """Parts that lie on one straight line made one: glare or a finger broke it. `parts`: the longest first."""
    lines: list[Line] = []
    for part in parts:
        for at, line in enumerate(lines):
            if _continues(line, part):
                lines[at] = _together(line, part)
                break
        else:
            lines.append(part)
    return lines


def _continues(line: Line, part: Line) -> bool:
    away = max(abs(float((point - line.begin) @ line.normal)) for point in (part.begin, part.end))
    places = [float((point - line.begin) @ line.direction) for point in (part.begin, part.end)]
    gap = max(min(places) - line.length, -max(places))
    alike = 0.5 < part.thickness / line.thickness < 2 and abs(float(line.direction @ part.direction)) > 0.98
    return alike and away < line.thickness + 0.02 * max(0.0, gap) and gap < part.length + 0.15 * line.length


def _together(line: Line, part: Line) -> Line:
    ends = sorted((line.begin, line.end, part.begin, part.end), key=lambda point: float(point @ line.direction))
    return Line(ends[0], ends[-1], line.thickness)


def _zones(lines: Sequence[Line]) -> Iterator[Zone]:
    """Neighbours of one direction and about one length, in threes and in twos."""
    seen: set[tuple[int, ...]] = set()
    for model in lines:
        alike = [n for n, line in enumerate(lines) if _alike(model, line)]
        normal = model.normal
        alike.sort(key=lambda n: float((lines[n].begin + lines[n].end) @ normal))
        for count in (3, 2):
            for at in range(len(alike) - count + 1):
                chosen = tuple(alike[at : at + count])
                same_way = [_along(lines[n], model) for n in chosen]
                if chosen not in seen and chosen[::-1] not in seen and _evenly_spaced(same_way):
                    seen.add(chosen)
                    yield Zone(tuple(_of_one_length(same_way)))


def _with_a_third(pair: Zone) -> Iterator[Zone]:
    """Two lines are seen and one is hidden: on either side, as far away as they are from each other."""
    for near, far in (pair.lines, pair.lines[::-1]):
        yield Zone((far, near, Line(2 * near.begin - far.begin, 2 * near.end - far.end, near.thickness)))


def _along(line: Line, model: Line) -> Line:
    """The line with its ends in the model's order."""
    return line if line.direction @ model.direction > 0 else Line(line.end, line.begin, line.thickness)


def _alike(line: Line, other: Line) -> bool:
    parallel = abs(float(line.direction @ other.direction)) > 0.97
    offset = (other.begin + other.end - line.begin - line.end) / 2
    across, beside = abs(float(offset @ line.normal)), abs(float(offset @ line.direction))
    shorter, longer = sorted((line.length, other.length))
    return parallel and across < 0.3 * longer and beside < 0.35 * longer and shorter > 0.45 * longer


def _evenly_spaced(lines: Sequence[Line]) -> bool:
    places = [float((line.begin + line.end) @ lines[0].normal) / 2 for line in lines]
    steps = np.diff(places)
    length = max(line.length for line in lines)
    # Letters are a 30th to a 44th of the line apart, lines one and a half to three letters.
    return bool(steps.min() > length / 44 and steps.max() < length / 7 and steps.max() < 1.5 * steps.min())


def _of_one_length(lines: Sequence[Line]) -> Iterator[Line]:
    """A zone's lines have one length; one that is seen shorter is hidden at an end, and drawn out."""
    longest = max(lines, key=lambda line: line.length)
    direction = longest.direction
    for line in lines:
        # Where the longest line's ends come to lie on this one.
        aim = line.direction if line.length > 0.6 * longest.length else direction
        begin = line.begin + aim * float((longest.begin - line.begin) @ direction)
        end = line.end + aim * float((longest.end - line.end) @ direction)
        short = line.length < 0.94 * longest.length
        yield Line(begin, end, line.thickness) if short else line


def _scaled(line: Line, factor: float, box: Box) -> Line:
    # A mark's pixel covers `factor` picture pixels; its middle is what was measured.
    shift = np.array([box.left, box.top], np.float32) + np.float32(factor / 2 - 0.5)
    begin, end = (np.asarray(point * factor + shift, np.float32) for point in (line.begin, line.end))
    return Line(begin, end, line.thickness * factor)
