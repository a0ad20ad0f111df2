"""Paint a portrait for a synthetic person: a drawn face, plainly no photograph, marked SANDBOX. The one door to Pillow.

Always the same picture for the same person, and of the size of a real card's photo (about 15 kB), because the length
of DG2 decides how long a reading takes.
"""

import hashlib
from io import BytesIO
from typing import TYPE_CHECKING

from sandbox.people import Person

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

WIDTH, HEIGHT = 300, 400
MARK = "SANDBOX"
AIMED_SIZE = 15_000  # bytes
_JFIF, _COMMENT, _LONGEST_SEGMENT = b"\xff\xe0", b"\xff\xfe", 0xFFFF
_SKIN = ("#f1c9a5", "#e8b990", "#d9a679", "#f5d3b3")
_HAIR = ("#1d1714", "#2b211c", "#3a2c22")
_CLOTHES = ("#2f5d8a", "#7a3b4f", "#3f6b4a", "#5b4b8a", "#8a6a2f")
_BACKGROUND = ("#dfe8f2", "#e6e2f0", "#e2efe6")


def jpeg(person: Person) -> bytes:
    """The portrait as JPEG, WIDTH x HEIGHT pixels."""
    from PIL import Image  # imported here: a world whose portraits nobody asks for stays small

    dice = hashlib.shake_256(person.personal_id.encode()).digest(64)
    picture = Image.new("RGB", (WIDTH, HEIGHT), _BACKGROUND[dice[0] % len(_BACKGROUND)])
    _paint(picture, dice, person)
    grain = Image.frombytes("L", (WIDTH, HEIGHT), hashlib.shake_256(dice).digest(WIDTH * HEIGHT))
    picture = Image.blend(picture, Image.merge("RGB", (grain, grain, grain)), 0.06)
    return _of_size(picture)


def jpeg2000(jpeg: bytes) -> bytes:
    """The same picture as JPEG 2000, boxed (JP2), of about the same size."""
    from PIL import Image

    buffer = BytesIO()
    with Image.open(BytesIO(jpeg)) as picture:
        rate = 3 * picture.width * picture.height / len(jpeg)
        picture.save(buffer, "JPEG2000", quality_mode="rates", quality_layers=[rate])
    return buffer.getvalue()


def signature(person: Person) -> bytes:
    """A scribble for DG7 as JPEG: nobody's hand, and marked like the portrait."""
    from PIL import Image, ImageDraw

    dice = hashlib.shake_256(b"signature" + person.personal_id.encode()).digest(24)
    picture = Image.new("RGB", (240, 80), "#ffffff")
    points = [(10 + 9 * index, 15 + byte % 40) for index, byte in enumerate(dice)]
    ImageDraw.Draw(picture).line(points, fill="#1a2a6c", width=3, joint="curve")
    _paint_mark(picture, (120, 54))
    buffer = BytesIO()
    picture.save(buffer, "JPEG", quality=60)
    return buffer.getvalue()


def padded(jpeg: bytes, size: int) -> bytes:
    """The JPEG with comment segments after its first one, to be exactly `size` bytes long: the same picture.

    Raises ValueError when the size cannot be reached.
    """
    missing = size - len(jpeg)
    if missing == 0:
        return jpeg
    if missing < 4 or jpeg[:2] != b"\xff\xd8":
        raise ValueError("no room for a comment")
    start = 2 + (2 + int.from_bytes(jpeg[4:6], "big") if jpeg[2:4] == _JFIF else 0)  # JFIF must come first
    segments = b""
    while missing:
        segment = min(missing, _LONGEST_SEGMENT + 2)
        segment -= 4 if 0 < missing - segment < 4 else 0  # a comment needs four bytes for itself
        segments += _COMMENT + (segment - 2).to_bytes(2, "big") + MARK.encode().ljust(segment - 4, b".")[: segment - 4]
        missing -= segment
    return jpeg[:start] + segments + jpeg[start:]


def _paint(picture: "Image", dice: bytes, person: Person) -> None:
    from PIL import ImageDraw

    draw = ImageDraw.Draw(picture)
    hair = "#b9b4ae" if person.birth_date < "1960" else _HAIR[dice[1] % len(_HAIR)]
    skin = _SKIN[dice[2] % len(_SKIN)]
    if person.sex == "female":
        draw.rounded_rectangle((72, 70, 228, 310), 70, fill=hair)
    draw.ellipse((25, 300, 275, 520), fill=_CLOTHES[dice[3] % len(_CLOTHES)])
    draw.rectangle((125, 250, 175, 320), fill=skin)
    draw.polygon(((115, 305), (150, 345), (185, 305)), fill="#ffffff")
    width = 60 + dice[4] % 12
    draw.ellipse((150 - width, 95, 150 + width, 285), fill=skin)
    draw.pieslice((146 - width, 72, 154 + width, 235 + dice[5] % 20), 180, 360, fill=hair)
    _paint_features(draw, dice, hair)
    for place in ((8, 8), (8, HEIGHT - 36)):
        _paint_mark(picture, place)


def _paint_features(draw: "ImageDraw", dice: bytes, hair: str) -> None:
    apart, height = 26 + dice[6] % 8, 178 + dice[7] % 10
    for x in (150 - apart, 150 + apart):
        draw.ellipse((x - 11, height - 6, x + 11, height + 6), fill="#ffffff")
        draw.ellipse((x - 5, height - 5, x + 5, height + 5), fill="#2a1d14")
        draw.line((x - 14, height - 18, x + 14, height - 20), fill=hair, width=4)
    draw.line((150, height + 10, 145, height + 42, 155, height + 44), fill="#a5744f", width=3)
    draw.arc((126, height + 44, 174, height + 70), 15, 165, fill="#a2453f", width=4)


def _paint_mark(picture: "Image", place: tuple[int, int]) -> None:
    """The word SANDBOX, large enough to be read on a masked, shrunken portrait."""
    from PIL import Image, ImageDraw

    label = Image.new("L", (64, 12), 0)
    ImageDraw.Draw(label).text((2, 0), MARK, fill=255)
    box = label.getbbox() or (0, 0, 64, 12)
    enlarged = label.crop(box).resize(((box[2] - box[0]) * 2, (box[3] - box[1]) * 2))
    picture.paste("#b00020", place, enlarged)


def _of_size(picture: "Image") -> bytes:
    """The best quality that stays within the aimed size."""
    best = b""
    for quality in range(35, 96, 4):
        buffer = BytesIO()
        picture.save(buffer, "JPEG", quality=quality)
        if best and buffer.tell() > AIMED_SIZE:
            break
        best = buffer.getvalue()
    return best
