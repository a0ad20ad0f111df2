"""After the settings are written: the database is opened, the first account made, the services started, all looked at.

Where systemd runs, each step that needs a secret or writes the state runs as the service's own user, as a unit of the
moment: root's hand leaves no file there that the services could not write.
"""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from config.settings import Settings
from tiepdon.readiness import product_probes, wait_for
from tiepdon.setup.answers import Supervisor
from tiepdon.setup.writing import secrets_folder
from tiepdon.world import tiepdon
from wire.codec import from_json
from wire.durable import write_durably
from wire.errors import TiepDonError

USER = "tiepdon"
TARGET = "tiepdon.target"
DESK = "tiepdon-desk.service"
UNITS = Path("/etc/systemd/system")
# What serves those who check in at this machine. The sockets come before the services that they start.
AT_A_TOUCHSCREEN = (
    *("tiepdon-reader.socket", "tiepdon-reader.service"),
    *("tiepdon-screen.service", "tiepdon-screen-restart.timer"),
)
# Those that may run before settings change; what a timer starts waits for its timer.
RUNNING = tuple(f"tiepdon-{name}.service" for name in ("reader", "bridge", "kiosk", "desk", "screen"))
READY_SECONDS = 60.0
STEP_SECONDS = 300.0


class StepFailed(TiepDonError):
    """A step after the settings were written did not succeed (`step`); what it said stands above."""

    code = "setup.step_failed"


@dataclass(frozen=True)
class House:
    """The machine that is set up. `systemd`: it runs here, and the services are its units."""

    config: Path
    systemd: bool

    def database(self) -> None:
        """Bring the database to its schema. Raises StepFailed."""
        self._run("database", ["database", "migrate", "--config", str(self.config)])

    def accounts(self) -> tuple[str, ...]:
        """The names there are. Raises StepFailed."""
        told = from_json(self._run("account", ["account", "list", "--json", "--config", str(self.config)]), dict)
        return tuple(one["name"] for one in told["accounts"])

    def add_supervisor(self, who: Supervisor) -> tuple[str, str]:
        """Make the account; its one-time code, and the link to choose a PIN at. Raises StepFailed."""
        command = ["account", "add", who.name, who.full_name, "--role", "supervisor", "--json"]
        told = from_json(self._run("account", [*command, "--config", str(self.config)]), dict)
        return str(told["code"]), str(told["link"])

    def let_in(self, clients: Sequence[str], units: Path = UNITS) -> None:
        """Let these addresses and networks reach the staff's pages, besides this machine; none: whoever may now.
        Raises StepFailed."""
        if not clients:
            return
        told = "".join(f"IPAddressAllow={one}\n" for one in clients)
        place = units / f"{DESK}.d" / "setup.conf"
        try:
            place.parent.mkdir(mode=0o755, exist_ok=True)
            write_durably(place, f"# Written by `tiepdon setup`.\n[Service]\n{told}".encode())
            place.chmod(0o644)
        except OSError as error:
            raise StepFailed(step="let_in", why=error.strerror) from None

    def start(self, settings: Settings) -> tuple[str, ...]:
        """Switch on what these settings have and off what they have not, start the services anew and wait for them;
        the names of those that are not ready. Raises StepFailed."""
        for command in commands(settings):
            self._call("start", ["systemctl", *command])
        return wait_for(product_probes(settings), READY_SECONDS, lambda *_: None)

    def _run(self, step: str, arguments: Sequence[str]) -> bytes:
        command: list[str] = list(tiepdon(*arguments))
        if self.systemd:
            command = [
                *("systemd-run", "--quiet", "--pipe", "--wait", "--collect"),
                *("-p", f"User={USER}", "-p", "StateDirectory=tiepdon", "-p", "StateDirectoryMode=0700"),
                *("-p", "UMask=0077", "-p", f"LoadCredential=secrets:{secrets_folder(self.config)}"),
                *command,
            ]
        return self._call(step, command)

    def _call(self, step: str, command: Sequence[str]) -> bytes:
        try:
            done = subprocess.run(command, stdout=subprocess.PIPE, timeout=STEP_SECONDS, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise StepFailed(step=step, why=type(error).__name__) from None
        if done.returncode:
            raise StepFailed(step=step, ended=done.returncode)
        return done.stdout


def commands(settings: Settings) -> tuple[tuple[str, ...], ...]:
    """What systemctl is told, in this order. Pure.

    Where nobody checks in, the units of reader and screen are masked: others only want them (systemd.unit(5)), a socket
    would start the reader, and an upgrade leaves a mask as it is. The kiosk's process stays: late answers and the
    counter's paper are its work.
    """
    here = settings.kiosk.touchscreen
    desk = "enable" if settings.staff.listen else "disable"
    # The screen's unit asks by itself whether there is a panel.
    switch: tuple[tuple[str, ...], ...] = (
        (("unmask", "--quiet", *AT_A_TOUCHSCREEN), ("enable", "--quiet", *AT_A_TOUCHSCREEN))
        if here
        else (("mask", "--now", "--quiet", *AT_A_TOUCHSCREEN),)
    )
    return (
        ("daemon-reload",),
        *switch,
        (desk, "--now", "--quiet", DESK),
        ("try-restart", *RUNNING),
        ("start", TARGET),
    )


def runs_systemd(root: Path = Path("/")) -> bool:
    """Whether systemd runs here and our units are installed."""
    units = ("etc/systemd/system", "usr/lib/systemd/system", "lib/systemd/system")
    return (root / "run/systemd/system").is_dir() and any((root / unit / TARGET).exists() for unit in units)
