"""What a Video4Linux device says of itself, and its controls: the few questions that OpenCV does not ask.

OpenCV takes the pictures (`video.py`); it would take whatever format comes first, and cannot say why a device does not
open. The structures are those of linux/videodev2.h, by the Linux media documentation, "Video for Linux API". Must not
import OpenCV: the doctor looks at cameras without loading it.
"""

import ctypes
import errno
import fcntl
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from reader.optical.errors import CameraBusy, CameraMissing, CameraNotAllowed, CameraUnsuitable

ENOUGH_FPS = 8.0  # more looks a second read nothing more (vision.md 6)
# Best first. MJPEG comes fastest over USB; a camera that gives luma without asking gives it in one of the others.
FORMATS = ("MJPG", "JPEG", "GREY", "NV12", "NV21", "YU12", "YV12", "YUYV", "UYVY")
_MOST = 256  # answers to one list: a driver that never ends it

_CAPTURE, _CAPTURE_PLANES, _OWN_CAPABILITIES = 0x1, 0x1000, 0x80000000
_BUFFERS, _BUFFERS_PLANES = 1, 9  # V4L2_BUF_TYPE_VIDEO_CAPTURE, ..._MPLANE
_DISCRETE = 1  # V4L2_FRMSIZE_TYPE_DISCRETE and V4L2_FRMIVAL_TYPE_DISCRETE
_UNUSABLE = 0x1 | 0x2 | 0x4 | 0x10  # a control's flags: disabled, grabbed, read-only, inactive


class Controls(NamedTuple):
    """A control by number, and the value it is set to where the camera has it."""

    number: int
    value: int


SETTINGS = (
    Controls(0x00980918, 1),  # V4L2_CID_POWER_LINE_FREQUENCY: lamps in Viet Nam flicker with 50 Hz
    # V4L2_CID_EXPOSURE_AUTO_PRIORITY off: the camera must not slow down for a longer exposure, which blurs a held card.
    Controls(0x009A0903, 0),
    Controls(0x009A090C, 1),  # V4L2_CID_FOCUS_AUTO
)


class Mode(NamedTuple):
    """One way in which the camera gives pictures; `fps` is the fastest, 0 where it does not say."""

    fourcc: str
    width: int
    height: int
    fps: float


class Offer(NamedTuple):
    """A camera: its name and its modes in formats that are read here. No mode: it does not list its sizes."""

    name: str
    formats: tuple[str, ...]
    modes: tuple[Mode, ...]


class _Capability(ctypes.Structure):
    _fields_ = (
        ("driver", ctypes.c_char * 16),
        ("card", ctypes.c_char * 32),
        ("bus_info", ctypes.c_char * 32),
        ("version", ctypes.c_uint32),
        ("capabilities", ctypes.c_uint32),
        ("device_caps", ctypes.c_uint32),
        ("reserved", ctypes.c_uint32 * 3),
    )


class _FormatDescription(ctypes.Structure):
    _fields_ = (
        ("index", ctypes.c_uint32),
        ("type", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("description", ctypes.c_char * 32),
        ("pixelformat", ctypes.c_uint32),
        ("mbus_code", ctypes.c_uint32),
        ("reserved", ctypes.c_uint32 * 3),
    )


class _FrameSize(ctypes.Structure):
    """`values`: width and height, or the least, greatest and step of each."""

    _fields_ = (
        ("index", ctypes.c_uint32),
        ("pixel_format", ctypes.c_uint32),
        ("type", ctypes.c_uint32),
        ("values", ctypes.c_uint32 * 6),
        ("reserved", ctypes.c_uint32 * 2),
    )


class _FrameInterval(ctypes.Structure):
    """`values`: numerator and denominator in seconds, or of the shortest, longest and step."""

    _fields_ = (
        ("index", ctypes.c_uint32),
        ("pixel_format", ctypes.c_uint32),
        ("width", ctypes.c_uint32),
        ("height", ctypes.c_uint32),
        ("type", ctypes.c_uint32),
        ("values", ctypes.c_uint32 * 6),
        ("reserved", ctypes.c_uint32 * 2),
    )


class _Inside(ctypes.Union):
    # The kernel's union holds pointers, which is what aligns it.
    _fields_ = (("raw", ctypes.c_uint8 * 200), ("aligned", ctypes.c_void_p))


class _Format(ctypes.Structure):
    _fields_ = (("type", ctypes.c_uint32), ("fmt", _Inside))


class _ControlDescription(ctypes.Structure):
    _fields_ = (
        ("id", ctypes.c_uint32),
        ("type", ctypes.c_uint32),
        ("name", ctypes.c_char * 32),
        ("minimum", ctypes.c_int32),
        ("maximum", ctypes.c_int32),
        ("step", ctypes.c_int32),
        ("default_value", ctypes.c_int32),
        ("flags", ctypes.c_uint32),
        ("reserved", ctypes.c_uint32 * 2),
    )


class _Control(ctypes.Structure):
    _fields_ = (("id", ctypes.c_uint32), ("value", ctypes.c_int32))


def _request(writes: bool, number: int, structure: type[ctypes.Structure]) -> int:
    """An ioctl's number (asm-generic/ioctl.h): the direction, the structure's size, 'V', the number."""
    return (3 if writes else 2) << 30 | ctypes.sizeof(structure) << 16 | ord("V") << 8 | number


_QUERYCAP = _request(False, 0, _Capability)
_ENUM_FMT = _request(True, 2, _FormatDescription)
_G_FMT = _request(True, 4, _Format)
_S_FMT = _request(True, 5, _Format)
_S_CTRL = _request(True, 28, _Control)
_QUERYCTRL = _request(True, 36, _ControlDescription)
_ENUM_FRAMESIZES = _request(True, 74, _FrameSize)
_ENUM_FRAMEINTERVALS = _request(True, 75, _FrameInterval)


def examine(device: str, width: int, height: int) -> Offer:
    """Ask the device what it offers; disturbs nobody who uses it. The size asked for is what a camera with a range of
    sizes is asked about.

    Raises CameraMissing, CameraNotAllowed, CameraBusy or CameraUnsuitable.
    """
    with _opened(device) as file:
        capability = _Capability()
        if not _ask(file, _QUERYCAP, capability):
            raise CameraUnsuitable
        own = capability.capabilities & _OWN_CAPABILITIES
        abilities = capability.device_caps if own else capability.capabilities
        if not abilities & (_CAPTURE | _CAPTURE_PLANES):
            raise CameraUnsuitable  # for example the second node of a webcam, which gives its metadata
        buffers = _BUFFERS if abilities & _CAPTURE else _BUFFERS_PLANES
        formats = tuple(fourcc for fourcc in _formats(file, buffers) if fourcc in FORMATS)
        if not formats:
            raise CameraUnsuitable
        modes = tuple(mode for fourcc in formats for mode in _modes(file, fourcc, width, height))
        return Offer(capability.card.decode("ascii", "replace"), formats, modes)


def choose(offer: Offer, width: int, height: int) -> Mode:
    """The mode to use: as many pixels as asked for and not more, fast enough, and of such the best format. Pure.

    Of a camera that has only larger pictures the smallest; of one that has only slow ones the largest that is asked.
    """
    if not offer.modes:
        return Mode(min(offer.formats, key=FORMATS.index), width, height, 0.0)

    def pixels(mode: Mode) -> int:
        return mode.width * mode.height

    within = [mode for mode in offer.modes if pixels(mode) <= width * height]
    if not within:
        least = min(pixels(mode) for mode in offer.modes)
        within = [mode for mode in offer.modes if pixels(mode) == least]
    quick = [mode for mode in within if mode.fps == 0 or mode.fps >= ENOUGH_FPS] or within
    return max(quick, key=lambda mode: (pixels(mode), -FORMATS.index(mode.fourcc)))


def set_controls(device: str, settings: Iterable[Controls] = SETTINGS) -> None:
    """Set what the camera has of these; whatever it has not, or refuses, stays as it is. Never raises."""
    try:
        with _opened(device) as file:
            for setting in settings:
                has = _ControlDescription(id=setting.number)
                usable = _ask(file, _QUERYCTRL, has) and not has.flags & _UNUSABLE
                if usable and has.minimum <= setting.value <= has.maximum:
                    _ask(file, _S_CTRL, _Control(setting.number, setting.value))
    except (CameraMissing, CameraNotAllowed, CameraBusy):
        return


def require_free(device: str) -> None:
    """Raises CameraBusy when another program streams from it, else CameraMissing or CameraNotAllowed when it does not
    open. Only for a device that did not open otherwise: to find out, its format is set to what it is."""
    with _opened(device) as file:
        for buffers in (_BUFFERS, _BUFFERS_PLANES):
            now = _Format(type=buffers)
            if _ask(file, _G_FMT, now):
                try:
                    fcntl.ioctl(file, _S_FMT, now)
                except OSError as error:
                    if error.errno == errno.EBUSY:
                        raise CameraBusy from None


def _formats(file: int, buffers: int) -> Iterator[str]:
    for index in range(_MOST):
        description = _FormatDescription(index=index, type=buffers)
        if not _ask(file, _ENUM_FMT, description):
            return
        yield int(description.pixelformat).to_bytes(4, "little").decode("latin-1")


def _modes(file: int, fourcc: str, width: int, height: int) -> Iterator[Mode]:
    code = int.from_bytes(fourcc.encode(), "little")
    for index in range(_MOST):
        size = _FrameSize(index=index, pixel_format=code)
        if not _ask(file, _ENUM_FRAMESIZES, size):
            return
        if size.type == _DISCRETE:
            wide, high = size.values[:2]
        else:
            wide, high = _within(width, size.values[:3]), _within(height, size.values[3:])
        yield Mode(fourcc, wide, high, _fastest(file, code, wide, high))
        if size.type != _DISCRETE:
            return


def _within(asked: int, bounds: list[int]) -> int:
    """The size nearest below what is asked in a range with steps."""
    least, greatest, step = bounds
    return least + (max(least, min(asked, greatest)) - least) // max(step, 1) * max(step, 1)


def _fastest(file: int, code: int, width: int, height: int) -> float:
    fastest = 0.0
    for index in range(_MOST):
        interval = _FrameInterval(index=index, pixel_format=code, width=width, height=height)
        if not _ask(file, _ENUM_FRAMEINTERVALS, interval):
            break
        seconds, parts = interval.values[:2]
        if seconds:
            fastest = max(fastest, parts / seconds)
        if interval.type != _DISCRETE:
            break
    return fastest


def _ask(file: int, request: int, structure: ctypes.Structure) -> bool:
    """Whether the driver answered; the answer stands in the structure. Raises CameraMissing when it is gone."""
    try:
        fcntl.ioctl(file, request, structure)
    except OSError as error:
        if error.errno == errno.ENODEV:
            raise CameraMissing from None
        return False
    return True


@contextmanager
def _opened(device: str) -> Iterator[int]:
    try:
        file = os.open(device, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except (PermissionError, FileNotFoundError, OSError) as error:
        if error.errno in (errno.EACCES, errno.EPERM):
            raise CameraNotAllowed from None
        if error.errno == errno.EBUSY:
            raise CameraBusy from None
        raise CameraMissing from None
    try:
        yield file
    finally:
        os.close(file)
