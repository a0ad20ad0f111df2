"""`tiepdon lookup address`: what an address says, for clerks who doubt it and integrators who compare."""

import argparse
import sys
from collections.abc import Iterator

from config.codelists.places import places
from hisbridge.addresses import Address, Candidate, Reason, parse_address
from wire.codec import to_json

_DESCRIPTION = """\
Read one address as it stands on a card or paper, of before or after 1 July 2025, and print its codes, what they are
today, how sure that is and why, and where it is not sure the wards to choose from. Asks nobody: the lists are built in.
With - in the place of the address each line of the standard input is one.

Exit code: 0 today's ward is named; 1 it is not, or several are offered (of any line); 2 wrong usage."""

_WHY = {
    Reason.FOUND: "every part was found as written",
    Reason.NOTHING_FOUND: "neither province nor district nor ward was recognised",
    Reason.WARD_UNKNOWN: "no ward of the lists fits what is written",
    Reason.AMBIGUOUS: "several wards fit equally well: choose",
    Reason.SPLIT: "the old ward went to several new ones: choose",
    Reason.EARLIER: "a ward merged, renamed or moved before June 2025: choose or check",
    Reason.BOTH_ERAS: "a new ward and an old one or a district of that name lie in different places: check",
    Reason.SPELLING: "found one letter or other accents off: check",
    Reason.DISTRICT_UNKNOWN: "something between ward and province is not known: check",
    Reason.MIXED_ERAS: "names from before and after 1 July 2025 are mixed: check",
    Reason.PROVINCE_MISSING: "no province is written: check",
    Reason.DISTRICT_MISSING: "no district is written: check",
    Reason.KIND_DIFFERS: "found under that name as another kind of ward: check",
}
MAX_BYTES = 1 << 20  # of the standard input


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    command = subparsers.add_parser(
        "address",
        help="read an address into ward and province codes",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument(
        "text", nargs="+", metavar="TEXT", help="the address; several words are joined by blanks; - reads lines"
    )
    command.add_argument("--json", action="store_true", help="print each whole answer as one JSON object on a line")
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    texts = [text for text in _texts(options.text) if text.strip()]
    if not texts:
        sys.stderr.write("tiepdon lookup address: the address is empty\n")
        return 2
    named = True
    for at, text in enumerate(texts):
        found = parse_address(text)
        named = named and found.new_ward_code is not None
        if options.json:
            sys.stdout.write(to_json(found).decode() + "\n")
        else:
            sys.stdout.write("\n" * bool(at) + "\n".join(lines(found)) + "\n")
    return 0 if named else 1


def _texts(words: list[str]) -> Iterator[str]:
    """The addresses asked for; bytes that are no UTF-8 become signs that say so."""
    if words == ["-"]:
        yield from sys.stdin.buffer.read(MAX_BYTES).decode("utf-8", "replace").splitlines()
    else:
        yield " ".join(words).encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def lines(found: Address) -> list[str]:
    """The answer for people, one fact per line; what is not known is left out."""
    facts = [
        ("era", found.era),
        ("province", _named(found.province_code, found.province)),
        ("district", _named(found.district_code, found.district)),
        ("ward", f"{found.ward_code or '-'} {found.ward}" if found.ward else ""),
        ("detail", _shown(found.detail)),
        ("province today", _province_today(found.new_province_code)),
        ("ward today", _ward_today(found.new_ward_code)),
        ("confidence", f"{found.confidence} ({found.reason})"),
        ("why", _WHY[found.reason]),
    ]
    told = [f"{name + ':':<16}{value}" for name, value in facts if value]
    return [*told, *(f"{'may be:':<16}{_offered(one)}" for one in found.candidates)]


def _shown(text: str) -> str:
    """One line without signs that a terminal would obey."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def _named(code: str | None, name: str | None) -> str:
    return f"{code} {name}" if code and name else ""


def _ward_today(code: str | None) -> str:
    ward = places().new_wards.get(code or "")
    return f"{ward.code} {ward.kind.capitalize()} {ward.name}" if ward else ""


def _province_today(code: str | None) -> str:
    province = places().new_provinces.get(code or "")
    return f"{province.code} {province.kind.capitalize()} {province.name}" if province else ""


def _offered(one: Candidate) -> str:
    place = ", ".join(part for part in (one.ward, one.district, one.province) if part)
    today = ""
    if one.era == "old":
        today = f"; today {_ward_today(one.new_ward_code)}" if one.new_ward_code else "; split since"
    return f"{one.ward_code} {place} ({one.era}{today})"
