"""What a live camera costs, at 15 frames a second of 1280 x 720 through the real OpenCV: processor time and memory of
the whole process, the virtual webcam's copying included. `pytest -s` shows the figures.
"""

import threading
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.support.camera import VirtualCamera, environment, held, jpeg, qr, scene, watching
from tests.support.waiting import wait_until

CARD = "079200900024||Nguyễn Văn Thử|01072000|Nam|Tổ 5, Phường Thử, Quận Mẫu, TP. Hồ Chí Minh|15082024||||"
SECONDS = 5.0
MOST_MEGABYTES = 150


def nobody(number: int) -> bytes:
    return jpeg(scene(1280, 720, seed=number))


def somebody(number: int) -> bytes:
    """A person swaying, and in the hand a code too blurred for any decoder, which is what costs most."""
    left = 500 + int(60 * np.sin(number * 2 * np.pi / 30))
    person = held(scene(1280, 720, seed=number), np.full((460, 300), 90, np.uint8), left - 100, 260)
    return jpeg(held(person, cv2.GaussianBlur(qr(CARD, 4), (0, 0), 3.0), left, 310))


def card(number: int) -> bytes:
    left = 500 + int(20 * np.sin(number * 2 * np.pi / 30))
    return jpeg(held(scene(1280, 720, seed=number), qr(CARD, 4), left, 300))


@pytest.mark.parametrize(
    ("film", "active", "share"), [(nobody, False, 0.08), (somebody, True, 0.60), (card, True, 0.60)]
)
def test_the_share_of_a_core_and_the_memory_stay_within_the_bars(
    tmp_path: Path, film: object, active: bool, share: float
) -> None:
    assert callable(film)
    webcam = VirtualCamera(tmp_path / "webcam", ["MJPG 1280 720 15"])
    webcam.shows(*(film(number) for number in range(30)))
    camera = {"device": str(webcam.device), "width": 1280, "height": 720}
    with watching({"camera": camera}, environment(webcam)) as watcher:
        wait_until(lambda: watcher.health().get("active") is active, 20.0, "active" if active else "idle")
        begin = watcher.asks("usage")
        threading.Event().wait(SECONDS)  # this is a measurement: nothing to wait for
        end, health = watcher.asks("usage"), watcher.health()
    used = (end["cpu"] - begin["cpu"]) / (end["at"] - begin["at"])
    print(f"{film.__name__}: {used:.1%} of a core, {end['rss']} MB, peak {end['peak']} MB, {health}")
    assert health["active"] is active
    assert used < share
    assert end["peak"] < MOST_MEGABYTES
