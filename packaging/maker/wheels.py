"""The bundled Python packages: fetched as wheels, checked against the lock's hashes, laid out without being run.

Pure wheels and those of the stable ABI serve every Python; the others lie once for each. pip does the work.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from .lock import PYTHONS, Locked, Machine, locked

# What a wheel brings and nobody needs at a site: its own tests, type stubs, headers, start scripts for another Python.
NEEDLESS_FOLDERS = ("tests", "__pycache__")
NEEDLESS_FILES = ("*.pyi", "*.pyx", "*.pxd", "*.h", "*.a")
PATHS = "../../common\n../../debian\n"  # of a path file, from where it lies (site, "path configuration file")
NEEDLESS_TOPS = ("bin", "share", "include")


def fetch(lock: Path, machine: Machine, python: str, cache: Path) -> list[Path]:
    """The wheels for a machine with a Python, in `cache`. Raises CalledProcessError where one is missing or altered."""
    wanted = locked(lock, machine, python)
    folder = cache / f"{machine.architecture}-{python}"
    folder.mkdir(parents=True, exist_ok=True)
    lines = folder / "requirements.txt"
    text = "".join(f"{requirement.line}\n" for requirement in wanted)
    if not (lines.exists() and lines.read_text("utf-8") == text and len(list(folder.glob("*.whl"))) == len(wanted)):
        shutil.rmtree(folder)
        folder.mkdir()
        _pip("download", "--require-hashes", "--dest", str(folder), *_for(machine, python), "-r", _written(lines, text))
    return sorted(folder.glob("*.whl"))


def lay_out(wheels: dict[str, list[Path]], own: Path, machine: Machine, library: Path) -> None:
    """Lay the wheels of every Python under `library`: `common` for all, `pythonX.Y/site-packages` for one.

    Each Python finds its own folder by itself, as in a virtual environment, and the common one by a path file.
    """
    names = [{wheel.name for wheel in wheels[python]} for python in PYTHONS]
    common = set.intersection(*names)
    some = wheels[PYTHONS[0]]
    _install([*(wheel for wheel in some if wheel.name in common), own], machine, PYTHONS[0], library / "common")
    for python in PYTHONS:
        place = library / f"python{python}" / "site-packages"
        _install([wheel for wheel in wheels[python] if wheel.name not in common], machine, python, place)
        (place / "tiepdon.pth").write_text(PATHS, "utf-8")


def own_wheel(source: Path, folder: Path) -> Path:
    """The wheel of the product itself, made of the sources in `source`."""
    _pip("wheel", "--no-build-isolation", "--wheel-dir", str(folder), str(source))
    return next(folder.glob("tiepdon-*.whl"))


def versions(wheels: dict[str, list[Path]], lock: Path, machine: Machine) -> list[Locked]:
    """Every bundled package with its version, of whichever Python, by name."""
    found = {(item.name, item.version): item for python in wheels for item in locked(lock, machine, python)}
    return [found[key] for key in sorted(found)]


def _install(wheels: Iterable[Path], machine: Machine, python: str, place: Path) -> None:
    place.mkdir(parents=True)
    files = [str(wheel) for wheel in wheels]
    _pip("install", "--no-index", "--no-compile", "--target", str(place), *_for(machine, python), *files)
    for top in NEEDLESS_TOPS:
        shutil.rmtree(place / top, ignore_errors=True)
    for name in NEEDLESS_FOLDERS:
        for folder in [path for path in place.rglob(name) if path.is_dir()]:
            shutil.rmtree(folder)
    for pattern in NEEDLESS_FILES:
        for file in list(place.rglob(pattern)):
            file.unlink()
    for file in place.glob("*.dist-info/direct_url.json"):  # names the build machine's folders
        file.unlink()
    for file in place.glob("*.dist-info/RECORD"):  # of what was laid out; nobody unpacks or removes by it here
        file.unlink()


def _for(machine: Machine, python: str) -> list[str]:
    platforms = [word for platform in machine.platforms for word in ("--platform", platform)]
    abis = ["--abi", f"cp{python.replace('.', '')}", "--abi", "abi3", "--abi", "none"]
    return ["--only-binary=:all:", *platforms, "--python-version", python, "--implementation", "cp", *abis]


def _pip(command: str, *arguments: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", command, "-qq", "--no-deps", *arguments],
        check=True,
    )


def _written(path: Path, text: str) -> str:
    path.write_text(text, "utf-8")
    return str(path)
