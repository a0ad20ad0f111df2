"""`tiepdon scan camera`: the codes held up to a camera, as they are held up, and how the camera is."""

import argparse
import queue
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from config.settings import CameraSettings, ReaderSettings, load
from tiepdon.commands.scan_line import FIELDS, code_line, today
from tiepdon.stopping import stop_on_signals
from wire.errors import RemoteError, TiepDonError

if TYPE_CHECKING:
    from reader.service import PayloadSource

LOOK_SECONDS = 0.1  # between looks at how the cameras are
TELL_SECONDS = 10.0  # between lines about a camera that goes on as it was
SETTLE_SECONDS = 1.0  # an open camera's rate is known after this
END_SECONDS = 3.0  # a camera's library may take this long to let go
_FACTS = ("format", "width", "height", "frames_per_second", "torn", "active")

_DESCRIPTION = f"""\
Look through the camera and print one JSON object per code per line, as each is held up; one that is held for seconds
counts once.

  "camera"     which: its path or name
  "text"       the code's text exactly as encoded; one that is not UTF-8 with one ISO 8859-1 letter for each byte
{FIELDS}

The cameras are those of the settings, or the one named with --device. Standard error says how they are. A camera that
is unplugged on the way is waited for; when none can be opened at first the command ends. Pictures are never stored.

Exit code: 0 ended as asked (--once, --seconds, Ctrl-C), 1 no camera could be opened, or none was read with --once
before --seconds had passed; 2 wrong usage or settings."""


class CameraNotConfigured(TiepDonError):
    """No camera is named, neither in the settings nor on the command line."""

    code = "camera.not_configured"


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    camera = commands.add_parser(
        "camera",
        help="read codes held up to the camera",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    camera.add_argument("--device", metavar="PATH", help="this camera, such as /dev/video0 or picamera2")
    camera.add_argument("--config", type=Path, metavar="FILE", help="the site's settings file")
    camera.add_argument("--seconds", type=_seconds, metavar="N", help="end after so long")
    camera.add_argument("--once", action="store_true", help="end after the first code")
    camera.add_argument("--json", action="store_true", help="print JSON (always so; errors too)")
    camera.add_argument("--language", choices=("vi", "en"), default="en", help="of messages (default: en)")
    camera.set_defaults(run=_run)


def cameras(settings: ReaderSettings, device: str | None) -> dict[str, CameraSettings]:
    """The cameras to look through, by name. Raises CameraNotConfigured."""
    if device:
        sizes = settings.camera
        return {"camera": CameraSettings(device=device, width=sizes.width, height=sizes.height)}
    both = {"camera": settings.camera, "second_camera": settings.second_camera}
    found = {name: camera for name, camera in both.items() if camera.device}
    if not found:
        raise CameraNotConfigured
    return found


class Status:
    """How cameras are, told to a person when it changes, and from time to time while one goes on."""

    def __init__(self, say: Callable[[str], None], language: str, clock: Callable[[], float]) -> None:
        self._say = say
        self._language = language
        self._clock = clock
        self._told: dict[str, tuple[Any, ...]] = {}
        self._next = 0.0

    def look(self, camera: str, health: Mapping[str, Any]) -> None:
        """Tell of this camera where there is something new to tell."""
        now = self._clock()
        is_open = health["state"] == "open"
        news = (health["state"], health["problem"], health.get("active"))
        if news == self._told.get(camera) and not (is_open and now >= self._next):
            return
        if is_open and health["seconds"] < SETTLE_SECONDS:
            return
        self._told[camera] = news
        if is_open:
            self._next = now + TELL_SECONDS
            facts = [f"{key}={health[key]}" for key in _FACTS if health.get(key) is not None]
            self._say(f"tiepdon: {camera}: {' '.join(['open', *facts])}\n")
        elif health["problem"] is not None:
            from ui.words import error_line

            self._say(f"tiepdon: {error_line(RemoteError(health['problem'], device=camera), self._language)}\n")


def run_camera(
    sources: Mapping[str, "PayloadSource"],
    stop: threading.Event,
    stdout: BinaryIO,
    status: Status,
    once: bool = False,
    seconds: float | None = None,
) -> int:
    """Print the codes that `sources` see until `stop` is set, for at most `seconds`, with `once` until the first.

    `sources`: by what the lines say as `camera`. Returns the exit code; raises the error of the first camera when none
    can be opened.
    """
    ends = None if seconds is None else time.monotonic() + seconds
    seen: queue.SimpleQueue[tuple[str, str]] = queue.SimpleQueue()
    threads = [_looking(camera, source, seen, stop) for camera, source in sources.items()]
    opened = read = False
    try:
        while not (stop.is_set() or (read and once) or (ends is not None and time.monotonic() >= ends)):
            try:
                camera, text = seen.get(timeout=LOOK_SECONDS)
            except queue.Empty:
                reports = {camera: source.health() for camera, source in sources.items()}
                opened = opened or any(report["state"] == "open" for report in reports.values())
                if not opened:
                    _refuse_dead(reports, threads)
                for camera, report in reports.items():
                    status.look(camera, report)
            else:
                stdout.write(code_line({"camera": camera}, text, today()))
                stdout.flush()
                read = opened = True
    finally:
        stop.set()
        over = time.monotonic() + END_SECONDS
        for thread in threads:
            thread.join(max(0.0, over - time.monotonic()))
    return 0 if read or not once else 1


def _looking(
    camera: str, source: "PayloadSource", seen: "queue.SimpleQueue[tuple[str, str]]", stop: threading.Event
) -> threading.Thread:
    def run() -> None:
        source.run(lambda text: seen.put((camera, text)), stop)

    thread = threading.Thread(target=run, name=source.name, daemon=True)
    thread.start()
    return thread


def _refuse_dead(reports: Mapping[str, Mapping[str, Any]], threads: Sequence[threading.Thread]) -> None:
    """Raise what is wrong when no camera was ever open and each has a problem: somebody waits for an answer."""
    problems = {camera: report["problem"] for camera, report in reports.items()}
    if all(problems.values()) or not any(thread.is_alive() for thread in threads):
        camera, problem = next(iter(problems.items()))
        raise RemoteError(problem or "camera.failed", retriable=True, device=camera)


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError("more than 0")
    return seconds


def _say(line: str) -> None:
    sys.stderr.write(line)
    sys.stderr.flush()


def _run(options: argparse.Namespace) -> int:
    from reader.optical.camera import CameraSource

    wanted = cameras(load(options.config).reader, options.device)
    sources = {camera.device: CameraSource(camera, name, time.monotonic) for name, camera in wanted.items()}
    stop = stop_on_signals()
    status = Status(_say, options.language, time.monotonic)
    return run_camera(sources, stop, sys.stdout.buffer, status, options.once, options.seconds)
