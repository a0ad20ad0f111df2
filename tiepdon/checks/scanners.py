"""Looks at the scanner and the keyboard: configured, there, allowed, held by another program; else what could be meant.

Asks the reader process first, because it has the device open and runs as the user who has to be allowed. The serial
line is never opened here: that alone resets some scanners. Must not read what anybody scans.
"""

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from config.settings import Settings
from reader.payload.errors import KeyboardHeld, ScannerHeld, ScannerNotAllowed, ScannerNotSerial
from tiepdon.checks.finding import Finding, Status
from tiepdon.checks.machine import Machine
from tiepdon.checks.reader_process import told_by_reader
from wire.errors import Datum, TiepDonError

SCANNER, KEYBOARD = "scanner", "keyboard"  # the reader's names for them
NOT_THERE = "doctor.device_missing"
UNUSED = "doctor.scanner_unused"

_PLACES = {SCANNER: "dev/serial/by-id/*", KEYBOARD: "dev/input/by-id/*-event-kbd"}
_MOST_CANDIDATES = 8


def look_at_scanner(settings: Settings, machine: Machine) -> Iterator[Finding]:
    """One finding. Where neither scanner nor keyboard is configured and something is there that may be one: a note."""
    device = settings.reader.scanner.device
    if device:
        yield _finding(SCANNER, device, settings, machine, _try_serial)
    elif (data := candidates(machine)) and not settings.reader.keyboard.device:
        yield Finding(probe=SCANNER, status=Status.NOTE, code=UNUSED, data={"configured": False, **data})
    else:
        yield Finding(probe=SCANNER, status=Status.OK, data={"configured": False})


def look_at_keyboard(settings: Settings, machine: Machine) -> Iterator[Finding]:
    """One finding."""
    device = settings.reader.keyboard.device
    if device:
        yield _finding(KEYBOARD, device, settings, machine, _try_keyboard)
    else:
        yield Finding(probe=KEYBOARD, status=Status.OK, data={"configured": False})


def candidates(machine: Machine) -> dict[str, Datum]:
    """What is plugged in and may be a scanner, by the names that stay the same: `serial_devices`, `keyboards`."""
    found = {name: sorted(machine.root.glob(place))[:_MOST_CANDIDATES] for name, place in _PLACES.items()}
    names = {SCANNER: "serial_devices", KEYBOARD: "keyboards"}
    return {names[name]: " ".join(map(str, paths)) for name, paths in found.items() if paths}


def holders(path: Path, machine: Machine) -> tuple[str, ...]:
    """The programs that have this device open or locked, as far as this user may see them."""
    facts, process_folder = path.stat(), machine.root / "proc"
    place = f"{os.major(facts.st_dev):02x}:{os.minor(facts.st_dev):02x}:{facts.st_ino}"
    numbers: set[str] = set()
    with suppress(OSError):
        locks = [line.split() for line in (process_folder / "locks").read_text().splitlines()]
        numbers |= {words[4] for words in locks if len(words) > 5 and words[1] != "->" and words[5] == place}
    for process in process_folder.glob("[0-9]*"):
        with suppress(OSError):
            if any(_same(file, path.resolve()) for file in (process / "fd").iterdir()):
                numbers.add(process.name)
    return tuple(sorted({_program(process_folder / number) for number in numbers - {str(os.getpid())}}))


def _finding(
    probe: str,
    device: str,
    settings: Settings,
    machine: Machine,
    attempt: Callable[[Path, Machine], None],
) -> Finding:
    path, told = Path(device), told_by_reader(probe, settings)
    data: dict[str, Datum] = {"device": device}
    if not path.exists():
        return Finding(probe=probe, status=Status.WARN, code=NOT_THERE, data=data | candidates(machine))
    code: str | None = None
    if told is not None and told["device"] == device:
        code = told["problem"]
    else:
        try:
            attempt(path, machine)
        except TiepDonError as error:
            code = error.code
    if code in (ScannerHeld.code, KeyboardHeld.code):
        data["programs"] = ", ".join(holders(path, machine)) or None
    return Finding(probe=probe, status=Status.WARN if code else Status.OK, code=code, data=data)


def _try_serial(path: Path, machine: Machine) -> None:
    """Raises what the scanner would raise."""
    if not os.access(path, os.R_OK | os.W_OK, effective_ids=True):
        raise ScannerNotAllowed
    if not _may_be_serial(path, machine):
        raise ScannerNotSerial
    if holders(path, machine):
        raise ScannerHeld


def _may_be_serial(path: Path, machine: Machine) -> bool:
    """Whether it is a line of one of the kernel's tty drivers, as /proc/tty/drivers lists them (proc(5)): name, first
    device, major number, range of minor numbers, kind. Only to open it would tell for sure."""
    facts = path.stat()
    if not stat.S_ISCHR(facts.st_mode):
        return False
    try:
        drivers = (machine.root / "proc/tty/drivers").read_text("utf-8", "replace")
    except OSError:
        return True
    major, minor = os.major(facts.st_rdev), os.minor(facts.st_rdev)
    for line in drivers.splitlines():
        with suppress(ValueError):
            *_, number, minors, _kind = line.split()
            first, _, last = minors.partition("-")
            if int(number) == major and int(first) <= minor <= int(last or first):
                return True
    return False


def _try_keyboard(path: Path, machine: Machine) -> None:  # noqa: ARG001
    """Raises what the keyboard would raise. Opening one and letting it go does no harm."""
    from reader.scanner.hid import grabbed

    with grabbed(str(path)):
        pass


def _same(file: Path, path: Path) -> bool:
    with suppress(OSError):
        return file.readlink() == path
    return False


def _program(process: Path) -> str:
    try:
        return (process / "comm").read_text("utf-8", "replace").strip()
    except OSError:
        return "?"
