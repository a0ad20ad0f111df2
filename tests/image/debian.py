"""A disk with Debian and the built package on it, as a technician's `apt install` leaves it, ready to start in QEMU.

Debian's part is made once by debootstrap and kept; the disk is kept as long as package and recipe are the same. Needs
root, debootstrap and systemd-nspawn.
"""

import hashlib
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.packaging.container import NSPAWN, do, mirror

KEPT = Path.home() / ".cache" / "tiepdon-screen-test"
SIZE = 6 << 30
# What makes a tree a machine, and what the test asks it through. No part of the package's own needs.
MACHINE = (
    *("ca-certificates", "systemd-sysv", "dbus", "libpam-systemd", "udev", "kmod", "procps"),
    *("initramfs-tools", "linux-image-amd64", "qemu-guest-agent", "curl"),
)
# The whole of an initramfs takes a machine without hardware help a minute to unpack.
MODULES = "virtio_pci\nvirtio_blk\next4\n"
APT = ("apt-get", "-q", "-y", "-o", "APT::Install-Recommends=true")
_RECIPE = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:16]


@dataclass(frozen=True)
class Disk:
    """What QEMU starts: a raw image that nobody writes to, and the kernel and initramfs that lie in it."""

    image: Path
    kernel: Path
    initrd: Path
    tree: Path


def disk_with(package: Path, release: str, more: tuple[str, ...], instead: tuple[str, ...] = ()) -> Disk:
    """The disk of a Debian `release` with `package` and all it recommends, `more` packages besides, `instead` taken
    away. Raises AssertionError with what failed.
    """
    plan = hashlib.sha256(package.read_bytes() + repr((_RECIPE, more, instead)).encode()).hexdigest()
    name = f"{release}-{hashlib.sha256(repr((more, instead)).encode()).hexdigest()[:8]}"
    tree, image, stamp = KEPT / f"{name}.installed", KEPT / f"{name}.img", KEPT / f"{name}.stamp"
    if not (stamp.exists() and stamp.read_text("ascii") == plan):
        stamp.unlink(missing_ok=True)
        base = _base(package, release, name, more, instead)
        shutil.rmtree(tree, ignore_errors=True)
        do("cp", "-a", "--reflink=auto", str(base), str(tree))
        _install(tree, package)
        image.unlink(missing_ok=True)
        with image.open("wb") as file:
            file.truncate(SIZE)
        do("mkfs.ext4", "-q", "-L", "ROOT", "-d", str(tree), str(image))
        stamp.write_text(plan, "ascii")
    (kernel,), (initrd,) = ([*(tree / "boot").glob(name)] for name in ("vmlinuz-*", "initrd.img-*"))
    return Disk(image, kernel, initrd, tree)


def _base(package: Path, release: str, name: str, more: tuple[str, ...], instead: tuple[str, ...]) -> Path:
    """Debian with everything that the package wants, and without it."""
    tree, wanted = KEPT / f"{name}.base", _wanted(package)
    stamp = tree / "var/cache/tiepdon-wanted"
    if stamp.exists() and stamp.read_text("utf-8") == wanted:
        return tree
    shutil.rmtree(tree, ignore_errors=True)
    KEPT.mkdir(parents=True, exist_ok=True)
    do("debootstrap", "--variant=minbase", "--include=ca-certificates", release, str(tree), mirror())
    modules = tree / "etc/initramfs-tools/modules"
    modules.parent.mkdir(parents=True)
    modules.write_text(MODULES, "ascii")
    (modules.parent / "conf.d").mkdir()
    (modules.parent / "conf.d/tiepdon-test").write_text("MODULES=list\n", "ascii")
    _inside(tree, *APT, "update")
    _inside(tree, *APT, "--no-install-recommends", "install", *MACHINE, *more)
    _install(tree, package)
    _inside(tree, "dpkg", "--purge", "tiepdon")
    if instead:
        _inside(tree, *APT, "purge", *instead)
    (tree / "etc/fstab").write_text("LABEL=ROOT / ext4 errors=remount-ro 0 1\n", "ascii")
    stamp.write_text(wanted, "utf-8")
    return tree


def _install(tree: Path, package: Path) -> None:
    """As a technician does."""
    inside = tree / "root" / package.name
    shutil.copyfile(package, inside)
    _inside(tree, *APT, "install", f"/root/{package.name}")
    inside.unlink()
    (tree / "etc/machine-id").write_text("", "ascii")  # a machine's own, from its first start


def _inside(tree: Path, *command: str) -> None:
    words = ("env", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C.UTF-8", *command)
    do(*NSPAWN, "-D", str(tree), "--pipe", *words)


def _wanted(package: Path) -> str:
    command = ["dpkg-deb", "-f", str(package), "Depends", "Recommends"]
    return _RECIPE + subprocess.run(command, check=True, capture_output=True, text=True).stdout
