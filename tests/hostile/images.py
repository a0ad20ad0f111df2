"""Files that are crafted against whoever opens them as an image: small to send and large to decode, or lying about it.

Written byte by byte where painting them would cost what they are to cost the reader.
"""

import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from io import BytesIO

from PIL import Image

SIDE = 20_000  # pixels
LONG_TEXT = 50 << 20  # bytes
INSIDE = 4900  # a side just within the bounds of pictures with colours


def png(width: int, height: int, depth: int, colour: int, *before: tuple[bytes, bytes]) -> bytes:
    """A picture of zeros (ISO/IEC 15948); `before`: chunks to stand before the pixels."""
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    row = bytes(1 + -(-width * depth * channels // 8))
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    pixels = b"".join(_deflated(row for _ in range(height)))
    chunks = [(b"IHDR", header), *before, (b"IDAT", pixels), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in chunks)


def jpeg(width: int, height: int, data: bytes | None = None) -> bytes:
    """A grey picture of one shade. With the usual tables each of its blocks takes six bits: no change, end of block."""
    small = BytesIO()
    Image.new("L", (8, 8), 128).save(small, "JPEG")
    head = small.getvalue()
    frame, scan = head.index(b"\xff\xc0"), head.index(b"\xff\xda")
    blocks = -(-width // 8) * -(-height // 8)
    size = struct.pack(">HH", height, width)
    entropy = b"\x28\xa2\x8a" * -(-blocks // 4) if data is None else data
    return head[: frame + 5] + size + head[frame + 9 : scan + 10] + entropy + b"\xff\xd9"


def jpeg_of_scans(side: int, scans: int) -> bytes:
    """A progressive picture whose last scan stands there again and again: each is a pass over the whole."""
    picture = _saved("JPEG", side, progressive=True, quality=30)
    last = picture.rfind(b"\xff\xda")
    return picture[:last] + picture[last:-2] * scans + b"\xff\xd9"


def bmp(width: int, height: int, depth: int, kind: int = 0, data: bytes = b"") -> bytes:
    """The header, and pixels as they come."""
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, depth, kind, 0, 0, 0, 2, 0)
    return b"BM" + struct.pack("<IHHI", 62, 0, 0, 62) + info + bytes(8) + data


def gif(width: int, height: int, frames: int) -> bytes:
    """Frames of one pixel each on a canvas."""
    one = b"\x2c" + struct.pack("<HHHH", 0, 0, 1, 1) + b"\0\x02\x02\x44\x01\0"
    head = b"GIF89a" + struct.pack("<HH", width, height) + b"\x80\0\0" + b"\0\0\0\xff\xff\xff"
    return head + one * frames + b";"


def tiff(*tags: tuple[int, int, int, int], following: int = 0, data: bytes = b"") -> bytes:
    """One directory of (tag, type, count, value), and where it says the next one stands (TIFF 6.0, section 2)."""
    directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags)
    return b"II*\0" + struct.pack("<I", 8) + directory + struct.pack("<I", following) + data


def _size(width: int, height: int) -> list[tuple[int, int, int, int]]:
    return [(256, 4, 1, width), (257, 4, 1, height)]


def _tiff_strip(width: int, height: int, following: int = 0, length: int = 1000) -> bytes:
    rest = [(258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (273, 4, 1, 122), (278, 4, 1, height), (279, 4, 1, length)]
    return tiff(*_size(width, height), *rest, following=following, data=bytes(1024))


def webp(width: int, height: int) -> bytes:
    """A canvas and nothing on it (RFC 9649, 2.7)."""
    canvas = b"\x02\0\0\0" + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    chunks = b"WEBPVP8X" + struct.pack("<I", len(canvas)) + canvas
    return b"RIFF" + struct.pack("<I", len(chunks)) + chunks


def _saved(kind: str, side: int, mode: str = "L", **options: object) -> bytes:
    out = BytesIO()
    Image.new(mode, (side, side), "white").save(out, kind, **options)
    return out.getvalue()


def _deflated(parts: Iterator[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(1)
    for part in parts:
        yield packer.compress(part)
    yield packer.flush()


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _long_text(kind: bytes) -> tuple[bytes, bytes]:
    head = b"Comment\0\0" if kind == b"zTXt" else b"Comment\0\1\0\0\0"
    return kind, head + zlib.compress(bytes(LONG_TEXT), 9)


TOO_LARGE = {"image.too_large"}
TOO_SLOW = {"image.too_slow"}
DAMAGED = {"image.damaged"}
NO_CODE = {"image.no_code"}

# What each is to be called. Where two stand it depends on how far the machine gets within the limits.
FILES: Mapping[str, tuple[Callable[[], bytes], set[str]]] = {
    "a PNG of 20,000 by 20,000": (lambda: png(SIDE, SIDE, 1, 0), TOO_LARGE),
    "a PNG of 20,000 by 20,000 with 64 bits a pixel": (lambda: png(SIDE, 200, 16, 6)[:33] + b"\0" * 100, DAMAGED),
    "a JPEG of 20,000 by 20,000": (lambda: jpeg(SIDE, SIDE), NO_CODE),
    "a JPEG of 65,500 by 65,500": (lambda: jpeg(65_500, 65_500, b""), TOO_LARGE),
    "a progressive JPEG of 20,000 by 20,000": (
        lambda: jpeg(SIDE, SIDE, b"").replace(b"\xff\xc0", b"\xff\xc2"),
        TOO_LARGE,
    ),
    "a GIF of 20,000 by 20,000": (lambda: gif(SIDE, SIDE, 1), TOO_LARGE),
    "a BMP of 20,000 by 20,000": (lambda: bmp(SIDE, SIDE, 1), TOO_LARGE),
    "a WebP of 16,384 by 16,384": (lambda: webp(1 << 14, 1 << 14), TOO_LARGE),
    "a TIFF of 20,000 by 20,000": (lambda: _tiff_strip(SIDE, SIDE), TOO_LARGE),
    "a PGM of 20,000 by 20,000": (lambda: b"P5 20000 20000 255\n", TOO_LARGE),
    "a PNG of 2^31 by 2^31": (
        lambda: b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", struct.pack(">IIBBBBB", 1 << 31, 1 << 31, 8, 2, 0, 0, 0)),
        TOO_LARGE | DAMAGED,
    ),
    "a PNG of 0 by 0": (lambda: png(0, 0, 8, 0), {"image.empty"} | DAMAGED),
    "a JPEG of 0 by 0": (lambda: jpeg(0, 0), {"image.empty"} | DAMAGED),
    "a GIF of 0 by 0": (lambda: gif(0, 0, 1), NO_CODE),
    "a BMP of 0 by 0": (lambda: bmp(0, 0, 24), {"image.empty", "image.not_an_image"} | DAMAGED),
    "a PGM of 0 by 0": (lambda: b"P5 0 0 255\n", {"image.empty", "image.not_an_image"} | DAMAGED),
    "a TIFF of 0 by 0": (lambda: _tiff_strip(0, 0), {"image.empty"} | DAMAGED),
    "a PNG as large as may be": (lambda: png(INSIDE, INSIDE, 8, 6), NO_CODE),
    "an interlaced PNG as large as may be": (lambda: _interlaced(INSIDE), NO_CODE | DAMAGED),
    "a WebP as large as may be": (
        lambda: _saved("WEBP", 4000, lossless=True, quality=0, method=0),
        NO_CODE | TOO_LARGE,
    ),
    "a TIFF in one strip": (lambda: _saved("TIFF", INSIDE, "RGB", compression="tiff_deflate"), NO_CODE | TOO_LARGE),
    "a TIFF that is its own next page": (lambda: _tiff_strip(30, 30, following=8), NO_CODE | DAMAGED),
    "a TIFF of 2^31 strips": (lambda: tiff(*_size(100, 100), (273, 4, 1 << 31, 8)), DAMAGED),
    "a TIFF whose tiles are 2^31 wide": (
        lambda: tiff(*_size(100, 100), (322, 4, 1, 1 << 31), (323, 4, 1, 1 << 31), (324, 4, 1, 8), (325, 4, 1, 8)),
        DAMAGED,
    ),
    "a PNG with 50 MB of packed text": (lambda: png(40, 40, 8, 0, _long_text(b"zTXt")), NO_CODE),
    "a PNG with 50 MB of packed international text": (lambda: png(40, 40, 8, 0, _long_text(b"iTXt")), NO_CODE),
    "a PNG with 90 packed texts": (
        lambda: png(40, 40, 8, 0, *([_long_text(b"zTXt")] * 90)),
        NO_CODE | TOO_LARGE | TOO_SLOW,
    ),
    "a PNG with 50 MB of packed colour profile": (
        lambda: png(40, 40, 8, 0, (b"iCCP", b"x\0\0" + zlib.compress(bytes(LONG_TEXT), 9))),
        NO_CODE,
    ),
    "a PNG of 200,000 chunks": (lambda: png(40, 40, 8, 0, *([(b"tEXt", b"x\0")] * 200_000)), NO_CODE),
    "a PNG whose pixels are a bomb": (
        lambda: (
            png(40, 40, 8, 0).replace(b"IDAT", b"IDAT", 1)[:33]
            + _chunk(b"IDAT", zlib.compress(bytes(LONG_TEXT), 9))
            + _chunk(b"IEND", b"")
        ),
        NO_CODE | DAMAGED,
    ),
    "a GIF of 100,000 frames": (lambda: gif(100, 100, 100_000), NO_CODE),
    "a GIF of 40 large frames": (lambda: gif(4800, 4800, 40), NO_CODE),
    "a JPEG of hundreds of scans": (lambda: jpeg_of_scans(2000, 400), NO_CODE | TOO_SLOW),
    "a JPEG of 200,000 segments": (lambda: b"\xff\xd8" + b"\xff\xe1\0\x02" * 200_000, DAMAGED),
    "a JPEG of fill bytes": (lambda: b"\xff\xd8" + b"\xff" * 2_000_000, DAMAGED),
    "a JPEG without data": (lambda: jpeg(4000, 3000, b""), NO_CODE | DAMAGED),
    "a BMP that is run-length encoded": (
        lambda: bmp(4000, 4000, 8, kind=1, data=bytes(3 << 20)),
        NO_CODE | DAMAGED | TOO_LARGE | {"image.not_an_image"},
    ),
    "a PPM in text": (lambda: b"P3 4000 4000 255\n" + b"7 " * 1_000_000, NO_CODE | DAMAGED | TOO_LARGE),
    "a PGM whose only number is long": (lambda: b"P2 10 10 " + b"9" * 3_000_000, {"image.not_an_image"} | DAMAGED),
}


def _interlaced(side: int) -> bytes:
    """The pixels of another order (ISO/IEC 15948, 8.2): zeros all the same, and too few of them."""
    plain = png(side, side, 8, 6)
    header = bytearray(plain[16:29])
    header[12] = 1
    return plain[:8] + _chunk(b"IHDR", bytes(header)) + plain[33:]
