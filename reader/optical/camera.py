"""A camera that looks for QR codes: frames in, payloads out.

OpenCV, numpy and the decoder are loaded when `run` begins, so that a reader without a camera stays small. Frames live
in memory only, and only the newest counts. How often and how a frame is looked at is `watching.py`.
"""

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from reader.optical.errors import TROUBLES, CameraMissing, CameraSilent, DecoderMissing
from reader.optical.live.sightings import Sightings
from reader.scanner.condition import Condition

if TYPE_CHECKING:
    from reader.optical.live.looking import Find
    from reader.optical.live.newest import Newest
    from reader.optical.pictures import FrameTap

TAKE_SECONDS = 0.15  # how long a stop may go unnoticed
SILENT_SECONDS = 6.0  # a webcam takes up to three to begin
RETRY_FIRST_SECONDS = 0.5
RETRY_MAX_SECONDS = 5.0
LET_GO_SECONDS = 1.0


class CameraLike(Protocol):
    """The settings of a camera (`config.settings.CameraSettings`): device, and the size asked of it in pixels."""

    @property
    def device(self) -> str: ...
    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...


class CameraSource:
    """The camera that `settings` name (an empty device: none is configured), as the payload source `name`.

    `clock` gives monotonic seconds, `cpu` the calling thread's processor seconds. `tap` is given whole frames while it
    wants some.
    """

    def __init__(
        self,
        settings: CameraLike,
        name: str,
        clock: Callable[[], float],
        tap: "FrameTap | None" = None,
        cpu: Callable[[], float] = time.thread_time,
    ) -> None:
        self.name = name
        self._settings = settings
        self._clock = clock
        self._cpu = cpu
        self._tap = tap
        self._condition = Condition(name, settings.device, clock)
        self._newest: Newest | None = None
        self._torn = 0
        self._active = False
        self._again = threading.Event()
        self._idle = threading.Event()
        self._idle.set()

    def run(self, on_text: Callable[[str], None], stop: threading.Event) -> None:
        """Hand each code to `on_text` once per time it is held up, until `stop` is set.

        Returns at once when no device is configured.
        """
        self._idle.clear()
        try:
            self._run(on_text, stop)
        finally:
            self._idle.set()

    def again(self) -> None:
        """A code that lies in view is handed on once more."""
        self._again.set()

    def let_go(self, seconds: float = LET_GO_SECONDS) -> None:
        """Wait, at most so long each, until `run` has ended and the device is let go.

        Before a process ends: one that ends while a thread of it is inside OpenCV aborts instead of ending well,
        because the interpreter ends threads by unwinding them, which C++ does not allow there.
        """
        self._idle.wait(seconds)
        if self._newest is not None:
            self._newest.stop(seconds)

    def _run(self, on_text: Callable[[str], None], stop: threading.Event) -> None:
        delay = RETRY_FIRST_SECONDS
        sightings = Sightings(_is_doubtful)
        while self._settings.device and not stop.is_set():
            try:
                self._use(sightings, on_text, stop)
            except TROUBLES as error:
                if self._condition.report()["state"] == "open":
                    delay = RETRY_FIRST_SECONDS
                self._condition.became("missing", error.code)
                stop.wait(delay)
                delay = min(delay * 2, RETRY_MAX_SECONDS)

    def health(self) -> dict[str, Any]:
        """How the device is (see `Condition.report`); while it is open also what it gives: `format` (four characters),
        `width`, `height`, `frames_per_second`, `torn` frames, the `frame_seconds` since the last one, and whether it is
        `active` because somebody seems to be there."""
        report = self._condition.report()
        newest = self._newest
        facts = newest.facts if newest is not None else None
        if report["state"] != "open" or newest is None or facts is None:
            return report
        silent = newest.silent_seconds()
        return report | {
            "format": facts.format,
            "width": facts.width,
            "height": facts.height,
            "frames_per_second": newest.rate(),
            "torn": newest.torn + self._torn,
            "active": self._active,
            "frame_seconds": None if silent is None else round(silent, 1),
        }

    def _use(self, sightings: Sightings, on_text: Callable[[str], None], stop: threading.Event) -> None:
        """Open the camera and look until `stop`. Raises one of TROUBLES."""
        if self._newest is not None and not self._newest.ended:
            raise CameraSilent  # its driver still hangs; opening it once more would only hang once more
        find = _load_decoder()
        from reader.optical.live.cameras import open_camera
        from reader.optical.live.looking import Looking, Means
        from reader.optical.live.newest import Newest

        asked, good, ever = self._settings, self._clock(), False
        newest = self._newest = Newest(lambda: open_camera(asked.device, asked.width, asked.height), self._clock)
        self._torn = 0
        try:
            looking = Looking(Means(find, self._clock, self._cpu, self._tap))
            while not stop.wait(looking.wait()):
                frame = newest.take(TAKE_SECONDS)
                texts = None if frame is None else looking.texts(frame)
                if texts is not None:
                    self._condition.became("open")
                    self._active = looking.active
                    good, ever = self._clock(), True
                    if self._again.is_set():
                        self._again.clear()
                        sightings.forget()
                    for text in sightings.fresh(texts, good):
                        on_text(text)
                    continue
                self._torn += frame is not None
                if not newest.patient and self._clock() - good > SILENT_SECONDS:
                    raise CameraSilent
                if newest.patient and not ever:
                    self._condition.became("missing", CameraMissing.code)  # nobody fills the stream yet
        finally:
            newest.stop()


def _is_doubtful(text: str) -> bool:
    """Whether nothing inside the text proves that it was read rightly: see `Sightings`."""
    from reader.payload.parse import parse_payload

    return parse_payload(text).kind not in ("citizen_card", "insurance_card", "mrz")


def _load_decoder() -> "Find":
    """The decoder, and OpenCV with it. Raises DecoderMissing."""
    try:
        import cv2  # noqa: F401

        from reader.optical.decode import find
    except ImportError:  # OpenCV is not installed, or neither decoder's library is
        raise DecoderMissing from None
    return find
