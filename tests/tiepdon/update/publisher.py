"""A publisher of releases with minisign's own program, and a Debian system of its own for the real dpkg."""

import hashlib
import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tiepdon.update.debian import Debian

NAME = "tiepdon"


@dataclass(frozen=True)
class Publisher:
    """Keys made by minisign without a password."""

    folder: Path

    @classmethod
    def new(cls, folder: Path) -> "Publisher":
        folder.mkdir(parents=True)
        subprocess.run(
            ["minisign", "-G", "-W", "-p", folder / "key.pub", "-s", folder / "key"], check=True, capture_output=True
        )
        return cls(folder)

    @property
    def public(self) -> str:
        """As it goes into the settings."""
        return (self.folder / "key.pub").read_text("ascii").splitlines()[1]

    def sign(self, file: Path, *more: str) -> None:
        """Beside the file, as FILE.minisig."""
        subprocess.run(
            ["minisign", "-S", *more, "-s", self.folder / "key", "-m", file, "-t", "tiepdon release"],
            check=True,
            capture_output=True,
        )

    def release(self, folder: Path, version: str, files: Mapping[str, str], **more: object) -> Path:
        """A signed release of one package with these files."""
        folder.mkdir(parents=True, exist_ok=True)
        package = packed(folder, version, files)
        content = package.read_bytes()
        entry = {"file": package.name, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        told = {"version": version, "released": "2026-11-23", "packages": {"amd64": entry}, **more}
        (folder / "release.json").write_text(json.dumps(told), "utf-8")
        self.sign(folder / "release.json")
        return folder


def packed(folder: Path, version: str, files: Mapping[str, str], name: str = NAME) -> Path:
    """A real package with these files, by dpkg-deb."""
    tree = folder / f"tree-{name}-{version}"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN/control").write_text(
        f"Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: Nobody <nobody@example.org>\n"
        "Description: a package of the tests\n",
        "ascii",
    )
    for path, content in files.items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(content, "utf-8")
    package = folder / f"{name}_{version}_all.deb"
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", tree, package],
        check=True,
        capture_output=True,
        text=True,
    )
    return package


def debian_with(root: Path, version: str, files: Mapping[str, str]) -> Debian:
    """A system below `root` in which the real dpkg has installed this version."""
    for folder in ("var/lib/dpkg/info", "var/lib/dpkg/updates", "var/log"):
        (root / folder).mkdir(parents=True)
    (root / "var/lib/dpkg/status").touch()
    debian = Debian(root)
    debian.install(packed(root.parent, version, files))
    return debian
