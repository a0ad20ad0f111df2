"""What is plugged in and may be meant, for proposing it. Opens nothing that a running process may have."""

import ipaddress
from dataclasses import dataclass

from tiepdon.checks import cameras, scanners
from tiepdon.checks.machine import Machine, output, text
from wire.codec import from_json
from wire.errors import MalformedMessage, TiepDonError

PRINTER_CLASS = "07"  # of a USB interface (USB-IF, defined class codes)


@dataclass(frozen=True)
class Found:
    """The devices of each kind, by the names that stay the same where they have one; `networks`: those of this house,
    as far as this machine stands in them."""

    readers: tuple[str, ...] = ()
    scanners: tuple[str, ...] = ()
    keyboards: tuple[str, ...] = ()
    cameras: tuple[str, ...] = ()
    printers: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()


def look(machine: Machine) -> Found:
    """Everything that is there."""
    told = scanners.candidates(machine)
    return Found(
        readers=_readers(),
        scanners=tuple(str(told.get("serial_devices", "")).split()),
        keyboards=tuple(str(told.get("keyboards", "")).split()),
        cameras=tuple(cameras.candidates(machine)),
        printers=_printers(machine),
        networks=networks_of(output("ip", "-json", "-4", "route", "show", "scope", "link") or ""),
    )


def networks_of(told: str) -> tuple[str, ...]:
    """The networks in what `ip -json route` (ip-route(8)) tells, in its order."""
    try:
        routes = from_json(told.encode(), list[dict[str, object]])
    except MalformedMessage:
        return ()
    found: list[str] = []
    for route in routes:
        try:
            network = ipaddress.ip_network(str(route.get("dst")))
        except ValueError:  # "default", and what is no address at all
            continue
        if network.is_private and not network.is_link_local and network.num_addresses > 1:
            found.append(str(network))
    return tuple(dict.fromkeys(found))


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
