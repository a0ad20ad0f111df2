"""Runs the fault runs named on the command line, or all of them; ends with 1 when a claim failed."""

import argparse
import importlib
import json
import secrets
import signal
import sys
from collections.abc import Sequence

from faults.outcome import Outcome, Size

NAMES = ("power", "kills")


def main(arguments: Sequence[str]) -> int:
    """Run and print; `--json` prints one object per table for programs that compare runs."""
    usual = Size(seed=0)
    parser = argparse.ArgumentParser(prog="python -m faults", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*NAMES, []], help="which ones; all when none is named")
    parser.add_argument("--seed", type=int, help="of everything random; drawn and printed when not given")
    parser.add_argument("--records", type=int, default=usual.records)
    parser.add_argument("--kills", type=int, default=usual.kills)
    parser.add_argument("--cuts", type=int, default=usual.cuts, help="connections cut")
    parser.add_argument("--power-cuts", type=int, default=usual.power_cuts)
    parser.add_argument("--power-records", type=int, default=usual.power_records)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    size = Size(
        options.seed if options.seed is not None else secrets.randbelow(1_000_000_000),
        options.records,
        options.kills,
        options.cuts,
        options.power_cuts,
        options.power_records,
    )
    sys.stdout.write(f"seed {size.seed}\n" if not options.json else "")
    failed = 0
    for name in options.names or NAMES:
        say(f"{name} ... (seed {size.seed})")
        outcome: Outcome = importlib.import_module(f"faults.{name}").run(size)
        for table in outcome.tables:
            text = json.dumps(table.plain(), ensure_ascii=False) if options.json else table.text()
            sys.stdout.write(text + "\n")
        for failure in outcome.failures:
            say(f"{name}: DOES NOT HOLD: {failure}")
        sys.stdout.flush()
        failed += len(outcome.failures)
    return 1 if failed else 0


def say(line: str) -> None:
    """Progress, on standard error."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # nothing stays mounted, and no process behind
    sys.exit(main(sys.argv[1:]))
