"""DG2: the portrait (ICAO Doc 9303-10, 4.7.2; ISO/IEC 19794-5:2005, ISO/IEC 39794-5:2019). Takes the images out.

They are from outside and stay opaque bytes here; `portrait.py` looks at their headers. Cards of many makers differ in
how they wrap a face, so what is odd is a warning as long as an image is found. Must not import an image library.
"""

from dataclasses import dataclass

from reader import tlv
from reader.errors import CardBroken
from reader.lds.portrait import SIGNATURES, Picture, look

WHERE = "dg2"
MAX_IMAGES = 9  # Doc 9303-10, 4.7.2: 1 to 9 templates

_GROUP, _TEMPLATES, _TEMPLATE = 0x75, 0x7F61, 0x7F60
_BLOCK, _CONSTRUCTED_BLOCK = 0x5F2E, 0x7F2E
_FACIAL_HEADER, _FACIAL_INFORMATION, _FEATURE_POINT, _IMAGE_INFORMATION = 14, 20, 8, 12
_HEADERS_MAX = 1024  # bytes in front of an image whose headers are not understood
# ISO/IEC 39794-5: FaceImageDataBlock / representationBlocks / one / imageRepresentation / base / 2D block / data.
_FACE_BLOCK, _REPRESENTATIONS, _REPRESENTATION, _TO_IMAGE = 0x65, 0xA1, 0x30, (0xA1, 0xA0, 0xA0, 0x80)


@dataclass(frozen=True)
class Portraits:
    """The facial images in the card's order, none on cards of small children (card.md 4), and codes of what is odd."""

    images: tuple[Picture, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def image(self) -> bytes | None:
        """The first image as stored."""
        return self.images[0].image if self.images else None


def parse(data: bytes) -> Portraits:
    """The portraits; none when the file holds no face (card.md 4) or wraps it in a way that is not known.

    Raises CardBroken when the file is no data group 2, or has images and none is JPEG or JPEG 2000 of sane size.
    """
    group = tlv.read_all(tlv.read_one(data, _GROUP, WHERE), WHERE)
    if not group:
        return Portraits()
    warnings: list[str] = []
    found: list[bytes] = []
    for block in _blocks(group):
        found += _images(block, warnings)
    if len(found) > MAX_IMAGES:
        warnings.append("dg2.too_many_images")
    pictures: list[Picture] = []
    refused: CardBroken | None = None
    for image in found[:MAX_IMAGES]:
        try:
            pictures.append(look(image, "dg2.image"))
        except CardBroken as broken:
            refused = broken
            warnings.append("dg2.image")
    if refused is not None and not pictures:
        raise refused
    return Portraits(tuple(pictures), tuple(dict.fromkeys(warnings)))


def _blocks(group: list[tlv.Node]) -> list[bytes]:
    """The biometric data blocks of all templates, not more than there may be images and one."""
    blocks: list[bytes] = []
    for template in tlv.read_all(tlv.find(group, _TEMPLATES, WHERE), WHERE):
        if template.tag != _TEMPLATE:
            continue
        for node in tlv.children(template, WHERE):
            if node.tag in (_BLOCK, _CONSTRUCTED_BLOCK) and node.value and len(blocks) <= MAX_IMAGES:
                blocks.append(node.value)
    return blocks


def _images(block: bytes, warnings: list[str]) -> list[bytes]:
    """The images of one block, by whichever standard it follows."""
    if block.startswith(b"FAC\0"):
        return _facial_record(block) or _behind_headers(block, warnings)
    try:
        nodes = tlv.read_all(block, WHERE)
        for node in nodes:
            if node.tag == _BLOCK:  # a constructed block around the plain one
                return _images_of_inner(node.value, warnings)
        images = _face_image_data(nodes)
    except CardBroken:
        return _behind_headers(block, warnings)
    if not images:
        warnings.append("dg2.encoding_unknown")
    return images


def _images_of_inner(block: bytes, warnings: list[str]) -> list[bytes]:
    record = _facial_record(block) if block.startswith(b"FAC\0") else []
    return record or _behind_headers(block, warnings)


def _facial_record(block: bytes) -> list[bytes]:
    """The images behind the headers of ISO/IEC 19794-5:2005 (5.4 to 5.7); empty when they do not lead to one.

    A length that cannot be is read as "to the end": a single image needs none.
    """
    images: list[bytes] = []
    count = int.from_bytes(block[12:14], "big")
    at = _FACIAL_HEADER
    while at + _FACIAL_INFORMATION < len(block) and len(images) <= MAX_IMAGES:
        length = int.from_bytes(block[at : at + 4], "big")
        points = int.from_bytes(block[at + 4 : at + 6], "big")
        start = at + _FACIAL_INFORMATION + _FEATURE_POINT * points + _IMAGE_INFORMATION
        end = at + length if count > 1 and start < at + length <= len(block) else len(block)
        image = block[start:end]
        if not image.startswith(SIGNATURES):
            break
        images.append(image)
        at = end
    return images


def _behind_headers(block: bytes, warnings: list[str]) -> list[bytes]:
    """The image by its first bytes alone, where the headers in front of it are of another edition or wrong."""
    found = [at for at in (block.find(first, 0, _HEADERS_MAX) for first in SIGNATURES) if at >= 0]
    warnings.append("dg2.layout" if found else "dg2.encoding_unknown")
    return [block[min(found) :]] if found else []


def _face_image_data(nodes: list[tlv.Node]) -> list[bytes]:
    """The images of ISO/IEC 39794-5, by the tags of its encoding in BER; empty when it is not that."""
    faces = [
        face
        for wrapper in nodes
        for face in ([wrapper] if wrapper.tag == _FACE_BLOCK else _inside(wrapper, _FACE_BLOCK))
    ]
    representations = [
        one for face in faces for many in _inside(face, _REPRESENTATIONS) for one in _inside(many, _REPRESENTATION)
    ]
    images: list[bytes] = []
    for level in representations[: MAX_IMAGES + 1]:
        found = [level]
        for tag in _TO_IMAGE:
            found = [inner for node in found for inner in _inside(node, tag)][:1]
        images += [node.value for node in found]
    return images


def _inside(node: tlv.Node, tag: int) -> list[tlv.Node]:
    """The data objects with `tag` inside a constructed one."""
    return [inner for inner in tlv.children(node, WHERE) if inner.tag == tag] if node.constructed else []
