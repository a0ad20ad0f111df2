"""The QR code of the health insurance card (card.md 1.4, 10.2)."""

import unicodedata

import msgspec
import pytest

from reader.payload import InsuranceForm, PayloadResult, format_insurance_card, parse_payload
from reader.payload.errors import PayloadRefused
from reader.payload.insurance_card import parse_insurance_card
from reader.reading import InsuranceCard, Sex
from tests.reader.lds.vectors import MRZ, PASSPORT

B1 = (
    "0199900017|5472e1baa76e205468e1bb8b204de1baab75|14/02/2003|2|-|01 - 028|01/01/2025|-|02/01/2025|01050199900017|-|4"
    "| 01/01/2028|0123456789abcdef-1202|4|5175e1baad6e205468e1bbad2c205468c3a06e68207068e1bb912048c3a0204ee1bb9969|$"
)
B2 = (
    "HS4010199900024|4e677579e1bb856e2056c4836e205468e1bbad|01/07/2010|1|5068c6b0e1bb9d6e67205468e1bbad2c205175e1baad6e20"
    "4de1baab752c2048c3a0204ee1bb9969|01 - 028|01/01/2019|31/12/2019|02/01/2019|01050199900024|4e677579e1bb856e2056c483"
    "6e20436861|4|01/01/2024|fedcba9876543210-7102|4|5175e1baad6e204de1baab752c205468c3a06e68207068e1bb912048c3a0204ee1bb"
    "9969|$"
)
CARD = "001303900017|012345678|Trần Thị Mẫu|14022003|Nữ|Số 1 Đường Mẫu, Phường Mẫu, Quận Thử, Hà Nội|20052021"
MAU = InsuranceCard(
    card_number="0199900017",
    full_name="Trần Thị Mẫu",
    birth_date="2003-02-14",
    sex=Sex.FEMALE,
    registered_facility="01028",
    valid_from="2025-01-01",
    issue_date="2025-01-02",
    five_year_date="2028-01-01",
)


def changed(field: int, value: str, payload: str = B1) -> str:
    fields = payload.split("|")
    fields[field] = value
    return "|".join(fields)


def read(payload: str | bytes) -> InsuranceCard:
    result = parse_payload(payload)
    assert (result.kind, result.reason, result.holder) == ("insurance_card", None, None)
    assert result.insurance is not None
    return result.insurance


def refusal(payload: str | bytes) -> str | None:
    result = parse_payload(payload)
    assert (result.kind, result.holder, result.insurance) == ("unknown", None, None)
    return result.reason


def test_the_card_with_ten_digits() -> None:
    assert parse_payload(B1) == PayloadResult(kind="insurance_card", insurance=MAU, tail=tuple(B1.split("|")[9:16]))


def test_the_card_with_fifteen_characters() -> None:
    assert parse_payload(B2) == PayloadResult(
        kind="insurance_card",
        insurance=InsuranceCard(
            card_number="HS4010199900024",
            full_name="Nguyễn Văn Thử",
            birth_date="2010-07-01",
            sex=Sex.MALE,
            address="Phường Thử, Quận Mẫu, Hà Nội",
            registered_facility="01028",
            valid_from="2019-01-01",
            valid_to="2019-12-31",
            issue_date="2019-01-02",
            five_year_date="2024-01-01",
        ),
        tail=tuple(B2.split("|")[9:16]),
    )


def test_the_short_old_form_has_no_five_year_date() -> None:
    insurance = read("|".join(B2.split("|")[:9]) + "|$")
    assert (insurance.issue_date, insurance.five_year_date) == ("2019-01-02", None)


def test_a_missing_terminator_is_told_where_every_field_is_whole() -> None:
    result = parse_payload(B1.removesuffix("$"))
    assert (result.insurance, result.warnings) == (MAU, ("unterminated",))


@pytest.mark.parametrize("card", [B1, B2, "|".join(B2.split("|")[:9]) + "|$"])
def test_a_card_cut_anywhere_else_is_refused(card: str) -> None:
    """Not even behind its ninth field, with which an older form ends: that one has a terminator (card.md 1.4)."""
    for end in range(len(card) - 1 - (card.count("|") == 16)):
        result = parse_payload(card[:end])
        assert result.kind in ("unknown", "previous_id", "personal_id", "insurance_number")
        assert result.kind == "insurance_number" or result.insurance is None
    assert refusal(card.removesuffix("|$")) == "payload.too_few_fields"


def test_a_terminator_glued_to_the_last_field_ends_the_payload() -> None:
    short = "|".join(B2.split("|")[:9])
    assert read(short + "$") == read(short + "|$")


def test_what_follows_the_terminator_is_told() -> None:
    result = parse_payload(B1 + "|more")
    assert (result.insurance, result.warnings) == (MAU, ("extra_fields",))


@pytest.mark.parametrize("between", ["", " ", "\t", "\n", "\r\n", "\r", "|", "||"])
@pytest.mark.parametrize("first", [B1, B2, "|".join(B2.split("|")[:9]) + "|$", B1.removesuffix("|$")])
@pytest.mark.parametrize("second", [B1, B2, B2.replace("|", ";"), CARD, MRZ["A"], PASSPORT, "0199900017", "012345678"])
def test_another_payload_behind_it_refuses_both(first: str, second: str, between: str) -> None:
    if first.endswith("$") or second.count("|"):
        assert refusal(first + between + second) == "payload.damaged"


def test_a_card_cut_anywhere_with_another_behind_it_is_never_somebody() -> None:
    for end in range(11, len(B1)):
        assert parse_payload(B1[:end] + B2).kind == "unknown"
        assert parse_payload(B1[:end] + CARD).kind == "unknown"


@pytest.mark.parametrize("address", ["Ấp 0123456789", "Củ Chi", "Số 1 (2020) pqrstuvwx", "5" * 20])
def test_digits_at_the_end_of_an_address_are_not_another_card(address: str) -> None:
    for field in (4, 10, 15):
        assert read(changed(field, address.encode().hex())).card_number == "0199900017"


@pytest.mark.parametrize(
    ("payload", "warning"),
    [
        (" | ".join(B1.split("|")), "repaired.spaces"),
        (changed(2, " 14/02/2003"), "repaired.spaces"),
        (changed(1, " Trần  Thị Mẫu".encode().hex()), "repaired.spaces"),
    ],
)
def test_blanks_taken_away_are_told(payload: str, warning: str) -> None:
    result = parse_payload(payload)
    assert (result.insurance, result.warnings) == (MAU, (warning,))


@pytest.mark.parametrize("empty", ["-", ""])
def test_an_empty_sex_is_told(empty: str) -> None:
    result = parse_payload(changed(3, empty))
    assert (result.insurance, result.warnings) == (msgspec.structs.replace(MAU, sex=None), ("sex_missing",))


@pytest.mark.parametrize("padding", ["\0", "\0\0\0\0", "\0garbage|of|the|decoder"])
def test_nul_padding_is_cut(padding: str) -> None:
    result = parse_payload(B1 + padding)
    assert (result.insurance, result.warnings) == (MAU, ("repaired.nul",))


@pytest.mark.parametrize(
    ("printed", "iso"),
    [("1/7/2010", "2010-07-01"), ("2010", "2010"), ("7/2010", "2010-07"), (" 01/07/2010", "2010-07-01")],
)
def test_birth_dates_are_read_at_their_precision(printed: str, iso: str) -> None:
    assert read(changed(2, printed)).birth_date == iso


@pytest.mark.parametrize("printed", ["01 - 028", "01-028", "01 – 028", "01 028", "01028", "01 — 028 "])
def test_the_facility_is_five_characters(printed: str) -> None:
    assert read(changed(5, printed)).registered_facility == "01028"


def test_an_unreadable_facility_is_left_out_and_told() -> None:
    result = parse_payload(changed(5, "01 - 0281"))
    assert result.insurance is not None
    assert result.insurance.registered_facility is None
    assert result.warnings == ("facility_unreadable",)


@pytest.mark.parametrize("field", [3, 4, 5, 6, 7, 8, 12])
@pytest.mark.parametrize("empty", ["-", "", " - "])
def test_a_dash_is_an_empty_field(field: int, empty: str) -> None:
    assert read(changed(field, empty)).card_number == "0199900017"


def test_a_name_that_is_not_hexadecimal_stands_as_it_is() -> None:
    result = parse_payload(changed(1, "Trần Thị Mẫu"))
    assert (result.insurance, result.warnings) == (MAU, ("not_hexadecimal",))


def test_nul_padding_inside_the_hexadecimal_is_cut() -> None:
    result = parse_payload(changed(1, "Trần Thị Mẫu".encode().hex() + "0000"))
    assert (result.insurance, result.warnings) == (MAU, ("repaired.nul",))


def test_fields_of_unsure_meaning_are_kept_as_they_stand() -> None:
    tail = parse_insurance_card(B1.split("|")).tail
    assert (tail[0], tail[3], tail[4], len(tail)) == ("01050199900017", " 01/01/2028", "0123456789abcdef-1202", 7)
    assert parse_payload("|".join(B2.split("|")[:9]) + "|$").tail == ()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (0, "TÉ010199900024"),  # VNI: TE1...
        (1, "5472éba76ề205468eb8b204deba75"),
        (4, "5068đb0e1bb9d6ê67"),
    ],
)
def test_hexadecimal_digits_that_an_input_method_changed_are_refused(field: int, value: str) -> None:
    assert refusal(changed(field, value)) == "payload.input_method"


def test_upper_case_hexadecimal_is_read() -> None:
    assert read(changed(1, "Trần Thị Mẫu".encode().hex().upper())) == MAU


def test_a_lower_case_card_number_is_mended_and_told() -> None:
    result = parse_payload(changed(0, "hs4010199900024", B2))
    assert result.insurance == read(B2)
    assert result.warnings == ("repaired.case",)


def test_decomposed_letters_inside_the_hexadecimal_are_composed() -> None:
    result = parse_payload(changed(1, unicodedata.normalize("NFD", "Trần Thị Mẫu").encode().hex()))
    assert (result.insurance, result.warnings) == (MAU, ("repaired.nfd",))


def test_scanner_damage_is_mended_here_too() -> None:
    assert read("\ufeff]Q3" + B1.replace("|", ";") + "\r\n") == MAU


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        (0, "019990001", "payload.card_number"),
        (0, "HS401019990002", "payload.card_number"),
        (0, "H54010199900024", "payload.card_number"),
        (0, "٠١٩٩٩٠٠٠١٧", "payload.card_number"),
        (1, "-", "payload.name"),
        (1, "", "payload.name"),
        (1, "31323334", "payload.name"),
        (1, "5472e1baa76e205468e1bb8b204de1baab7", "payload.damaged"),
        (1, "5472e1baa76e205468e1bb8b204de1ba", "payload.damaged"),
        (1, "54720075", "payload.damaged"),
        (1, "5472e280ae75", "payload.damaged"),
        (2, "31/02/2003", "payload.birth_date"),
        (2, "-", "payload.birth_date"),
        (2, "14022003", "payload.birth_date"),
        (2, "14/02/03", "payload.birth_date"),
        (7, "31/12/2024", "payload.validity"),
    ],
)
def test_an_impossible_identity_refuses_the_whole_payload(field: int, value: str, reason: str) -> None:
    assert refusal(changed(field, value)) == reason


@pytest.mark.parametrize(
    ("field", "value", "name", "left", "warning"),
    [
        (3, "3", "sex", Sex.UNKNOWN, "sex_unreadable"),
        (3, "Nữ", "sex", Sex.UNKNOWN, "sex_unreadable"),
        (4, "5068c6b", "address", None, "address_unreadable"),
        (6, "31/02/2025", "valid_from", None, "validity_unreadable"),
        (6, "2025", "valid_from", None, "validity_unreadable"),
        (8, "00/01/2025", "issue_date", None, "issue_date_unreadable"),
        (12, "32/01/2028", "five_year_date", None, "five_year_date_unreadable"),
    ],
)
def test_what_says_more_about_a_known_card_is_left_out_where_it_cannot_be_read(
    field: int, value: str, name: str, left: Sex | None, warning: str
) -> None:
    result = parse_payload(changed(field, value))
    assert result.insurance == msgspec.structs.replace(MAU, **{name: left})
    assert result.warnings == (warning,)


@pytest.mark.parametrize("form", [B1, "|".join(B2.split("|")[:9]) + "|$"])
def test_a_field_too_many_or_too_few_is_never_read_as_the_next_one(form: str) -> None:
    true = read(form)
    pipes = [at for at, sign in enumerate(form) if sign == "|"]
    for at in pipes:
        for damaged in (form[:at] + "|" + form[at:], form[:at] + "||" + form[at:], form[:at] + form[at + 1 :]):
            got = parse_payload(damaged).insurance
            assert got in (None, true)


def test_days_before_the_birth_are_impossible() -> None:
    assert refusal(changed(8, "02/01/2001")) == "payload.issue_date"
    assert refusal(changed(6, "01/01/2001")) == refusal(changed(12, "01/01/2001")) == "payload.validity"


@pytest.mark.parametrize("value", ["01/01/2028", "5068c6b0 e1bb9d6e67", "5068c6b0\re1bb9d6e67"])
def test_an_address_that_is_none_is_left_out(value: str) -> None:
    result = parse_payload(changed(4, value))
    assert result.insurance is None or ("address_unreadable" in result.warnings and result.insurance.address is None)


def test_a_number_with_a_terminator_is_too_few_fields() -> None:
    assert refusal("0199900017|$") == "payload.too_few_fields"
    assert refusal("HS4010199900024|$") == "payload.too_few_fields"


# Writing


def test_a_card_is_written_as_it_is_read() -> None:
    assert read(format_insurance_card(MAU)) == MAU
    short = msgspec.structs.replace(MAU, five_year_date=None)
    assert format_insurance_card(short, InsuranceForm.SHORT).count("|") == InsuranceForm.SHORT


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("card_number", "123"),
        ("card_number", "hs4010199900024"),
        ("full_name", None),
        ("birth_date", None),
        ("sex", Sex.UNKNOWN),
        ("registered_facility", "1"),
        ("valid_from", "2025-01"),
        ("address", "two  spaces"),
    ],
)
def test_a_card_that_would_come_back_changed_is_not_written(field: str, value: object) -> None:
    with pytest.raises(PayloadRefused):
        format_insurance_card(msgspec.structs.replace(MAU, **{field: value}))


def test_the_short_form_has_no_room_for_the_five_year_date() -> None:
    with pytest.raises(PayloadRefused):
        format_insurance_card(MAU, InsuranceForm.SHORT)
