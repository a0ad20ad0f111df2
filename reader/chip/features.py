"""What a driver tells of its reader: the feature list of PC/SC part 10. Pure: the control call comes as an argument.

What it tells is a driver's word: parsed with bounds, and absent where it makes no sense.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

GET_FEATURE_REQUEST = 0x42000000 + 3400  # CM_IOCTL_GET_FEATURE_REQUEST of pcsc-lite (PC/SC part 10, 2.2)
GET_TLV_PROPERTIES = 0x12  # FEATURE_GET_TLV_PROPERTIES (PC/SC part 10, 2.3)
MAX_APDU_DATA_SIZE, ID_VENDOR, ID_PRODUCT = 0x0A, 0x0B, 0x0C  # properties (PC/SC part 10, 2.6.14)

# Sends a control code with data to the driver and gives its answer; None when it refuses.
Control = Callable[[int, bytes], bytes | None]


@dataclass(frozen=True)
class Properties:
    """`max_apdu_data`: most bytes of data in one APDU, 0 for short only. `usb`: vendor and product id."""

    max_apdu_data: int | None = None
    usb: tuple[int, int] | None = None


def ask(control: Control) -> Properties:
    """The properties of a reader; all None where the driver does not tell."""
    told = control(GET_FEATURE_REQUEST, b"")
    code = None if told is None else dict(_values(told)).get(GET_TLV_PROPERTIES)
    if code is None or len(code) != 4:
        return Properties()
    answer = control(int.from_bytes(code, "big"), b"")
    return Properties() if answer is None else parse(answer)


def parse(properties: bytes) -> Properties:
    """Tag, length of one byte, value in little-endian order (PC/SC part 10, 2.6.14)."""
    told = dict(_values(properties))
    size = told.get(MAX_APDU_DATA_SIZE, b"")
    vendor, product = told.get(ID_VENDOR, b""), told.get(ID_PRODUCT, b"")
    return Properties(
        max_apdu_data=int.from_bytes(size, "little") if len(size) == 4 else None,
        usb=(int.from_bytes(vendor, "little"), int.from_bytes(product, "little"))
        if len(vendor) == 2 and len(product) == 2
        else None,
    )


def _values(encoded: bytes) -> Iterator[tuple[int, bytes]]:
    """The elements that are whole; whatever follows a broken one is left out."""
    while len(encoded) >= 2:
        end = 2 + encoded[1]
        if end > len(encoded):
            return
        yield encoded[0], encoded[2:end]
        encoded = encoded[end:]
