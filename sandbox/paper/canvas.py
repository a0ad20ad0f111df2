"""A sheet that is drawn on in millimetres, and the fonts on it. Must not know cards."""

from functools import lru_cache
from pathlib import Path
from typing import Literal

from PIL import Image, ImageDraw, ImageFont

from sandbox.paper.errors import FontMissing
from sandbox.paper.geometry import Area

Face = Literal["regular", "bold", "ocr-b", "ocr-b-sharp", "ocr-b-light"]
Colour = str | tuple[int, int, int] | tuple[int, int, int, int]

_FILES: dict[Face, tuple[str, str]] = {
    "regular": ("truetype/noto/NotoSans-Regular.ttf", "fonts-noto-core"),
    "bold": ("truetype/noto/NotoSans-Bold.ttf", "fonts-noto-core"),
    "ocr-b": ("opentype/ocr-b/OCRB.otf", "fonts-ocr-b"),
    "ocr-b-sharp": ("opentype/ocr-b/OCRBS.otf", "fonts-ocr-b"),
    "ocr-b-light": ("opentype/ocr-b/OCRBL.otf", "fonts-ocr-b"),
}
_FOLDERS = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"))


@lru_cache(maxsize=64)
def font(face: Face, pixels: float) -> ImageFont.FreeTypeFont:
    """A font of so many pixels to the em. Raises FontMissing."""
    name, package = _FILES[face]
    for folder in _FOLDERS:
        if (folder / name).is_file():
            return ImageFont.truetype(str(folder / name), pixels)
    raise FontMissing(package=package)


@lru_cache(maxsize=8)
def em_for_capitals(face: Face, millimetres: float) -> float:
    """The em, in millimetres, at which capitals are so high."""
    _, top, _, bottom = font(face, 1000).getbbox("H", anchor="ls")
    return millimetres * 1000 / (bottom - top)


class Canvas:
    """An RGB picture of which only millimetres are asked."""

    def __init__(self, picture: Image.Image, pixels_per_mm: float) -> None:
        self.picture = picture
        self.scale = pixels_per_mm
        self.draw = ImageDraw.Draw(picture, "RGBA")

    def text(self, left: float, baseline: float, text: str, em: float, face: Face = "regular", **how: object) -> None:
        """A line of text; `em` in millimetres. `fill` and `anchor` as Pillow has them."""
        place = (left * self.scale, baseline * self.scale)
        options = {"fill": "#1c1c22", "anchor": "ls", **how}
        self.draw.text(place, text, font=font(face, em * self.scale), **options)  # type: ignore[arg-type]

    def width_of(self, text: str, em: float, face: Face = "regular") -> float:
        """How wide a line would be."""
        return float(font(face, em * self.scale).getlength(text)) / self.scale

    def wrapped(self, area: Area, text: str, em: float, face: Face = "regular") -> None:
        """Words in as many lines as they need; `area` gives left edge, first baseline and width."""
        line, baseline = "", area.top
        for word in text.split():
            longer = f"{line} {word}".strip()
            if line and self.width_of(longer, em, face) > area.width:
                self.text(area.left, baseline, line, em, face)
                line, baseline = word, baseline + em * 1.25
            else:
                line = longer
        self.text(area.left, baseline, line, em, face)

    def paste(self, picture: Image.Image, area: Area, resample: Image.Resampling = Image.Resampling.LANCZOS) -> None:
        """A picture into an area, stretched to it."""
        left, top, width, height = (round(value * self.scale) for value in area)
        self.picture.paste(picture.resize((width, height), resample), (left, top))
