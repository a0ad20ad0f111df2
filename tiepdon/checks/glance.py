"""One look through a camera, in a process of its own: its driver may hang and its library may crash, and a process that
ends while a thread of it is inside OpenCV aborts. `python -m tiepdon.checks.glance DEVICE WIDTH HEIGHT UNTIL` (of
monotonic seconds) prints a `Glance`. The picture never leaves that process. Must not load OpenCV where it is imported.
"""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from config.settings import CameraSettings
from reader.optical.errors import TROUBLES, CameraFailed, CameraMissing, CameraSilent, DecoderMissing
from wire.codec import Record, from_json, to_json
from wire.errors import MalformedMessage

if TYPE_CHECKING:
    from reader.optical.pictures import GreyImage

TAKE_SECONDS = 0.25
SETTLE_SECONDS = 1.5  # a camera's first pictures are black until its exposure has settled
LET_GO_SECONDS = 0.5
END_SECONDS = 0.75  # for that, and for the process to end
PLAIN = 6  # brightest less darkest, of 255, in the small picture of a frame: noise alone makes less


class Glance(Record, frozen=True, kw_only=True):
    """`code`: what is wrong, None when a picture came; then its size in pixels, and whether it is `blank`, all of one
    brightness."""

    code: str | None = None
    width: int = 0
    height: int = 0
    blank: bool = False


def glance(camera: CameraSettings, seconds: float) -> Glance:
    """Look through a camera that nobody else uses, for at most so long."""
    # One clock for all processes (clock_gettime(2)): how long the other one takes to begin counts too.
    until = time.monotonic() + seconds - END_SECONDS
    asked = (camera.device, str(camera.width), str(camera.height), str(until))
    try:
        done = subprocess.run(
            [sys.executable, "-m", __name__, *asked],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Glance(code=CameraSilent.code)
    try:
        return from_json(done.stdout, Glance)
    except MalformedMessage:
        return Glance(code=CameraFailed.code)


def is_blank(picture: "GreyImage") -> bool:
    """Whether a picture, made small, shows nothing at all: a lens cap, a shutter, no light. Pure."""
    return int(picture.max()) - int(picture.min()) <= PLAIN


def look(device: str, width: int, height: int, until: float) -> Glance:
    """The first picture that is not blank, in this process; else what kept it from being seen `until` then (monotonic
    seconds)."""
    try:
        from reader.optical.live.cameras import open_camera
        from reader.optical.live.newest import Newest
    except ImportError:
        return Glance(code=DecoderMissing.code)
    newest = Newest(lambda: open_camera(device, width, height), time.monotonic)
    seen: Glance | None = None
    try:
        while time.monotonic() < until:
            frame = newest.take(TAKE_SECONDS)
            picture = None if frame is None else frame.small()
            if picture is None:
                continue
            if seen is None:
                until = min(until, time.monotonic() + SETTLE_SECONDS)
            facts = newest.facts
            size = (facts.width, facts.height) if facts else (0, 0)
            seen = Glance(width=size[0], height=size[1], blank=is_blank(picture))
            if not seen.blank:
                break
    except TROUBLES as error:
        return seen or Glance(code=error.code)
    finally:
        newest.stop(LET_GO_SECONDS)
    # A stream that nobody fills is missing for the reader too.
    return seen or Glance(code=CameraMissing.code if newest.patient else CameraSilent.code)


def main(arguments: Sequence[str]) -> None:
    """Print what a look finds, and end whatever its library still does."""
    device, width, height, until = arguments
    sys.stdout.buffer.write(to_json(look(device, int(width), int(height), float(until))))
    sys.stdout.buffer.flush()
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
