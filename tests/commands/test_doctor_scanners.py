"""What `tiepdon doctor` says of the scanner and the keyboard, on made-up machines and real lines."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from config.settings import Settings, load, socket_path
from tests.support.keyboards import compiled, plugged
from tiepdon.checks.finding import Finding, Status
from tiepdon.checks.machine import Machine
from tiepdon.checks.scanners import look_at_keyboard, look_at_scanner
from wire.server import Request, Response, json_response, serving

SettingsOf = Callable[..., Settings]


@pytest.fixture
def settings_of(run_dir: Path) -> SettingsOf:
    def made(scanner: str = "", keyboard: str = "") -> Settings:
        told = load(None)
        reader = replace(
            told.reader,
            scanner=replace(told.reader.scanner, device=scanner),
            keyboard=replace(told.reader.keyboard, device=keyboard),
        )
        return replace(told, reader=reader, paths=replace(told.paths, run=str(run_dir)))

    return made


@pytest.fixture
def line() -> Iterator[int]:
    """Our end of a serial line; its name is the scanner's device."""
    master, slave = os.openpty()
    yield slave
    os.close(master)
    os.close(slave)


@pytest.fixture
def bare(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def only(findings: Iterator[Finding]) -> Finding:
    (finding,) = findings
    return finding


def plug(machine: Machine, *devices: str) -> None:
    for device in devices:
        (machine.root / device).parent.mkdir(parents=True, exist_ok=True)
        (machine.root / device).touch()


def test_a_machine_with_nothing_of_it_is_no_trouble(settings_of: SettingsOf, bare: Machine) -> None:
    for look in (look_at_scanner, look_at_keyboard):
        found = only(look(settings_of(), bare))
        assert (found.status, found.code, found.data) == (Status.OK, None, {"configured": False})


def test_what_may_be_a_scanner_is_named_where_none_is_configured(settings_of: SettingsOf, bare: Machine) -> None:
    serial, keys = "dev/serial/by-id/usb-Maker_2D-if00", "dev/input/by-id/usb-Maker_HID-event-kbd"
    plug(bare, serial, keys, "dev/input/by-id/usb-Maker_Mouse-event-mouse")
    found = only(look_at_scanner(settings_of(), bare))
    assert (found.status, found.code) == (Status.NOTE, "doctor.scanner_unused")
    assert found.data == {
        "configured": False,
        "serial_devices": str(bare.root / serial),
        "keyboards": str(bare.root / keys),
    }
    used = settings_of(keyboard=str(bare.root / keys))
    assert only(look_at_scanner(used, bare)).status is Status.OK


def test_a_device_that_is_not_there_is_told_with_what_is(settings_of: SettingsOf, bare: Machine) -> None:
    serial = "dev/serial/by-id/usb-Other-if00"
    plug(bare, serial)
    settings = settings_of(scanner="/nowhere/a", keyboard="/nowhere/b")
    for look, device in ((look_at_scanner, "/nowhere/a"), (look_at_keyboard, "/nowhere/b")):
        found = only(look(settings, bare))
        assert (found.status, found.code) == (Status.WARN, "doctor.device_missing")
        assert found.data == {"device": device, "serial_devices": str(bare.root / serial)}


def test_a_scanner_that_nobody_uses_is_well_and_not_opened(settings_of: SettingsOf, line: int) -> None:
    found = only(look_at_scanner(settings_of(scanner=os.ttyname(line)), Machine()))
    assert (found.status, found.code) == (Status.OK, None)


@pytest.mark.parametrize("locks", [True, False])
def test_a_scanner_of_another_program_is_told_with_its_name(settings_of: SettingsOf, line: int, locks: bool) -> None:
    code = "import fcntl, sys; file = open(sys.argv[1]); %s print('ready', flush=True); sys.stdin.read()"
    lock = "fcntl.flock(file, fcntl.LOCK_EX);" if locks else ""
    other = [sys.executable, "-c", code % lock, os.ttyname(line)]
    with subprocess.Popen(other, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        found = only(look_at_scanner(settings_of(scanner=os.ttyname(line)), Machine()))
        process.communicate()
    assert (found.status, found.code) == (Status.WARN, "scanner.held")
    assert str(found.data["programs"]).startswith("python")


@pytest.mark.parametrize(
    ("look", "code"), [(look_at_scanner, "scanner.not_serial"), (look_at_keyboard, "keyboard.not_a_keyboard")]
)
def test_a_file_is_neither(
    settings_of: SettingsOf, tmp_path: Path, look: Callable[[Settings, Machine], Iterator[Finding]], code: str
) -> None:
    file = tmp_path / "file"
    file.touch()
    found = only(look(settings_of(scanner=str(file), keyboard=str(file)), Machine()))
    assert (found.status, found.code) == (Status.WARN, code)


@pytest.mark.parametrize("device", ["/dev/null", "/dev/zero"])
def test_a_device_that_every_program_has_open_is_no_serial_port(settings_of: SettingsOf, device: str) -> None:
    found = only(look_at_scanner(settings_of(scanner=device), Machine()))
    assert (found.status, found.code, found.data) == (Status.WARN, "scanner.not_serial", {"device": device})


@pytest.mark.parametrize(
    ("driver", "code"),
    [
        ("acm /dev/ttyACM 166 0-255 serial", "scanner.not_serial"),
        ("acm /dev/ttyACM 1 0-2 serial", "scanner.not_serial"),
        ("acm /dev/ttyACM 1 3 serial", None),
        ("acm /dev/ttyACM 1 0-255 serial", None),
        ("something else", "scanner.not_serial"),
    ],
)
def test_a_serial_port_is_what_the_kernel_has_a_driver_of_lines_for(
    settings_of: SettingsOf, bare: Machine, driver: str, code: str | None
) -> None:
    drivers = bare.root / "proc/tty/drivers"
    drivers.parent.mkdir(parents=True)
    drivers.write_text(f"/dev/tty             /dev/tty        5       0 system:/dev/tty\n{driver}\n")
    assert only(look_at_scanner(settings_of(scanner="/dev/null"), bare)).code == code  # its numbers are 1 and 3


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_scanner_that_this_user_may_not_open_is_told(settings_of: SettingsOf, line: int) -> None:
    Path(os.ttyname(line)).chmod(0o600)
    settings = settings_of(scanner=os.ttyname(line))
    os.seteuid(65534)
    try:
        found = only(look_at_scanner(settings, Machine()))
    finally:
        os.seteuid(0)
    assert (found.status, found.code) == (Status.WARN, "scanner.not_allowed")


@pytest.mark.parametrize(("held", "told"), [(False, "ok None"), (True, "warn keyboard.held")])
def test_a_keyboard_is_tried_and_let_go(
    settings_of: SettingsOf, run_dir: Path, tmp_path: Path, held: bool, told: str
) -> None:
    code = (
        "import sys; from config.settings import load; from msgspec.structs import replace\n"
        "from tiepdon.checks.machine import Machine; from tiepdon.checks.scanners import look_at_keyboard\n"
        "told = load(None); reader = replace(told.reader, keyboard=replace(told.reader.keyboard, device=sys.argv[1]))\n"
        "for _ in range(2): (found,) = look_at_keyboard(replace(told, reader=reader), Machine())\n"
        "print(found.status.value, found.code)"
    )
    with plugged(run_dir) as keyboard, (run_dir / "kbd.grab").open("w") as lock:
        if held:
            fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run(
            [sys.executable, "-c", code, str(keyboard.path)],
            env={**os.environ, "LD_PRELOAD": str(compiled(tmp_path))},
            capture_output=True,
            text=True,
            check=True,
        )
    assert done.stdout.strip() == told


@pytest.mark.parametrize(
    ("problem", "told"), [(None, (Status.OK, None)), ("scanner.not_allowed", (Status.WARN, "scanner.not_allowed"))]
)
def test_the_reader_that_uses_the_device_knows_best(
    settings_of: SettingsOf, line: int, problem: str | None, told: tuple[Status, str | None]
) -> None:
    device = os.ttyname(line)
    settings = settings_of(scanner=device)
    fcntl.flock(line, fcntl.LOCK_EX)

    def health(request: Request) -> Response:
        return json_response({"scanner": {"state": "open", "problem": problem, "device": device, "seconds": 1.0}})

    with serving(socket_path(settings, "reader"), {("GET", "/v1/health"): health}):
        found = only(look_at_scanner(settings, Machine()))
    assert (found.status, found.code) == told
