"""Every error code of the product has words in both languages and a line in docs/operations.md, and nothing else has."""

import importlib
import pkgutil
import re
from pathlib import Path

import pytest

from ui.words import Words
from wire.errors import TiepDonError

PACKAGES = ("wire", "config", "reader", "hisbridge", "kiosk", "ui", "sandbox", "tiepdon")
OPERATIONS = Path(__file__).parents[2] / "docs" / "operations.md"


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


def documented_codes() -> set[str]:
    return set(re.findall(r"^\| `([a-z_.]+)` \| .+ \| .+ \|$", OPERATIONS.read_text("utf-8"), re.MULTILINE))


def test_every_error_is_documented_with_cause_and_cure() -> None:
    assert error_codes() - documented_codes() == set()


@pytest.mark.parametrize("language", ["vi", "en"])
def test_every_documented_code_has_words(language: str) -> None:
    words = Words(language)
    missing = [code for code in sorted(documented_codes()) if words.error(code).cause in ("", f"error.{code}")]
    assert missing == []
