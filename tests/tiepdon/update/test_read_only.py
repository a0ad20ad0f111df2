"""A read-only root is opened for an update and closed behind it, by the script that does so on the machine."""

import subprocess
from pathlib import Path

import pytest

from tiepdon.update.read_only import ReadOnlyRoot, RootNotSwitched

SCRIPT = Path(__file__).parents[3] / "scripts/tiepdon-readonly-root"


@pytest.fixture
def system(tmp_path: Path) -> Path:
    """A system that is prepared for a read-only root."""
    for folder in ("root/etc", "root/usr/share/initramfs-tools/scripts/init-bottom"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "root/usr/share/initramfs-tools/scripts/init-bottom/overlayroot").touch()
    (tmp_path / "root/usr/bin").mkdir()
    (tmp_path / "root/usr/bin/busybox").touch()
    (tmp_path / "root/etc/fstab").write_text("LABEL=TIEPDON-DATA /data ext4 noatime 0 2\n", "ascii")
    program = tmp_path / "readonly-root"
    program.write_text(f'#!/bin/sh\nexec {SCRIPT} --root {tmp_path / "root"} "$@"\n', "ascii")
    program.chmod(0o755)
    subprocess.run([program, "on"], check=True, capture_output=True)
    return tmp_path


def said(system: Path) -> str:
    return (system / "root/etc/overlayroot.local.conf").read_text("ascii")


def test_it_is_open_for_one_start_and_closed_again(system: Path) -> None:
    root = ReadOnlyRoot(system / "mark", system / "readonly-root")
    root.open_once()
    assert "disabled" in said(system)
    assert root.close_again()
    assert "tmpfs" in said(system)
    assert not root.close_again()


def test_a_root_that_was_open_before_stays_open(system: Path) -> None:
    subprocess.run([system / "readonly-root", "off"], check=True, capture_output=True)
    assert not ReadOnlyRoot(system / "mark", system / "readonly-root").close_again()
    assert "disabled" in said(system)


def test_whether_it_is_closed_is_read_from_the_kernels_own_table(system: Path) -> None:
    mounts = system / "mounts"
    for line, on in (
        ("overlayroot / overlay rw,lowerdir=/media/root-ro 0 0", True),
        ("/dev/sda2 / ext4 rw 0 0", False),
    ):
        mounts.write_text(f"proc /proc proc rw 0 0\n{line}\n", "ascii")
        assert ReadOnlyRoot(system / "mark", mounts=mounts).is_on() is on


def test_a_script_that_is_missing_or_fails_is_told_and_leaves_no_mark(system: Path) -> None:
    (system / "root/etc/fstab").write_text("", "ascii")
    (system / "mark").touch()
    with pytest.raises(RootNotSwitched):
        ReadOnlyRoot(system / "mark", system / "readonly-root").close_again()
    assert (system / "mark").exists()
    with pytest.raises(RootNotSwitched):
        ReadOnlyRoot(system / "none", system / "no-such-program").open_once()
    assert not (system / "none").exists()
