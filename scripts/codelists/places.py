"""Judges the sources against each other and writes the three lists; every disagreement becomes one printed line."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from hisbridge.addresses.letters import accent_key
from scripts.codelists import sources
from scripts.codelists.sources import NewWard, OldWard, Row, Targets

KINDS = ("thành phố", "thị xã", "thị trấn", "đặc khu", "phường", "quận", "huyện", "tỉnh", "xã")
# services.md 6.1, computed from the same table before its label errors were put right: three wards stand there under a
# neighbour's code, which hides two wards that are not split behind two that seem to be, and one that is.
EXPECTED = {"new provinces": 34, "new wards": 3321, "old provinces": 63, "old wards": 10035, "split wards": 440}
KIND_COUNTS = {"xã": 2621, "phường": 687, "đặc khu": 13}

HEAD = "# {what}; made by scripts/codelists, not by hand. Columns: {columns}\n"


@dataclass
class Report:
    """What the sources disagree on, by subject."""

    say: Callable[[str], object]
    counts: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def note(self, subject: str, text: str) -> None:
        """One disagreement, and what was made of it."""
        self.counts[subject] += 1
        self.say(f"{subject}: {text}")


def build(files: dict[str, Path], folder: Path, say: Callable[[str], object]) -> bool:
    """Write the lists into `folder`; returns whether every count is the expected one."""
    report = Report(say)
    new, old, new_keys, old_keys = sources.units(files["units"])
    rows = relabelled(sources.table(files["table"]), old, report)
    earlier = sources.earlier(files["earlier"])
    other_names, other_targets = sources.other(files["other"])
    new_aliases = _new_aliases(new, rows, other_names, report)
    old_aliases = _old_aliases(old, rows, earlier, report)
    targets = _targets(old, rows, report)
    _compare(
        "conversion, source of the units",
        targets,
        sources.conversions(files["conversions"], new_keys, old_keys),
        report,
    )
    known = {ward.code for ward in new}
    third = {code: {target for target in found if target in known} for code, found in other_targets.items()}
    _compare_third(targets, third, report)
    _write(folder, new, old, new_aliases, old_aliases, targets, _islands(rows))
    return _counted(new, old, targets, report)


def split_kind(name: str) -> tuple[str, str]:
    """'Phường Ba Đình' as its kind and its name."""
    for kind in KINDS:
        if name.lower().startswith(kind + " "):
            return kind, name[len(kind) + 1 :]
    return "", name


def _label(text: str) -> tuple[str, str]:
    """'Huyện Gia Lâm (018)' as name and code."""
    found = re.fullmatch(r"(.*?) *\(([0-9]+)\)", text)
    return (found[1], found[2]) if found else (text, "")


def relabelled(rows: list[Row], old: Iterable[OldWard], report: Report) -> list[Row]:
    """The table's rows with the codes their own names ask for, where they stand under a neighbour's."""
    wards = list(old)
    by_name = {(ward.district, accent_key(ward.name)): ward for ward in wards if ward.code}
    by_code = {ward.code: ward for ward in wards if ward.code}
    by_district = {ward.district: ward for ward in wards}
    put_right = []
    for row in rows:
        district = _label(row.district)[1]
        ward = by_name.get((district, accent_key(row.old_name)))
        if row.old_code and ward and ward.code != row.old_code:
            report.note("label", f"{row.old_name}, {row.district} stands under {row.old_code}; it is {ward.code}")
            row = row._replace(old_code=ward.code)
        holder = by_code.get(row.old_code) or by_district.get(district)
        if holder and _label(row.old_province)[1] != holder.province:
            name = f"{row.old_name or row.new_name} ({row.old_code})"
            report.note("label", f"{name} is given to {row.old_province}; it is {holder.province_name}")
        put_right.append(row)
    return put_right


def _differs(ours: str, theirs: str) -> bool:
    """Beyond capitals and the placement of accents, which the parser does not tell apart."""
    return accent_key(ours) != accent_key(theirs)


def _new_aliases(new: list[NewWard], rows: list[Row], other: dict[str, str], report: Report) -> dict[str, set[str]]:
    official = {row.new_code: row for row in rows}
    aliases: dict[str, set[str]] = defaultdict(set)
    codes = {ward.code for ward in new}
    for code in sorted(codes ^ set(official)):
        report.note("new ward", f"{code} is in one source only")
    for code in sorted(codes ^ set(other)):
        report.note("new ward", f"{code} is not in both the units and the third source; the units and the table agree")
    for ward in new:
        row = official.get(ward.code)
        if row and _label(row.new_province) != (ward.province_name, ward.province):
            report.note("new ward", f"{ward.code} {ward.name}: {ward.province_name} or {row.new_province}")
        for name in {row.new_name if row else ward.name, other.get(ward.code, ward.name)}:
            _alias(ward.code, ward.name, name, aliases, "new ward", report)
    return aliases


def _old_aliases(
    old: list[OldWard], rows: list[Row], earlier: dict[str, OldWard], report: Report
) -> dict[str, set[str]]:
    official = {row.old_code: row for row in rows}
    aliases: dict[str, set[str]] = defaultdict(set)
    by_code = {ward.code: ward for ward in old if ward.code}
    for code in sorted((set(by_code) ^ set(official)) - {""}):
        report.note("old ward", f"{code} is in one source only")
    for code in sorted(set(by_code) ^ set(earlier)):
        name = (earlier.get(code) or by_code[code]).name
        where = "January 2025 alone: left out" if code in earlier else "June 2025 alone: kept"
        report.note("old ward", f"{code} {name} is in the list of {where}")
    for code, ward in by_code.items():
        row, before = official.get(code), earlier.get(code)
        if row:
            _alias(code, ward.name, row.old_name, aliases, "old ward", report)
        if row and _label(row.district)[1] != ward.district:
            report.note("old ward", f"{code} {ward.name}: district {ward.district} or {row.district}")
        if before and before.district == ward.district:
            _alias(code, ward.name, before.name, aliases, "old ward", report)
    return aliases


def _alias(code: str, ours: str, theirs: str, aliases: dict[str, set[str]], subject: str, report: Report) -> None:
    """Another source's spelling of a name is one more way of writing it."""
    if not _differs(ours, theirs):
        return
    report.note(subject, f"{code} {ours}: also spelt {theirs}")
    name = split_kind(theirs)[1]
    if _differs(split_kind(ours)[1], name):
        aliases[code].add(name)


def _targets(old: list[OldWard], rows: list[Row], report: Report) -> dict[str, list[str]]:
    """Old code to new codes as the table has them; the one that took all residents first."""
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row.old_code:
            found[row.old_code].append(row)
    for ward in old:
        if ward.code and ward.code not in found:
            report.note("conversion", f"{ward.code} {ward.name} has no row in the table")
    for code, several in found.items():
        if len(several) > 1 and all(row.whole for row in several):
            report.note("conversion", f"{code} went wholly to more than one ward")
        if len(several) == 1 and not several[0].whole:
            report.note(
                "conversion", f"{code} {several[0].old_name}: a part went to {several[0].new_name}, the rest nowhere"
            )
    return {
        code: list(
            dict.fromkeys(
                r.new_code for r in sorted(several, key=lambda r: ("toàn bộ dân số" not in r.how, r.new_code))
            )
        )
        for code, several in found.items()
    }


def _compare(subject: str, targets: dict[str, list[str]], theirs: Targets, report: Report) -> None:
    for code, ours in sorted(targets.items()):
        if set(ours) != theirs.get(code, set()):
            report.note(
                subject, f"{code}: table {' '.join(ours)}, there {' '.join(sorted(theirs.get(code, ())))}; table kept"
            )


def _compare_third(targets: dict[str, list[str]], third: Targets, report: Report) -> None:
    """The third source names one target of a split ward, so only a target we do not have is a disagreement."""
    for code, theirs in sorted(third.items()):
        if code in targets and theirs - set(targets[code]):
            report.note(
                "conversion, third source",
                f"{code}: table {' '.join(targets[code])}, there {' '.join(sorted(theirs))}; table kept",
            )
    missing = sum(1 for code in targets if not third.get(code))
    report.say(f"conversion, third source: says nothing usable of {missing} old wards")


def _islands(rows: list[Row]) -> dict[str, str]:
    """District code to new ward, for the island districts that had no wards."""
    return {_label(row.district)[1]: row.new_code for row in rows if not row.old_code and not row.old_name}


def _write(
    folder: Path,
    new: list[NewWard],
    old: list[OldWard],
    new_aliases: dict[str, set[str]],
    old_aliases: dict[str, set[str]],
    targets: dict[str, list[str]],
    islands: dict[str, str],
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    new_province = {ward.code: ward.province for ward in new}
    provinces = [
        ("new", code, *split_kind(name), "") for code, name in sorted({(w.province, w.province_name) for w in new})
    ]
    into = {ward.province: new_province[targets[ward.code][0]] for ward in old if ward.code in targets}
    provinces += [
        ("old", code, *split_kind(name), into[code])
        for code, name in sorted({(w.province, w.province_name) for w in old})
    ]
    lines = ["\t".join(row) for row in provinces]
    head = HEAD.format(what="Provinces since and until 1 July 2025", columns="era, code, kind, name, new province")
    (folder / "provinces.tsv").write_text(head + "\n".join(lines) + "\n", "utf-8")
    lines = [
        "\t".join((ward.code, ward.province, *split_kind(ward.name), "|".join(sorted(new_aliases.get(ward.code, ())))))
        for ward in sorted(new)
    ]
    head = HEAD.format(what="Wards since 1 July 2025", columns="code, province, kind, name, other spellings")
    (folder / "wards.tsv").write_text(head + "\n".join(lines) + "\n", "utf-8")
    head = HEAD.format(
        what="Districts (>) and their wards until 30 June 2025",
        columns="> district, province, kind, name, new ward of an island; ward, kind, name, new wards, other spellings",
    )
    (folder / "wards_before_2025_07.tsv").write_text(head + _old_text(old, old_aliases, targets, islands), "utf-8")


def _old_text(
    old: list[OldWard], aliases: dict[str, set[str]], targets: dict[str, list[str]], islands: dict[str, str]
) -> str:
    lines, last = [], ""
    for ward in sorted(old, key=lambda ward: (ward.province, ward.district, ward.code)):
        if ward.district != last:
            kind, name = split_kind(ward.district_name)
            lines.append("\t".join((f">{ward.district}", ward.province, kind, name, islands.get(ward.district, ""))))
            last = ward.district
        if ward.code:
            spellings = "|".join(sorted(aliases.get(ward.code, ())))
            lines.append(
                "\t".join((ward.code, *split_kind(ward.name), " ".join(targets[ward.code]), spellings)).rstrip("\t")
            )
    return "\n".join(lines) + "\n"


def _counted(new: list[NewWard], old: list[OldWard], targets: dict[str, list[str]], report: Report) -> bool:
    counts = {
        "new provinces": len({ward.province for ward in new}),
        "new wards": len({ward.code for ward in new}),
        "old provinces": len({ward.province for ward in old}),
        "old wards": len({ward.code for ward in old if ward.code}),
        "split wards": sum(1 for found in targets.values() if len(found) > 1),
    }
    kinds: dict[str, int] = defaultdict(int)
    for ward in new:
        kinds[split_kind(ward.name)[0]] += 1
    report.say(f"counted: {counts} {dict(kinds)}")
    report.say(f"disagreements: {dict(report.counts)}")
    return counts == EXPECTED and dict(kinds) == KIND_COUNTS
