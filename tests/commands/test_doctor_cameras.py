"""What `tiepdon doctor` says of cameras: pictures by the real OpenCV from virtual webcams, and the reader's word."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from config.settings import Settings, load, socket_path
from tests.support.camera import VirtualCamera, environment, jpeg, scene
from tiepdon.checks.cameras import look_through_camera
from tiepdon.checks.finding import Finding, Status
from tiepdon.checks.machine import Machine
from wire.server import Request, Response, json_response, serving

SIZE = (1280, 720)
HALL = jpeg(scene(*SIZE))
PROBE_SECONDS = 7.0  # tiepdon.doctor.LONGEST_SECONDS
# Its arguments: the cameras' devices, the folder of sockets, the machine's root.
LOOK = """
import sys
from pathlib import Path
from msgspec.structs import replace
from config.settings import load
from tiepdon.checks.cameras import look_through_camera
from tiepdon.checks.machine import Machine
from wire.codec import to_json
camera, second, run, root = sys.argv[1:]
told = load(None)
reader = replace(
    told.reader,
    camera=replace(told.reader.camera, device=camera),
    second_camera=replace(told.reader.second_camera, device=second),
)
settings = replace(told, reader=reader, paths=replace(told.paths, run=run))
machine = Machine(Path(root))
findings = [found for name in ("camera", "second_camera") for found in look_through_camera(name, settings, machine)]
print(to_json(findings).decode())
print("cv2" in sys.modules)
"""


class Doctor:
    """Looks at a machine whose files begin at `root`, and through its virtual webcam."""

    def __init__(self, root: Path, run_dir: Path) -> None:
        self.root = root
        self.webcam = VirtualCamera(root / "dev")
        self.webcam.shows(HALL)
        self.device = str(self.webcam.device)
        self.variables = environment(self.webcam)
        self._run_dir = run_dir

    def says(self, camera: str = "", second: str = "") -> tuple[dict[str, Any], dict[str, Any]]:
        """What it finds of either camera."""
        done = subprocess.run(
            [sys.executable, "-c", LOOK, camera, second, str(self._run_dir), str(self.root)],
            env=self.variables,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        findings, loaded = done.stdout.splitlines()
        assert (loaded, done.stderr) == ("False", "")
        first, other = json.loads(findings)
        return first, other

    def told(self, camera: str) -> tuple[str, str | None]:
        found = self.says(camera)[0]
        return found["status"], found["code"]


@pytest.fixture
def doctor(tmp_path: Path, run_dir: Path) -> Doctor:
    return Doctor(tmp_path, run_dir)


def test_a_camera_that_nobody_uses_is_named_once_by_the_name_that_stays(doctor: Doctor) -> None:
    links = doctor.root / "dev/v4l/by-id"
    links.mkdir(parents=True)
    (links / "usb-Maker_Camera-video-index0").symlink_to(doctor.device)
    (doctor.root / "dev/video1").touch()  # takes no pictures, as the second node of a webcam
    found, second = doctor.says()
    assert (found["status"], found["code"]) == ("note", "doctor.camera_unused")
    assert found["data"] == {"configured": False, "cameras": str(links / "usb-Maker_Camera-video-index0")}
    assert (second["status"], second["code"]) == ("ok", None)


def test_a_camera_without_a_lasting_name_is_named_as_it_is(doctor: Doctor) -> None:
    assert doctor.says()[0]["data"]["cameras"] == doctor.device


def test_no_camera_is_named_where_one_is_used_or_none_is_there(doctor: Doctor) -> None:
    assert doctor.says(second=doctor.device)[0] | {"milliseconds": 0} == {
        "probe": "camera",
        "status": "ok",
        "code": None,
        "data": {"configured": False},
        "milliseconds": 0,
        "group": "",
    }
    doctor.webcam.unplug()
    assert doctor.told("") == ("ok", None)


@pytest.mark.parametrize(
    ("place", "told"),
    [("platform/soc/fe00b840.isp", "ok"), ("pci0000:00/0000:00:14.0/usb1/1-2/1-2:1.0", "note")],
    ids=["a Pi's image processor", "a USB camera"],
)
def test_what_is_built_into_the_board_is_no_camera(doctor: Doctor, place: str, told: str) -> None:
    sits_on, name = doctor.root / "sys/devices" / place, doctor.root / "sys/class/video4linux/video"
    for folder in (sits_on, name):
        folder.mkdir(parents=True)
    (name / "device").symlink_to(sits_on)
    assert doctor.says()[0]["status"] == told


def test_where_no_reader_runs_a_picture_is_taken(doctor: Doctor) -> None:
    found, _ = doctor.says(doctor.device)
    assert (found["status"], found["code"]) == ("ok", None)
    assert (found["data"]["kind"], found["data"]["picture_width"], found["data"]["picture_height"]) == (
        "video",
        1920,
        1080,
    )
    assert doctor.webcam.told()[-1] == "close"


@pytest.mark.parametrize(("mood", "code"), [("silent", "camera.silent"), ("busy", "camera.busy")])
def test_a_camera_that_opens_and_gives_no_picture_is_not_well(doctor: Doctor, mood: str, code: str) -> None:
    doctor.webcam.behaves(mood)
    began = time.monotonic()
    assert doctor.told(doctor.device) == ("warn", code)
    assert time.monotonic() - began < PROBE_SECONDS


@pytest.mark.parametrize("light", [0, 255])
def test_a_picture_of_nothing_is_told(doctor: Doctor, light: int) -> None:
    doctor.webcam.shows(jpeg(np.full(SIZE[::-1], light, np.uint8)))
    assert doctor.told(doctor.device) == ("warn", "doctor.picture_blank")


def test_a_camera_cap_is_noticed_through_the_noise_of_its_sensor(doctor: Doctor) -> None:
    noise = np.random.default_rng(1).normal(8, 4, SIZE[::-1]).clip(0, 255).astype(np.uint8)
    doctor.webcam.shows(jpeg(noise))
    assert doctor.told(doctor.device) == ("warn", "doctor.picture_blank")


def test_a_hall_by_night_is_a_picture(doctor: Doctor) -> None:
    doctor.webcam.shows(jpeg(scene(*SIZE, light=0.15)))
    assert doctor.told(doctor.device) == ("ok", None)


def test_first_pictures_may_be_black(doctor: Doctor) -> None:
    black = jpeg(np.zeros(SIZE[::-1], np.uint8))
    doctor.webcam.shows(*[black] * 10, *[HALL] * 10)
    assert doctor.told(doctor.device) == ("ok", None)


@pytest.mark.parametrize(
    ("library", "code"),
    [("import os; os.abort()", "camera.failed"), ("raise ImportError", "camera.decoder_missing")],
    ids=["crashes", "is not installed"],
)
def test_a_library_that_fails_takes_no_report_with_it(doctor: Doctor, library: str, code: str) -> None:
    (doctor.root / "cv2.py").write_text(library)
    doctor.variables["PYTHONPATH"] = str(doctor.root)
    assert doctor.told(doctor.device) == ("warn", code)


def test_a_pipe_that_nobody_fills_is_a_camera_that_is_missing(doctor: Doctor) -> None:
    os.mkfifo(doctor.root / "stream")
    assert doctor.told(str(doctor.root / "stream")) == ("warn", "camera.missing")


def test_a_film_is_a_camera_that_gives_pictures(doctor: Doctor) -> None:
    (doctor.root / "film").write_bytes(HALL * 60)
    found, _ = doctor.says(str(doctor.root / "film"))
    assert (found["code"], found["data"]["picture_width"]) == (None, SIZE[0])


Look = Callable[[dict[str, Any]], Finding]


@pytest.fixture
def beside_reader(tmp_path: Path, run_dir: Path) -> Look:
    """The finding beside a reader process that says this of its camera: an empty film, of which no picture comes."""
    film = tmp_path / "film"
    film.touch()

    def look(told: dict[str, Any]) -> Finding:
        plain = load(None)
        camera = replace(plain.reader.camera, device=str(film))
        settings: Settings = replace(
            plain, reader=replace(plain.reader, camera=camera), paths=replace(plain.paths, run=str(run_dir))
        )

        def health(request: Request) -> Response:
            return json_response({"camera": {"device": str(film), "problem": None, "seconds": 9.0, **told}})

        with serving(socket_path(settings, "reader"), {("GET", "/v1/health"): health}):
            (finding,) = look_through_camera("camera", settings, Machine(tmp_path))
        return finding

    return look


@pytest.mark.parametrize(
    ("told", "status", "code"),
    [
        ({"state": "open", "frame_seconds": 0.1, "frames_per_second": 15.0}, Status.OK, None),
        ({"state": "open", "frame_seconds": 7.5, "frames_per_second": 0.0}, Status.WARN, "camera.silent"),
        ({"state": "open", "frame_seconds": None, "frames_per_second": 0.0}, Status.WARN, "camera.silent"),
        ({"state": "missing", "problem": "camera.busy"}, Status.WARN, "camera.busy"),
        ({"state": "missing"}, Status.NOTE, "doctor.picture_unchecked"),
        ({"state": "open"}, Status.NOTE, "doctor.picture_unchecked"),
    ],
)
def test_the_reader_that_uses_the_camera_knows_of_its_pictures(
    beside_reader: Look, told: dict[str, Any], status: Status, code: str | None
) -> None:
    found = beside_reader(told)
    assert (found.status, found.code) == (status, code)


def test_what_the_reader_gets_is_told_with_what_the_camera_is(beside_reader: Look) -> None:
    found = beside_reader({"state": "open", "frame_seconds": 0.1, "frames_per_second": 15.0})
    assert (found.data["kind"], found.data["pictures_per_second"]) == ("stream", 15.0)


def test_of_another_camera_than_the_readers_a_picture_is_taken(beside_reader: Look) -> None:
    assert beside_reader({"device": "/dev/other", "state": "open"}).code == "camera.unsuitable"
