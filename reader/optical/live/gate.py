"""Is somebody there? Judged by small pictures only, so that a camera nobody stands before costs next to nothing.

Pure arithmetic on pictures of a thousand cells; must not import OpenCV. Light that changes (the sun behind a cloud,
lamps that flicker with the mains and draw bands, the camera's own exposure) is told from things that move by asking
each row of cells what one factor explains most of it.
"""

import math

import numpy as np
import numpy.typing as npt

from reader.optical.pictures import GreyImage

SETTLE_SECONDS = 2.0  # a camera that has not found its exposure by then is used as it is
_STEADY_PICTURES = 3  # alike one after the other
_STEADY = 0.06  # of the brightness

_MEMORY_SECONDS = 2.0  # after which something new belongs to the scene
_CELLS = 3  # of 1296: a finger
_LEAST = 6.0  # grey levels; what JPEG does to a still scene stays under 2
_NOISE_TIMES = 4.0
_MOST_NOISE = 2.0  # of a cell's mean; what differs by more everywhere is no noise but something before the whole view
_FOOT = 16.0  # added to both before they are divided: in black cells a factor says nothing

_Scene = npt.NDArray[np.float32]


class Settling:
    """After opening a camera looks for its exposure: its first pictures are dark or glaring, and each differs from the
    one before. `now` in monotonic seconds."""

    def __init__(self, now: float) -> None:
        self._until = now + SETTLE_SECONDS
        self._last: float | None = None
        self._alike = 1

    def over(self, small: GreyImage, now: float) -> bool:
        """Whether this picture can be trusted; once true it stays so."""
        if self._alike >= _STEADY_PICTURES or now >= self._until:
            self._alike = _STEADY_PICTURES
            return True
        brightness = float(small.mean())
        before, self._last = self._last, brightness
        dark = brightness < _FOOT
        steady = before is not None and abs(brightness - before) <= _STEADY * max(before, _FOOT)
        self._alike = self._alike + 1 if steady and not dark else 1
        return self._alike >= _STEADY_PICTURES


class MotionGate:
    """Remembers the scene and tells when something in it changed."""

    def __init__(self) -> None:
        self._scene: _Scene | None = None
        self._at = 0.0

    def changed(self, small: GreyImage, now: float) -> bool:
        """Whether this picture (always of one size) shows something that the scene did not; `now` in monotonic seconds.

        The first picture is the scene.
        """
        picture = small.astype(np.float32)
        if self._scene is None:
            self._scene, self._at = picture, now
            return False
        change = int(changed_cells(self._scene, picture).sum()) >= _CELLS
        self._scene += (1 - math.exp((self._at - now) / _MEMORY_SECONDS)) * (picture - self._scene)
        self._at = now
        return change


def changed_cells(scene: _Scene, picture: _Scene) -> npt.NDArray[np.bool_]:
    """The cells that differ by more than the light of their row and the noise of the whole picture explain."""
    factor = np.median((picture + _FOOT) / (scene + _FOOT), axis=1, keepdims=True)
    difference = np.abs(picture + _FOOT - factor * (scene + _FOOT))
    noise = min(float(np.median(difference)), _MOST_NOISE)
    return np.asarray(difference > _LEAST + _NOISE_TIMES * noise, dtype=np.bool_)
