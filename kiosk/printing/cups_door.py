"""An office printer behind CUPS: the ticket as a PDF page, given to `lp`; its state from `lpstat`.

CUPS keeps the job and prints it when it can, so a ticket counts as printed once the queue has it: handing it over again
would print it twice.
"""

import os
import re
import subprocess
from collections.abc import Sequence

from config.front import PrinterSettings
from kiosk.printing.errors import (
    CupsMissing,
    PrinterAddress,
    PrinterBroken,
    PrinterCoverOpen,
    PrinterError,
    PrinterNotAnswering,
    PrinterOffline,
    PrinterPaperOut,
    PrinterRefused,
)

STATUS_SECONDS = 3.0
PATH = "/usr/local/bin:/usr/bin:/bin"

# Words of lpstat in the C locale, and printer-state-reasons of RFC 8011, 5.4.12 in its line "Alerts:".
_TOLD: tuple[tuple[str, type[PrinterError]], ...] = (
    (r"Unable to connect|scheduler is not running|Bad file descriptor|Connection refused", PrinterOffline),
    (r"Invalid destination|Unknown destination|does not exist|No destinations", PrinterAddress),
    (r"not accepting|rejecting|Forbidden|Not authorized|Unauthorized", PrinterRefused),
    (r"\b(cover|door|interlock)-open", PrinterCoverOpen),
    (r"\bmedia-(empty|needed)", PrinterPaperOut),
    (r"\b(media-jam|fuser-|marker-waste-full)", PrinterBroken),
    (r"\b(offline|shutdown|timed-out)(-|\b)", PrinterOffline),
    (r"\bdisabled since\b|\bpaused\b", PrinterRefused),
)
LOW = re.compile(r"\bmedia-low")


class CupsDoor:
    """The queue of the settings. `path`: where `lp` and `lpstat` lie, as in PATH."""

    def __init__(self, settings: PrinterSettings, path: str = PATH) -> None:
        self._settings = settings
        self._path = path

    def low(self) -> bool:
        """Whether the queue takes a job now: True when its paper is low. Raises PrinterError."""
        code, told = self._run(["lpstat", "-r", "-l", "-a", self._queue, "-p", self._queue], b"", STATUS_SECONDS)
        if (wrong := error_of(told)) is not None:
            raise wrong
        if code:
            raise PrinterError(program="lpstat", exit=code)
        return LOW.search(told) is not None

    def print(self, page: bytes) -> None:
        """Give the queue one page of PDF. Raises PrinterError; with `begun` where the queue may have taken it."""
        self.low()
        try:
            code, told = self._run(["lp", "-d", self._queue, "-t", "ticket", "-"], page, self._settings.timeout_seconds)
        except PrinterNotAnswering as error:
            error.data["begun"] = True
            raise
        if code:
            raise error_of(told) or PrinterError(program="lp", exit=code)

    @property
    def _queue(self) -> str:
        # As cupsd names queues; never an option of ours.
        if not re.fullmatch(r"[^\s/#?'\"\\-][^\s/#?'\"\\]{0,126}", self._settings.address):
            raise PrinterAddress(kind="cups", why="name of a queue")
        return self._settings.address

    def _run(self, command: Sequence[str], given: bytes, seconds: float) -> tuple[int, str]:
        environment = {**os.environ, "LC_ALL": "C", "LANGUAGE": "C", "PATH": self._path}
        try:
            done = subprocess.run(
                command,
                input=given,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=environment,
                timeout=seconds,
                check=False,
            )
        except FileNotFoundError:
            raise CupsMissing(program=command[0]) from None
        except subprocess.TimeoutExpired:
            raise PrinterNotAnswering(program=command[0]) from None
        except OSError:
            raise PrinterRefused(program=command[0]) from None
        return done.returncode, done.stdout.decode("utf-8", "replace")


def error_of(told: str) -> PrinterError | None:
    """What lp or lpstat complain of; None: of nothing that is known. What people wrote of the queue is not read."""
    told = "\n".join(line for line in told.splitlines() if not line.strip().startswith(("Description:", "Location:")))
    return next((error() for words, error in _TOLD if re.search(words, told, re.IGNORECASE)), None)
