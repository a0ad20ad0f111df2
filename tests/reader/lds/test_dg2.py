"""DG2: faces in every wrapping, and what is no face. What an image may be stands in test_portrait.py."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reader import tlv
from reader.errors import CardBroken
from reader.lds import dg2
from reader.lds.portrait import Kind, Picture
from tests.reader.lds.vectors import CODESTREAM, JP2, JPEG, dg2_of, face, picture, record, template

FACE = Picture(JPEG, Kind.JPEG, 300, 400)
BOMB = JPEG.replace(bytes.fromhex("0190012C"), bytes.fromhex("FFDCFFDC"))  # claims 65,500 by 65,500


def face_39794(image: bytes) -> bytes:
    """A face as ISO/IEC 39794-5 encodes it: version, one representation, the image in a 2D block."""
    block = tlv.encode(0x80, image) + tlv.encode(0xA1, tlv.encode(0x80, b"\0"))
    for tag in (0xA0, 0xA0, 0xA1):
        block = tlv.encode(tag, block)
    representation = tlv.encode(0x30, tlv.encode(0x80, b"\0") + block)
    version = tlv.encode(0xA0, bytes.fromhex("8001038102 07E3"))
    return tlv.encode(0xA1, tlv.encode(0x65, version + tlv.encode(0xA1, representation)))


@pytest.mark.parametrize("points", [0, 1, 5])
def test_the_portrait_is_taken_out_behind_its_headers(points):
    assert dg2.parse(dg2_of(template(record(face(JPEG, points))))) == dg2.Portraits((FACE,))


@pytest.mark.parametrize(
    ("block", "tag"),
    [
        (record(face(JPEG)), 0x5F2E),
        (record(face(JPEG)), 0x7F2E),
        (tlv.encode(0x5F2E, record(face(JPEG))), 0x7F2E),
        (face_39794(JPEG), 0x7F2E),
        (face_39794(JPEG), 0x5F2E),
    ],
)
def test_the_portrait_is_found_in_every_wrapping(block, tag):
    assert dg2.parse(dg2_of(template(block, tag))) == dg2.Portraits((FACE,))


@pytest.mark.parametrize("image", [JP2, CODESTREAM])
def test_jpeg_2000_is_known_by_its_first_bytes(image):
    (seen,) = dg2.parse(dg2_of(template(record(face(image))))).images
    assert seen == Picture(image, Kind.JPEG_2000, 300, 400)


def test_several_images_come_in_the_order_of_the_card():
    small = picture(size=(30, 40))
    found = dg2.parse(dg2_of(template(record(face(JPEG), face(JP2, points=2))), template(record(face(small)))))
    assert [seen.image for seen in found.images] == [JPEG, JP2, small]
    assert (found.image, found.warnings) == (JPEG, ())


def test_more_images_than_the_standard_has_are_left_out():
    found = dg2.parse(dg2_of(*[template(record(face(JPEG)))] * 40))
    assert (len(found.images), found.warnings) == (dg2.MAX_IMAGES, ("dg2.too_many_images",))
    assert len(dg2.parse(dg2_of(template(record(*[face(JPEG)] * 30)))).images) == dg2.MAX_IMAGES


@pytest.mark.parametrize("length", [0, 1, 33, 1 << 30, 0xFFFFFFFF])
def test_a_lying_length_takes_no_more_than_is_there_and_loses_nothing(length):
    assert dg2.parse(dg2_of(template(record(face(JPEG, length=length))))).image == JPEG


@pytest.mark.parametrize(
    "block",
    [
        b"FAC\x00030\x00" + bytes(40) + JPEG,  # a later edition's longer headers
        b"FAC\x00010\x00" + bytes(10) + bytes.fromhex("0000FFFF") + bytes(28) + JPEG,  # a lie about feature points
        bytes(12) + JPEG,
        JPEG,
    ],
)
def test_an_image_behind_headers_not_understood_is_found_by_itself(block):
    found = dg2.parse(dg2_of(template(block)))
    assert (found.image, found.warnings) == (JPEG, ("dg2.layout",))


@pytest.mark.parametrize("block", [b"\xa1\x02\x65\x00", tlv.encode(0x30, b""), b"\x00" * 60, bytes(2000) + JPEG])
def test_an_unknown_encoding_is_said_and_not_broken(block):
    assert dg2.parse(dg2_of(template(block, 0x7F2E))) == dg2.Portraits(warnings=("dg2.encoding_unknown",))


def test_no_face_is_no_portrait():
    assert dg2.parse(b"\x75\x00") == dg2.Portraits()
    assert dg2.parse(tlv.encode(0x75, tlv.encode(0x7F61, b"\x02\x01\x00"))).image is None


@pytest.mark.parametrize(
    "content",
    [
        dg2_of(template(record(face(BOMB)))),
        dg2_of(template(record(face(JPEG)[:60]))),
        dg2_of(template(record(face(JPEG))))[:-1],
        b"\x75\x02\x01\x01",
        b"",
    ],
)
def test_what_is_no_portrait_is_refused(content):
    with pytest.raises(CardBroken):
        dg2.parse(content)


def test_a_good_image_beside_a_bomb_is_kept():
    found = dg2.parse(dg2_of(template(record(face(BOMB), face(JPEG)))))
    assert (found.images, found.warnings) == ((FACE,), ("dg2.image",))


@given(st.binary(max_size=200))
def test_garbage_in_dg2_is_refused_or_read(data):
    for content in (data, tlv.encode(0x75, data), dg2_of(template(b"FAC\0" + data)), dg2_of(template(data, 0x7F2E))):
        try:
            dg2.parse(content)
        except CardBroken:
            continue
