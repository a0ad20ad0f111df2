"""Looks at a camera without taking a picture: is it there, what it is, what it would be asked for. Disturbs no reader
that uses it; must not load OpenCV.
"""

import importlib.util
import os
from collections.abc import Iterator

from config.settings import CameraSettings
from reader.optical.errors import CameraNotAllowed, PicameraMissing
from reader.optical.live.cameras import PICAMERA, is_video, pi_number
from reader.optical.live.v4l2 import choose, examine
from tiepdon.checks.finding import Finding, Status
from wire.errors import Datum, TiepDonError


def look_at_camera(probe: str, settings: CameraSettings) -> Iterator[Finding]:
    """One finding, named `probe`; the check-in goes on without a camera, so the worst of them is a warning."""
    if not settings.device:
        yield Finding(probe=probe, status=Status.OK, data={"configured": False})
        return
    data: dict[str, Datum] = {"device": settings.device}
    try:
        data |= _facts(settings)
    except TiepDonError as error:
        yield Finding(probe=probe, status=Status.WARN, code=error.code, data=data | dict(error.data))
    else:
        yield Finding(probe=probe, status=Status.OK, data=data)


def _facts(settings: CameraSettings) -> dict[str, Datum]:
    """Raises what the camera would raise."""
    if pi_number(settings.device) is not None:
        if importlib.util.find_spec(PICAMERA) is None:
            raise PicameraMissing
        return {"kind": PICAMERA}
    if not is_video(settings.device):
        if not os.access(settings.device, os.R_OK):
            raise CameraNotAllowed
        return {"kind": "stream"}
    offer = examine(settings.device, settings.width, settings.height)
    mode = choose(offer, settings.width, settings.height)
    return {
        "kind": "video",
        "name": offer.name,
        "format": mode.fourcc,
        "width": mode.width,
        "height": mode.height,
        "frames_per_second": mode.fps or None,
    }
