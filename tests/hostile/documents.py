"""Documents that nobody of this project issues: made here from ICAO Doc 9303 with an encoder of these few lines, to be
put on the sandbox card in place of its own files.
"""

from datetime import UTC, datetime

from sandbox.card import image, security_files
from sandbox.card.image import CardImage
from sandbox.card.trust import Authority
from tests.reader.chip.cards import with_file

WEIGHTS = (7, 3, 1)
GENERIC_MAPPING = bytes.fromhex("04007F00070202040202")  # id-PACE-ECDH-GM-AES-CBC-CMAC-128


def der(tag: int, *values: bytes) -> bytes:
    """One data object around the given ones."""
    value = b"".join(values)
    size = len(value)
    length = bytes([size]) if size < 128 else bytes([0x81, size]) if size < 256 else b"\x82" + size.to_bytes(2, "big")
    return tag.to_bytes(1 if tag < 256 else 2, "big") + length + value


def pace_info(oid: bytes = GENERIC_MAPPING, version: int = 2, parameters: int = 13) -> bytes:
    """PACEInfo (Doc 9303-11, 9.2.1)."""
    return der(0x30, der(0x06, oid), der(0x02, bytes([version])), der(0x02, bytes([parameters])))


def field(number: int, text: str, kind: int = 0x0C) -> bytes:
    """A field of DG13 (card.md 5.1)."""
    return der(0x30, der(0x02, bytes([number])), der(kind, text.encode()))


def dg13(*fields: bytes) -> bytes:
    """DG13 around fields."""
    return der(0x6D, der(0x30, der(0x02, b"\x01"), der(0x06, bytes.fromhex("28D316010008")), der(0x31, *fields)))


def digit(text: str) -> str:
    """The check digit of the machine-readable zone (Doc 9303-3, 4.9)."""
    value = {"<": 0, **{sign: int(sign, 36) for sign in "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"}}
    return str(sum(value[sign] * WEIGHTS[at % 3] for at, sign in enumerate(text)) % 10)


def identity_card(state: str, number: str, optional: str) -> bytes:
    """DG1 of the size TD1 (Doc 9303-5, 4.2.2)."""
    first = f"ID{state}{number:<9}".replace(" ", "<")
    first += digit(first[5:14]) + optional.ljust(15, "<")
    dates = "030214" + digit("030214") + "F" + "280214" + digit("280214")
    second = dates + state + "<" * 11
    second += digit(first[5:30] + dates[:7] + dates[8:15] + second[18:29])
    return der(0x61, der(0x5F1F, (first + second + "MAU<<ANNA".ljust(30, "<")).encode()))


def passport(state: str, number: str, optional: str) -> bytes:
    """DG1 of the size TD3 (Doc 9303-4, 4.2.2)."""
    optional = optional.ljust(14, "<")
    second = number.ljust(9, "<") + digit(number.ljust(9, "<")) + state
    second += "030214" + digit("030214") + "F" + "280214" + digit("280214") + optional + digit(optional)
    second += digit(second[:10] + second[13:20] + second[21:43])
    return der(0x61, der(0x5F1F, (f"P<{state}MAU<<ANNA".ljust(44, "<") + second).encode()))


def signed(card: CardImage, authority: Authority) -> CardImage:
    """The card with an EF.SOD over the files that it has."""
    groups = {file & 0xFF: data for file, data in card.files.items() if 0x0101 <= file <= 0x0110}
    return with_file(card, image.SOD, security_files.sod(groups, authority, datetime(2022, 1, 1, tzinfo=UTC)))
