"""Runs the benchmarks named on the command line, or all of them, and prints their figures."""

import argparse
import importlib
import inspect
import json
import sys
from collections.abc import Sequence

from benchmarks.table import Table

NAMES = ("addresses", "chip", "commit", "delivery", "footprint", "front", "lookups", "optical", "rendering", "waiting")


def main(arguments: Sequence[str]) -> int:
    """Run and print; `--json` prints one object per table for programs that compare runs."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*NAMES, []], help="which ones; all when none is named")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true", help="few rounds, where a benchmark can: to see that it works")
    options = parser.parse_args(arguments)
    for name in options.names or NAMES:
        sys.stderr.write(f"measuring {name} ...\n")
        measure = importlib.import_module(f"benchmarks.{name}").measure
        few = {"quick": True} if options.quick and "quick" in inspect.signature(measure).parameters else {}
        tables: list[Table] = measure(**few)
        for table in tables:
            text = json.dumps(table.plain(), ensure_ascii=False) if options.json else table.text()
            sys.stdout.write(text + "\n")
            sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
