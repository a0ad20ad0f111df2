"""What Linux knows of card readers without pcscd: USB devices, kernel modules, installed drivers, polkit's rules.

Everything is read below one root folder, so that tests show a machine of their own. Nothing here raises for a part
that is missing: a container has no USB bus, a small system no polkit.
"""

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from reader.chip.readers import KERNEL_MODULES, Model, known_usb

PCSCD_SECONDS = 2.0
SEARCH_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
DRIVERS = {"libccid": "ifd-ccid.bundle", "acsccid": "ifd-acsccid.bundle"}
DRIVER_FOLDERS = ("usr/lib/pcsc/drivers", "usr/local/lib/pcsc/drivers")
RULE_FOLDERS = ("etc/polkit-1/rules.d", "usr/share/polkit-1/rules.d", "usr/local/share/polkit-1/rules.d")
ACTION = "org.debian.pcsc-lite"  # how both of pcscd's polkit actions begin
UNIT_FOLDERS = ("etc/systemd/system", "usr/lib/systemd/system", "lib/systemd/system")
UNIT = "tiepdon-reader.service"


@dataclass(frozen=True)
class UsbReader:
    """A card reader on the USB bus. `bound`: the kernel drivers that hold its interfaces."""

    vendor: int
    product: int
    firmware: str | None
    model: Model
    bound: tuple[str, ...]

    @property
    def ids(self) -> str:
        """As lsusb writes it."""
        return f"{self.vendor:04x}:{self.product:04x}"


@dataclass(frozen=True)
class Pcscd:
    """The installed pcscd; `polkit`: built to ask it who may use readers."""

    version: str
    polkit: bool


@dataclass(frozen=True)
class Machine:
    """The machine whose files begin at `root`."""

    root: Path = Path("/")

    @property
    def is_pi(self) -> bool:
        """Whether the firmware calls it a Raspberry Pi."""
        return "Raspberry Pi" in text(self.root / "proc/device-tree/model")

    def usb_readers(self) -> tuple[UsbReader, ...]:
        """The devices that the table of readers knows."""
        return tuple(self._usb_readers(self.root / "sys/bus/usb/devices"))

    def modules_in_the_way(self) -> tuple[str, ...]:
        """The loaded kernel modules that take readers from pcscd, in the order in which they can be unloaded."""
        loaded = {line.partition(" ")[0] for line in text(self.root / "proc/modules").splitlines()}
        return tuple(module for module in KERNEL_MODULES if module in loaded)

    def drivers(self) -> dict[str, str]:
        """Version of each known driver that is installed ("?" when it does not say)."""
        found = {}
        for name, bundle in DRIVERS.items():
            for folder in DRIVER_FOLDERS:
                place = self.root / folder / bundle / "Contents"
                if place.is_dir():
                    found[name] = _bundle_version(text(place / "Info.plist"))
        return found

    def has_polkit_rule(self) -> bool | None:
        """Does a rule speak of pcscd's actions? None when this user may not look."""
        hidden = False
        for folder in RULE_FOLDERS:
            try:
                rules = [file for file in (self.root / folder).iterdir() if file.suffix == ".rules"]
            except PermissionError:
                hidden = True
            except OSError:
                continue
            else:
                if any(ACTION in text(rule) for rule in rules):
                    return True
        return None if hidden else False

    def runs_as_service(self) -> bool:
        """Is the reader installed as a service of the system, under a user of its own?"""
        return any((self.root / folder / UNIT).exists() for folder in UNIT_FOLDERS)

    def _usb_readers(self, bus: Path) -> Iterator[UsbReader]:
        for device in sorted(bus.glob("*")) if bus.is_dir() else ():
            vendor, product = _hex(device / "idVendor"), _hex(device / "idProduct")
            model = None if vendor is None or product is None else known_usb(vendor, product)
            if vendor is None or product is None or model is None:
                continue
            # An interface is a folder beside its device, called after it; its driver is a link.
            drivers = (interface / "driver" for interface in sorted(bus.glob(f"{device.name}:*")))
            bound = tuple(driver.resolve().name for driver in drivers if driver.exists())
            yield UsbReader(vendor, product, _firmware(text(device / "bcdDevice")), model, bound)


def installed_pcscd() -> Pcscd | None:
    """What pcscd says of itself; None when it is not installed or does not say."""
    program = shutil.which("pcscd", path=SEARCH_PATH)
    if program is None:
        return None
    try:
        told = subprocess.run(
            [program, "--version"], capture_output=True, text=True, timeout=PCSCD_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return parse_pcscd(told.stdout + told.stderr)


def parse_pcscd(told: str) -> Pcscd | None:
    """The output of `pcscd --version`."""
    version = re.search(r"version (\d[\w.]*\d)", told)
    features = re.search(r"Enabled features:(.*)", told)
    if version is None:
        return None
    return Pcscd(version.group(1), features is not None and "polkit" in features.group(1).split())


def _bundle_version(plist: str) -> str:
    found = re.search(r"<key>CFBundleShortVersionString</key>\s*<string>([^<]{1,32})</string>", plist)
    return found.group(1) if found else "?"


def _firmware(bcd: str) -> str | None:
    """The USB release number, four decimal digits: "0119" is 1.19."""
    digits = bcd.strip()
    return f"{int(digits[:2])}.{digits[2:]}" if re.fullmatch(r"[0-9]{4}", digits) else None


def _hex(path: Path) -> int | None:
    digits = text(path).strip()
    return int(digits, 16) if re.fullmatch(r"[0-9A-Fa-f]{4}", digits) else None


def text(path: Path) -> str:
    """A small file, empty when it is not there or not for us."""
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""


def number(path: Path, base: int = 10) -> int | None:
    """The one number in a file of the kernel's; None when it holds none."""
    try:
        return int(text(path).strip(), base)
    except ValueError:
        return None


def output(*command: str, seconds: float = PCSCD_SECONDS) -> str | None:
    """What a program of the system says; None when it is not there, fails or takes longer."""
    program = shutil.which(command[0], path=SEARCH_PATH)
    if program is None:
        return None
    try:
        done = subprocess.run([program, *command[1:]], capture_output=True, text=True, timeout=seconds, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
