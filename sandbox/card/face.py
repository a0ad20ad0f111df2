"""DG2: portraits in the biometric envelope of ICAO Doc 9303-10, 4.7.2, as face records of ISO/IEC 19794-5:2005."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sandbox.card import der

Nesting = Literal["templates", "record"]

_FULL_FRONTAL, _SRGB_24, _STATIC_PHOTO = 1, 1, 2
_JPEG, _JPEG_2000 = 0, 1
_JPEG_2000_STARTS = (b"\x00\x00\x00\x0cjP  ", b"\xff\x4f\xff\x51")  # boxed, bare code stream
_GENDER = {"male": 1, "female": 2}
_PRIMITIVE, _CONSTRUCTED = 0x5F2E, 0x7F2E  # both may hold the record (9303-10, table 39)


@dataclass(frozen=True)
class Image:
    """One encoded picture (JPEG or JPEG 2000) of so many pixels."""

    data: bytes
    width: int
    height: int


def encode(jpeg: bytes, width: int, height: int, sex: str) -> bytes:
    """The data group around one image of the given size in pixels."""
    return encode_all([Image(jpeg, width, height)], sex)


def encode_all(
    images: Sequence[Image], sex: str, nesting: Nesting = "templates", *, constructed: bool = False
) -> bytes:
    """The data group around any number of images: a template for each, or one template whose record holds them all.

    With `constructed` the record stands under 7F2E in place of 5F2E. Without images the group says that there are
    none, as where a document has no portrait in its chip.
    """
    blocks = [_block(image, sex) for image in images]
    records = [_record([block]) for block in blocks] if nesting == "templates" or not blocks else [_record(blocks)]
    tag = _CONSTRUCTED if constructed else _PRIMITIVE
    templates = b"".join(der.tlv(0x7F60, _header() + der.tlv(tag, record)) for record in records)
    return der.tlv(0x75, der.tlv(0x7F61, der.integer(len(records)) + templates))


def _header() -> bytes:
    return der.tlv(
        0xA1,
        der.tlv(0x80, b"\x01\x01")  # patron header version
        + der.tlv(0x81, b"\x02")  # biometric type: facial features
        + der.tlv(0x82, b"\x00")  # no subtype
        + der.tlv(0x87, b"\x01\x01")  # format owner: ISO/IEC JTC 1/SC 37
        + der.tlv(0x88, b"\x00\x08"),  # format: face image data
    )


def _record(blocks: Sequence[bytes]) -> bytes:
    """Facial record header (ISO/IEC 19794-5, 5.4) and its images."""
    faces = b"".join(blocks)
    return b"FAC\x00010\x00" + (14 + len(faces)).to_bytes(4, "big") + len(blocks).to_bytes(2, "big") + faces


def _block(image: Image, sex: str) -> bytes:
    """Facial information, no feature points, image information, image (5.5 to 5.8)."""
    kind = _JPEG_2000 if image.data.startswith(_JPEG_2000_STARTS) else _JPEG
    image_information = (
        bytes([_FULL_FRONTAL, kind])
        + image.width.to_bytes(2, "big")
        + image.height.to_bytes(2, "big")
        + bytes([_SRGB_24, _STATIC_PHOTO])
        + bytes(4)  # device type, quality: not told
    )
    # No feature points; eye and hair colour, features, expression, pose and its uncertainty: not told.
    features = bytes(2) + bytes([_GENDER.get(sex, 0)]) + bytes(13)
    size = (4 + len(features) + len(image_information) + len(image.data)).to_bytes(4, "big")
    return size + features + image_information + image.data
