"""The data partition on a real loop device: what must last is there, and nothing is removed that was not read back."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts/tiepdon-readonly-root"
SIZE = 24 << 20
LOOPS = shutil.which("losetup") is not None and os.geteuid() == 0

pytestmark = pytest.mark.skipif(not LOOPS, reason="a loop device needs root")


@dataclass(frozen=True)
class Card:
    """A system below `root`, and an empty partition for its data."""

    root: Path
    device: str

    def run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [SCRIPT, "--root", self.root, *words], capture_output=True, text=True, check=False, timeout=60
        )

    def on_data(self, folder: str) -> dict[str, bytes]:
        """What lies in a folder of the data partition."""
        place = self.root / "look"
        place.mkdir(exist_ok=True)
        subprocess.run(["mount", "-o", "ro", self.device, place], check=True)
        try:
            return {file.name: file.read_bytes() for file in (place / folder).iterdir() if file.is_file()}
        finally:
            subprocess.run(["umount", place], check=True)


@pytest.fixture
def card(tmp_path: Path) -> Iterator[Card]:
    image = tmp_path / "image"
    with image.open("wb") as file:
        file.truncate(SIZE)
    made = subprocess.run(["losetup", "--find", "--show", image], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        pytest.skip(f"no loop device: {made.stderr.strip()}")
    root = tmp_path / "root"
    for folder in (
        "etc/tiepdon/secrets",
        "var/lib/tiepdon",
        "usr/bin",
        "usr/share/initramfs-tools/scripts/init-bottom",
    ):
        (root / folder).mkdir(parents=True)
    (root / "etc/fstab").write_text("LABEL=root / ext4 defaults 0 1\n", "ascii")
    (root / "etc/tiepdon/tiepdon.toml").write_text("[site]\n", "ascii")
    (root / "var/lib/tiepdon/tiepdon.db").write_bytes(b"state")
    (root / "var/lib/tiepdon/tiepdon.db").chmod(0o600)
    try:
        yield Card(root, made.stdout.strip())
    finally:
        subprocess.run(["umount", "-q", root / "data"], check=False)
        subprocess.run(["losetup", "--detach", made.stdout.strip()], check=True)


def test_the_state_moves_to_the_data_partition_and_is_gone_from_the_root(card: Card) -> None:
    done = card.run("prepare", card.device, "--format")
    assert done.returncode == 0, done.stderr
    assert card.on_data("var-lib-tiepdon") == {"tiepdon.db": b"state"}
    assert card.on_data("etc-tiepdon") == {"tiepdon.toml": b"[site]\n"}
    assert list((card.root / "var/lib/tiepdon").iterdir()) == []
    assert "var/lib/tiepdon: on the data partition" in card.run("status").stdout


def test_fstab_keeps_its_own_lines_however_often_it_is_prepared_and_is_understood_by_others(card: Card) -> None:
    card.run("prepare", card.device, "--format")
    first = (card.root / "etc/fstab").read_text("ascii")
    assert card.run("prepare", card.device).returncode == 0
    assert (card.root / "etc/fstab").read_text("ascii") == first
    assert first.startswith("LABEL=root / ext4 defaults 0 1\n")
    told = subprocess.run(
        ["findmnt", "--fstab", "--tab-file", card.root / "etc/fstab", "-rn", "-o", "TARGET"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.split() == [
        "/", "/data", "/etc/tiepdon", "/var/lib/tiepdon", "/var/lib/tiepdon-update", "/var/log/journal"
    ]  # fmt: skip


def test_a_root_made_anew_takes_up_the_state_of_the_one_before(card: Card) -> None:
    card.run("prepare", card.device, "--format")
    (card.root / "etc/fstab").write_text("LABEL=root / ext4 defaults 0 1\n", "ascii")
    assert card.run("prepare", card.device).returncode == 0
    assert card.on_data("var-lib-tiepdon") == {"tiepdon.db": b"state"}


def test_two_states_are_never_mixed(card: Card) -> None:
    card.run("prepare", card.device, "--format")
    (card.root / "var/lib/tiepdon/tiepdon.db").write_bytes(b"another")
    done = card.run("prepare", card.device)
    assert (done.returncode, "both hold something" in done.stderr) == (1, True)
    assert (card.root / "var/lib/tiepdon/tiepdon.db").read_bytes() == b"another"
    assert card.on_data("var-lib-tiepdon") == {"tiepdon.db": b"state"}


def test_a_partition_that_holds_something_is_never_formatted(card: Card) -> None:
    subprocess.run(["mkfs.ext4", "-q", "-L", "PHOTOS", card.device], check=True)
    for more in ([], ["--format"]):
        done = card.run("prepare", card.device, *more)
        assert done.returncode == 1
        assert card.device in done.stderr
    assert (card.root / "var/lib/tiepdon/tiepdon.db").read_bytes() == b"state"


def test_a_partition_that_is_too_small_loses_nothing(card: Card) -> None:
    (card.root / "var/lib/tiepdon/large").write_bytes(os.urandom(SIZE))
    assert card.run("prepare", card.device, "--format").returncode != 0
    assert (card.root / "var/lib/tiepdon/tiepdon.db").read_bytes() == b"state"
    assert (card.root / "etc/fstab").read_text("ascii") == "LABEL=root / ext4 defaults 0 1\n"


def test_the_root_is_not_made_read_only_while_the_state_lies_on_it(card: Card) -> None:
    (card.root / "usr/share/initramfs-tools/scripts/init-bottom/overlayroot").touch()
    (card.root / "usr/bin/busybox").touch()
    assert card.run("on").returncode == 1
    card.run("prepare", card.device, "--format")
    assert card.run("on").returncode == 0
    assert (card.root / "etc/overlayroot.local.conf").read_text("ascii") == 'overlayroot="tmpfs:recurse=0"\n'
    assert card.run("off").returncode == 0
    assert "disabled" in (card.root / "etc/overlayroot.local.conf").read_text("ascii")


def test_without_overlayroot_it_says_what_to_install(card: Card) -> None:
    card.run("prepare", card.device, "--format")
    done = card.run("on")
    assert (done.returncode, "apt install overlayroot" in done.stderr) == (1, True)
    # Found by starting a machine (make image-test): without it the root stays open and nothing says so.
    (card.root / "usr/share/initramfs-tools/scripts/init-bottom/overlayroot").touch()
    done = card.run("on")
    assert (done.returncode, "apt install busybox" in done.stderr) == (1, True)
