"""Looks at the machine's own state: current, heat, memory, the hardware watchdog.

A Raspberry Pi on a weak power supply loses data without a word; it tells of it only here.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from tiepdon.checks.finding import Finding, Status
from tiepdon.checks.machine import Machine, number, output, text
from wire.errors import Datum

POWER, HEAT, MEMORY, WATCHDOG = "power", "temperature", "memory", "watchdog"
THROTTLED = "sys/devices/platform/soc/soc:firmware/get_throttled"
# Bits of get_throttled (raspberrypi.com, "vcgencmd"); the same ones from 16 on tell that it was so since the start.
UNDER_VOLTAGE, SLOWED = 0x1, 0x2 | 0x4 | 0x8
SINCE_START = 16
HOT_CELSIUS = 80.0  # from here on a Pi slows itself down
LEAST_MEMORY_MB = 100


def look_at_power(machine: Machine, run: Callable[..., str | None] = output) -> Iterator[Finding]:
    """One finding: too little voltage now or since the start is a warning; nothing where the machine cannot tell."""
    flags = _flags(machine, run)
    if flags is None:
        yield Finding(probe=POWER, status=Status.OK, data={"known": False})
        return
    ever = flags | flags >> SINCE_START
    code = "doctor.under_voltage" if ever & UNDER_VOLTAGE else "doctor.slowed" if ever & SLOWED else None
    data: dict[str, Datum] = {"known": True, "flags": f"0x{flags:x}", "now": bool(flags & (UNDER_VOLTAGE | SLOWED))}
    yield Finding(probe=POWER, status=Status.WARN if code else Status.OK, code=code, data=data)


def look_at_temperature(machine: Machine) -> Iterator[Finding]:
    """One finding, of the hottest place that the machine tells of."""
    zones = (number(zone / "temp") for zone in sorted((machine.root / "sys/class/thermal").glob("thermal_zone*")))
    told = [zone / 1000 for zone in zones if zone is not None]
    if not told:
        yield Finding(probe=HEAT, status=Status.OK, data={"known": False})
        return
    code = "doctor.hot" if max(told) >= HOT_CELSIUS else None
    data: dict[str, Datum] = {"celsius": round(max(told), 1)}
    yield Finding(probe=HEAT, status=Status.WARN if code else Status.OK, code=code, data=data)


def look_at_memory(machine: Machine) -> Iterator[Finding]:
    """One finding: how much is left, and whether the kernel had to end a process for want of it."""
    rows = (line.split() for line in text(machine.root / "proc/meminfo").splitlines())
    kilobytes = {row[0].rstrip(":"): int(row[1]) for row in rows if len(row) > 1 and row[1].isdigit()}
    counts = dict(line.split() for line in text(machine.root / "proc/vmstat").splitlines() if line.count(" ") == 1)
    killed = int(counts.get("oom_kill", "0"))
    left = kilobytes.get("MemAvailable")
    data: dict[str, Datum] = {
        "left_mb": None if left is None else left >> 10,
        "total_mb": kilobytes.get("MemTotal", 0) >> 10 or None,
        "killed": killed,
    }
    if left is not None and left >> 10 < LEAST_MEMORY_MB:
        yield Finding(probe=MEMORY, status=Status.WARN, code="doctor.memory_low", data=data)
    elif killed:
        yield Finding(probe=MEMORY, status=Status.NOTE, code="doctor.memory_was_low", data=data)
    else:
        yield Finding(probe=MEMORY, status=Status.OK, data=data)


def look_at_watchdog(machine: Machine) -> Iterator[Finding]:
    """One finding: does the hardware start the machine anew when everything hangs (systemd's RuntimeWatchdogSec)."""
    device = machine.root / "sys/class/watchdog/watchdog0"
    if not device.exists():
        status = Status.WARN if machine.is_pi else Status.NOTE
        yield Finding(probe=WATCHDOG, status=status, code="doctor.no_watchdog")
        return
    armed = text(device / "state").strip() == "active"
    data: dict[str, Datum] = {
        "armed": armed,
        "seconds": number(device / "timeout"),
        "name": text(device / "identity").strip() or None,
    }
    code = None if armed else "doctor.watchdog_off"
    yield Finding(probe=WATCHDOG, status=Status.OK if armed else Status.WARN, code=code, data=data)


def _flags(machine: Machine, run: Callable[..., str | None]) -> int | None:
    told = number(machine.root / THROTTLED, 16)
    if told is not None:
        return told
    for sensor in sorted((machine.root / "sys/class/hwmon").glob("hwmon*")):
        if text(sensor / "name").strip() == "rpi_volt":
            return _alarm(sensor)
    said = (run("vcgencmd", "get_throttled") or "") if machine.is_pi else ""
    name, _, value = said.strip().partition("=")
    return int(value, 16) if name == "throttled" and value.startswith("0x") else None


def _alarm(sensor: Path) -> int | None:
    """The kernel's sensor keeps only that it was so since the start (drivers/hwmon/raspberrypi-hwmon.c)."""
    told = number(sensor / "in0_lcrit_alarm")
    return None if told is None else UNDER_VOLTAGE << SINCE_START if told else 0
