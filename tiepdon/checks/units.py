"""Looks at the units where systemd runs: is one not up that should be, was one started again and again."""

from collections.abc import Callable, Iterator
from typing import Final

from tiepdon.checks.finding import Finding, Status
from tiepdon.checks.machine import Machine, output
from wire.errors import Datum

UNITS = "units"
PATTERN = "tiepdon*"
PROPERTIES: Final = (
    *("Id", "LoadState", "ActiveState", "SubState", "Result", "NRestarts", "UnitFileState", "Type"),
    *("ConditionResult", "ConditionTimestampMonotonic"),
)
MOST_RESTARTS = 3  # since the unit was started by hand or by the machine; deploying gives one


def look_at_units(machine: Machine, run: Callable[..., str | None] = output) -> Iterator[Finding]:
    """One finding for each unit with a trouble; else one that all are well, or that there is no systemd here."""
    if not (machine.root / "run/systemd/system").is_dir():
        yield Finding(probe=UNITS, status=Status.OK, data={"systemd": False})
        return
    told = run("systemctl", "show", "--no-pager", f"--property={','.join(PROPERTIES)}", "--all", PATTERN)
    if told is None:
        yield Finding(probe=UNITS, status=Status.NOTE, code="doctor.systemd_silent")
        return
    units = [unit for unit in parse(told) if unit.get("LoadState") == "loaded"]
    troubles = [finding for unit in units if (finding := _judged(unit)) is not None]
    restarts = sum(_count(unit) for unit in units)
    active = sum(unit.get("ActiveState") == "active" for unit in units)
    data: dict[str, Datum] = {"systemd": True, "units": len(units), "active": active, "restarts": restarts}
    yield from troubles or [Finding(probe=UNITS, status=Status.OK, data=data)]


def parse(told: str) -> list[dict[str, str]]:
    """`systemctl show`: one block of NAME=VALUE lines for each unit, an empty line between two."""
    blocks = (block.splitlines() for block in told.strip().split("\n\n"))
    return [dict(line.split("=", 1) for line in block if "=" in line) for block in blocks if any(block)]


def _judged(unit: dict[str, str]) -> Finding | None:
    data: dict[str, Datum] = {
        "unit": unit.get("Id", "?"),
        "state": f"{unit.get('ActiveState')}/{unit.get('SubState')}",
        "result": unit.get("Result"),
        "restarts": _count(unit),
    }
    if unit.get("ActiveState") == "failed":
        return Finding(probe=UNITS, status=Status.FAIL, code="doctor.unit_failed", data=data)
    if unit.get("SubState") == "auto-restart" or _count(unit) > MOST_RESTARTS:
        return Finding(probe=UNITS, status=Status.WARN, code="doctor.unit_restarts", data=data)
    enabled = unit.get("UnitFileState") in ("enabled", "enabled-runtime")
    lasting = unit.get("Type") != "oneshot" and unit.get("Id", "").endswith((".service", ".timer", ".socket", ".path"))
    if enabled and lasting and unit.get("ActiveState") == "inactive" and not _left_out(unit):
        return Finding(probe=UNITS, status=Status.WARN, code="doctor.unit_inactive", data=data)
    return None


def _left_out(unit: dict[str, str]) -> bool:
    """Whether systemd asked the unit's own conditions and left it out: a screen's, where there is none. Before they
    were ever asked the result is "no" too (org.freedesktop.systemd1(5))."""
    return unit.get("ConditionResult") == "no" and unit.get("ConditionTimestampMonotonic", "0") != "0"


def _count(unit: dict[str, str]) -> int:
    told = unit.get("NRestarts", "")
    return int(told) if told.isdigit() else 0
