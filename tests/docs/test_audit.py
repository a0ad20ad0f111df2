"""`make audit`: our own code is clean, what is planted is found, and what was not asked is never called clean."""

import json
import runpy
from pathlib import Path
from typing import Any

import pytest

AUDIT = runpy.run_path(str(Path(__file__).parents[2] / "scripts" / "audit"))
CLEAN, FOUND, UNASKED = AUDIT["CLEAN"], AUDIT["FOUND"], AUDIT["UNASKED"]


def test_bandit_finds_nothing_in_the_product_that_is_not_explained_in_its_place() -> None:
    told = AUDIT["code"](AUDIT["ROOT"], AUDIT["PRODUCT"])
    assert told.ends == CLEAN, "\n".join(told.lines)


def test_a_hole_is_found_and_one_that_is_explained_is_not(tmp_path: Path) -> None:
    (tmp_path / "part").mkdir()
    hole = "import subprocess\nsubprocess.run('ls ' + input(), shell=True)"
    (tmp_path / "part" / "one.py").write_text(f"{hole}\n")
    told = AUDIT["code"](tmp_path, ["part"])
    assert told.ends == FOUND
    assert any("one.py:2: B602" in line for line in told.lines)
    (tmp_path / "part" / "one.py").write_text(f"{hole}  # noqa: S602  # a test's own\n")
    assert AUDIT["code"](tmp_path, ["part"]).ends == CLEAN
    (tmp_path / "part" / "one.py").write_text("what is no Python\n")
    assert AUDIT["code"](tmp_path, ["part"]).ends == UNASKED


FIT: dict[str, Any] = {"name": "fit", "version": "1", "vulns": []}
UNKNOWN = {"name": "unknown", "skip_reason": "could not be audited"}
HOLED = {"name": "holed", "version": "1", "vulns": [{"id": "HOLE-1", "fix_versions": ["2"]}]}


@pytest.mark.parametrize(
    ("dependencies", "ends"),
    [([FIT], CLEAN), ([FIT, UNKNOWN], UNASKED), ([], UNASKED), ([FIT, HOLED], FOUND), ([UNKNOWN, HOLED], FOUND)],
)
def test_a_package_that_was_not_asked_about_is_not_clean(dependencies: list[dict[str, Any]], ends: int) -> None:
    assert AUDIT["packages"](json.dumps({"dependencies": dependencies}), "").ends == ends


@pytest.mark.parametrize("text", ["", "[]", "{}", "no such service", '{"error": {"summary": ""}}'])
def test_no_answer_is_no_answer(text: str) -> None:
    assert AUDIT["packages"](text, "refused").ends == UNASKED
    assert AUDIT["assets"](text, "refused").ends == UNASKED


@pytest.mark.parametrize(("high", "ends"), [(0, CLEAN), (1, FOUND)])
def test_what_npm_finds_is_found(high: int, ends: int) -> None:
    counts = {"low": 0, "moderate": 0, "high": high, "critical": 0}
    told = {"metadata": {"vulnerabilities": counts, "dependencies": {"total": 3}}, "vulnerabilities": {}}
    assert AUDIT["assets"](json.dumps(told), "").ends == ends
