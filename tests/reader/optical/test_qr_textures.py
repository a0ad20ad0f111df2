"""Codes that are large and clear to the eye and hard for a decoder: texture over them, light on dark, others beside."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest
import segno

from reader.optical.decode import decode, find
from reader.optical.pictures import GreyImage

CARD = "001303900017|012345678|Trần Thị Mẫu|14022003|Nữ|Số 1 Đường Mẫu, Phường Mẫu, Quận Thử, Hà Nội|20052021"
POSTER = "https://benhvien.example/wifi"


def code(text: str, pixels: int) -> GreyImage:
    rows = segno.make(text.encode(), error="m", mode="byte", micro=False).matrix
    dark = np.pad(np.array([list(row) for row in rows], np.uint8), 4)
    return np.kron((1 - dark) * 255, np.ones((pixels, pixels), np.uint8)).astype(np.uint8)


def view(held: GreyImage, left: int = 600, top: int = 90, degrees: float = 7) -> GreyImage:
    """A camera's picture with the code in it, a little turned."""
    frame = np.full((720, 1280), 210, np.uint8)
    height, width = held.shape
    frame[top : top + height, left : left + width] = held
    turn = cv2.getRotationMatrix2D((left + width / 2, top + height / 2), degrees, 1)
    return cv2.warpAffine(frame, turn, (1280, 720), borderValue=210).astype(np.uint8)


def grainy(seen: GreyImage, strength: float) -> GreyImage:
    noise = np.random.default_rng(3).normal(0, strength, seen.shape)
    return np.clip(seen.astype(float) * 0.9 + noise, 0, 255).astype(np.uint8)


def dim(seen: GreyImage) -> GreyImage:
    return np.clip(grainy(seen, 50).astype(float) * 0.12 + 10, 0, 255).astype(np.uint8)


def salted(seen: GreyImage) -> GreyImage:
    share, changed = np.random.default_rng(3).random(seen.shape), seen.copy()
    changed[share < 0.05], changed[share > 0.95] = 0, 255
    return changed


def pixel_grid(seen: GreyImage) -> GreyImage:
    lit = seen.astype(float)
    lit[::4] *= 0.35
    lit[:, ::4] *= 0.4
    return np.clip(lit, 0, 255).astype(np.uint8)


def dithered(seen: GreyImage) -> GreyImage:
    threshold = np.tile(np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]]) * 16 + 8, (180, 320))
    return np.where(seen * 0.7 + 40 > threshold, 255, 0).astype(np.uint8)


@pytest.mark.parametrize("spoil", [lambda seen: grainy(seen, 55), dim, salted, pixel_grid, dithered])
def test_a_large_code_under_fine_texture_is_read(spoil: Callable[[GreyImage], GreyImage]) -> None:
    assert decode(spoil(view(code(CARD, 9)))) == [CARD]


@pytest.mark.parametrize("pixels", [3, 5, 9])
def test_a_light_code_on_a_dark_ground_is_read(pixels: int) -> None:
    assert decode(255 - view(code(CARD, pixels))) == [CARD]


@pytest.mark.parametrize(("pixels", "blur"), [(2, 0.9), (3, 1.6), (4, 2.2)])
def test_an_easy_code_on_the_wall_does_not_hide_the_card_before_it(pixels: int, blur: float) -> None:
    seen = grainy(cv2.GaussianBlur(view(code(CARD, pixels)), (0, 0), blur).astype(np.uint8), 2)
    poster = code(POSTER, 5)
    seen[20 : 20 + poster.shape[0], 20 : 20 + poster.shape[1]] = poster
    assert set(decode(seen)) == {CARD, POSTER}


def test_the_place_of_a_code_is_told_whatever_step_read_it() -> None:
    for spoil in (lambda seen: seen, lambda seen: grainy(seen, 55), lambda seen: cv2.GaussianBlur(seen, (0, 0), 4.6)):
        held = code(CARD, 9)
        ((text, box),) = find(spoil(view(held, degrees=0)))
        assert text == CARD
        middle = (box.left + box.width / 2, box.top + box.height / 2)
        assert middle == pytest.approx((600 + held.shape[1] / 2, 90 + held.shape[0] / 2), abs=12)
        assert box.width == pytest.approx(held.shape[1] - 72, abs=24)
