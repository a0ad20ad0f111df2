"""A Debian 12 of its own, started in QEMU without a network, whose power is cut when it has told what it sees.

Kernel, initramfs, systemd and overlayroot are Debian's; only the unit that tells is ours. The tree is made once by
debootstrap from the package source of this machine and kept.
"""

import base64
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "scripts/tiepdon-readonly-root"
PACKAGES = "systemd,systemd-sysv,initramfs-tools,linux-image-cloud-amd64,overlayroot,busybox,e2fsprogs"
BOOT_SECONDS = 240.0  # without hardware help some 40
ROOT_SIZE, DATA_SIZE = 1500 << 20, 128 << 20

_TELL = """\
#!/bin/sh
{
echo BEGIN
echo "root $(awk '$2 == "/" { print $1 }' /proc/mounts | tail -1)"
echo "state $(findmnt -no SOURCE /var/lib/tiepdon | sed 's/\\[.*//')"
echo "settings $(findmnt -no SOURCE /etc/tiepdon | sed 's/\\[.*//')"
echo "root_marks $(ls /mark-* 2>/dev/null | wc -l)"
echo "state_marks $(ls /var/lib/tiepdon/mark-* 2>/dev/null | wc -l)"
echo "database $(cat /var/lib/tiepdon/tiepdon.db)"
mark=mark-$(cat /proc/sys/kernel/random/boot_id)
echo x >/$mark && echo x >/var/lib/tiepdon/$mark && sync
next=$(sed -n 's/.*tiepdon.next=\\([^ ]*\\).*/\\1/p' /proc/cmdline | base64 -d)
[ -z "$next" ] || { sh -c "$next" && echo "next done" || echo "next failed"; }
sync
echo END
} >/dev/ttyS0 2>&1
"""
_UNIT = """\
[Unit]
After=local-fs.target
[Service]
Type=oneshot
ExecStart=/usr/local/bin/tell
[Install]
WantedBy=multi-user.target
"""


class Machine:
    """One machine with a root and an empty second disk. `folder` keeps the tree between runs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._tree = folder / "tree"
        self._root = folder / "root.img"
        self._data = folder / "data.img"

    def make(self) -> None:
        """The tree where there is none, and both disks anew. Raises CalledProcessError."""
        if not (self._tree / "boot").exists():
            shutil.rmtree(self._tree, ignore_errors=True)
            self._folder.mkdir(parents=True, exist_ok=True)
            words = ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", str(self._tree)]
            subprocess.run([*words, *_source()], check=True, stdout=subprocess.DEVNULL)
        for folder in ("etc/tiepdon", "var/lib/tiepdon", "var/lib/tiepdon-update", "var/log/journal"):
            (self._tree / folder).mkdir(parents=True, exist_ok=True)
        (self._tree / "var/lib/tiepdon/tiepdon.db").write_text("tickets", "ascii")
        (self._tree / "etc/fstab").write_text("LABEL=ROOT / ext4 errors=remount-ro 0 1\n", "ascii")
        _executable(self._tree / "usr/local/bin/tell", _TELL)
        _executable(self._tree / "usr/sbin/tiepdon-readonly-root", SCRIPT.read_text("utf-8"))
        (self._tree / "etc/systemd/system/tell.service").write_text(_UNIT, "ascii")
        getty = self._tree / "etc/systemd/system/serial-getty@ttyS0.service"  # it would take the line from under us
        getty.unlink(missing_ok=True)
        getty.symlink_to("/dev/null")
        wanted = self._tree / "etc/systemd/system/multi-user.target.wants/tell.service"
        wanted.unlink(missing_ok=True)
        wanted.symlink_to("/etc/systemd/system/tell.service")
        for image, size in ((self._root, ROOT_SIZE), (self._data, DATA_SIZE)):
            image.unlink(missing_ok=True)
            with image.open("wb") as file:
                file.truncate(size)
        subprocess.run(["mkfs.ext4", "-q", "-L", "ROOT", "-d", self._tree, self._root], check=True)

    def start(self, then: str = "") -> Mapping[str, str]:
        """Start it, let it tell what it sees and do `then` (a shell line), and cut its power.

        Raises TimeoutError where it never came so far.
        """
        console = self._folder / "console.log"
        console.unlink(missing_ok=True)
        (kernel,), (initrd,) = ([*(self._tree / "boot").glob(name)] for name in ("vmlinuz-*", "initrd.img-*"))
        more = f" tiepdon.next={base64.b64encode(then.encode()).decode()}" if then else ""
        drives = [f"file={image},format=raw,if=virtio" for image in (self._root, self._data)]
        words = ["qemu-system-x86_64", "-accel", "tcg", "-m", "768", "-nographic", "-no-reboot", "-nic", "none"]
        words += [
            "-kernel",
            str(kernel),
            "-initrd",
            str(initrd),
            "-append",
            f"root=LABEL=ROOT ro console=ttyS0 quiet{more}",
        ]
        words += [part for drive in drives for part in ("-drive", drive)] + [
            "-serial",
            f"file:{console}",
            "-monitor",
            "none",
        ]
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        try:
            return _told(console, process)
        finally:
            process.kill()
            process.wait()


def _told(console: Path, process: "subprocess.Popen[bytes]") -> Mapping[str, str]:
    until = time.monotonic() + BOOT_SECONDS
    while time.monotonic() < until and process.poll() is None:
        text = console.read_text("utf-8", "replace") if console.exists() else ""
        if "\nEND" in text:
            lines = text.partition("BEGIN")[2].partition("\nEND")[0].split("\n")
            return dict(line.strip().partition(" ")[::2] for line in lines if line.strip())
        time.sleep(0.5)  # another machine's console: nothing tells us of it
    raise TimeoutError(f"the machine told nothing; its console: {console}")


def _source() -> list[str]:
    """Where this machine itself gets Debian's packages."""
    for file in (*Path("/etc/apt/sources.list.d").glob("*.sources"), Path("/etc/apt/sources.list")):
        for line in file.read_text("utf-8").splitlines() if file.exists() else ():
            words = line.split()
            if "debian.sources" in file.name and line.startswith("URIs:"):
                return [words[1]]
            if line.startswith("deb ") and "security" not in line:
                return [next(word for word in words if "://" in word)]
    return []


def _executable(path: Path, content: str) -> None:
    path.write_text(content, "utf-8")
    path.chmod(0o755)
