"""A bridge process with a given portal and outbox, for measuring what it does from outside."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tiepdon.migrations import MIGRATIONS
from wire.client import Client
from wire.database import migrate
from wire.errors import ServiceUnreachable

SECONDS = 30.0


@dataclass(frozen=True)
class BridgeProcess:
    """A running bridge: its socket and its process id."""

    socket: Path
    pid: int

    def cpu_seconds(self) -> float:
        """What it has computed so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text("utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def peak_megabytes(self) -> float:
        """The most memory it ever held, resident."""
        lines = Path(f"/proc/{self.pid}/status").read_text("utf-8").splitlines()
        return next(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmHWM:"))


@contextmanager
def bridge_process(
    portal_port: int | None = None, destinations: str = "", fill: Callable[[Path], None] | None = None
) -> Iterator[BridgeProcess]:
    """The product's own bridge, on a database in a folder of its own, while the context lasts.

    `destinations`: their blocks of the settings; `fill` puts into the database what shall wait.
    """
    # Where the code is, not /tmp: that may be memory, where keeping an answer costs nothing.
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as named:
        folder = Path(named)
        database = folder / "state" / "tiepdon.db"
        migrate(database, MIGRATIONS)
        if fill is not None:
            fill(database)
        command = [
            sys.executable,
            "-m",
            "tiepdon.main",
            "bridge",
            "serve",
            "--config",
            str(_config(folder, portal_port, destinations)),
        ]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
            try:
                _wait_for(folder / "bridge.sock")
                yield BridgeProcess(folder / "bridge.sock", process.pid)
            finally:
                process.kill()


def _config(folder: Path, port: int | None, destinations: str) -> Path:
    path = folder / "tiepdon.toml"
    paths = f"""
[paths]
state = "{folder}/state"
run = "{folder}"
"""
    path.write_text(paths + ("" if port is None else _portal(folder, port)) + destinations, "utf-8")
    return path


def _portal(folder: Path, port: int) -> str:
    (folder / "password").write_text("not a secret\n", "utf-8")
    return f"""
[portal]
enabled = true
base_url = "http://127.0.0.1:{port}"
username = "99999_BV"
password_file = "{folder}/password"
officer_name = "Trần Thị Mẫu"
officer_id = "000088888888"
"""


def _wait_for(socket: Path) -> None:
    until = time.monotonic() + SECONDS
    while True:
        try:
            Client(socket).get("/v1/health", dict)
        except ServiceUnreachable:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
        else:
            return
