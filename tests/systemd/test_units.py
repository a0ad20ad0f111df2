"""The systemd units: well-formed to systemd itself, and each process held to what it may touch."""

import shutil
import subprocess
import sys
import tomllib
from collections import defaultdict
from pathlib import Path

import pytest

from config.settings import INSTALLED, load
from tests.support.commands import CALLABLE

UNITS = sorted((Path(__file__).parents[2] / "systemd").glob("*.service"))
SITE_PART = UNITS[0].parents[1] / "config" / "examples" / "systemd" / "bridge.conf"
PROCESSES = ("reader", "bridge", "kiosk", "desk")
PROGRAM = "/usr/lib/tiepdon/bin/tiepdon"
HIGHEST_EXPOSURE = "30"  # of 100, by systemd's own measure; a service without any hardening has 96

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")

Unit = dict[str, list[str]]


def unit(name: str) -> Unit:
    """Every setting of `tiepdon-NAME.service`, by its name."""
    found: Unit = defaultdict(list)
    for line in (UNITS[0].parent / f"tiepdon-{name}.service").read_text("utf-8").splitlines():
        if line and line[0] not in "#[":
            key, _, value = line.partition("=")
            found[key] += value.split() or [""]
    return found


@pytest.fixture
def installed(tmp_path: Path) -> list[Path]:
    """The units with a program that exists here in the place of the installed one."""
    here = Path(sys.executable).with_name("tiepdon")
    assert here.exists()
    for path in UNITS:
        text = path.read_text("utf-8")
        assert PROGRAM in text
        (tmp_path / path.name).write_text(text.replace(PROGRAM, str(here)), "utf-8")
    return sorted(tmp_path.glob("*.service"))


def analyze(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, timeout=60, check=False)


def about_ours(told: str) -> list[str]:
    """systemd also speaks of units of the machine that ours lead to."""
    return [line for line in told.splitlines() if "tiepdon-" in line]


@needs_systemd
def test_systemd_has_nothing_to_say_against_them(installed: list[Path]) -> None:
    done = analyze("verify", "--man=no", *installed)
    assert about_ours(done.stderr) == []
    assert done.returncode == 0


@needs_systemd
def test_systemd_would_say_what_is_wrong_with_one(installed: list[Path]) -> None:
    broken = installed[0]
    broken.write_text(broken.read_text("utf-8").replace("ProtectSystem=strict", "ProtectSysten=strict"), "utf-8")
    assert "ProtectSysten" in "".join(about_ours(analyze("verify", "--man=no", broken).stderr))


@needs_systemd
def test_a_sites_own_part_of_the_bridge_is_well_formed_and_leaves_it_as_little_exposed(
    installed: list[Path], tmp_path: Path
) -> None:
    part = tmp_path / "tiepdon-bridge.service.d" / "site.conf"
    part.parent.mkdir()
    text = SITE_PART.read_text("utf-8").replace("#LoadCredential", "LoadCredential")
    part.write_text(text, "utf-8")
    done = analyze("verify", "--man=no", *installed)
    assert about_ours(done.stderr) == []
    part.write_text(text.replace("ReadWritePaths", "ReadWritePath"), "utf-8")  # it is read, or this would pass too
    assert "ReadWritePath" in "".join(about_ours(analyze("verify", "--man=no", *installed).stderr))
    whole = tmp_path / "whole.service"
    whole.write_text((UNITS[0].parent / "tiepdon-bridge.service").read_text("utf-8") + text, "utf-8")
    done = analyze("security", "--offline=true", f"--threshold={HIGHEST_EXPOSURE}", "--no-pager", whole)
    assert done.returncode == 0, done.stdout


def test_a_sites_own_part_only_adds_folders_and_secrets_and_starts_without_them() -> None:
    lines = [line for line in SITE_PART.read_text("utf-8").splitlines() if line and not line.startswith("# ")]
    assert lines[0] == "[Service]"
    assert {line.lstrip("#").partition("=")[0] for line in lines[1:]} == {"ReadWritePaths", "LoadCredential"}
    folders = [line.partition("=")[2] for line in lines if line.startswith("ReadWritePaths")]
    assert folders == ["-/srv/tiepdon"]
    examples = SITE_PART.parents[1] / "destinations"
    for name in ("file_drop", "checkin_xml"):
        example = tomllib.loads((examples / f"{name}.toml").read_text("utf-8"))
        for one in example["destinations"]:
            assert Path(one["folder"]).is_relative_to("/srv/tiepdon")


@needs_systemd
@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_systemd_finds_each_of_them_little_exposed(path: Path) -> None:
    done = analyze("security", "--offline=true", f"--threshold={HIGHEST_EXPOSURE}", "--no-pager", path)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", [*PROCESSES, "database"])
def test_each_starts_a_command_that_exists_with_the_installed_settings(name: str) -> None:
    program, *words = unit(name)["ExecStart"]
    assert program == PROGRAM
    assert words[-2:] == ["--config", str(INSTALLED)]
    assert " ".join(words[:-2]) in CALLABLE


@pytest.mark.parametrize("name", [*PROCESSES, "database"])
def test_none_has_a_privilege_or_writes_outside_its_folders(name: str) -> None:
    told = unit(name)
    assert told["User"] == ["tiepdon"]
    assert told["CapabilityBoundingSet"] == [""]
    assert told["ProtectSystem"] == ["strict"]
    assert told["UMask"] == ["0077"]
    for key in ("NoNewPrivileges", "PrivateTmp", "ProtectHome"):
        assert told[key] == ["yes"]
    assert "ReadWritePaths" not in told
    paths = load().paths
    assert {f"/run/{folder}" for folder in told["RuntimeDirectory"]} <= {paths.run}
    assert {f"/var/lib/{folder}" for folder in told["StateDirectory"]} <= {paths.state}


@pytest.mark.parametrize("name", PROCESSES)
def test_a_process_that_dies_is_always_started_again(name: str) -> None:
    told = unit(name)
    assert told["Restart"] == ["always"]
    assert told["StartLimitIntervalSec"] == ["0"]
    assert told["WantedBy"] == ["multi-user.target"]
    assert told["RuntimeDirectoryPreserve"] == ["yes"]  # the others' sockets lie in the same folder


def test_the_reader_has_no_network_and_no_database() -> None:
    told = unit("reader")
    assert set(told["RestrictAddressFamilies"]) == {"AF_UNIX", "AF_NETLINK"}
    assert told["IPAddressDeny"] == ["any"]
    assert "IPAddressAllow" not in told
    assert "StateDirectory" not in told


def test_the_kiosk_reaches_this_machine_only_and_no_device() -> None:
    told = unit("kiosk")
    assert told["IPAddressDeny"] == ["any"]
    assert told["IPAddressAllow"] == ["localhost"]
    assert told["PrivateDevices"] == ["yes"]
    assert "SupplementaryGroups" not in told


def test_the_bridge_touches_no_device() -> None:
    told = unit("bridge")
    assert told["PrivateDevices"] == ["yes"]
    assert "SupplementaryGroups" not in told


@pytest.mark.parametrize("name", ["bridge", "kiosk"])
def test_who_uses_the_database_starts_after_it_was_brought_up_to_date(name: str) -> None:
    told = unit(name)
    assert "tiepdon-database.service" in told["After"]
    assert told["Requires"] == ["tiepdon-database.service"]
