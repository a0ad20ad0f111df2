"""Full and read-only disks, a jumping clock, a bad line: each run, short, breaks nothing; and its judges see what would
be broken. The long ones, and those of every process, of devices and of thirty days, are `make faults`.
"""

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from xml.etree import ElementTree

import pytest

from faults import clock, disk, network
from faults.chart import drawn
from faults.clocks import DAY, clock_in
from faults.line import CUT, FAIR, line_between, why_no_line
from faults.media import why_no_disk
from faults.outcome import Size
from faults.soak import growth
from tests.faults.test_faults import cell

SHORT = Size.short(20261123)


@pytest.mark.skipif(why_no_disk() is not None, reason="no disk of our own on this machine")
def test_a_disk_that_fills_up_loses_no_shown_ticket_prints_none_twice_and_the_kiosk_serves_again_by_itself() -> None:
    outcome = disk.run(SHORT, (disk.FULL, disk.PRINTING))
    assert outcome.failures == ()
    for trouble in (disk.FULL, disk.PRINTING):
        assert cell(outcome, 0, trouble, "shown before") != 0
        assert cell(outcome, 0, trouble, "shown after") != 0


@pytest.mark.skipif(why_no_disk() is not None, reason="no disk of our own on this machine")
def test_a_read_only_disk_loses_no_shown_ticket_and_the_kiosk_serves_again_by_itself() -> None:
    outcome = disk.run(SHORT, (disk.READ_ONLY,))
    assert outcome.failures == ()
    assert cell(outcome, 0, disk.READ_ONLY, "shown after") != 0


@pytest.mark.skipif(shutil.which("gcc") is None, reason="no compiler")
def test_a_clock_that_jumps_a_day_gives_no_number_twice() -> None:
    outcome = clock.run(SHORT)
    assert outcome.failures == ()
    assert len(outcome.tables[0].rows) == SHORT.jumps + 1


@pytest.mark.peer
@pytest.mark.skipif(why_no_line() is not None, reason="no namespaces or TUN on this machine")
def test_over_a_bad_line_everything_arrives_once_and_in_order() -> None:
    outcome = network.run(SHORT)
    assert outcome.failures == ()
    assert cell(outcome, 0, "cut", "times") == 1


@pytest.mark.skipif(shutil.which("gcc") is None, reason="no compiler")
def test_the_clock_of_a_running_process_moves_and_what_counts_seconds_does_not(tmp_path: Path) -> None:
    made = clock_in(tmp_path)
    assert made is not None
    code = (
        "import time\nfor _ in range(2): input(); print(time.time(), time.monotonic(), flush=True); time.sleep(0.001)"
    )
    words = [sys.executable, "-u", "-c", code]
    told = []
    with subprocess.Popen(
        words, env={**os.environ, **made.way.environment}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for ahead in (0, -DAY):
            made.jump(ahead)
            process.stdin.write("\n")
            process.stdin.flush()
            told.append([float(one) for one in process.stdout.readline().split()])
    assert -DAY <= told[1][0] - told[0][0] < -DAY + 60
    assert 0 <= told[1][1] - told[0][1] < 60


@pytest.mark.skipif(why_no_line() is not None, reason="no namespaces or TUN on this machine")
def test_a_line_carries_what_is_fair_and_nothing_while_it_is_cut() -> None:
    listen = (
        "import socket\ns = socket.create_server(('10.77.0.2', 7)); print('ready', flush=True)\nwhile s.accept(): pass"
    )
    knock = "import socket\nsocket.create_connection(('10.77.0.2', 7), 1).close()"
    with line_between(1) as ends:
        words = [*ends.hospital.before, sys.executable, "-u", "-c", listen]
        with subprocess.Popen(words, stdout=subprocess.PIPE) as server:
            assert server.stdout is not None
            assert server.stdout.readline() == b"ready\n"

            def knocks() -> int:
                asked = [*ends.site.before, sys.executable, "-c", knock]
                return subprocess.run(asked, stderr=subprocess.DEVNULL, check=False).returncode

            assert knocks() == 0
            ends.line.weather = CUT
            assert knocks() != 0
            ends.line.weather = FAIR
            assert knocks() == 0
            server.kill()
    assert ends.line.dropped > 0
    assert not [thread for thread in threading.enumerate() if thread.name == "line"]


@pytest.mark.parametrize(
    ("values", "share"),
    [([50, 60, 60, 60, 60, 60, 60, 60, 60, 60], 0.0), ([50, *range(60, 120, 6)], 0.64), ([10.0], 0.0)],
)
def test_growth_is_judged_behind_the_warm_up(values: list[float], share: float) -> None:
    assert growth(values) == pytest.approx(share, abs=0.08)


def test_what_was_measured_is_drawn() -> None:
    svg = drawn("3 days", {"kiosk": [57.0, 58.0, 58.1], "none": []})
    tree = ElementTree.fromstring(svg)  # noqa: S314  # ours
    assert tree.tag.endswith("svg")
    assert "kiosk" in svg
    assert "none" not in "".join(tree.itertext())
