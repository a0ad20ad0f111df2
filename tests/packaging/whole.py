"""`make package-test`: both packages made, made again to the same bytes, looked into, lived through in containers of
Debian 12 and 13; arm64 emulated. Prints what it did and what it could not. Needs root; takes some fifteen minutes.
"""

import hashlib
import shutil
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.packaging import emulated, in_containers
from tests.packaging.contents import look_into

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build"


def main() -> int:
    """0: everything held."""
    started = time.monotonic()
    packages = {architecture: make(architecture, BUILD) for architecture in ("amd64", "arm64")}
    failures: list[str] = []
    for architecture, package in packages.items():
        failures += [f"{architecture}: {problem}" for problem in look_into(package, ROOT)]
    with TemporaryDirectory(prefix="tiepdon-again-", dir=BUILD) as folder:
        shutil.copytree(BUILD / "wheels", Path(folder) / "wheels", copy_function=shutil.copyfile)
        again = make("amd64", Path(folder))
        same = _digest(again) == _digest(packages["amd64"])
    say("made twice: the same bytes" if same else "made twice: DIFFERENT bytes")
    failures += [] if same else ["amd64 is not reproducible"]
    if in_containers.main([str(packages["amd64"])]) != 0:
        failures.append("amd64 in containers, see above")
    failures += [f"arm64: {problem}" for problem in emulated.try_out(packages["arm64"])]
    for failure in failures:
        say(f"FAILED: {failure}")
    say(f"{'FAILED' if failures else 'everything held'} after {time.monotonic() - started:.0f} s")
    return 1 if failures else 0


def make(architecture: str, output: Path) -> Path:
    """One package, by the command that people use."""
    command = [ROOT / "scripts/package", "--architecture", architecture, "--output", output]
    told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    say(told)
    return max(output.glob(f"tiepdon_*_{architecture}.deb"), key=lambda path: path.stat().st_mtime)


def say(what: str) -> None:
    """One line, at once."""
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


def _digest(package: Path) -> str:
    return hashlib.sha256(package.read_bytes()).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
