"""A root that nothing writes to is opened for one start, in which the update is installed, and closed again.

The work is scripts/tiepdon-readonly-root's; here only who asks it, and the mark that says that it was closed before.
"""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from wire.errors import TiepDonError

SECONDS = 60.0


class RootNotSwitched(TiepDonError):
    """The read-only root could not be opened or closed (`said`)."""

    code = "update.root_not_switched"


@dataclass(frozen=True)
class ReadOnlyRoot:
    """`mounts`: the kernel's own table; `mark` lies where it lasts."""

    mark: Path
    program: Path = Path("/usr/sbin/tiepdon-readonly-root")
    mounts: Path = Path("/proc/mounts")

    def is_on(self) -> bool:
        """Whether what is installed now would be forgotten at the next start."""
        return any(line.split()[:2] == ["overlayroot", "/"] for line in self.mounts.read_text("utf-8").splitlines())

    def open_once(self) -> None:
        """From the next start the root is written to. Raises RootNotSwitched."""
        self.mark.touch()  # first: a power cut in between closes a root once more, and leaves none open
        try:
            self._run("off")
        except RootNotSwitched:
            self.mark.unlink()
            raise

    def close_again(self) -> bool:
        """Where it was opened for an update: closed from the next start on. Raises RootNotSwitched."""
        if not self.mark.exists():
            return False
        self._run("on")
        self.mark.unlink()
        return True

    def _run(self, word: str) -> None:
        try:
            done = subprocess.run([self.program, word], capture_output=True, text=True, check=False, timeout=SECONDS)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise RootNotSwitched(said=type(error).__name__) from None
        if done.returncode != 0:
            raise RootNotSwitched(said=done.stderr.strip()[:200])
