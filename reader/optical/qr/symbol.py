"""What of a QR code is the same in every one of its version (ISO/IEC 18004, 6.3): finders, timing, alignment.

Positions are modules from the top left one, columns before rows. Pure; must not import OpenCV.
"""

from functools import lru_cache
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[Any]  # of 32 bits; OpenCV's stubs tell no element types
Modules = npt.NDArray[np.int8]

FIRST_VERSION, LAST_VERSION = 4, 20  # what holds a card's payload, and what a camera could still resolve
FINDER = 7  # modules a side
DARK, LIGHT, OPEN = -1, 1, 0


class Fixed(NamedTuple):
    """The known modules of a code with `side` modules a side.

    `modules`: rows x columns of DARK, LIGHT, OPEN (data). `places` and `signs`: the same as points (module centres, in
    modules from the code's corner) and +1 (light) or -1, without the light borders of the finders' outer sides.
    """

    side: int
    modules: Modules
    places: Floats
    signs: Floats


def side_of(version: int) -> int:
    """Modules a side."""
    return 17 + 4 * version


@lru_cache(maxsize=LAST_VERSION)
def fixed(side: int) -> Fixed:
    """The fixed patterns of a code of that many modules a side."""
    modules = np.zeros((side, side), np.int8)
    centres = _alignment_centres(side)
    under_finders = {(6, 6), (6, centres[-1]), (centres[-1], 6)}
    for row, column in product(centres, centres):
        if (row, column) not in under_finders:
            modules[row - 2 : row + 3, column - 2 : column + 3] = _square(5)
    for row, column in ((0, 0), (0, side - FINDER), (side - FINDER, 0)):
        around = slice(max(0, row - 1), row + FINDER + 1), slice(max(0, column - 1), column + FINDER + 1)
        modules[around] = LIGHT
        modules[row : row + FINDER, column : column + FINDER] = _square(FINDER)
    stripe = np.where(np.arange(side) % 2, LIGHT, DARK)[FINDER + 1 : -FINDER - 1]
    modules[FINDER - 1, FINDER + 1 : -FINDER - 1] = stripe
    modules[FINDER + 1 : -FINDER - 1, FINDER - 1] = stripe
    modules[side - FINDER - 1, FINDER + 1] = DARK
    rows, columns = np.nonzero(modules)
    places = np.column_stack([columns, rows]).astype(np.float32) + np.float32(0.5)
    return Fixed(side, modules, places, modules[rows, columns].astype(np.float32))


def _square(side: int) -> Modules:
    """Dark ring, light ring, dark middle."""
    ring = np.minimum.reduce(np.meshgrid(*[np.minimum(np.arange(side), np.arange(side)[::-1])] * 2))
    return np.where(ring == 1, LIGHT, DARK).astype(np.int8)


def _alignment_centres(side: int) -> list[int]:
    """Rows (and columns) of the alignment patterns' middles (ISO/IEC 18004, annex E): evenly spaced backwards from the
    seventh module before the end, the first always at 6."""
    version = (side - 17) // 4
    gaps = version // 7 + 1
    step = (version * 8 + gaps * 3 + 8) // (gaps * 4) * 2
    return [6, *range(side - 7 - (gaps - 1) * step, side - 6, step)]
