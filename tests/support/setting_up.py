"""A machine that is set up: where its settings go, and `tiepdon setup` on a terminal of its own."""

import json
import os
import pty
import signal
import stat
import subprocess
import tomllib
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.support.world import TIEPDON, free_port, run_command
from ui.words import LANGUAGES, Words

PASSWORD = "mật khẩu bí mật 42"
WHOLE = """
[site]
facility_code = "99999"
facility_name = "Trạm y tế \\"Mẫu\\""
kiosk_id = "kiosk-2"

[kiosk]
ticket_prefix = "B"

[staff]
listen = "127.0.0.1:8090"

[portal]
enabled = true
base_url = "https://127.0.0.1:9"
username = "99999_BV"
password_file = "portal-password"
officer_name = "Trần Thị Mẫu"
officer_id = "000088888888"

[[destinations]]
name = "his"
connector = "hl7v2"
host = "127.0.0.1"
port = 9

[secrets]
portal-password = "mật khẩu bí mật 42"

[supervisor]
name = "hoa"
full_name = "Mẫu Thị Hoa"
"""


class House:
    """A machine of the test's own: where its settings go, and the folders they name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "etc" / "tiepdon.toml"
        self.secrets = folder / "etc" / "secrets"
        self.config.parent.mkdir()
        for name in ("state", "run"):
            (folder / name).mkdir(mode=0o700)
        self.config.write_text(
            f'[paths]\nstate = "{folder / "state"}"\nrun = "{folder / "run"}"\n'
            f'[kiosk]\nlisten = "127.0.0.1:{free_port()}"\n',
            "utf-8",
        )

    def setup(self, *options: str) -> "subprocess.CompletedProcess[str]":
        return run_command("setup", "--into", str(self.config), "--no-start", *options)

    def told(self) -> dict[str, Any]:
        return tomllib.loads(self.config.read_text("utf-8"))

    def files(self) -> dict[str, tuple[bytes, int]]:
        """Every file below the settings' folder: content and rights."""
        every = (path for path in sorted(self.config.parent.rglob("*")) if path.is_file())
        return {path.name: (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) for path in every}

    def accounts(self) -> list[tuple[str, str]]:
        done = run_command("account", "list", "--json", "--config", str(self.config))
        return [(one["name"], one["role"]) for one in json.loads(done.stdout)["accounts"]]


KINDS = ("pcsc_reader", "scanner", "keyboard", "camera", "printer")
DEVICES = tuple(Words(language).get(f"setup.device.{kind}") + "\r\n    1  " for language in LANGUAGES for kind in KINDS)


class Typing:
    """The command on a terminal of its own; `answers` are typed in turn, each when it is asked for."""

    def __init__(self, house: House, *options: str) -> None:
        self.screen = ""
        self._terminal, theirs = pty.openpty()
        self._process = subprocess.Popen(
            ["setsid", "--ctty", "--wait", *TIEPDON, "setup", "--into", str(house.config), "--no-start", *options],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)

    def answer(self, *answers: str | None) -> int:
        """Type each line at its prompt; None ends the line instead (Ctrl-D). Returns the exit code.

        What this machine has for devices is its own matter: whichever are asked about stay as proposed.
        """
        self.type(*answers)
        self._pass_devices()
        return self._process.wait(30)

    def type(self, *answers: str | None) -> None:
        """The same, and the command goes on."""
        for line in answers:
            self._pass_devices()
            self._put(line)

    def choose(self, heading: str, choice: str) -> str:
        """Go to the question that stands below `heading`, over those that stay as proposed; what was offered."""
        while told := self._until_asked():
            if heading in told:
                self._put(choice)
                return told
            self._put("")
        raise AssertionError(f"nobody asked {heading!r}:\n{self.screen}")

    def end(self) -> None:
        """Whatever became of the test: the command is gone, by its id."""
        os.close(self._terminal)
        if self._process.poll() is None:
            os.kill(self._process.pid, signal.SIGKILL)
            self._process.wait(10)

    def _put(self, line: str | None) -> None:
        os.write(self._terminal, b"\x04" if line is None else f"{line}\n".encode())

    def _pass_devices(self) -> None:
        """To the next prompt that is about no device."""
        while (told := self._until_asked()) and any(heading in told for heading in DEVICES):
            self._put("")

    def _until_asked(self) -> str:
        """What comes up to the next prompt, or to the end of the command."""
        new = b""
        with suppress(OSError):  # the other side ended
            while piece := os.read(self._terminal, 4096):
                new += piece
                if new.endswith(b": "):
                    break
        text = new.decode("utf-8", "replace")
        self.screen += text
        return text
