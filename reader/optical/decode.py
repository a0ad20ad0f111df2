"""The texts of the QR codes in one grey picture: a cascade chosen by measurement (docs/optical.md).

Each step costs more than the one before and is taken only where that one read nothing:

1. zxing-cpp on the whole picture;
2. zxing-cpp on the likeliest places, enlarged and sharpened;
3. the code's pose by all its fixed patterns, its modules freed of blur (`pose.py`, `grid.py`) and drawn anew for
   zxing-cpp, which corrects what is still wrong.

Where no zxing-cpp wheel exists (32-bit ARM) zbar takes its place in each. Pure but for OpenCV.
"""

from collections.abc import Iterator

import cv2
import numpy as np
import numpy.typing as npt

from reader.optical import grid, pose
from reader.optical.locate import places
from reader.optical.pictures import Box, Found, GreyImage

try:
    from reader.optical.zxing import read
except ImportError:
    from reader.optical.zbar import read

_MOST_PLACES = 2
_MARGIN = 0.2  # of a place's size, on each side, and some pixels besides
_MARGIN_PIXELS = 12
_SHARPENING = 1.5
_SHARPENING_PIXELS = 1.25
_POSE_PIXELS = 170  # size at which the pose is sought
_QUIET_MODULES = 4  # ISO/IEC 18004, 5.3.8
_DRAWN_PIXELS = 3  # a module
_LEAST_SCORE = 0.35  # of a pose; places without a code reach 0.3 (docs/optical.md)


def decode(picture: GreyImage) -> list[str]:
    """The text of each QR code in the picture (see `Found.text`), each once.

    Raises ValueError for another kind of picture than grey with 8 bits.
    """
    return list(dict.fromkeys(found.text for found in find(picture)))


def find(picture: GreyImage, near: Box | None = None) -> list[Found]:
    """Each QR code in the picture. `near`: where one was a moment ago; that place is looked at first, and alone if it
    is still there. Raises ValueError for another kind of picture.
    """
    if picture.ndim != 2 or picture.dtype != np.uint8:
        raise ValueError("a grey picture of 8 bits is needed")
    if min(picture.shape) < 21:  # modules of the smallest code
        return []
    return next((found for found in _attempts(picture, near) if found), [])


def _attempts(picture: GreyImage, near: Box | None) -> Iterator[list[Found]]:
    if near is not None:
        part, left, top = _cut(picture, near)
        yield [_moved(found, 1, left, top) for found in read(part)]
    yield read(picture)
    likely = places(picture, _MOST_PLACES)
    for place in likely:
        part, left, top = _cut(picture, place)
        factor = 3 if max(part.shape) < 260 else 2 if max(part.shape) < 620 else 1
        yield [_moved(found, factor, left, top) for found in read(_sharpened(part, factor))]
    for place in likely[:1]:  # the second one was never read so in a thousand pictures, and costs as much
        part, left, top = _cut(picture, place)
        yield _by_pose(part, max(place.width, place.height), left, top)


def _cut(picture: GreyImage, place: Box) -> tuple[GreyImage, int, int]:
    margin = int(_MARGIN * max(place.width, place.height)) + _MARGIN_PIXELS
    left, top = max(0, place.left - margin), max(0, place.top - margin)
    return picture[top : place.top + place.height + margin, left : place.left + place.width + margin], left, top


def _sharpened(part: GreyImage, factor: int) -> GreyImage:
    """Enlarged, with an unsharp mask. Sharpened first: that is the same, on a ninth of the pixels."""
    wide = part.astype(np.int16)  # so that nothing is cut off before it is enlarged
    soft = cv2.GaussianBlur(wide, (0, 0), _SHARPENING_PIXELS)
    sharp = cv2.addWeighted(wide, 1 + _SHARPENING, soft, -_SHARPENING, 0)
    large = cv2.resize(sharp, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
    return np.clip(large, 0, 255).astype(np.uint8)


def _by_pose(part: GreyImage, extent: int, left: int, top: int) -> list[Found]:
    factor = min(2.0, _POSE_PIXELS / extent)
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    scaled = np.asarray(cv2.resize(part, None, fx=factor, fy=factor, interpolation=method), np.uint8)
    picture = pose.contrast(scaled, extent * factor / 5)
    found = pose.best_pose(picture, extent * factor)
    if found is None or found.score < _LEAST_SCORE:
        return []
    corners = (found.corners + 0.5) / factor - 0.5
    for guess in grid.guesses(part, pose.Pose(found.side, corners, found.score)):
        text = _read_modules(guess)
        if text is not None:
            x, y, width, height = cv2.boundingRect(corners.astype(np.float32))
            return [Found(text, Box(x + left, y + top, width, height))]
    return []


def _read_modules(dark: npt.NDArray[np.uint8]) -> str | None:
    """The text of a code given module by module; None when its errors cannot be corrected."""
    light = np.where(np.pad(dark, _QUIET_MODULES), np.uint8(0), np.uint8(255))
    found = read(light.repeat(_DRAWN_PIXELS, axis=0).repeat(_DRAWN_PIXELS, axis=1))
    return found[0].text if found else None


def _moved(found: Found, factor: int, left: int, top: int) -> Found:
    x, y, width, height = found.box
    return Found(found.text, Box(x // factor + left, y // factor + top, width // factor, height // factor))
