"""A running systemd container, seen from outside: its units, its processes, what each of them can reach.

Works on any container of this machine by the process id of its systemd (systemd-nspawn or another); needs root.
"""

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wire.client import Client
from wire.errors import TiepDonError

RUN = "run/tiepdon"
# Joins a unit's control group, whose filters then hold for it too, and says what became of one packet.
_SEND = """
import pathlib, socket, sys
pathlib.Path(sys.argv[1], "cgroup.procs").write_text("0")
try:
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", (sys.argv[2], 9))
except OSError as error:
    sys.exit(error.strerror)
"""


@dataclass(frozen=True)
class Container:
    """`leader`: the process id of its systemd, as this machine counts."""

    leader: int

    @property
    def root(self) -> Path:
        """Its files."""
        return Path(f"/proc/{self.leader}/root")

    def run(self, *command: str, check: bool = True) -> str:
        """What a command in it says, standard error included. Raises AssertionError when it fails and should not."""
        done = subprocess.run(
            ["nsenter", "-t", str(self.leader), "-a", "--", *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=120,
            check=False,
        )
        assert done.returncode == 0 or not check, f"{' '.join(command)}: {done.returncode}\n{done.stdout}"
        return done.stdout

    def show(self, unit: str) -> Mapping[str, str]:
        """Every property of a unit."""
        lines = self.run("systemctl", "show", "--no-pager", unit).splitlines()
        return {name: value for name, _, value in (line.partition("=") for line in lines)}

    def is_running(self, unit: str) -> bool:
        """Whether it is there, and said itself that it is ready."""
        told = self.show(unit)
        return (told["ActiveState"], told["SubState"]) == ("active", "running")

    def main(self, unit: str) -> "Inside":
        """The unit's main process."""
        told = self.show(unit)
        pid = int(told["MainPID"])
        assert pid, f"{unit} does not run: {self.log(unit)}"
        return Inside(self, _outer(self.leader, pid), told["ControlGroup"])

    def log(self, unit: str) -> str:
        """The last lines of its log."""
        return self.run("journalctl", "-b", "-q", "-n", "15", "-o", "cat", "--no-pager", "-u", unit, check=False)

    def ask(self, process: str, question: str, seconds: float = 20.0) -> dict[str, Any]:
        """Ask one of our processes through its socket. Raises TiepDonError."""
        return Client(self.root / RUN / f"{process}.sock", seconds).get(question, dict[str, Any])

    def answers(self, process: str) -> bool:
        """Does it answer at once?"""
        try:
            self.ask(process, "/v1/health/live" if process in ("reader", "bridge") else "/health/live", 1.0)
        except TiepDonError:
            return False
        return True

    def part(self, unit: str, text: str) -> None:
        """Lay a part over a unit until the container ends, and start it anew if it runs."""
        place = self.root / f"run/systemd/system/{unit}.d/for-the-test.conf"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, "utf-8")
        self.run("systemctl", "daemon-reload")
        self.run("systemctl", "try-restart", unit)


@dataclass(frozen=True)
class Inside:
    """One process in it. `pid`: as this machine counts."""

    container: Container
    pid: int
    group: str

    @property
    def root(self) -> Path:
        """The files as it sees them, for one who may open all of them."""
        return Path(f"/proc/{self.pid}/root")

    def status(self, name: str) -> str:
        """A line of /proc/PID/status."""
        lines = Path(f"/proc/{self.pid}/status").read_text("utf-8").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith(f"{name}:"))

    def sees(self, *command: str) -> "subprocess.CompletedProcess[str]":
        """Do something in its place: its files, its network, its user and groups."""
        user, group = self.status("Uid").split()[0], self.status("Gid").split()[0]
        return subprocess.run(
            ["nsenter", "-t", str(self.pid), "-m", "-n", "-S", user, "-G", group, "--", *command],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def sends_to(self, address: str) -> str:
        """What the kernel says to a packet from its control group and network; empty when it goes out."""
        lines = Path(f"/proc/{self.pid}/cgroup").read_text("utf-8").splitlines()
        group = _unified() / next(line for line in lines if line.startswith("0::")).removeprefix("0::/")
        done = subprocess.run(
            ["nsenter", "-t", str(self.pid), "-n", "--", sys.executable, "-I", "-c", _SEND, str(group), address],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.stderr.strip()

    def command(self) -> list[str]:
        """Its command line."""
        told = Path(f"/proc/{self.pid}/cmdline").read_bytes().decode("utf-8", "replace")
        return [word for part in told.split("\0") for word in part.split(" ")]

    def below(self) -> list["Inside"]:
        """The processes that it started."""
        told = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text("utf-8").split()
        return [Inside(self.container, int(pid), self.group) for pid in told]


def _unified() -> Path:
    """Where this machine has the control groups of version 2, the only ones that filter packets."""
    mounts = (line.split() for line in Path("/proc/self/mounts").read_text("utf-8").splitlines())
    return next(Path(mount[1]) for mount in mounts if mount[2] == "cgroup2")


def _outer(leader: int, inner: int) -> int:
    """A process id of the container as this machine counts (NSpid, proc(5))."""
    space = Path(f"/proc/{leader}/ns/pid").readlink()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if (entry / "ns/pid").readlink() != space:
                continue
            lines = (entry / "status").read_text("utf-8").splitlines()
        except OSError:
            continue
        told = next((line.split()[1:] for line in lines if line.startswith("NSpid:")), [])
        if told and int(told[-1]) == inner:
            return int(entry.name)
    raise AssertionError(f"no process {inner} in the container of {leader}")
