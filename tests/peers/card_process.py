"""A card that others wrote, in a process of its own on the virtual reader of the test run.

The program behind it is started as `PROGRAM FOLDER PORT`. Each time its power comes on it plays the folder that
FOLDER/current names: `<file id>.bin` files and `card.json` with its settings. It notes in `commands` there what it
was asked: `power`, or `plain` / `secure` / `locked`, header and data in hexadecimal, and how many bytes were expected.
"""

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.pcsc import POLL_SECONDS, card_present
from tests.support.waiting import wait_until

READ, READ_ODD, SELECT = 0xB0, 0xB1, 0xA4


@dataclass(frozen=True)
class Asked:
    """One command as the card understood it, after secure messaging was taken off.

    `how`: `plain`, `secure`, or `locked`, which is a plain one refused because the card is in secure messaging.
    """

    how: str
    header: bytes
    data: bytes
    expected: int

    @property
    def secure(self) -> bool:
        return self.how == "secure"

    @property
    def ins(self) -> int:
        return self.header[1]

    @property
    def file(self) -> int | None:
        """The file that a SELECT names, or a READ BINARY by its short identifier (as a file of the application)."""
        if self.ins == SELECT and self.header[2] == 0x02:
            return int.from_bytes(self.data, "big")
        if self.ins == READ and self.header[2] & 0x80:
            return 0x0100 | self.header[2] & 0x1F
        return None


class CardProcess:
    """The card: `become` says what it is from its next power on, starting the program where it does not run."""

    def __init__(self, program: Sequence[str], folder: Path, port: int) -> None:
        self._command = [*program, str(folder), str(port)]
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._lives = 0

    def become(self, files: Mapping[int, bytes], settings: Mapping[str, object]) -> None:
        """Be a card with these files (by identifier) and settings, on the reader."""
        self._lives += 1
        life = self._life
        life.mkdir(parents=True)
        for file, content in files.items():
            (life / f"{file:04X}.bin").write_bytes(content)
        (life / "card.json").write_text(json.dumps(settings))
        pointer = self._folder / "current.new"
        pointer.write_text(life.name)
        pointer.replace(self._folder / "current")
        if self._process is None or self._process.poll() is not None:
            self.leave()
            self._process = subprocess.Popen(self._command)
            wait_until(self._present, POLL_SECONDS, "pcscd sees the card")

    def kill(self) -> None:
        """End it at once, whatever it is doing."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def leave(self) -> None:
        """Take it off the reader and wait until pcscd has seen that."""
        self.kill()
        wait_until(lambda: not card_present(), POLL_SECONDS, "pcscd sees that the card is gone")

    def ended(self) -> int:
        """The exit code of a card that leaves by itself."""
        assert self._process is not None
        return self._process.wait(POLL_SECONDS)

    def sessions(self) -> list[list[Asked]]:
        """What this card was asked since it became what it is, one list for each time it was powered and asked."""
        notes = self._life / "commands"
        found: list[list[Asked]] = [[]]
        for line in notes.read_text().splitlines() if notes.exists() else []:
            if line == "power":
                found.append([])
            else:
                how, header, data, expected = line.split(" ")
                asked = Asked(how, bytes.fromhex(header), bytes.fromhex(data), int(expected))
                found[-1].append(asked)
        return [session for session in found if session]

    def asked(self) -> list[Asked]:
        """Everything it was asked, over all sessions."""
        return [command for session in self.sessions() for command in session]

    @property
    def _life(self) -> Path:
        return self._folder / str(self._lives)

    def _present(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError(f"the card's program ended by itself: {self._process.returncode}")
        return bool(card_present())
