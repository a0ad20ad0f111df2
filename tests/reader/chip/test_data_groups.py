"""DG1, DG2, DG13, EF.COM and dates: the vectors of the card reference, and garbage."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reader.chip import com, dg1, dg2, dg13, holder, tlv
from reader.chip.dates import expiry_date, fold, partial_date
from reader.errors import CardBroken, NotAnIdCard
from reader.reading import Outcome, Sex

TODAY = date(2026, 11, 21)

DG13_A = bytes.fromhex(
    "6D8201A13082019D020101060628D3160100083182018E3011020101130C30303133303339303030313730170201020C"
    "125472E1BAA76E205468E1BB8B204DE1BAAB75300F020103130A31342F30322F3230303330090201040C044EE1BBAF30"
    "0F0201050C0A5669E1BB8774204E616D30090201060C044B696E68300B0201070C064B68C3B46E67302D0201080C2850"
    "68C6B0E1BB9D6E67204DE1BAAB752C205175E1BAAD6E205468E1BBAD2C2048C3A0204EE1BB996930450201090C4053E1"
    "BB91203120C490C6B0E1BB9D6E67204DE1BAAB752C205068C6B0E1BB9D6E67204DE1BAAB752C205175E1BAAD6E205468"
    "E1BBAD2C2048C3A0204EE1BB9969303602010A0C314EE1BB9174207275E1BB936920433A31636D2064C6B0E1BB9B6920"
    "73617520C49175C3B469206DE1BAAF74207472C3A169300F02010B130A32302F30352F32303231300F02010C0C0A3134"
    "2F30322F32303238302A02010D30130C115472E1BAA76E2056C4836E204769E1BAA330100C0E4CC3AA205468E1BB8B20"
    "44E1BBA5300302010E300302010F3015020110131030313233343536373839414243444546"
)
DG13_B = bytes.fromhex(
    "6D8201C4308201C0020101060628D316010008318201B13011020101130C30343831353539303030333130170201020C"
    "124CC3AA205468E1BB8B2056C3AD2044E1BBA5300F020103130A32302F30392F3139353530090201040C044EE1BBAF30"
    "0F0201050C0A5669E1BB8774204E616D30090201060C044B696E6830110201070C0C5068E1BAAD74206769C3A16F302A"
    "0201080C2558C3A3205468E1BBAD2C20487579E1BB876E204DE1BAAB752C20C490C3A0204EE1BAB56E6730370201090C"
    "3254E1BB9520322C205068C6B0E1BB9D6E67205468E1BBAD2C205175E1BAAD6E204DE1BAAB752C20C490C3A0204EE1BA"
    "B56E67303F02010A0C3A53E1BAB96F206368E1BAA56D20433A32636D207472C3AA6E207472C6B0E1BB9B6320C491E1BA"
    "A775206CC3B46E67206DC3A079207068E1BAA369300F02010B130A31302F31302F32303232301802010C0C134B68C3B4"
    "6E67207468E1BB9D692068E1BAA16E302802010D30110C0F4CC3AA2056C4836E204B68C3B46E6730100C0E5068616E20"
    "5468E1BB8B2043C3B3301602010E30110C0F48E1BB932056C4836E205468E1BBAD300E02010F13093230303030303031"
    "373015020110131046454443424139383736353433323130"
)
DG13_C = bytes.fromhex(
    "6D81E63081E3020101060628D3160100083181D53011020101130C3037393230303930303032343081A50201090C819F"
    "43C4836E2068E1BB992073E1BB9120313233342C2054C3B261206E68C3A0205468E1BBAD204E676869E1BB876D20422C"
    "204B687520C491C3B4207468E1BB8B204DE1BAAB752053E1BB91204861692C20C490C6B0E1BB9D6E67204E677579E1BB"
    "856E205468E1BBAD204E676869E1BB876D2C205068C6B0E1BB9D6E67205468E1BBAD204E676869E1BB876D2C205468C3"
    "A06E68207068E1BB91204DE1BAAB75301802010C0C134B68C3B46E67207468E1BB9D692068E1BAA16E"
)
DG13_D = bytes.fromhex(
    "6D643062020101060628D31601000831553011020101130C30373932303039303030323430180201020C134E677579E1BB85"
    "6E2056C4836E205468E1BBAD300F02010C0C0A30312F30372F32303430300B02010D30020C0030020C00300302010E30"
    "0302010F"
)
MRZ = {
    "A": "IDVNM3039000177001303900017<<80302140F2802149VNM<<<<<<<<<<<2TRAN<<THI<MAU<<<<<<<<<<<<<<<<<",
    "B": "IDVNM2009000247079200900024<<70007010M4007018VNM<<<<<<<<<<<8NGUYEN<<VAN<THU<<<<<<<<<<<<<<<",
    "C": "IDVNM1559000310048155900031<<05509209F9912315VNM<<<<<<<<<<<2LE<<THI<VI<DU<<<<<<<<<<<<<<<<<",
    "D": "IDVNM3219000481092321900048<<02103053F3503052VNM<<<<<<<<<<<4PHAM<<MAU<NHI<<<<<<<<<<<<<<<<<",
}


def field(number: int, *values: bytes) -> bytes:
    return tlv.encode(0x30, tlv.encode(0x02, bytes([number])) + b"".join(values))


def text(value: str) -> bytes:
    return tlv.encode(0x0C, value.encode())


def dg13_of(*fields: bytes) -> bytes:
    frame = bytes.fromhex("020101060628D316010008") + tlv.encode(0x31, b"".join(fields))
    return tlv.encode(0x6D, tlv.encode(0x30, frame))


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


@pytest.mark.parametrize(
    ("written", "iso"),
    [
        ("14/02/2003", "2003-02-14"),
        ("4/2/2003", "2003-02-04"),
        ("14022003", "2003-02-14"),
        ("14-02-2003", "2003-02-14"),
        ("14.02.2003", "2003-02-14"),
        ("2003-02-14", "2003-02-14"),
        ("20030214", "2003-02-14"),
        ("02/2003", "2003-02"),
        ("022003", "2003-02"),
        ("2003", "2003"),
        ("00/00/1955", "1955"),
        ("--/--/1955", "1955"),
        ("00/05/1955", "1955-05"),
        (" 1955 ", "1955"),
        ("31/02/2003", None),
        ("29/02/2003", None),
        ("29/02/2004", "2004-02-29"),
        ("14/13/2003", None),
        ("5/0/1955", None),
        ("1/1/03", None),
        ("", None),
        ("٢٠٠٣", None),
        ("abc", None),
    ],
)
def test_dates_are_read_at_the_precision_they_have(written, iso):
    assert partial_date(written) == iso


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("Không thời hạn", "none"),
        ("KHÔNG THỜI HẠN", "none"),
        ("khong  thoi han", "none"),
        ("Kho\u0302ng tho\u031b\u0300i ha\u0323n", "none"),
        ("14/02/2028", "2028-02-14"),
        ("31/12/9999", "none"),
        ("2028", None),
        ("", None),
    ],
)
def test_no_expiry_is_understood_however_it_is_written(written, expected):
    assert expiry_date(written) == expected


def test_folding_handles_the_vietnamese_d():
    assert fold("ĐẶNG Đình  đ") == "dang dinh d"


def mrz_of(zone: str) -> dg1.Mrz:
    return dg1.parse(tlv.encode(0x61, tlv.encode(0x5F1F, zone.encode())))


@pytest.mark.parametrize(
    ("key", "number", "birth", "sex", "expiry", "name"),
    [
        ("A", "001303900017", "2003-02-14", Sex.FEMALE, "2028-02-14", "TRAN THI MAU"),
        ("B", "079200900024", "2000-07-01", Sex.MALE, "2040-07-01", "NGUYEN VAN THU"),
        ("C", "048155900031", "1955-09-20", Sex.FEMALE, "none", "LE THI VI DU"),
        ("D", "092321900048", "2021-03-05", Sex.FEMALE, "2035-03-05", "PHAM MAU NHI"),
    ],
)
def test_the_zone_of_every_vector_is_read(key, number, birth, sex, expiry, name):
    mrz = mrz_of(MRZ[key])
    assert (mrz.personal_id, mrz.birth_date(TODAY), mrz.sex) == (number, birth, sex)
    assert (mrz.expiry_date, mrz.full_name, mrz.faults) == (expiry, name, ())
    assert mrz.document_number == number[3:]


def test_a_wrong_check_digit_is_named():
    assert mrz_of(MRZ["A"].replace("0302140", "0302141")).faults == ("birth", "composite")
    assert mrz_of(MRZ["A"].replace("<<8", "<<7")).faults == ("composite", "optional")


def test_a_passport_has_no_personal_id():
    zone = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<L898902C36UTO7408122F1204159ZE184226B<<<<<10"
    mrz = mrz_of(zone)
    assert (mrz.document_number, mrz.full_name, mrz.faults) == ("L898902C3", "ERIKSSON ANNA MARIA", ())
    with pytest.raises(NotAnIdCard):
        holder.merge(mrz, None, TODAY)


def test_the_two_line_card_of_the_standard_is_read():
    zone = "I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<D231458907UTO7408122F1204159<<<<<<<6"
    assert mrz_of(zone).faults == ()


@pytest.mark.parametrize(
    ("birth", "expected"), [("55<<<<", "1955"), ("5509<<", "1955-09"), ("<<<<<<", None), ("551301", None)]
)
def test_partial_births_in_the_zone(birth, expected):
    zone = MRZ["C"]
    assert mrz_of(zone[:30] + birth + zone[36:]).birth_date(TODAY) == expected


def test_a_birth_is_never_in_the_future():
    zone = MRZ["A"][:15] + "<" * 15 + "901231" + MRZ["A"][36:]
    assert mrz_of(zone).birth_date(TODAY) == "1990-12-31"


@given(st.text(alphabet="ABC<0123456789é", max_size=100))
def test_any_zone_is_read_or_refused(zone):
    try:
        mrz_of(zone).birth_date(TODAY)
    except CardBroken:
        return


@given(st.text(alphabet="VNM<0123456789", min_size=90, max_size=90))
def test_any_zone_of_the_right_size_is_read(zone):
    mrz = mrz_of(zone)
    assert mrz.birth_date(TODAY) is None or mrz.birth_date(TODAY) <= "2026-12-31"


def test_both_files_of_one_person_agree():
    merged = holder.merge(mrz_of(MRZ["A"]), dg13.parse(DG13_A), TODAY)
    assert merged.agreement.result is Outcome.PASSED
    assert merged.warnings == ()
    assert merged.holder.full_name == "Trần Thị Mẫu"


def test_dg1_fills_what_dg13_lacks():
    merged = holder.merge(mrz_of(MRZ["B"]), dg13.parse(DG13_D), TODAY)
    assert (merged.holder.birth_date, merged.holder.sex) == ("2000-07-01", Sex.MALE)
    assert merged.agreement.result is Outcome.PASSED


@pytest.mark.parametrize(
    ("fields", "result", "reason"),
    [
        ([field(1, text("001303900099"))], Outcome.FAILED, "agreement.personal_id"),
        ([field(1, text("079303900017"))], Outcome.FAILED, "agreement.personal_id"),
        ([field(1, text("001303900017")), field(3, text("15/02/2003"))], Outcome.FAILED, "agreement.birth_date"),
        ([field(1, text("001303900017")), field(3, text("2004"))], Outcome.FAILED, "agreement.birth_date"),
        ([field(1, text("001303900017")), field(3, text("2003"))], Outcome.PASSED, None),
        ([field(2, text("Trần Thị Mẫu"))], Outcome.NOT_DONE, "agreement.one_source"),
    ],
)
def test_disagreement_on_number_or_birth_is_a_failed_check(fields, result, reason):
    merged = holder.merge(mrz_of(MRZ["A"]), dg13.parse(dg13_of(*fields)), TODAY)
    assert (merged.agreement.result, merged.agreement.reason) == (result, reason)


def test_another_name_or_sex_is_a_warning():
    other = dg13.parse(dg13_of(field(1, text("001303900017")), field(2, text("Trần Thị Mộng")), field(4, text("Nam"))))
    assert set(holder.merge(mrz_of(MRZ["A"]), other, TODAY).warnings) == {"agreement.name", "agreement.sex"}


def test_a_name_cut_at_the_end_of_the_zone_agrees():
    zone = MRZ["A"][:60] + "NGUYEN<<HOANG<PHUONG<THAO<NGOC"
    said = dg13.parse(dg13_of(field(1, text("001303900017")), field(2, text("Nguyễn Hoàng Phương Thảo Ngọc Đan"))))
    assert "agreement.name" not in holder.merge(mrz_of(zone), said, TODAY).warnings


def face(image: bytes, points: int = 0, record: int | None = None) -> bytes:
    size = 20 + 8 * points + 12 + len(image) if record is None else record
    facial = size.to_bytes(4, "big") + points.to_bytes(2, "big") + bytes(14) + bytes(8 * points) + bytes(12) + image
    block = b"FAC\x00010\x00" + (14 + len(facial)).to_bytes(4, "big") + b"\x00\x01" + facial
    template = tlv.encode(0x02, b"\x01") + tlv.encode(0x7F60, tlv.encode(0xA1, b"") + tlv.encode(0x5F2E, block))
    return tlv.encode(0x75, tlv.encode(0x7F61, template))


JPEG = b"\xff\xd8\xff\xe0" + bytes(40)


@pytest.mark.parametrize("points", [0, 1, 5])
def test_the_portrait_is_taken_out_behind_its_headers(points):
    assert dg2.parse(face(JPEG, points)) == dg2.Portrait(JPEG, "image/jpeg")


@pytest.mark.parametrize("start", ["0000000C6A5020200D0A870A", "FF4FFF51"])
def test_jpeg_2000_is_known_by_its_first_bytes(start):
    image = bytes.fromhex(start) + bytes(20)
    assert dg2.parse(face(image)) == dg2.Portrait(image, "image/jp2")


def test_a_lying_record_length_takes_no_more_than_is_there():
    portrait = dg2.parse(face(JPEG, record=1 << 30))
    assert portrait is not None
    assert portrait.image == JPEG


def test_no_face_is_no_portrait():
    assert dg2.parse(b"\x75\x00") is None
    assert dg2.parse(tlv.encode(0x75, tlv.encode(0x7F61, b"\x02\x01\x00"))) is None


@pytest.mark.parametrize("content", [face(b"GIF89a" + bytes(30)), face(JPEG, points=0)[:-1], b"\x75\x02\x01\x01", b""])
def test_what_is_no_portrait_is_refused(content):
    with pytest.raises(CardBroken):
        dg2.parse(content)


@given(st.binary(max_size=120))
def test_garbage_in_dg2_is_refused_or_read(data):
    inner = tlv.encode(0x7F61, tlv.encode(0x7F60, tlv.encode(0x5F2E, b"FAC\0" + data)))
    for content in (data, tlv.encode(0x75, data), tlv.encode(0x75, inner)):
        try:
            dg2.parse(content)
        except CardBroken:
            continue


def test_the_list_of_data_groups_is_read():
    parsed = com.parse(bytes.fromhex("60185F0104303130375F36063034303030305C066175636D6F6E"))
    assert parsed == com.Com("0107", "040000", (1, 2, 3, 13, 15, 14))


@given(st.binary(max_size=60))
def test_garbage_in_com_is_refused_or_read(data):
    try:
        com.parse(tlv.encode(0x60, data))
    except CardBroken:
        return
