"""What the optical parts hand to each other: grey pictures, places in them, codes found. Must not import OpenCV."""

from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

GreyImage = npt.NDArray[np.uint8]
"""Rows x columns, 8 bits, 0 is black."""


class Box(NamedTuple):
    """A place in a picture, in pixels; may reach beyond the picture's edge."""

    left: int
    top: int
    width: int
    height: int


class Found(NamedTuple):
    """A code in a picture. `text` as encoded, UTF-8; a byte that is not UTF-8 stands as a lone surrogate
    (`reader.payload.text.as_text`), so that nothing takes it for a letter. `box`: where it was seen."""

    text: str
    box: Box


class FrameTap(Protocol):
    """Somebody who wants a camera's whole frames for a while (the reader of machine-readable lines)."""

    @property
    def wanted(self) -> bool:
        """Whether frames are of use now; asked before each one."""
        ...

    def offer(self, picture: GreyImage) -> None:
        """Take the newest frame or leave it; never waits. The picture must not be changed or kept."""
        ...
