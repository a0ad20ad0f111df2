"""All parts of the pages, in the order of the index."""

from tests.pictures import board, care, counter, door, messages, paper, statistics, touchscreen
from tests.pictures.looking import Part

WALKS: dict[str, Part] = {
    part.name: part
    for part in (touchscreen.PART, counter.PART, door.PART, messages.PART, care.PART, statistics.PART, board.PART)
}
PARTS = (*WALKS.values(), paper.PART)
