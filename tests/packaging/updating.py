"""Updates on a whole machine: a good release stays, one that does not come up goes back by itself, and a power cut in
the middle is taken up at the next start. Real minisign, real dpkg, real systemd.
"""

import hashlib
import json
import shutil
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.packaging.container import Container
from tests.packaging.variants import COMMON, as_version, version_of, with_migration

HEALTH_SECONDS = 40
# What the release is broken by: where it can no longer be started at all, and where the package's own scripts fail.
BROKEN = "this is no Python\n"


@dataclass(frozen=True)
class Releases:
    """Signed folders, by what becomes of them, with their versions; `key` goes into the settings."""

    folders: Mapping[str, Path]
    versions: Mapping[str, str]
    key: str


def make(package: Path, place: Path, first_patch: int) -> Releases:
    """Five releases above the package, signed by a key of their own."""
    keys = place / "keys"
    keys.mkdir()
    _do("minisign", "-G", "-W", "-p", str(keys / "pub"), "-s", str(keys / "secret"))
    major, minor = version_of(package).split(".")[:2]
    changes: dict[str, tuple[Callable[[Path], None], ...]] = {
        "good": (),
        "does not start": (_break("ui/server.py"),),
        "cannot even migrate": (_break("kiosk/schema.py"),),
        "migrates and does not start": (
            with_migration("CREATE TABLE update_test (number INTEGER) STRICT", f"{major}.{minor}.{first_patch + 3}"),
            _break("ui/server.py"),
        ),
        "cut off": (),
    }
    folders, versions = {}, {}
    for number, (name, change) in enumerate(changes.items()):
        version = f"{major}.{minor}.{first_patch + number}"
        folder = place / f"release-{number}"
        folder.mkdir()
        made = as_version(package, version, folder, _all(change))
        content = made.read_bytes()
        entry = {"file": made.name, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        told = {"version": version, "released": "2026-01-01", "packages": {"amd64": entry}}
        (folder / "release.json").write_text(json.dumps(told), "utf-8")
        _do("minisign", "-S", "-s", str(keys / "secret"), "-m", str(folder / "release.json"))
        folders[name], versions[name] = folder, version
    return Releases(folders, versions, (keys / "pub").read_text("ascii").splitlines()[1])


def trust(container: Container, releases: Releases) -> None:
    """The site's settings name the publisher's key."""
    file = container.tree / "etc/tiepdon/tiepdon.toml"
    more = f'\n[update]\npublic_keys = ["{releases.key}"]\nhealth_seconds = {HEALTH_SECONDS}\n'
    file.write_text(file.read_text("utf-8") + more, "utf-8")
    container.must("tiepdon", "config", "check", "/etc/tiepdon/tiepdon.toml")


def apply(container: Container, releases: Releases, name: str) -> "subprocess.CompletedProcess[str]":
    """As a technician does with a stick."""
    return container.run("tiepdon", "update", "apply", _stick(container, releases, name), "--json", seconds=1200)


def phase(done: "subprocess.CompletedProcess[str]") -> str:
    """How an update ended, by what the command says."""
    assert done.stdout.startswith("{"), done.stdout + done.stderr
    return str(json.loads(done.stdout.splitlines()[-1]).get("phase", done.stdout))


def installed(container: Container) -> str:
    """The version dpkg holds, and that it holds it whole."""
    status, version = container.must("dpkg-query", "-W", "-f", "${db:Status-Status} ${Version}", "tiepdon").split()
    assert status == "installed", status
    return version


def cut_while_proving(container: Container, releases: Releases, name: str) -> None:
    """Begin an update, cut the power while the new version is being proved, and start the machine again."""
    stick = _stick(container, releases, name)
    under_way = threading.Thread(
        target=lambda: container.run("tiepdon", "update", "apply", stick, "--json", seconds=1200), daemon=True
    )
    under_way.start()
    container.until("proving", "grep", "-q", '"proving"', "/var/lib/tiepdon-update/update.json", seconds=900)
    container.cut_power()
    under_way.join(60)
    container.until(
        "taken up", "sh", "-c", "! grep -qE 'installing|proving|going_back' /var/lib/tiepdon-update/update.json",
        seconds=900,
    )  # fmt: skip


def _stick(container: Container, releases: Releases, name: str) -> str:
    place = container.tree / "root" / releases.folders[name].name
    if not place.exists():
        shutil.copytree(releases.folders[name], place)
    return f"/root/{place.name}"


def _all(changes: Sequence[Callable[[Path], None]]) -> Callable[[Path], None]:
    def change(tree: Path) -> None:
        for one in changes:
            one(tree)

    return change


def _break(file: str) -> Callable[[Path], None]:
    def change(tree: Path) -> None:
        (tree / COMMON / file).write_text(BROKEN, "utf-8")

    return change


def _do(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
