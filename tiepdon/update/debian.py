"""What dpkg is asked: the one door to the package system. Every call ends in time and says what dpkg said.

The package system is a folder, so that the tests ask the real dpkg about a system of their own.
"""

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from wire.errors import TiepDonError

PACKAGE = "tiepdon"
INSTALL_SECONDS = 900.0  # unpacking 200 MB onto a slow SD card
ASK_SECONDS = 30.0
QUICKLY = ("--deb-option=-Zgzip", "--deb-option=-z1")  # xz takes minutes for 400 MB, on a Pi more than we wait
SAID = 400  # characters of dpkg's last words


class PackageSystemFailed(TiepDonError):
    """dpkg refused or broke off (`said`: its last words)."""

    code = "update.package_system_failed"


class NotInstalled(TiepDonError):
    """This machine runs the program from somewhere else than the Debian package."""

    code = "update.not_installed"


@dataclass(frozen=True)
class Debian:
    """The package system of this machine, or of the tree at `root`. Every method raises PackageSystemFailed."""

    root: Path = Path("/")
    package: str = PACKAGE

    def installed(self) -> str:
        """The version that is installed, whole or half. Raises NotInstalled."""
        told = self._query("${db:Status-Status} ${Version}")
        status, _, version = told.partition(" ")
        if not version or status in ("not-installed", "config-files"):
            raise NotInstalled
        return version

    def is_whole(self) -> bool:
        """Whether nothing is half unpacked or not configured."""
        return self._query("${db:Status-Status}") == "installed"

    def architecture(self) -> str:
        """As Debian calls it: amd64, arm64."""
        return self._run(["dpkg", "--print-architecture"], ASK_SECONDS).strip()

    def older(self, one: str, other: str) -> bool:
        """Whether a version comes before another (deb-version(7))."""
        done = subprocess.run(["dpkg", "--compare-versions", one, "lt", other], check=False, timeout=ASK_SECONDS)
        return done.returncode == 0

    def version_of(self, file: Path) -> tuple[str, str]:
        """Name and version of a package's file."""
        told = self._run(["dpkg-deb", "--show", "--showformat=${Package} ${Version}", str(file)], ASK_SECONDS)
        name, _, version = told.strip().partition(" ")
        return name, version

    def installed_bytes(self, file: Path) -> int:
        """What a package's file takes up once it is unpacked, as it says itself; 0 where it does not."""
        told = self._run(["dpkg-deb", "--field", str(file), "Installed-Size"], ASK_SECONDS).strip()
        return int(told) * 1024 if told.isdigit() else 0

    def pack_installed(self, folder: Path) -> Path:
        """What is installed, as a package again: the way back."""
        before = set(folder.glob("*.deb"))
        self._run(["dpkg-repack", f"--root={self.root}", *QUICKLY, self.package], INSTALL_SECONDS, folder)
        made = sorted(set(folder.glob("*.deb")) - before)
        if len(made) != 1:
            raise PackageSystemFailed(said="nothing was packed")
        return made[0]

    def install(self, file: Path) -> None:
        """Unpack and configure; a version before the installed one is taken too.

        A site's own settings file is never replaced (--force-confold).
        """
        options = ["--force-confold", "--force-downgrade", "--force-confdef"]
        self._run(["dpkg", *self._root(), *options, "--install", str(file)], INSTALL_SECONDS)

    def finish(self) -> None:
        """Configure what a power cut left half done."""
        self._run(["dpkg", *self._root(), "--force-confold", "--configure", "--pending"], INSTALL_SECONDS)

    def _root(self) -> list[str]:
        return [] if self.root == Path("/") else [f"--root={self.root}"]

    def _query(self, form: str) -> str:
        database = [] if self.root == Path("/") else [f"--admindir={self.root / 'var/lib/dpkg'}"]
        asked = ["dpkg-query", *database, "--show", f"--showformat={form}", self.package]
        done = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=ASK_SECONDS)
        return done.stdout.strip()

    def _run(self, words: Sequence[str], seconds: float, folder: Path | None = None) -> str:
        environment = {**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
        try:
            done = subprocess.run(
                words, capture_output=True, text=True, check=False, timeout=seconds, cwd=folder, env=environment
            )
        except FileNotFoundError:
            raise PackageSystemFailed(said=f"{words[0]} is not installed") from None
        except subprocess.TimeoutExpired:
            raise PackageSystemFailed(said=f"{words[0]} did not end within {seconds:.0f} s") from None
        if done.returncode != 0:
            raise PackageSystemFailed(said=(done.stderr or done.stdout).strip()[-SAID:])
        return done.stdout
