"""The source files as they come, turned into plain rows with names in NFC; no judgement here."""

import csv
import json
import re
import sqlite3
import unicodedata
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

Targets = dict[str, set[str]]


class NewWard(NamedTuple):
    """A ward since 1 July 2025."""

    code: str
    name: str  # with its kind
    province: str
    province_name: str


class OldWard(NamedTuple):
    """A ward until 30 June 2025; `code` and `name` are empty for the five island districts that had none."""

    code: str
    name: str
    district: str
    district_name: str
    province: str
    province_name: str


class Row(NamedTuple):
    """One line of the statistics office's conversion table."""

    new_code: str
    new_name: str
    new_province: str  # "Tỉnh Lào Cai (15)"
    old_code: str
    old_name: str
    how: str  # "Nhập toàn bộ": all of the old ward
    district: str  # "Huyện Gia Lâm (018)"
    old_province: str

    @property
    def whole(self) -> bool:
        """Whether the table says that all of the old ward went there."""
        return "một phần" not in self.how.lower() and "còn lại" not in self.how.lower()


def clean(text: str | None) -> str:
    """NFC, single spaces, one kind of apostrophe."""
    return " ".join(unicodedata.normalize("NFC", text or "").replace("’", "'").split())


def units(path: Path) -> tuple[list[NewWard], list[OldWard], dict[str, str], dict[str, list[str]]]:
    """The wards of both eras, and the keys by which the same source's conversions name new and old ones."""
    with sqlite3.connect(path) as base:
        new = base.execute("select wardCode, ward, provinceCode, province, provinceKey, wardKey from admin_units")
        rows = new.fetchall()
        old = base.execute(
            "select wardCode, ward, districtCode, district, provinceCode, province, provinceKey, districtKey, wardKey"
            " from admin_units_legacy"
        ).fetchall()
    new_keys = {f"{row[4]}_{row[5]}": row[0] for row in rows}
    old_keys: dict[str, list[str]] = defaultdict(list)
    for row in old:
        old_keys["_".join(part or "" for part in row[6:9])].append(row[0] or "")
    new_wards = [NewWard(*map(clean, row[:4])) for row in rows]
    # Three rows hold a province or a district alone.
    return new_wards, [OldWard(*map(clean, row[:6])) for row in old if row[2]], new_keys, dict(old_keys)


def conversions(path: Path, new_keys: dict[str, str], old_keys: dict[str, list[str]]) -> Targets:
    """Old code to new codes, as the source of the units has them."""
    data = json.loads(path.read_text("utf-8"))
    found: Targets = defaultdict(set)
    for province, wards in data["DICT_PROVINCE_WARD_NO_DIVIDED"].items():
        for ward, sources in wards.items():
            for code in (code for source in sources for code in old_keys.get(source, ())):
                found[code].add(new_keys[f"{province}_{ward}"])
    for province, sources in data["DICT_PROVINCE_WARD_DIVIDED"].items():
        for source, targets in sources.items():
            for code in old_keys.get(source, ()):
                found[code] |= {new_keys[f"{province}_{target['newWardKey']}"] for target in targets}
    found.pop("", None)
    return dict(found)


def table(path: Path) -> list[Row]:
    """The statistics office's conversion table, without its headings."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = [[clean(cell) for cell in line] for line in csv.reader(file)]
    return [
        Row(line[2], line[1], line[0], line[4], line[3], line[5], line[6], line[7])
        for line in lines
        if re.fullmatch(r"[0-9]{5}", line[2])
    ]


def earlier(path: Path) -> dict[str, OldWard]:
    """The statistics office's list of 4 January 2025 by code."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = [[clean(cell) for cell in line] for line in csv.reader(file)][1:]
    return {line[5]: OldWard(line[5], line[4], line[3], line[2], line[1], line[0]) for line in lines if line[5]}


def other(path: Path) -> tuple[dict[str, str], Targets]:
    """The third source: names of the new wards by code, and old code to new codes."""
    tables = {part["name"]: part["data"] for part in json.loads(path.read_text("utf-8")) if part.get("type") == "table"}
    found: Targets = defaultdict(set)
    for row in tables["ward_mappings"]:
        if row["old_ward_code"]:
            found[row["old_ward_code"]].add(row["new_ward_code"])
    return {row["ward_code"]: clean(row["name"]) for row in tables["wards"]}, dict(found)
