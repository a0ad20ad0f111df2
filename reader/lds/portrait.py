"""A safe look at the images of DG2 and DG7: what they are and how large they claim to be, without decoding them.

The images are from outside and may be bombs. Their headers are scanned here, bounded; a decoder sees them only after
that, in a process of its own with limits of time and memory (`portrait_decoder.py`). Must not import an image library.
"""

import re
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from reader.errors import CardBroken

# Far above any portrait (ISO/IEC 19794-5 asks for some 400 by 530 pixels, scans of 600 dpi have 830 by 1060), and small
# enough to be decoded on a Raspberry Pi within the limits below.
MAX_SIDE = 4096
MAX_PIXELS = 4 << 20
MAX_TILES = 1024
MAX_COMPONENTS = 4
MAX_DEPTH = 16  # bits of a component
MAX_SEGMENTS = 512  # JPEG: marker segments before the frame header
MAX_BOXES = 32  # JP2: boxes on one level

DECODE_SECONDS = 2.0
DECODE_MEMORY = 64 << 20  # bytes beside the interpreter
DECODED_LIMIT = 16 << 20  # bytes of an image written anew; a PNG of MAX_PIXELS is at most of that order
_DECODER = Path(__file__).with_name("portrait_decoder.py")

_JP2_SIGNATURE = bytes.fromhex("0000000C6A5020200D0A870A")  # ISO/IEC 15444-1, I.5.1
_CODESTREAM = bytes.fromhex("FF4FFF51")  # SOC and SIZ (15444-1, A.4)
_JPEG = bytes.fromhex("FFD8FF")
SIGNATURES = (_JPEG, _JP2_SIGNATURE, _CODESTREAM)
# Start of frame, in every kind of coding: C4, C8 and CC are other things (ISO/IEC 10918-1, table B.1).
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_BARE_MARKERS = frozenset(range(0xD0, 0xD8)) | {0x01}
_FILL = re.compile(rb"\xff+")  # fill bytes in front of a marker (B.1.1.2), of which there may be a megabyte


class Kind(StrEnum):
    """Kinds of image that Doc 9303 allows, by media type; `image/jp2` also for a bare JPEG 2000 codestream."""

    JPEG = "image/jpeg"
    JPEG_2000 = "image/jp2"


@dataclass(frozen=True)
class Picture:
    """One image as stored, its kind by its own first bytes, and the size in pixels that its header claims."""

    image: bytes
    kind: Kind
    width: int
    height: int


def look(data: bytes, where: str) -> Picture:
    """What the image is. Raises CardBroken when it is no JPEG or JPEG 2000, or larger than any portrait."""
    if data.startswith(_JPEG):
        kind, (width, height) = Kind.JPEG, _jpeg_size(data, where)
    elif data.startswith(_JP2_SIGNATURE):
        kind, (width, height) = Kind.JPEG_2000, _jp2_size(data, where)
    elif data.startswith(_CODESTREAM):
        kind, (width, height) = Kind.JPEG_2000, _codestream_size(data, where)
    else:
        raise CardBroken(where=where)
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE and width * height <= MAX_PIXELS):
        raise CardBroken(where=f"{where}.size")
    return Picture(data, kind, width, height)


def as_jpeg(image: bytes, seconds: float = DECODE_SECONDS, memory_bytes: int = DECODE_MEMORY) -> bytes:
    """The image as JPEG, for browsers: a JPEG unchanged, JPEG 2000 decoded in a process of its own.

    Raises CardBroken when it cannot be decoded within `seconds` and `memory_bytes` (beside the interpreter's own).
    """
    seen = look(image, "portrait")
    return image if seen.kind is Kind.JPEG else _converted(image, "JPEG", seconds, memory_bytes)


def for_file(image: bytes, name: str, seconds: float = DECODE_SECONDS, memory_bytes: int = DECODE_MEMORY) -> bytes:
    """The image as a file of that name should hold it: JPEG or PNG where the name says so, else as the card has it.

    Raises CardBroken as `as_jpeg`; never for a name that asks for no conversion.
    """
    suffix = Path(name).suffix.lower()
    if suffix in {".jpg", ".jpeg"}:
        return as_jpeg(image, seconds, memory_bytes)
    if suffix == ".png":
        look(image, "portrait")
        return _converted(image, "PNG", seconds, memory_bytes)
    return image


def _converted(image: bytes, to: str, seconds: float, memory_bytes: int) -> bytes:
    """Decode and encode anew, in a child that can do nothing but answer or die."""
    command = [sys.executable, "-I", str(_DECODER), to, str(memory_bytes), str(max(1, round(seconds)))]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={}, cwd="/"
    ) as child:
        if child.stdin is None or child.stdout is None:
            raise CardBroken(where="portrait")
        # Its death ends both pipes, and with them whatever is waited for below.
        timer = threading.Timer(seconds, child.kill)
        timer.start()
        try:
            with suppress(BrokenPipeError):
                child.stdin.write(image)
                child.stdin.close()
            decoded = child.stdout.read(DECODED_LIMIT + 1)
            if len(decoded) > DECODED_LIMIT or child.wait() != 0 or not decoded:
                raise CardBroken(where="portrait")
        finally:
            timer.cancel()
            child.kill()
    return decoded


def _jpeg_size(data: bytes, where: str) -> tuple[int, int]:
    """Width and height of the first frame header (ISO/IEC 10918-1, B.1.1 and B.2.2)."""
    at = 2
    for _ in range(MAX_SEGMENTS):
        fill = _FILL.match(data, at)
        at = max(at, fill.end() - 1) if fill else at
        segment = data[at : at + 10]
        if len(segment) < 10 or segment[0] != 0xFF:
            break
        marker = segment[1]
        if marker in _FRAMES:
            depth, components = segment[4], data[at + 9]
            if depth > MAX_DEPTH or not 1 <= components <= MAX_COMPONENTS:
                break
            return int.from_bytes(segment[7:9], "big"), int.from_bytes(segment[5:7], "big")
        at += 2 if marker in _BARE_MARKERS else 2 + max(2, int.from_bytes(segment[2:4], "big"))
    raise CardBroken(where=where)


def _jp2_size(data: bytes, where: str) -> tuple[int, int]:
    """Width and height of the first codestream, which the image header box must repeat (15444-1, I.5.3.1)."""
    claimed: tuple[int, int] | None = None
    for kind, begin, end in _boxes(data, len(_JP2_SIGNATURE), len(data), where):
        if kind == b"jp2h":
            for inner, inner_begin, inner_end in _boxes(data, begin, end, where):
                if inner == b"ihdr" and inner_end - inner_begin >= 14:
                    height, width = (int.from_bytes(data[inner_begin + n : inner_begin + n + 4], "big") for n in (0, 4))
                    claimed = width, height
        if kind == b"jp2c":
            size = _codestream_size(data[begin : begin + 128], where)
            if claimed != size:
                break
            return size
    raise CardBroken(where=where)


def _boxes(data: bytes, at: int, end: int, where: str) -> list[tuple[bytes, int, int]]:
    """Boxes of one level: type, begin and end of the content (15444-1, I.4)."""
    boxes: list[tuple[bytes, int, int]] = []
    while at < end and len(boxes) < MAX_BOXES:
        length, kind, begin = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8], at + 8
        if length == 1:
            length, begin = int.from_bytes(data[at + 8 : at + 16], "big"), at + 16
        stop = end if length == 0 else at + length
        if begin > stop or stop > end:
            # The last codestream of an image that was cut short still has its header.
            if kind == b"jp2c" and begin <= end:
                boxes.append((kind, begin, end))
                break
            raise CardBroken(where=where)
        boxes.append((kind, begin, stop))
        at = stop
    return boxes


def _codestream_size(data: bytes, where: str) -> tuple[int, int]:
    """Width and height by the SIZ marker segment (15444-1, A.5.1); tiles and components must be sane."""
    if not data.startswith(_CODESTREAM) or len(data) < 42:
        raise CardBroken(where=where)
    right, bottom, left, top, tile_width, tile_height, tile_left, tile_top = (
        int.from_bytes(data[at : at + 4], "big") for at in range(8, 40, 4)
    )
    components = int.from_bytes(data[40:42], "big")
    details = [data[at : at + 3] for at in range(42, 42 + 3 * min(components, MAX_COMPONENTS), 3)]
    if not (1 <= components <= MAX_COMPONENTS and all(_is_component(detail) for detail in details)):
        raise CardBroken(where=where)
    if not (left < right <= 2 * MAX_SIDE and top < bottom <= 2 * MAX_SIDE):
        raise CardBroken(where=f"{where}.size")
    if not (tile_width and tile_height and tile_left <= left and tile_top <= top):
        raise CardBroken(where=where)
    across, down = -(-(right - tile_left) // tile_width), -(-(bottom - tile_top) // tile_height)
    if across * down > MAX_TILES:
        raise CardBroken(where=f"{where}.size")
    return right - left, bottom - top


def _is_component(detail: bytes) -> bool:
    """Depth in bits and the two steps of subsampling of one component."""
    return len(detail) == 3 and (detail[0] & 0x7F) < MAX_DEPTH and 1 <= detail[1] <= 4 and 1 <= detail[2] <= 4
