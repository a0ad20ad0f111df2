"""A file is in the folder whole or not at all, and whatever keeps it out has a name and loses nothing."""

import errno
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from config.destinations import FileDropDestination
from hisbridge.connectors.file_drop_errors import (
    DropDiskFull,
    DropFailed,
    DropFolderFull,
    DropFolderMissing,
    DropHangs,
    DropNotWritable,
)
from hisbridge.connectors.file_drop_folder import Disk, Folder
from hisbridge.errors import DestinationUnreachable
from tests.hisbridge.checkin_xml_asking import lying
from tests.hisbridge.making import eventually

NAME = "20261121074500-0000-ABCDEFGHIJKLMNOPQRST.json"


def folder(path: Path, disk: Disk | None = None, **differences: Any) -> Folder:
    usual: dict[str, Any] = {"name": "drop", "folder": str(path), "timeout_seconds": 5.0}
    return Folder(FileDropDestination(**{**usual, **differences}), disk)


@contextmanager
def mounted(path: Path, options: str) -> Iterator[Path]:
    """A small file system of its own, where this machine lets us mount one."""
    path.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(path)], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("may not mount a file system here")
    try:
        yield path
    finally:
        subprocess.run(["umount", str(path)], check=True)


def test_what_is_put_lies_there_under_its_name_alone(tmp_path: Path) -> None:
    assert folder(tmp_path).put(NAME, b"whole", again=False)
    assert lying(tmp_path) == [NAME]
    assert (tmp_path / NAME).read_bytes() == b"whole"


def test_file_and_folder_are_synced_in_the_order_that_a_power_cut_demands(tmp_path: Path) -> None:
    calls: list[str] = []

    def sync(handle: int) -> None:
        calls.append(f"sync {Path(f'/proc/self/fd/{handle}').readlink().name}")
        os.fsync(handle)

    def rename(part: Path, target: Path) -> None:
        calls.append(f"rename {part.name} {target.name}")
        part.rename(target)

    folder(tmp_path, Disk(sync, rename)).put("a.json", b"x", again=False)
    assert calls == ["sync .a.json.part", "rename .a.json.part a.json", f"sync {tmp_path.name}"]


def test_a_resend_is_recognised_and_written_once(tmp_path: Path) -> None:
    drop = folder(tmp_path)
    drop.put(NAME, b"whole", again=False)
    before = (tmp_path / NAME).stat()
    assert not drop.put(NAME, b"whole", again=True)
    assert lying(tmp_path) == [NAME]
    assert (tmp_path / NAME).stat().st_ino == before.st_ino


def test_a_resend_over_something_else_of_that_name_replaces_it(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"half")
    assert folder(tmp_path).put(NAME, b"whole", again=True)
    assert (tmp_path / NAME).read_bytes() == b"whole"


def test_a_resend_of_what_the_receiver_has_taken_is_not_put_there_again(tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.mkdir()
    drop = folder(tmp_path, taken_folder=str(taken))
    drop.put(NAME, b"whole", again=False)
    (tmp_path / NAME).rename(taken / NAME)
    assert not drop.put(NAME, b"whole", again=True)
    assert lying(tmp_path) == ["taken"]


def test_whoever_looks_while_files_are_written_sees_whole_ones_only(tmp_path: Path) -> None:
    content = b"0123456789" * 20_000
    ended = threading.Event()
    broken: list[int] = []

    def look() -> None:
        while not ended.is_set():
            for name in lying(tmp_path):
                if not name.startswith("."):
                    size = (tmp_path / name).stat().st_size
                    if size != len(content):
                        broken.append(size)

    looker = threading.Thread(target=look)
    looker.start()
    try:
        drop = folder(tmp_path)
        for number in range(60):
            drop.put(f"{number}.json", content, again=False)
    finally:
        ended.set()
        looker.join()
    assert broken == []
    assert len(lying(tmp_path)) == 60


WRITER = """
import sys
from pathlib import Path
from tests.hisbridge.test_file_drop_folder import folder
drop = folder(Path(sys.argv[1]))
for number in range(int(sys.argv[2]), 10**9):
    drop.put(f"{number}.json", b"0123456789" * 20_000, again=False)
"""


def test_a_writer_that_is_killed_leaves_no_half_file_and_its_remains_go_with_the_resend(tmp_path: Path) -> None:
    for turn in range(5):
        process = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), str(turn * 1_000_000)])
        try:
            eventually(lambda first=turn: (tmp_path / f"{first * 1_000_000 + 3 + first}.json").exists())
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
        sizes = {(tmp_path / name).stat().st_size for name in lying(tmp_path) if not name.startswith(".")}
        assert sizes == {200_000}
        for part in [name for name in lying(tmp_path) if name.startswith(".")]:
            folder(tmp_path).put(part.removeprefix(".").removesuffix(".part"), b"0123456789" * 20_000, again=True)
    assert not [name for name in lying(tmp_path) if name.startswith(".")]


def test_a_folder_nobody_empties_is_told_and_a_resend_still_passes(tmp_path: Path) -> None:
    drop = folder(tmp_path, most_waiting=2, marker="share")
    (tmp_path / "share").touch()
    drop.put("1.json", b"1", again=False)
    drop.put("2.json", b"2", again=False)
    with pytest.raises(DropFolderFull) as told:
        drop.put("3.json", b"3", again=False)
    assert told.value.data == {"waiting": 2}
    assert drop.put("2.json", b"new", again=True)
    with pytest.raises(DropFolderFull):
        drop.probe()
    (tmp_path / "1.json").unlink()
    assert drop.put("3.json", b"3", again=True)


def test_a_missing_folder_is_told_and_all_is_well_once_it_is_there(tmp_path: Path) -> None:
    drop = folder(tmp_path / "later")
    for attempt in (lambda: drop.put(NAME, b"x", again=False), drop.probe):
        with pytest.raises(DropFolderMissing):
            attempt()
    (tmp_path / "later").mkdir()
    assert drop.put(NAME, b"x", again=True)


def test_nothing_is_written_beneath_a_share_that_is_not_mounted(tmp_path: Path) -> None:
    drop = folder(tmp_path, marker=".share")
    for attempt in (lambda: drop.put(NAME, b"x", again=False), drop.probe):
        with pytest.raises(DropFolderMissing) as told:
            attempt()
        assert told.value.data == {"why": "marker"}
    assert lying(tmp_path) == []


def test_a_file_where_the_folder_should_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DropFolderMissing):
        folder(tmp_path / "file").put(NAME, b"x", again=False)


def test_a_read_only_file_system_is_told(tmp_path: Path) -> None:
    with mounted(tmp_path / "share", "ro,size=64k") as share:
        drop = folder(share)
        for attempt in (lambda: drop.put(NAME, b"x", again=False), drop.probe):
            with pytest.raises(DropNotWritable) as told:
                attempt()
            assert told.value.data == {"why": "EROFS"}


def test_a_full_disk_is_told_leaves_nothing_behind_and_is_over_when_there_is_room(tmp_path: Path) -> None:
    with mounted(tmp_path / "share", "size=64k") as share:
        (share / "other").write_bytes(b"0" * 40_000)
        drop = folder(share)
        with pytest.raises(DropDiskFull):
            drop.put(NAME, b"0" * 40_000, again=False)
        assert lying(share) == ["other"]
        (share / "other").unlink()
        assert drop.put(NAME, b"0" * 40_000, again=True)


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOSPC, DropDiskFull),
        (errno.EDQUOT, DropDiskFull),
        (errno.EACCES, DropNotWritable),
        (errno.ESTALE, DropFolderMissing),
        (errno.EIO, DropFailed),
    ],
)
def test_an_error_while_syncing_is_told_and_the_file_is_not_there(
    tmp_path: Path, number: int, kind: type[DropFailed]
) -> None:
    def sync(handle: int) -> None:
        raise OSError(number, "told by a test", "/a/path")

    with pytest.raises(DropFailed) as told:
        folder(tmp_path, Disk(sync=sync)).put(NAME, b"x", again=False)
    assert type(told.value) is kind
    assert told.value.data == {"why": errno.errorcode[number]}
    assert lying(tmp_path) == []


def test_every_trouble_of_a_folder_is_the_destinations_and_no_records() -> None:
    assert issubclass(DropFailed, DestinationUnreachable)


def test_a_share_that_cannot_sync_a_folder_is_used_all_the_same(tmp_path: Path) -> None:
    def sync(handle: int) -> None:
        if Path(f"/proc/self/fd/{handle}").is_dir():
            raise OSError(errno.EINVAL, "told by a test")

    assert folder(tmp_path, Disk(sync=sync)).put(NAME, b"x", again=False)


def test_a_share_that_hangs_is_waited_for_so_long_and_holds_one_thread_at_most(tmp_path: Path) -> None:
    back = threading.Event()
    begun = 0

    def sync(handle: int) -> None:
        nonlocal begun
        begun += 1
        back.wait(30)

    drop = folder(tmp_path, Disk(sync=sync), timeout_seconds=0.05)
    before = threading.active_count()
    try:
        for _ in range(5):
            with pytest.raises(DropHangs):
                drop.put(NAME, b"x", again=True)
        with pytest.raises(DropHangs):
            drop.probe()
        assert begun == 1
        assert threading.active_count() == before + 1
    finally:
        back.set()
    eventually(lambda: threading.active_count() == before)
    # What was given up does not appear later under the receiver's eyes.
    assert lying(tmp_path) == []
    assert drop.put(NAME, b"x", again=True)
    assert lying(tmp_path) == [NAME]


def test_the_probe_writes_and_leaves_nothing(tmp_path: Path) -> None:
    synced: list[int] = []

    def sync(handle: int) -> None:
        synced.append(handle)

    folder(tmp_path, Disk(sync=sync)).probe()
    assert len(synced) == 2
    assert lying(tmp_path) == []


def test_files_of_others_with_any_bytes_in_their_names_do_no_harm(tmp_path: Path) -> None:
    (Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe\n="))).touch()
    drop = folder(tmp_path)
    assert drop.put(NAME, b"x", again=False)
    assert drop.remove(lambda name: name == NAME) == 1
    assert len(lying(tmp_path)) == 1


def test_a_link_in_the_place_of_the_hidden_file_is_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(b"of somebody else")
    share = tmp_path / "share"
    share.mkdir()
    (share / f".{NAME}.part").symlink_to(outside)
    with pytest.raises(DropFailed):
        folder(share).put(NAME, b"x", again=False)
    assert outside.read_bytes() == b"of somebody else"


@pytest.mark.parametrize("permissions", ["0600", "0640", "0660", "0644"])
def test_a_file_has_the_permissions_of_the_settings_whatever_the_process_masks(
    tmp_path: Path, permissions: str
) -> None:
    before = os.umask(0o077)
    try:
        folder(tmp_path, permissions=permissions).put(NAME, b"x", again=False)
    finally:
        os.umask(before)
    assert (tmp_path / NAME).stat().st_mode & 0o777 == int(permissions, 8)
