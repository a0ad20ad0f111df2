"""A camera on a Raspberry Pi's ribbon cable, through picamera2. The only importer of picamera2, which Raspberry Pi OS
installs for the system's own Python: the environment must see the system's packages (docs/optical.md).

Written by "The Picamera2 Library" (Raspberry Pi, 2024), chapters 4 to 6 and 8 and appendix C; no test here has a Pi.
"""

from typing import Any

from reader.optical.errors import CameraBusy, CameraMissing, CameraSilent, PicameraMissing
from reader.optical.live.frames import Frame, LumaFrame
from reader.optical.live.newest import Facts

WAIT_SECONDS = 5.0  # a wait that is given up costs the library one of its buffers, so it is not a short one
_BUFFERS = 4
_WANTED = {  # set where the camera has it; the numbers are libcamera's
    "AeExposureMode": 1,  # short: a card is held by hand
    "AeFlickerMode": 1,  # manual
    "AeFlickerPeriod": 10_000,  # microseconds: lamps on 50 Hz
    "AfMode": 2,  # continuous
    "AfRange": 2,  # full, that is near as well
}


class PiCamera:
    """The Pi's camera of this number, asked for pictures of this size. Raises PicameraMissing, CameraMissing,
    CameraBusy."""

    patient = False

    def __init__(self, number: int, width: int, height: int) -> None:
        try:
            from picamera2 import MappedArray, Picamera2  # type: ignore[import-not-found]
        except ImportError:
            raise PicameraMissing from None
        if number >= len(Picamera2.global_camera_info()):
            raise CameraMissing
        self._mapped = MappedArray
        self._request: Any = None
        try:
            self._camera: Any = Picamera2(number)
        except RuntimeError:  # what libcamera makes of a camera that another program acquired
            raise CameraBusy from None
        try:
            # No queue: each request is answered with a frame taken after it was made.
            wanted = self._camera.create_video_configuration(
                main={"size": (width, height), "format": "YUV420"}, buffer_count=_BUFFERS, queue=False
            )
            self._camera.configure(wanted)
            has = self._camera.camera_controls
            self._camera.set_controls({name: value for name, value in _WANTED.items() if name in has})
            self._camera.start()
            self._width, self._height = self._camera.camera_configuration()["main"]["size"]
        except BaseException:
            self._camera.close()
            raise

    @property
    def facts(self) -> Facts:
        """What the library settled on."""
        return Facts("YU12", self._width, self._height)

    def grab(self, seconds: float) -> bool:  # noqa: ARG002 - see WAIT_SECONDS
        """Wait for the next frame. Raises CameraSilent."""
        self._release()
        try:
            self._request = self._camera.capture_request(wait=WAIT_SECONDS)
        except TimeoutError:
            raise CameraSilent from None
        return True

    def frame(self) -> Frame | None:
        """The frame grabbed last: its luma is copied out of the camera's memory, its colour is not touched."""
        with self._mapped(self._request, "main", write=False) as view:
            # YUV420 is height rows of luma, then the colour; a row may be padded.
            luma = view.array[: self._height, : self._width].copy()
        return LumaFrame(luma)

    def close(self) -> None:
        """Let the camera go."""
        try:
            self._release()
            self._camera.stop()
        finally:
            self._camera.close()

    def _release(self) -> None:
        request, self._request = self._request, None
        if request is not None:
            request.release()
