"""The printed card of a synthetic person: front and back of the cards of 2021 and 2024, as pictures.

For training material, tests and benchmarks of whatever looks at cards. Plainly no real card: it says so across both
sides, has no state emblem, and its portrait is drawn. What a machine looks for is like the real thing: the code's size
and surroundings, the machine-readable lines, the crowded print. Importing this loads Pillow and NumPy.
"""

from dataclasses import dataclass, field
from io import BytesIO
from statistics import NormalDist

import numpy as np
from msgspec.structs import replace
from PIL import Image, ImageDraw, ImageFilter

from sandbox import portrait
from sandbox.card import mrz
from sandbox.paper import geometry, qr
from sandbox.paper.background import plate
from sandbox.paper.canvas import Canvas, Face, em_for_capitals, font
from sandbox.paper.geometry import Area, Form, Side
from sandbox.people import Person, qr_text

MARK = "MẪU · SPECIMEN"
_RED, _INK, _LABEL = "#b3202c", "#17171c", "#2c4d63"
_BLACK = (20, 20, 26)
_EDGE = 0.22  # of a module: how soft an edge is before the ink decides


@dataclass(frozen=True)
class Print:
    """What differs from one batch of cards to the next. `line_pitch` in millimetres; `gain`: by how much of a module
    the code's dark edges have spread (less than 0: shrunk), with the corners rounded that printing rounds.
    """

    code: qr.Style = field(default_factory=lambda: qr.Style("byte", "L", 6))
    lines_face: Face = "ocr-b"
    line_pitch: float = geometry.LINE_PITCH
    gain: float = 0.0
    ink: tuple[int, int, int] = _BLACK


def front(person: Person, form: Form, pixels_per_mm: float, printing: Print | None = None) -> Image.Image:
    """The front, RGB. Raises FontMissing, CodeTooLong."""
    printing = printing or Print()
    canvas = _canvas(form, "front", pixels_per_mm)
    _heading(canvas, form)
    _portrait(canvas, person)
    if form == 2021:
        _code(canvas, person, form, printing)
        _fields_of_2021(canvas, person)
    else:
        _fields_of_2024(canvas, person)
    return _specimen(canvas, 29.0, 33.0)


def back(person: Person, form: Form, pixels_per_mm: float, printing: Print | None = None) -> Image.Image:
    """The back, RGB, with chip and machine-readable lines. Raises FontMissing, CodeTooLong."""
    printing = printing or Print()
    canvas = _canvas(form, "back", pixels_per_mm)
    if form == 2021:
        _back_of_2021(canvas, person)
    else:
        _code(canvas, person, form, printing)
        _back_of_2024(canvas, person)
    _lines(canvas, person, printing)
    return _specimen(canvas, 22.0, 31.0)


def side(person: Person, form: Form, which: Side, pixels_per_mm: float, printing: Print | None = None) -> Image.Image:
    """Front or back."""
    return (front if which == "front" else back)(person, form, pixels_per_mm, printing)


def code_text(person: Person, form: Form) -> str:
    """What the card's code says."""
    return qr_text(replace(person, generation=form))


def machine_lines(person: Person) -> tuple[str, ...]:
    """The three machine-readable lines (9303-5, 4.2.2)."""
    zone = mrz.zone(person.personal_id, person.full_name, person.birth_date, person.sex, person.expiry_date)
    return zone.lines


def _canvas(form: Form, which: Side, pixels_per_mm: float) -> Canvas:
    return Canvas(plate(form, which, pixels_per_mm).copy(), pixels_per_mm)


def _heading(canvas: Canvas, form: Form) -> None:
    centre = 42.6 if form == 2021 else 49.0
    canvas.text(centre, 6.2, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", 2.1, "bold", anchor="ms", fill=_INK)
    canvas.text(centre, 9.0, "Độc lập - Tự do - Hạnh phúc", 2.2, "bold", anchor="ms", fill=_INK)
    canvas.text(centre, 11.3, "SOCIALIST REPUBLIC OF VIET NAM", 1.55, anchor="ms", fill=_INK)
    canvas.text(centre, 13.3, "Independence - Freedom - Happiness", 1.5, anchor="ms", fill=_INK)
    title, english = ("CĂN CƯỚC CÔNG DÂN", "Citizen Identity Card") if form == 2021 else ("CĂN CƯỚC", "IDENTITY CARD")
    canvas.text(centre, 18.3, title, 3.7, "bold", anchor="ms", fill=_RED)
    canvas.text(centre, 20.9, english, 2.0, "regular", anchor="ms", fill=_RED)
    _emblem(canvas, 13.0, 10.6, 6.4)


def _emblem(canvas: Canvas, x: float, y: float, radius: float) -> None:
    """Rings and a letter, nobody's arms."""
    scale = canvas.scale
    for reach, colour in ((1.0, "#a8323a"), (0.86, "#e6c65a"), (0.78, "#a8323a")):
        edge = radius * reach
        box = [(x - edge) * scale, (y - edge) * scale, (x + edge) * scale, (y + edge) * scale]
        canvas.draw.ellipse(box, fill=colour)
    canvas.text(x, y + radius * 0.36, "M", radius * 1.0, "bold", anchor="ms", fill="#f0d878")


def _portrait(canvas: Canvas, person: Person) -> None:
    with Image.open(BytesIO(portrait.jpeg(person))) as picture:
        canvas.paste(picture.convert("RGB"), Area(3.6, 19.6, 20.4, 27.2))


def _code(canvas: Canvas, person: Person, form: Form, printing: Print) -> None:
    """Dark modules on a light patch that is not much wider than the quiet zone."""
    area = geometry.code_area(form)
    matrix = qr.encode(code_text(person, form), printing.code)
    module = area.width / len(matrix)
    patch = module * 3
    scale = canvas.scale
    outer = [
        (area.left - patch) * scale,
        (area.top - patch) * scale,
        (area.left + area.width + patch) * scale,
        (area.top + area.height + patch) * scale,
    ]
    canvas.draw.rectangle(outer, fill=(246, 246, 243, 235))
    place = (round(area.left * scale), round(area.top * scale))
    canvas.picture.paste(printing.ink, place, stencil(matrix, area.width, scale, printing.gain))


def stencil(matrix: qr.Matrix, millimetres: float, pixels_per_mm: float, gain: float = 0.0) -> Image.Image:
    """A code as a mask, dark modules opaque, with edges that fall between pixels blended; `gain` as in Print."""
    size = round(millimetres * pixels_per_mm)
    steps = -(-size // len(matrix))  # whole pixels to a module, at least as many as wanted
    mask = Image.fromarray(np.kron(matrix, np.ones((steps, steps), np.bool_)).astype(np.uint8) * 255)
    mask = mask.resize((size, size), Image.Resampling.BOX)
    if not gain:
        return mask
    level = 255 * NormalDist().cdf(-gain / _EDGE)  # the height of a straight blurred edge where it shall end
    soft = mask.filter(ImageFilter.GaussianBlur(_EDGE * size / len(matrix)))
    return soft.point([round(max(0.0, min(255.0, 128 + (value - level) * 5))) for value in range(256)])


def _fields_of_2021(canvas: Canvas, person: Person) -> None:
    _labelled(canvas, 26.5, 24.6, "Số / No.:", person.personal_id, 3.6)
    _stacked(canvas, 26.5, 27.4, "Họ và tên / Full name:", person.full_name.upper(), 2.6)
    _labelled(canvas, 26.5, 34.3, "Ngày sinh / Date of birth:", _shown(person.birth_date), 2.3)
    _labelled(canvas, 26.5, 37.4, "Giới tính / Sex:", _sex(person), 2.3)
    _labelled(canvas, 49.0, 37.4, "Quốc tịch / Nationality:", person.nationality, 2.3)
    _stacked(canvas, 26.5, 40.4, "Quê quán / Place of origin:", person.place_of_origin, 2.1)
    _stacked(canvas, 26.5, 45.6, "Nơi thường trú / Place of residence:", person.residence, 2.0)
    canvas.text(3.6, 49.2, "Có giá trị đến / Date of expiry:", 1.3, fill=_LABEL)
    canvas.text(3.6, 51.4, _expiry(person), 1.8, fill=_INK)


def _fields_of_2024(canvas: Canvas, person: Person) -> None:
    canvas.text(26.5, 26.0, "Số định danh cá nhân / Personal identification number:", 1.5, fill=_LABEL)
    canvas.text(26.5, 30.2, person.personal_id, 3.8, "bold", fill=_INK)
    _stacked(canvas, 26.5, 33.4, "Họ, chữ đệm và tên khai sinh / Full name:", person.full_name.upper(), 2.6)
    _labelled(canvas, 26.5, 41.4, "Ngày, tháng, năm sinh / Date of birth:", _shown(person.birth_date), 2.3)
    _labelled(canvas, 26.5, 45.0, "Giới tính / Sex:", _sex(person), 2.3)
    _labelled(canvas, 26.5, 48.6, "Quốc tịch / Nationality:", person.nationality, 2.3)


def _back_of_2021(canvas: Canvas, person: Person) -> None:
    canvas.text(4.0, 5.6, "Đặc điểm nhân dạng / Personal identification:", 1.6, fill=_LABEL)
    canvas.wrapped(Area(4.0, 8.4, 45, 0), person.features or "Không", 2.0)
    canvas.text(20.0, 16.2, f"Ngày, tháng, năm / Date, month, year: {_shown(person.issue_date)}", 1.4, fill=_INK)
    canvas.text(38.0, 19.4, "CỤC TRƯỞNG CỤC CẢNH SÁT", 1.6, "bold", anchor="ms", fill=_INK)
    canvas.text(38.0, 21.6, "QUẢN LÝ HÀNH CHÍNH VỀ TRẬT TỰ XÃ HỘI (MẪU)", 1.3, "bold", anchor="ms", fill=_INK)
    with Image.open(BytesIO(portrait.signature(person))) as picture:
        scribble = picture.convert("L").point(lambda value: 255 - value)
        size = (round(15 * canvas.scale), round(5 * canvas.scale))
        canvas.picture.paste((40, 40, 90), (round(30 * canvas.scale), round(23 * canvas.scale)), scribble.resize(size))
    for left, label in ((56.0, "Ngón trỏ trái"), (69.5, "Ngón trỏ phải")):
        _finger(canvas, Area(left, 4.0, 12.0, 15.0))
        canvas.text(left + 6, 21.2, label, 1.4, anchor="ms", fill=_LABEL)
    _chip(canvas, Area(5.0, 15.5, 13.0, 11.8))


def _back_of_2024(canvas: Canvas, person: Person) -> None:
    canvas.text(4.0, 4.8, "Nơi cư trú / Place of residence:", 1.5, fill=_LABEL)
    canvas.wrapped(Area(4.0, 7.2, 60, 0), person.residence, 1.7)
    canvas.text(4.0, 12.6, "Nơi đăng ký khai sinh / Place of birth:", 1.5, fill=_LABEL)
    canvas.wrapped(Area(4.0, 15.0, 60, 0), person.place_of_origin, 1.9)
    canvas.text(22.0, 19.6, f"Ngày, tháng, năm cấp / Date of issue: {_shown(person.issue_date)}", 1.5, fill=_INK)
    canvas.text(22.0, 22.4, f"Ngày, tháng, năm hết hạn / Date of expiry: {_expiry(person)}", 1.5, fill=_INK)
    canvas.text(66.0, 26.6, "BỘ CÔNG AN (MẪU)", 1.9, "bold", anchor="ms", fill=_INK)
    canvas.text(66.0, 28.8, "MINISTRY OF PUBLIC SECURITY (SPECIMEN)", 1.2, anchor="ms", fill=_INK)
    _chip(canvas, Area(5.0, 17.6, 13.0, 11.8))


def _chip(canvas: Canvas, area: Area) -> None:
    """Gold contacts with the usual eight fields."""
    scale = canvas.scale
    left, top, width, height = (value * scale for value in area)
    thin = max(1, round(0.18 * scale))
    canvas.draw.rounded_rectangle([left, top, left + width, top + height], 1.6 * scale, "#cfae5c", "#8c7030", thin)
    for part in (0.25, 0.5, 0.75):
        canvas.draw.line([left, top + height * part, left + width * 0.33, top + height * part], "#80662c", thin)
        right = left + width
        canvas.draw.line([right - width * 0.33, top + height * part, right, top + height * part], "#80662c", thin)
    middle = [left + width * 0.33, top + height * 0.2, left + width * 0.67, top + height * 0.8]
    canvas.draw.rounded_rectangle(middle, scale, None, "#80662c", thin)


def _finger(canvas: Canvas, area: Area) -> None:
    """Ridges of nobody's finger."""
    width, height = round(area.width * canvas.scale), round(area.height * canvas.scale)
    x, y = np.meshgrid(np.linspace(-1, 1, width), np.linspace(-1.25, 1.25, height))
    radius = np.hypot(x, y * 0.8 + 0.15 * x * x)
    ridges = np.sin(radius * 46 + 2.2 * np.sin(3 * np.arctan2(y + 0.2, x)))
    mask = np.where((ridges > 0) & (np.hypot(x, y * 0.78) < 0.95), 190, 0).astype(np.uint8)
    place = (round(area.left * canvas.scale), round(area.top * canvas.scale))
    canvas.picture.paste((60, 60, 66), place, Image.fromarray(mask))


def _lines(canvas: Canvas, person: Person, printing: Print) -> None:
    em = em_for_capitals(printing.lines_face, geometry.LETTER_HEIGHT)
    face = font(printing.lines_face, em * canvas.scale)
    for line, baseline in zip(machine_lines(person), geometry.baselines(printing.line_pitch), strict=True):
        for column, character in enumerate(line):
            place = ((geometry.character_left(column)) * canvas.scale, baseline * canvas.scale)
            canvas.draw.text(place, character, printing.ink, face, "ls")


def _labelled(canvas: Canvas, left: float, baseline: float, label: str, value: str, em: float) -> None:
    canvas.text(left, baseline, label, 1.6, fill=_LABEL)
    canvas.text(left + canvas.width_of(label, 1.6) + 1.0, baseline, value, em, fill=_INK)


def _stacked(canvas: Canvas, left: float, baseline: float, label: str, value: str, em: float) -> None:
    """A label and the value below it, smaller where the value would need more than two lines."""
    width = 56.0
    lines = canvas.width_of(value, em) / width
    smaller = em if lines < 1 else em * 0.8 if lines < 2 else em * 0.68
    canvas.text(left, baseline, label, 1.5, fill=_LABEL)
    canvas.wrapped(Area(left, baseline + smaller * 1.15, width, 0), value, smaller)


def _specimen(canvas: Canvas, left: float, baseline: float) -> Image.Image:
    """The word across the card, and once more small."""
    face = font("bold", 6.2 * canvas.scale)
    x, y, right, bottom = face.getbbox(MARK, anchor="ls")
    over = Image.new("L", (round(right - x), round(bottom - y)), 0)
    ImageDraw.Draw(over).text((-x, -y), MARK, 70, face, "ls")
    canvas.picture.paste((190, 20, 40), (round(left * canvas.scale + x), round(baseline * canvas.scale + y)), over)
    canvas.text(85.0, 53.2, "SANDBOX", 1.3, "bold", anchor="rs", fill=_RED)
    return canvas.picture


def rounded(picture: Image.Image, pixels_per_mm: float) -> Image.Image:
    """The card's outline as a mask of the same size: its corners are round (ISO/IEC 7810, 5.1)."""
    mask = Image.new("L", picture.size, 0)
    box = (0, 0, picture.width - 1, picture.height - 1)
    ImageDraw.Draw(mask).rounded_rectangle(box, geometry.CORNER * pixels_per_mm, 255)
    return mask


def _shown(iso: str) -> str:
    return "/".join(reversed(iso.split("-")))


def _expiry(person: Person) -> str:
    return "Không thời hạn" if person.expiry_date == "none" else _shown(person.expiry_date)


def _sex(person: Person) -> str:
    return {"male": "Nam", "female": "Nữ"}[person.sex]
