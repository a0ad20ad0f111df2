"""The machine-readable lines in a picture of a card's back, or nothing: no line leaves here unchecked.

Found by one small network, read by another, put right and accepted by the check digits; each of the three stands in a
file of its own. Every picture is judged alone: readings of several pictures added up read no card that one of them
did not (measured on 48 series of five poor pictures each).
"""

from collections.abc import Iterator

import numpy as np

from reader.optical.pictures import GreyImage
from reader.optical.zone.correct import correct
from reader.optical.zone.letters import Read
from reader.optical.zone.letters import read as read_letters
from reader.optical.zone.locate import locate

SIZES = {3: (30,), 2: (44, 36)}  # letters of a line, by the number of lines (Doc 9303-5, -4, -6)
LEAST_SIDE, MOST_SIDE = 32, 4096  # pixels
_LEAST_FIT = -0.9  # of what may be a zone (see `Read.fit`); nothing below -0.5 was ever read
_SURE_FIT = -0.6  # of what is one: no other place is looked at


def read_mrz(picture: GreyImage) -> tuple[str, ...] | None:
    """The lines of one document (TD1: three of 30; TD2, TD3: two of 36 or 44) with every check digit right.

    A name has no check digit and is as read: nothing may be concluded from it. Raises ValueError for another kind of
    picture than grey with 8 bits.
    """
    if picture.ndim != 2 or picture.dtype != np.uint8:
        raise ValueError("a grey picture of 8 bits is needed")
    if min(picture.shape) < LEAST_SIDE or max(picture.shape) > MOST_SIDE:
        return None
    for read in _readings(picture):
        corrected = correct(read.chances)
        if corrected is not None and corrected.accepted:
            return corrected.lines
    return None


def _readings(picture: GreyImage) -> Iterator[Read]:
    """Every place that may be a zone, read the right way up."""
    for zone in locate(picture):
        for letters in SIZES[len(zone.lines)]:
            read = read_letters(picture, zone, letters)
            if read is None or read.fit < _LEAST_FIT:
                continue
            yield read
            if read.fit > _SURE_FIT:
                return
