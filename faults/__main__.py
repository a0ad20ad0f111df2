"""Runs the fault runs named on the command line, or all of them; ends with 1 when a claim failed."""

import argparse
import importlib
import json
import secrets
import signal
import sys
from collections.abc import Sequence
from dataclasses import fields, replace

from faults.outcome import Outcome, Size
from faults.scene import Stuck

NAMES = ("power", "writes", "kills", "disk", "clock", "network", "starts", "each", "stops", "devices", "soak")


def main(arguments: Sequence[str]) -> int:
    """Run and print; `--json` prints one object per table for programs that compare runs."""
    parser = argparse.ArgumentParser(prog="python -m faults", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*NAMES, []], help="which ones; all when none is named")
    parser.add_argument("--seed", type=int, help="of everything random; drawn and printed when not given")
    parser.add_argument("--short", action="store_true", help="only so much as shows that each run works")
    parser.add_argument("--json", action="store_true")
    numbers = [one for one in fields(Size) if one.name != "seed"]
    for one in numbers:
        parser.add_argument("--" + one.name.replace("_", "-"), type=type(one.default), help=f"usually {one.default}")
    options = parser.parse_args(arguments)
    seed = options.seed if options.seed is not None else secrets.randbelow(1_000_000_000)
    asked = {one.name: getattr(options, one.name) for one in numbers if getattr(options, one.name) is not None}
    size = replace(Size.short(seed) if options.short else Size(seed), **asked)
    sys.stdout.write(f"seed {size.seed}\n" if not options.json else "")
    failed = 0
    for name in options.names or NAMES:
        say(f"{name} ... (seed {size.seed})")
        try:
            outcome: Outcome = importlib.import_module(f"faults.{name}").run(size)
        except Stuck as error:
            outcome = Outcome((), (str(error),))
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
