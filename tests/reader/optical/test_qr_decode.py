"""QR codes to exact bytes: Vietnamese in every segment mode that card printers use (vision.md 3)."""

import re

import numpy as np
import pytest
import segno
from segno.consts import MODE_BYTE

from reader.optical.decode import GreyImage, decode
from reader.payload import parse_payload

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


@pytest.mark.parametrize("text", [Q1, Q3, Q7, *NAMES])
def test_utf8_in_one_byte_segment_comes_back_exactly(text: str) -> None:
    assert decode(picture(in_bytes(text))) == [text.encode()]


@pytest.mark.parametrize("text", [Q1, Q3, Q7])
def test_numeric_segments_between_the_bytes_come_back_exactly(text: str) -> None:
    assert decode(picture(mixed(text))) == [text.encode()]


def test_declared_utf8_comes_back_exactly() -> None:
    assert decode(picture(segno.make(Q1, encoding="utf-8", eci=True, micro=False))) == [Q1.encode()]


def test_a_decoded_card_is_a_holder() -> None:
    (payload,) = decode(picture(in_bytes(Q1)))
    assert parse_payload(payload) == parse_payload(Q1)


def test_every_byte_value_comes_back_exactly() -> None:
    assert decode(picture(segno.make(bytes(range(256)), mode="byte"))) == [bytes(range(256))]


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
    assert sorted(decode(np.hstack(boards))) == sorted(name.encode() for name in NAMES[:2])


@pytest.mark.parametrize("shape", [(0, 0), (1, 1), (3, 500), (480, 640)])
def test_a_picture_without_a_code_gives_nothing(shape: tuple[int, int]) -> None:
    assert decode(np.full(shape, 128, dtype=np.uint8)) == []


def test_noise_gives_nothing() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (480, 640), dtype=np.uint8)
    assert decode(noise) == []


def test_a_part_of_a_larger_picture_is_read_without_a_copy_in_between() -> None:
    whole = picture(in_bytes(Q1))
    board = np.full((whole.shape[0] + 60, whole.shape[1] + 90), 255, dtype=np.uint8)
    board[20 : 20 + whole.shape[0], 30 : 30 + whole.shape[1]] = whole
    assert decode(board[10:, 15:]) == [Q1.encode()]


def test_a_coloured_picture_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="grey"):
        decode(np.zeros((10, 10, 3), dtype=np.uint8))
