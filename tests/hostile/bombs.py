"""Images that are small to send and large to look at, or that claim to be. `python -m tests.hostile.bombs NAME`
writes one to standard output: they are painted with Pillow, whose memory must not count as the reader's.
"""

import struct
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import cache
from io import BytesIO

from tests.hostile import chips

JP2_SIGNATURE = bytes.fromhex("0000000C6A5020200D0A870A")
SIDE = 2048  # pixels; the reader looks at no more than four million
LONGEST = 1_000_000  # bytes


def claiming(jpeg: bytes, width: int, height: int) -> bytes:
    """The JPEG whose frame header claims another size."""
    at = next(at for at in range(len(jpeg)) if jpeg[at : at + 2] in (b"\xff\xc0", b"\xff\xc2"))
    return jpeg[: at + 5] + struct.pack(">HH", height, width) + jpeg[at + 9 :]


def codestream(width: int, height: int, tile_width: int, tile_height: int, components: int = 3) -> bytes:
    """The beginning of a JPEG 2000 codestream, SOC and SIZ (15444-1, A.5.1), and zeros."""
    size = struct.pack(">HIIIIIIIIH", 0, width, height, 0, 0, tile_width, tile_height, 0, 0, components)
    parts = b"\x07\x01\x01" * components
    return b"\xff\x4f\xff\x51" + struct.pack(">H", (2 + len(size) + len(parts)) & 0xFFFF) + size + parts + bytes(200)


# What the headers give away, so that no decoder needs to see it.
CLAIMS: Mapping[str, Callable[[], bytes]] = {
    "a JPEG of 65,500 by 65,500": lambda: claiming(chips.portrait(), 65_500, 65_500),
    "a JPEG of 4,097 by 1": lambda: claiming(chips.portrait(), 4097, 1),
    "a JPEG of 0 by 0": lambda: claiming(chips.portrait(), 0, 0),
    "a JPEG of 250,000 segments": lambda: b"\xff\xd8" + b"\xff\xe1\x00\x02" * (LONGEST // 4),
    "a megabyte of fill bytes": lambda: b"\xff\xd8" + b"\xff" * LONGEST,
    "a JPEG 2000 of 2^31 by 2^31": lambda: codestream(1 << 31, 1 << 31, 64, 64),
    "a JPEG 2000 of four million tiles": lambda: codestream(4000, 1000, 1, 1),
    "a JPEG 2000 with tiles of 0 by 0": lambda: codestream(100, 100, 0, 0),
    "a JPEG 2000 with 16,384 components": lambda: codestream(100, 100, 100, 100, components=16_384),
    "a JPEG 2000 in boxes of length 0": lambda: JP2_SIGNATURE + bytes(LONGEST),
    "a JPEG 2000 in a box of 2^64 bytes": lambda: JP2_SIGNATURE + b"\0\0\0\1jp2h" + b"\xff" * 8,
    "a GIF": lambda: b"GIF89a" + bytes(200),
    "the first bytes of a JPEG": lambda: chips.portrait()[:3],
}


def _painted(kind: str, **options: object) -> bytes:
    from PIL import Image

    out = BytesIO()
    Image.new("RGB", (SIDE, SIDE), "white").save(out, kind, **options)
    return out.getvalue()


def _thousands_of_scans() -> bytes:
    """A progressive JPEG whose last scan stands there as often as there is room: each is a pass over the whole."""
    picture = _painted("JPEG", progressive=True, quality=30)
    last = picture.rfind(b"\xff\xda")
    scan = picture[last:-2]
    return picture[:last] + scan * ((LONGEST - last) // len(scan)) + b"\xff\xd9"


def _half(picture: bytes) -> bytes:
    return picture[: len(picture) // 2]


# What only a decoder can find out.
BOMBS: Mapping[str, Callable[[], bytes]] = {
    "a white JPEG": lambda: _painted("JPEG"),
    "a progressive JPEG of thousands of scans": _thousands_of_scans,
    "a white JPEG 2000": lambda: _painted("JPEG2000"),
    "a white JPEG 2000 in 1,024 tiles": lambda: _painted("JPEG2000", tile_size=(64, 64)),
    "a JPEG 2000 without data": lambda: codestream(SIDE, SIDE, SIDE, SIDE),
    "half a JPEG 2000": lambda: _half(_painted("JPEG2000")),
    "a JPEG that claims more than it holds": lambda: claiming(chips.portrait(), SIDE, SIDE),
    "a JPEG that ends in zeros": lambda: claiming(chips.portrait(), 4096, 1024)[:700] + bytes(900_000),
}


@cache
def made_outside(name: str) -> bytes:
    """A bomb painted by another process."""
    done = subprocess.run([sys.executable, "-m", "tests.hostile.bombs", name], stdout=subprocess.PIPE, check=True)
    return done.stdout


if __name__ == "__main__":
    sys.stdout.buffer.write(BOMBS[sys.argv[1]]())
