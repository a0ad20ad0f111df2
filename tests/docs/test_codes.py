"""Every error code of the product has words in both languages and its line in docs/operations.md."""

import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

from ui.words import Words, keys
from wire.errors import TiepDonError

ROOT = Path(__file__).parents[2]
PACKAGES = ("wire", "config", "reader", "hisbridge", "kiosk", "ui", "sandbox", "tiepdon")


def error_codes() -> set[str]:
    for package in PACKAGES:
        folder = importlib.import_module(package).__path__
        for module in pkgutil.walk_packages(folder, f"{package}."):
            importlib.import_module(module.name)
    found: set[str] = set()
    todo = [TiepDonError]
    while todo:
        kind = todo.pop()
        todo += kind.__subclasses__()
        if kind.__module__.split(".")[0] in PACKAGES:
            found.add(kind.code)
    return found


@pytest.mark.parametrize("language", ["vi", "en"])
def test_every_error_has_its_cause_and_cure_in_words(language: str) -> None:
    known = keys(language)
    missing = [code for code in error_codes() if not {f"error.{code}", f"error.{code}.cure"} <= known]
    assert missing == []


@pytest.mark.parametrize("table", ["table", "reasons"])
def test_the_tables_of_codes_are_those_the_words_make(table: str) -> None:
    before = (ROOT / "docs" / "operations.md").read_text("utf-8")
    made = subprocess.run(
        [sys.executable, "-c", f"import runpy; m = runpy.run_path('scripts/codes'); print(m['{table}']())"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert made.stdout.strip() in before, "run `make codes`"


def test_a_code_nobody_knows_still_gets_words() -> None:
    words = Words("vi").error("no.such_code")
    assert words.cause
    assert words.cure
