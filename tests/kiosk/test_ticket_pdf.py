"""The page for office printers, judged by poppler: its text is found, its letters stand in it, its code is read."""

import re
import shutil
import subprocess
import unicodedata
from pathlib import Path
from typing import Any

import pytest
import zxingcpp
from PIL import Image

from kiosk.printing.pdf import page
from kiosk.printing.typesetting import Fonts
from tests.kiosk.test_ticket_paper import KHMER, LONG, STACKED, ink, touches_edge
from tests.kiosk.tickets_on_paper import CODE, FONTS, paper, say

pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(not shutil.which("pdftotext"), reason="no pdftotext here (poppler-utils)"),
]
WITH_KHMER = Fonts((*FONTS.regular, *KHMER), (*FONTS.bold, *KHMER))


class Sheet:
    """A printed page, as other people's programs read it."""

    def __init__(self, folder: Path, language: str = "vi", fonts: Fonts = FONTS, **other: Any) -> None:
        self._file = folder / "ticket.pdf"
        self._file.write_bytes(page(paper(language=language, **other), say(language), fonts))

    def _told(self, program: str, *more: str) -> str:
        return subprocess.run([program, self._file, *more], capture_output=True, check=True, text=True).stdout

    @property
    def words(self) -> str:
        """Everything a search finds, composed, on one line."""
        return unicodedata.normalize("NFC", " ".join(self._told("pdftotext", "-").split()))

    @property
    def facts(self) -> str:
        return self._told("pdfinfo")

    @property
    def fonts(self) -> list[str]:
        return self._told("pdffonts").splitlines()[2:]

    @property
    def picture(self) -> Image.Image:
        """As it comes out at 300 dpi."""
        shown = self._file.with_name("shown")
        subprocess.run(["pdftoppm", "-r", "300", "-gray", "-png", "-singlefile", self._file, shown], check=True)
        return Image.open(shown.with_suffix(".png"))


@pytest.mark.parametrize("language", ["vi", "en"])
def test_every_word_is_text_and_every_letter_stands_in_the_file(tmp_path: Path, language: str) -> None:
    sheet = Sheet(tmp_path, language, needs_counter=True, reprint=True)
    keys = ("paper.number", "paper.needs_counter", "paper.estimate", "paper.reprint", "paper.synthetic")
    meant = ["A0042", "Khám bệnh", "Bệnh viện Mẫu", "Tầng 2, phòng 204", *(say(language)(key) for key in keys)]
    words = sheet.words
    assert not [one for one in meant if one not in words]
    assert say(language)("paper.wait", least=20, most=35) in words
    assert sheet.fonts
    assert all(re.search(r"\+NotoSans-\w+ +TrueType +\S+ +yes yes yes", line) for line in sheet.fonts), sheet.fonts


def test_the_page_holds_the_whole_ticket_and_its_code_is_read(tmp_path: Path) -> None:
    sheet = Sheet(tmp_path)
    shown = sheet.picture
    assert "297.6 x 419.52 pts" in sheet.facts  # A6
    assert "Pages:           1" in sheet.facts
    assert not touches_edge(black(shown))
    assert [found.text for found in zxingcpp.read_barcodes(shown)] == [CODE]


@pytest.mark.parametrize("times", [2, 8])
def test_a_long_ticket_gets_a_larger_sheet_and_then_smaller_letters(tmp_path: Path, times: int) -> None:
    sheet = Sheet(tmp_path, service=" ".join([LONG] * times), place=LONG, needs_counter=True, reprint=True)
    shown = sheet.picture
    assert max(shown.size) in range(2475, 2490)  # A5
    assert "Pages:           1" in sheet.facts
    assert not touches_edge(black(shown))
    assert zxingcpp.read_barcodes(shown)[0].text == CODE


def test_letters_that_stand_on_each_other_are_drawn_whole_and_found_all_the_same(tmp_path: Path) -> None:
    if not KHMER[0].exists():
        pytest.skip("no Khmer font here (fonts-noto-core)")
    word = "ពិនិត្យ"
    without = ink(black(Sheet(tmp_path, service="", place="").picture))
    sheet = Sheet(tmp_path, fonts=WITH_KHMER, service=f"{word} 7", place=STACKED)
    assert word in sheet.words
    assert unicodedata.normalize("NFC", STACKED) in sheet.words
    assert ink(black(sheet.picture)) > without + 5000


def test_the_same_ticket_is_the_same_page_and_holds_nothing_else(tmp_path: Path) -> None:
    assert page(paper(), say("vi"), FONTS) == page(paper(), say("vi"), FONTS)
    facts = Sheet(tmp_path).facts
    assert "Bệnh viện Mẫu" in facts
    assert "2026" not in re.sub(r"(Creator|Producer):.*", "", facts)
    assert len(page(paper(), say("vi"), FONTS)) < 80_000


def test_a_font_that_is_none_is_an_error_the_spool_knows(tmp_path: Path) -> None:
    broken = tmp_path / "Broken.ttf"
    broken.write_bytes(b"no font")
    with pytest.raises(OSError):
        page(paper(), say("vi"), Fonts((broken,), (broken,)))


def black(shown: Image.Image) -> Image.Image:
    """Only what is really dark."""
    return shown.point(lambda dot: 255 if dot > 128 else 0)
