"""The machine-readable lines in a picture of a card's back, or nothing: no line leaves here unchecked.

Found by one small network, read by another, put right and accepted by the check digits; each of the three stands in a
file of its own, what it was chosen for in docs/optical.md.
"""

from collections.abc import Iterator

import numpy as np

from reader.optical import mrz_letters
from reader.optical.mrz_correct import Chances, correct
from reader.optical.mrz_letters import Read
from reader.optical.mrz_locate import locate
from reader.optical.pictures import GreyImage

SIZES = {3: (30,), 2: (44, 36)}  # letters of a line, by the number of lines (Doc 9303-5, -4, -6)
MOST_SIDE = 4096  # pixels; a camera's picture has half of that
_SURE_FIT = -0.7  # of what is a zone (see `Read.fit`): no other place is looked at
_REMEMBERED = 4  # readings of earlier pictures
_SAME = 0.6  # of the letters, for two readings to be of one card


def read_mrz(picture: GreyImage) -> tuple[str, ...] | None:
    """The lines of one document (TD1: three of 30; TD2, TD3: two of 36 or 44) with every check digit right.

    A name has no check digit and is as read. Raises ValueError for another kind of picture than grey with 8 bits.
    """
    return Look().read(picture)


class Look:
    """Reads picture after picture of one card held up; what one leaves in doubt the next may settle."""

    def __init__(self) -> None:
        self._before: list[tuple[Chances, ...]] = []

    def read(self, picture: GreyImage) -> tuple[str, ...] | None:
        """As `read_mrz`, with the pictures before in mind."""
        for read in _readings(picture):
            lines = _accepted(read.chances)
            if lines is not None:
                return lines
            lines = _accepted(self._with_earlier(read.chances))
            if lines is not None:
                return lines
            self._before = [*self._before, read.chances][-_REMEMBERED:]
        return None

    def _with_earlier(self, chances: tuple[Chances, ...]) -> tuple[Chances, ...]:
        """What this reading and the earlier ones of the same card say together.

        Their errors have causes in common (the print, the pose), so two readings do not count as two witnesses: the
        sum is divided by the root of their number.
        """
        alike = [earlier for earlier in self._before if _of_one_card(earlier, chances)]
        witnesses = [chances, *alike]
        return tuple(
            np.asarray(np.sum(rows, axis=0) / np.sqrt(len(witnesses)), np.float32)
            for rows in zip(*witnesses, strict=True)
        )


def _of_one_card(one: tuple[Chances, ...], other: tuple[Chances, ...]) -> bool:
    if [len(line) for line in one] != [len(line) for line in other]:
        return False
    same = [a.argmax(axis=1) == b.argmax(axis=1) for a, b in zip(one, other, strict=True)]
    return float(np.concatenate(same).mean()) >= _SAME


def _accepted(chances: tuple[Chances, ...]) -> tuple[str, ...] | None:
    corrected = correct(chances)
    return corrected.lines if corrected is not None and corrected.accepted else None


def _readings(picture: GreyImage) -> Iterator[Read]:
    """Every place that may be a zone, read the right way up."""
    if picture.ndim != 2 or picture.dtype != np.uint8:
        raise ValueError("a grey picture of 8 bits is needed")
    if min(picture.shape, default=0) < 32 or max(picture.shape) > MOST_SIDE:
        return
    for zone in locate(picture):
        for letters in SIZES[len(zone.lines)]:
            read = mrz_letters.read(picture, zone, letters)
            if read is None:
                continue
            yield read
            if read.fit > _SURE_FIT:
                return
