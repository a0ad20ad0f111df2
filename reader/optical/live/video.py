"""A Video4Linux camera through OpenCV: frames as the camera sends them, never converted. The only importer of OpenCV's
video capture.
"""

from pathlib import Path
from typing import Any

import cv2

from reader.optical.errors import CameraMissing, CameraSilent
from reader.optical.live import v4l2
from reader.optical.live.frames import Frame, JpegSource, luma_of
from reader.optical.live.newest import Facts

_JPEG = ("MJPG", "JPEG")


class VideoCamera:
    """The camera at `device`, asked for pictures of this size. Raises CameraMissing, CameraNotAllowed, CameraBusy or
    CameraUnsuitable."""

    patient = False

    def __init__(self, device: str, width: int, height: int) -> None:
        offer = v4l2.examine(device, width, height)
        mode = v4l2.choose(offer, width, height)
        v4l2.set_controls(device)
        cv2.setNumThreads(1)  # several cores for one frame keep a Pi hot and gain nothing at ten looks a second
        self._device = device
        self._jpeg = JpegSource()
        # OpenCV gives a buffer back to the driver before it copies the frame from it (cap_v4l.cpp, retrieveFrame): with
        # its four buffers the driver fills another one first, with one (CAP_PROP_BUFFERSIZE) frames would tear.
        self._capture: Any = cv2.VideoCapture(device, cv2.CAP_V4L2)
        if not self._capture.isOpened():
            v4l2.require_free(device)
            raise CameraMissing
        for name, value in (
            (cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*mode.fourcc)),
            (cv2.CAP_PROP_FRAME_WIDTH, mode.width),
            (cv2.CAP_PROP_FRAME_HEIGHT, mode.height),
            (cv2.CAP_PROP_CONVERT_RGB, 0),
        ):
            self._capture.set(name, value)
        self._facts = self._given()

    @property
    def facts(self) -> Facts:
        """What the driver settled on."""
        return self._facts

    def grab(self, seconds: float) -> bool:  # noqa: ARG002
        """Wait for the next frame. OpenCV waits ten seconds for a camera that is silent; whoever wants to know sooner
        asks from another thread (`newest.py`). Raises CameraMissing or CameraSilent."""
        if self._capture.grab():
            return True
        raise CameraSilent if Path(self._device).exists() else CameraMissing

    def frame(self) -> Frame | None:
        """The frame grabbed last."""
        good, data = self._capture.retrieve()
        if not good or data is None or not data.size:
            return None
        if self._facts.format in _JPEG:
            return self._jpeg.frame(data.tobytes())
        return luma_of(data.reshape(-1), *self._facts)

    def close(self) -> None:
        """Let the device go."""
        self._capture.release()

    def _given(self) -> Facts:
        code = int(self._capture.get(cv2.CAP_PROP_FOURCC)) & 0xFFFFFFFF
        fourcc = code.to_bytes(4, "little").decode("latin-1")
        width = int(self._capture.get(cv2.CAP_PROP_FRAME_WIDTH))
        return Facts(fourcc, width, int(self._capture.get(cv2.CAP_PROP_FRAME_HEIGHT)))
