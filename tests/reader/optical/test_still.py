"""Image files to texts, whatever format, colours, turn or ground they have. The files are made here, by Pillow."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from reader.optical.pictures import Box, Found
from reader.optical.still import ANSWER_SECONDS, FRAMES_LEFT_OUT, StillReader, as_one_reads, keep_image
from reader.optical.stills.errors import ImageDamaged, ImageRefused, ImageTooLarge, ImageTooSlow
from tests.hostile.images import jpeg_of_scans
from tests.support.stills import CARD, qr, saved, scene
from tests.support.waiting import wait_until

Read = Callable[[bytes], tuple[list[str], list[str]]]


@pytest.fixture(scope="module")
def reader() -> Iterator[StillReader]:
    with StillReader() as still:
        yield still


@pytest.fixture
def read(reader: StillReader) -> Read:
    """Texts and warnings of a file with these bytes."""

    def run(data: bytes) -> tuple[list[str], list[str]]:
        file = keep_image(BytesIO(data))
        try:
            texts, warnings = reader.read(file)
        finally:
            os.close(file)
        return list(texts), list(warnings)

    return run


def children() -> set[int]:
    """The processes that this one started."""
    lists = Path("/proc/self/task").glob("*/children")
    return {int(number) for each in lists for number in each.read_text().split()}


def on_clear_ground(colour: int, opaque: int) -> Image.Image:
    """A code whose modules (`opaque` 0) or ground (255) have a colour, and the rest is transparent."""
    modules = np.array(qr())
    layers = np.full((*modules.shape, 4), colour, np.uint8)
    layers[..., 3] = np.where(modules == opaque, 255, 0)
    return Image.fromarray(layers)


def of_16_bits(factor: int) -> Image.Image:
    return Image.fromarray(np.array(qr()).astype(np.uint16) * factor)


def palette_with_a_hole() -> Image.Image:
    picture = Image.fromarray((np.array(qr()) // 255), "P")
    picture.putpalette([0, 0, 0, 0, 0, 0])
    return picture


def turned(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return saved(qr(), "JPEG", exif=exif)


def in_colours(code: tuple[int, int, int], ground: tuple[int, int, int]) -> Image.Image:
    return Image.merge(
        "RGB", [qr().point(lambda v, d=d, g=g: g if v else d) for d, g in zip(code, ground, strict=True)]
    )


def crowd(side: int) -> Image.Image:
    """The pattern a code begins with, one pixel a module, again and again: 83,000 of them for a side of 2304."""
    pattern = np.full((8, 8), 255, np.uint8)
    pattern[:7, :7], pattern[1:6, 1:6], pattern[2:5, 2:5] = 0, 255, 0
    return Image.fromarray(np.tile(pattern, (side // 8, side // 8)))


def large_palette(side: int) -> Image.Image:
    picture = palette_with_a_hole().resize((side, side), Image.Resampling.NEAREST)
    assert picture.mode == "P"
    return picture


FILES: dict[str, Callable[[], bytes]] = {
    **{f"{kind} in grey": lambda kind=kind: saved(qr(), kind) for kind in ("JPEG", "PNG", "GIF", "BMP", "TIFF", "PPM")},
    **{
        f"{kind} in colours": lambda kind=kind: saved(qr().convert("RGB"), kind)
        for kind in ("JPEG", "PNG", "WEBP", "BMP")
    },
    **{
        f"{kind} in black and white": lambda kind=kind: saved(qr().convert("1"), kind)
        for kind in ("PNG", "TIFF", "PPM")
    },
    "progressive JPEG": lambda: saved(qr(), "JPEG", progressive=True),
    "JPEG for print": lambda: saved(qr().convert("RGB").convert("CMYK"), "JPEG"),
    "TIFF of a fax": lambda: saved(qr().convert("1"), "TIFF", compression="group4"),
    "TIFF of bytes in deflate": lambda: saved(qr().convert("RGB"), "TIFF", compression="tiff_deflate"),
    "PNG of a palette": lambda: saved(qr().convert("RGB").quantize(8), "PNG"),
    "PNG of 16 bits": lambda: saved(of_16_bits(257), "PNG"),
    "PNG of 12 bits in 16": lambda: saved(of_16_bits(16), "PNG"),
    "TIFF of 16 bits": lambda: saved(of_16_bits(257), "TIFF"),
    "TIFF of floating numbers": lambda: saved(Image.fromarray(np.array(qr()).astype(np.float32) / 255), "TIFF"),
    "dark code on nothing": lambda: saved(on_clear_ground(0, 0), "PNG"),
    "dark code on nothing, WebP": lambda: saved(on_clear_ground(0, 0), "WEBP", lossless=True),
    "light ground around nothing": lambda: saved(on_clear_ground(255, 255), "PNG"),
    "light code on nothing": lambda: saved(on_clear_ground(255, 0), "PNG"),
    "dark code on nothing, in grey": lambda: saved(on_clear_ground(0, 0).convert("LA"), "PNG"),
    "palette with a transparent entry": lambda: saved(palette_with_a_hole(), "PNG", transparency=1),
    "GIF with a transparent entry": lambda: saved(palette_with_a_hole(), "GIF", transparency=1),
    "light on dark": lambda: saved(ImageOps.invert(qr()), "PNG"),
    "mirrored": lambda: saved(ImageOps.mirror(qr()), "PNG"),
    "turned by 45 degrees": lambda: saved(qr().rotate(45, expand=True, fillcolor=255), "PNG"),
    "one pixel a module": lambda: saved(qr(scale=1), "PNG"),
    "one pixel a module, cut out tightly, light on dark": lambda: saved(ImageOps.invert(qr(scale=1, border=0)), "PNG"),
    "cut out tightly": lambda: saved(qr(border=0), "PNG"),
    "turned by its Exif": lambda: turned(6),
    "mirrored by its Exif": lambda: turned(5),
    "turned by nonsense": lambda: turned(99),
    "12 megapixels": lambda: saved(scene((qr(scale=10), 900, 700), size=(4032, 3024)), "JPEG"),
    "a small code in 12 megapixels": lambda: saved(scene((qr(scale=2), 3300, 2300), size=(4032, 3024)), "PNG"),
    "a small code in 12 megapixels of JPEG": lambda: saved(
        scene((qr(scale=2), 3300, 2300), size=(4032, 3024)), "JPEG", quality=95
    ),
    "100 megapixels in black and white": lambda: saved(
        scene((qr(scale=40), 900, 700), size=(10_000, 10_000)).convert("1"), "PNG"
    ),
    "49 megapixels of a palette with a transparent entry": lambda: saved(large_palette(7000), "PNG", transparency=1),
    "72 megapixels of a palette with a transparent entry": lambda: saved(large_palette(8500), "PNG", transparency=1),
    "TIFF of CIELAB": lambda: saved(Image.merge("LAB", (qr(), *[Image.new("L", qr().size, 128)] * 2)), "TIFF"),
    "red on green of one brightness": lambda: saved(in_colours((200, 0, 0), (0, 102, 0)), "PNG"),
    "red on green of one brightness in JPEG": lambda: saved(in_colours((200, 0, 0), (0, 102, 0)), "JPEG"),
    "blue on a brown of one brightness": lambda: saved(in_colours((90, 0, 255), (90, 50, 0)), "PNG"),
    "20 megapixels of progressive JPEG": lambda: saved(
        scene((qr(scale=10), 900, 700), size=(4500, 4500)).convert("RGB"), "JPEG", progressive=True, subsampling=0
    ),
    "a strip": lambda: saved(scene((qr(scale=2), 30_000, 0), size=(60_000, 130)), "JPEG"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_code_is_read_from(read: Read, name: str) -> None:
    assert read(FILES[name]()) == ([CARD], [])


@pytest.mark.parametrize("kind", ["PNG", "GIF", "TIFF", "WEBP"])
def test_codes_of_all_frames_are_read_and_each_once(read: Read, kind: str) -> None:
    blank, other = scene(size=qr().size), scene((qr("khác", scale=4), 0, 0), size=qr().size)
    frames = [qr(), blank, other, qr(), blank]
    exact = {"lossless": True} if kind == "WEBP" else {}
    assert read(saved(blank, kind, append_images=frames, **exact)) == ([CARD, "khác"], [])


def test_frames_behind_the_last_one_looked_at_are_told_of(read: Read) -> None:
    pages = [Image.new("L", (60, 60), shade) for shade in range(40)]
    assert read(saved(qr(), "TIFF", append_images=pages)) == ([CARD], [FRAMES_LEFT_OUT])
    assert read(saved(pages[0], "TIFF", append_images=pages)) == ([], [FRAMES_LEFT_OUT])


def test_several_codes_come_as_one_reads(read: Read) -> None:
    codes = [qr("phải", 4), qr("trái", 4), qr("dưới", 4)]
    picture = scene((codes[0], 900, 90), (codes[1], 80, 120), (codes[2], 500, 450))
    assert read(saved(picture, "JPEG")) == (["trái", "phải", "dưới"], [])


def test_a_code_on_a_poster_does_not_hide_the_small_one_of_a_card_above_it(read: Read) -> None:
    picture = scene((qr("https://example.org/", 20), 100, 1200), (qr(scale=2), 3300, 200), size=(4032, 3024))
    assert read(saved(picture, "PNG")) == ([CARD, "https://example.org/"], [])


def test_reading_order_bears_a_crooked_line() -> None:
    boxes = {
        "a": Box(0, 30, 100, 100),
        "b": Box(200, 0, 100, 100),
        "c": Box(400, 60, 100, 100),
        "d": Box(10, 190, 90, 90),
    }
    found = [Found(text, box) for text, box in reversed(boxes.items())]
    assert [code.text for code in as_one_reads(found)] == ["a", "b", "c", "d"]


def test_of_a_file_cut_off_the_upper_part_is_read(read: Read) -> None:
    noise = Image.effect_noise((600, 1400), 60)
    noise.paste(qr(), (100, 20))
    for kind in ("JPEG", "PNG", "TIFF", "GIF", "PPM"):
        whole = saved(noise, kind)
        assert read(whole[: len(whole) * 2 // 3]) == ([CARD], ["image.damaged"]), kind


def test_what_is_left_of_a_file_without_a_code_is_damaged(read: Read) -> None:
    whole = saved(Image.effect_noise((600, 600), 60), "PNG")
    with pytest.raises(ImageDamaged):
        read(whole[: len(whole) // 2])


def test_a_decoder_that_takes_too_long_is_replaced() -> None:
    slow = jpeg_of_scans(2000, 4000)
    with StillReader(seconds=1) as still:
        with pytest.raises(ImageTooSlow):
            still.read(keep_image(BytesIO(slow)))
        assert still.read(keep_image(BytesIO(saved(qr(), "PNG")))).texts == (CARD,)


def test_looking_for_codes_ends_in_time_and_what_was_found_is_told() -> None:
    many = crowd(2304)
    with StillReader(seconds=1) as still:
        began = time.process_time()
        with pytest.raises(ImageTooSlow):
            still.read(keep_image(BytesIO(saved(many, "PNG"))))
        pages = saved(qr(), "TIFF", append_images=[many, qr("khác")])
        assert still.read(keep_image(BytesIO(pages))) == ((CARD,), ("image.too_slow",))
        assert time.process_time() - began < 12
        assert still.read(keep_image(BytesIO(saved(qr(), "PNG")))).texts == (CARD,)


@pytest.mark.parametrize("megabytes", range(20, 120, 10))
def test_memory_that_ends_anywhere_is_told_at_once(megabytes: int) -> None:
    """Wherever it ends, an answer comes, not a wait for pixels that cannot come."""
    picture = scene((qr(scale=20), 900, 700), size=(6000, 6000))
    picture.putpixel((0, 0), 0)
    with StillReader(memory_bytes=megabytes << 20) as still:
        began = time.monotonic()
        try:
            assert still.read(keep_image(BytesIO(saved(picture.convert("1"), "PNG")))) == ((CARD,), ())
        except ImageTooLarge:
            assert megabytes < 100
        assert time.monotonic() - began < ANSWER_SECONDS / 2


def test_a_picture_that_takes_too_much_memory_is_refused_and_the_next_one_read() -> None:
    with StillReader(memory_bytes=40 << 20) as still:
        with pytest.raises(ImageTooLarge):
            still.read(keep_image(BytesIO(saved(Image.new("RGB", (4000, 4000)), "PNG"))))
        assert still.read(keep_image(BytesIO(saved(qr(), "PNG")))).texts == (CARD,)


def test_a_decoder_that_dies_is_replaced_and_none_is_left_behind() -> None:
    before = children()
    with StillReader() as still:
        good = keep_image(BytesIO(saved(qr(), "PNG")))
        assert still.read(good).texts == (CARD,)
        (decoder,) = children() - before
        os.kill(decoder, signal.SIGSEGV)
        wait_until(lambda: Path(f"/proc/{decoder}/stat").read_text().split()[2] == "Z", what="the decoder is dead")
        assert still.read(good).texts == (CARD,)
        os.close(good)
    assert children() <= before


def test_a_file_that_changes_while_it_is_read_harms_nobody(reader: StillReader, read: Read) -> None:
    pages = saved(Image.effect_noise((900, 900), 60), "TIFF", append_images=[Image.new("L", (900, 900))] * 8)
    file = keep_image(BytesIO(pages))
    change = threading.Thread(target=lambda: [os.truncate(file, size) for size in range(len(pages), 0, -1000)])
    change.start()
    with suppress(ImageRefused):
        reader.read(file)
    change.join()
    os.close(file)
    assert read(saved(qr(), "PNG")) == ([CARD], [])
