"""The files of a package, laid out as they will lie on the machine.

The program lies under /usr/lib/tiepdon as a virtual environment of the system's own Python: the interpreter itself then
chooses the libraries for its version, and children that are started with `sys.executable` have the same ones.
"""

import os
import shutil
import subprocess
import tomllib
from pathlib import Path

PROGRAM = Path("usr/lib/tiepdon")
DOC = Path("usr/share/doc/tiepdon")
DEBIAN_LIBRARIES = ("smartcard", "evdev")  # of python3-pyscard and python3-evdev; none else of the system's
ASSETS = ("ui/static/vendor", "ui/static/fonts", "ui/static/voice")  # made by scripts/setup, not in git
UNIT_KINDS = (".service", ".socket", ".timer", ".path", ".target")
DOCUMENTS = ("README.md", "CHANGELOG.md", "SECURITY.md", "docs/*.md", "config/default.toml")


class MakeError(Exception):
    """Why no package could be made, as one line."""


def sources(root: Path, place: Path) -> Path:
    """A copy of what git knows of the tree (new files too), and the made browser assets: nothing else gets in."""
    listed = subprocess.run(
        ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    names = [name for name in listed.split("\0") if name and (root / name).is_file()]
    for folder in ASSETS:
        made = sorted(str(path.relative_to(root)) for path in (root / folder).rglob("*") if path.is_file())
        if not made:
            raise MakeError(f"{folder} is empty: scripts/setup makes it")
        names += made
    for name in names:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / name, place / name)
    return place


def lay_program(packaging: Path, tree: Path) -> None:
    """The launcher, the virtual environment's own files, and the links to Debian's two libraries."""
    program = tree / PROGRAM
    (program / "bin").mkdir(parents=True)
    (program / "bin" / "python3").symlink_to("/usr/bin/python3")
    _copy(packaging / "launcher", program / "bin" / "tiepdon", 0o755)
    (program / "pyvenv.cfg").write_text("home = /usr/bin\ninclude-system-site-packages = false\n", "utf-8")
    (program / "lib" / "debian").mkdir(parents=True)
    for name in DEBIAN_LIBRARIES:
        (program / "lib" / "debian" / name).symlink_to(f"/usr/lib/python3/dist-packages/{name}")
    (tree / "usr/bin").mkdir(parents=True)
    (tree / "usr/bin/tiepdon").symlink_to("../lib/tiepdon/bin/tiepdon")


def lay_system(root: Path, table: Path, tree: Path) -> None:
    """What the machine itself reads (units, users, rules, policies), by the table in files.toml.

    Raises MakeError where the table names nothing that is there, or misses something that is.
    """
    placed: set[Path] = set()
    for row in tomllib.loads(table.read_text("utf-8"))["files"]:
        found = [path for path in sorted(root.glob(row["from"])) if path.is_file() and path not in placed]
        if not found:
            raise MakeError(f"{table.name} names {row['from']}, and there is no such file")
        for path in found:
            placed.add(path)
            _copy(path, tree / row["to"] / path.name, int(row.get("mode", "644"), 8))
    forgotten = sorted(path for path in (root / "systemd").rglob("*") if path.is_file() and path not in placed)
    if forgotten:
        raise MakeError(f"{table.name} says nothing of {', '.join(str(path.relative_to(root)) for path in forgotten)}")


UPDATING = ("tiepdon-update.service", "tiepdon-update-resume.service")


def lay_units(tree: Path) -> list[str]:
    """The list the maintainer scripts go by: which units are enabled, started and stopped. Returns those enabled.

    Enabled is what the preset says (systemd.preset(5)); the target and the sockets start the rest; stopped is all but
    an update under way, which is who installs this.
    """
    folder = tree / "usr/lib/systemd"
    names = sorted(path.name for path in (folder / "system").glob("tiepdon*") if path.suffix in UNIT_KINDS)
    preset = "".join(path.read_text("utf-8") for path in sorted((folder / "system-preset").glob("*.preset")))
    enabled = [line.split()[1] for line in preset.splitlines() if line.startswith("enable ")]
    if unknown := set(enabled) - set(names):
        raise MakeError(f"the preset enables {', '.join(sorted(unknown))}, and there is no such unit")
    started = [*(name for name in enabled if name.endswith(".socket")), "tiepdon.target"]
    stopped = [name for name in names if name not in UPDATING]
    verbs = (("enable", enabled), ("start", started), ("stop", stopped))
    (tree / PROGRAM / "units").write_text(
        "".join(f"{verb} {name}\n" for verb, units in verbs for name in units), "utf-8"
    )
    return enabled


def lay_documents(root: Path, tree: Path) -> None:
    """What a technician reads on the machine itself."""
    for pattern in DOCUMENTS:
        for path in sorted(root.glob(pattern)):
            _copy(path, tree / DOC / path.name, 0o644)


def settle(tree: Path, moment: int) -> None:
    """Give every file the same moment and modes that hang on nobody's umask, so that two builds are equal."""
    for folder, names, files in os.walk(tree):
        for name in (*names, *files):
            path = Path(folder, name)
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
            os.utime(path, (moment, moment), follow_symlinks=False)
    os.utime(tree, (moment, moment))
    tree.chmod(0o755)


def _copy(source: Path, target: Path, mode: int) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(mode)
