"""DG7, DG11, DG12 and EF.COM: specimens of ICAO Doc 9303-10, layouts in the wild, oddities."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reader import tlv
from reader.errors import CardBroken
from reader.lds import com, dg7, dg11, dg12
from reader.lds.portrait import Kind, Picture
from tests.reader.lds.vectors import JPEG

# Doc 9303-10, 4.7.11 and 4.7.12, the examples.
DG11 = bytes.fromhex(
    "6B605C0A5F0E5F115F425F125F135F0E0D534D4954483C3C4A4F484E3C4A5F110A414E59544F574E3C4D4E5F42173132"
    "33204D41504C452052443C414E59544F574E3C4D4E5F120B31363132353535313231325F130C54524156454C3C414745"
    "4E54"
)
OTHER_NAMES = bytes.fromhex("6B245C025F0FA01E0201025F0F0B534D4954483C3C4A4F484E5F0F0A4A4F484E3C534D495448")


def dg11_of(*fields: tuple[int, bytes]) -> bytes:
    return tlv.encode(0x6B, b"".join(tlv.encode(tag, value) for tag, value in fields))


def dg12_of(*fields: tuple[int, bytes]) -> bytes:
    return tlv.encode(0x6C, b"".join(tlv.encode(tag, value) for tag, value in fields))


def dg7_of(*images: bytes) -> bytes:
    marks = b"".join(tlv.encode(0x5F43, image) for image in images)
    return tlv.encode(0x67, tlv.encode(0x02, bytes([len(images) & 0x7F])) + marks)


def test_the_personal_details_of_the_standard_are_read():
    assert dg11.parse(DG11) == dg11.Dg11(
        full_name="SMITH JOHN J",
        place_of_birth="ANYTOWN MN",
        address="123 MAPLE RD ANYTOWN MN",
        telephone="16125551212",
    )


def test_names_in_national_letters_are_read():
    name = "Ñandú<<José María".encode()
    assert dg11.parse(dg11_of((0x5F0E, name))).full_name == "Ñandú José María"


@pytest.mark.parametrize("content", [OTHER_NAMES, dg11_of((0x5F0F, b"SMITH<<JOHN"), (0x5F0F, b"JOHN<SMITH"))])
def test_other_names_are_read_in_their_class_and_beside_it(content):
    assert dg11.parse(content).other_names == ("SMITH JOHN", "JOHN SMITH")


@pytest.mark.parametrize("raw", [b"19740812", bytes.fromhex("19740812")])
def test_the_full_birth_date_is_read_in_both_encodings(raw):
    assert dg11.parse(dg11_of((0x5F2B, raw))).birth_date == "1974-08-12"


def test_oddities_of_the_personal_details_are_warnings():
    odd = dg11.parse(
        dg11_of(
            (0x5F0E, b"\xff\xfe"),
            (0x5F2B, b"1974"),
            (0x5F42, b"a" * 5000),
            (0x5F10, b""),
            (0xA0, b"\x02"),
            (0x5F15, b"summary"),
            (0x5F7F, b"?"),
        )
    )
    assert odd == dg11.Dg11(warnings=("dg11.birth_date", "dg11.full_name", "dg11.other_names", "dg11.address"))


def test_the_document_details_of_the_standard_are_read():
    content = bytes.fromhex("6C205C045F555F565F550E32303136313131353031333631325F56064E2D34393632")
    assert dg12.parse(content) == dg12.Dg12()
    fields = (0x5F19, b"UNITED STATES OF AMERICA"), (0x5F26, b"20020531")
    assert dg12.parse(dg12_of(*fields)) == dg12.Dg12("UNITED STATES OF AMERICA", "2002-05-31")


def test_an_issue_date_in_halves_of_bytes_is_read():
    assert dg12.parse(dg12_of((0x5F26, bytes.fromhex("20020531")))).issue_date == "2002-05-31"


def test_oddities_of_the_document_details_are_warnings():
    odd = dg12.parse(dg12_of((0x5F19, b"\xff"), (0x5F26, b"20021331"), (0x5F1D, b"image")))
    assert odd == dg12.Dg12(warnings=("dg12.issuing_authority", "dg12.issue_date"))
    assert dg12.parse(dg12_of((0x5F26, b"20020500"))).warnings == ("dg12.issue_date",)


def test_signatures_are_images_or_warnings():
    assert dg7.parse(dg7_of(JPEG)) == dg7.Signatures((Picture(JPEG, Kind.JPEG, 300, 400),))
    assert dg7.parse(dg7_of(b"GIF89a", JPEG)).warnings == ("dg7.image",)
    many = dg7.parse(dg7_of(*[JPEG] * 20))
    assert (len(many.images), many.warnings) == (9, ("dg7.too_many_images",))
    assert dg7.parse(b"\x67\x00") == dg7.Signatures()


def test_the_list_of_data_groups_is_read():
    parsed = com.parse(bytes.fromhex("60185F0104303130375F36063034303030305C066175636D6F6E"))
    assert parsed == com.Com("0107", "040000", (1, 2, 3, 13, 15, 14))


@pytest.mark.parametrize(
    ("content", "groups"),
    [
        ("60165F0104303130375F36063034303030305C0461757F61", (1, 2)),
        ("60065C0461610075", (1, 2)),
        ("600D5F0104FFFFFFFF5C04617563 6D", (1, 2, 3, 13)),
    ],
)
def test_an_odd_list_of_data_groups_is_a_warning(content, groups):
    parsed = com.parse(bytes.fromhex(content))
    assert (parsed.data_groups, parsed.warnings) == (groups, ("com.layout",))


@pytest.mark.parametrize("parse", [com.parse, dg7.parse, dg11.parse, dg12.parse])
@pytest.mark.parametrize("content", [b"", b"\x61\x00", b"\x60\x02\x5c", b"\x6b\x03\x5f\x0e\x05", b"\x6c\x80\x00\x00"])
def test_another_file_or_a_broken_one_is_refused(parse, content):
    with pytest.raises(CardBroken):
        parse(content)


@given(st.binary(max_size=200))
def test_garbage_is_refused_or_read(data):
    for parse, tag in ((com.parse, 0x60), (dg7.parse, 0x67), (dg11.parse, 0x6B), (dg12.parse, 0x6C)):
        for content in (data, tlv.encode(tag, data)):
            try:
                parse(content)
            except CardBroken:
                continue
