"""From a picture and the pose of a QR code in it to the code's modules: sampled, freed of blur by what is known.

In a blurred, small code each sample is a mixture of a module and its neighbours. How they mix is learnt from the fixed
patterns of the very same code; then the modules are sought whose mixture comes nearest to what was seen, which in turn
tells mixture, light and shadow better (a decision-feedback equaliser, as receivers use it on a line with echoes).
Pure but for OpenCV.
"""

from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from reader.optical.pictures import GreyImage
from reader.optical.qr.pose import Pose
from reader.optical.qr.symbol import Floats, fixed

_BORDER = 2  # modules around the code that count as light: its quiet zone
_REACH = 2  # modules on each side that mix into a sample
_SIZE = 2 * _REACH + 1
_NEAR = (5, 5)  # modules among which there are light and dark ones
_FLIPS = 12  # rounds of changing modules
_FIRST_STIFFNESS = 0.02  # of the fit, against noise in few known modules
_LATER_STIFFNESS = 0.005
# Modules over which light and shadow count as even, round by round: the better the modules are known, the finer the
# edge of a glare can be told from them.
_LIGHT_WINDOWS = (9, 7, 5, 3)


class _Mixture(NamedTuple):
    """How a module's neighbourhood mixes into its sample (for correlation), and the constant part."""

    kernel: Floats
    base: float


def guesses(picture: GreyImage, pose: Pose) -> Iterator[npt.NDArray[np.uint8]]:
    """Ever better guesses at the code's modules, 1 for dark, rows x columns. Trying one is cheaper than the next."""
    samples = _samples(picture, pose)
    truth = np.pad(fixed(pose.side).modules.astype(np.float32), _BORDER, constant_values=1)
    is_open = truth == 0
    levels = _levels(samples)
    decided = np.where(is_open, np.where(levels >= 0, np.float32(1), np.float32(-1)), truth)
    mixture = _fit(levels, truth, np.all(_around(truth) != 0, axis=(2, 3)), _FIRST_STIFFNESS, None)
    decided = _decide(levels, decided, mixture, is_open)
    yield _inner(decided)
    inside = np.pad(np.ones((pose.side, pose.side), bool), _BORDER)
    for window in _LIGHT_WINDOWS:
        levels = _relit(samples, _mixed(decided, mixture.kernel), window)
        mixture = _fit(levels, decided, inside, _LATER_STIFFNESS, mixture)
        decided = _decide(levels, decided, mixture, is_open)
        yield _inner(decided)


def _inner(decided: Floats) -> npt.NDArray[np.uint8]:
    return (decided[_BORDER:-_BORDER, _BORDER:-_BORDER] < 0).astype(np.uint8)


def _samples(picture: GreyImage, pose: Pose) -> Floats:
    """Brightness in the middle of each module and of the border's."""
    centres = np.arange(-_BORDER, pose.side + _BORDER, dtype=np.float32) + 0.5
    columns, rows = np.meshgrid(centres, centres)
    across, down, depth = pose.transform() @ np.stack(
        [columns.ravel(), rows.ravel(), np.ones(columns.size, np.float32)]
    )
    x, y = (np.reshape(places / depth, columns.shape).astype(np.float32) for places in (across, down))
    return cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).astype(np.float32)


def _levels(samples: Floats) -> Floats:
    """Samples as -1 (dark) to +1 (light) between the darkest and the lightest around."""
    near, window = np.ones(_NEAR, np.uint8), _NEAR
    light = cv2.blur(cv2.dilate(samples, near), window, borderType=cv2.BORDER_REPLICATE)
    dark = cv2.blur(cv2.erode(samples, near), window, borderType=cv2.BORDER_REPLICATE)
    levels: Floats = (2 * samples - light - dark) / (light - dark + 8)
    return levels


def _relit(samples: Floats, expected: Floats, window: int) -> Floats:
    """Samples on the scale of what they are expected to be: gain and offset of the light fitted around each module."""

    def mean(values: Floats) -> Floats:
        return cv2.blur(values, (window, window), borderType=cv2.BORDER_REPLICATE)

    middle, offset = mean(expected), mean(samples)
    spread = mean(expected * expected) - middle * middle
    gain = np.maximum((mean(expected * samples) - middle * offset) / (spread + 0.02), 2)
    levels: Floats = np.clip((samples - offset) / gain + middle, -1.6, 1.6)
    return levels


def _around(modules: Floats) -> Floats:
    """Rows x columns x neighbourhood; beyond the border everything is light."""
    return np.lib.stride_tricks.sliding_window_view(np.pad(modules, _REACH, constant_values=1), (_SIZE, _SIZE))


def _mixed(modules: Floats, kernel: Floats) -> Floats:
    return cv2.filter2D(modules, -1, kernel, borderType=cv2.BORDER_REPLICATE)


def _fit(
    levels: Floats, modules: Floats, used: npt.NDArray[np.bool_], stiffness: float, before: _Mixture | None
) -> _Mixture:
    """Least squares over the modules used, held near the mixture before."""
    rows = _around(modules)[used].reshape(-1, _SIZE * _SIZE)
    rows = np.column_stack([rows, np.ones(len(rows), np.float32)])
    weight = np.float32(stiffness * len(rows))
    wanted = rows.T @ levels[used]
    if before is not None:
        wanted = wanted + weight * np.append(before.kernel.ravel(), np.float32(before.base))
    found = np.linalg.solve(rows.T @ rows + weight * np.eye(rows.shape[1], dtype=np.float32), wanted)
    return _Mixture(found[:-1].reshape(_SIZE, _SIZE).astype(np.float32), float(found[-1]))


def _decide(levels: Floats, decided: Floats, mixture: _Mixture, is_open: npt.NDArray[np.bool_]) -> Floats:
    """Change modules, the most rewarding of each neighbourhood at a time, while that brings the mixture nearer."""
    decided = decided.copy()
    power = float(np.sum(mixture.kernel**2))
    turned = mixture.kernel[::-1, ::-1]
    for _ in range(_FLIPS):
        rest = levels - np.float32(mixture.base) - _mixed(decided, mixture.kernel)
        # A quarter of what the squared error loses when this module alone changes.
        gain = -decided * cv2.filter2D(rest, -1, turned, borderType=cv2.BORDER_CONSTANT) - power
        gain[~is_open] = -1
        best = gain >= np.maximum(cv2.dilate(gain, np.ones((3, 3), np.uint8)), 1e-6)
        if not best.any():
            break
        decided[best] *= -1
    return decided
