"""Every length that a card tells, told wrong: in its files, inside secure messaging, in its answers to PACE."""

from collections.abc import Callable, Iterator
from functools import partial

from sandbox.card import der, image
from sandbox.card.chip import Chip
from tests.hostile.attack import Attack
from tests.hostile.chips import Seal, Sealer, genuine, holding, honest, mrz_of, with_master_files

FILES = {
    "EF.CardAccess": image.CARD_ACCESS,
    "EF.COM": image.COM,
    "EF.SOD": image.SOD,
    "DG1": image.DG1,
    "DG2": image.DG2,
    "DG13": image.DG13,
    "DG14": image.DG14,
    "DG15": image.DG15,
}
DETAILS = {"DG7": image.DG7, "DG11": image.DG11, "DG12": image.DG12}  # which a passport has
LIES = {
    "4 GB": "84FFFFFFFF",
    "a negative length": "8480000000",
    "16 MB": "83FFFFFF",
    "64 kB and never ends": "82FFFF",
    "nothing": "00",
    "no definite length": "80",
    "a length of 127 bytes": "FF" + "FF" * 127,
}
STATUS = der.tlv(0x99, b"\x90\x00")


def attacks() -> Iterator[Attack]:
    yield from _files()
    yield from _messaging()
    yield from _templates()


def _files() -> Iterator[Attack]:
    for file, number in FILES.items():
        for lie, octets in LIES.items():
            yield Attack(f"{file} claims {lie}", partial(honest, length_octets={number: bytes.fromhex(octets)}))
        yield Attack(f"{file} ends before its length", partial(_cut, number))
    keys = mrz_of("passport")
    for file, number in DETAILS.items():
        for lie, octets in LIES.items():
            make = partial(honest, "passport", length_octets={number: bytes.fromhex(octets)})
            yield Attack(f"a passport's {file} claims {lie}", make, keys=keys)


def _cut(number: int) -> Chip:
    """The file says that it is 300 bytes longer than it is."""
    outside = number == image.CARD_ACCESS
    content = (genuine().master_files if outside else genuine().files)[number]
    ((tag, value),) = der.split(content)
    longer = bytes([tag]) + b"\x82" + (len(value) + 300).to_bytes(2, "big") + value
    return with_master_files({number: longer}) if outside else holding({number: longer}, sign=False)


def _messaging() -> Iterator[Attack]:
    """Inside secure messaging, with a right checksum: only who checks the structure too is safe."""
    cryptograms: dict[str, Callable[[bytes], bytes]] = {
        "claims 4 GB": lambda hidden: b"\x87\x84\xff\xff\xff\xff\x01" + hidden,
        "claims 16 MB": lambda hidden: b"\x87\x83\xff\xff\xff\x01" + hidden,
        "claims one byte more": lambda hidden: b"\x87\x82" + (len(hidden) + 2).to_bytes(2, "big") + b"\x01" + hidden,
        "claims one byte less": lambda hidden: b"\x87\x82" + len(hidden).to_bytes(2, "big") + b"\x01" + hidden,
        "is of indefinite length": lambda hidden: b"\x87\x80\x01" + hidden + b"\0\0",
        "is of length 0": lambda _hidden: b"\x87\x00",
        "is the indicator alone": lambda _hidden: b"\x87\x01\x01",
        "has another indicator": lambda hidden: der.tlv(0x87, b"\x02" + hidden),
        "ends within a block": lambda hidden: der.tlv(0x87, b"\x01" + hidden[:-8]),
        "stands there twice": lambda hidden: der.tlv(0x87, b"\x01" + hidden) * 2,
        "has another tag": lambda hidden: der.tlv(0x81, hidden),
        "is of zeros": lambda hidden: der.tlv(0x87, b"\x01" + bytes(len(hidden))),
        "is 60 kB of zeros": lambda _hidden: der.tlv(0x87, b"\x01" + bytes(60_000)),
        "follows 4,000 other objects": lambda hidden: b"\x81\x00" * 4000 + der.tlv(0x87, b"\x01" + hidden),
    }
    for lie, cryptogram in cryptograms.items():
        for first in (2, 3):
            seal = _lying(cryptogram, first)
            yield Attack(f"the cryptogram {lie} from reply {first} on", partial(Sealer, genuine(), seal))
        make = partial(Sealer, genuine("bac_only"), _lying(cryptogram, 2))
        yield Attack(f"the cryptogram {lie}, in 3DES", make, keys=mrz_of("bac_only"))
    statuses = {
        "is of length 4": b"\x99\x04\x90\x00\x90\x00",
        "is missing": b"",
        "claims 4 GB": b"\x99\x84\xff\xff\xff\xff\x90\x00",
    }
    for lie, status in statuses.items():
        yield Attack(f"the status object {lie}", partial(Sealer, genuine(), _with_status(status)))


def _sealed(hidden: bytes) -> bytes:
    return der.tlv(0x87, b"\x01" + hidden) if hidden else b""


def _lying(cryptogram: Callable[[bytes], bytes], first: int) -> Seal:
    def seal(number: int, hidden: bytes, status: bytes) -> bytes:
        return cryptogram(hidden) + STATUS if number >= first and hidden else _sealed(hidden) + der.tlv(0x99, status)

    return seal


def _with_status(status: bytes) -> Seal:
    return lambda _number, hidden, _status: _sealed(hidden) + status


def _templates() -> Iterator[Attack]:
    """In the answers of PACE."""
    answers = {
        "claims 4 GB": bytes.fromhex("7C84FFFFFFFF8010") + bytes(16),
        "claims 4 GB inside": bytes.fromhex("7C168084FFFFFFFF") + bytes(16),
        "holds nothing": bytes.fromhex("7C00"),
        "holds an empty object": bytes.fromhex("7C028000"),
        "is of indefinite length": bytes.fromhex("7C808010") + bytes(18),
        "is none": bytes(20),
        "is missing": b"",
        "holds 60 kB": der.tlv(0x7C, der.tlv(0x80, bytes(60_000))),
        "holds 20,000 objects": der.tlv(0x7C, b"\x80\x00" * 20_000),
    }
    for step in (1, 2, 3, 4):
        for lie, answer in answers.items():
            yield Attack(f"the template of PACE's answer {step} {lie}", partial(honest, pace_replies={step: answer}))
