"""`tiepdon pack`: check a content pack (a further language) before it goes to a kiosk, list those a kiosk would use."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wire.codec import to_json

if TYPE_CHECKING:
    from ui.pack_review import Review
    from ui.words import Words

MOST_LISTED = 400  # keys of one line


def register(commands: Any) -> None:
    """Add the command to the root parser."""
    parser = commands.add_parser("pack", help="content packs: further languages", description=__doc__)
    acts = parser.add_subparsers(metavar="ACT", required=True)
    one = acts.add_parser(
        "check",
        help="is a pack in order, how much of it is there",
        description="exit 0: it can be used, 1: it is refused, or its font cannot draw it",
    )
    one.add_argument("folder", type=Path, help="the pack's folder")
    one.set_defaults(run=check)
    every = acts.add_parser(
        "list", help="the packs a kiosk would use", description="exit 0: all are in order, 1: one is left out"
    )
    every.add_argument("--config", type=Path, help="the site's settings file")
    every.set_defaults(run=list_packs)
    for act in (one, every):
        act.add_argument("--json", action="store_true", help="one JSON object for each pack")
        act.add_argument("--language", choices=("vi", "en"), default="en", help="language of what is said")


def check(options: argparse.Namespace) -> int:
    """Say everything about one pack; 0 when it can be used. Raises PackError."""
    from ui.pack_reading import read_pack
    from ui.pack_review import review

    found = review(read_pack(Path(options.folder.absolute())))
    _tell(found, options, whole=True)
    return 1 if found.letters else 0


def list_packs(options: argparse.Namespace) -> int:
    """Say which packs there are, and which are left out; 0 when none is."""
    from config.settings import load
    from ui.pack_review import review
    from ui.packs import packs_of
    from ui.words import Words, error_line

    packs = packs_of(load(options.config))
    for pack in packs.found.values():
        _tell(review(pack), options, whole=False)
    words = Words(options.language)
    for problem in packs.problems:
        if options.json:
            told = {"folder": str(problem.folder), "code": problem.error.code, "data": problem.error.data}
            sys.stdout.write(to_json(told).decode() + "\n")
        else:
            sys.stdout.write(words.get("pack.refused", pack=problem.folder.name) + "\n")
            sys.stdout.write(f"  {error_line(problem.error, options.language)}\n")
    return 1 if packs.problems else 0


def _tell(found: "Review", options: argparse.Namespace, whole: bool) -> None:
    from ui.words import Words

    if options.json:
        sys.stdout.write(to_json(_plain(found)).decode() + "\n")
        return
    for line in _lines(found, Words(options.language), whole):
        sys.stdout.write(line + "\n")


def _plain(found: "Review") -> dict[str, Any]:
    pack = found.pack
    return {
        "language": pack.language,
        "name": pack.about.name,
        "reviewed_by": pack.about.words.reviewed_by,
        "words": found.done,
        "of": found.keys,
        "percent": found.percent,
        "drafts": sorted(pack.drafts),
        "missing": found.missing,
        "stale": pack.stale,
        "long": found.long,
        "font": pack.about.font_name,
        "undrawable": found.letters,
        "recordings": len(pack.recordings),
        "clips": found.clips,
    }


def _lines(found: "Review", words: "Words", whole: bool) -> Iterator[str]:
    pack = found.pack
    yield words.get("pack.ok", pack=f"{pack.language} ({pack.about.name})")
    yield "  " + words.get(
        "pack.coverage", done=found.done, all=found.keys, percent=found.percent, drafts=len(pack.drafts)
    )
    yield "  " + words.get("pack.voice", done=len(pack.recordings), all=found.clips)
    listed = {"missing": found.missing, "stale": pack.stale, "long": found.long} if whole else {}
    for name, keys in listed.items():
        if keys:
            yield "  " + words.get(f"pack.{name}", keys=", ".join(keys[:MOST_LISTED]))
    for code in ("pack.no_font",) if found.letters is None else ("pack.letters",) if found.letters else ():
        if found.letters:
            shown = " ".join(f"{letter} U+{ord(letter):04X}" for letter in found.letters)
            yield "  " + words.get("pack.letters", font=pack.about.font_name, letters=shown)
        told = words.error(code)
        yield f"  {told.cause}. {told.cure}. [{code}]"
    if whole and pack.drafts:
        told = words.error("pack.drafts")
        yield f"  {told.cause}. {told.cure}. [pack.drafts]"
