"""Looks at a camera: is it there, what it is, what it would be asked for, and whether it gives pictures; where none is
configured, what could be one. Disturbs no reader that uses it; must not load OpenCV (`glance.py` does, elsewhere).
"""

import importlib.util
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from config.settings import CameraSettings, Settings
from reader.optical.errors import (
    CameraBusy,
    CameraMissing,
    CameraNotAllowed,
    CameraSilent,
    CameraUnsuitable,
    PicameraMissing,
)
from reader.optical.live.cameras import PICAMERA, is_video, pi_number
from reader.optical.live.v4l2 import choose, examine
from tiepdon.checks.finding import Finding, Status
from tiepdon.checks.glance import Glance, glance
from tiepdon.checks.machine import Machine
from tiepdon.checks.reader_process import told_by_reader
from tiepdon.checks.scanners import holders
from wire.errors import Datum, TiepDonError

CAMERA, SECOND_CAMERA = "camera", "second_camera"  # the reader's names for them
UNUSED = "doctor.camera_unused"
BLANK = "doctor.picture_blank"
UNCHECKED = "doctor.picture_unchecked"
LONGEST_SECONDS = 5.5  # for all of it: the report gives a probe up a little later
SILENT_SECONDS = 3.0  # without a picture from a camera that is open

_PLACES = ("dev/v4l/by-id/*", "dev/video*")  # names that stay the same come first
_MOST_CANDIDATES = 4
_ANY_SIZE = (1920, 1080)


def look_through_camera(probe: str, settings: Settings, machine: Machine) -> Iterator[Finding]:
    """One finding of the camera named `probe` (CAMERA or SECOND_CAMERA), pictures included: those the reader process
    tells of where it runs, else one that is taken for it. The check-in goes on without a camera, so the worst of
    findings is a warning. Where none is configured and something is there that may be one: a note.
    """
    cameras = {CAMERA: settings.reader.camera, SECOND_CAMERA: settings.reader.second_camera}
    camera, until = cameras[probe], time.monotonic() + LONGEST_SECONDS
    if not camera.device:
        none = not any(other.device for other in cameras.values())
        if probe == CAMERA and none and (found := candidates(machine)):
            facts: dict[str, Datum] = {"configured": False, "cameras": " ".join(found)}
            yield Finding(probe=probe, status=Status.NOTE, code=UNUSED, data=facts)
        else:
            yield from look_at_camera(probe, camera)
        return
    told = told_by_reader(probe, settings)
    (finding,) = look_at_camera(probe, camera)
    if told is not None and told["device"] == camera.device:
        # The reader's user has to be allowed, not this one.
        if finding.code in (None, CameraNotAllowed.code):
            finding = _with(finding, *judged(told))
    elif finding.code is None:
        seen = glance(camera, max(1.0, until - time.monotonic()))
        finding = _with(finding, *_told_of(seen, camera.device, machine))
    yield finding


def look_at_camera(probe: str, settings: CameraSettings) -> Iterator[Finding]:
    """One finding, named `probe`, without a picture; the worst is a warning."""
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


def candidates(machine: Machine) -> list[str]:
    """The devices that are plugged in and can take pictures, each once, by the name that stays the same if it has one.

    A Pi's own image processors offer pictures as well and are no cameras; its ribbon cameras have no device to name.
    """
    found: dict[Path, str] = {}
    for place in _PLACES:
        for path in sorted(machine.root.glob(place)):
            device = path.resolve()
            if device not in found and not _is_built_in(device, machine) and _takes_pictures(device):
                found[device] = str(path)
    return list(found.values())[:_MOST_CANDIDATES]


def judged(told: Mapping[str, Any]) -> tuple[str | None, dict[str, Datum]]:
    """What is wrong with a camera that the reader has, by its health report (`CameraSource.health`), and what it tells
    besides. Pure."""
    if told["problem"] is not None:
        return told["problem"], {}
    if told.get("state") != "open" or "frame_seconds" not in told:
        return UNCHECKED, {}  # it is about to be opened
    silent = told["frame_seconds"]
    if silent is None or silent > SILENT_SECONDS:
        return CameraSilent.code, {"silent_seconds": silent}
    return None, {"pictures_per_second": told.get("frames_per_second")}


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


def _with(finding: Finding, code: str | None, seen: Mapping[str, Datum]) -> Finding:
    """The finding, with what is known of the camera's pictures."""
    status = Status.NOTE if code == UNCHECKED else Status.WARN if code else Status.OK
    return Finding(probe=finding.probe, status=status, code=code, data={**finding.data, **seen})


def _told_of(seen: Glance, device: str, machine: Machine) -> tuple[str | None, dict[str, Datum]]:
    if seen.code is None:
        return BLANK if seen.blank else None, {"picture_width": seen.width, "picture_height": seen.height}
    if seen.code == CameraBusy.code:
        with suppress(OSError):
            return seen.code, {"programs": ", ".join(holders(Path(device), machine)) or None}
    return seen.code, {}


def _takes_pictures(device: Path) -> bool:
    try:
        examine(str(device), *_ANY_SIZE)
    except (CameraMissing, CameraNotAllowed, CameraBusy, CameraUnsuitable):
        return False
    return True


def _is_built_in(device: Path, machine: Machine) -> bool:
    """Whether Linux knows what it sits on, and that is no USB bus (sysfs: /sys/class/video4linux/NAME/device)."""
    sits_on = machine.root / "sys/class/video4linux" / device.name / "device"
    return sits_on.exists() and not any(part.startswith("usb") for part in sits_on.resolve().parts)
