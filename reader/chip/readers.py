"""What is known of the readers people buy: their USB ids, what they cannot do, what has to be done about it.

Facts about hardware that nobody can derive, each with its source and how far it is to be trusted. Cause and cure in
words stand in `ui/`, under the quirk's code. Must not import any device library.
"""

import re
from dataclasses import dataclass, field
from enum import StrEnum


class Confidence(StrEnum):
    """How far a fact is to be trusted."""

    HIGH = "high"  # two sources that do not depend on each other, or the driver's own source code
    MEDIUM = "medium"  # one good source
    LOW = "low"  # one report, or from memory


@dataclass(frozen=True)
class Quirk:
    """One fact. `needs_hand`: somebody has to do something; otherwise this product already works around it.

    `fixed_in`: firmware (bcdDevice as "major.minor") from which on it is no longer true.
    """

    code: str
    what: str
    source: str
    confidence: Confidence
    needs_hand: bool = False
    fixed_in: str | None = None

    def applies(self, firmware: str | None) -> bool:
        """Is it true of a reader with this firmware? (None: not known, so it may be)."""
        return self.fixed_in is None or firmware is None or version_of(firmware) < version_of(self.fixed_in)


@dataclass(frozen=True)
class Model:
    """One reader. `name`: found in its PC/SC name; `usb`: vendor and product ids.

    `max_extended`: most data bytes worth asking for in one APDU, 0 for short only, None without a known limit.
    `silence`: the pseudo-APDU that turns its buzzer off until it is unplugged.
    """

    name: str
    pattern: str
    usb: frozenset[tuple[int, int]] = field(default_factory=frozenset)
    contactless_only: bool = False
    max_extended: int | None = None
    silence: bytes | None = None
    quirks: tuple[Quirk, ...] = ()

    def is_called(self, reader_name: str) -> bool:
        """Is this the model of a reader of that PC/SC name?"""
        return re.search(self.pattern, reader_name, re.IGNORECASE) is not None


KERNEL_MODULES = ("pn533_usb", "pn533", "nfc")  # in the order in which they can be unloaded

_KERNEL_MODULE = Quirk(
    "reader.quirk.kernel_module",
    "the kernel's pn533_usb claims the device before pcscd can",
    "Linux drivers/nfc/pn533/usb.c (device table); nfc-tools/libnfc#426 #402 #338 #475 #535; coinkite-tap-proto#37",
    Confidence.HIGH,
    needs_hand=True,
)


def _short_only(what: str, source: str, confidence: Confidence) -> Quirk:
    return Quirk("reader.quirk.short_only", what, source, confidence)


_MODELS = (
    Model(
        "ACS ACR122U",
        r"ACR122|touchatag",
        usb=frozenset({(0x072F, 0x2200)}),
        contactless_only=True,
        max_extended=0,
        silence=bytes.fromhex("FF00520000"),
        quirks=(
            _KERNEL_MODULE,
            _short_only(
                "descriptor: short APDU level exchange, messages of 271 bytes; a PN532 carries at most 262",
                "libccid readers/ACR122U_PICC.txt; chip.md 3.4",
                Confidence.HIGH,
            ),
            Quirk(
                "reader.quirk.old_firmware",
                "a command that expects 0x7B bytes is answered 6300",
                "libccid src/ccid_usb.c (Bogus_firmwares) and its change log",
                Confidence.HIGH,
                needs_hand=True,
                fixed_in="2.06",
            ),
            Quirk(
                "reader.quirk.hangs",
                "stops answering until pcscd is restarted or the reader replugged",
                "nfc-tools/libnfc#535; LudovicRousseau/PCSC#93 #206",
                Confidence.MEDIUM,
            ),
            Quirk(
                "reader.quirk.buzzer",
                "beeps at every card; FF 00 52 00 00 turns that off until it is unplugged",
                "ACR122U API 2.04, 6.7, from memory: try it on your reader",
                Confidence.LOW,
            ),
        ),
    ),
    Model("ACS ACR1251", r"ACR1251", usb=frozenset({(0x072F, 0x221A)})),
    Model(
        "ACS ACR1252",
        r"ACR1252",
        usb=frozenset({(0x072F, 0x223B), (0x072F, 0x223E), (0x072F, 0x2259)}),
        max_extended=4096,
        quirks=(
            Quirk(
                "reader.quirk.long_apdu",
                "an APDU of 32 kB fails (CCID error C3, 80100016); messages of 522 bytes are chained",
                "LudovicRousseau/PCSC#54; libccid readers/ACS_ACR1252_Dual_Reader.txt",
                Confidence.MEDIUM,
            ),
        ),
    ),
    Model("ACS ACR1255U-J1", r"ACR1255", usb=frozenset({(0x072F, 0x223F)}), contactless_only=True),
    Model(
        # The name that ACS's own driver gives; libccid calls the same device "ACS ACR1281U".
        "ACS ACR1281 (acsccid)",
        r"ACR1281 1S",
        max_extended=0,
        quirks=(
            Quirk(
                "reader.quirk.vendor_driver_short",
                "with acsccid an APDU of 264 bytes is never sent (80100016)",
                "acshk/acsccid#42, open in February 2026",
                Confidence.MEDIUM,
                needs_hand=True,
            ),
        ),
    ),
    Model("ACS ACR1281U", r"ACR1281", usb=frozenset({(0x072F, 0x2224)})),
    Model(
        "ACS ACR1552U",
        r"ACR1552",
        usb=frozenset({(0x072F, 0x2303), (0x072F, 0x2308)}),
        quirks=(
            Quirk(
                "reader.quirk.new_driver",
                "known to libccid from 1.5.3, to acsccid from 1.1.10; Debian 12 has 1.5.2 and 1.1.8",
                "libccid change log; card.md 6",
                Confidence.HIGH,
                needs_hand=True,
            ),
        ),
    ),
    Model(
        "ACS ACR1581",
        r"ACR1581",
        usb=frozenset({(0x072F, 0x2301)}),
        quirks=(
            Quirk(
                "reader.quirk.new_driver",
                "known to libccid from 1.5.3; Debian 12 has 1.5.2",
                "libccid change log",
                Confidence.HIGH,
                needs_hand=True,
            ),
        ),
    ),
    Model(
        "Identiv uTrust 3700 F",
        r"uTrust 370[01]|(?<!\d)370[01] ?F",
        usb=frozenset({(0x04E6, 0x5790), (0x04E6, 0x5791)}),
        contactless_only=True,
        quirks=(
            Quirk(
                "reader.quirk.power_up",
                "sometimes does not power a card up; needs a longer detection time too (libccid after 1.4.31)",
                "LudovicRousseau/PCSC#102 #94 #66; libccid change log",
                Confidence.HIGH,
                needs_hand=True,
                fixed_in="1.19",
            ),
        ),
    ),
    Model(
        "Identiv uTrust 3720 F",
        r"uTrust 3720|(?<!\d)3720 ?F",
        usb=frozenset({(0x04E6, 0x5612)}),
        contactless_only=True,
        max_extended=0,
        quirks=(
            _short_only(
                "descriptor: short APDU level exchange, messages of 263 bytes",
                "libccid readers/Identiv_uTrust_3720_Contactless_Reader.txt",
                Confidence.HIGH,
            ),
        ),
    ),
    Model("Identiv uTrust 3721 F", r"uTrust 3721", usb=frozenset({(0x04E6, 0x5613)}), contactless_only=True),
    Model("Identiv CLOUD / uTrust 4700 F", r"CLOUD 47|uTrust 47", usb=frozenset({(0x04E6, 0x5720), (0x04E6, 0x5724)})),
    Model("HID OMNIKEY 5022", r"OMNIKEY 5022", usb=frozenset({(0x076B, 0x5022)}), contactless_only=True),
    Model(
        "HID OMNIKEY 5023",
        r"OMNIKEY 5023",
        usb=frozenset({(0x076B, 0x5023)}),
        contactless_only=True,
        quirks=(
            Quirk(
                "reader.quirk.usb_timeouts",
                "write time-outs on USB",
                "LudovicRousseau/CCID#101",
                Confidence.MEDIUM,
                needs_hand=True,
            ),
        ),
    ),
    Model("HID OMNIKEY 5025-CL", r"(OMNIKEY )?5025-?CL", usb=frozenset({(0x076B, 0x502A)}), contactless_only=True),
    Model(
        "HID OMNIKEY 5x25 CL",
        r"OMNIKEY 5x25",
        usb=frozenset({(0x076B, 0x5124)}),
        contactless_only=True,
        quirks=(
            Quirk(
                "reader.quirk.not_ccid",
                "no CCID device, and the maker's driver does not open it",
                "LudovicRousseau/CCID#64",
                Confidence.MEDIUM,
                needs_hand=True,
            ),
        ),
    ),
    Model("HID OMNIKEY 5122", r"OMNIKEY 5122", usb=frozenset({(0x076B, 0x5412), (0x076B, 0x5432)})),
    Model("HID OMNIKEY 5422", r"OMNIKEY 5422", usb=frozenset({(0x076B, 0x5422)})),
    Model(
        "HID OMNIKEY 5427 CK",
        r"(OMNIKEY )?5427 ?CK",
        usb=frozenset({(0x076B, 0x5427)}),
        contactless_only=True,
        quirks=(
            Quirk(
                "reader.quirk.vendor_driver",
                "the maker's driver takes the reader and does not start it",
                "LudovicRousseau/PCSC#82",
                Confidence.MEDIUM,
                needs_hand=True,
            ),
        ),
    ),
    Model(
        "SCM SCL3711",
        r"SCL3711",
        usb=frozenset({(0x04E6, 0x5591)}),
        contactless_only=True,
        max_extended=0,
        quirks=(
            _KERNEL_MODULE,
            _short_only("cannot carry long messages", "LudovicRousseau/PCSC#106", Confidence.MEDIUM),
            Quirk(
                "reader.quirk.not_ccid",
                "needs the maker's driver, which is old and not in Debian",
                "LudovicRousseau/PCSC#106",
                Confidence.MEDIUM,
                needs_hand=True,
            ),
        ),
    ),
    Model("Feitian R502", r"R502", usb=frozenset({(0x096E, 0x060D), (0x096E, 0x0608)})),
    Model("DUALi DE-620", r"DE-620|DE-ABCM6", usb=frozenset({(0x1DB2, 0x0801), (0x1DB2, 0x080C)})),
    Model(
        "Sony PaSoRi",
        r"pasori|felica port",
        usb=frozenset({(0x054C, 0x02E1)}),
        contactless_only=True,
        quirks=(
            _KERNEL_MODULE,
            Quirk(
                "reader.quirk.not_ccid",
                "reaches this card only through a transparent session of the maker's Windows driver",
                "card.md 6",
                Confidence.MEDIUM,
                needs_hand=True,
            ),
        ),
    ),
    Model(
        "Hanel HN-212",
        r"HN-?212",
        quirks=(
            Quirk(
                "reader.quirk.not_ccid",
                "a box with its own Windows program; a program on Linux cannot drive it",
                "card.md 6",
                Confidence.MEDIUM,
                needs_hand=True,
            ),
        ),
    ),
)


def model_of(reader_name: str) -> Model | None:
    """The model of a reader, by the name that pcscd shows; None when this table does not know it."""
    return next((model for model in _MODELS if model.is_called(reader_name)), None)


def quirks_of(reader_name: str) -> tuple[Quirk, ...]:
    """What is to be known of a reader, by the name that pcscd shows."""
    model = model_of(reader_name)
    return () if model is None else model.quirks


def known_usb(vendor: int, product: int) -> Model | None:
    """The model of a USB device, by vendor and product id (as in lsusb); None for anything that is no known reader."""
    return next((model for model in _MODELS if (vendor, product) in model.usb), None)


def max_extended(reader_name: str) -> int | None:
    """Most bytes of data in one APDU that are worth trying with this reader.

    0: short APDUs only. None: no limit is known; the driver's word and NotTransmitted decide.
    """
    model = model_of(reader_name)
    return None if model is None else model.max_extended


def all_models() -> tuple[Model, ...]:
    """The table."""
    return _MODELS


def version_of(text: str) -> tuple[int, ...]:
    """A version to compare: "1.19" is after "1.2" here, since both parts are whole numbers."""
    return tuple(int(part) for part in re.findall(r"\d+", text))
