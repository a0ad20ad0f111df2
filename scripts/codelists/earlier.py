"""Wards that were merged, renamed or moved before June 2025: cards that are valid still bear them, no conversion does.

Made from earlier lists of the statistics office against the lists of this folder. A ward whose code lived on went where
that code went; of the others only the district is known to be right, so all of its wards of today may be meant.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from config.codelists.places import Places, places
from hisbridge.addresses.letters import accent_key
from scripts.codelists import sources
from scripts.codelists.places import HEAD, split_kind
from scripts.codelists.sources import OldWard

COLUMNS = "> district, province, kind, name; ward, kind, name, new wards it may be part of, moved or not"


class Gone(NamedTuple):
    """A ward as its list had it, and what may be left of it."""

    ward: OldWard
    new_codes: tuple[str, ...]
    moved: bool


def build(lists: Iterable[Path], folder: Path, say: Callable[[str], object]) -> bool:
    """Write `wards_earlier.tsv` from earlier lists, the newest first; returns whether every ward led somewhere."""
    known = places()
    every = [ward for path in lists for ward in sources.earlier(path).values()]
    heirs = _heirs(every, known)
    found: dict[tuple[str, str], Gone] = {}
    today = {(ward.district, _key(name)) for ward in known.old_wards.values() for name in (ward.name, *ward.spellings)}
    for ward in every:
        key = (ward.district, _key(split_kind(ward.name)[1]))
        if key not in today and key not in found:
            found[key] = _gone(ward, heirs, known)
    for gone in found.values():
        if not gone.new_codes:
            say(f"earlier ward: {gone.ward.name}, {gone.ward.district_name} leads nowhere")
    moved = sum(gone.moved for gone in found.values())
    say(f"earlier wards: {len(found)}, of them {moved} moved to another district under their own name")
    (folder / "wards_earlier.tsv").write_text(_text(found.values(), known), "utf-8")
    return all(gone.new_codes for gone in found.values())


def _key(name: str) -> str:
    return name.lstrip("0") if name.isdigit() else accent_key(name)


def _heirs(every: Iterable[OldWard], known: Places) -> dict[str, set[str]]:
    """District code to the new wards of all wards it held whose codes lived on, and of those that it holds still."""
    heirs: dict[str, set[str]] = defaultdict(set)
    for before in every:
        if heir := known.old_wards.get(before.code):
            heirs[before.district].update(heir.new_codes)
    for ward in known.old_wards.values():
        heirs[ward.district].update(ward.new_codes)
    for district in known.districts.values():
        heirs[district.code].update(district.new_codes)
    return heirs


def _gone(ward: OldWard, heirs: dict[str, set[str]], known: Places) -> Gone:
    heir = known.old_wards.get(ward.code)
    if heir is None:
        return Gone(ward, tuple(sorted(heirs[ward.district])), False)
    moved = heir.district != ward.district and _key(heir.name) == _key(split_kind(ward.name)[1])
    return Gone(ward, heir.new_codes, moved)


def _text(found: Iterable[Gone], known: Places) -> str:
    lines, last = [], ""
    for gone in sorted(found, key=lambda gone: (gone.ward.province, gone.ward.district, gone.ward.code)):
        ward = gone.ward
        if ward.district != last:
            kind, name = split_kind(ward.district_name)
            now = known.districts.get(ward.district)
            if now:
                kind, name = now.kind, now.name
            lines.append("\t".join((f">{ward.district}", ward.province, kind, name)))
            last = ward.district
        row = (ward.code, *split_kind(ward.name), " ".join(gone.new_codes), "moved" if gone.moved else "")
        lines.append("\t".join(row).rstrip("\t"))
    head = HEAD.format(what="Wards merged, renamed or moved before June 2025", columns=COLUMNS)
    return head + "\n".join(lines) + "\n"
