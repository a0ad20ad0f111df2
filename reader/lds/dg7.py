"""DG7: the displayed signature or usual mark (ICAO Doc 9303-10, 4.7.7), as images that stay opaque bytes.

Nobody at a reception needs it; it is read where everything is wanted. Must not import an image library.
"""

from dataclasses import dataclass

from reader import tlv
from reader.errors import CardBroken
from reader.lds.portrait import Picture, look

WHERE = "dg7"
MAX_IMAGES = 9
_GROUP, _MARK = 0x67, 0x5F43


@dataclass(frozen=True)
class Signatures:
    """The images of the signature, and codes of what is odd."""

    images: tuple[Picture, ...] = ()
    warnings: tuple[str, ...] = ()


def parse(data: bytes) -> Signatures:
    """Parse the whole file. Raises CardBroken when it is no data group 7 or its structure is not BER."""
    nodes = tlv.read_all(tlv.read_one(data, _GROUP, WHERE), WHERE)
    marks = [node.value for node in nodes if node.tag == _MARK]
    warnings: list[str] = []
    pictures: list[Picture] = []
    for mark in marks[:MAX_IMAGES]:
        try:
            pictures.append(look(mark, "dg7.image"))
        except CardBroken:
            warnings.append("dg7.image")
    if len(marks) > MAX_IMAGES:
        warnings.append("dg7.too_many_images")
    return Signatures(tuple(pictures), tuple(dict.fromkeys(warnings)))
