"""A machine where nobody checks in, the staff's pages alone: what runs there, what doctor asks, what systemd does."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from msgspec.structs import replace

from config.settings import ConfigWrongType, Settings, load
from kiosk.states import Session
from kiosk.watching import health_of_kiosk
from tests.support.setting_up import House
from tests.support.world import free_port, run_command, running
from tiepdon.readiness import processes
from tiepdon.setup.starting import AT_A_TOUCHSCREEN, commands
from tiepdon.setup.starting import House as Started
from ui.app import AT_A_TOUCHSCREEN as PARTS
from ui.metrics.gathering import besides_the_desk
from wire.health import Status

UNITS = Path("systemd")
ALONE = """
[site]
facility_code = "99999"
facility_name = "Trạm y tế Mẫu"
kiosk_id = "desk-1"

[kiosk]
touchscreen = false

[staff]
listen = "127.0.0.1:{port}"

[supervisor]
name = "hoa"
full_name = "Mẫu Thị Hoa"
"""


@pytest.fixture
def desk_alone() -> Settings:
    usual = load(None)
    return replace(
        usual,
        kiosk=replace(usual.kiosk, touchscreen=False),
        staff=replace(usual.staff, listen="127.0.0.1:8090"),
    )


def test_a_machine_with_the_staff_s_pages_alone_is_set_up_runs_and_is_well(house: House, tmp_path: Path) -> None:
    source = tmp_path / "prepared.toml"
    source.write_text(ALONE.format(port=free_port()), "utf-8")
    house.setup("--from", str(source))
    with running(tmp_path / "unused", "--config", str(house.config)) as world:
        assert world.pids.keys() == {"bridge", "kiosk", "desk"}
        told = json.loads(run_command("doctor", "--config", str(house.config), "--json").stdout)
    asked = {finding["probe"]: finding for finding in told["findings"]}
    assert not {"pcscd", "reader", "scanner", "camera", "keyboard", "panel", "process:reader"} & asked.keys()
    assert asked["screen"]["data"] == {"touchscreen": False}
    ours = [one for one in told["findings"] if one["group"] in ("settings", "devices", "screen", "staff", "processes")]
    assert [(one["probe"], one["code"]) for one in ours if one["status"] in ("warn", "fail")] == []
    assert asked["accounts"]["code"] == "doctor.supervisor_chooses"


@pytest.mark.parametrize(
    ("content", "key"),
    [
        ("[kiosk]\ntouchscreen = false\n", "staff.listen"),
        ('[kiosk]\ntouchscreen = false\nrequired_devices = ["camera"]\n', "kiosk.required_devices"),
        (
            '[kiosk]\ntouchscreen = false\nticket_prefix = "B"\n[[destinations]]\nname = "d"\nconnector = "desk"\n'
            'base_url = "https://d"\ntoken_file = "/t"\n',
            "destinations",
        ),
    ],
)
def test_settings_that_contradict_such_a_machine_are_refused(tmp_path: Path, content: str, key: str) -> None:
    file = tmp_path / "site.toml"
    file.write_text(content if key == "staff.listen" else f'staff.listen = "127.0.0.1:8090"\n{content}', "utf-8")
    with pytest.raises(ConfigWrongType) as caught:
        load(file)
    assert caught.value.data["key"] == key


def test_no_figure_of_it_says_that_a_reader_or_a_screen_is_missing(desk_alone: Settings) -> None:
    assert "reader" not in processes(desk_alone)
    assert "reader" not in besides_the_desk(desk_alone)
    session = Session(reader_problem="wire.unreachable")
    assert health_of_kiosk(session, None, None, "screen.unseen").status is Status.DEGRADED
    health = health_of_kiosk(session, None, None, "screen.unseen", PARTS)
    assert health.status is Status.READY
    assert not PARTS & health.parts.keys()


def test_systemd_is_told_to_leave_out_what_serves_those_who_check_in(desk_alone: Settings) -> None:
    told = commands(desk_alone)
    assert ("mask", "--now", "--quiet", *AT_A_TOUCHSCREEN) in told
    assert ("enable", "--now", "--quiet", "tiepdon-desk.service") in told
    kiosk = commands(load(None))
    assert ("unmask", "--quiet", *AT_A_TOUCHSCREEN) in kiosk
    assert ("disable", "--now", "--quiet", "tiepdon-desk.service") in kiosk
    assert all((UNITS / name).exists() for name in AT_A_TOUCHSCREEN)


@pytest.mark.skipif(shutil.which("systemctl") is None, reason="no systemd here")
def test_an_installed_machine_takes_it_back_and_forth(desk_alone: Settings, tmp_path: Path) -> None:
    """systemd's own tool on a root of the test's, as far as nothing has to run."""
    folder = tmp_path / "usr/lib/systemd/system"
    shutil.copytree(UNITS, folder, ignore=shutil.ignore_patterns("*.d", "*.preset"))
    (tmp_path / "etc/systemd/system").mkdir(parents=True)

    def states() -> set[str]:
        return {systemctl(tmp_path, "is-enabled", name) for name in AT_A_TOUCHSCREEN}

    for settings, wanted in ((load(None), {"enabled"}), (desk_alone, {"masked"}), (load(None), {"enabled"})):
        for command in commands(settings):
            if command[0] in ("mask", "unmask", "enable", "disable"):
                systemctl(tmp_path, *(word for word in command if word != "--now"))
        assert states() == wanted


def systemctl(root: Path, *words: str) -> str:
    done = subprocess.run(["systemctl", f"--root={root}", *words], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def test_who_may_reach_the_desk_is_its_unit_s_own_part(tmp_path: Path) -> None:
    started = Started(tmp_path / "tiepdon.toml", systemd=True)
    started.let_in((), tmp_path)
    assert not any(tmp_path.iterdir())
    started.let_in(("192.168.1.0/24", "10.1.2.3/32"), tmp_path)
    made = tmp_path / "tiepdon-desk.service.d/setup.conf"
    assert made.stat().st_mode & 0o777 == 0o644
    assert made.read_text("utf-8").splitlines()[1:] == [
        "[Service]",
        "IPAddressAllow=192.168.1.0/24",
        "IPAddressAllow=10.1.2.3/32",
    ]
