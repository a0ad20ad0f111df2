"""Frames as cameras give them, and the grey pictures in them: of a JPEG only the luma is decoded, of raw video only the
luma is taken. Colour is never made.

Measured (1280 x 720, one thread): colour 2.3 ms, grey 1.4 ms, grey at an eighth 1.0 ms.
"""

from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt

from reader.optical.live import jpeg
from reader.optical.pictures import GreyImage

GRID = (48, 27)  # columns and rows of the small picture: about 27 pixels of 1280 x 720 to a cell
_STEP = 4  # of raw video every fourth pixel of every fourth row is enough for that

Bytes = npt.NDArray[np.uint8]


class Frame(Protocol):
    """One frame, not decoded yet: most frames never need to be."""

    def small(self) -> GreyImage | None:
        """The whole view in GRID; None when the frame is torn."""
        ...

    def grey(self) -> GreyImage | None:
        """The picture in full size; None when the frame is torn."""
        ...


@dataclass(frozen=True)
class JpegFrame:
    """A JPEG picture, from its first marker to its last; hostile bytes."""

    data: bytes

    def small(self) -> GreyImage | None:
        """See `Frame`."""
        picture = self._decode(cv2.IMREAD_REDUCED_GRAYSCALE_8)
        return None if picture is None else _in_grid(picture)

    def grey(self) -> GreyImage | None:
        """See `Frame`."""
        return self._decode(cv2.IMREAD_GRAYSCALE)

    def _decode(self, how: int) -> GreyImage | None:
        if not jpeg.is_reasonable(self.data):
            return None
        try:
            # Else a turn told by the EXIF head would be made, which no camera means.
            picture = cv2.imdecode(np.frombuffer(self.data, np.uint8), how | cv2.IMREAD_IGNORE_ORIENTATION)
        except cv2.error:
            return None
        return None if picture is None or picture.ndim != 2 else picture.view(np.ndarray).astype(np.uint8, copy=False)


@dataclass(frozen=True)
class LumaFrame:
    """The luma of raw video, rows x columns; may be a view with gaps."""

    luma: GreyImage

    def small(self) -> GreyImage | None:
        """See `Frame`."""
        return _in_grid(np.ascontiguousarray(self.luma[::_STEP, ::_STEP]))

    def grey(self) -> GreyImage | None:
        """See `Frame`."""
        return np.ascontiguousarray(self.luma)


class JpegSource:
    """Makes whole pictures of what a camera calls a frame: cut at the last end marker, because cameras fill up their
    buffers. A camera that never writes that marker gets it added; from one that does, a frame without is torn.
    """

    def __init__(self) -> None:
        self._writes_end = False

    def frame(self, data: bytes) -> JpegFrame | None:
        """The frame; None when it is torn."""
        end = data.rfind(jpeg.END)
        if end >= 0:
            self._writes_end = True
            return JpegFrame(data[: end + 2])
        return None if self._writes_end else JpegFrame(data + jpeg.END)


def luma_of(data: Bytes, fourcc: str, width: int, height: int) -> LumaFrame | None:
    """The luma in one frame of raw video; None when the frame is too short for its size.

    `fourcc`: YUYV or UYVY (packed), or one that begins with a whole luma plane (GREY, NV12, NV21, YU12, YV12); the
    layouts are those of the Linux media documentation, "Image Formats". A row may be longer than `width`.
    """
    rows = height if fourcc in PACKED or fourcc == "GREY" else height * 3 // 2
    bytes_per_pixel = 2 if fourcc in PACKED else 1
    row = data.size // rows
    if row < width * bytes_per_pixel:
        return None
    plane = data[: row * height].reshape(height, row)
    first = PACKED.get(fourcc, 0)
    return LumaFrame(plane[:, first : width * bytes_per_pixel : bytes_per_pixel])


PACKED = {"YUYV": 0, "UYVY": 1}  # where in four bytes the first luma stands


def _in_grid(picture: GreyImage) -> GreyImage:
    return cv2.resize(picture, GRID, interpolation=cv2.INTER_AREA).view(np.ndarray).astype(np.uint8, copy=False)
