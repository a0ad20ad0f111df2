"""The texts of the QR codes in one grey picture: a cascade chosen by measurement (docs/optical.md).

Each step costs more than the one before and is taken only where those before read no card's code:

1. zxing-cpp on the whole picture;
2. zxing-cpp on the whole picture at a third of its size: large codes under fine texture (noise, a phone's pixels);
3. zxing-cpp on the likeliest places, enlarged and sharpened;
4. the code's pose by all its fixed patterns, its modules freed of blur (`pose.py`, `grid.py`) and drawn anew for
   zxing-cpp, which corrects what is still wrong;
5. zxing-cpp with all it can do besides: light on dark, other sizes. So nothing is lost that it reads alone.

A code that is no card's, on a poster behind the person, does not end the search. Where no zxing-cpp wheel exists
(32-bit ARM) zbar takes its place in each. Pure but for OpenCV.
"""

from collections.abc import Iterator

import cv2
import numpy as np
import numpy.typing as npt

from reader.optical.pictures import Box, Found, GreyImage
from reader.optical.qr import grid, pose
from reader.optical.qr.locate import places
from reader.payload.parse import is_of_person

try:
    from reader.optical.qr.zxing import read, read_thoroughly
except ImportError:
    from reader.optical.qr.zbar import read, read_thoroughly

_SMALLEST = 21  # modules a side, one pixel each
_SHRINKING = 3
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
    """QR codes in the picture, until one of them is a card's. `near`: where one was a moment ago; that place is looked
    at first. Raises ValueError for another kind of picture.
    """
    if picture.ndim != 2 or picture.dtype != np.uint8:
        raise ValueError("a grey picture of 8 bits is needed")
    found: list[Found] = []
    if min(picture.shape) < _SMALLEST:
        return found
    for more in _attempts(picture, near, found):
        known = {code.text for code in found}
        found += [code for code in more if code.text not in known]
        if any(is_of_person(code.text) for code in more):
            break
    return found


def _attempts(picture: GreyImage, near: Box | None, found: list[Found]) -> Iterator[list[Found]]:
    """What each step reads; `found`: what was read so far."""
    if near is not None:
        part, left, top = _cut(picture, near)
        yield [_moved(code, 1, left, top) for code in read(part)]
    yield read(picture)
    if min(picture.shape) >= _SMALLEST * _SHRINKING:
        size = picture.shape[1] // _SHRINKING, picture.shape[0] // _SHRINKING
        small = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
        yield [_enlarged(code, _SHRINKING) for code in read(small)]
    likely = places(_without(picture, found), _MOST_PLACES)
    for place in likely:
        part, left, top = _cut(picture, place)
        factor = 3 if max(part.shape) < 260 else 2 if max(part.shape) < 620 else 1
        yield [_moved(code, factor, left, top) for code in read(_sharpened(part, factor))]
    for place in likely[:1]:  # the second one was read so once in a thousand pictures, and costs as much
        part, left, top = _cut(picture, place)
        yield _by_pose(part, max(place.width, place.height), left, top)
    yield read_thoroughly(picture)


def _without(picture: GreyImage, found: list[Found]) -> GreyImage:
    """The picture with the codes found painted over, so that other places are looked at."""
    if not found:
        return picture
    rest = picture.copy()
    for _, (left, top, width, height) in found:
        rest[max(0, top) : top + height, max(0, left) : left + width] = 128
    return rest


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


def _enlarged(found: Found, factor: int) -> Found:
    return Found(found.text, Box(*(value * factor for value in found.box)))


def _moved(found: Found, factor: int, left: int, top: int) -> Found:
    x, y, width, height = found.box
    return Found(found.text, Box(x // factor + left, y // factor + top, width // factor, height // factor))
