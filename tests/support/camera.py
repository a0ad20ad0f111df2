"""Virtual webcams (camera.c) and what they see, for a process that looks through the real OpenCV."""

import atexit
import functools
import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import segno

from reader.optical.pictures import GreyImage

SOURCE = Path(__file__).with_name("camera.c")
ROOT = Path(__file__).parents[2]
WEBCAM = ("MJPG 1920 1080 30", "MJPG 1280 720 30", "MJPG 640 480 30", "YUYV 640 480 30", "YUYV 1280 720 10")


class VirtualCamera:
    """A webcam at `device`; the process that shall see it runs with `environment`."""

    def __init__(self, folder: Path, formats: Iterable[str] = WEBCAM) -> None:
        self._folder = folder
        folder.mkdir(parents=True)
        (folder / "formats").write_text("\n".join(formats))
        self.device = folder / "video"
        self.plug()

    def plug(self) -> None:
        """Plug it in."""
        self.device.touch()

    def unplug(self) -> None:
        """Pull it out."""
        self.device.unlink()

    def shows(self, *frames: bytes) -> None:
        """What it sees from now on: these frames again and again."""
        film = b"".join(len(frame).to_bytes(4, "little") + frame for frame in frames)
        fresh = self._folder / "film.new"
        fresh.write_bytes(film)
        fresh.rename(self._folder / "film")

    def behaves(self, mood: str) -> None:
        """`well`, `busy`, `denied`, `silent` or `hanging` (camera.c)."""
        fresh = self._folder / "mood.new"
        fresh.write_text(mood)
        fresh.rename(self._folder / "mood")

    def has_controls(self, *controls: str) -> None:
        """Each as in camera.c."""
        (self._folder / "controls").write_text("\n".join(controls))

    def told(self) -> list[str]:
        """What was set and begun, oldest first."""
        told = self._folder / "told"
        return told.read_text().splitlines() if told.exists() else []


@functools.cache
def _library() -> Path:
    folder = tempfile.mkdtemp(prefix="tiepdon-camera-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    library = Path(folder) / "camera.so"
    subprocess.run(
        ["gcc", "-shared", "-fPIC", "-O1", "-o", library, SOURCE, "-ldl", "-lpthread"], check=True, capture_output=True
    )
    return library


def environment(*cameras: VirtualCamera) -> dict[str, str]:
    """The variables that let a process see these webcams."""
    folders = ":".join(str(camera.device.parent) for camera in cameras)
    return {**os.environ, "LD_PRELOAD": str(_library()), "CAMERAS": folders}


class Watcher:
    """A process that looks through cameras (camera_process.py); `texts` are (source, text) as they are told."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.texts: queue.Queue[tuple[str, str]] = queue.Queue()
        self._answers: queue.Queue[dict[str, Any]] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def asks(self, question: str, seconds: float = 20.0) -> Any:
        """`health` of every source by name, `usage` of the process, `again` (tell what is in view once more), or `stop`
        (seconds each source took to end)."""
        assert self.process.stdin is not None
        self.process.stdin.write(question + "\n")
        self.process.stdin.flush()
        return self._answers.get(timeout=seconds)

    def health(self, name: str = "camera") -> dict[str, Any]:
        """What one source says of its device."""
        found: dict[str, Any] = self.asks("health")[name]
        return found

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            told = json.loads(line)
            if isinstance(told, list):
                self.texts.put((told[0], told[1]))
            else:
                self._answers.put(told)


@contextmanager
def watching(
    sources: Mapping[str, Mapping[str, Any]], variables: Mapping[str, str] | None = None, cwd: Path | None = None
) -> Iterator[Watcher]:
    """Run a process with these sources: name to settings of a camera (`device`, `width`, `height`), and `tap` for one
    whose every frame is wanted."""
    given = {**os.environ, **(variables or {})}
    given["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, [(variables or {}).get("PYTHONPATH")])])
    command = [sys.executable, str(Path(__file__).with_name("camera_process.py")), json.dumps(sources)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=given, cwd=cwd
    ) as process:
        try:
            yield Watcher(process)
        finally:
            process.kill()


def qr(text: str, pixels: int = 5) -> GreyImage:
    """The QR code of a text with its quiet zone, so many pixels to a module."""
    code = segno.make(text.encode(), mode="byte", micro=False, error="m")
    modules = np.array([list(row) for row in code.matrix], dtype=np.uint8)
    return np.kron(np.where(np.pad(modules, 4) == 1, 20, 235), np.ones((pixels, pixels))).astype(np.uint8)


def scene(width: int, height: int, light: float = 1.0, noise: float = 3.0, seed: int = 1) -> GreyImage:
    """A hall with nobody in it: the same for every seed but for its noise."""
    rough = np.random.default_rng(0).integers(50, 200, (height // 40, width // 40)).astype(np.uint8)
    hall = cv2.resize(rough, (width, height), interpolation=cv2.INTER_CUBIC).astype(np.float32) * light
    return np.clip(hall + np.random.default_rng(seed).normal(0, noise, hall.shape), 0, 255).astype(np.uint8)


def held(picture: GreyImage, thing: GreyImage, left: int, top: int) -> GreyImage:
    """The picture with a thing in front of it."""
    shown = picture.copy()
    shown[top : top + thing.shape[0], left : left + thing.shape[1]] = thing
    return shown


def jpeg(picture: GreyImage, quality: int = 85) -> bytes:
    """As a webcam sends it: in colour, JPEG."""
    done, data = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert done
    return data.tobytes()


def yuyv(picture: GreyImage) -> bytes:
    """As a webcam sends it uncompressed, in some colour."""
    packed = np.full((*picture.shape, 2), 90, np.uint8)
    packed[:, :, 0] = picture
    return packed.tobytes()
