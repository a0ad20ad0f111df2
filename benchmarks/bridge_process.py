"""A bridge process that asks a given portal, for measuring what it does from outside."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
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


@contextmanager
def bridge_process(portal_port: int) -> Iterator[BridgeProcess]:
    """The product's own bridge, on an empty database in a folder of its own, while the context lasts."""
    # Where the code is, not /tmp: that may be memory, where keeping an answer costs nothing.
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as named:
        folder = Path(named)
        migrate(folder / "state" / "tiepdon.db", MIGRATIONS)
        command = [
            sys.executable,
            "-m",
            "tiepdon.main",
            "bridge",
            "serve",
            "--config",
            str(_config(folder, portal_port)),
        ]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
            try:
                _wait_for(folder / "bridge.sock")
                yield BridgeProcess(folder / "bridge.sock", process.pid)
            finally:
                process.kill()


def _config(folder: Path, port: int) -> Path:
    (folder / "password").write_text("not a secret\n", "utf-8")
    path = folder / "tiepdon.toml"
    path.write_text(
        f"""
[paths]
state = "{folder}/state"
run = "{folder}"

[portal]
enabled = true
base_url = "http://127.0.0.1:{port}"
username = "99999_BV"
password_file = "{folder}/password"
officer_name = "Trần Thị Mẫu"
officer_id = "000088888888"
""",
        "utf-8",
    )
    return path


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
