"""DG2: the portrait (ICAO Doc 9303-10, 4.7.2; ISO/IEC 19794-5). Takes the image out, never decodes it.

The image is from outside and stays opaque bytes here. Must not import an image library.
"""

from dataclasses import dataclass

from reader.chip import tlv
from reader.errors import CardBroken

WHERE = "dg2"
_SIGNATURES = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "image/jp2"),
    (b"\xff\x4f\xff\x51", "image/jp2"),
)
_FACIAL_HEADER, _FACIAL_INFORMATION, _FEATURE_POINT, _IMAGE_INFORMATION = 14, 20, 8, 12


@dataclass(frozen=True)
class Portrait:
    """The first facial image as stored, and its media type by its own first bytes."""

    image: bytes
    media_type: str


def parse(data: bytes) -> Portrait | None:
    """The portrait; None when the file holds no face (children's cards: card.md 4).

    Raises CardBroken when the file is no data group 2 or the image is neither JPEG nor JPEG 2000.
    """
    group = tlv.read_all(tlv.read_one(data, 0x75, WHERE), WHERE)
    if not group:
        return None
    for node in tlv.read_all(tlv.find(group, 0x7F61, WHERE), WHERE):
        if node.tag != 0x7F60:
            continue
        for block in tlv.children(node, WHERE):
            if block.tag in (0x5F2E, 0x7F2E) and block.value:
                return _facial_record(block.value)
    return None


def _facial_record(block: bytes) -> Portrait:
    """Skip the headers of ISO/IEC 19794-5:2005 (5.4 to 5.7) to the image of the first face."""
    start = _FACIAL_HEADER + _FACIAL_INFORMATION + _IMAGE_INFORMATION
    if block[:4] != b"FAC\0" or len(block) <= start:
        raise CardBroken(where=WHERE)
    record = int.from_bytes(block[14:18], "big")
    points = int.from_bytes(block[18:20], "big")
    end = min(len(block), _FACIAL_HEADER + record) if record else len(block)
    image = block[start + _FEATURE_POINT * points : end]
    for signature, media_type in _SIGNATURES:
        if image.startswith(signature):
            return Portrait(image, media_type)
    raise CardBroken(where="dg2.image")
