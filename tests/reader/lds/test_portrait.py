"""Images from outside: what they claim is believed only within limits, and only a child process decodes them."""

import resource
import struct
import time
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from reader.errors import CardBroken
from reader.lds import portrait
from reader.lds.portrait import Kind, Picture
from tests.reader.lds.vectors import CODESTREAM, JP2, JPEG, picture


def siz(*values: int, components: bytes = bytes.fromhex("0003 070101 070101 070101")) -> bytes:
    """A codestream's header with these sizes: right, bottom, left, top, tile width and height, tile left and top."""
    return bytes.fromhex("FF4FFF51002F0000") + struct.pack(">8I", *values) + components


def boxed(codestream: bytes, height: int = 400, width: int = 300) -> bytes:
    """A JP2 file around a codestream (ISO/IEC 15444-1, annex I)."""

    def box(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I4s", 8 + len(content), kind) + content

    header = box(b"ihdr", struct.pack(">IIHBBBB", height, width, 3, 7, 7, 0, 0))
    return bytes.fromhex("0000000C6A5020200D0A870A") + box(b"jp2h", header) + box(b"jp2c", codestream)


@pytest.mark.parametrize("size", [(1, 1), (300, 400), (413, 531), (1200, 1600), (2048, 2048)])
def test_the_size_is_read_without_decoding(size):
    assert portrait.look(picture("JPEG", size), "t") == Picture(picture("JPEG", size), Kind.JPEG, *size)
    for image in (picture("JPEG2000", size), picture("JPEG2000", size, no_jp2=True)):
        assert portrait.look(image, "t") == Picture(image, Kind.JPEG_2000, *size)


def test_every_way_of_writing_a_jpeg_is_read():
    for options in ({"progressive": True}, {"exif": b"Exif\0\0" + bytes(60_000)}, {"comment": b"\xff\xc0" * 100}):
        assert portrait.look(picture("JPEG", (30, 40), **options), "t").height == 40
    grey = BytesIO()
    Image.new("L", (30, 40)).save(grey, "JPEG")
    assert portrait.look(grey.getvalue(), "t").width == 30
    assert portrait.look(b"\xff\xd8\xff\xff\xff" + JPEG[3:], "t").width == 300  # fill bytes


def test_tiles_are_allowed():
    tiled = picture("JPEG2000", (300, 400), tile_size=(128, 128))
    assert portrait.look(tiled, "t").width == 300


@pytest.mark.parametrize(
    "bomb",
    [
        JPEG.replace(bytes.fromhex("0190012C"), bytes.fromhex("FFDCFFDC")),  # 65,500 by 65,500
        JPEG.replace(bytes.fromhex("0190012C"), bytes.fromhex("0000012C")),  # height told later, or never
        JPEG.replace(bytes.fromhex("0190012C"), bytes.fromhex("01900000")),
        siz(65_500, 65_500, 0, 0, 65_500, 65_500, 0, 0),
        siz(300, 400, 0, 0, 1, 1, 0, 0),  # 120,000 tiles
        siz(300, 400, 0, 0, 0, 0, 0, 0),
        siz(0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFF00, 0xFFFFFF00, 16, 16, 0, 0),
        siz(100, 100, 200, 200, 100, 100, 0, 0),
        siz(300, 400, 0, 0, 300, 400, 5, 5),  # the first tile begins behind the image
        siz(300, 400, 0, 0, 300, 400, 0, 0, components=b"\xff\xff" + bytes(9)),
        siz(300, 400, 0, 0, 300, 400, 0, 0, components=bytes.fromhex("0003 070001 070101 070101")),
        siz(300, 400, 0, 0, 300, 400, 0, 0, components=bytes.fromhex("0003 260101 070101 070101")),
        siz(300, 400, 0, 0, 300, 400, 0, 0, components=bytes.fromhex("0003 0701")),
        boxed(siz(300, 400, 0, 0, 300, 400, 0, 0), height=65_500, width=65_500),  # two headers, two sizes
        boxed(siz(65_500, 65_500, 0, 0, 65_500, 65_500, 0, 0)),
        JP2[:60],
        JP2[:12] + struct.pack(">I4s", 8, b"free") * 50_000,
        JP2[:12] + struct.pack(">I4sQ", 1, b"jp2c", 1 << 62) + CODESTREAM[:20],
        b"\xff\xd8\xff" + bytes.fromhex("FF010000") * 20_000,
        b"\xff\xd8" + bytes.fromhex("FFE10002") * 100_000,
        b"\xff\xd8\xff" * 3 + b"\xff" * 500_000,
        b"GIF89a" + bytes(30),
        b"\x89PNG\r\n\x1a\n" + bytes(30),
        b"",
    ],
)
def test_what_is_no_image_of_a_person_is_refused_at_once(bomb):
    began = time.process_time()
    with pytest.raises(CardBroken):
        portrait.look(bomb, "t")
    assert time.process_time() - began < 0.5


@given(
    st.sampled_from([b"", b"\xff\xd8\xff", JP2[:12], CODESTREAM[:4], JPEG[:200], JP2[:100]]), st.binary(max_size=300)
)
def test_any_bytes_are_looked_at_or_refused(start, rest):
    try:
        seen = portrait.look(start + rest, "t")
    except CardBroken:
        return
    assert seen.width * seen.height <= portrait.MAX_PIXELS


def test_jpeg_2000_is_shown_as_jpeg():
    for image in (JP2, CODESTREAM):
        shown = portrait.as_jpeg(image)
        assert portrait.look(shown, "t") == Picture(shown, Kind.JPEG, 300, 400)
        with Image.open(BytesIO(shown)) as decoded:
            assert max(abs(a - b) for a, b in zip(decoded.getpixel((9, 9)), (0x33, 0x66, 0x99), strict=True)) < 8


def test_a_jpeg_is_shown_as_it_is():
    assert portrait.as_jpeg(JPEG) is JPEG


def test_a_file_keeps_the_cards_own_bytes_unless_its_name_asks_for_a_format():
    assert portrait.for_file(JP2, "anna.jp2") == JP2
    assert portrait.for_file(JP2, "anna") == JP2
    assert portrait.for_file(JPEG, "anna.JPG") == JPEG
    assert portrait.look(portrait.for_file(JP2, "a.b/anna.jpeg"), "t").kind is Kind.JPEG
    for image in (JPEG, JP2):
        assert portrait.for_file(image, "anna.png").startswith(b"\x89PNG")


def test_an_image_that_cannot_be_decoded_is_broken():
    for image in (siz(300, 400, 0, 0, 300, 400, 0, 0), boxed(siz(300, 400, 0, 0, 300, 400, 0, 0))):
        with pytest.raises(CardBroken):
            portrait.as_jpeg(image)


def test_decoding_has_a_limit_of_memory_and_of_time():
    large = picture("JPEG2000", (2048, 2048))
    with pytest.raises(CardBroken):
        portrait.as_jpeg(large, memory_bytes=8 << 20)
    began = time.monotonic()
    with pytest.raises(CardBroken):
        portrait.as_jpeg(large, seconds=0.001)
    assert time.monotonic() - began < 2


def what_is_open() -> tuple[int, list[str]]:
    """How many files this process has open, and its children."""
    children = [path.read_text() for path in Path("/proc/self/task").glob("*/children")]
    return len(list(Path("/proc/self/fd").iterdir())), children


def test_decoding_leaves_no_process_and_no_open_file_behind():
    before = what_is_open()
    for seconds in (2.0, 0.001):
        try:
            portrait.as_jpeg(JP2, seconds=seconds)
        except CardBroken:
            continue
    assert what_is_open() == before


def test_the_reader_itself_never_grows_by_a_picture():
    large = picture("JPEG2000", (2048, 2048))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    portrait.as_jpeg(large, seconds=20, memory_bytes=256 << 20)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 16 << 10  # kilobytes
