"""What is plugged in and may be meant, for proposing it. Opens nothing that a running process may have."""

from dataclasses import dataclass

from tiepdon.checks import cameras, scanners
from tiepdon.checks.machine import Machine, text
from wire.errors import TiepDonError

PRINTER_CLASS = "07"  # of a USB interface (USB-IF, defined class codes)


@dataclass(frozen=True)
class Found:
    """The devices of each kind, by the names that stay the same where they have one."""

    readers: tuple[str, ...] = ()
    scanners: tuple[str, ...] = ()
    keyboards: tuple[str, ...] = ()
    cameras: tuple[str, ...] = ()
    printers: tuple[str, ...] = ()


def look(machine: Machine) -> Found:
    """Everything that is there."""
    told = scanners.candidates(machine)
    return Found(
        readers=_readers(),
        scanners=tuple(str(told.get("serial_devices", "")).split()),
        keyboards=tuple(str(told.get("keyboards", "")).split()),
        cameras=tuple(cameras.candidates(machine)),
        printers=_printers(machine),
    )


def _printers(machine: Machine) -> tuple[str, ...]:
    """As the settings name them: vendor and product, as lsusb writes them."""
    bus = machine.root / "sys/bus/usb/devices"
    found: list[str] = []
    for interface in sorted(bus.glob("*:*")) if bus.is_dir() else ():
        device = bus / interface.name.partition(":")[0]
        if text(interface / "bInterfaceClass").strip() == PRINTER_CLASS:
            found.append(f"{text(device / 'idVendor').strip()}:{text(device / 'idProduct').strip()}")
    return tuple(dict.fromkeys(found))


def _readers() -> tuple[str, ...]:
    from reader.chip.pcsc import PcscSlot

    slot = PcscSlot("")
    try:
        return tuple(reader.name for reader in slot.examine() if reader.usable)
    except TiepDonError:
        return ()
    finally:
        slot.close()
