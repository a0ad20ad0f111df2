"""DG2: one portrait in the biometric envelope of ICAO Doc 9303-10, 4.7.2, as a face record of ISO/IEC 19794-5:2005."""

from sandbox.card import der

_FULL_FRONTAL, _JPEG, _SRGB_24, _STATIC_PHOTO = 1, 0, 1, 2
_GENDER = {"male": 1, "female": 2}


def encode(jpeg: bytes, width: int, height: int, sex: str) -> bytes:
    """The data group around one JPEG of the given size in pixels."""
    header = der.tlv(
        0xA1,
        der.tlv(0x80, b"\x01\x01")  # patron header version
        + der.tlv(0x81, b"\x02")  # biometric type: facial features
        + der.tlv(0x82, b"\x00")  # no subtype
        + der.tlv(0x87, b"\x01\x01")  # format owner: ISO/IEC JTC 1/SC 37
        + der.tlv(0x88, b"\x00\x08"),  # format: face image data
    )
    template = der.tlv(0x7F60, header + der.tlv(0x5F2E, _record(jpeg, width, height, sex)))
    return der.tlv(0x75, der.tlv(0x7F61, der.integer(1) + template))


def _record(jpeg: bytes, width: int, height: int, sex: str) -> bytes:
    image_information = (
        bytes([_FULL_FRONTAL, _JPEG])
        + width.to_bytes(2, "big")
        + height.to_bytes(2, "big")
        + bytes([_SRGB_24, _STATIC_PHOTO])
        + bytes(4)  # device type, quality: not told
    )
    # No feature points; eye and hair colour, features, expression, pose and its uncertainty: not told.
    features = bytes(2) + bytes([_GENDER.get(sex, 0)]) + bytes(13)
    block = (4 + len(features) + len(image_information) + len(jpeg)).to_bytes(4, "big")
    face = block + features + image_information + jpeg
    return b"FAC\x00010\x00" + (14 + len(face)).to_bytes(4, "big") + (1).to_bytes(2, "big") + face
