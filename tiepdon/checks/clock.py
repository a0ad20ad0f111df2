"""Looks at what keeps the time: does the kernel know that its clock is right, who sets it, does a clock with a battery
run on without power (kiosk.md 3.5). How far it is off is `outside.look_at_clock`.

Ticket days, tokens, certificates and the audit go by it; a Raspberry Pi starts in the past without one.
"""

import ctypes
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tiepdon.checks.finding import Finding, Status
from tiepdon.checks.machine import Machine, number, text
from wire.errors import Datum

TIME, RTC = "time", "rtc"
KEEPERS = ("chronyd", "systemd-timesyn", "ntpd", "ntpd-rs", "openntpd")  # as /proc/PID/comm cuts them, at 15 letters
RUN_FOLDERS = {"chronyd": "run/chrony", "systemd-timesyncd": "run/systemd/timesync"}
STA_UNSYNC = 0x0040  # linux/timex.h
MOST_ERROR_MICROSECONDS = (
    16_000_000  # from here on the kernel says itself that it does not know (ntp.c, NTP_PHASE_LIMIT)
)
FLAT_MICROVOLTS = 2_000_000  # of a cell that begins at 3 V
LONGEST_APART_SECONDS = 86_400


@dataclass(frozen=True)
class KernelClock:
    """What the kernel says of its clock (adjtimex(2)). `error_ms`: how far it may be off at most."""

    synchronised: bool
    error_ms: float


def kernel_clock() -> KernelClock | None:
    """Asks the kernel, changes nothing; None where it may not be asked."""
    told = _Timex()
    state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(told))
    if state < 0:
        return None
    unknown = told.status & STA_UNSYNC or told.maxerror >= MOST_ERROR_MICROSECONDS
    return KernelClock(not unknown, round(told.maxerror / 1000, 1))


def look_at_time(machine: Machine, ask: Callable[[], KernelClock | None] = kernel_clock) -> Iterator[Finding]:
    """One finding: a clock that nobody sets, or that was not set since the start, is a warning."""
    told, keeper = ask(), _keeper(machine)
    # systemd-timesyncd marks here that it has set the clock once, also where the kernel may not be asked.
    marked = (machine.root / "run/systemd/timesync/synchronized").exists()
    data: dict[str, Datum] = {"keeper": keeper, "synchronised": marked if told is None else told.synchronised or marked}
    if told is not None:
        data["error_ms"] = told.error_ms
    code = None
    if not data["synchronised"]:
        code = "doctor.clock_unset" if keeper else "doctor.clock_unkept"
    yield Finding(probe=TIME, status=Status.WARN if code else Status.OK, code=code, data=data)


def look_at_rtc(machine: Machine, now: Callable[[], float] = time.time) -> Iterator[Finding]:
    """One finding: without a clock that runs on a battery, a machine that starts without a network has no time."""
    clock = machine.root / "sys/class/rtc/rtc0"
    if not clock.exists():
        status = Status.WARN if machine.is_pi else Status.NOTE
        yield Finding(probe=RTC, status=status, code="doctor.no_rtc")
        return
    told, microvolts = number(clock / "since_epoch"), number(clock / "battery_voltage")
    charging = number(clock / "charging_voltage")
    data: dict[str, Datum] = {"name": text(clock / "name").strip() or None}
    if microvolts is not None:
        data["battery_volts"] = round(microvolts / 1_000_000, 2)
    if charging is not None:
        data["charging"] = charging > 0
    code = None
    if told is None or (microvolts is not None and microvolts < FLAT_MICROVOLTS):
        code = "doctor.rtc_battery"  # it does not tell the time either where it stood still
    elif abs(now() - told) > LONGEST_APART_SECONDS:
        code = "doctor.rtc_wrong"
    yield Finding(probe=RTC, status=Status.WARN if code else Status.OK, code=code, data=data)


def _keeper(machine: Machine) -> str | None:
    # By the folder it makes, too: a unit may not see the processes of other users.
    for name, folder in RUN_FOLDERS.items():
        if (machine.root / folder).is_dir():
            return name
    for process in (machine.root / "proc").glob("[0-9]*"):
        name = text(process / "comm").strip()
        if name in KEEPERS:
            return name
    return None


class _Timex(ctypes.Structure):
    """struct timex of linux/timex.h, as the C library hands it over."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("constant", ctypes.c_long),
        ("precision", ctypes.c_long),
        ("tolerance", ctypes.c_long),
        ("seconds", ctypes.c_long),
        ("microseconds", ctypes.c_long),
        ("tick", ctypes.c_long),
        ("rest", ctypes.c_long * 8),
        ("tai", ctypes.c_int),
        ("reserved", ctypes.c_int * 11),
    )
