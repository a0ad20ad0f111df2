"""What is wrong with a camera beyond being away (`reader.payload.errors`). Each class is one stable code; the words for
it are made in `ui/`. Must not import a device library.
"""

from reader.payload.errors import CameraMissing, CameraNotAllowed, DecoderMissing
from wire.errors import TiepDonError

__all__ = [
    "TROUBLES",
    "CameraBusy",
    "CameraFailed",
    "CameraMissing",
    "CameraNotAllowed",
    "CameraSilent",
    "CameraUnsuitable",
    "DecoderMissing",
    "PicameraMissing",
]


class CameraBusy(TiepDonError):
    """Another program holds the camera."""

    code = "camera.busy"
    retriable = True


class CameraSilent(TiepDonError):
    """The camera is there and open, but gives no pictures."""

    code = "camera.silent"
    retriable = True


class CameraUnsuitable(TiepDonError):
    """The device takes no video, or gives it in no format that is read here (for example H.264 alone)."""

    code = "camera.unsuitable"


class PicameraMissing(TiepDonError):
    """A Raspberry Pi camera is configured and the module picamera2 is not installed where this program looks."""

    code = "camera.picamera_missing"


class CameraFailed(TiepDonError):
    """The camera's driver or library failed in a way nobody foresaw. `kind` names the error, never its content."""

    code = "camera.failed"
    retriable = True


TROUBLES = (
    CameraMissing,
    CameraNotAllowed,
    CameraBusy,
    CameraSilent,
    CameraUnsuitable,
    PicameraMissing,
    CameraFailed,
    DecoderMissing,
)
"""What ends the use of a camera for now; it is tried again."""
