"""Bare numbers and the VNeID app's own codes (card.md 1.3, 2)."""

import base64

import pytest

from reader.payload import PayloadResult, parse_payload
from reader.payload.parse import is_of_person
from reader.reading import Holder, InsuranceCard
from sandbox.people import PEOPLE, Person, qr_text


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("001303900017", PayloadResult(kind="personal_id", holder=Holder(personal_id="001303900017"))),
        ("012345678", PayloadResult(kind="previous_id", holder=Holder(personal_id=None, previous_id="012345678"))),
        ("0199900017", PayloadResult(kind="insurance_number", insurance=InsuranceCard(card_number="0199900017"))),
        (
            "HS4010199900024",
            PayloadResult(kind="insurance_number", insurance=InsuranceCard(card_number="HS4010199900024")),
        ),
    ],
)
def test_a_bare_number_is_told_by_its_length(text: str, result: PayloadResult) -> None:
    assert parse_payload(text) == result
    assert parse_payload(text.encode()) == result


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ("001 303 900 017", "repaired.grouping"),
        ("001-303-900-017", "repaired.grouping"),
        ("001.303.900.017", "repaired.grouping"),
        ("0013 0390 0017", "repaired.grouping"),
        ("001303900017\r\n", "repaired.frame"),
        ("]C1001303900017", "repaired.aim_prefix"),
        ("]d2001303900017", "repaired.aim_prefix"),
        ("]L0001303900017", "repaired.aim_prefix"),
        ("\ufeff001303900017", "repaired.bom"),
        ("\u00a0001303900017", "repaired.spaces"),
        ("001303900017\u00a0\u3000", "repaired.spaces"),
    ],
)
def test_a_number_is_mended_and_that_is_told(text: str, warning: str) -> None:
    result = parse_payload(text)
    assert (result.holder, result.warnings) == (Holder(personal_id="001303900017"), (warning,))


@pytest.mark.parametrize("number", ["001303900017", "HS4010199900024", "0199900017", "012345678"])
@pytest.mark.parametrize("rest", ["", "||Trần Thị Mẫu|14022003|Nữ|x|20052021", "|x", "\r\n"])
def test_no_number_is_cut_at_a_control_into_one_of_another_kind(number: str, rest: str) -> None:
    for control in map(chr, [*range(0x20), 0x7F, 0x85]):
        for at in range(1, len(number)):
            text = number[:at] + control + number[at:] + rest
            for payload in (text, text.encode()):
                result = parse_payload(payload)
                assert (result.kind, result.holder, result.insurance) == ("unknown", None, None)


def test_padding_of_nuls_alone_leaves_the_number() -> None:
    result = parse_payload("001303900017\0\0\0")
    assert (result.holder, result.warnings) == (Holder(personal_id="001303900017"), ("repaired.nul",))


@pytest.mark.parametrize("text", ["hs4010199900024", "HS 4 01 01 999 00024", "hs4-01-0199900024", "HS 4 01 0199900024"])
def test_an_insurance_card_number_is_read_in_groups_and_in_any_case(text: str) -> None:
    result = parse_payload(text)
    assert result.insurance == InsuranceCard(card_number="HS4010199900024")
    assert {"repaired.case", "repaired.grouping"} >= set(result.warnings) != set()


@pytest.mark.parametrize(
    "text",
    [
        "192.168.100.200",
        "123.456.789",
        "0912 345 678",
        "001 303-900 017",
        "001  303 900 017",
        "00130390001",
        "0013039000170",
        "8934563138165",
        "14-02-2003",
        "٠٠١٣٠٣٩٠٠٠١٧",
        "001303900017 012345678",
        "+84912345678",
        "1234567890123456",
    ],
)
def test_other_numbers_are_not_taken_for_one(text: str) -> None:
    result = parse_payload(text)
    assert (result.kind, result.holder, result.insurance) == ("unknown", None, None)


def token(*parts: str) -> str:
    return ".".join(base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in parts)


@pytest.mark.parametrize(
    "text",
    [
        "https://vneid.gov.vn/qr?session=8f2c",
        "vneid://login?code=123456",
        "VNEID|8f14e45fceea167a5a36dedd4bea2543",
        '{"app":"VNeID","session":"8f14e45f"}',
        token('{"alg":"RS256"}', '{"iss":"vneid","sid":"8f14"}') + ".c2lnbmF0dXJl",
        base64.b64encode(b'{"t":"VNeID"}').decode(),
        "\ufeffvneid://x\r\n",
    ],
)
def test_a_code_with_the_apps_name_in_it_is_named(text: str) -> None:
    assert parse_payload(text) == PayloadResult(kind="unknown", reason="payload.vneid")


@pytest.mark.parametrize(
    "text",
    [
        "https://example.test/login",
        token('{"alg":"RS256"}', '{"iss":"example"}') + ".c2lnbmF0dXJl",
        "8f14e45fceea167a5a36dedd4bea25438f14e45fceea167a5a36dedd4bea2543",
        "83920174",
        "vneidol.example",
        "WIFI:S:x;T:WPA;P:y;;",
    ],
)
def test_nothing_is_named_after_the_app_without_a_sign_of_it(text: str) -> None:
    assert parse_payload(text).reason in ("payload.unrecognised", "payload.personal_id")


@pytest.mark.parametrize("person", PEOPLE, ids=lambda person: person.key)
def test_a_code_of_a_person_is_known_at_a_glance(person: Person) -> None:
    for text in (qr_text(person), person.personal_id, "\ufeff" + qr_text(person)):
        assert is_of_person(text)


@pytest.mark.parametrize("text", ["", "https://example.org/a|b|c|d|e|f|g", "WIFI:S:mau;T:WPA;P:x;;", "held", "|" * 20])
def test_a_code_of_something_else_is_not_taken_for_a_persons(text: str) -> None:
    assert not is_of_person(text)
