"""Two small convolutional networks run with numpy alone: where lines are, and which letters stand in one.

No inference engine, because these two need 0.3 G multiplications a picture and an engine's code would be the larger
part of the worker's memory. The weights are our own (`scripts/train_mrz`), 8 bits with a scale for each
output, in one file beside this one. Must not import OpenCV.
"""

from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Planes = npt.NDArray[np.float32]
"""Pictures x rows x columns x channels."""

WEIGHTS = Path(__file__).with_name("weights.npz")


class Layer(NamedTuple):
    """A convolution: `weights` rows x columns x inputs x outputs; `pad` above, below, left and right."""

    weights: Planes
    bias: npt.NDArray[np.float32]
    stride: int = 1
    dilation: int = 1
    pad: tuple[int, int] = (0, 0)
    pool: tuple[int, int] = (1, 1)
    rectified: bool = True

    def __call__(self, planes: Planes) -> Planes:
        rows, columns, inputs, outputs = self.weights.shape
        down, across = self.pad
        padded = np.pad(planes, ((0, 0), (down, down), (across, across), (0, 0))) if down or across else planes
        high = (padded.shape[1] - self.dilation * (rows - 1) - 1) // self.stride + 1
        wide = (padded.shape[2] - self.dilation * (columns - 1) - 1) // self.stride + 1
        windows = np.empty((len(planes), high, wide, rows * columns, inputs), np.float32)
        for row in range(rows):
            for column in range(columns):
                top, left = row * self.dilation, column * self.dilation
                windows[:, :, :, row * columns + column] = padded[
                    :,
                    top : top + self.stride * (high - 1) + 1 : self.stride,
                    left : left + self.stride * (wide - 1) + 1 : self.stride,
                ]
        result = windows.reshape(-1, rows * columns * inputs) @ self.weights.reshape(-1, outputs)
        result += self.bias
        if self.rectified:
            np.maximum(result, 0, out=result)
        return _pooled(result.reshape(len(planes), high, wide, outputs), *self.pool)


def _pooled(planes: Planes, down: int, across: int) -> Planes:
    """The largest of each `down` x `across` places; what is left over at the edge is dropped."""
    high, wide = planes.shape[1] // down, planes.shape[2] // across
    kept = planes[:, : high * down, : wide * across]
    for axis, step in ((1, down), (2, across)):
        if step == 2:
            first, second = (kept[:, n::2] if axis == 1 else kept[:, :, n::2] for n in (0, 1))
            kept = np.maximum(first, second)
    return kept


def lines_in(picture: Planes) -> Planes:
    """How surely each place (of half the picture's size) lies in the middle of a machine-readable line, as a logit."""
    planes = picture
    for layer in _networks()[0]:
        planes = layer(planes)
    count, high, wide, _ = planes.shape
    return planes.reshape(count, high, wide, 2, 2).transpose(0, 1, 3, 2, 4).reshape(count, high * 2, wide * 2, 1)


def letters_in(lines: Planes) -> Planes:
    """For each fourth column of straightened lines, 32 rows high: lines x columns x 38, the logarithm of the chance
    that a letter of LETTERS, or last none, has its middle there.
    """
    planes = lines
    for layer in _networks()[1]:
        planes = layer(planes)
    scores = planes[:, 0]
    scores = scores - scores.max(axis=2, keepdims=True)
    return np.asarray(scores - np.log(np.exp(scores).sum(axis=2, keepdims=True)), np.float32)


@cache
def _networks() -> tuple[tuple[Layer, ...], tuple[Layer, ...]]:
    with np.load(WEIGHTS) as stored:

        def layer(
            name: str,
            stride: int = 1,
            dilation: int = 1,
            pad: tuple[int, int] = (0, 0),
            pool: tuple[int, int] = (1, 1),
            rectified: bool = True,
        ) -> Layer:
            weights = stored[f"{name}.weights"].astype(np.float32) * stored[f"{name}.scale"]
            return Layer(np.ascontiguousarray(weights), stored[f"{name}.bias"], stride, dilation, pad, pool, rectified)

        place = (
            layer("place.0", stride=2, pad=(1, 1)),
            layer("place.1", stride=2, pad=(1, 1)),
            layer("place.2", pad=(1, 1)),
            layer("place.3", dilation=2, pad=(2, 2)),
            layer("place.4", dilation=4, pad=(4, 4)),
            layer("place.5", dilation=2, pad=(2, 2)),
            layer("place.6", rectified=False),
        )
        letter = (
            layer("letter.0", pad=(1, 1), pool=(2, 2)),
            layer("letter.1", pad=(1, 1), pool=(2, 2)),
            layer("letter.2", pad=(1, 1), pool=(2, 1)),
            layer("letter.3", pad=(0, 1)),
            layer("letter.4", pad=(0, 1)),
            layer("letter.5", rectified=False),
        )
    return place, letter
