"""What a technician gets for a slip at `tiepdon bridge`, `agent` and `record`, with a bridge or without: one line with
a code, the documented exit code, never a traceback."""

import io
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hisbridge.making import database
from tiepdon.main import main

HIS = '[[destinations]]\nname = "his"\nconnector = "hl7v2"\nhost = "127.0.0.1"\nport = 1\n'
AGENT = '[[destinations]]\nname = "counter"\nconnector = "local_agent"\nlisten = "127.0.0.1:1"\n'
HUGE = "9" * 20
WITH_SETTINGS = [
    *("bridge deliveries", "bridge audit", "bridge retry 1", "bridge replay 1", "bridge hold 1", "bridge release 1"),
    *(
        "bridge cancel 1",
        "bridge pause his",
        "bridge resume his",
        "bridge probe his",
        "bridge message 1",
        "bridge serve",
    ),
    *("agent pair", "agent pairings", "agent unpair"),
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    database(tmp_path)
    path = tmp_path / "tiepdon.toml"
    path.write_text(f'[paths]\nstate = "{tmp_path}/state"\nrun = "{tmp_path}"\n{HIS}{AGENT}', "utf-8")
    return path


def told(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of one command, run in this process."""
    try:
        code = main(arguments)
    except SystemExit as left:  # wrong usage
        code = int(str(left.code))
    out, err = capfd.readouterr()
    return code, out, err


@pytest.mark.parametrize("command", WITH_SETTINGS)
@pytest.mark.parametrize(("content", "code"), [(None, "config.missing"), ("no toml", "config.syntax")])
def test_settings_that_cannot_be_read_are_wrong_usage(
    command: str, content: str | None, code: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "site.toml"
    if content is not None:
        path.write_text(content)
    done, out, err = told(capfd, *command.split(), "--config", str(path))
    assert (done, out, err.count("\n")) == (2, "", 1)
    assert f"[{code} file={path}" in err


@pytest.mark.parametrize("command", [one for one in WITH_SETTINGS if "probe" not in one])
def test_a_database_that_is_not_there_is_named(
    command: str, file: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for side in (tmp_path / "state").iterdir():
        side.unlink()
    done, out, err = told(capfd, *command.split(), "--config", str(file))
    assert (done, out, err.count("\n")) == (1, "", 1)
    assert "[database.unavailable" in err


@pytest.mark.parametrize(
    ("command", "exit_code", "says"),
    [
        ("bridge message 77", 1, "[delivery.unknown]"),
        ("bridge message 0", 2, "'0' is no whole number from 1"),
        (f"bridge message {HUGE}", 2, "is no whole number from 1"),
        (f"bridge retry {HUGE}", 2, "is no whole number from 1"),
        ("bridge retry abc", 2, "'abc' is no whole number from 1"),
        ("bridge retry ²", 2, "is no whole number from 1"),
        ("bridge retry", 1, "[desk.nothing_chosen]"),
        ("bridge deliveries --limit 0", 2, "is no whole number from 1"),
        ("bridge deliveries --before x", 2, "is no whole number from 1"),
        ("bridge deliveries --since 0001-01-01", 2, "2026-11-21 or 2026-11-21T07:00"),
        ("bridge deliveries --until 9999-12-31T23:59", 2, "2026-11-21 or 2026-11-21T07:00"),
        ("bridge deliveries --since yesterday", 2, "2026-11-21 or 2026-11-21T07:00"),
        ("bridge deliveries --state lost", 2, "invalid choice: 'lost'"),
        ("bridge hold --personal-id 1", 2, "12 digits"),
        ("bridge pause nowhere", 2, "[config.unknown_destination name=nowhere"),
        ("bridge probe nowhere", 2, "[config.unknown_destination name=nowhere"),
        ("bridge message 1 --whole --by ", 1, "[de"),
        ("agent pair --destination his", 2, "[config.unknown_destination name=his known=counter]"),
        ("agent pair --by ", 1, "[desk.name_missing]"),
    ],
)
def test_a_slip_is_said_in_its_last_line(
    command: str, exit_code: int, says: str, file: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    done, out, err = told(capfd, *command.split(" "), "--config", str(file))
    assert (done, out) == (exit_code, "")
    assert says in err.splitlines()[-1]
    assert "Traceback" not in err


@pytest.mark.parametrize("content", [b"", b"\xff\xfe{", b"{", b"[" * 100_000, b"\x7fELF\x00"])
@pytest.mark.parametrize("command", ["record validate", "record validate --json", "bridge render hl7v2"])
def test_what_is_no_record_is_wrong_usage(
    command: str, content: bytes, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    done, out, err = told(capfd, *command.split())
    assert done == 2
    assert '"valid": false' in out if "--json" in command else "tiepdon: not a PatientRecord: " in err


@pytest.mark.parametrize("command", ["bridge deliveries", "bridge audit --json", "record schema", "agent pair"])
@pytest.mark.parametrize("closed", ["| true", ">&-", "2>&-", "<&-"])
def test_a_reader_that_left_or_a_stream_that_is_closed_is_no_fault(command: str, closed: str, file: Path) -> None:
    config = "" if command.startswith("record") else f"--config {file}"
    line = f"{sys.executable} -m tiepdon.main {command} {config} {closed}; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1)
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr
