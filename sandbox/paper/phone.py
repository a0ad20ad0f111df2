"""A telephone's screen that shows a code, as an app or a screenshot would. Nobody's real app, and it says so."""

from dataclasses import dataclass

from PIL import Image

from sandbox.paper import qr
from sandbox.paper.canvas import Canvas
from sandbox.paper.faces import stencil
from sandbox.paper.geometry import Area

MARK = "MẪU · SPECIMEN"


@dataclass(frozen=True)
class Screen:
    """The lit area in millimetres, and the code on it. `dark` is the app's theme; the code keeps its light patch."""

    width: float = 67.0
    height: float = 145.0
    code_width: float = 44.0
    dark: bool = False
    title: str = "Mã QR định danh"
    lines: tuple[str, ...] = ()


def code_area(screen: Screen) -> Area:
    """The code without its quiet zone, in millimetres from the lit area's upper left corner."""
    return Area((screen.width - screen.code_width) / 2, screen.height * 0.27, screen.code_width, screen.code_width)


def render(text: str, screen: Screen, pixels_per_mm: float, style: qr.Style | None = None) -> Image.Image:
    """The screen showing the code of a text, RGB. Raises FontMissing, CodeTooLong."""
    size = (round(screen.width * pixels_per_mm), round(screen.height * pixels_per_mm))
    ground, ink, bar = ("#15181f", "#e8e8ee", "#2a3040") if screen.dark else ("#f4f5f8", "#20242e", "#b3262e")
    canvas = Canvas(Image.new("RGB", size, ground), pixels_per_mm)
    middle, area = screen.width / 2, code_area(screen)
    canvas.draw.rectangle([0, 0, size[0], screen.height * 0.13 * pixels_per_mm], bar)
    canvas.text(3, 4.6, "09:41", 2.6, "bold", fill="#ffffff")
    canvas.text(screen.width - 3, 4.6, "5G 82%", 2.4, anchor="rs", fill="#ffffff")
    canvas.text(middle, screen.height * 0.105, screen.title, 3.6, "bold", anchor="ms", fill="#ffffff")
    _code(canvas, area, text, style)
    below = area.top + area.height + 12
    for number, line in enumerate((*screen.lines, "Đưa mã này trước máy quét")):
        canvas.text(middle, below + 5.2 * number, line, 3.0, anchor="ms", fill=ink)
    canvas.text(middle, screen.height - 4, MARK, 3.0, "bold", anchor="ms", fill="#d02030")
    return canvas.picture


def _code(canvas: Canvas, area: Area, text: str, style: qr.Style | None) -> None:
    scale = canvas.scale
    matrix = qr.encode(text, style)
    margin = area.width / len(matrix) * qr.QUIET
    box = [area.left - margin, area.top - margin, area.left + area.width + margin, area.top + area.height + margin]
    canvas.draw.rounded_rectangle([edge * scale for edge in box], 1.2 * scale, "#ffffff")
    place = (round(area.left * scale), round(area.top * scale))
    canvas.picture.paste((8, 8, 10), place, stencil(matrix, area.width, scale))
