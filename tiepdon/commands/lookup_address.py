"""`tiepdon lookup address`: what an address says, for clerks who doubt it and integrators who compare."""

import argparse
import sys

from hisbridge.addresses import Address, Candidate, parse_address
from wire.codec import to_json

_DESCRIPTION = """\
Read one address as it stands on a card or paper, of before or after 1 July 2025, and print its codes, what they are
today, how sure that is and why, and where it is not sure the wards to choose from. Asks nobody: the lists are built in.

Exit code: 0 today's ward is named; 1 it is not, or several are offered; 2 wrong usage."""


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    command = subparsers.add_parser(
        "address",
        help="read an address into ward and province codes",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("text", nargs="+", metavar="TEXT", help="the address; several words are joined by blanks")
    command.add_argument("--json", action="store_true", help="print the whole answer as one JSON object")
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    found = parse_address(" ".join(options.text))
    if options.json:
        sys.stdout.write(to_json(found).decode() + "\n")
    else:
        sys.stdout.write("\n".join(lines(found)) + "\n")
    return 0 if found.new_ward_code else 1


def lines(found: Address) -> list[str]:
    """The answer for people, one fact per line; what is not known is left out."""
    facts = [
        ("era", found.era),
        ("province", _named(found.province_code, found.province)),
        ("district", _named(found.district_code, found.district)),
        ("ward", _named(found.ward_code, found.ward)),
        ("detail", found.detail),
        ("province today", found.new_province_code or ""),
        ("ward today", found.new_ward_code or ""),
        ("confidence", f"{found.confidence} ({found.reason})"),
    ]
    told = [f"{name + ':':<16}{value}" for name, value in facts if value]
    return [*told, *(f"{'may be:':<16}{_offered(one)}" for one in found.candidates)]


def _named(code: str | None, name: str | None) -> str:
    return f"{code} {name}" if code and name else ""


def _offered(one: Candidate) -> str:
    place = ", ".join(part for part in (one.ward, one.district, one.province) if part)
    today = f"; today {one.new_ward_code}" if one.era == "old" and one.new_ward_code else ""
    return f"{one.ward_code} {place} ({one.era}{today})"
