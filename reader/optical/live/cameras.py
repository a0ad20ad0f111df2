"""Which kind of camera a setting means; one line for each kind. Loads OpenCV only when a camera is opened."""

import os
import stat
from typing import TYPE_CHECKING

from reader.optical.errors import CameraMissing, CameraNotAllowed

if TYPE_CHECKING:
    from reader.optical.live.newest import OpenCamera

PICAMERA = "picamera2"  # a Raspberry Pi's own camera: this, or this with the camera's number behind a colon


def pi_number(device: str) -> int | None:
    """Which Pi camera the setting means; None when it means none. Pure."""
    name, colon, number = device.partition(":")
    if name != PICAMERA or (colon and not (number.isascii() and number.isdigit())):
        return None
    return int(number) if colon else 0


def is_video(device: str) -> bool:
    """Whether the path is a Video4Linux device; else it is a stream. Raises CameraMissing, CameraNotAllowed."""
    try:
        return stat.S_ISCHR(os.stat(device).st_mode)  # noqa: PTH116 - whatever string is configured
    except PermissionError:
        raise CameraNotAllowed from None
    except (OSError, ValueError):
        raise CameraMissing from None


def open_camera(device: str, width: int, height: int) -> "OpenCamera":
    """Open the camera: `picamera2` or `picamera2:N`, the path of a Video4Linux device, or a stream's path.

    Raises one of `errors.TROUBLES`.
    """
    number = pi_number(device)
    if number is not None:
        from reader.optical.live.picamera import PiCamera

        return PiCamera(number, width, height)
    if is_video(device):
        from reader.optical.live.video import VideoCamera

        return VideoCamera(device, width, height)
    from reader.optical.live.stream import StreamCamera

    return StreamCamera(device)
