"""A Debian of its own in a systemd container, from a kept base tree: where the package is installed for real.

Needs root, systemd-nspawn and debootstrap. Nothing of it leaves the machine but what apt fetches for the base, once.
"""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

SOURCES = Path("/etc/apt/sources.list.d/debian.sources")
KEPT = Path.home() / ".cache" / "tiepdon-package-test"
PLAIN = ("systemd-sysv", "dbus", "libpam-systemd", "polkitd", "udev", "procps", "iproute2")
BOOT_SECONDS = 90
NSPAWN = ("systemd-nspawn", "--quiet", "--register=no", "--keep-unit")


class Container:
    """A tree that is booted by `boot`. `leader` is its systemd's process here."""

    def __init__(self, tree: Path, boot: "Callable[[], subprocess.Popen[bytes]]") -> None:
        self.tree = tree
        self._boot = boot
        self._process = boot()
        self.leader = _leader(self._process.pid)

    def booted(self) -> None:
        """Wait until it is up."""
        self.until("boot", "sh", "-c", "systemctl is-system-running | grep -E 'running|degraded'", seconds=BOOT_SECONDS)

    def cut_power(self) -> None:
        """Everything in it dies at once; then it starts again."""
        os.kill(self.leader, signal.SIGKILL)
        self._process.wait(60)
        self._process = self._boot()
        self.leader = _leader(self._process.pid)
        self.booted()

    def run(self, *command: str, seconds: float = 120) -> "subprocess.CompletedProcess[str]":
        """One command inside, to its end, as root and with nothing of this machine's surroundings."""
        inside = ("env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive")
        return subprocess.run(
            ["nsenter", "--target", str(self.leader), "--all", "--wdns=/", *inside, *command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    def must(self, *command: str, seconds: float = 300) -> str:
        """One command that has to succeed; its output. Raises AssertionError with all it said."""
        done = self.run(*command, seconds=seconds)
        assert done.returncode == 0, f"{' '.join(command)}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def until(self, what: str, *command: str, seconds: float = 60) -> str:
        """A command, again and again until it succeeds; its output. Raises AssertionError with what it said last."""
        give_up = time.monotonic() + seconds
        while (done := self.run(*command)).returncode != 0:
            assert time.monotonic() < give_up, f"{what}: not within {seconds:.0f} s\n{done.stdout}{done.stderr}"
            time.sleep(0.25)
        return done.stdout

    def take(self, file: Path) -> str:
        """Copy a file in; its path inside."""
        shutil.copyfile(file, self.tree / "root" / file.name)
        return f"/root/{file.name}"

    def stop(self) -> None:
        """Power it off and wait."""
        self.run("systemctl", "poweroff", "--no-block")
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def base(release: str, wanted: list[str]) -> Path:
    """A kept tree of a Debian release that boots; what the package needs lies in its apt cache, not installed."""
    tree = KEPT / release
    if not (tree / "etc" / "debian_version").exists():
        KEPT.mkdir(parents=True, exist_ok=True)
        part = KEPT / f"{release}.part"
        shutil.rmtree(part, ignore_errors=True)
        do("debootstrap", "--variant=minbase", "--include=ca-certificates", release, str(part), mirror())
        part.rename(tree)
    stamp = tree / "var/cache/apt/tiepdon-wanted"
    words = " ".join(wanted)
    if not stamp.exists() or stamp.read_text() != words:
        script = (
            f"export DEBIAN_FRONTEND=noninteractive; apt-get -q update && "
            f"apt-get -q -y --no-install-recommends install {' '.join(PLAIN)} && "
            f"apt-get -q -y --no-install-recommends --download-only install {words}"
        )
        do(*NSPAWN, "-D", str(tree), "--pipe", "sh", "-c", script)
        stamp.write_text(words)
    return tree


@contextmanager
def booted(release: str, wanted: list[str], place: Path) -> Iterator[Container]:
    """A fresh copy of the base, booted without any network but its own loopback, and taken away at the end."""
    tree = place / release
    shutil.rmtree(tree, ignore_errors=True)
    do("cp", "-a", "--reflink=auto", str(base(release, wanted)), str(tree))
    log = (place / f"{release}.console").open("wb")
    command = [
        *NSPAWN,
        "-D",
        str(tree),
        "--boot",
        "--private-network",
        "--system-call-filter=bpf",
        "--console=pipe",
        "systemd.log_target=console",
    ]
    with log:
        container = Container(tree, lambda: subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log))
        try:
            container.booted()
            yield container
        finally:
            container.stop()
            shutil.rmtree(tree, ignore_errors=True)


def _leader(outer: int) -> int:
    give_up = time.monotonic() + BOOT_SECONDS
    while time.monotonic() < give_up:
        for child in _children(outer):
            if Path(f"/proc/{child}/comm").read_text().strip() == "systemd":
                return child
        time.sleep(0.1)
    raise AssertionError("the container did not begin to boot")


def _children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def mirror() -> str:
    """Where this machine itself gets Debian from."""
    found = re.search(r"^URIs: *(\S+)", SOURCES.read_text("utf-8"), re.MULTILINE)
    assert found, f"{SOURCES} names no mirror"
    return found[1]


def do(*command: str) -> None:
    """One command on this machine that has to succeed. Raises AssertionError with the end of what it said."""
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
        check=False,
    )
    assert done.returncode == 0, (
        f"{' '.join(command[:4])} …: {done.returncode}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
    )
