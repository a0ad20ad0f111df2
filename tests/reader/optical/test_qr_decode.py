"""QR codes to exact bytes: Vietnamese in every segment mode that card printers use (vision.md 3)."""

import io
import random
import re
import subprocess
import sys
from itertools import islice

import cv2
import numpy as np
import pytest
import segno
from segno.consts import MODE_BYTE

from reader.optical.decode import decode
from reader.optical.pictures import GreyImage
from reader.optical.qr.symbol import FIRST_VERSION, LAST_VERSION, fixed, side_of
from reader.optical.qr.zxing import read as read_by_zxing
from reader.payload import parse_payload
from tests.reader.payload.vietnam import payloads

Q1 = "001303900017|012345678|Trần Thị Mẫu|14022003|Nữ|Số 1 Đường Mẫu, Phường Mẫu, Quận Thử, Hà Nội|20052021"
Q3 = "079200900024||Nguyễn Văn Thử|01072000|Nam|Tổ 5, Phường Thử, Quận Mẫu, TP. Hồ Chí Minh|15082024||||"
Q7 = "048155900031||Lê Thị Ví Dụ|1955|Nữ|Tổ 2, Phường Thử, Quận Mẫu, Đà Nẵng|10102022"
NAMES = ["Trần Thị Mẫu", "Huỳnh Hiếu Thuận", "Nguyễn Văn Thử", "Đặng Ữ Ỡ Ẵ", "Niê Êban"]


def picture(code: segno.QRCode, scale: int = 4) -> GreyImage:
    """The code as a camera would see it at its best: dark on light with a quiet zone."""
    modules = np.array([list(row) for row in code.matrix], dtype=np.uint8)
    grey = np.where(np.pad(modules, 4) == 1, 0, 255).astype(np.uint8)
    return np.kron(grey, np.ones((scale, scale), dtype=np.uint8))


def in_bytes(text: str) -> segno.QRCode:
    return segno.make(text.encode(), mode="byte", micro=False)


def mixed(text: str) -> segno.QRCode:
    """Long runs of digits as numeric segments and the rest as bytes, as common encoders write it."""
    runs = [run for run in re.split(r"([0-9]{6,})", text) if run]
    return segno.make([run if run.isdigit() else (run.encode(), MODE_BYTE) for run in runs], micro=False)


def blurred(clear: GreyImage, pixels_per_module: float, blur: float, noise: float, turn: float = 8.0) -> GreyImage:
    """A clear picture with 12 pixels a module as a bad camera sees it: small, turned, tilted, out of focus, grainy.
    `blur` in modules."""
    side = clear.shape[0]
    board = np.full((side * 2, side * 2), 225, np.uint8)
    board[side // 2 : side // 2 + side, side // 2 : side // 2 + side] = clear
    soft = cv2.GaussianBlur(board, (0, 0), max(0.1, blur * 12))
    large, small_side = 2080, 520
    transform = np.eye(3)
    transform[:2] = cv2.getRotationMatrix2D((float(side), float(side)), turn, pixels_per_module / 3)
    transform[:2, 2] += large / 2 - side
    tilt = np.eye(3)
    tilt[2, 0] = 5e-5
    seen = cv2.warpPerspective(soft, tilt @ transform, (large, large), borderValue=225)
    small = cv2.resize(seen, (small_side, small_side), interpolation=cv2.INTER_AREA).astype(np.float32)
    grain = np.random.default_rng(3).normal(0, noise, small.shape)
    return np.clip(small * 0.6 + 40 + grain, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("text", [Q1, Q3, Q7, *NAMES])
def test_utf8_in_one_byte_segment_comes_back_exactly(text: str) -> None:
    assert decode(picture(in_bytes(text))) == [text]


@pytest.mark.parametrize("text", [Q1, Q3, Q7])
def test_numeric_segments_between_the_bytes_come_back_exactly(text: str) -> None:
    assert decode(picture(mixed(text))) == [text]


def test_declared_utf8_comes_back_exactly() -> None:
    assert decode(picture(segno.make(Q1, encoding="utf-8", eci=True, micro=False))) == [Q1]


def test_a_decoded_card_is_a_holder() -> None:
    (payload,) = decode(picture(in_bytes(Q1)))
    assert parse_payload(payload) == parse_payload(Q1)


def test_every_byte_value_comes_back_and_none_is_taken_for_a_letter() -> None:
    (text,) = decode(picture(segno.make(bytes(range(256)), mode="byte")))
    assert text.encode("utf-8", "surrogateescape") == bytes(range(256))
    assert parse_payload(text).reason == "payload.damaged"


@pytest.mark.parametrize("charset", ["iso-8859-15", "cp1258", "shift-jis"])
def test_another_character_set_counts_only_where_the_code_declares_it(charset: str) -> None:
    raw = "déjà".encode(charset) if charset != "shift-jis" else "日本".encode(charset)
    (undeclared,) = decode(picture(segno.make(raw, mode="byte", micro=False)))
    assert undeclared.encode("utf-8", "surrogateescape") == raw


def test_a_declared_character_set_is_read_by_it() -> None:
    code = segno.make("déjà vu, 5 €", encoding="iso-8859-15", eci=True, micro=False)
    assert decode(picture(code)) == ["déjà vu, 5 €"]


def test_hundreds_of_vietnamese_payloads_come_back_exactly_in_every_form() -> None:
    wrong = []
    for text in islice(payloads(random.Random(4)), 150):  # noqa: S311
        for code in (in_bytes(text), mixed(text), segno.make(text, encoding="utf-8", eci=True, micro=False)):
            if decode(picture(code, scale=3)) != [text]:
                wrong.append(text)
    assert wrong == []


def test_without_zxing_the_same_code_is_read_by_zbar() -> None:
    small = blurred(picture(in_bytes(Q1), scale=12), pixels_per_module=2.2, blur=0.35, noise=3)
    script = (
        "import sys; sys.modules['zxingcpp'] = None\n"
        "import io, numpy as np\n"
        "from reader.optical.decode import decode\n"
        "sys.stdout.buffer.write('\\n'.join(decode(np.load(io.BytesIO(sys.stdin.buffer.read())))).encode())\n"
    )
    stored = io.BytesIO()
    np.save(stored, small)
    done = subprocess.run([sys.executable, "-c", script], input=stored.getvalue(), capture_output=True, check=True)
    assert done.stdout.decode() == Q1


def test_several_codes_in_one_picture_are_all_found() -> None:
    side = np.full((400, 400), 255, dtype=np.uint8)
    pictures = [picture(in_bytes(name)) for name in NAMES[:2]]
    for each in pictures:
        assert max(each.shape) < 400
    boards = []
    for each in pictures:
        board = side.copy()
        board[: each.shape[0], : each.shape[1]] = each
        boards.append(board)
    assert sorted(decode(np.hstack(boards))) == sorted(NAMES[:2])


@pytest.mark.parametrize("shape", [(0, 0), (1, 1), (3, 500), (480, 640)])
def test_a_picture_without_a_code_gives_nothing(shape: tuple[int, int]) -> None:
    assert decode(np.full(shape, 128, dtype=np.uint8)) == []


@pytest.mark.parametrize("version", ["M1", "M2", "M3", "M4"])
def test_micro_codes_are_left_alone_because_their_correction_lets_noise_through(version: str) -> None:
    assert decode(picture(segno.make("1234", version=version))) == []


def test_noise_gives_nothing() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (480, 640), dtype=np.uint8)
    assert decode(noise) == []


@pytest.mark.parametrize("turn", [0.0, 31.0, 45.0, 200.0])
def test_a_small_blurred_code_that_zxing_alone_does_not_see_is_read(turn: float) -> None:
    picture_ = blurred(picture(in_bytes(Q1), scale=12), pixels_per_module=1.9, blur=0.42, noise=3, turn=turn)
    assert read_by_zxing(picture_) == []
    assert decode(picture_) == [Q1]


def test_a_code_half_under_a_glare_is_read() -> None:
    picture_ = blurred(picture(in_bytes(Q3), scale=12), pixels_per_module=3.0, blur=0.3, noise=2).astype(np.float32)
    y, x = np.mgrid[: picture_.shape[0], : picture_.shape[1]]
    glare = 120 * np.exp(-((x - 320) ** 2 + (y - 300) ** 2) / (2 * 45.0**2))
    assert decode(np.clip(picture_ + glare, 0, 255).astype(np.uint8)) == [Q3]


@pytest.mark.parametrize("version", range(FIRST_VERSION, LAST_VERSION + 1))
def test_the_fixed_patterns_are_those_of_the_standard(version: int) -> None:
    printed = np.array([list(row) for row in segno.make("1", version=version).matrix])
    known = fixed(side_of(version)).modules
    assert (known[known != 0] == np.where(printed, -1, 1)[known != 0]).all()
    assert (known != 0).sum() > 240


def test_a_part_of_a_larger_picture_is_read_without_a_copy_in_between() -> None:
    whole = picture(in_bytes(Q1))
    board = np.full((whole.shape[0] + 60, whole.shape[1] + 90), 255, dtype=np.uint8)
    board[20 : 20 + whole.shape[0], 30 : 30 + whole.shape[1]] = whole
    assert decode(board[10:, 15:]) == [Q1]


def test_a_coloured_picture_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="grey"):
        decode(np.zeros((10, 10, 3), dtype=np.uint8))
