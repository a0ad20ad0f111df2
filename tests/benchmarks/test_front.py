"""The benchmark of the pages, in few rounds: it runs to its end, and what no busy machine changes keeps its bars."""

import json
import subprocess
import sys
from typing import Any

import pytest

from benchmarks.front_screens import BAR_MS
from benchmarks.front_touch import WEIGHT_BAR_KB

pytestmark = [pytest.mark.browser, pytest.mark.peer, pytest.mark.timeout(330)]

SECONDS = 300  # on a quiet machine it takes a tenth of that


def test_the_pages_keep_their_bars_and_no_stream_starves_a_request() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "front", "--quick", "--json"],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    # A request that is not answered, or a stream beyond the last place that is not refused, ends it.
    assert done.returncode == 0, done.stderr[-2000:]
    tables = {table["title"]: table["rows"] for table in map(json.loads, done.stdout.splitlines())}

    computed = [row for title, rows in tables.items() if title.startswith(("Server time", "Requests")) for row in rows]
    assert len(computed) > 20
    assert [row for row in computed if row["CPU"] > BAR_MS] == []

    weight = named(tables, "Cold load")
    assert 0 < weight["without fonts and sound"]["ours"] < WEIGHT_BAR_KB

    streams = named(tables, "Event streams")
    assert streams["desk"]["clients"] == 9 + 5
    assert streams["desk"]["MB with"] - streams["desk"]["MB before"] < 8
    assert streams["desk"]["CPU s/min at rest"] < 6  # a tenth of a core

    touches = named(tables, "From touch")
    assert touches["every touch"]["touches"] == 9


def named(tables: dict[str, list[dict[str, Any]]], begin: str) -> dict[str, dict[str, Any]]:
    """The rows of the table whose title begins so, by their first column."""
    (rows,) = [rows for title, rows in tables.items() if title.startswith(begin)]
    return {row[""]: row for row in rows}
