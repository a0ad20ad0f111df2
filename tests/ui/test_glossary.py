"""The glossary's last table says what the screens say."""

import re
from pathlib import Path

import pytest

from ui.words import Words

GLOSSARY = Path(__file__).parents[2] / "docs" / "glossary.md"
KEYS = {
    "`start`": ["start.place_card"],
    "`ask_key`": ["ask_key.title"],
    "`ask_qr`": ["ask_qr.title"],
    "`ask_mrz`": ["ask_mrz.title"],
    "`ask_insurance`": ["ask_insurance.title"],
    "`ask_consent`": ["consent.title"],
    "`choose_service`": ["services.title"],
    "`choose_priority`": ["priority.title"],
    "`adjust`": ["adjust.title"],
    "`no_card`": ["no_card.title"],
    "`goodbye`": ["goodbye.title"],
    "`keypad`": ["keypad.card_key.title", "keypad.personal_id.title"],
    "`reading`": ["reading.title"],
    "`confirm`": ["confirm.title"],
    "`finishing`": ["finishing.title"],
    "`ticket`": ["ticket.title"],
    "`failed`": ["failed.choose"],
    "`help`": ["help.title"],
    "`out_of_order`": ["out_of_order.title"],
    "the idle warning": ["idle.title", "idle.stay"],
    "the server away": ["away.title", "away.note"],
}


@pytest.mark.parametrize("row", KEYS)
def test_the_glossary_quotes_the_screens(row: str) -> None:
    line = re.search(rf"^\| {re.escape(row)}[^|]*\|([^|]+)\|([^|]+)\|$", GLOSSARY.read_text("utf-8"), re.MULTILINE)
    assert line
    for column, language in ((1, "vi"), (2, "en")):
        for key in KEYS[row]:
            assert Words(language).get(key).replace("\u00a0", " ") in line[column]
