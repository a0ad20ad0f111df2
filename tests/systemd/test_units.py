"""The systemd units: well-formed to systemd itself, little exposed, and each process held to what it may touch."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from config.settings import INSTALLED, load
from tests.support.commands import CALLABLE
from tests.systemd.units import DAEMONS, FOLDER, ONESHOTS, PROCESSES, PROGRAM, SERVICES, UNITS, UPDATING, unit

SITE_PARTS = FOLDER.parent / "config" / "examples" / "systemd"
HIGHEST_EXPOSURE = "20"  # of 100, by systemd's own measure; a service without any hardening has 96

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder of all units, with a program that exists here in the place of the installed one."""
    here = Path(sys.executable).with_name("tiepdon")
    assert here.exists()
    for path in UNITS:
        (tmp_path / path.name).write_text(path.read_text("utf-8").replace(PROGRAM, str(here)), "utf-8")
    return tmp_path


def analyze(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, timeout=60, check=False)


def found_in(folder: Path) -> list[str]:
    """What systemd says of ours; it also speaks of units of the machine that ours lead to."""
    told = analyze("verify", "--man=no", *(folder / path.name for path in UNITS)).stderr
    return [line for line in told.splitlines() if "tiepdon" in line]


@needs_systemd
def test_systemd_has_nothing_to_say_against_them(installed: Path) -> None:
    assert found_in(installed) == []


@needs_systemd
@pytest.mark.parametrize(
    ("file", "right", "wrong"),
    [
        ("tiepdon-kiosk.service", "ProtectSystem=strict", "ProtectSysten=strict"),
        ("tiepdon-reader.socket", "SocketMode=0660", "SocketModus=0660"),
        ("tiepdon-purge.timer", "OnCalendar=*-*-* 02:30:00", "OnCalendar=at night"),
        ("tiepdon-desk.service", "SetCredential=desk.key:\\n", "SetCredential=desk.key:"),
    ],
)
def test_systemd_would_say_what_is_wrong_with_one(installed: Path, file: str, right: str, wrong: str) -> None:
    text = (installed / file).read_text("utf-8")
    assert right in text
    (installed / file).write_text(text.replace(right, wrong), "utf-8")
    assert file in "".join(found_in(installed))


@needs_systemd
@pytest.mark.parametrize("name", ["bridge", "desk", "kiosk", "backup"])
def test_a_site_s_own_part_is_well_formed_and_leaves_it_as_little_exposed(
    installed: Path, tmp_path: Path, name: str
) -> None:
    text = "\n".join(
        line.removeprefix("#") if line.startswith("#") and "=" in line and line[1:2].isupper() else line
        for line in (SITE_PARTS / f"{name}.conf").read_text("utf-8").splitlines()
    )
    part = installed / f"tiepdon-{name}.service.d" / "site.conf"
    part.parent.mkdir()
    part.write_text(text, "utf-8")
    assert found_in(installed) == []
    part.write_text(f"{text}\nReadWritePath=/srv\n", "utf-8")  # it is read, or this would pass too
    assert "site.conf" in "".join(found_in(installed))
    whole = tmp_path / "whole.service"
    whole.write_text((FOLDER / f"tiepdon-{name}.service").read_text("utf-8") + text, "utf-8")
    done = analyze("security", "--offline=true", f"--threshold={HIGHEST_EXPOSURE}", "--no-pager", whole)
    assert done.returncode == 0, done.stdout


def test_the_bridge_s_own_part_names_the_folders_of_the_examples() -> None:
    lines = (SITE_PARTS / "bridge.conf").read_text("utf-8").splitlines()
    assert [line for line in lines if line.startswith("ReadWritePaths")] == ["ReadWritePaths=-/srv/tiepdon"]
    for name in ("file_drop", "checkin_xml"):
        example = tomllib.loads((SITE_PARTS.parent / "destinations" / f"{name}.toml").read_text("utf-8"))
        for one in example["destinations"]:
            assert Path(one["folder"]).is_relative_to("/srv/tiepdon")


@needs_systemd
@pytest.mark.parametrize("path", [path for path in SERVICES if path.stem not in UPDATING], ids=lambda path: path.stem)
def test_systemd_finds_each_of_them_little_exposed(path: Path) -> None:
    done = analyze("security", "--offline=true", f"--threshold={HIGHEST_EXPOSURE}", "--no-pager", path)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", UPDATING)
def test_whoever_installs_an_update_is_dpkg_s_equal_and_runs_only_where_there_is_one(name: str) -> None:
    """The scripts of packages may do anything: there is nothing to take from them. What they are is signed."""
    told = unit(name.removeprefix("tiepdon-"))
    assert "User" not in told
    assert told["Type"] == ["oneshot"]
    assert len(told["ConditionPathExists"]) == 2
    assert "PartOf" not in told  # it stops the target, and must not be stopped with it


@pytest.mark.parametrize("name", PROCESSES)
def test_each_starts_a_command_that_exists_with_the_installed_settings(name: str) -> None:
    program, *words = unit(name)["ExecStart"]
    assert program == PROGRAM
    *command, option, settings = words
    assert option == "--config"
    assert settings == ("%d/tiepdon.toml" if name == "reader" else str(INSTALLED))
    assert " ".join(command).partition(" --")[0] in CALLABLE
    assert unit(name)["ConditionPathExists"] == [str(INSTALLED)]  # nothing starts on a machine that was not set up


@pytest.mark.parametrize("name", [*PROCESSES, "screen", "screen-restart"])
def test_none_has_a_privilege_or_leaves_its_memory_on_a_disk(name: str) -> None:
    told = unit(name)
    assert told["CapabilityBoundingSet"] == [""]
    assert told["ProtectSystem"] == ["strict"]
    assert told["UMask"] == ["0077"]
    assert told["LimitCORE"] == ["0"]
    assert told["SystemCallArchitectures"] == ["native"]
    assert {"@system-service", "~@privileged", "@resources"} <= set(told["SystemCallFilter"])
    for key in ("NoNewPrivileges", "PrivateTmp", "ProtectHome", "ProtectKernelTunables", "RestrictSUIDSGID"):
        assert told[key] == ["yes"], key
    if name != "screen":  # Chromium makes its pages fast by writing programs, and walls them in by namespaces
        assert told["MemoryDenyWriteExecute"] == ["yes"]
        assert told["RestrictNamespaces"] == ["yes"]


@pytest.mark.parametrize("name", PROCESSES)
def test_each_is_somebody_and_writes_into_its_own_folders_only(name: str) -> None:
    told = unit(name)
    assert told["User"] == ["tiepdon-reader" if name == "reader" else "tiepdon"]
    assert told["ReadWritePaths"] == (["-/media", "-/mnt", "-/srv"] if name in ("backup", "purge") else [])
    paths = load().paths
    assert {f"/run/{folder}" for folder in told["RuntimeDirectory"]} <= {paths.run}
    assert {f"/var/lib/{folder}" for folder in told["StateDirectory"]} <= {paths.state}


@pytest.mark.parametrize("name", [*DAEMONS, "screen"])
def test_a_process_that_dies_or_hangs_is_always_started_again(name: str) -> None:
    told = unit(name)
    assert told["Restart"] == ["always"]
    assert told["StartLimitIntervalSec"] == ["0"]
    assert told["RestartSec"] == ["1"]
    assert "RestartSteps" not in told  # a count that systemd never takes back
    assert told["Type"] == ["notify"]
    assert 10 <= int(told["WatchdogSec"][0]) <= 60
    assert told["WantedBy"] == ["tiepdon.target"]
    assert told["PartOf"] == ["tiepdon.target"]


def test_the_reader_has_no_network_no_database_and_no_secret() -> None:
    told = unit("reader")
    assert set(told["RestrictAddressFamilies"]) == {"AF_UNIX", "AF_NETLINK"}
    assert told["PrivateNetwork"] == ["yes"]
    assert told["IPAddressDeny"] == ["any"]
    assert "IPAddressAllow" not in told
    assert "StateDirectory" not in told
    assert set(told["InaccessiblePaths"]) == {"-/var/lib/tiepdon", "-/etc/tiepdon/secrets"}
    assert told["LoadCredential"] == [f"tiepdon.toml:{INSTALLED}"]
    assert told["DevicePolicy"] == ["closed"]
    assert "tiepdon" not in told["SupplementaryGroups"]


@pytest.mark.parametrize("name", ["kiosk", "desk"])
def test_who_serves_pages_reaches_this_machine_only(name: str) -> None:
    told = unit(name)
    assert told["IPAddressDeny"] == ["any"]
    assert told["IPAddressAllow"] == ["localhost"]
    assert told["DevicePolicy"] == ["closed"]


def test_the_kiosk_has_a_printer_on_usb_and_no_other_device() -> None:
    told = unit("kiosk")
    assert told["DeviceAllow"] == ["char-usb", "rw"]
    assert told["SupplementaryGroups"] == ["lp"]


@pytest.mark.parametrize("name", ["bridge", "desk", *(name for name in ONESHOTS if name != "doctor")])
def test_who_needs_no_device_has_none(name: str) -> None:
    told = unit(name)
    assert told["PrivateDevices"] == ["yes"]
    assert told["InaccessiblePaths"] == ["-/run/pcscd"]
    assert "SupplementaryGroups" not in told


def test_the_bridge_calls_and_is_not_called() -> None:
    assert unit("bridge")["SocketBindDeny"] == ["any"]


@pytest.mark.parametrize("name", ["database", "purge", "snapshot", "backup"])
def test_who_works_on_the_database_alone_has_no_network(name: str) -> None:
    assert unit(name)["PrivateNetwork"] == ["yes"]
    assert unit(name)["RestrictAddressFamilies"] == ["AF_UNIX"]


def test_secrets_are_handed_over_by_systemd_to_those_alone_who_need_them() -> None:
    held = {name: {one.partition(":")[0] for one in unit(name)["LoadCredential"]} for name in PROCESSES}
    key = {"site.key"}
    assert held == {
        "reader": {"tiepdon.toml"},
        "bridge": {"secrets"},
        "doctor": {"secrets"},
        "kiosk": key,
        "desk": key | {"desk.key", "desk.pem", "oidc-secret"},
        **dict.fromkeys(("database", "purge", "snapshot", "backup"), key),
    }
    for path in SERVICES:
        assert "EnvironmentFile" not in path.read_text("utf-8")


@pytest.mark.parametrize("name", ["bridge", "kiosk", "desk"])
def test_who_uses_the_database_starts_after_it_and_also_where_it_failed(name: str) -> None:
    told = unit(name)
    assert "tiepdon-database.service" in told["After"]
    assert "tiepdon-database.service" in told["Wants"]
    assert "tiepdon-database.service" not in told["Requires"]  # a screen that says so is better than none


@pytest.mark.parametrize(("name", "user", "group", "mode"), [
    ("reader", "tiepdon-reader", "tiepdon", "0660"),
    ("bridge", "tiepdon", "tiepdon", "0600"),
])  # fmt: skip
def test_sockets_are_systemd_s_and_open_to_those_alone_who_ask_there(
    name: str, user: str, group: str, mode: str
) -> None:
    told = unit(f"{name}.socket")
    assert told["ListenStream"] == [f"{load().paths.run}/{name}.sock"]
    assert told["FileDescriptorName"] == [name]
    assert (told["SocketUser"], told["SocketMode"]) == ([user], [mode])
    assert told["SocketGroup"] == [group]
    assert unit(name)["Requires"] == [f"tiepdon-{name}.socket"]


def test_every_timer_has_its_service_and_the_target_holds_them() -> None:
    timers = [path.stem.removeprefix("tiepdon-") for path in UNITS if path.suffix in (".timer", ".path")]
    assert {"purge", "snapshot", "backup", "doctor", "screen-restart", "database", "update"} == set(timers)
    for path in UNITS:
        told = unit(path.name.removeprefix("tiepdon-")) if path.stem != "tiepdon" else {}
        if path.suffix in (".timer", ".path"):
            assert told["WantedBy"] == ["tiepdon.target"]
            assert path.with_suffix(".service").exists()


def test_what_is_switched_on_at_the_start_exists() -> None:
    lines = (FOLDER / "system-preset" / "80-tiepdon.preset").read_text("utf-8").splitlines()
    named = [line.split() for line in lines if line and not line.startswith("#")]
    can = {path.name for path in UNITS if "[Install]" in path.read_text("utf-8")}
    assert {name for _, name in named} == can
    off = [name for what, name in named if what == "disable"]
    assert off == ["tiepdon-update.timer", "tiepdon-desk.service", "tiepdon-screen.service"]
