"""What is done with one frame of a camera: glance, look, track, hand on. No device and no thread of its own; must not
import OpenCV's video capture.
"""

from collections.abc import Callable
from dataclasses import dataclass

from reader.optical.live.frames import Frame
from reader.optical.live.gate import MotionGate, Settling
from reader.optical.live.watching import Task, Watching
from reader.optical.pictures import Box, Found, FrameTap, GreyImage

Find = Callable[[GreyImage, Box | None], list[Found]]


@dataclass(frozen=True)
class Means:
    """What a camera is looked through with: see `CameraSource`."""

    find: Find
    clock: Callable[[], float]
    cpu: Callable[[], float]
    tap: FrameTap | None = None


class Looking:
    """One time that a camera is open."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._watching = Watching(means.clock())
        self._gate = MotionGate()
        self._settling: Settling | None = None

    @property
    def active(self) -> bool:
        """Whether somebody seems to be there."""
        return self._watching.someone(self._means.clock())

    def wait(self) -> float:
        """Seconds until the next frame is of use."""
        return self._watching.wait(self._means.clock())

    def texts(self, frame: Frame) -> list[str] | None:
        """Do with the frame what is due; the texts of the codes seen, None when the frame is torn."""
        found = self._look(frame)
        return None if found is None else [code.text for code in found]

    def _look(self, frame: Frame) -> list[Found] | None:
        begun, now = self._means.cpu(), self._means.clock()
        small = frame.small()
        if small is None:
            return None
        if self._settling is None:
            self._settling = Settling(now)
        if not self._settling.over(small, now):
            return []
        if self._gate.changed(small, now):
            self._watching.moved(now)
        tap = self._means.tap
        wanted = tap is not None and tap.wanted
        if self._watching.task(now, wanted) is Task.GLANCE:
            self._watching.glanced(now)
            return []
        picture = frame.grey()
        if picture is None:
            return None
        if tap is not None and wanted:
            tap.offer(picture)
        near = self._watching.near(now)
        found = self._means.find(picture, near)
        self._watching.looked(now, near, found[0].box if found else None, self._means.cpu() - begun, wanted)
        return found
