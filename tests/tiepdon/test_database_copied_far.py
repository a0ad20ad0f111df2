"""Copies to a stick that is full, write-protected or pulled out, and to a server that is away: each has its code, what
was there stays, and nothing hangs for ever."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

import pyrage
import pytest
from msgspec.structs import replace

from config.settings import Settings, database_path
from kiosk.clock import SystemClock
from tests.tiepdon.kept import kept_site
from tiepdon.keeping.backup_folder import (
    SILENCE_SECONDS,
    BackupFolderGone,
    BackupSameDisk,
    BackupUnderWay,
    backups,
    name_of,
    opened,
)
from tiepdon.keeping.backups import is_due, make
from tiepdon.keeping.patience import NoAnswer, patiently

UNIT = Path("systemd/tiepdon-backup.service")
NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
# The product's own command, but for how long it is patient.
IMPATIENT = """
import sys
from tiepdon.keeping import backup_folder
from tiepdon.main import main
backup_folder.ANSWER_SECONDS, backup_folder.SILENCE_SECONDS = 1.0, 1.0
sys.exit(main(sys.argv[1:]))
"""
needs_mounts = pytest.mark.skipif(
    os.geteuid() != 0 or not Path("/dev/fuse").exists() or shutil.which("mkfs.ext4", path="/usr/sbin:/sbin") is None,
    reason="mounting takes root, /dev/fuse and mkfs.ext4",
)


@dataclass(frozen=True)
class Site:
    """A site with a database of some hundred kilobytes, and where its stick is mounted."""

    config: Path
    settings: Settings
    stick: Path

    @cached_property
    def earlier(self) -> str:
        """The name of a copy that was made yesterday."""
        return name_of(self.settings, datetime.now(UTC) - timedelta(days=1))


@pytest.fixture
def site(tmp_path: Path) -> Site:
    key = pyrage.x25519.Identity.generate()
    kept = kept_site(tmp_path, encrypted=True)
    stick, config = tmp_path / "stick", tmp_path / "site.toml"
    stick.mkdir()
    config.write_text(
        f'[site]\nfacility_code = "01028"\n[paths]\nstate = "{kept.settings.paths.state}"\nrun = "{tmp_path}/run"\n'
        f'key_file = "{tmp_path}/site.key"\n[backup]\nfolder = "{stick}"\nrecipients = ["{key.to_public()}"]\n'
    )
    backup = replace(kept.settings.backup, folder=str(stick), recipients=(str(key.to_public()),))
    return Site(config, replace(kept.settings, backup=backup), stick)


def mounted(site: Site, script: str) -> "subprocess.CompletedProcess[str]":
    """A shell's script where `$STICK` is an ext4 file system of two megabytes; its mounts end with it."""
    image = site.stick.with_suffix(".img")
    with image.open("wb") as file:
        file.truncate(2 << 20)
    tools = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    # -O ^has_journal: two megabytes have no room for one
    prepare = f"mkfs.ext4 -q -F -m 0 -O ^has_journal {image} && mount -o loop {image} $STICK && "
    return subprocess.run(
        ["unshare", "--mount", "--propagation", "private", "sh", "-c", prepare + script],
        env={**os.environ, "PATH": tools, "STICK": str(site.stick), "MAKE": f"{sys.executable} -m tiepdon.main backup"
             f" make --config {site.config}"},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def failing(site: Site, how: str, *program: str) -> "subprocess.CompletedProcess[str]":
    """A program where the stick's folder fails in that way."""
    return subprocess.run(
        ["unshare", "--mount", sys.executable, "-m", "tests.support.failing_folder", how, str(site.stick), *program],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


@needs_mounts
def test_a_stick_that_is_full_keeps_the_copies_it_has(site: Site) -> None:
    done = mounted(
        site,
        f"echo good > $STICK/{site.earlier}; cat /dev/zero > $STICK/films 2>/dev/null;"
        " truncate -s -100k $STICK/films; $MAKE; echo exit=$?; ls $STICK; cat $STICK/tiepdon*",
    )  # fmt: skip
    assert "backup.full" in done.stderr, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout.splitlines()[0] == "exit=1"
    assert {*done.stdout.split()[1:]} == {"films", "lost+found", site.earlier, "good"}


@needs_mounts
def test_a_stick_that_has_no_byte_left_is_told_as_full_too(site: Site) -> None:
    done = mounted(site, "cat /dev/zero > $STICK/films 2>/dev/null; $MAKE; echo exit=$?; ls $STICK")
    assert "backup.full" in done.stderr, done.stdout + done.stderr
    assert done.stdout.split() == ["exit=1", "films", "lost+found"]


@needs_mounts
def test_a_stick_that_is_write_protected_is_told(site: Site) -> None:
    done = mounted(
        site, f"echo good > $STICK/{site.earlier}; mount -o remount,ro $STICK; $MAKE; echo exit=$?; ls $STICK"
    )
    assert "backup.read_only" in done.stderr, done.stdout + done.stderr
    assert done.stdout.split() == ["exit=1", "lost+found", site.earlier]


@needs_mounts
def test_what_a_copy_left_that_was_cut_off_goes_with_the_next_one(site: Site) -> None:
    half, other = site.earlier + ".part", "tiepdon-01028-another-20261101T000000Z.age.part"
    done = mounted(site, f"touch $STICK/{half} $STICK/{other}; $MAKE --json; echo exit=$?; ls $STICK")
    assert "exit=0" in done.stdout, done.stdout + done.stderr
    left = done.stdout.partition("exit=0")[2].split()
    assert half not in left
    assert other in left  # another kiosk may be writing it
    assert len([name for name in left if name.endswith(".age")]) == 1


@needs_mounts
@pytest.mark.parametrize(
    ("how", "code"),
    [
        ("silent", "backup.folder_silent"),
        ("stale", "backup.folder_gone"),
        ("hangs", "backup.folder_silent"),
        ("pulled", "backup.unwritable"),
        ("gone", "backup.folder_gone"),
    ],
)
def test_a_folder_that_fails_ends_the_command_with_its_code(site: Site, how: str, code: str) -> None:
    done = failing(
        site, how, sys.executable, "-c", IMPATIENT, *("backup", "make", "--if-due", "--config", str(site.config))
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert code in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(database_path(site.settings).parent.glob("*.copy*"))
    assert str(site.stick) not in Path("/proc/self/mounts").read_text("utf-8")


@needs_mounts
def test_the_doctor_tells_of_a_folder_that_never_answers(site: Site) -> None:
    look = (
        "import sys; from pathlib import Path; from config.settings import load; from tiepdon.checks import upkeep;"
        " upkeep.FOLDER_SECONDS = 0.5;"
        " print(*[(one.status.value, one.code) for one in upkeep.look_at_backup(load(Path(sys.argv[1])))])"
    )
    done = failing(site, "silent", sys.executable, "-c", look, str(site.config))
    assert done.stdout.strip() == "('warn', 'backup.folder_silent')", done.stdout + done.stderr


def test_the_timer_s_unit_ends_what_never_ends_by_itself() -> None:
    told = re.search(r"^TimeoutStartSec=(\d+)h$", UNIT.read_text("utf-8"), re.MULTILINE)
    assert told is not None
    assert int(told[1]) * 3600 > 2 * SILENCE_SECONDS


def test_what_neither_ends_nor_goes_on_is_left_behind() -> None:
    import threading

    never = threading.Event()
    with pytest.raises(NoAnswer):
        patiently(lambda _: never.wait(), 0.05)
    never.set()
    with pytest.raises(ZeroDivisionError):
        patiently(lambda _: 1 // 0, 5.0)

    def slowly(beat: Callable[[], None]) -> str:
        for _ in range(6):
            threading.Event().wait(0.05)
            beat()
        return "done"

    assert patiently(slowly, 0.2) == "done"


def test_what_is_unmounted_meanwhile_is_not_replaced_by_the_folder_below(site: Site) -> None:
    settings = replace(site.settings, backup=replace(site.settings.backup, another_disk=False))
    with opened(settings) as folder:
        site.stick.rename(site.stick.with_name("taken-away"))
        site.stick.mkdir()
        folder.keep(name_of(settings, NOW), lambda file: file.write(b"copy") and None)
    assert list(site.stick.iterdir()) == []
    assert [file.name for file in site.stick.with_name("taken-away").iterdir()] == [name_of(settings, NOW)]


def test_two_copies_are_never_made_at_once(site: Site) -> None:
    from tiepdon.keeping import backups as module

    settings = replace(site.settings, backup=replace(site.settings.backup, another_disk=False))
    with module._alone(settings), pytest.raises(BackupUnderWay):
        make(settings, None, NOW)
    make(settings, None, NOW)


def test_a_copy_is_due_when_the_settings_say_whatever_else_lies_there(site: Site) -> None:
    def of(by: Settings, hours: float) -> None:
        (site.stick / name_of(by, NOW - timedelta(hours=hours))).touch()

    assert is_due(site.settings, NOW)
    of(replace(site.settings, site=replace(site.settings.site, kiosk_id="another")), 1)
    of(site.settings, -48)  # by a clock that was wrong
    (site.stick / f"tiepdon-01028-{site.settings.site.kiosk_id}-20269999T000000Z.age").touch()
    of(site.settings, 25)
    assert len(backups(site.settings)) == 2
    assert is_due(site.settings, NOW)
    of(site.settings, 23.75)  # the timer does not come to the minute
    assert is_due(site.settings, NOW)
    of(site.settings, 20)
    assert not is_due(site.settings, NOW)


def test_the_purge_does_not_wait_for_a_folder_that_is_gone(site: Site) -> None:
    from tiepdon.keeping.backup_folder import forget_backups

    shutil.rmtree(site.stick)
    assert forget_backups(site.settings, SystemClock().now()) == 0
    with pytest.raises(BackupFolderGone):
        make(site.settings, None, NOW)
    site.stick.mkdir()
    with pytest.raises(BackupSameDisk):
        make(site.settings, None, NOW)
