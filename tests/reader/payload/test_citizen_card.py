"""The QR code of the chip ID card, as printed and as scanners deliver it (card.md 1.1, 1.2, 1.5, 10.1)."""

import unicodedata

import pytest

from reader.payload import CardForm, PayloadResult, format_citizen_card, parse_payload
from reader.payload.citizen_card import parse_citizen_card
from reader.payload.errors import PayloadDamaged, PayloadRefused
from reader.reading import Holder, Sex
from tests.reader.lds.vectors import MRZ, PASSPORT
from tests.reader.payload.cards import MAU, Q1, Q2, Q3, Q5, Q7, changed, refusal
from tests.reader.payload.test_insurance_card import B1, B2


def test_the_card_of_2021_gives_its_seven_fields() -> None:
    assert parse_payload(Q1) == PayloadResult(kind="citizen_card", holder=MAU)


def test_bytes_and_text_read_the_same() -> None:
    assert parse_payload(Q1.encode()) == parse_payload(Q1)


def test_an_empty_old_number_is_absent_and_shifts_nothing() -> None:
    holder = parse_payload(Q2).holder
    assert holder is not None
    assert (holder.previous_id, holder.full_name) == (None, "Trần Thị Mẫu")


def test_the_card_of_2024_has_eleven_fields_and_no_warning() -> None:
    result = parse_payload(Q3)
    assert result.holder is not None
    assert result.holder.full_name == "Nguyễn Văn Thử"
    assert result.holder.issue_date == "2024-08-15"
    assert result.warnings == ()


def test_what_stands_in_the_unknown_tail_is_kept_but_given_no_meaning() -> None:
    payload = Q3.removesuffix("||||") + "|25122030|Ai Đó||001303900017"
    result = parse_payload(payload)
    assert result.holder == parse_payload(Q3).holder
    assert result.warnings == ("extra_fields",)
    assert result.tail == parse_citizen_card(payload.split("|")).tail == ("25122030", "Ai Đó", "", "001303900017")
    assert (parse_payload(Q3).tail, parse_payload(Q1).tail) == (("", "", "", ""), ())


@pytest.mark.parametrize(
    "payload",
    [
        changed(Q1, 2, "Trần T\rhị"),
        Q3.replace("Minh|15082024", "Minh15082024"),
        "079200900024||Nguyễn Văn Thử|01072000|Nam|Tổ 5, 4bc680c4836d|4| 01/01/2028|701927b3f569202c-1202|4|-|$",
        "079200900024||Nguyễn Văn Thử|01072000|Nam|Tổ 5|-|01/01/2028|x|4|-|$",
    ],
)
def test_a_card_with_a_cut_or_a_joint_inside_is_refused(payload: str) -> None:
    assert refusal(payload) == "payload.damaged"


@pytest.mark.parametrize("extra", ["|", "||", "|||||", "||||||||"])
def test_another_number_of_fields_is_read_with_a_warning(extra: str) -> None:
    result = parse_payload(Q1 + extra)
    assert (result.holder, result.warnings) == (MAU, ("extra_fields",))


@pytest.mark.parametrize(("printed", "iso"), [("1955", "1955"), ("021955", "1955-02"), ("14021955", "1955-02-14")])
def test_a_birth_date_is_known_as_precisely_as_it_is_printed(printed: str, iso: str) -> None:
    result = parse_payload(changed(Q7, 3, printed))
    assert result.holder is not None
    assert result.holder.birth_date == iso
    assert result.warnings == ()


@pytest.mark.parametrize(
    ("printed", "sex"),
    [("Nam", Sex.MALE), ("NAM", Sex.MALE), ("Nữ", Sex.FEMALE), ("NỮ", Sex.FEMALE), ("nữ", Sex.FEMALE)],
)
def test_sex_is_read_in_any_case(printed: str, sex: Sex) -> None:
    holder = parse_payload(changed(Q2, 4, printed)).holder
    assert holder is not None
    assert holder.sex is sex


def test_lost_diacritics_are_told() -> None:
    result = parse_payload(Q5)
    assert result.holder is not None
    assert (result.holder.full_name, result.holder.sex) == ("Tran Thi Mau", Sex.FEMALE)
    assert result.warnings == ("diacritics_lost",)


def test_lost_diacritics_are_told_for_a_man_too() -> None:
    payload = "079200900024||Nguyen Van Thu|01072000|Nam|To 5, Phuong Thu, TP. Ho Chi Minh|15082024||||"
    assert parse_payload(payload).warnings == ("diacritics_lost",)


def test_a_name_without_diacritics_at_a_real_address_is_not_suspected() -> None:
    payload = changed(changed(Q3, 2, "Mai Nam Anh"), 5, "Tổ 5, Hà Nội")
    assert parse_payload(payload).warnings == ()


@pytest.mark.parametrize(
    "name",
    [
        "H'Hen Niê",
        "Y Krông-A",
        "K’Brếp",
        "H` Mai Êban",
        "Nguyễn Thị M.",
        "Y Ƀlŏ",
        "Y Bơ\u0306k",
        "‘Niê",
        "Kƀăm",
        "TRẦN THỊ MẪU",
        "Ớt",
    ],
)
def test_names_of_every_people_are_names(name: str) -> None:
    holder = parse_payload(changed(Q2, 2, name)).holder
    assert holder is not None
    assert holder.full_name == name


def test_number_and_card_telling_different_stories_is_a_warning_only() -> None:
    result = parse_payload("001303900017||Trần Thị Mẫu|14022004|Nam|Hà Nội, Việt Nam|20052021")
    assert result.holder is not None
    assert (result.holder.birth_date, result.holder.sex) == ("2004-02-14", Sex.MALE)
    assert result.warnings == ("birth_year_disagrees", "sex_disagrees")


def test_a_number_registered_abroad_is_accepted() -> None:
    assert parse_payload(changed(Q2, 0, "999303900017")).kind == "citizen_card"


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        (0, "00130390001", "payload.personal_id"),
        (0, "0013039000177", "payload.personal_id"),
        (0, "00130390001O", "payload.personal_id"),
        (0, "٠٠١٣٠٣٩٠٠٠١٧", "payload.personal_id"),
        (0, "００１３０３９０００１７", "payload.personal_id"),
        (0, "001 303 900 017", "payload.personal_id"),
        (0, "-01303900017", "payload.personal_id"),
        (0, "", "payload.personal_id"),
        (2, "", "payload.name"),
        (2, "   ", "payload.name"),
        (2, "Tr?n Th? M?u", "payload.name"),
        (2, "Tra62n Thi5 Ma6u4", "payload.input_method"),
        (2, "5472e1baa76e205468e1bb8b204de1baab75", "payload.name"),
        (2, "Mẫu" * 67, "payload.name"),
        (2, "<b>Mẫu</b>", "payload.name"),
        (3, "31022003", "payload.birth_date"),
        (3, "29022003", "payload.birth_date"),
        (3, "00002003", "payload.birth_date"),
        (3, "132003", "payload.birth_date"),
        (3, "142203", "payload.birth_date"),
        (3, "14/02/2003", "payload.birth_date"),
        (3, "2003-02-14", "payload.birth_date"),
        (3, "14021803", "payload.birth_date"),
        (3, "140220031", "payload.birth_date"),
        (3, "１４０２２００３", "payload.damaged"),
        (3, "", "payload.birth_date"),
        (6, "20052002", "payload.issue_date"),
        (6, "20052021001303900017", "payload.damaged"),
    ],
)
def test_an_impossible_identity_refuses_the_whole_payload(field: int, value: str, reason: str) -> None:
    assert refusal(changed(Q1, field, value)) == reason


@pytest.mark.parametrize(
    ("field", "value", "name", "left", "warning"),
    [
        (1, "12345678", "previous_id", None, "previous_id_unreadable"),
        (1, "-", "previous_id", None, "previous_id_unreadable"),
        (1, "01234567²", "previous_id", None, "previous_id_unreadable"),
        (4, "Khác", "sex", Sex.UNKNOWN, "sex_unreadable"),
        (4, "1", "sex", Sex.UNKNOWN, "sex_unreadable"),
        (4, "", "sex", None, "sex_missing"),
        (6, "31042021", "issue_date", None, "issue_date_unreadable"),
        (6, "20052021x", "issue_date", None, "issue_date_unreadable"),
        (6, "20/05/2021", "issue_date", None, "issue_date_unreadable"),
        (6, "-", "issue_date", None, "issue_date_unreadable"),
    ],
)
def test_what_says_more_about_a_known_person_is_left_out_where_it_cannot_be_read(
    field: int, value: str, name: str, left: Sex | None, warning: str
) -> None:
    result = parse_payload(changed(Q1, field, value))
    assert result.holder == with_field(MAU, name, left)
    assert result.warnings == (warning,)


@pytest.mark.parametrize(
    ("printed", "warning"),
    [("2021", "issue_date_unreadable"), ("052021", "issue_date_unreadable"), ("", "issue_date_missing")],
)
def test_part_of_an_issue_date_is_left_out_only_where_the_payload_goes_on(printed: str, warning: str) -> None:
    result = parse_payload(changed(Q3, 6, printed))
    assert result.holder is not None
    assert (result.holder.issue_date, result.warnings) == (None, (warning,))
    assert refusal(changed(Q1, 6, printed)) == "payload.too_few_fields"


@pytest.mark.parametrize("form", [Q1, Q2, Q3])
@pytest.mark.parametrize(
    ("one", "other"), [(1, 4), (1, 5), (2, 3), (2, 4), (2, 6), (3, 4), (3, 6), (4, 5), (4, 6), (5, 6)]
)
def test_fields_that_changed_places_are_refused(form: str, one: int, other: int) -> None:
    fields = form.split("|")
    fields[one], fields[other] = fields[other], fields[one]
    assert refusal("|".join(fields)) is not None


@pytest.mark.parametrize("form", [Q1, Q3])
@pytest.mark.parametrize("cut", [", Phường", " Mẫu,", ", Quận", ", TP", " Chí", ", Hà"])
def test_an_address_cut_in_two_by_a_separator_is_refused(form: str, cut: str) -> None:
    for separator in ("|", "||"):
        damaged = form.replace(cut, separator + cut, 2)
        assert damaged == form or refusal(damaged) is not None
    assert refusal(form.replace("|" + form.split("|")[6], "||" + form.split("|")[6])) == "payload.damaged"


def test_the_longest_names_are_names() -> None:
    name = " ".join(["H'Nguyễn"] * 16)
    assert parse_payload(changed(Q2, 2, name)).holder == with_field(
        with_field(MAU, "previous_id", None), "full_name", name
    )


def test_an_ascii_name_beside_a_sex_with_diacritics_is_not_suspected() -> None:
    assert parse_payload(changed(changed(Q2, 2, "Mai Anh"), 5, "")).warnings == ()


def test_a_card_issued_before_birth_is_impossible_at_the_precision_known() -> None:
    assert refusal(changed(Q7, 6, "10101954")) == "payload.issue_date"
    assert parse_payload(changed(Q7, 6, "10101955")).kind == "citizen_card"


def test_dropped_empty_fields_are_noticed() -> None:
    assert refusal(Q2.replace("||", "|")) == "payload.too_few_fields"
    assert refusal(Q3.replace("||Nguyễn", "|Nguyễn")) == "payload.name"


def test_a_partial_read_is_refused() -> None:
    for end in range(len(Q1)):
        result = parse_payload(Q1[:end] + "\r")
        assert result.kind in ("unknown", "personal_id", "previous_id", "insurance_number")
        assert result.holder is None or result.holder.full_name is None
    assert {refusal(Q1[: len(Q1) - cut]) for cut in range(1, 9)} == {"payload.too_few_fields"}


@pytest.mark.parametrize("between", ["", " ", "\t", "\n", "\r\n", "\r", "|", "||"])
@pytest.mark.parametrize(("first", "second"), [(Q1, Q1), (Q1, Q3), (Q3, Q1), (Q3, Q3)])
def test_two_payloads_in_one_are_refused(first: str, second: str, between: str) -> None:
    assert refusal(first + between + second) == "payload.damaged"


def test_a_payload_with_the_beginning_of_another_is_refused() -> None:
    for end in range(3, len(Q3)):
        assert refusal(Q1 + Q3[:end]) == "payload.damaged"


@pytest.mark.parametrize("between", ["", " ", "\t", "\n", "\r\n", "\r", "|"])
@pytest.mark.parametrize("first", [Q1, Q3])
@pytest.mark.parametrize("second", [B1, B2, MRZ["A"], PASSPORT])
def test_a_card_with_another_kind_of_payload_behind_it_is_refused(first: str, second: str, between: str) -> None:
    if second in (B1, B2) or (first is Q1 and between != "|"):
        assert refusal(first + between + second) == "payload.damaged"


def test_a_card_cut_anywhere_with_another_behind_it_is_never_somebody() -> None:
    for end in range(13, len(Q1)):
        assert parse_payload(Q1[:end] + Q3).kind == "unknown"
        assert parse_payload(Q1[:end] + B1).kind == "unknown"


@pytest.mark.parametrize(
    "tail", ["|012345678|079200900024|Trần Văn Giả|1", "|001303900018|Lê Thị Dụ|1975|", "|x|y|z|1"]
)
def test_a_relative_in_the_tail_is_not_another_payload(tail: str) -> None:
    assert parse_payload(Q1 + tail).kind == "citizen_card"


@pytest.mark.parametrize(
    "other",
    [
        "https://example.test/?a=1|2",
        "001303900017x",
        "IDVNM3039000177001303900017<<8",
        "{}",
        "$",
        "|",
        "||||||||",
        "你好",
        "WIFI:S:x;T:WPA;P:y;;",
    ],
)
def test_other_codes_are_not_cards(other: str) -> None:
    assert refusal(other) in {"payload.unrecognised", "payload.personal_id"}


def test_a_number_with_a_separator_behind_it_is_too_few_fields() -> None:
    assert refusal("001303900017|") == "payload.too_few_fields"


# Writing


def test_what_is_formatted_is_what_the_card_carries() -> None:
    assert format_citizen_card(MAU) == Q1


def test_the_form_of_2024_has_four_empty_fields_more() -> None:
    holder = parse_payload(Q3).holder
    assert holder is not None
    assert format_citizen_card(holder, CardForm.IDENTITY_2024) == Q3


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("residence", "Số 1|20052021"),
        ("residence", "two  spaces"),
        ("full_name", unicodedata.normalize("NFD", "Trần Thị Mẫu")),
    ],
)
def test_a_holder_that_would_come_back_changed_is_not_formatted(field: str, value: str) -> None:
    with pytest.raises(PayloadDamaged):
        format_citizen_card(with_field(MAU, field, value))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("personal_id", "1"),
        ("full_name", None),
        ("birth_date", "2003-2-14"),
        ("birth_date", None),
        ("sex", Sex.UNKNOWN),
        ("sex", None),
        ("issue_date", "2021-05"),
        ("previous_id", "abc"),
    ],
)
def test_a_holder_that_cannot_be_printed_is_not_formatted(field: str, value: str | None) -> None:
    with pytest.raises(PayloadRefused):
        format_citizen_card(with_field(MAU, field, value))


def with_field(holder: Holder, field: str, value: object) -> Holder:
    return Holder(**{**{name: getattr(holder, name) for name in holder.__struct_fields__}, field: value})
