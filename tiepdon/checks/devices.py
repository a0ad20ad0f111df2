"""Looks at the card readers: the service, every reader and its quirks, the card, and what Linux has in their way."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

from config.settings import Settings
from reader.chip.readers import Quirk, max_extended, quirks_of, version_of
from reader.chip.transport import Transport
from tiepdon.checks.finding import Finding, Status
from tiepdon.checks.machine import Machine, UsbReader, installed_pcscd
from wire.errors import Datum, TiepDonError

CARD_SECONDS = 3.0
KERNEL_MODULE = "reader.quirk.kernel_module"
NEW_DRIVER = "reader.quirk.new_driver"
NEW_ENOUGH = {"libccid": "1.5.3", "acsccid": "1.1.10"}  # readers.py: ACR1552U, ACR1581


def look_at_readers(settings: Settings, machine: Machine) -> Iterator[Finding]:
    """Is pcscd there, which slot is THE reader and why, every reader's quirks, does a card that lies there answer."""
    from reader.chip.pcsc import PcscSlot

    slot = PcscSlot(settings.reader.pcsc_reader)
    try:
        seen = next(slot.watch())
    finally:
        slot.close()
    if not seen.service:
        yield Finding(probe="pcscd", status=Status.FAIL, code=seen.problem)
        return
    yield Finding(probe="pcscd", status=Status.OK)
    readers = slot.examine()
    chosen = next((reader for reader in readers if reader.chosen), None)
    if chosen is None:
        yield Finding(probe="reader", status=Status.FAIL, code=seen.problem, data={"slots": len(readers)})
    else:
        interface, told_by = chosen.slot.known
        facts: dict[str, Datum] = {"name": chosen.name, "interface": interface.name.lower(), "known_by": told_by.value}
        yield Finding(probe="reader", status=Status.OK, data=facts)
    for reader in readers:
        data: dict[str, Datum] = {
            "name": reader.name,
            "interface": reader.slot.interface.name.lower(),
            "used": reader.usable,
            "card": reader.slot.card,
            "extended": extended_ability(reader.name, reader.properties.max_apdu_data),
            "firmware": reader.firmware,
        }
        yield Finding(probe="slot", status=Status.OK, data=data)
        for quirk in quirks_of(reader.name) if reader.usable else ():
            # The modules cannot be in the way of a reader that pcscd has, and so for a driver that knows it.
            if quirk.code not in (KERNEL_MODULE, NEW_DRIVER) and quirk.applies(reader.firmware):
                yield quirk_finding(reader.name, quirk)
    yield from silent_readers(machine, {reader.properties.usb for reader in readers}, [r.name for r in readers])
    if chosen is not None:
        yield from _look_at_card(slot.connect, seen.card)


def extended_ability(name: str, told: int | None) -> str:
    """ "short", "unknown", or the most bytes of data in one APDU, by what the driver tells and the table knows."""
    cap = max_extended(name)
    if told == 0 or cap == 0:
        return "short"
    if told is None:
        return "unknown" if cap is None else f"<={cap}"
    return str(told if cap is None else min(told, cap))


def quirk_finding(name: str, quirk: Quirk) -> Finding:
    """A quirk as a finding: a warning where somebody has to do something."""
    status = Status.WARN if quirk.needs_hand else Status.NOTE
    data: dict[str, Datum] = {"name": name, "source": quirk.source, "confidence": quirk.confidence.value}
    return Finding(probe="quirk", status=status, code=quirk.code, data=data)


def silent_readers(machine: Machine, answering: set[tuple[int, int] | None], names: list[str]) -> Iterator[Finding]:
    """Readers on the USB bus that pcscd has no slot for: by the ids their drivers tell, else by their names."""
    for device in machine.usb_readers():
        if (device.vendor, device.product) in answering or any(device.model.is_called(name) for name in names):
            continue
        data: dict[str, Datum] = {"usb": device.ids, "model": device.model.name, "drivers": _drivers(machine)}
        yield Finding(probe="usb", status=Status.WARN, code=_why_silent(machine, device), data=data)


def _why_silent(machine: Machine, device: UsbReader) -> str:
    codes = {quirk.code for quirk in device.model.quirks}
    if KERNEL_MODULE in codes and (machine.modules_in_the_way() or device.bound):
        return KERNEL_MODULE
    drivers = machine.drivers()
    if not drivers:
        return "doctor.no_driver"
    if NEW_DRIVER in codes and not any(version_of(drivers.get(n, "0")) >= version_of(v) for n, v in NEW_ENOUGH.items()):
        return NEW_DRIVER
    return "doctor.reader_silent"


def look_at_kernel(machine: Machine) -> Iterator[Finding]:
    """Kernel modules that take readers from pcscd."""
    devices = machine.usb_readers()
    held = sorted({driver for device in devices for driver in device.bound if driver.startswith("pn533")})
    modules = machine.modules_in_the_way()
    wants = any(quirk.code == KERNEL_MODULE for device in devices for quirk in device.model.quirks)
    data: dict[str, Datum] = {"modules": " ".join(modules) or None, "usb_readers": len(devices)}
    if held or "pn533_usb" in modules or (modules and wants):
        yield Finding(probe="kernel", status=Status.WARN, code=KERNEL_MODULE, data=data)
    else:
        yield Finding(probe="kernel", status=Status.OK, data=data)


def look_at_software(machine: Machine) -> Iterator[Finding]:
    """pcscd, the drivers and polkit as they are installed."""
    pcscd, rule = installed_pcscd(), machine.has_polkit_rule()
    data: dict[str, Datum] = {
        "pcscd": None if pcscd is None else pcscd.version,
        "drivers": _drivers(machine),
        "polkit": None if pcscd is None else pcscd.polkit,
        "polkit_rule": rule,
    }
    if pcscd is not None and pcscd.polkit and rule is False and machine.runs_as_service():
        yield Finding(probe="software", status=Status.WARN, code="doctor.no_polkit_rule", data=data)
    else:
        yield Finding(probe="software", status=Status.OK, data=data)


def _drivers(machine: Machine) -> str | None:
    return " ".join(f"{name} {version}" for name, version in machine.drivers().items()) or None


def _look_at_card(connect: Callable[[], AbstractContextManager[Transport]], present: bool) -> Iterator[Finding]:
    if not present:
        yield Finding(probe="card", status=Status.OK, data={"present": False})
        return
    try:
        with connect() as card:
            protocol = _access_protocol(card)
    except TiepDonError as error:
        yield Finding(probe="card", status=Status.WARN, code=error.code, data=error.data)
    else:
        yield Finding(probe="card", status=Status.OK, data={"present": True, "protocol": protocol})


def _access_protocol(card: Transport) -> str:
    """How this card is opened, by what it says without a key. Raises NotAnIdCard, UnsupportedAccess."""
    from reader.chip import access, apdu, files, pace, plan, security_infos
    from reader.chip.channel import Meter, PlainChannel
    from reader.errors import NotAnIdCard

    plain = PlainChannel(card, Meter(time.monotonic, time.monotonic() + CARD_SECONDS), extended=False)
    try:
        content = files.FileReader(plain, plan.PLAIN).read(files.CARD_ACCESS)
    except files.NotReadable:
        # Older cards have no such file: BAC opens them, if the application is there at all.
        selected = plain.send(apdu.select_applet(access.APPLET))
        if selected.sw != apdu.OK:
            raise NotAnIdCard(sw=f"{selected.sw:04X}") from None
        return access.BAC
    return pace.choose(security_infos.parse(content, files.CARD_ACCESS.name)).name
