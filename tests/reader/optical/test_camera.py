"""The camera through a real video file in the place of the device."""

import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import segno

from reader.optical.camera import CameraSource
from reader.payload import parse_payload

CARD = "079200900024||Nguyễn Văn Thử|01072000|Nam|Tổ 5, Phường Thử, Quận Mẫu, TP. Hồ Chí Minh|15082024||||"
DEADLINE = 20.0


def film(path: Path, text: str) -> None:
    """Thirty coloured frames, a code lying in them."""
    modules = np.array(
        [list(row) for row in segno.make(text.encode(), mode="byte", micro=False).matrix], dtype=np.uint8
    )
    code = np.kron(np.where(np.pad(modules, 4) == 1, 0, 255), np.ones((5, 5))).astype(np.uint8)
    frame = np.full((480, 640, 3), (120, 160, 140), dtype=np.uint8)
    frame[40 : 40 + code.shape[0], 60 : 60 + code.shape[1]] = code[:, :, None]
    fresh = path.with_name(f"new-{path.name}")
    writer = cv2.VideoWriter(str(fresh), cv2.VideoWriter.fourcc(*"MJPG"), 15, (640, 480))
    assert writer.isOpened()
    for _ in range(30):
        writer.write(frame)
    writer.release()
    fresh.replace(path)


@contextmanager
def running(camera: CameraSource) -> Iterator["queue.Queue[str]"]:
    seen: queue.Queue[str] = queue.Queue()
    stop = threading.Event()
    thread = threading.Thread(target=camera.run, args=(seen.put, stop), daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join(DEADLINE)
        assert not thread.is_alive()


def wait_until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + DEADLINE
    pause = threading.Event()
    while not true():
        assert time.monotonic() < end, "not in time"
        pause.wait(0.01)


def test_a_code_in_view_is_told_with_its_exact_text(tmp_path: Path) -> None:
    path = tmp_path / "camera.avi"
    film(path, CARD)
    camera = CameraSource(str(path), time.monotonic)
    with running(camera) as seen:
        payload = seen.get(timeout=DEADLINE)
        assert payload == CARD
        assert parse_payload(payload).kind == "citizen_card"


def test_a_camera_plugged_in_later_is_found_and_one_that_ends_is_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "camera.avi"
    camera = CameraSource(str(path), time.monotonic)
    with running(camera) as seen:
        wait_until(lambda: camera.health()["problem"] == "camera.missing")
        film(path, "first")
        assert seen.get(timeout=DEADLINE) == "first"
        wait_until(lambda: camera.health()["state"] == "missing")  # the film is over, as when the plug is pulled
        film(path, "second")
        assert seen.get(timeout=DEADLINE) == "second"


def test_a_path_that_is_no_camera_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "empty"
    path.write_bytes(b"")
    camera = CameraSource(str(path), time.monotonic)
    with running(camera) as seen:
        wait_until(lambda: camera.health()["problem"] == "camera.missing")
        assert seen.empty()


def test_without_a_device_nothing_runs() -> None:
    camera = CameraSource("", lambda: 5.0)
    camera.run(print, threading.Event())
    assert camera.health() == {"state": "absent", "problem": None, "device": "", "seconds": 0.0}


def test_a_reader_without_a_camera_loads_no_picture_library() -> None:
    code = (
        "import sys, time, threading\n"
        "from reader.optical.camera import CameraSource\n"
        "CameraSource('', time.monotonic).run(print, threading.Event())\n"
        "print(sorted({'cv2', 'numpy', 'pyzbar'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
