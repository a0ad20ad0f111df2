"""All parts of the pages, in the order of the index."""

from tests.pictures import board, counter, door, messages, paper, touchscreen
from tests.pictures.looking import Part

WALKS: dict[str, Part] = {
    part.name: part for part in (touchscreen.PART, counter.PART, door.PART, messages.PART, board.PART)
}
PARTS = (*WALKS.values(), paper.PART)
