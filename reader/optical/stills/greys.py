"""Grey pictures of what Pillow has decoded, upright, reduced or enlarged: the ways in which `decoder.py` shows a frame.

Strip by strip where a picture is large, for beside it there is no room for another of its size.
"""

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

GLANCE_PIXELS = 2 << 20  # the size a large picture is first looked at: more shows more detail than most codes have
WHOLE_PIXELS = 24 << 20  # the largest that is handed on
STRIP_PIXELS = 1 << 20  # made grey at a time
SMALL_SIDE = 400  # pixels; smaller pictures are shown enlarged as well
ENLARGED_SIDE = 1000
_COLOURED = {"RGB", "RGBX", "P", "CMYK", "YCbCr"}
_COLOUR = 48  # of 255: what two channels differ by in a picture that is no longer grey
_ORIENTATION = 0x0112  # Exif 3.0, 4.6.5.1
JPEG_SCALES = (1, 2, 4, 8)
WHITE, BLACK = 255, 0

Views = Generator["Image", bool, None]
"""Grey pictures, each another way to look at a frame; told whether it showed what was sought."""
LastViews = Generator["Image", bool, bool]
"""The same; returns what it was told last."""


def load(image: "Image", draft: tuple[str, int] | None) -> None:
    if draft is not None:
        mode, scale = draft
        width, height = image.size
        image.draft(mode, (max(1, width // scale), max(1, height // scale)))
    image.load()


def jpeg_scale(size: tuple[int, int], most: int) -> int:
    """The least scale that JPEG decoders have in which the picture has at most so many pixels."""
    return next((scale for scale in JPEG_SCALES if reduced(size, scale) <= most), JPEG_SCALES[-1])


def reduced(size: tuple[int, int], scale: int) -> int:
    width, height = size
    return -(-width // scale) * -(-height // scale)


def layers(image: "Image") -> "tuple[Image, Image | None]":
    """The picture in grey, and how opaque it is where it is not everywhere; reduced to what is handed on."""
    if not image.has_transparency_data:
        return grey(image), None
    alpha = _in_strips(image, WHOLE_PIXELS, "L", lambda part: _layered(part).getchannel("A"))
    least, _ = alpha.getextrema()
    return _in_strips(image, WHOLE_PIXELS, "L", _grey_of_layered), None if least == WHITE else alpha


def _layered(part: "Image") -> "Image":
    if part.mode in {"LA", "RGBA"}:
        return part
    return part.convert("LA" if part.mode == "La" else "RGBA")


def _grey_of_layered(part: "Image") -> "Image":
    return _layered(part).convert("L")


def grey(image: "Image") -> "Image":
    """8 bits of grey, reduced to what is handed on; of more bits the range that is in use."""
    if image.mode == "LAB":
        return _in_strips(image, WHOLE_PIXELS, "L", lambda part: part.getchannel("L"))
    if image.mode not in {"I", "F"} and not image.mode.startswith("I;16"):
        return _in_strips(image, WHOLE_PIXELS, "L", lambda part: part.convert("L"))
    low, high = image.getextrema()
    if not (isinstance(low, int | float) and isinstance(high, int | float) and 0 < high - low < float("inf")):
        low, high = 0, 1
    scale, shift = 255 / (high - low), -low * 255 / (high - low)
    return _in_strips(
        image,
        WHOLE_PIXELS,
        "L",
        lambda part: part.convert("F").point(lambda value: value * scale + shift).convert("L"),
    )


def _in_strips(image: "Image", most: int, mode: str, made: "Callable[[Image], Image]") -> "Image":
    """What `made` makes of the picture, in this mode and reduced by a whole number to at most so many pixels. Strip by
    strip, for beside a large picture there is no room for another of its size."""
    from PIL import Image

    scale = _scale_within(image.size, most)
    if scale == 1 and image.mode == mode:
        return image
    width, height = image.size
    whole = Image.new(mode, (-(-width // scale), -(-height // scale)))
    rows = scale * max(1, STRIP_PIXELS // (width * scale))
    for top in range(0, height, rows):
        part = made(image.crop((0, top, width, min(height, top + rows))))
        whole.paste(part.reduce(scale) if scale > 1 else part, (0, top // scale))
    return whole


def colours(image: "Image", orientation: int) -> LastViews:
    """What shows a code in two colours of one brightness: the red of the picture, then the blue. Nothing of a grey
    one."""
    if image.mode not in _COLOURED:
        return False
    small = _in_strips(image, GLANCE_PIXELS, "RGB", lambda part: part.convert("RGB"))
    red, green, blue = small.split()
    if not (_differ(red, green) or _differ(blue, green)):
        return False
    return (yield upright(red, orientation)) or (yield upright(blue, orientation))


def _differ(one: "Image", other: "Image") -> bool:
    from PIL import ImageChops

    _, most = ImageChops.difference(one, other).getextrema()
    return isinstance(most, int) and most >= _COLOUR


def over(grey: "Image", alpha: "Image | None", background: int) -> "Image":
    from PIL import Image

    return grey if alpha is None else Image.composite(grey, Image.new("L", grey.size, background), alpha)


def within(image: "Image", most: int) -> "Image":
    """The picture reduced by a whole number so that it has at most so many pixels."""
    scale = _scale_within(image.size, most)
    return image.reduce(scale) if scale > 1 else image


def _scale_within(size: tuple[int, int], most: int) -> int:
    scale = 1
    while reduced(size, scale) > most:
        scale += 1
    return scale


def enlarged(image: "Image") -> LastViews:
    """A small picture larger, with the margin that a code cut out tightly lacks (ISO/IEC 18004, 6.3.8). Of small
    blurred codes twice as many are read so, light ones on dark ground as well."""
    from PIL import Image

    longest = max(image.size)
    if longest > SMALL_SIDE:
        return False
    scale = min(8, -(-ENLARGED_SIDE // longest))
    margin = max(4, longest // 10)
    framed = Image.new("L", (image.width + 2 * margin, image.height + 2 * margin), WHITE)
    framed.paste(image, (margin, margin))
    return (yield framed.resize((framed.width * scale, framed.height * scale), Image.Resampling.BICUBIC))


def orientation(image: "Image") -> int:
    """How the picture is to be turned (Exif 3.0, 4.6.5.1); 1 when nothing sensible is said."""
    try:
        said = image.getexif().get(_ORIENTATION, 1)
    except Exception:
        return 1
    return said if isinstance(said, int) else 1


def upright(picture: "Image", orientation: int) -> "Image":
    from PIL.Image import Transpose

    turn = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }.get(orientation)
    return picture if turn is None else picture.transpose(turn)
