"""The impact sheet says what the code does: its tables are made from it, its commands exist."""

import importlib.machinery
import importlib.util
import re
from pathlib import Path

from kiosk.legal_basis import GROUNDS
from kiosk.requests import ANSWER_WORKING_DAYS, TERMS, Kind
from kiosk.retention_rules import RULES
from tests.support.commands import PARSERS

ROOT = Path(__file__).parents[2]
SHEET = (ROOT / "docs" / "privacy.md").read_text("utf-8")


def test_its_tables_are_those_of_the_code() -> None:
    loader = importlib.machinery.SourceFileLoader("privacy_tables", str(ROOT / "scripts" / "privacy"))
    spec = importlib.util.spec_from_loader("privacy_tables", loader)
    assert spec is not None
    made = importlib.util.module_from_spec(spec)
    loader.exec_module(made)
    assert made.renewed(SHEET) == SHEET
    assert all(f"| `{rule.table}` |" in SHEET for rule in RULES)
    assert all(f"| `{purpose.value}` |" in SHEET for purpose in GROUNDS)


def test_every_command_it_names_is_there() -> None:
    named = set(re.findall(r"`tiepdon ([a-z]+(?: [a-z]+)?)", SHEET))
    assert len(named) > 8
    assert {words for words in named if words not in PARSERS and words.split()[0] not in PARSERS} == set()


def test_its_terms_are_those_that_requests_are_given() -> None:
    assert f"{ANSWER_WORKING_DAYS} working days" in SHEET
    for kinds, words in (
        ((Kind.VIEW, Kind.COPY, Kind.CORRECT), "10 (15)"),
        ((Kind.WITHDRAW, Kind.RESTRICT, Kind.OBJECT), "15 (20)"),
        ((Kind.ERASE,), "20 (30)"),
    ):
        assert words in SHEET
        assert {TERMS[kind] for kind in kinds} == {tuple(int(one) for one in re.findall(r"\d+", words))}
