"""Every touch of the disk in turn: it is full from there on, it fails there (a flush too), the process dies there. Of a
check-in with the files beside the database, and of the migration that a new release begins with.

Where `faults.power` cuts the power at random moments of a long day, this tries each moment of a short one.
"""

import json
import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.table import Cell, Table
from config.settings import load
from faults.failing import failing_in
from faults.outcome import Outcome, Size, failures_of
from faults.power import DESTINATIONS
from faults.site import ROOT, scratch, site_file
from tiepdon.keeping.upgrading import bring_up
from wire.keys import write_new_key

ROOM = 64 << 20
WORDS = {
    "FULL": "no room from there on",
    "BROKEN": "fails (EIO)",
    "DIES_BEFORE": "killed before it",
    "DIES_WITHIN": "killed in the middle of it",
}
COLUMNS = ("of what", "each touch of the disk", "moments", "told", "wrong")


def run(size: Size) -> Outcome:
    """Each kind of trouble at each moment."""
    rows: list[tuple[Cell, ...]] = []
    claims: dict[str, int] = {}
    for what in ("checkin", "migration"):
        with tempfile.TemporaryDirectory(dir=scratch(ROOM), prefix=".faults-") as named:
            folder = Path(named)
            failing = failing_in(folder, folder / "state")
            if failing is None:
                reason = "not run: no compiler"
                return Outcome((Table("Every touch of the disk", ("of what",), (), (reason,)),), (reason,))
            write_new_key(folder / "site.key")
            config = site_file(folder / "site.toml", folder / "state", folder, DESTINATIONS)
            config.write_text(config.read_text("utf-8") + f'key_file = "{folder / "site.key"}"\n', "utf-8")
            bring_up(load(config), datetime.now(UTC))
            words = [sys.executable, "-m", "faults.writing", what, str(config), str(size.moments)]
            for found in _told(words, failing.environment):
                wrong = {claim: number for claim, number in found["wrong"].items() if number}
                rows.append((found["what"], WORDS[found["how"]], found["moments"], found["told"], sum(wrong.values())))
                claims |= {f"{found['what']}, {WORDS[found['how']]}: {claim}": one for claim, one in wrong.items()}
                claims[f"{found['what']}, {WORDS[found['how']]}: no moment was tried"] = int(not found["moments"])
    notes = (
        "told: a number stood on the screen, a migration said that it is done, although there was trouble",
        "wrong: lost, twice, damaged, left readable, or not over once the disk is well; each is named as a claim",
    )
    return Outcome((Table("Every touch of the disk", COLUMNS, tuple(rows), notes),), failures_of(claims))


def _told(words: list[str], environment: dict[str, str]) -> list[dict[str, Any]]:
    done = subprocess.run(
        words,
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{words[2:4]} ended with {done.returncode}")
    return [json.loads(line) for line in done.stdout.splitlines()]
