"""Each touch of the disk in turn fails or is a process's last: nothing told is lost, nothing is there twice, and once
the disk is well all is well; and what grows on the disk is told apart by what it is kept for.
"""

import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from config.settings import load
from faults import writes
from faults.failing import How, failing_in
from faults.growing import Night, a_day, at_the_end, level_from, night, share_grown
from faults.outcome import Size
from faults.site import site_file
from faults.soak import _on_disk
from kiosk.retention_rules import Term
from tests.kiosk.world import site
from tests.tiepdon.kept import Kept
from tiepdon.keeping.upgrading import bring_up

compiled = pytest.mark.skipif(shutil.which("gcc") is None, reason="no compiler")


@compiled
def test_whatever_touch_of_the_disk_fails_or_is_the_last_nothing_told_is_lost_and_nothing_is_there_twice() -> None:
    outcome = writes.run(Size.short(20261123))
    assert outcome.failures == ()
    (table,) = outcome.tables
    moments = {(str(row[0]), str(row[1])): row[table.columns.index("moments")] for row in table.rows}
    assert len(moments) == 2 * len(How)
    assert all(isinstance(count, int) and count >= 8 for count in moments.values())


@compiled
@pytest.mark.parametrize(
    ("how", "at", "said", "left"),
    [
        (How.FULL, 1, "28 28", 512),
        (How.FULL, 2, "written 28", 1536),
        (How.BROKEN, 1, "5 written", 1024),
        (How.BROKEN, 2, "written 5", 1024),
        (How.DIES_BEFORE, 2, "", 1024),
        (How.DIES_WITHIN, 1, "", 512),
    ],
)
def test_a_touch_fails_as_a_disk_does(tmp_path: Path, how: How, at: int, said: str, left: int) -> None:
    """1,024 bytes are written twice."""
    (tmp_path / "state").mkdir()
    made = failing_in(tmp_path, tmp_path / "state")
    assert made is not None
    code = """
import os, sys
from faults.failing import How, plan_of_this_process
def twice(act):
    for _ in range(2):
        try:
            act()
            yield "written"
        except OSError as error:
            yield str(error.errno)
def act():
    view = memoryview(bytes(1024))
    while view:
        view = view[os.write(file, view):]
file = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)
with plan_of_this_process().armed(How[sys.argv[2]], int(sys.argv[3])):
    told = list(twice(act))
print(*told)
"""
    words = [sys.executable, "-c", code, str(tmp_path / "state" / "file"), how.name, str(at)]
    done = subprocess.run(
        words, env={**os.environ, **made.environment}, capture_output=True, text=True, check=False, timeout=30
    )
    assert done.stdout.strip() == said
    assert (tmp_path / "state" / "file").stat().st_size == left


def test_what_lies_on_the_disk_is_told_by_what_it_is_kept_for(tmp_path: Path) -> None:
    settings = site(tmp_path / "state")
    bring_up(settings, datetime.now(UTC))
    before = night(settings, [])
    Kept(settings).check_in(1, 20)
    after = night(settings, [])
    assert after.passing - before.passing > 20 * 200
    assert set(after.content) >= {"visits", "tickets", "deliveries", "audit", "statistics_told"}
    assert after.staying(Term.REPORT) == before.staying(Term.REPORT)
    assert after.database >= before.database


def nights(passing: list[int], audit: int = 1000, free: int = 0, log: int = 0) -> list[Night]:
    return [
        Night({"visits": size, "audit": audit * day}, 1 << 20, free, log, 1 << 20, 3, 1000 * day)
        for day, size in enumerate(passing)
    ]


@pytest.mark.parametrize(
    ("lived", "claim"),
    [
        (nights([0, 500, 1000, *[1000] * 12]), None),
        (nights([0, 500, *range(1000, 2200, 100)]), "what goes with visits grew"),
        (nights([1000] * 12, free=1 << 18), "nights with free pages left"),
        (nights([1000] * 12, log=1 << 21), "nights with a log left"),
        (nights([1000] * 12, audit=4 << 20), "MB of what stays, at the end"),
        (nights([1000] * 2), "too few days"),
    ],
)
def test_a_disk_that_fills_over_the_days_is_seen(tmp_path: Path, lived: list[Night], claim: str | None) -> None:
    settings = load(site_file(tmp_path / "site.toml", tmp_path, tmp_path, ""))
    wrong = [name for name, count in _on_disk(settings, lived).items() if count]
    assert len(wrong) == (claim is not None)
    assert all(claim is not None and claim in name for name in wrong)
    assert level_from(settings) == settings.retention.visit_days + 1


def test_what_stays_is_reckoned_up_to_the_end_of_its_time(tmp_path: Path) -> None:
    settings = load(site_file(tmp_path / "site.toml", tmp_path, tmp_path, ""))
    assert at_the_end(settings, nights([1] * 5))[Term.AUDIT] == 1000 * settings.retention.audit_days
    assert a_day([5, 7, 9]) == 2
    assert share_grown([10, 10, 10, 11]) == pytest.approx(0.1)
