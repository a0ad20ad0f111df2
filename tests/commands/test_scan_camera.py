"""`tiepdon scan camera` as its users run it, before a film in place of a camera (reader/optical/live/stream.py)."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.stills import CARD, qr, saved, scene

COMMAND = [sys.executable, "-m", "tiepdon.main", "scan", "camera"]
INSURANCE = "0199900017|5472e1baa76e205468e1bb8b204de1baab75|14/02/2003|2|-|01 - 028|01/01/2025|-|02/01/2025|$"


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Nobody, a citizen card, an insurance card; for a second or so each, at 15 pictures a second."""
    nobody, card, other = (scene(*held) for held in ((), ((qr(), 300, 60),), ((qr(INSURANCE), 500, 60),)))
    pictures = [nobody] * 15 + [card] * 20 + [other] * 120
    path = tmp_path_factory.mktemp("film") / "film.mjpeg"
    made = {id(picture): saved(picture, "JPEG") for picture in (nobody, card, other)}
    path.write_bytes(b"".join(made[id(picture)] for picture in pictures))
    return str(path)


def run(*options: str) -> tuple[int, list[dict[str, object]], str]:
    """Exit code, lines of output, what was said beside them."""
    done = subprocess.run([*COMMAND, *options], capture_output=True, timeout=60, check=False)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr.decode()


def test_each_code_held_up_is_one_line(film: str) -> None:
    code, lines, said = run("--device", film, "--seconds", "6")
    assert code == 0
    assert [(line["camera"], line["text"], line["kind"]) for line in lines] == [
        (film, CARD, "citizen_card"),
        (film, INSURANCE, "insurance_card"),
    ]
    assert list(lines[0])[:5] == ["camera", "text", "kind", "holder", "insurance"]
    assert "open format=JPEG width=1280 height=720" in said
    assert "Traceback" not in said
    assert "Mẫu" not in said


def test_once_ends_with_the_first_code(film: str) -> None:
    code, lines, _ = run("--device", film, "--once", "--seconds", "50")
    assert (code, [line["text"] for line in lines]) == (0, [CARD])


def test_once_without_a_code_in_time_is_a_failure(film: str) -> None:
    assert run("--device", film, "--once", "--seconds", "0.3")[:2] == (1, [])


def test_a_camera_that_is_not_there_is_named_with_its_cure(tmp_path: Path) -> None:
    code, lines, said = run("--device", str(tmp_path / "video7"))
    assert (code, lines) == (1, [])
    assert said.count("\n") == 1
    assert "[camera.missing device=" in said
    code, (line,), said = run("--device", str(tmp_path / "video7"), "--json")
    assert (code, said) == (1, "")
    assert line["error"]["code"] == "camera.missing"  # type: ignore[index]


@pytest.mark.parametrize("device", ["/dev/null", "/dev/zero", "/"])
def test_what_gives_no_pictures_is_named_with_its_cure(device: str) -> None:
    code, lines, said = run("--device", device)
    assert (code, lines) == (1, [])
    assert f"[camera.unsuitable device={device}]" in said


@pytest.mark.parametrize("options", [(), ("--device", "")])
def test_no_camera_in_the_settings_is_told(options: tuple[str, ...]) -> None:
    code, lines, said = run(*options)
    assert (code, lines) == (1, [])
    assert "[camera.not_configured]" in said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_ends_at_once_when_told_to(film: str, number: signal.Signals) -> None:
    with subprocess.Popen([*COMMAND, "--device", film], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert json.loads(process.stdout.readline())["text"] == CARD
        process.send_signal(number)
        assert process.wait(10) == 0
        assert b"Traceback" not in process.stderr.read()


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf", "soon"])
def test_a_time_that_is_none_is_wrong_usage(seconds: str) -> None:
    assert run("--seconds", seconds)[0] == 2
