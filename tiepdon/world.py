"""The sandbox world around the product: which programs to start, and the settings that point the product at them.

Pure planning: no process is started here.
"""

import json
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

from tiepdon.supervisor import Program


@dataclass(frozen=True)
class Ports:
    """Loopback TCP ports of one sandbox run."""

    touchscreen: int
    desk: int
    portal: int
    hospital: int


@dataclass(frozen=True)
class Places:
    """Folders and files of one sandbox run."""

    state: Path  # database, keys, settings
    run: Path  # Unix sockets and the scanner's pseudo-terminal

    @property
    def settings(self) -> Path:
        """The settings file made for this run."""
        return self.state / "tiepdon.toml"

    @property
    def portal_password(self) -> Path:
        """File with the sandbox portal's password."""
        return self.state / "portal-password"

    @property
    def trust(self) -> Path:
        """Folder where the sandbox puts its country signing certificate."""
        return self.state / "trust"

    @property
    def card_socket(self) -> Path:
        """Where the card inside the reader process takes commands, on a machine without PC/SC."""
        return self.run / "card.sock"


def choose_ports(touchscreen: int | None, desk: int | None) -> Ports:
    """The usual ports where they are free, free ones otherwise; a port that was asked for is kept as it is."""
    return Ports(
        touchscreen=touchscreen or _free_port(8080),
        desk=desk or _free_port(8081),
        portal=_free_port(0),
        hospital=_free_port(0),
    )


def _free_port(wanted: int) -> int:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            return _free_port(0)
        port: int = probe.getsockname()[1]
        return port


def sandbox_settings(places: Places, ports: Ports, reader_name: str) -> str:
    """The settings file of a sandbox run, as TOML text."""
    quoted = {name: json.dumps(str(value), ensure_ascii=False) for name, value in vars(_Paths.of(places)).items()}
    return f"""\
# Made by `tiepdon run` for the sandbox world; every record made with it is marked as synthetic.
[site]
facility_code = "99999"
facility_name = "Bệnh viện Mẫu"
kiosk_id = "sandbox-1"
synthetic = true

[paths]
state = {quoted["state"]}
run = {quoted["run"]}

[reader]
pcsc_reader = {json.dumps(reader_name)}
trust_folder = {quoted["trust"]}

[reader.scanner]
device = {quoted["scanner"]}

[kiosk]
listen = "127.0.0.1:{ports.touchscreen}"

[portal]
enabled = true
base_url = "http://127.0.0.1:{ports.portal}"
username = "99999_BV"
password_file = {quoted["portal_password"]}
officer_name = "Trần Thị Mẫu"
officer_id = "000088888888"

[[destinations]]
name = "sandbox-his"
connector = "hl7v2"
host = "127.0.0.1"
port = {ports.hospital}
sending_facility = "99999"
receiving_facility = "99999"
"""


@dataclass(frozen=True)
class _Paths:
    state: Path
    run: Path
    trust: Path
    scanner: Path
    portal_password: Path

    @classmethod
    def of(cls, places: Places) -> "_Paths":
        return cls(places.state, places.run, places.trust, places.run / "scanner", places.portal_password)


def tiepdon(*arguments: str | Path) -> list[str]:
    """The command line of one of our own commands, run by this very interpreter."""
    return [sys.executable, "-m", "tiepdon.main", *map(str, arguments)]


def product(settings_file: Path, *reader_options: str | Path) -> list[Program]:
    """The three processes of the product, with one settings file."""
    return [
        Program("reader", tiepdon("reader", "--config", settings_file, *reader_options)),
        Program("bridge", tiepdon("bridge", "serve", "--config", settings_file)),
        Program("kiosk", tiepdon("kiosk", "--config", settings_file)),
    ]
