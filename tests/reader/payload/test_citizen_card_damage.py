"""Payloads of citizen cards as scanners and their settings damage them: mended and told, or refused (card.md 1.5)."""

import random
import unicodedata
from itertools import islice

import pytest

from reader.payload import PayloadResult, parse_payload
from reader.payload.letters import is_of_old_code_page
from reader.payload.text import as_text
from tests.reader.payload.cards import MAU, Q1, Q2, Q3, changed, insured, refusal
from tests.reader.payload.test_insurance_card import B1
from tests.reader.payload.vietnam import names, syllables

# Damage by scanners


@pytest.mark.parametrize(
    ("payload", "warning"),
    [
        ("\ufeff" + Q1, "repaired.bom"),
        (Q1 + "\r\n", "repaired.frame"),
        (Q1 + "\r", "repaired.frame"),
        (Q1 + "\t", "repaired.frame"),
        ("\x02" + Q1 + "\x03", "repaired.frame"),
        (Q1 + "\x1d\x04", "repaired.frame"),
        (Q1.replace("|", "\t"), "repaired.separator"),
        ("  " + Q1, "repaired.frame"),
        ("]Q1" + Q1, "repaired.aim_prefix"),
        ("]Q3" + Q1, "repaired.aim_prefix"),
        ("]d2" + Q1, "repaired.aim_prefix"),
        ("]Q2\\000026" + Q1, "repaired.aim_prefix"),
        (Q1 + "\0\0\0", "repaired.nul"),
        ("\0\0" + Q1, "repaired.nul"),
        (Q1.replace("|", ";"), "repaired.separator"),
        (Q1.replace("|", "\n"), "repaired.separator"),
        (Q1.replace("|", "\r\n"), "repaired.separator"),
        (Q1.replace("|", "\r"), "repaired.separator"),
        (unicodedata.normalize("NFD", Q1), "repaired.nfd"),
        (Q1.replace("|", " | "), "repaired.spaces"),
        (Q1.replace("Thị", " Thị\u00a0"), "repaired.spaces"),
        (Q1.encode().decode("latin-1"), "repaired.mojibake"),
        (Q1.encode().decode("latin-1").encode().decode("latin-1"), "repaired.mojibake"),
    ],
)
def test_safe_damage_is_mended_and_told(payload: str, warning: str) -> None:
    assert parse_payload(payload) == PayloadResult(kind="citizen_card", holder=MAU, warnings=(warning,))
    assert parse_payload(payload.encode()) == parse_payload(payload)


def test_several_damages_together_are_mended_and_told() -> None:
    result = parse_payload(b"\xef\xbb\xbf]Q1" + unicodedata.normalize("NFD", Q2.replace("|", ";")).encode() + b"\r\n")
    assert result.holder == parse_payload(Q2).holder
    assert result.warnings == (
        "repaired.frame",
        "repaired.bom",
        "repaired.aim_prefix",
        "repaired.nfd",
        "repaired.separator",
    )


def test_the_prefixes_come_in_either_order() -> None:
    assert parse_payload("]Q1\ufeff" + Q1).holder == MAU


def test_empty_fields_between_line_ends_are_kept() -> None:
    result = parse_payload(Q2.replace("|", "\r\n") + "\r\n")
    assert result.holder == parse_payload(Q2).holder


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
def test_utf16_that_says_so_is_read(codec: str) -> None:
    payload = ("\ufeff" + Q1).encode(codec)
    assert parse_payload(payload) == PayloadResult(kind="citizen_card", holder=MAU, warnings=("repaired.utf16",))
    assert parse_payload(as_text(payload)) == parse_payload(payload)


def test_padding_may_be_any_bytes() -> None:
    assert parse_payload(Q1.encode() + b"\0\xff\xc3").warnings == ("repaired.nul",)


@pytest.mark.parametrize("payload", [Q1 + "\0" + Q3, Q1 + "\0\0\x02" + Q3, Q1 + "\0x\0" + Q3, Q1 + "\0" + B1])
def test_padding_may_not_be_another_card(payload: str) -> None:
    assert refusal(payload) == refusal(payload.encode()) == "payload.damaged"
    assert refusal(("\ufeff" + payload).encode("utf-16-le")) == "payload.damaged"


@pytest.mark.parametrize("padding", [Q1, Q3[8:], "|||||||", "079200900024", "\x01" * 40])
def test_padding_may_be_the_same_card_or_part_of_an_older_one(padding: str) -> None:
    assert parse_payload(Q1 + "\0" + padding) == PayloadResult(
        kind="citizen_card", holder=MAU, warnings=("repaired.nul",)
    )


@pytest.mark.parametrize("before", ["\ufeff", "\x02\ufeff", "]Q1\ufeff", "\ufeff]Q1", "\ufeff\r\n", "ï»¿", "\ufeffï»¿"])
@pytest.mark.parametrize("codec", ["latin-1", "cp1252", "cp1258", "cp437"])
def test_what_a_program_put_before_misread_text_does_not_stop_its_repair(before: str, codec: str) -> None:
    page = {byte: bytes([byte]).decode(codec, "ignore") or chr(byte) for byte in range(256)}
    own = "".join(page[byte] for byte in "\ufeff".encode())
    result = parse_payload(before.replace("ï»¿", own) + "".join(page[byte] for byte in Q1.encode()))
    assert result.holder == MAU
    assert "repaired.mojibake" in result.warnings


@pytest.mark.parametrize(
    "name",
    [
        "TrÇn ThÞ MÉu",
        "TRÇN THÞ MÉU",
        "NguyÔn Anh TuÊn",
        "Traàn Thò Maãu",
        "TRAÀN THÒ MAÃU",
        "Vaên",
        "Leâ Nam",
        "Vuõ Nam",
        "Nguyeãn Tuaán",
        "Ñoaøn Thaéng",
        "Thaòch Sa Meìt",
        "TrâÌn Nam",
        "ThÕch Nam",
        "Ngäc",
        "ﬁn",
    ],
)
def test_a_name_left_by_an_old_vietnamese_code_page_is_refused(name: str) -> None:
    assert refusal(changed(Q1, 2, name)) == "payload.damaged"
    assert refusal(insured(name)) == "payload.damaged"


def test_no_vietnamese_syllable_is_taken_for_an_old_code_page() -> None:
    every = syllables()
    assert len(every) > 10_000
    assert [word for word in every if is_of_old_code_page(word.capitalize()) or is_of_old_code_page(word.upper())] == []
    generated = islice(names(random.Random(6)), 5000)  # noqa: S311
    assert [name for name in generated if is_of_old_code_page(name)] == []


@pytest.mark.parametrize(
    "name", ["An\u034f", "T" + "\u0301" * 30 + "rần", "Ba\u0301\u0301\u0301\u0301", "A\u0338n", "A\u20ddn"]
)
def test_a_name_with_unseen_or_piled_up_marks_is_refused(name: str) -> None:
    assert refusal(changed(Q1, 2, name)) == "payload.damaged"


@pytest.mark.parametrize("codec", ["cp1252", "cp1258"])
def test_utf8_read_in_a_windows_code_page_is_mended(codec: str) -> None:
    # Bytes that the page does not assign come through as C1 controls, as browsers and scanners' tools do it.
    page = {byte: bytes([byte]).decode(codec, "ignore") or chr(byte) for byte in range(256)}
    mangled = "".join(page[byte] for byte in Q1.encode())
    assert mangled != Q1
    assert parse_payload(mangled) == PayloadResult(kind="citizen_card", holder=MAU, warnings=("repaired.mojibake",))


@pytest.mark.parametrize(
    "payload",
    [
        Q1.encode("utf-16")[:-1],
        Q1.replace("Mẫu, Quận", "M?u, Qu?n"),
        Q1.encode("cp1258", "replace").replace(b"?", b"\xd3"),
        Q1.encode()[:20] + b"\xff" + Q1.encode()[20:],
        Q1.replace("ầ", "\ufffd"),
        Q1.replace("Hà", "HÃ\u00a0"),
        Q1.replace("Hà", "TrÃ"),
        Q1.replace("Hà", "H€"),
        Q1.replace("Nữ", "N").encode("ascii", "ignore"),
        b"079200900024||Nguyn Vn Th|01072000|Nam|T 5, Phng Th, TP. H Ch Minh|15082024",
        Q1.replace("Mẫu,", "M\u202eẫu,"),
        Q1.replace("Thị", "Th\x1bị"),
        Q1.replace("Thị", "Th\u200bị"),
        Q1.replace("Trần", "Hu廙軟h"),
        Q1.replace("Đường", "廙軟"),
        Q1.replace("Trần", "Тrần"),  # a Cyrillic letter that looks the same
        Q1.encode().decode("cp1252", "ignore"),
        "\udcff" + Q1,
    ],
)
def test_damage_that_cannot_be_undone_is_refused(payload: str | bytes) -> None:
    assert refusal(payload) == "payload.damaged"


@pytest.mark.parametrize("between", ["\t", "\r", "\n", "\r\n", " \r\n ", "\t\t"])
def test_a_line_end_between_two_words_of_a_name_is_a_space(between: str) -> None:
    name = parse_payload(Q1).holder.full_name
    first, rest = name.split(" ", 1)
    result = parse_payload(Q1.replace(name, f"{first}{between}{rest}"))
    assert result.holder.full_name == name
    assert "repaired.spaces" in result.warnings


@pytest.mark.parametrize("payload", ["", b"", " ", "\r\n", "\ufeff", "\0\0", "]Q1", "]Q1\r\n"])
def test_nothing_is_empty(payload: str | bytes) -> None:
    assert refusal(payload) == "payload.empty"


@pytest.mark.parametrize("payload", [Q1 + "|" * 4000, b"\xff" * 5000, "1" * 1_000_000, "ẫ" * 1366])
def test_more_than_a_qr_code_holds_is_refused(payload: str | bytes) -> None:
    assert refusal(payload) == "payload.too_long"
