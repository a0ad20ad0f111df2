"""Stands in for picamera2 on machines that are no Raspberry Pi: the calls that "The Picamera2 Library" documents and
this product makes, and no other. Shows the grey picture in the file FILM (a .npy), its rows padded as the Pi does.
"""

import os
import time
from types import TracebackType
from typing import Any

import numpy as np

_ALIGNED = 64


class Picamera2:
    """One camera; refuses what the real one refuses."""

    def __init__(self, camera_num: int = 0) -> None:  # noqa: ARG002 - the signatures are picamera2's
        if os.environ.get("PI_BUSY"):
            raise RuntimeError("Camera __init__ sequence did not complete.")
        self.camera_controls = {"AfMode": (0, 2, 0), "AeExposureMode": (0, 3, 0), "Brightness": (-1.0, 1.0, 0.0)}
        self.controls: dict[str, Any] = {}
        self.out = 0
        self._started = False

    @staticmethod
    def global_camera_info() -> list[dict[str, Any]]:
        return [{"Model": "imx708", "Num": 0}]

    def create_video_configuration(self, main: dict[str, Any], buffer_count: int = 6, queue: bool = True) -> Any:
        assert main["format"] == "YUV420"
        return {"main": main, "buffer_count": buffer_count, "queue": queue}

    def configure(self, camera_config: Any) -> None:
        width, height = camera_config["main"]["size"]
        stride = (width + _ALIGNED - 1) // _ALIGNED * _ALIGNED
        self._config = {**camera_config, "main": {**camera_config["main"], "size": (width, height), "stride": stride}}

    def camera_configuration(self) -> Any:
        return self._config

    def set_controls(self, controls: dict[str, Any]) -> None:
        unknown = controls.keys() - self.camera_controls.keys()
        if unknown:
            raise RuntimeError(f"Control {unknown.pop()} is not advertised by libcamera")
        self.controls.update(controls)

    def start(self) -> None:
        self._started = True

    def capture_request(self, wait: float | None = None) -> "Request":
        assert self._started
        if self.out == self._config["buffer_count"]:
            time.sleep(wait or 1e9)
            raise TimeoutError
        time.sleep(1 / 30)
        self.out += 1
        return Request(self)

    def stop(self) -> None:
        self._started = False

    def close(self) -> None:
        assert not self._started


class Request:
    """A completed request: one of the camera's few buffers, until it is released."""

    def __init__(self, camera: Picamera2) -> None:
        self.camera = camera
        self.released = False

    def release(self) -> None:
        assert not self.released
        self.released = True
        self.camera.out -= 1


class MappedArray:
    """A stream's buffer as an array: height * 3 / 2 rows of the stride; gone when the block ends."""

    def __init__(self, request: Request, stream: str, reshape: bool = True, write: bool = True) -> None:  # noqa: ARG002
        assert not request.released
        main = request.camera.camera_configuration()[stream]
        _, height = main["size"]
        self.array: Any = np.full((height * 3 // 2, main["stride"]), 128, np.uint8)
        seen = np.load(os.environ["FILM"])
        self.array[: seen.shape[0], : seen.shape[1]] = seen

    def __enter__(self) -> "MappedArray":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.array[:] = 0  # what the next frame does to it
        self.array = None
