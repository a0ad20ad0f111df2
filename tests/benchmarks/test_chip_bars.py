"""The figures of the chip reading, as `make bench` prints them: the aims hold, and every peer was measured beside ours.

Counts and fitted costs only; what a clock or a busy machine says is for people to read.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.pcsc


@pytest.fixture(scope="module")
def tables() -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "chip", "--json"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=110,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def row(table: dict[str, Any], begins: str) -> dict[str, Any]:
    return next(found for found in table["rows"] if found[""].startswith(begins))


def test_every_aim_of_a_reading_holds(tables: list[dict[str, Any]]) -> None:
    assert len(tables[0]["rows"]) == 3
    for found in tables[0]["rows"]:
        assert found["extended"] <= found["aim extended"]
        assert found["short"] <= found["aim short"]


def test_ours_is_measured_beside_other_ways_and_the_limit(tables: list[dict[str, Any]]) -> None:
    ways = tables[1]
    limit = row(ways, "limit")
    assert row(ways, "ours, extended length")["APDUs"] <= limit["APDUs"] + 1
    assert row(ways, "ours, short")["APDUs"] < row(ways, "SELECT, header, 223-byte blocks")["APDUs"]
    assert row(ways, "ours, extended length")["over least"] < 200
    assert limit["over least"] == 0
    assert row(ways, "ours, short")["air 106"] > row(ways, "ours, short")["air 848"] > 0


def test_by_the_costs_fitted_to_the_run_ours_is_near_the_limit(tables: list[dict[str, Any]]) -> None:
    limit, ours = row(tables[3], "limit"), row(tables[3], "ours, extended length")
    assert ours["by the fit"] / limit["by the fit"] <= 1.15
