"""DG13 of the Vietnamese card: the vectors of the card reference, layouts in the wild, and damage."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reader import tlv
from reader.errors import CardBroken
from reader.lds import dg13
from reader.reading import Sex
from tests.reader.lds.vectors import DG13_A, DG13_B, DG13_C, DG13_D, dg13_of, field, text


def test_vector_a_gives_every_field():
    card = dg13.parse(DG13_A)
    assert card == dg13.Dg13(
        personal_id="001303900017",
        full_name="Trần Thị Mẫu",
        birth_date="2003-02-14",
        sex=Sex.FEMALE,
        nationality="Việt Nam",
        ethnicity="Kinh",
        religion="Không",
        place_of_origin="Phường Mẫu, Quận Thử, Hà Nội",
        residence="Số 1 Đường Mẫu, Phường Mẫu, Quận Thử, Hà Nội",
        features="Nốt ruồi C:1cm dưới sau đuôi mắt trái",
        issue_date="2021-05-20",
        expiry_date="2028-02-14",
        father="Trần Văn Giả",
        mother="Lê Thị Dụ",
        serial="0123456789ABCDEF",
    )


def test_vector_b_has_no_expiry_a_spouse_and_an_old_number():
    card = dg13.parse(DG13_B)
    assert (card.expiry_date, card.spouse, card.previous_id) == ("none", "Hồ Văn Thử", "200000017")
    assert (card.father, card.mother, card.birth_date) == ("Lê Văn Không", "Phan Thị Có", "1955-09-20")
    assert card.warnings == ()


def test_vector_c_has_an_address_of_159_bytes_and_little_else():
    card = dg13.parse(DG13_C)
    assert len((card.residence or "").encode()) == 159
    assert (card.personal_id, card.full_name, card.expiry_date) == ("079200900024", None, "none")


def test_vector_d_has_empty_parents():
    card = dg13.parse(DG13_D)
    assert (card.full_name, card.expiry_date) == ("Nguyễn Văn Thử", "2040-07-01")
    assert (card.father, card.mother, card.spouse, card.previous_id) == (None, None, None, None)
    assert card.warnings == ()


@pytest.mark.parametrize(
    "values",
    [
        [tlv.encode(0x30, text("Cha")), tlv.encode(0x30, text("Mẹ"))],
        [tlv.encode(0x30, text("Cha") + text("Mẹ"))],
        [tlv.encode(0x30, tlv.encode(0x30, text("Cha")) + tlv.encode(0x30, text("Mẹ")))],
        [text("Cha"), text("Mẹ")],
    ],
)
def test_parents_are_found_as_siblings_and_nested(values):
    card = dg13.parse(dg13_of(field(13, *values)))
    assert (card.father, card.mother) == ("Cha", "Mẹ")


def test_a_mother_without_a_father_keeps_her_place():
    card = dg13.parse(dg13_of(field(13, tlv.encode(0x30, b""), tlv.encode(0x30, text("Mẹ")))))
    assert (card.father, card.mother) == (None, "Mẹ")


def test_fields_are_found_by_number_in_any_order():
    card = dg13.parse(
        dg13_of(field(12, text("KHONG THOI HAN")), field(2, text("Lê A")), field(1, text("001303900017")))
    )
    assert (card.personal_id, card.full_name, card.expiry_date) == ("001303900017", "Lê A", "none")


def test_text_is_normalised_to_nfc_and_cleaned():
    decomposed = bytes.fromhex("4E67757965CC82CC836E205661CC866E20546875CC9BCC89").decode()
    assert dg13.parse(dg13_of(field(2, text(f" {decomposed}\x00junk")))).full_name == "Nguyễn Văn Thử"
    assert dg13.parse(dg13_of(field(2, text("Lê\u200b \n A")))).full_name == "Lê A"


def test_oddities_are_warnings():
    odd = dg13_of(
        field(1, text("12345")),
        field(2, tlv.encode(0x0C, b"\xff\xfe")),
        field(3, text("31/02/2003")),
        field(2, text("again")),
        field(99, text("new")),
        tlv.encode(0x30, text("no number")),
    )
    card = dg13.parse(odd)
    assert (card.personal_id, card.full_name, card.birth_date) == (None, None, None)
    assert set(card.warnings) >= {"dg13.field_1", "dg13.field_2", "dg13.field_3", "dg13.field_twice", "dg13.layout"}


@pytest.mark.parametrize("size", [0, 1, 127, 128, 255, 256, 900])
def test_lengths_of_every_form_are_read(size):
    assert dg13.parse(dg13_of(field(9, text("a" * size)))).residence == ("a" * size or None)


def test_a_text_without_measure_is_left_out():
    assert dg13.parse(dg13_of(field(9, text("a" * 2000)))).residence is None


@given(st.binary(max_size=200))
def test_garbage_in_dg13_is_refused_or_read(data):
    for content in (data, tlv.encode(0x6D, data), dg13_of(data), dg13_of(field(2, data))):
        try:
            dg13.parse(content)
        except CardBroken:
            continue


@given(st.integers(0, len(DG13_A) - 1), st.integers(0, 255))
def test_a_damaged_dg13_is_refused_or_read(at, value):
    try:
        dg13.parse(DG13_A[:at] + bytes([value]) + DG13_A[at + 1 :])
    except CardBroken:
        return


def test_fields_that_nobody_knows_are_passed_over():
    card = dg13.parse(dg13_of(field(2, text("Lê A")), *(field(number, text("new")) for number in range(17, 128))))
    assert (card.full_name, card.warnings) == ("Lê A", ())


@pytest.mark.parametrize("frames", [0, 1, 2, 10])
def test_fields_are_found_in_any_frame(frames):
    inner = tlv.encode(0x31, field(1, text("001303900017")) + field(2, text("Lê A")))
    for _ in range(frames):
        inner = tlv.encode(0x30, inner)
    assert dg13.parse(tlv.encode(0x6D, inner)).personal_id == "001303900017"


def test_an_absurd_nesting_is_refused():
    nested = text("x")
    for _ in range(10_000):
        nested = tlv.encode(0x30, nested)
        if len(nested) > 60_000:
            break
    for content in (nested, field(2, nested), dg13_of(field(13, nested))):
        with pytest.raises(CardBroken):
            dg13.parse(content if content[0] == 0x6D else tlv.encode(0x6D, content))
