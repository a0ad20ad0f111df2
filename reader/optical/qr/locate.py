"""Where in a picture a QR code may be: places full of edges in both directions. Pure but for OpenCV."""

import cv2
import numpy as np
import numpy.typing as npt

from reader.optical.pictures import Box, GreyImage
from reader.optical.qr.symbol import Floats

CELL = 8  # pixels
_DIM = 24  # brightness below which an edge counts less
_TONES = 8  # steps of brightness that have a noise of their own
_NOISE_FACTOR = 1.3
_NOISE_BOUND = 2.0
_LEAST_EDGE = 0.012
_SHARES = (0.45, 0.6, 0.75)  # of the peak's strength that still belongs to the code
_LARGEST_SHARE = 0.6  # of the picture's shorter side: what reaches farther is the surroundings
_FALLBACK_CELLS = 9
_BEYOND = 2  # cells around a place that are not looked at again


def places(picture: GreyImage, most: int) -> list[Box]:
    """Up to `most` places, the likeliest first."""
    edges = _edges(picture)
    strength = cv2.boxFilter(edges, -1, (7, 7), borderType=cv2.BORDER_CONSTANT)
    near = cv2.boxFilter(edges, -1, (3, 3), borderType=cv2.BORDER_CONSTANT)
    found: list[Box] = []
    for _ in range(most):
        _, peak, _, (column, row) = cv2.minMaxLoc(strength)
        if peak < _LEAST_EDGE:
            break
        left, top, width, height = _around(near, float(peak), column, row)
        found.append(Box(left * CELL, top * CELL, width * CELL, height * CELL))
        rows = slice(max(0, top - _BEYOND), top + height + _BEYOND)
        strength[rows, max(0, left - _BEYOND) : left + width + _BEYOND] = 0
    return found


def _edges(picture: GreyImage) -> Floats:
    """For each cell how strong its edges are in the direction that has the weakest, as a share of the white around.

    A code has edges in all directions; print, slots and stripes have few along their own.
    """
    rows, columns = picture.shape[0] // CELL, picture.shape[1] // CELL
    whole = picture[: rows * CELL, : columns * CELL]
    inner, size = whole[1:-1, 1:-1], (columns, rows)
    step, weakest = np.zeros_like(whole), np.full((rows, columns), 255, np.uint8)
    for neighbour in (whole[1:-1, 2:], whole[2:, 1:-1], whole[2:, 2:], whole[2:, :-2]):
        cv2.absdiff(inner, neighbour, dst=step[1:-1, 1:-1])
        # Whole cells into one pixel each: any other ratio takes five times as long.
        weakest = np.minimum(weakest, cv2.resize(step, size, interpolation=cv2.INTER_AREA))
    light: GreyImage = np.asarray(cv2.resize(whole, size, interpolation=cv2.INTER_AREA), np.uint8)
    white = cv2.dilate(cv2.blur(light, (3, 3)), np.ones((9, 9), np.uint8)).astype(np.float32)
    edges: Floats = _above_noise(weakest, light) / (white + _DIM)
    return edges


def _above_noise(edges: GreyImage, light: GreyImage) -> Floats:
    """What edges have above the usual of their brightness: a camera's noise, and the weave of a phone's screen, lie
    over all cells of one brightness; a code over few of them. Where a code is nearly alone with its brightness, the
    whole picture's usual edges set a bound to what is taken for noise."""
    tone = light // (256 // _TONES)
    counts = np.bincount((tone.astype(np.intp) * 256 + edges).ravel(), minlength=_TONES * 256).reshape(_TONES, 256)
    usual = np.minimum(_medians(counts), _NOISE_BOUND * _medians(counts.sum(axis=0)[None]))
    above: Floats = np.maximum(edges - np.float32(_NOISE_FACTOR) * usual.astype(np.float32)[tone], 0)
    return above


def _medians(counts: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """The middle value of each row, whose columns count how often their number occurs."""
    sums = counts.cumsum(axis=1)
    medians: npt.NDArray[np.intp] = (2 * sums >= np.maximum(sums[:, -1:], 1)).argmax(axis=1)
    return medians


def _around(near: Floats, peak: float, column: int, row: int) -> tuple[int, int, int, int]:
    """The connected cells around a peak (left, top, width, height), as strict as it takes to leave the rest out."""
    limit = _LARGEST_SHARE * min(near.shape)
    for share in _SHARES:
        strong = (near > share * peak).astype(np.uint8)
        _, labels, boxes, _ = cv2.connectedComponentsWithStats(strong, connectivity=4)
        label = labels[row, column]
        left, top, width, height, _ = (int(value) for value in boxes[label])
        if label and max(width, height) <= max(limit, 3):
            return left, top, width, height
    half = _FALLBACK_CELLS // 2
    left, top = max(0, column - half), max(0, row - half)
    return left, top, _FALLBACK_CELLS, _FALLBACK_CELLS
