"""A camera that looks for QR codes: pictures in, payloads out. The only importer of OpenCV's video capture.

OpenCV and the decoder are loaded when `run` begins, so that a reader without a camera stays small. Pictures live in
memory only, and only the newest counts.
"""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reader.optical.sightings import Sightings
from reader.payload.errors import CameraMissing, CameraNotAllowed, DecoderMissing
from reader.payload.text import as_text
from reader.scanner.condition import Condition

if TYPE_CHECKING:
    from reader.optical.decode import GreyImage

ATTEMPT_SECONDS = 1 / 8  # more attempts a second read nothing more (vision.md 6)
FRAME_SECONDS = 1 / 60  # no camera is faster; a source that is must not spin
RETRY_FIRST_SECONDS = 0.5
RETRY_MAX_SECONDS = 5.0
WIDTH, HEIGHT = 1280, 720


class CameraSource:
    """The camera at `device` (a path; empty: none is configured). `clock` gives monotonic seconds."""

    name = "camera"

    def __init__(self, device: str, clock: Callable[[], float]) -> None:
        self._device = device
        self._clock = clock
        self._condition = Condition(self.name, device, clock)

    def run(self, on_text: Callable[[str], None], stop: threading.Event) -> None:
        """Hand each code to `on_text` once per time it is held up, until `stop` is set.

        Returns at once when no device is configured.
        """
        delay = RETRY_FIRST_SECONDS
        sightings = Sightings()
        while self._device and not stop.is_set():
            try:
                decode = _load_decoder()
                with _opened(self._device) as capture:
                    self._condition.became("open")
                    delay = RETRY_FIRST_SECONDS
                    for picture in self._pictures(capture, stop):
                        for payload in sightings.fresh(decode(picture), self._clock()):
                            on_text(as_text(payload))
            except (CameraMissing, CameraNotAllowed, DecoderMissing) as error:
                self._condition.became("missing", error.code)
                stop.wait(delay)
                delay = min(delay * 2, RETRY_MAX_SECONDS)

    def health(self) -> dict[str, Any]:
        """How the device is (see `Condition.report`)."""
        return self._condition.report()

    def _pictures(self, capture: Any, stop: threading.Event) -> "Iterator[GreyImage]":
        """Grab every frame, so that none waits in the driver, and give out the newest when an attempt is due.

        Raises CameraMissing when no more frames come.
        """
        due = self._clock()
        while not stop.is_set():
            begun = self._clock()
            if not capture.grab():
                raise CameraMissing
            if begun < due:
                stop.wait(max(0.0, FRAME_SECONDS - (self._clock() - begun)))
                continue
            due = begun + ATTEMPT_SECONDS
            picture = _grey(capture)
            if picture is not None:
                yield picture


def _load_decoder() -> "Callable[[GreyImage], list[bytes]]":
    try:
        from reader.optical.decode import decode
    except ImportError:  # pyzbar loads the zbar library when it is imported
        raise DecoderMissing from None
    return decode


@contextmanager
def _opened(device: str) -> Iterator[Any]:
    """OpenCV's capture of a device, or of a video file. Raises CameraMissing, CameraNotAllowed, DecoderMissing."""
    try:
        import cv2
    except ImportError:
        raise DecoderMissing from None

    path = Path(device)
    if not path.exists():
        raise CameraMissing
    if not os.access(path, os.R_OK):
        raise CameraNotAllowed
    capture = cv2.VideoCapture(device, cv2.CAP_V4L2 if path.is_char_device() else cv2.CAP_ANY)
    try:
        if not capture.isOpened():
            raise CameraMissing
        if path.is_char_device():
            capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
            capture.set(cv2.CAP_PROP_FRAME_WIDTH, WIDTH)
            capture.set(cv2.CAP_PROP_FRAME_HEIGHT, HEIGHT)
            capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        yield capture
    finally:
        capture.release()


def _grey(capture: Any) -> "GreyImage | None":
    """The frame just grabbed in grey; None when it cannot be decoded (a torn frame of a bad cable)."""
    import cv2

    good, frame = capture.retrieve()
    if not good or frame is None or not frame.size:
        return None
    grey: GreyImage = frame if frame.ndim == 2 else cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
    return grey
