"""Before the chip opens: what EF.CardAccess offers, and how the card plays PACE and BAC."""

from collections.abc import Iterator
from functools import partial

from reader.chip.access_keys import AccessKeys
from reader.chip.dh import MODP_2048_256
from reader.curves import BRAINPOOL_P256R1, SECP256R1
from sandbox.card import der, image
from tests.hostile.attack import CAN, Attack
from tests.hostile.chips import Twisted, genuine, honest, mrz_of, with_master_files
from tests.hostile.documents import GENERIC_MAPPING, pace_info

EC_PUBLIC_KEY, PRIME_FIELD = bytes.fromhex("2A8648CE3D0201"), bytes.fromhex("2A8648CE3D0101")
CURVE = BRAINPOOL_P256R1
P = MODP_2048_256.p
WRONG_MRZ = ("M" * 24, "N" * 24, "O" * 24)


def attacks() -> Iterator[Attack]:
    yield from _card_access()
    yield from _pace_keys()
    yield from _pace_steps()
    yield from _basic_access()


def _card_access() -> Iterator[Attack]:
    explicit = der.tlv(0x30, der.tlv(0x06, EC_PUBLIC_KEY) + garbage_curve(60))
    domain = der.tlv(0x30, der.tlv(0x06, GENERIC_MAPPING[:9]) + explicit + der.integer(77))
    strange = der.tlv(0x30, der.tlv(0x06, GENERIC_MAPPING[:9]) + der.tlv(0x30, der.tlv(0x06, b"\x2a") + b"\x05\x00"))
    contents = {
        "60 PACEInfos": pace_info() * 60,
        "60 PACEInfos of all numbers": b"".join(pace_info(parameters=number) for number in range(60)),
        "60 unknown PACEInfos": b"".join(pace_info(parameters=20 + number) for number in range(60)),
        "65 PACEInfos": pace_info() * 65,
        "5 garbage curves and 50 PACEInfos on them": domain * 5 + pace_info(parameters=77) * 50,
        "60 strange domain parameters": strange * 60,
        "a negative parameter number": pace_info(parameters=0x80),
        "no PACEInfo": b"",
        "1,300 empty sequences": b"\x30\x00" * 1300,
        "an object identifier of 3 kB": der.tlv(0x30, der.tlv(0x06, b"\x2a" + b"\xff" * 3000 + b"\1")),
        "sequences nested a thousand deep": b"\x30\x82\x0f\x00" * 950,
        "random bytes": bytes(range(7, 247)),
        "no sequence": der.octets(b"x" * 100),
        "4 kB": pace_info() + bytes(4091),
    }
    for name, content in contents.items():
        yield Attack(
            f"EF.CardAccess holds {name}", partial(with_master_files, {image.CARD_ACCESS: der.tlv(0x31, content)})
        )


def garbage_curve(size: int) -> bytes:
    """Explicit parameters (RFC 3279, 2.3.5) whose prime, of so many bytes, is none, and a base point of zeros."""
    field = der.tlv(0x30, der.tlv(0x06, PRIME_FIELD) + der.tlv(0x02, b"\x7f" + b"\xee" * (size - 1)))
    curve = der.tlv(0x30, der.octets(b"\1" * size) + der.octets(b"\2" * size))
    base, order = der.octets(b"\4" + bytes(2 * size)), der.tlv(0x02, b"\x7f" * size)
    return der.tlv(0x30, der.integer(1) + field + curve + base + order)


def points() -> dict[str, bytes]:
    """Public keys on brainpoolP256r1 that are none, or not good ones."""
    size, base = CURVE.field_size, CURVE.encode(CURVE.g)
    sign = CURVE.g.y & 1
    return {
        "infinity": b"\0",
        "infinity in full length": b"\0" + bytes(2 * size),
        "the point of zeros": b"\4" + bytes(2 * size),
        "not on the curve": base[:-1] + bytes([base[-1] ^ 1]),
        "beyond the field": b"\4" + (CURVE.p + 1).to_bytes(size, "big") + base[1 + size :],
        "all ones": b"\4" + b"\xff" * 2 * size,
        "compressed": bytes([2 + sign]) + base[1 : 1 + size],
        "hybrid": bytes([6 + sign]) + base[1:],
        "of another curve": SECP256R1.encode(SECP256R1.g),
        "one byte too long": base + b"\0",
        "60 kB long": b"\4" + bytes(60_000),
        "empty": b"",
    }


def _pace_keys() -> Iterator[Attack]:
    numbers = {
        "0": bytes(256),
        "1": (1).to_bytes(256, "big"),
        "1 in one byte": b"\1",
        "p - 1": (P - 1).to_bytes(256, "big"),
        "p": P.to_bytes(256, "big"),
        "p + 1": (P + 1).to_bytes(256, "big"),
        "2, outside its subgroup": (2).to_bytes(256, "big"),
        "60 kB long": b"\xff" * 60_000,
        "empty": b"",
    }
    for step, tag in ((2, 0x82), (3, 0x84)):
        for name, point in points().items():
            yield Attack(
                f"the card's key in PACE's answer {step} is {name}",
                partial(honest, pace_replies={step: _dynamic(tag, point)}),
            )
        for name, number in numbers.items():
            yield Attack(
                f"the card's number in PACE's answer {step} is {name}",
                partial(honest, "pace_dh", pace_replies={step: _dynamic(tag, number)}),
            )
        # A genuine point, but not the one whose logarithm the card knows.
        yield Attack(
            f"the card's key in PACE's answer {step} is the base point",
            partial(honest, pace_replies={step: _dynamic(tag, CURVE.encode(CURVE.g))}),
        )
    for kind in ("citizen", "pace_im", "pace_dh", "pace_dh_im", "pace_cam", "pace_parameters_14"):
        yield Attack(f"{kind}: our own keys come back", partial(honest, kind, pace_mirrors_keys=True))


def _pace_steps() -> Iterator[Attack]:
    for size in (1, 8, 15, 16, 17, 24, 31, 32, 33, 48, 255, 4096):
        yield Attack(f"a nonce of {size} zeros", partial(honest, pace_replies={1: _dynamic(0x80, bytes(size))}))
    for size in (1, 7, 8, 9, 255, 60_000):
        yield Attack(f"a token of {size} zeros", partial(honest, pace_replies={4: _dynamic(0x86, bytes(size))}))
    yield Attack("a key where none is due", partial(honest, "pace_im", pace_replies={2: _dynamic(0x82, bytes(65))}))
    for size in (0, 15, 16, 48, 96, 112, 60_000):
        twist = partial(_with_chip_data, bytes(size))
        yield Attack(f"chip authentication data of {size} zeros", partial(Twisted, genuine("pace_cam"), twist))
    for status in (0x6300, 0x63C0, 0x63C1, 0x63CF, 0x6982, 0x6983, 0x6985, 0x6A80):
        yield Attack(
            f"{status:04X} to whatever key",
            partial(Twisted, genuine(), partial(_with_token_refused, status)),
            keys=AccessKeys(can=CAN.can, mrz=WRONG_MRZ),
        )


def _dynamic(tag: int, value: bytes) -> bytes:
    return der.tlv(0x7C, der.tlv(tag, value))


def _is_token(said: bytes) -> bool:
    """Is this the last answer of PACE, told by its first object?"""
    return said[:1] == b"\x7c" and b"\x86\x08" in said[2:6]


def _with_token_refused(status: int, _number: int, said: bytes) -> bytes:
    return status.to_bytes(2, "big") if _is_token(said) else said


def _with_chip_data(data: bytes, _number: int, said: bytes) -> bytes:
    if not _is_token(said):
        return said
    at = said.find(b"\x86\x08")
    return der.tlv(0x7C, said[at : at + 10] + der.tlv(0x8A, data)) + b"\x90\x00"


def _basic_access() -> Iterator[Attack]:
    keys = mrz_of("bac_only")
    for size in (0, 1, 7, 9, 16, 255, 60_000):
        make = partial(honest, "bac_only", challenge=bytes(size))
        yield Attack(f"a challenge of {size} bytes", make, keys=keys)
    answers = {
        "nothing": b"\x90\x00",
        "39 zeros": bytes(39) + b"\x90\x00",
        "40 zeros": bytes(40) + b"\x90\x00",
        "41 zeros": bytes(41) + b"\x90\x00",
        "60 kB": bytes(60_000) + b"\x90\x00",
        "6700 for ever": b"\x67\x00",
        "6C28 for ever": b"\x6c\x28",
        "61FF for ever": b"\x61\xff",
        "63C0": b"\x63\xc0",
        "6300": b"\x63\x00",
        "6988": b"\x69\x88",
        "6D00": b"\x6d\x00",
        "6F00": b"\x6f\x00",
    }
    for name, answer in answers.items():
        yield Attack(f"BAC answered with {name}", partial(_AfterChallenge, answer), keys=keys)


class _AfterChallenge(Twisted):
    """The card of BAC answers EXTERNAL AUTHENTICATE, and what follows, in its own way."""

    def __init__(self, answer: bytes) -> None:
        super().__init__(genuine("bac_only"), lambda _number, said: said)
        self._said = answer
        self._begun = False

    def power_on(self) -> None:
        super().power_on()
        self._begun = False

    def transmit(self, raw: bytes) -> bytes:
        self._begun = self._begun or raw[1] == 0x82
        said = super().transmit(raw)
        return self._said if self._begun else said
