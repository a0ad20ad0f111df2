"""The catalogues: both languages complete, whole and parallel; every error code has words."""

import importlib
import pkgutil
import string
import unicodedata
from importlib import resources
from itertools import pairwise

import pytest
from babel.messages.pofile import read_po

from config.settings import ConfigUnknownKey
from ui.words import LANGUAGES, Words, error_line, error_words, keys
from wire.errors import RemoteError, TiepDonError

PACKAGES = ("wire", "config", "reader", "hisbridge", "kiosk", "ui", "sandbox", "tiepdon")


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def every_error_code() -> set[str]:
    for package in PACKAGES:
        for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
            importlib.import_module(module.name)
    todo: list[type[TiepDonError]] = [TiepDonError]
    codes = set()
    while todo:
        kind = todo.pop()
        todo += kind.__subclasses__()
        if kind.__module__.split(".")[0] in PACKAGES:
            codes.add(kind.code)
    return codes


def test_both_languages_have_exactly_the_same_keys() -> None:
    assert keys("vi") == keys("en")
    assert len(keys("vi")) > 100


def texts_of(language: str) -> dict[str, str]:
    """Every text as it stands in the catalogue, its placeholders unfilled."""
    path = resources.files("ui").joinpath("locales", language, "LC_MESSAGES", "tiepdon.po")
    with path.open("rb") as file:
        return {str(message.id): str(message.string) for message in read_po(file) if message.id}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_catalogue_is_read_as_babel_reads_it(language: str) -> None:
    """Nothing in it is fuzzy, plural or in a context: our own reader knows none of these."""
    path = resources.files("ui").joinpath("locales", language, "LC_MESSAGES", "tiepdon.po")
    with path.open("rb") as file:
        messages = [message for message in read_po(file) if message.id]
    assert not any(message.fuzzy or message.pluralizable or message.context for message in messages)
    assert {str(message.id): message.string for message in messages} == {
        key: Words(language).raw(key) for key in keys(language)
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_is_empty_or_has_stray_white_space(language: str) -> None:
    for key, text in texts_of(language).items():
        assert text == text.strip() != "", key


@pytest.mark.parametrize("language", LANGUAGES)
def test_texts_are_in_composed_form(language: str) -> None:
    for key in keys(language):
        text = Words(language).get(key)
        assert text == unicodedata.normalize("NFC", text), key


def test_every_placeholder_stands_in_both_languages() -> None:
    texts = {language: texts_of(language) for language in LANGUAGES}
    for key in keys("vi"):
        for one, other in pairwise(LANGUAGES):
            assert placeholders(texts[one][key]) == placeholders(texts[other][key]), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_error_code_of_the_product_has_cause_and_cure(language: str) -> None:
    words = Words(language)
    missing = {code for code in every_error_code() if f"error.{code}" not in words or f"error.{code}.cure" not in words}
    assert missing == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_error_has_a_cure_and_every_title_a_cause(language: str) -> None:
    known = {key for key in keys(language) if key.startswith("error.")}
    causes = {key for key in known if not key.endswith((".cure", ".title"))}
    assert {f"{cause}.cure" for cause in causes} == {key for key in known if key.endswith(".cure")}
    assert {key.removesuffix(".title") for key in known if key.endswith(".title")} <= causes


def test_vietnamese_words_are_vietnamese() -> None:
    assert Words("vi").get("confirm.title") == "Đây có phải là bạn?"
    assert Words("en").get("confirm.title") == "Is this you?"


def test_placeholders_are_filled_and_a_missing_value_leaves_a_blank() -> None:
    assert Words("vi").get("confirm.born", year="1946") == "Sinh năm 1946"
    assert Words("vi").get("confirm.born") == "Sinh năm "


def test_values_are_never_taken_for_placeholders() -> None:
    assert Words("en").get("confirm.number", number="{year}{0.__class__}") == "No. {year}{0.__class__}"


def test_an_unknown_key_is_shown_itself_and_an_unknown_language_is_english() -> None:
    assert Words("vi").get("no.such.key") == "no.such.key"
    assert Words("xx").get("confirm.title") == "Is this you?"


def test_an_error_code_nobody_knows_gets_the_general_words() -> None:
    told = error_words("future.code", "vi")
    assert told.code == "future.code"
    assert told.title == Words("vi").get("failed.title")
    assert told.cause == Words("vi").get("error.unknown")
    assert told.cure == Words("vi").get("error.unknown.cure")


def test_an_error_becomes_one_line_with_cause_cure_code_and_facts() -> None:
    line = error_line(ConfigUnknownKey(file="/etc/a b.toml", key="kiosk.lisen", meant=None))
    assert "\n" not in line
    assert "does not exist" in line
    assert line.endswith('[config.unknown_key file="/etc/a b.toml" key=kiosk.lisen]')


def test_a_fact_with_line_breaks_stays_on_the_one_line() -> None:
    assert "\n" not in error_line(RemoteError("internal", why="first\nsecond\r\nthird"))
