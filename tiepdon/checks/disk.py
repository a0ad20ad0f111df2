"""Looks at where the data lies: room and file nodes left, whether it can still be written, how worn the card is.

Wear: eMMC tells of itself (JEDEC JESD84-B51, EXT_CSD 267 to 269), SD cards do not. Whether the database itself takes a
write is asked with the database.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from config.settings import Settings
from tiepdon.checks.finding import Finding, Status
from tiepdon.checks.machine import Machine, number, text
from wire.errors import Datum

DISK, WEAR = "disk", "wear"
LEAST_NODES = 0.05  # of the file system's, left
WORN_TENTHS = 9  # of ten; 0x0B says that it is past its end
WORN_RESERVE = 2  # 80 % of the reserved blocks are used up


def look_at_disks(
    settings: Settings, machine: Machine, ask: Callable[[Path], os.statvfs_result] = os.statvfs
) -> Iterator[Finding]:
    """One finding for each folder of ours, and one of the card below the data."""
    for name, folder in (("state", settings.paths.state), ("run", settings.paths.run)):
        yield from _room(name, Path(folder), ask)
    yield from _wear(Path(settings.paths.state), machine)


def _room(name: str, folder: Path, ask: Callable[[Path], os.statvfs_result]) -> Iterator[Finding]:
    probe, data = f"{DISK}:{name}", {"folder": str(folder)}
    try:
        told = ask(folder)
    except FileNotFoundError:
        yield Finding(probe=probe, status=Status.FAIL, code="doctor.folder_missing", data=data)
        return
    seen: dict[str, Datum] = {**data, "free_mb": told.f_bavail * told.f_frsize >> 20}
    if told.f_files:  # btrfs and others have no fixed number
        seen["free_nodes_percent"] = round(100 * told.f_favail / told.f_files)
    code, status = None, Status.OK
    if told.f_flag & os.ST_RDONLY:
        code, status = "doctor.disk_read_only", Status.FAIL
    elif told.f_files and told.f_favail < LEAST_NODES * told.f_files:
        code, status = "doctor.disk_nodes", Status.WARN
    yield Finding(probe=probe, status=status, code=code, data=seen)


def _wear(folder: Path, machine: Machine) -> Iterator[Finding]:
    try:
        number_of = folder.stat().st_dev
    except OSError:
        return
    part = machine.root / f"sys/dev/block/{os.major(number_of)}:{os.minor(number_of)}"
    if not part.exists():
        yield Finding(probe=WEAR, status=Status.OK, data={"known": False})
        return
    part = part.resolve()
    disk = part if (part / "device").exists() else part.parent
    data: dict[str, Datum] = {"disk": disk.name, "kind": text(disk / "device/type").strip() or None}
    tenths = [int(word, 16) for word in text(disk / "device/life_time").split() if word.startswith("0x")]
    reserve = number(disk / "device/pre_eol_info", 16)
    errors = number(machine.root / "sys/fs/ext4" / part.name / "errors_count")
    if tenths:
        data["worn_percent"] = min(100, 10 * max(tenths))
    if errors is not None:
        data["errors"] = errors
    code = None
    if errors:
        code = "doctor.disk_errors"
    elif (tenths and max(tenths) >= WORN_TENTHS) or (reserve is not None and reserve >= WORN_RESERVE):
        code = "doctor.disk_worn"
    yield Finding(
        probe=WEAR, status=Status.WARN if code else Status.OK, code=code, data={**data, "known": bool(tenths)}
    )
