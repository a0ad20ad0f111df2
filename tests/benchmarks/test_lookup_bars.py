"""The figures of a look-up, as `make bench` prints them: the bar holds, and a bare httpx call stands beside it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def tables() -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "lookups", "--json"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=110,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def row(table: dict[str, Any], begins: str) -> dict[str, Any]:
    found: dict[str, Any] = next(found for found in table["rows"] if found[""].startswith(begins))
    return found


def test_a_look_up_costs_less_than_five_milliseconds_of_cpu(tables: list[dict[str, Any]]) -> None:
    assert row(tables[0], "look-up, breaker")["CPU"] < 5


def test_the_bare_call_is_measured_beside_it_and_the_difference_told(tables: list[dict[str, Any]]) -> None:
    ours, bare = row(tables[0], "look-up, breaker"), row(tables[0], "bare httpx call, connection kept")
    assert bare["CPU"] > 0
    assert row(tables[0], "look-up over")["CPU"] == pytest.approx(ours["CPU"] - bare["CPU"])


def test_fifty_at_once_are_all_answered(tables: list[dict[str, Any]]) -> None:
    assert [found["answered"] for found in tables[1]["rows"]] == [50, 50]


def test_however_many_wait_one_token_is_asked_for(tables: list[dict[str, Any]]) -> None:
    assert [found["tokens"] for found in tables[1]["rows"]] == [1, 1]


def test_five_thousand_look_ups_leave_nothing_behind(tables: list[dict[str, Any]]) -> None:
    assert row(tables[2], "5000")["grown"] < 2
