"""The .deb itself: control fields, maintainer scripts, and dpkg-deb, which writes the same bytes for the same files."""

import hashlib
import os
import shutil
import subprocess
import tomllib
from dataclasses import dataclass
from pathlib import Path

SCRIPTS = ("preinst", "postinst", "prerm", "postrm")


@dataclass(frozen=True)
class Release:
    """What is made: Debian version, architecture, and the moment every file bears (seconds since 1970)."""

    version: str
    architecture: str
    moment: int

    @property
    def file_name(self) -> str:
        """As apt and people expect it."""
        return f"tiepdon_{self.version}_{self.architecture}.deb"


def relations(fields: Path) -> dict[str, list[str]]:
    """Depends, Recommends, Suggests: one entry each, as written in control.toml."""
    return {key: list(value) for key, value in tomllib.loads(fields.read_text("utf-8"))["relations"].items()}


def write_control(packaging: Path, tree: Path, release: Release, units: list[str]) -> None:
    """The folder DEBIAN: control, md5sums and the maintainer scripts, which take back `units` in the end."""
    folder = tree / "DEBIAN"
    files = sorted(path for path in tree.rglob("*") if path.is_file() and not path.is_symlink())
    size = sum(1 if path.is_symlink() or path.is_dir() else -(-path.stat().st_size // 1024) for path in tree.rglob("*"))
    sums = [
        f"{hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()}  {path.relative_to(tree)}\n"
        for path in files
    ]
    folder.mkdir()
    conffiles = [f"/{path.relative_to(tree)}\n" for path in files if path.is_relative_to(tree / "etc")]
    (folder / "conffiles").write_text("".join(conffiles), "utf-8")
    (folder / "md5sums").write_text("".join(sums), "utf-8")
    control = tomllib.loads((packaging / "debian" / "control.toml").read_text("utf-8"))
    lines = [
        "Package: tiepdon",
        f"Version: {release.version}",
        f"Architecture: {release.architecture}",
        f"Installed-Size: {size}",
        *(f"{key}: {value}" for key, value in control["fields"].items()),
        *(f"{key}: {', '.join(entries)}" for key, entries in control["relations"].items()),
        f"Description: {control['description']['short']}",
        *(f" {line}" if line else " ." for line in control["description"]["long"].strip().splitlines()),
    ]
    (folder / "control").write_text("\n".join(lines) + "\n", "utf-8")
    for name in SCRIPTS:
        text = (packaging / "debian" / name).read_text("utf-8")
        text = text.replace("@VERSION@", release.version).replace("@UNITS@", " ".join(units))
        (folder / name).write_text(text, "utf-8")
        (folder / name).chmod(0o755)


def build(tree: Path, release: Release, output: Path) -> Path:
    """The package of a settled tree. xz, as every dpkg since 2011 unpacks it."""
    output.mkdir(parents=True, exist_ok=True)
    made = output / release.file_name
    part = made.with_suffix(".part")
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", "-Zxz", "--build", str(tree), str(part)],
        check=True,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "SOURCE_DATE_EPOCH": str(release.moment), "LC_ALL": "C.UTF-8"},
    )
    shutil.move(part, made)
    return made
