"""What stands around the units: users, folders, device rules, the browser's policies, the firewall - each judged by the
program that reads it."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from config.settings import load
from tests.systemd.units import FOLDER

POLICY: dict[str, object] = json.loads((FOLDER / "chromium" / "tiepdon.json").read_text("utf-8"))


def has(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(
        shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin") is None, reason=f"no {program} here"
    )


def ran(*command: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [str(word) for word in command],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin"},
    )


@has("systemd-sysusers")
def test_three_users_are_made_and_none_of_them_can_log_in(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    done = ran("systemd-sysusers", f"--root={tmp_path}", FOLDER / "sysusers.d" / "tiepdon.conf")
    assert (done.returncode, "not a valid" in done.stderr) == (0, False), done.stderr
    users = [line.split(":") for line in (tmp_path / "etc/passwd").read_text("utf-8").splitlines()]
    assert {user[0] for user in users} == {"tiepdon", "tiepdon-reader", "tiepdon-screen"}
    assert {user[6] for user in users} == {"/usr/sbin/nologin"}
    groups = (tmp_path / "etc/group").read_text("utf-8").splitlines()
    assert all(line.endswith(":") for line in groups)  # nobody is in another's group


@has("systemd-tmpfiles")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files to others")
def test_folders_are_made_for_those_alone_who_use_them(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    ran("systemd-sysusers", f"--root={tmp_path}", FOLDER / "sysusers.d" / "tiepdon.conf")
    done = ran("systemd-tmpfiles", f"--root={tmp_path}", "--create", FOLDER / "tmpfiles.d" / "tiepdon.conf")
    assert done.returncode == 0, done.stderr
    modes = {place: oct((tmp_path / place).stat().st_mode & 0o777) for place in (
        "run/tiepdon", "var/lib/tiepdon", "etc/tiepdon/secrets"
    )}  # fmt: skip
    assert modes == {"run/tiepdon": "0o711", "var/lib/tiepdon": "0o700", "etc/tiepdon/secrets": "0o700"}
    assert (tmp_path / "etc/tiepdon/secrets").stat().st_uid == 0
    assert (tmp_path / "var/lib/tiepdon").stat().st_uid != 0


def test_the_browser_may_open_the_kiosk_s_own_address_and_nothing_else() -> None:
    listen = load().kiosk.listen
    assert POLICY["URLAllowlist"] == [f"http://{listen}", f"http://localhost:{listen.rpartition(':')[2]}"]
    assert isinstance(POLICY["URLBlocklist"], list)
    assert {"*", "file://*", "chrome://*", "devtools://*", "view-source:*", "javascript:*"} <= set(
        POLICY["URLBlocklist"]
    )


def test_the_browser_has_no_way_out_of_the_page() -> None:
    off = ("PrintingEnabled", "PasswordManagerEnabled", "AutofillAddressEnabled", "AutofillCreditCardEnabled",
           "TranslateEnabled", "AllowFileSelectionDialogs", "MetricsReportingEnabled")  # fmt: skip
    assert {name: POLICY[name] for name in off} == dict.fromkeys(off, False)
    assert (POLICY["DeveloperToolsAvailability"], POLICY["DownloadRestrictions"], POLICY["BrowserSignin"]) == (2, 3, 0)
    assert POLICY["ExtensionInstallBlocklist"] == ["*"]


@has("xmllint")
def test_the_compositor_s_settings_are_well_formed() -> None:
    assert ran("xmllint", "--noout", FOLDER / "labwc" / "rc.xml").returncode == 0


@has("nft")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may ask the kernel about a firewall")
def test_the_kernel_takes_the_firewall(tmp_path: Path) -> None:
    rules = (FOLDER / "nftables" / "tiepdon.nft").read_text("utf-8")
    # Users that this machine has, in the place of those that the package makes.
    place = tmp_path / "rules.nft"
    place.write_text(re.sub(r'"tiepdon-\w+"', '"nobody"', rules).replace('{ "nobody", "nobody" }', '"nobody"'), "utf-8")
    done = ran("unshare", "--net", "nft", "-c", "-f", place)
    assert done.returncode == 0, done.stderr


@has("udevadm")
def test_udev_reads_every_rule(tmp_path: Path) -> None:
    done = ran("udevadm", "verify", FOLDER / "udev" / "90-tiepdon.rules")
    if "Unknown" in done.stderr or "nrecognized" in done.stderr:
        pytest.skip("udevadm verify came with systemd 254")
    assert done.returncode == 0, done.stderr


def test_usb_storage_is_shut_out_only_when_it_is_plugged_in_and_not_for_a_technician() -> None:
    rules = (FOLDER / "udev" / "90-tiepdon.rules").read_text("utf-8")
    rule = next(line for line in rules.splitlines() if 'ATTR{authorized}="0"' in line)
    for condition in (
        'ACTION=="add"',
        'ENV{INTERFACE}=="8/*"',
        'ENV{DRIVER}!="?*"',
        'TEST!="/etc/tiepdon/usb-storage"',
    ):
        assert condition in rule


def test_only_our_own_users_are_let_in_by_polkit() -> None:
    rule = (FOLDER / "polkit" / "50-tiepdon.rules").read_text("utf-8")
    assert set(re.findall(r'"(tiepdon[a-z-]*)"', rule)) == {"tiepdon-reader", "tiepdon"}
    assert set(re.findall(r'"(org\.[a-z.A-Z_-]+)"', rule)) == {
        "org.debian.pcsc-lite.access_pcsc",
        "org.debian.pcsc-lite.access_card",
    }
