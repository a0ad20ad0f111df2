"""Files that are signed and well delivered, and hold what nobody should have to parse: depth, width, bombs."""

from collections.abc import Callable, Iterator
from functools import partial

from reader.chip.task import CardRead
from reader.errors import CardBroken
from reader.lds import portrait
from sandbox.card import der, face, image
from sandbox.card.chip import Chip
from tests.hostile import bombs, chips
from tests.hostile.attack import Attack
from tests.hostile.chips import holding
from tests.hostile.documents import dg13, field, identity_card, passport

DEEP = 10_000  # frames
WIDE = 60_000  # bytes
FRAME = der.integer(1) + der.tlv(0x06, bytes.fromhex("28D316010008"))


def attacks() -> Iterator[Attack]:
    yield from _texts()
    yield from _zones()
    yield from _others()
    yield from _images()


def nested(tag: bytes, depth: int, inner: bytes = b"\x0c\x01x") -> bytes:
    """`inner` in so many frames with honest lengths, as far as they fit a file of 64 kB, made from the inside."""
    frames: list[bytes] = []
    size = len(inner)
    while len(frames) < depth and size < WIDE:
        frames.append(tag + (bytes([size]) if size < 128 else b"\x82" + size.to_bytes(2, "big")))
        size += len(frames[-1])
    return b"".join(reversed(frames)) + inner


def _texts() -> Iterator[Attack]:
    number, name, birth = field(1, "001303900017", 0x13), field(2, "Trần Thị Mẫu"), field(3, "14/02/2003", 0x13)
    marks = "a" + "\u0323\u0302" * 900
    framed = {
        "a field nested 10,000 deep": number + name + birth + der.tlv(0x30, der.integer(9) + nested(b"\x30", DEEP)),
        "7,000 fields": field(9, "a") * 7000,
        "4,000 fields": field(9, "a") * 4000,
        "one text of 60 kB": field(9, "ễ" * (WIDE // 3)),
        "one field of 4,000 texts": der.tlv(0x30, der.integer(13) + b"\x0c\x01a" * 4000),
        "1,800 marks on a letter": field(9, marks),
        "1,800 marks in every field": b"".join(field(at, marks) for at in range(1, 17)),
        "a field number of 60 kB": der.tlv(0x30, der.tlv(0x02, b"\x7f" * WIDE)),
        "what moves a cursor": number + field(2, "\x1b[2J\x1b]0;owned\x07" * 40) + birth,
        "writing turned around": number + field(2, "\u202e\u2066\u200f Trần Thị Mẫu") + birth,
        "half letters": number + der.tlv(0x30, der.integer(2) + der.tlv(0x1E, b"\xd8\x00\xd8\x00")) + birth,
    }
    bare = {
        "frames nested 10,000 deep": nested(b"\x30", DEEP),
        "indefinite lengths nested 10,000 deep": b"\x30\x80" * DEEP,
        "claims of 64 kB inside each other": b"\x30\x82\xff\xff" * (WIDE // 4),
        "claims of 4 GB inside each other": b"\x30\x84\xff\xff\xff\xff" * (WIDE // 6),
        "30,000 empty texts": b"\x0c\x00" * (WIDE // 2),
        "30,000 empty sequences": b"\x30\x00" * (WIDE // 2),
        "random bytes": bytes(range(1, 120)) * 300,
    }
    contents = {**{name: der.tlv(0x30, FRAME + der.tlv(0x31, inner)) for name, inner in framed.items()}, **bare}
    for name, content in contents.items():
        yield Attack(f"DG13 holds {name}", partial(holding, {image.DG13: der.tlv(0x6D, content)}))
        yield Attack(f"DG11 holds {name}", partial(holding, {image.DG11: der.tlv(0x6B, content), image.DG13: None}))
    yield Attack("DG13 holds a field without a frame", partial(holding, {image.DG13: der.tlv(0x6D, dg13(number)[4:])}))


def _zones() -> Iterator[Attack]:
    good = identity_card("VNM", "303900017", "001303900017<<8")
    zones = {
        "90 fillers": b"<" * 90,
        "88 zeros": b"0" * 88,
        "72 nines": b"9" * 72,
        "90 letters": b"Z" * 90,
        "90 bytes above 165": bytes(range(166, 256)),
        "89 fillers": b"<" * 89,
        "a thousand fillers": b"<" * 1000,
        "nothing": b"",
    }
    for name, zone in zones.items():
        yield Attack(f"DG1 holds {name}", partial(holding, {image.DG1: der.tlv(0x61, der.tlv(0x5F1F, zone))}))
    yield Attack("DG1 holds impossible dates", partial(holding, {image.DG1: good.replace(b"030214", b"999999")}))
    yield Attack("DG1 is another state's", partial(holding, {image.DG1: passport("UTO", "AA1234567", "1")}))


def _others() -> Iterator[Attack]:
    many = {"DG7": b"\x5f\x43\x00" * 20_000, "DG12": b"\x5f\x19\x00" * 20_000, "EF.COM": b"\x5f\x01\x00" * 300}
    for name, tag, file in (("DG7", 0x67, image.DG7), ("DG12", 0x6C, image.DG12), ("EF.COM", 0x60, image.COM)):
        contents = {
            "tiny objects": many[name],
            "nested objects": nested(b"\x30", 100 if file == image.COM else DEEP),
            "random bytes": bytes(range(200)),
            "nothing": b"",
        }
        for about, content in contents.items():
            yield Attack(f"{name} holds {about}", partial(holding, {file: der.tlv(tag, content)}))
    names = der.tlv(0x5F0E, b"DOE<<JOHN") + der.tlv(0xA0, der.integer(99) + der.tlv(0x5F0F, b"A<<B") * 4000)
    yield Attack("DG11 holds 4,000 other names", partial(holding, {image.DG11: der.tlv(0x6B, names), image.DG13: None}))


# Images


def _images() -> Iterator[Attack]:
    small = chips.portrait()[:800]
    for name, make in bombs.CLAIMS.items():
        yield Attack(f"the portrait is {name}", partial(with_portrait, make))
    groups: dict[str, Callable[[], bytes]] = {
        "300 images": lambda: faces(*[small] * 300),
        "300 images in one record": lambda: faces(*[small] * 300, nesting="record"),
        "4,000 templates": lambda: _group(b"\x7f\x60\x00" * 4000),
        "300,000 templates": lambda: _group(b"\x7f\x60\x00" * 300_000),
        "templates nested 10,000 deep": lambda: _group(nested(b"\x7f\x60", DEEP)),
    }
    for name, make in groups.items():
        yield Attack(f"DG2 holds {name}", partial(_with_group, make))
    for name in bombs.BOMBS:
        make = partial(with_portrait, partial(bombs.made_outside, name))
        yield Attack(f"the portrait is {name}, and is wanted as PNG", make, after=decoded)


def with_portrait(make: Callable[[], bytes]) -> Chip:
    """A card with this image, signed."""
    return holding({image.DG2: faces(make())})


def _with_group(make: Callable[[], bytes]) -> Chip:
    return holding({image.DG2: make()})


def decoded(read: CardRead) -> None:
    """As `--portrait out.png` does with it, and the kiosk: never more than a refusal."""
    for picture in read.portraits:
        for name in ("out.png", "out.jpg"):
            try:
                portrait.for_file(picture.image, name)
            except CardBroken:
                continue


def faces(*pictures: bytes, nesting: face.Nesting = "templates") -> bytes:
    """DG2 around images."""
    return face.encode_all([face.Image(picture, 300, 400) for picture in pictures], "female", nesting)


def _group(templates: bytes) -> bytes:
    return der.tlv(0x75, der.tlv(0x7F61, der.integer(1) + templates))
