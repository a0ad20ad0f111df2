"""What `tiepdon doctor` says of card readers: quirks and their cure, on made-up machines and the real pcscd."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.settings import load
from reader.chip.readers import quirks_of
from tests.support.pcsc import PcscForTests, card_present
from tests.support.plug import UsbReaders, name_of, usb_readers
from tests.support.waiting import wait_until
from tiepdon.checks.devices import extended_ability, look_at_kernel, look_at_readers, look_at_software, silent_readers
from tiepdon.checks.finding import Finding, Status
from tiepdon.checks.machine import Machine, Pcscd, installed_pcscd, parse_pcscd

ACR122U, ACR1252, ACR1552, HUB = "072f:2200", "072f:223b", "072f:2303", "1d6b:0002"
KERNEL_MODULE = "reader.quirk.kernel_module"
PICC = "ACR1252 Dual Reader PICC"


class MadeUp:
    """A machine made of files."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.machine = Machine(root)

    def plug(self, ids: str, held_by: str | None = None, firmware: str = "0207") -> None:
        """A USB device, its interface perhaps held by a kernel driver."""
        bus = self.root / "sys/bus/usb/devices"
        name = f"1-{len(list(bus.glob('*'))) + 1}"
        device, interface = bus / name, bus / f"{name}:1.0"
        device.mkdir(parents=True)
        interface.mkdir()
        for fact, value in zip(("idVendor", "idProduct", "bcdDevice"), (*ids.split(":"), firmware), strict=True):
            (device / fact).write_text(f"{value}\n")
        if held_by is not None:
            driver = self.root / "sys/bus/usb/drivers" / held_by
            driver.mkdir(parents=True, exist_ok=True)
            (interface / "driver").symlink_to(driver)

    def load(self, *modules: str) -> None:
        """Kernel modules."""
        (self.root / "proc").mkdir()
        lines = [f"{module} 24576 0 - Live 0x0000000000000000\n" for module in ("ext4", *modules)]
        (self.root / "proc/modules").write_text("".join(lines))

    def install(self, bundle: str, version: str) -> None:
        """A driver."""
        self.write(
            f"usr/lib/pcsc/drivers/{bundle}/Contents/Info.plist",
            f"<key>CFBundleShortVersionString</key>\n\t<string>{version}</string>",
        )

    def write(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def silent(self, *names: str) -> list[str | None]:
        """The codes of what is on the bus and not behind pcscd, which has these readers."""
        return [finding.code for finding in silent_readers(self.machine, set(), list(names))]


@pytest.fixture
def made_up(tmp_path: Path) -> MadeUp:
    return MadeUp(tmp_path)


def only(findings: Iterator[Finding]) -> Finding:
    (finding,) = findings
    return finding


def test_a_machine_without_any_of_it_is_no_trouble(made_up: MadeUp) -> None:
    assert only(look_at_kernel(made_up.machine)).status is Status.OK
    assert only(look_at_software(made_up.machine)).status is Status.OK
    assert made_up.silent() == []


def test_kernel_modules_that_take_the_reader_are_told_in_the_order_to_unload_them(made_up: MadeUp) -> None:
    made_up.plug(HUB)
    made_up.plug(ACR122U, held_by="pn533_usb")
    made_up.load("nfc", "pn533", "pn533_usb")
    told = only(look_at_kernel(made_up.machine))
    assert (told.status, told.code) == (Status.WARN, KERNEL_MODULE)
    assert told.data == {"modules": "pn533_usb pn533 nfc", "usb_readers": 1}
    assert made_up.silent() == [KERNEL_MODULE]


def test_kernel_modules_that_take_no_reader_are_left_alone(made_up: MadeUp) -> None:
    made_up.plug(ACR1252)
    made_up.load("nfc")
    assert only(look_at_kernel(made_up.machine)).status is Status.OK


@pytest.mark.parametrize(
    ("ids", "drivers", "code"),
    [
        (ACR1252, {}, "doctor.no_driver"),
        (ACR1252, {"ifd-ccid.bundle": "1.5.2"}, "doctor.reader_silent"),
        (ACR122U, {"ifd-ccid.bundle": "1.5.2"}, "doctor.reader_silent"),
        (ACR1552, {"ifd-ccid.bundle": "1.5.2", "ifd-acsccid.bundle": "1.1.8"}, "reader.quirk.new_driver"),
        (ACR1552, {"ifd-ccid.bundle": "1.5.2", "ifd-acsccid.bundle": "1.1.10"}, "doctor.reader_silent"),
        (ACR1552, {"ifd-ccid.bundle": "1.6.2"}, "doctor.reader_silent"),
    ],
)
def test_a_reader_on_the_bus_that_pcscd_does_not_have_is_told_with_its_likely_cause(
    made_up: MadeUp, ids: str, drivers: dict[str, str], code: str
) -> None:
    made_up.plug(ids)
    for bundle, version in drivers.items():
        made_up.install(bundle, version)
    assert made_up.silent("Virtual PCD 00 00") == [code]


def test_a_reader_that_pcscd_has_is_not_silent(made_up: MadeUp) -> None:
    made_up.plug(ACR1252)
    assert made_up.silent(name_of(PICC)) == []
    assert list(silent_readers(made_up.machine, {(0x072F, 0x223B)}, ["called otherwise"])) == []


def test_firmware_and_versions_are_read_as_they_stand(made_up: MadeUp) -> None:
    made_up.plug(ACR1252, firmware="0119")
    made_up.install("ifd-ccid.bundle", "1.5.2")
    made_up.write("usr/local/lib/pcsc/drivers/ifd-acsccid.bundle/Contents/Info.plist", "not what was expected")
    assert [device.firmware for device in made_up.machine.usb_readers()] == ["1.19"]
    assert made_up.machine.drivers() == {"libccid": "1.5.2", "acsccid": "?"}


@pytest.mark.parametrize("firmware", ["", "01", "zzzz"])
def test_a_device_that_tells_nonsense_is_still_listed(made_up: MadeUp, firmware: str) -> None:
    made_up.plug(ACR1252, firmware=firmware)
    made_up.plug("nonsense:ids")
    assert [device.firmware for device in made_up.machine.usb_readers()] == [None]


def test_a_polkit_rule_is_found_where_it_may_lie(made_up: MadeUp) -> None:
    assert made_up.machine.has_polkit_rule() is False
    made_up.write("etc/polkit-1/rules.d/10-other.rules", "// org.freedesktop.login1")
    assert made_up.machine.has_polkit_rule() is False
    made_up.write("usr/share/polkit-1/rules.d/50-tiepdon.rules", 'action.id == "org.debian.pcsc-lite.access_pcsc"')
    assert made_up.machine.has_polkit_rule() is True


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_whether_there_is_a_rule_is_open_to_who_may_not_look(made_up: MadeUp) -> None:
    made_up.write("etc/polkit-1/rules.d/10-other.rules", "")
    (made_up.root / "etc/polkit-1/rules.d").chmod(0o700)
    os.seteuid(65534)
    try:
        assert made_up.machine.has_polkit_rule() is None
    finally:
        os.seteuid(0)


@pytest.mark.parametrize(
    ("told", "pcscd"),
    [
        ("pcsc-lite version 1.9.9.\nEnabled features: Linux libsystemd serial usb libudev\n", Pcscd("1.9.9", False)),
        ("pcsc-lite version 2.3.3\nEnabled features: USB serial libudev polkit systemd\n", Pcscd("2.3.3", True)),
        ("something else", None),
    ],
)
def test_pcscd_tells_version_and_whether_it_asks_polkit(told: str, pcscd: Pcscd | None) -> None:
    assert parse_pcscd(told) == pcscd


def test_the_installed_pcscd_is_understood() -> None:
    assert installed_pcscd() is not None


@pytest.mark.parametrize(
    ("name", "told", "ability"),
    [
        ("Virtual PCD 00 00", None, "unknown"),
        ("Virtual PCD 00 00", 0x10000, "65536"),
        ("Virtual PCD 00 00", 0, "short"),
        ("ACS ACR122U 00 00", 0x10000, "short"),
        (name_of(PICC), 0x10000, "4096"),
        (name_of(PICC), None, "<=4096"),
    ],
)
def test_extended_length_is_what_the_driver_tells_and_the_table_allows(
    name: str, told: int | None, ability: str
) -> None:
    assert extended_ability(name, told) == ability


@pytest.fixture
def usb(pcsc_world: PcscForTests) -> Iterator[UsbReaders]:
    with usb_readers(pcsc_world.daemon) as readers:
        yield readers


@pytest.mark.pcsc
def test_every_reader_is_told_with_its_slot_and_its_quirks(usb: UsbReaders, made_up: MadeUp) -> None:
    usb.plug(0, PICC)
    usb.plug(1, "ACR1252 Dual Reader SAM")
    wait_until(lambda: card_present(name_of("ACR1252 Dual Reader SAM", 1)) is False, what="both readers are there")
    made_up.plug(ACR1252)
    made_up.plug(ACR122U)
    findings = list(look_at_readers(load(None), made_up.machine))
    told = [(finding.probe, finding.status, finding.code) for finding in findings]
    quirk = quirks_of(name_of(PICC))[0]
    assert told == [
        ("pcscd", Status.OK, None),
        ("reader", Status.OK, None),
        ("slot", Status.OK, None),
        ("slot", Status.OK, None),
        ("slot", Status.OK, None),
        ("quirk", Status.NOTE, quirk.code),
        ("slot", Status.OK, None),
        ("usb", Status.WARN, "doctor.no_driver"),
        ("card", Status.OK, None),
    ]
    assert findings[1].data == {"name": name_of(PICC), "interface": "contactless", "known_by": "name"}
    assert findings[4].data == {
        "name": name_of(PICC),
        "interface": "contactless",
        "used": True,
        "card": False,
        "extended": "short",
        "firmware": "2.06",
    }
    assert findings[5].data["source"] == quirk.source
    assert (findings[6].data["interface"], findings[6].data["used"]) == ("sam", False)
    assert findings[7].data["usb"] == ACR122U
