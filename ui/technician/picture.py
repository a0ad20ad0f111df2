"""The small picture of what waited: one bar for each stretch of time, as the path of an inline SVG. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ui.technician.watch import Sample

WIDTH = 360
HEIGHT = 60
MOST_BARS = 120
SPANS = (60, 360, 1440)  # minutes that can be looked back


@dataclass(frozen=True)
class Picture:
    """`path`: the SVG path of the bars in a box of `width` by `height`; `most`: what the highest bar stands for."""

    path: str
    most: int
    minutes: int
    width: int = WIDTH
    height: int = HEIGHT


def picture_of(samples: Sequence[Sample], now_minute: int, minutes: int) -> Picture:
    """The last `minutes` up to `now_minute` (minutes since the epoch). A stretch nobody looked at has no bar."""
    each = math.ceil(minutes / MOST_BARS)
    bars = minutes // each
    highest: dict[int, int] = {}
    for sample in samples:
        bar = bars - 1 - (now_minute - sample.minute) // each
        if 0 <= bar < bars:
            highest[bar] = max(highest.get(bar, 0), sample.waiting)
    most = max(highest.values(), default=0)
    wide = WIDTH / bars
    parts = [
        f"M{bar * wide:g} {HEIGHT}v{-_high(waiting, most):g}h{wide:g}V{HEIGHT}z"
        for bar, waiting in sorted(highest.items())
    ]
    return Picture("".join(parts), most, minutes)


def _high(waiting: int, most: int) -> float:
    """Nothing waiting is a thin line, so that it differs from nobody having looked."""
    return 1.5 if not waiting else round(max(4.0, waiting / most * (HEIGHT - 2)), 1)
