"""Webcams by the real OpenCV: virtual ones (tests/support/camera.c), seen by a process of its own."""

import queue
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from reader.optical.camera import SILENT_SECONDS
from reader.optical.live.sightings import FORGET_SECONDS
from reader.payload import parse_payload
from tests.support.camera import VirtualCamera, Watcher, environment, held, jpeg, qr, scene, watching, yuyv
from tests.support.waiting import wait_until
from wire.client import Client
from wire.errors import TiepDonError

CARD = "079200900024||Nguyễn Văn Thử|01072000|Nam|Tổ 5, Phường Thử, Quận Mẫu, TP. Hồ Chí Minh|15082024||||"
OTHER = "079300900031||Lê Thị Mẫu|05031998|Nữ|Số 7, Phường Mẫu, TP. Hà Nội|15082024||||"
DEADLINE = 20.0
SIZE = (1280, 720)


def asked(camera: VirtualCamera, width: int = 1280, height: int = 720, **more: bool) -> dict[str, object]:
    return {"device": str(camera.device), "width": width, "height": height, **more}


def card(text: str = CARD, left: int = 500, noise: int = 1) -> bytes:
    return jpeg(held(scene(*SIZE, seed=noise), qr(text, 4), left, 250))


def text_of(watcher: Watcher) -> str:
    return watcher.texts.get(timeout=DEADLINE)[1]


def is_open(watcher: Watcher, name: str = "camera") -> bool:
    return watcher.health(name)["state"] == "open"


def problem(watcher: Watcher, name: str = "camera") -> str | None:
    found = watcher.health(name)
    return found["problem"] if found["state"] == "missing" else None


def until_problem(watcher: Watcher, code: str, name: str = "camera") -> None:
    wait_until(lambda: problem(watcher, name) == code, DEADLINE, code)


@pytest.fixture
def webcam(tmp_path: Path) -> VirtualCamera:
    camera = VirtualCamera(tmp_path / "webcam")
    camera.shows(*(jpeg(scene(*SIZE, seed=noise)) for noise in range(3)))
    return camera


def test_a_card_held_up_is_told_once_with_its_exact_text_and_again_when_asked_for_or_shown_again(
    webcam: VirtualCamera,
) -> None:
    with watching({"camera": asked(webcam)}, environment(webcam)) as watcher:
        wait_until(lambda: is_open(watcher), DEADLINE, "open")
        webcam.shows(*(card(CARD, left, left) for left in range(400, 600, 40)))
        text = text_of(watcher)
        assert text == CARD
        assert parse_payload(text).kind == "citizen_card"
        with pytest.raises(queue.Empty):  # held for seconds
            watcher.texts.get(timeout=FORGET_SECONDS * 1.2)
        watcher.asks("again")
        assert text_of(watcher) == CARD
        webcam.shows(card(OTHER))
        assert text_of(watcher) == OTHER
        with pytest.raises(queue.Empty):  # and gone as long
            watcher.texts.get(timeout=FORGET_SECONDS * 1.2)
        webcam.shows(card(CARD))
        assert text_of(watcher) == CARD


def test_a_code_that_lies_there_when_the_camera_opens_is_read(webcam: VirtualCamera) -> None:
    webcam.shows(card())
    with watching({"camera": asked(webcam)}, environment(webcam)) as watcher:
        assert text_of(watcher) == CARD


def test_two_codes_side_by_side_are_both_told(webcam: VirtualCamera) -> None:
    both = held(held(scene(*SIZE), qr(CARD, 4), 150, 250), qr(OTHER, 4), 750, 250)
    webcam.shows(jpeg(both))
    with watching({"camera": asked(webcam)}, environment(webcam)) as watcher:
        assert {text_of(watcher), text_of(watcher)} == {CARD, OTHER}


def test_the_camera_is_asked_for_raw_jpeg_in_the_size_wanted_and_for_short_exposures(webcam: VirtualCamera) -> None:
    webcam.has_controls("0x009a0903 0 1 1", "0x009a090c 0 1 0", "0x009a0901 0 3 3")
    with watching({"camera": asked(webcam, 1920, 1080)}, environment(webcam)) as watcher:
        wait_until(lambda: is_open(watcher), DEADLINE, "open")
        health = watcher.health()
    told = webcam.told()
    assert told[-1] == "stream MJPG 1920 1080"
    assert [line for line in told if line.startswith("control")] == ["control 9a0903 0", "control 9a090c 1"]
    assert (health["format"], health["width"], health["height"]) == ("MJPG", 1920, 1080)
    assert health["frame_seconds"] < DEADLINE


def test_a_camera_without_jpeg_is_read_by_its_luma(tmp_path: Path) -> None:
    webcam = VirtualCamera(tmp_path / "webcam", ["YUYV 1280 720 10", "YUYV 640 480 30", "YUYV 1920 1080 5"])
    webcam.shows(yuyv(held(scene(*SIZE), qr(CARD, 4), 500, 250)))
    with watching({"camera": asked(webcam, 1920, 1080)}, environment(webcam)) as watcher:
        assert text_of(watcher) == CARD
        assert watcher.health()["format"] == "YUYV"


def test_a_camera_with_no_readable_format_is_unsuitable(tmp_path: Path) -> None:
    webcam = VirtualCamera(tmp_path / "webcam", ["H264 1920 1080 30"])
    with watching({"camera": asked(webcam)}, environment(webcam)) as watcher:
        until_problem(watcher, "camera.unsuitable")


def test_torn_and_hostile_frames_are_passed_over(webcam: VirtualCamera) -> None:
    whole = card()
    bomb = bytearray(whole)
    sizes = bomb.index(b"\xff\xc0") + 5
    bomb[sizes : sizes + 4] = b"\xff\xff\xff\xff"  # 65,535 x 65,535
    torn = [whole[: len(whole) // 3], bytes(bomb), b"", b"\xff\xd8\xff\xd9", bytes(4096), whole[5:], whole[:-2]]
    webcam.shows(jpeg(scene(*SIZE)), *torn)
    with watching({"camera": asked(webcam)}, environment(webcam)) as watcher:
        wait_until(lambda: is_open(watcher) and watcher.health()["torn"] > 3, DEADLINE, "torn frames")
        assert watcher.texts.empty()
        webcam.shows(*torn, whole)
        assert text_of(watcher) == CARD
        assert watcher.asks("usage")["peak"] < 150


def test_a_camera_that_writes_no_end_marker_or_pads_its_frames_is_read(webcam: VirtualCamera) -> None:
    webcam.shows(card()[:-2])
    with watching({"camera": asked(webcam)}, environment(webcam)) as watcher:
        assert text_of(watcher) == CARD
        webcam.shows(card(OTHER) + bytes(777))
        assert text_of(watcher) == OTHER


def test_a_camera_pulled_out_is_missing_and_read_again_when_it_is_back(webcam: VirtualCamera) -> None:
    webcam.shows(card())
    with watching({"camera": asked(webcam)}, environment(webcam)) as watcher:
        assert text_of(watcher) == CARD
        for text in (OTHER, CARD.replace("Thử", "Mới")):
            webcam.unplug()
            until_problem(watcher, "camera.missing")
            webcam.shows(card(text))
            webcam.plug()
            assert text_of(watcher) == text
            assert is_open(watcher)
        # The old device was let go each time.
        assert sum("eventfd" in file for file in watcher.asks("usage")["files"]) == 1


@pytest.mark.parametrize(("mood", "code"), [("busy", "camera.busy"), ("denied", "camera.not_allowed")])
def test_a_camera_that_does_not_open_says_why_and_is_used_when_it_can_be(
    webcam: VirtualCamera, mood: str, code: str
) -> None:
    webcam.behaves(mood)
    webcam.shows(card())
    with watching({"camera": asked(webcam)}, environment(webcam)) as watcher:
        until_problem(watcher, code)
        webcam.behaves("well")
        assert text_of(watcher) == CARD


def test_a_camera_that_hangs_or_is_silent_keeps_nobody_waiting(webcam: VirtualCamera, tmp_path: Path) -> None:
    hanging, silent = VirtualCamera(tmp_path / "hanging"), VirtualCamera(tmp_path / "silent")
    hanging.behaves("hanging")
    silent.behaves("silent")
    cameras = {"camera": asked(webcam), "second_camera": asked(hanging), "third": asked(silent)}
    with watching(cameras, environment(webcam, hanging, silent)) as watcher:
        wait_until(lambda: is_open(watcher), DEADLINE, "open")
        until_problem(watcher, "camera.silent", "second_camera")
        until_problem(watcher, "camera.silent", "third")
        webcam.shows(card())
        assert watcher.texts.get(timeout=DEADLINE) == ("camera", CARD)
        # One thread for each camera in use or hanging, however often it was tried again.
        assert watcher.asks("usage")["threads"] <= 1 + 2 * len(cameras)
        took = watcher.asks("stop")
        assert all(seconds is not None and seconds < SILENT_SECONDS for seconds in took.values()), took


def test_two_cameras_read_at_once(webcam: VirtualCamera, tmp_path: Path) -> None:
    second = VirtualCamera(tmp_path / "second")
    webcam.shows(card(CARD))
    second.shows(card(OTHER))
    cameras = {"camera": asked(webcam), "second_camera": asked(second)}
    with watching(cameras, environment(webcam, second)) as watcher:
        found = {watcher.texts.get(timeout=DEADLINE) for _ in cameras}
        assert found == {("camera", CARD), ("second_camera", OTHER)}


def test_who_wants_whole_frames_gets_them_while_nobody_moves(webcam: VirtualCamera) -> None:
    with watching({"camera": asked(webcam, tap=True)}, environment(webcam)) as watcher:
        wait_until(lambda: is_open(watcher), DEADLINE, "open")
        before = watcher.asks("usage")
        wait_until(lambda: watcher.asks("usage")["camera"] >= before["camera"] + 20, DEADLINE, "frames")
        after = watcher.asks("usage")
        looks = (after["camera"] - before["camera"]) / (after["at"] - before["at"])
        assert 5 < looks <= 11


def test_frames_never_touch_the_disk(webcam: VirtualCamera, tmp_path: Path) -> None:
    places = [tmp_path / name for name in ("cwd", "home", "tmp")]
    for place in places:
        place.mkdir()
    variables = environment(webcam) | {"HOME": str(places[1]), "TMPDIR": str(places[2]), "PYTHONDONTWRITEBYTECODE": "1"}
    frame = card()
    with watching({"camera": asked(webcam, tap=True)}, variables, cwd=places[0]) as watcher:
        wait_until(lambda: is_open(watcher), DEADLINE, "open")
        webcam.shows(frame)
        assert text_of(watcher) == CARD
        wait_until(lambda: watcher.asks("usage")["camera"] > 30, DEADLINE, "frames")
        used = watcher.asks("usage")
    assert [list(place.iterdir()) for place in places] == [[], [], []]
    assert used["written"] < len(frame) / 2  # the virtual camera notes a few lines from within the process
    assert not [
        file for file in used["files"] if file.startswith("/") and "/memfd:" not in file and file != "/dev/null"
    ]


def test_the_doctor_says_what_a_camera_would_be_asked_for_and_disturbs_nobody(webcam: VirtualCamera) -> None:
    look = (
        "import sys\n"
        "from config.settings import CameraSettings\n"
        "from tiepdon.checks.cameras import look_at_camera\n"
        f"found, = look_at_camera('camera', CameraSettings(device={str(webcam.device)!r}))\n"
        "print(found.status.value, found.code, *map(found.data.get, ('name', 'format', 'width', 'height')), sep='|')\n"
        "print('cv2' in sys.modules)"
    )

    def doctor() -> list[str]:
        done = subprocess.run(
            [sys.executable, "-c", look],
            env=environment(webcam),
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        return done.stdout.splitlines()

    with watching({"camera": asked(webcam)}, environment(webcam)) as watcher:
        wait_until(lambda: is_open(watcher), DEADLINE, "open")
        assert doctor() == ["ok|None|Virtual Webcam|MJPG|1920|1080", "False"]
        webcam.shows(card())
        assert text_of(watcher) == CARD
    for mood, code in (("denied", "camera.not_allowed"), ("well", "camera.missing")):
        webcam.behaves(mood)
        if mood == "well":
            webcam.unplug()
        assert doctor()[0].startswith(f"warn|{code}|")


def test_the_reader_process_ends_well_while_its_camera_looks(webcam: VirtualCamera, run_dir: Path) -> None:
    config = run_dir / "site.toml"
    config.write_text(f'[paths]\nrun = "{run_dir}"\n[reader.camera]\ndevice = "{webcam.device}"\n')
    command = [sys.executable, "-m", "tiepdon.main", "reader", "--config", str(config)]

    def looks() -> bool:
        try:
            return bool(Client(run_dir / "reader.sock", 5.0).get("/v1/health", dict)["camera"]["state"] == "open")
        except TiepDonError:
            return False

    with subprocess.Popen(command, env=environment(webcam), stderr=subprocess.PIPE, text=True) as process:
        try:
            wait_until(looks, DEADLINE, "an open camera")
            process.send_signal(signal.SIGTERM)
            _, errors = process.communicate(timeout=DEADLINE)
        finally:
            process.kill()
    assert process.returncode == 0, errors
    assert "close" in webcam.told()[-1]
