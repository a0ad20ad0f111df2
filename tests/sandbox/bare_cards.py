"""Cards for the tests of the chip alone: a few files with nothing signed, and the secrets that a test wants."""

from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.card import image
from sandbox.card.chip import Chip
from sandbox.card.image import Access, CardImage, Pace, RsaKey
from sandbox.card.quirks import Quirks
from tests.sandbox.terminals import AnyTerminal, can

CAN = "123456"
MRZ = "L898902C<369080619406236"  # 9303-11, D.2
COM = bytes.fromhex("60145F0104303130365F36063034303030305C026175")  # 9303-11, D.4
BIG = b"\x75\x82\x0f\xa0" + bytes(index * 7 & 0xFF for index in range(4000))
FILES = {image.COM: COM, image.SOD: b"\x77\x03SOD", image.DG1: b"\x61\x03one", image.DG2: BIG, image.DG3: b"\x63\x00"}
MASTER_FILES = {image.CARD_ACCESS: b"\x31\x05infos", image.CARD_SECURITY: b"\x30\x03sig"}


def card(*offers: Pace, **changes: Any) -> CardImage:
    """A card that offers these (by default what Vietnam's does); `changes` are fields of CardImage."""
    access = Access(pace=offers) if offers else Access()
    usual = {"files": FILES, "master_files": MASTER_FILES, "can": CAN, "mrz_information": MRZ, "access": access}
    return CardImage(**{**usual, **changes})


def opened(made: CardImage, quirks: Quirks | None = None, **arguments: Any) -> AnyTerminal:
    """A terminal with the card's application selected under secure messaging."""
    terminal = AnyTerminal(Chip(made, quirks or Quirks(), **arguments).transmit)
    offer = made.access.pace[0]
    terminal.pace(can(CAN), offer.mapping, offer.cipher, offer.parameters, tell_parameters=True)
    terminal.select_applet()
    return terminal


def by_bac(made: CardImage, quirks: Quirks | None = None, **arguments: Any) -> AnyTerminal:
    """The same by basic access control: 3DES."""
    terminal = AnyTerminal(Chip(made, quirks or Quirks(), **arguments).transmit)
    terminal.plain("00A4040C07A0000002471001")
    terminal.bac(MRZ)
    return terminal


def scripted(*values: bytes | tuple[int, int]) -> Callable[[int], bytes]:
    """Randomness that gives these: bytes as they are, or (private key, order) as the card draws its private keys."""
    left = list(values)

    def random(count: int) -> bytes:
        value = left.pop(0)
        if isinstance(value, tuple):
            number, order = value  # an example's key may exceed the order
            return (number % order - 1).to_bytes(count, "big")
        assert len(value) == count
        return value

    return random


def rsa_key(bits: int, exponent: int = 65537, **fields: Any) -> tuple[RsaKey, int]:
    """A fresh key as a card holds it, and its modulus."""
    numbers = rsa.generate_private_key(exponent, bits).private_numbers()
    size = bits // 16
    key = RsaKey(p=numbers.p.to_bytes(size, "big"), q=numbers.q.to_bytes(size, "big"), exponent=exponent, **fields)
    return key, numbers.p * numbers.q
