"""The ticket as a picture: everything on it, nothing cut, nothing of the person."""

import unicodedata
from pathlib import Path

import pytest
import zxingcpp
from PIL import Image

from kiosk.printing.paper import ROLL_DOTS, Text, picture, ribbon, tail
from kiosk.printing.typesetting import set_text
from tests.kiosk.tickets_on_paper import CODE, FONTS, paper, say

LONG = "Khám chuyên khoa Răng – Hàm – Mặt và Phẫu thuật tạo hình thẩm mỹ"
KHMER = [Path("/usr/share/fonts/truetype/noto/NotoSansKhmer-Regular.ttf")]
# Marks above and below capitals; letters of Ê Đê, Gia Rai, Ba Na and Xơ Đăng (kiosk.md 2.3).
STACKED = "ẨẴỖỮẶỘỤ ơ̆ ư̆ ê̆ ô̆ Ơ̆ Ư̆ Ê̆ Ô̆ ƀ ĭ gjpqy"


def ink(drawn: Image.Image) -> int:
    """Black dots."""
    return drawn.convert("L").histogram()[0]


def touches_edge(drawn: Image.Image) -> bool:
    """Ink in the outermost dots: something may be cut off there."""
    width, height = drawn.size
    edges = [(0, 0, width, 1), (0, height - 1, width, height), (0, 0, 1, height), (width - 1, 0, width, height)]
    return any(ink(drawn.crop(edge)) for edge in edges)


@pytest.mark.parametrize("mm", [58, 80])
@pytest.mark.parametrize("language", ["vi", "en"])
def test_the_code_on_a_roll_is_read_back_as_the_ticket_s_own_id(mm: int, language: str) -> None:
    made = ribbon(paper(language=language), say(language), FONTS, ROLL_DOTS[mm])
    (found,) = zxingcpp.read_barcodes(made.below.convert("L"))
    assert found.text == CODE
    assert made.above.width == made.below.width == ROLL_DOTS[mm]
    assert made.number == "A0042"


@pytest.mark.parametrize("size", [24, 34, 46, 130])
@pytest.mark.parametrize("text", [STACKED, unicodedata.normalize("NFD", STACKED)])
def test_stacked_marks_are_never_cut(text: str, size: int) -> None:
    assert not touches_edge(set_text(text, 4000, FONTS.regular, size))


@pytest.mark.parametrize("word", [LONG, "Nghiêngngảnghiêngngửa" * 6])
def test_a_long_name_takes_more_lines_and_loses_no_ink(word: str) -> None:
    one_line = set_text(word, 20_000, FONTS.bold, 46)
    wrapped = set_text(word, 384, FONTS.bold, 46)
    assert wrapped.height >= 3 * one_line.height
    assert not touches_edge(wrapped)
    # Each line begins on whole dots, so letters may be hinted a little otherwise.
    assert abs(ink(wrapped) - ink(one_line)) < ink(one_line) * 0.02


def test_what_is_written_alike_is_drawn_alike() -> None:
    apart = unicodedata.normalize("NFD", "Mắt")
    assert set_text(apart, 400, FONTS.regular, 34).tobytes() == set_text("Mắt", 400, FONTS.regular, 34).tobytes()


def test_letters_that_the_font_lacks_are_drawn_by_the_next_one() -> None:
    khmer = next((file for file in KHMER if file.exists()), None)
    if khmer is None:
        pytest.skip("no Khmer font here (fonts-noto-core)")
    word = "ពិនិត្យ"
    alone = set_text(word, 400, [khmer], 34)
    assert set_text(word, 400, [*FONTS.regular, khmer], 34).tobytes() == alone.tobytes()
    assert set_text(word, 400, FONTS.regular, 34).tobytes() != alone.tobytes()


def test_a_number_no_printer_has_letters_for_is_drawn() -> None:
    made = ribbon(paper(number="Đ0042"), say("vi"), FONTS, 576)
    assert made.number == ""
    assert made.above.height > ribbon(paper(), say("vi"), FONTS, 576).above.height + 150


def test_what_nobody_knows_is_not_on_the_ticket() -> None:
    whole = picture(paper(), say("vi"), FONTS, 576, 203)
    bare = picture(paper(ahead=None, least_minutes=None, most_minutes=None, place=""), say("vi"), FONTS, 576, 203)
    assert bare.height < whole.height - 3 * 34


@pytest.mark.parametrize(
    ("ahead", "least", "most", "told"),
    [
        (12, 20, 35, ["Trước bạn còn 12 người", "Chờ khoảng 20–35 phút"]),
        (0, 0, 5, ["Bạn là người kế tiếp", "Chờ dưới 5 phút"]),
        (None, 5, 15, ["Chờ khoảng 5–15 phút"]),
        (3, None, None, ["Trước bạn còn 3 người"]),
    ],
)
def test_the_wait_is_a_range_in_words_and_called_an_estimate(
    ahead: int | None, least: int | None, most: int | None, told: list[str]
) -> None:
    parts = list(tail(paper(ahead=ahead, least_minutes=least, most_minutes=most), say("vi")))
    words = [part.text for part in parts if isinstance(part, Text)]
    start = words.index(told[0])
    assert words[start : start + len(told) + 1] == [*told, say("vi")("paper.estimate")]


def test_estimates_synthetic_data_and_second_copies_are_marked_as_such() -> None:
    spoken: list[str] = []

    def listening(key: str, **values: object) -> str:
        spoken.append(key)
        return say("vi")(key, **values)

    ribbon(paper(reprint=True, needs_counter=True), listening, FONTS, 576)
    assert {"paper.synthetic", "paper.estimate", "paper.reprint", "paper.needs_counter"} <= set(spoken)
    spoken.clear()
    ribbon(paper(synthetic=False, ahead=None, least_minutes=None), listening, FONTS, 576)
    assert not {"paper.synthetic", "paper.estimate", "paper.reprint", "paper.needs_counter"} & set(spoken)
