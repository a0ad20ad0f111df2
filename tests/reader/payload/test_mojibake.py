"""Letters read in a wrong encoding: as other programs really do it, and as zbar does in text mode (vision.md 3).

What comes out is either what was printed, with a warning, or nothing.
"""

import random
import time
from itertools import islice

import numpy as np
import pytest
from pyzbar.pyzbar import ZBarSymbol, decode

from reader.payload import code_pages, parse_payload
from reader.payload.errors import PayloadDamaged
from reader.payload.letters import is_printable
from reader.payload.mojibake import undo
from sandbox.paper.qr import Style, encode
from tests.reader.payload.vietnam import payloads

VIETNAMESE = {"viscii": code_pages.VISCII, "tcvn": code_pages.TCVN, "abc": code_pages.abc()}
SINGLE = ("latin-1", "cp1252", "cp1258", "cp437", "mac_roman")
DOUBLE = ("shift_jis", "cp932", "big5", "cp950", "big5hkscs", "gbk", "gb18030", "euc_jp", "euc_kr", "cp949")
MANY = 900  # payloads for each test
THROUGH_ZBAR = 120


def misread(text: str, codec: str) -> str | None:
    """UTF-8 read in another encoding, unassigned single bytes as C1 controls; None where the bytes are not valid."""
    raw = text.encode()
    if codec in SINGLE:
        return "".join(bytes([byte]).decode(codec, "ignore") or chr(byte) for byte in raw)
    try:
        return raw.decode(codec)
    except UnicodeDecodeError:
        return None


def assert_right_or_refused(mangled: str, printed: str) -> bool:
    """Whether it was mended."""
    result = parse_payload(mangled)
    if result.holder is None:
        assert result.reason in ("payload.damaged", "payload.too_long")
        return False
    assert result.holder == parse_payload(printed).holder
    return mangled == printed or "repaired.mojibake" in result.warnings


@pytest.mark.parametrize("codec", [*SINGLE, *DOUBLE])
def test_a_payload_misread_in_one_encoding_is_mended(codec: str) -> None:
    printed = list(islice(payloads(random.Random(1)), MANY // 3))  # noqa: S311
    mangled = [(read, text) for text in printed if (read := misread(text, codec)) not in (None, text)]
    assert mangled
    mended = sum(assert_right_or_refused(read, text) for read, text in mangled)
    assert mended >= 0.99 * len(mangled)


@pytest.mark.parametrize(("page", "mended"), [("viscii", 0.99), ("tcvn", 0.6), ("abc", 0.1)])
def test_utf8_read_in_a_code_page_of_vietnam_is_mended_or_refused(page: str, mended: float) -> None:
    """All letters are Vietnamese then. The pages of TCVN say two bytes by one letter, so not all can be undone."""
    right = 0
    for printed in islice(payloads(random.Random(12)), MANY):  # noqa: S311
        read = "".join(chr(byte) if byte < 0x80 else VIETNAMESE[page][byte - 0x80] for byte in printed.encode())
        right += assert_right_or_refused(read, printed)
    assert right >= mended * MANY


@pytest.mark.parametrize("page", VIETNAMESE)
def test_no_letter_of_a_code_page_stands_for_two_bytes_when_it_is_undone(page: str) -> None:
    assert len(VIETNAMESE[page]) == 128
    assert page == "abc" or len(set(VIETNAMESE[page])) == 128


@pytest.mark.parametrize(
    ("written", "read", "missed"),
    [("viscii", "tcvn", 0.3), ("tcvn", "viscii", 0.35), ("viscii", "abc", 0.25), ("abc", "viscii", 0.35)],
)
def test_one_code_page_read_as_another_is_seen_by_its_syllables(written: str, read: str, missed: float) -> None:
    """Each letter is Vietnamese and stands where another one stood: many words are no syllables then. A card with a
    marked word or two can pass; whoever has more is refused, and nobody is mended by guessing."""
    passed = seen = 0
    for printed in islice(payloads(random.Random(13)), MANY):  # noqa: S311
        places = {letter: at for at, letter in enumerate(VIETNAMESE[written])}
        if all(sign.isascii() or sign in places for sign in printed) and not printed.isascii():
            mangled = "".join(sign if sign.isascii() else VIETNAMESE[read][places[sign]] for sign in printed)
            result = parse_payload(mangled)
            seen += 1
            passed += result.holder is not None and result.holder != parse_payload(printed).holder
    assert seen > MANY // 2
    assert passed <= missed * seen


@pytest.mark.parametrize("name", ["Phòảng", "Huyđn An", "TrẳồáỪŨng", "Thềỡ An", "BĐ", "NguyẤn"])
def test_letters_that_cannot_stand_side_by_side_are_refused(name: str) -> None:
    assert parse_payload(f"079200900024||{name}|01072000|Nam|Hà Nội|15082024").reason == "payload.damaged"


@pytest.mark.parametrize("sex", ["Nố", "NáỪố", "Nọ", "N÷", "Nư"])
def test_a_sex_in_other_letters_refuses_the_whole_card(sex: str) -> None:
    payload = f"079200900024||Mai Anh|01072000|{sex}|Hà Nội|15082024"
    assert parse_payload(payload).reason == "payload.damaged"


@pytest.mark.parametrize("first", ["cp1252", "cp932", "gb18030"])
@pytest.mark.parametrize("second", ["latin-1", "cp1252", "cp1258"])
def test_two_misreadings_one_after_the_other_are_mended(first: str, second: str) -> None:
    for printed in islice(payloads(random.Random(2)), 60):  # noqa: S311
        once = misread(printed, first)
        if once is not None and once != printed:
            assert assert_right_or_refused(misread(once, second) or "", printed)


@pytest.mark.parametrize("lost", ["?", "\ufffd", "・"])
@pytest.mark.parametrize("codec", ["cp1252", "cp932", "big5", "gbk"])
def test_what_lost_a_letter_on_the_way_is_never_a_wrong_holder(codec: str, lost: str) -> None:
    dice = random.Random(3)  # noqa: S311
    for printed in islice(payloads(dice), 100):
        mangled = misread(printed, codec)
        strange = [at for at, sign in enumerate(mangled or "") if not sign.isascii()]
        if mangled and len(strange) > 1:
            at = dice.choice(strange)
            damaged = mangled[:at] + lost + mangled[at + 1 :]
            got, want = parse_payload(damaged).holder, parse_payload(printed).holder
            assert got is None or got == want


@pytest.mark.parametrize("segments", ["byte", "mixed", "eci"])
def test_what_zbar_says_in_text_mode_is_right_or_refused(segments: str) -> None:
    mangled = mended = 0
    for printed in islice(payloads(random.Random(4)), THROUGH_ZBAR):  # noqa: S311
        modules = np.where(np.pad(encode(printed, Style(segments=segments)), 4), 0, 255).astype(np.uint8)
        (code,) = decode(np.kron(modules, np.ones((3, 3), np.uint8)), symbols=[ZBarSymbol.QRCODE])
        text = code.data.decode()
        mangled += text != printed
        mended += assert_right_or_refused(text, printed) and text != printed
    assert mended >= 0.95 * mangled
    assert (mangled > 0) == (segments != "eci")


def test_true_text_is_never_changed() -> None:
    for printed in islice(payloads(random.Random(5)), MANY):  # noqa: S311
        assert undo(printed) == printed
        assert parse_payload(printed).reason is None


@pytest.mark.parametrize("name", ["Dãy", "Lã", "Mã An", "Hãn"])
def test_a_mark_that_would_stand_on_a_consonant_is_no_second_explanation(name: str) -> None:
    payload = f"079200900024||{name}|01072000|Nam||15082024"
    assert assert_right_or_refused(payload.encode().decode("latin-1"), payload)


def test_letters_that_two_encodings_explain_are_refused() -> None:
    with pytest.raises(PayloadDamaged):
        undo("áşĄ")  # `ấ` read in code page 1250 as well as another letter in 1254
    assert not is_printable("Ph①ng")


@pytest.mark.parametrize(
    "payload",
    [
        "|" * 4096,
        "001303900017|" + "|" * 4000,
        "<" * 4096,
        "001303900017||" + "o" + "\u0323\u0302" * 1000,
        "0" * 4096,
        "a1" * 2048,
        "]Q1" * 1300,
        "\ufeff" * 1300,
        "ngoaasf " * 500,
        "vneid"[:4] * 1000,
        "Trần Thị Mẫu ".encode().decode("latin-1").encode().decode("latin-1") * 55,
        "Ã\u0083Â\u00a1" * 500,
        "蘯" * 1300,
        "é" * 2000,
        "\x00" * 4096,
        bytes(range(256)) * 16,
    ],
)
def test_what_is_made_to_take_long_does_not(payload: str | bytes) -> None:
    began = time.process_time()
    assert parse_payload(payload).kind == "unknown"
    front = payload if isinstance(payload, bytes) else payload.encode()
    parse_payload(b"001303900017||" + front[:4000] + b"|1955|Nam|" + front[:20] + b"|20052021")
    assert time.process_time() - began < 0.5
