"""The painted cards and screens: what machines look for on them is where the standards say and says what it must."""

from pathlib import Path

import numpy as np
import pytest
import segno
import zxingcpp
from PIL import Image

from reader.payload.parse import parse_payload
from sandbox.card.mrz import check_digit
from sandbox.paper import canvas, faces, geometry, phone, qr
from sandbox.paper.errors import CodeTooLong, FontMissing
from sandbox.paper.geometry import Form, Side
from sandbox.people import all_people, find

PIXELS_PER_MM = 16.0
BEARS_CODE: list[tuple[Form, Side]] = [(2021, "front"), (2024, "back")]
BEARS_NONE: list[tuple[Form, Side]] = [(2021, "back"), (2024, "front")]


def codes_in(picture: Image.Image) -> list[zxingcpp.Barcode]:
    return zxingcpp.read_barcodes(np.asarray(picture.convert("L")), formats=zxingcpp.BarcodeFormat.QRCode)


@pytest.mark.parametrize(("form", "side"), BEARS_CODE)
def test_the_code_of_every_person_says_what_the_card_says(form: Form, side: Side) -> None:
    for person in all_people():
        (code,) = codes_in(faces.side(person, form, side, PIXELS_PER_MM))
        assert code.text == faces.code_text(person, form)
        assert code.text.count("|") == {2021: 6, 2024: 10}[form]


@pytest.mark.parametrize(("form", "side"), BEARS_CODE)
def test_the_code_has_its_size_and_place(form: Form, side: Side) -> None:
    (code,) = codes_in(faces.side(find("mau"), form, side, PIXELS_PER_MM))
    area, place = geometry.code_area(form), code.position
    assert place.top_left.x / PIXELS_PER_MM == pytest.approx(area.left, abs=0.25)
    assert place.top_left.y / PIXELS_PER_MM == pytest.approx(area.top, abs=0.25)
    assert (place.bottom_right.x - place.bottom_left.x) / PIXELS_PER_MM == pytest.approx(area.width, abs=0.35)
    assert geometry.code_side(form) == side


@pytest.mark.parametrize(("form", "side"), BEARS_NONE)
def test_the_other_side_bears_no_code(form: Form, side: Side) -> None:
    assert not codes_in(faces.side(find("mau"), form, side, PIXELS_PER_MM))


@pytest.mark.parametrize("pixels_per_mm", [6.0, 12.5, 20.0])
def test_a_card_is_id_1_at_any_resolution(pixels_per_mm: float) -> None:
    picture = faces.back(find("mau"), 2021, pixels_per_mm)
    assert picture.size == (round(85.6 * pixels_per_mm), round(53.98 * pixels_per_mm))
    corner = faces.rounded(picture, pixels_per_mm)
    assert corner.size == picture.size
    assert (corner.getpixel((0, 0)), corner.getpixel((picture.width // 2, 0))) == (0, 255)


@pytest.mark.parametrize("key", [person.key for person in all_people()])
def test_the_lines_are_a_document_whose_check_digits_are_right(key: str) -> None:
    person = find(key)
    first, second, third = faces.machine_lines(person)
    assert [len(line) for line in (first, second, third)] == [30, 30, 30]
    assert first[14] == check_digit(first[5:14])
    assert second[6] == check_digit(second[:6])
    assert second[14] == check_digit(second[8:14])
    assert second[29] == check_digit(first[5:] + second[:7] + second[8:15] + second[18:29])
    holder = parse_payload("\n".join((first, second, third))).holder
    assert holder is not None
    assert holder.personal_id == person.personal_id


@pytest.mark.parametrize("form", [2021, 2024])
def test_the_lines_stand_in_the_reading_zone_at_their_pitch(form: Form) -> None:
    sharp = faces.Print(ink=(0, 0, 0))
    ink = np.asarray(faces.back(find("mau"), form, PIXELS_PER_MM, sharp).convert("L")) < 40
    zone = geometry.reading_zone()
    left, top, width, height = (round(edge * PIXELS_PER_MM) for edge in zone)
    inside = ink[top : top + height, left : left + width]
    assert not ink[top + height :].any()
    assert not ink[top:, :left].any()
    assert not ink[top:, left + width :].any()

    rows = np.flatnonzero(np.diff(np.pad(inside.any(axis=1).astype(int), 1)))
    starts, ends = rows[::2] / PIXELS_PER_MM, rows[1::2] / PIXELS_PER_MM
    assert len(starts) == geometry.LINES
    assert np.diff(ends) == pytest.approx(geometry.LINE_PITCH, abs=0.15)
    assert ends - starts == pytest.approx(geometry.LETTER_HEIGHT, abs=0.35)  # round letters reach over and under

    bottom = inside[rows[-2] : rows[-1]].any(axis=0)  # ...<<<: the tip of each stands where it stands in its cell
    tips = np.flatnonzero(np.diff(np.pad(bottom.astype(int), 1)) == 1)[-10:] / PIXELS_PER_MM
    assert np.diff(tips) == pytest.approx(geometry.PITCH, abs=0.1)


@pytest.mark.parametrize("correction", ["L", "M", "Q", "H"])
@pytest.mark.parametrize("version", range(2, qr.MAX_VERSION + 1))
def test_our_codes_are_those_of_another_encoder(version: int, correction: qr.Correction) -> None:
    text = "Mẫu thử"  # announced as UTF-8, because segno pads one byte too many where nothing is announced
    for mask in (0, 5):
        made = segno.make_qr(
            text,
            version=version,
            error=correction,
            mask=mask,
            mode="byte",
            encoding="utf-8",
            eci=True,
            boost_error=False,
        )
        ours = qr.encode(text, qr.Style("eci", correction, version, mask))
        assert np.array_equal(ours, np.array([list(row) for row in made.matrix]).astype(bool))


@pytest.mark.parametrize("segments", ["byte", "mixed", "eci"])
@pytest.mark.parametrize("correction", ["L", "M", "Q"])
@pytest.mark.parametrize("version", [5, 8, 9, 10, 11])
def test_every_style_of_code_is_read(segments: qr.Segments, correction: qr.Correction, version: int) -> None:
    text = faces.code_text(find("nie"), 2021)
    style = qr.Style(segments, correction, version)
    printed = Image.fromarray(np.where(np.pad(qr.encode(text, style), qr.QUIET), 0, 255).astype(np.uint8))
    (code,) = codes_in(printed.resize((400, 400), Image.Resampling.NEAREST))
    assert (code.text, code.ec_level) == (text, correction)
    assert int(code.extra["Version"]) >= version


def test_the_numbers_of_a_mixed_code_take_less_room() -> None:
    text = "001303900017|14022003|20052021|" * 4
    assert len(qr.encode(text, qr.Style("mixed", "L"))) < len(qr.encode(text, qr.Style("byte", "L")))


def test_a_text_that_fits_no_code_is_refused() -> None:
    with pytest.raises(CodeTooLong):
        qr.encode("x" * 900)


@pytest.mark.parametrize("gain", [-0.12, 0.0, 0.2])
def test_spread_ink_keeps_the_modules(gain: float) -> None:
    printing = faces.Print(qr.Style("byte", "M", 8), gain=gain)
    (code,) = codes_in(faces.front(find("mau"), 2021, PIXELS_PER_MM, printing))
    assert code.text == faces.code_text(find("mau"), 2021)


@pytest.mark.parametrize("dark", [False, True])
def test_a_telephone_shows_the_code(dark: bool) -> None:
    screen = phone.Screen(dark=dark)
    text = faces.code_text(find("thu"), 2024)
    picture = phone.render(text, screen, 8.0)
    (code,) = codes_in(picture)
    assert code.text == text
    assert code.position.top_left.x / 8.0 == pytest.approx(phone.code_area(screen).left, abs=0.4)


def test_a_missing_font_names_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canvas, "_FOLDERS", (tmp_path,))
    with pytest.raises(FontMissing) as caught:
        canvas.font("ocr-b", 31.25)  # a size that no other test asks for
    assert caught.value.data == {"package": "fonts-ocr-b"}
