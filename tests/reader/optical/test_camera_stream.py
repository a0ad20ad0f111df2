"""A stream of JPEG pictures in the place of a camera: FIFO, socket, file; and a Pi's camera by a stand-in."""

import os
import queue
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from config.settings import CameraSettings
from reader.optical.camera import CameraSource
from tests.support.camera import held, jpeg, qr, scene, watching
from tests.support.waiting import wait_until

CARD = "079200900024||Nguyễn Văn Thử|01072000|Nam|Tổ 5, Phường Thử, Quận Mẫu, TP. Hồ Chí Minh|15082024||||"
DEADLINE = 20.0
SIZE = (640, 480)
STAND_IN = Path(__file__).parents[2] / "support" / "pi"


def picture(text: str) -> bytes:
    return jpeg(held(scene(*SIZE), qr(text, 4), 60, 40))


HALL = jpeg(scene(*SIZE))


@dataclass
class Running:
    source: CameraSource
    texts: "queue.Queue[str]"

    @property
    def state(self) -> str | None:
        health = self.source.health()
        return health["problem"] if health["state"] == "missing" else health["state"]

    def reads(self) -> str:
        return self.texts.get(timeout=DEADLINE)

    def until(self, state: str) -> None:
        wait_until(lambda: self.state == state, DEADLINE, state)


@contextmanager
def running(device: Path | str) -> Iterator[Running]:
    camera = CameraSource(CameraSettings(device=str(device)), "camera", time.monotonic)
    seen: queue.Queue[str] = queue.Queue()
    stop = threading.Event()
    thread = threading.Thread(target=camera.run, args=(seen.put, stop), daemon=True)
    thread.start()
    try:
        yield Running(camera, seen)
    finally:
        stop.set()
        thread.join(DEADLINE)
        assert not thread.is_alive()


@contextmanager
def filling(write: Callable[[bytes], object], pictures: list[bytes], pause: float = 0.02) -> Iterator[list[bytes]]:
    """Write the pictures again and again from another thread; the list may be changed meanwhile."""
    over = threading.Event()

    def fill() -> None:
        while not over.wait(pause):
            for one in list(pictures):
                try:
                    write(one)
                except OSError:
                    return

    thread = threading.Thread(target=fill, daemon=True)
    thread.start()
    try:
        yield pictures
    finally:
        over.set()
        thread.join(DEADLINE)


def test_a_fifo_is_a_camera_while_somebody_writes_into_it(tmp_path: Path) -> None:
    fifo = tmp_path / "camera"
    os.mkfifo(fifo)
    with running(fifo) as camera:
        camera.until("camera.missing")
        for text in (CARD, CARD.replace("Thử", "Mới")):
            with fifo.open("wb", buffering=0) as writer, filling(writer.write, [HALL]) as pictures:
                camera.until("open")
                pictures[:] = [picture(text)]
                assert camera.reads() == text
                health = camera.source.health()
                assert (health["format"], health["width"], health["height"]) == ("JPEG", *SIZE)
            camera.until("camera.missing")


def test_a_writer_without_pause_is_made_to_wait_and_the_newest_picture_counts(tmp_path: Path) -> None:
    fifo = tmp_path / "camera"
    os.mkfifo(fifo)
    with running(fifo) as camera, fifo.open("wb", buffering=0) as writer:
        with filling(writer.write, [HALL], pause=0) as pictures:
            camera.until("open")
            pictures[:] = [picture(CARD)]
            changed = time.monotonic()
            assert camera.reads() == CARD
            assert time.monotonic() - changed < DEADLINE / 2  # nothing old stood in a queue before it
        assert camera.source.health()["frames_per_second"] <= 65


def test_a_socket_is_a_camera_while_somebody_answers(tmp_path: Path, run_dir: Path) -> None:
    place = run_dir / "camera.sock"
    with running(place) as camera:
        camera.until("camera.missing")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(place))
            listener.listen()
            connection, _ = listener.accept()
            with (
                connection,
                filling(connection.sendall, [b"--frame\r\nContent-Type: image/jpeg\r\n\r\n" + picture(CARD)]),
            ):
                assert camera.reads() == CARD
            camera.until("camera.missing")


def test_a_film_is_played_through_and_begins_again(tmp_path: Path) -> None:
    film = tmp_path / "film.mjpeg"
    with running(film) as camera:
        camera.until("camera.missing")
        fresh = tmp_path / "fresh"
        fresh.write_bytes(b"".join([HALL] * 5 + [picture(CARD)] * 5))
        fresh.rename(film)
        assert camera.reads() == CARD
        camera.until("camera.missing")
        fresh.write_bytes(b"".join([HALL] * 5 + [picture("a text that no card bears")] * 20))
        fresh.rename(film)
        assert camera.reads() == "a text that no card bears"


@pytest.mark.parametrize("content", [b"", b"\xff\xd8\xff", b"RIFF" * 999, b"\xff\xd8\xff\xe0\x00\x00" * 99])
def test_a_file_without_pictures_is_no_camera(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "empty"
    path.write_bytes(content)
    with running(path) as camera:
        camera.until("camera.unsuitable")
        assert camera.texts.empty()


def test_a_folder_is_no_camera(tmp_path: Path) -> None:
    with running(tmp_path) as camera:
        camera.until("camera.unsuitable")


def test_without_a_device_nothing_runs() -> None:
    camera = CameraSource(CameraSettings(device=""), "second_camera", lambda: 5.0)
    camera.run(print, threading.Event())
    assert camera.name == "second_camera"
    assert camera.health() == {"state": "absent", "problem": None, "device": "", "seconds": 0.0}


def test_a_reader_without_a_camera_loads_no_picture_library() -> None:
    code = (
        "import sys, time, threading\n"
        "from config.settings import CameraSettings\n"
        "from reader.optical.camera import CameraSource\n"
        "CameraSource(CameraSettings(device=''), 'camera', time.monotonic).run(print, threading.Event())\n"
        "print(sorted({'cv2', 'numpy', 'pyzbar', 'zxingcpp'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_a_pi_camera_is_read_by_its_luma(tmp_path: Path) -> None:
    film = tmp_path / "film.npy"
    np.save(film, held(scene(1000, 600), qr(CARD, 4), 60, 40))
    asked = {"device": "picamera2", "width": 1000, "height": 600}  # rows padded to 1024
    with watching({"camera": asked}, {"FILM": str(film), "PYTHONPATH": str(STAND_IN)}) as watcher:
        assert watcher.texts.get(timeout=DEADLINE) == ("camera", CARD)
        health = watcher.health()
        assert (health["format"], health["width"], health["height"]) == ("YU12", 1000, 600)
        assert watcher.asks("stop")["camera"] < 0.5


@pytest.mark.parametrize(
    ("device", "variables", "code"),
    [
        ("picamera2", {}, "camera.picamera_missing"),
        ("picamera2:1", {"PYTHONPATH": str(STAND_IN)}, "camera.missing"),
        ("picamera2:0", {"PYTHONPATH": str(STAND_IN), "PI_BUSY": "1"}, "camera.busy"),
    ],
)
def test_a_pi_camera_that_cannot_be_used_says_why(device: str, variables: dict[str, str], code: str) -> None:
    with watching({"camera": {"device": device}}, variables) as watcher:
        wait_until(lambda: watcher.health()["problem"] == code, DEADLINE, code)
