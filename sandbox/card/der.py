"""Build DER and BER-TLV, and take apart the flat TLV lists of command data. Knows encodings, no meanings.

The reader parses with a library; building by hand here keeps the two sides independent.
"""

from collections.abc import Iterable
from datetime import UTC, datetime


class BadEncoding(ValueError):
    """Command data is not a list of well-formed data objects."""


class CutShort(BadEncoding):
    """The last data object says that it is longer than what is there."""


def length(count: int) -> bytes:
    """A definite length in its shortest form (ITU-T X.690, 10.1)."""
    if count < 0x80:
        return bytes([count])
    octets = count.to_bytes((count.bit_length() + 7) // 8, "big")
    return bytes([0x80 | len(octets)]) + octets


def tlv(tag: int, value: bytes) -> bytes:
    """One data object; `tag` is the tag's bytes read as a number (0x7F49)."""
    return tag.to_bytes((tag.bit_length() + 7) // 8 or 1, "big") + length(len(value)) + value


def split(data: bytes) -> list[tuple[int, bytes]]:
    """The data objects of one level, in order. Raises BadEncoding when anything is left over or overruns."""
    objects = []
    position = 0
    while position < len(data):
        tag, position = _tag(data, position)
        count, position = _length(data, position)
        if position + count > len(data):
            raise CutShort("value overruns its container")
        objects.append((tag, data[position : position + count]))
        position += count
    return objects


def _tag(data: bytes, position: int) -> tuple[int, int]:
    tag = data[position]
    position += 1
    if tag & 0x1F == 0x1F:
        if position >= len(data) or data[position] & 0x80:
            raise BadEncoding("tag longer than two bytes")
        tag = tag << 8 | data[position]
        position += 1
    return tag, position


def _length(data: bytes, position: int) -> tuple[int, int]:
    if position >= len(data):
        raise BadEncoding("length missing")
    first = data[position]
    position += 1
    if first < 0x80:
        return first, position
    octets = first & 0x7F
    if not 1 <= octets <= 3 or position + octets > len(data):
        raise BadEncoding("length of unusable form")
    return int.from_bytes(data[position : position + octets], "big"), position + octets


def sequence(*items: bytes) -> bytes:
    """SEQUENCE of already encoded items."""
    return tlv(0x30, b"".join(items))


def set_of(items: Iterable[bytes]) -> bytes:
    """SET OF, its items in DER order."""
    return tlv(0x31, b"".join(sorted(items)))


def integer(number: int) -> bytes:
    """INTEGER; negative numbers do not occur here."""
    return tlv(0x02, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def octets(value: bytes) -> bytes:
    """OCTET STRING."""
    return tlv(0x04, value)


def bits(value: bytes, unused: int = 0) -> bytes:
    """BIT STRING; `unused` counts the last byte's bits that mean nothing."""
    return tlv(0x03, bytes([unused]) + value)


def utf8(text: str) -> bytes:
    """UTF8String."""
    return tlv(0x0C, text.encode())


def printable(text: str) -> bytes:
    """PrintableString."""
    return tlv(0x13, text.encode("ascii"))


def boolean_true() -> bytes:
    """BOOLEAN TRUE."""
    return b"\x01\x01\xff"


def oid(dotted: str) -> bytes:
    """OBJECT IDENTIFIER from its dotted form."""
    first, second, *rest = (int(arc) for arc in dotted.split("."))
    body = b"".join(_base128(arc) for arc in [first * 40 + second, *rest])
    return tlv(0x06, body)


def time(moment: datetime) -> bytes:
    """UTCTime until 2049, GeneralizedTime from 2050 (RFC 5280, 4.1.2.5)."""
    utc = moment.astimezone(UTC)
    if utc.year < 2050:
        return tlv(0x17, utc.strftime("%y%m%d%H%M%SZ").encode())
    return tlv(0x18, utc.strftime("%Y%m%d%H%M%SZ").encode())


def explicit(number: int, content: bytes) -> bytes:
    """Context-specific constructed tag around an encoded item."""
    return tlv(0xA0 | number, content)


def _base128(number: int) -> bytes:
    digits = [number & 0x7F]
    while number := number >> 7:
        digits.append(number & 0x7F | 0x80)
    return bytes(reversed(digits))
