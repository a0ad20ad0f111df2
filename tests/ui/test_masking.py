"""What a waiting room may read of a person, and what a hostile card can put on the screen (nothing)."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ui.masking import birth_year, mask_name, mask_number, plain


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Trần Thị Mai", "T. T. Mai"),
        ("NGUYỄN VĂN AN", "N. V. AN"),
        ("Y Bhăm Niê Kđăm Êban", "Y. B. N. K. Êban"),
        ("H'Hen Niê", "H. Niê"),
        ("Ơ̆ng Ê̆ ban", "Ơ̆. Ê̆. ban"),
        ("An", "A••••"),
        ("  Lê   An ", "L. An"),
        ("", ""),
        (None, ""),
        ("\u202eiaM\u202c", "i••••"),
        ("ស្រី មុំ សុភា", "ស្រី. មុំ. សុភា"),
        ("ខ្មែរ", "ខ្មែ••••"),
        ("Jean-Pierre DUPONT", "J. DUPONT"),
        ("Wolfeschlegelsteinhausenbergerdorff", "W••••"),
        ("Anna Wolfeschlegelsteinhausenbergerdorff", "A. Wolfeschlege…"),
    ],
)
def test_a_name_shows_initials_and_the_name_one_is_called_by(name: str | None, shown: str) -> None:
    assert mask_name(name) == unicodedata.normalize("NFC", shown)


def test_a_name_of_ten_thousand_letters_stays_short() -> None:
    assert len(mask_name("A" * 10_000)) <= 20
    assert len(mask_name("A " * 10_000)) <= 40
    assert len(mask_name("Lê " + "An" * 10_000)) <= 40


def test_towers_of_marks_are_cut() -> None:
    tower = "Lê A" + "\u0301" * 500 + "n"
    assert len(mask_name(tower)) <= 12


@given(st.text(max_size=200))
def test_no_name_puts_control_or_direction_characters_on_the_screen(name: str) -> None:
    shown = mask_name(name)
    assert len(shown) <= 120
    assert not [letter for letter in shown if unicodedata.category(letter)[0] in "C" or letter in "\n\r\u2028\u2029"]


@given(st.lists(st.text("abcdefghijklmnopqrstuvwxyzđ", min_size=2, max_size=7), min_size=2, max_size=5))
def test_only_the_last_word_of_a_name_is_shown_whole(words: list[str]) -> None:
    shown = mask_name(" ".join(words)).split()
    assert shown[-1] == words[-1]
    assert all(len(initial) == 2 for initial in shown[:-1])


def test_a_number_shows_its_last_four_digits_only() -> None:
    assert mask_number("001303900017") == "••••0017"
    assert mask_number("123") == ""
    assert mask_number(None) == ""


@pytest.mark.parametrize(
    ("date", "year"), [("2003-02-14", "2003"), ("1955", "1955"), ("", ""), (None, ""), ("<b>x", ""), ("٢٠٠٣", "")]
)
def test_of_a_birth_date_only_the_year_is_shown(date: str | None, year: str) -> None:
    assert birth_year(date) == year


def test_plain_text_keeps_the_letters_of_minority_languages() -> None:
    assert plain("ƀ Ƀ ĕ ĭ ŏ ŭ ơ̆ ư̆ ê̆ ô̆ ñ č") == unicodedata.normalize("NFC", "ƀ Ƀ ĕ ĭ ŏ ŭ ơ̆ ư̆ ê̆ ô̆ ñ č")
