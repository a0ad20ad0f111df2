"""The newest frame of a camera, taken from it by a thread of its own: a driver that hangs hangs that thread alone, and
no frame ever waits in a queue. Must not import OpenCV.
"""

import threading
from collections.abc import Callable
from typing import NamedTuple, Protocol

from reader.optical.errors import TROUBLES, CameraFailed
from reader.optical.live.frames import Frame
from wire.errors import TiepDonError

GRAB_SECONDS = 0.25  # how long a grab may wait for a frame where the camera's library lets one say so
JOIN_SECONDS = 0.25  # a camera in good order lets go within a frame


class Facts(NamedTuple):
    """What a camera gives. `format` is the four-character code of its frames; sizes in pixels, 0 where only the
    frames themselves know."""

    format: str
    width: int
    height: int


class OpenCamera(Protocol):
    """A camera in use; all its methods are called from one thread. Each may raise one of TROUBLES."""

    patient: bool
    """Whether a camera that gives no frames for a while is still in order: a stream that somebody else fills."""

    @property
    def facts(self) -> Facts:
        """What it gives."""
        ...

    def grab(self, seconds: float) -> bool:
        """Wait for a frame newer than the last, for about so long; whether there is one."""
        ...

    def frame(self) -> Frame | None:
        """The frame grabbed last; None when it is torn."""
        ...

    def close(self) -> None:
        """Let the device go."""
        ...


class Newest:
    """Grabs every frame of a camera and fetches one when asked, the next one to come: never an older one."""

    def __init__(self, opened: Callable[[], OpenCamera], clock: Callable[[], float]) -> None:
        self._opened = opened
        self._clock = clock
        self._changed = threading.Condition()
        self._asked = False
        self._stopping = False
        self._frame: Frame | None = None
        self._error: TiepDonError | None = None
        self._facts: Facts | None = None
        self._patient = False
        self._torn = 0
        self._grabbed_at: list[float] = []
        self._thread = threading.Thread(target=self._run, name="camera-frames", daemon=True)
        self._thread.start()

    @property
    def ended(self) -> bool:
        """Whether the device has been let go; not while its driver hangs."""
        return not self._thread.is_alive()

    @property
    def facts(self) -> Facts | None:
        """What the camera gives; None until it is open."""
        return self._facts

    @property
    def patient(self) -> bool:
        """See `OpenCamera.patient`."""
        return self._patient

    @property
    def torn(self) -> int:
        """How many frames that were asked for were torn."""
        return self._torn

    def rate(self) -> float:
        """Frames a second over the last two seconds."""
        since = self._clock() - _RATE_SECONDS
        return round(sum(at >= since for at in list(self._grabbed_at)) / _RATE_SECONDS, 1)

    def silent_seconds(self) -> float | None:
        """Seconds since a frame came; None before the first."""
        return self._clock() - self._grabbed_at[-1] if self._grabbed_at else None

    def take(self, seconds: float) -> Frame | None:
        """The next frame to come; None when none came within `seconds`. Raises what ended the camera's use."""
        with self._changed:
            self._frame, self._asked = None, True
            self._changed.wait_for(lambda: self._frame is not None or self._error is not None, seconds)
            self._asked = False
            frame, self._frame = self._frame, None
            if self._error is not None:
                raise self._error
            return frame

    def stop(self, seconds: float = JOIN_SECONDS) -> None:
        """Let the device go; one whose driver hangs is left after so long to its thread, which ends when it can."""
        self._stopping = True
        self._thread.join(seconds)

    def _run(self) -> None:
        try:
            camera = self._opened()
            try:
                self._facts, self._patient = camera.facts, camera.patient
                while not self._stopping:
                    if camera.grab(GRAB_SECONDS):
                        self._grabbed(camera)
            finally:
                camera.close()
        except TROUBLES as error:
            self._end(error)
        except Exception as error:
            self._end(CameraFailed(kind=type(error).__name__))

    def _grabbed(self, camera: OpenCamera) -> None:
        now = self._clock()
        self._grabbed_at = [at for at in self._grabbed_at if now - at < _RATE_SECONDS] + [now]
        if not self._asked:
            return
        frame = camera.frame()
        self._facts = camera.facts
        with self._changed:
            if frame is None:
                self._torn += 1
                return
            self._frame = frame
            self._changed.notify_all()

    def _end(self, error: TiepDonError) -> None:
        with self._changed:
            self._error = error
            self._changed.notify_all()


_RATE_SECONDS = 2.0
