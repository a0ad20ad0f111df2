"""Further releases of a built package, to go up and down between: the same files under another version, repacked."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

COMMON = Path("usr/lib/tiepdon/lib/common")
MORE = """
from wire.database import Migration as _Migration

_STEP = _Migration("kiosk-9998-of-{release}", lambda database: database.execute({sql!r}), "{release}", additive=True)
MIGRATIONS = (*MIGRATIONS, _STEP)
"""


def version_of(package: Path) -> str:
    """What dpkg reads."""
    return subprocess.run(
        ["dpkg-deb", "-f", str(package), "Version"], check=True, capture_output=True, text=True
    ).stdout.strip()


def depends_of(package: Path) -> list[str]:
    """The names apt has to find beside it, the first of each choice; Python itself by its own name."""
    line = subprocess.run(
        ["dpkg-deb", "-f", str(package), "Depends"], check=True, capture_output=True, text=True
    ).stdout
    return [part.split("|")[-1].split("(")[0].strip() for part in line.split(",") if "python3.1" not in part]


def as_version(package: Path, version: str, output: Path, change: Callable[[Path], None]) -> Path:
    """The package once more under `version`, after `change` was made to its tree."""
    was = version_of(package)
    with TemporaryDirectory(prefix="tiepdon-variant-", dir=output) as folder:
        tree = Path(folder) / "tree"
        subprocess.run(["dpkg-deb", "-R", str(package), str(tree)], check=True)
        control = tree / "DEBIAN" / "control"
        control.write_text(control.read_text("utf-8").replace(f"Version: {was}\n", f"Version: {version}\n"), "utf-8")
        for script in ("postinst", "prerm"):
            path = tree / "DEBIAN" / script
            path.write_text(
                re.sub(rf"(?<![\w.]){re.escape(was)}(?!\w|\.\d)", version, path.read_text("utf-8")), "utf-8"
            )
        (folder_of_metadata,) = (tree / COMMON).glob("tiepdon-*.dist-info")
        metadata = folder_of_metadata / "METADATA"
        metadata.write_text(metadata.read_text("utf-8").replace(f"Version: {was}\n", f"Version: {version}\n"), "utf-8")
        folder_of_metadata.rename(folder_of_metadata.with_name(f"tiepdon-{version}.dist-info"))
        change(tree)
        (tree / "DEBIAN" / "md5sums").unlink(missing_ok=True)  # of the files as they were
        made = output / f"tiepdon_{version}_{package.stem.rpartition('_')[2]}.deb"
        subprocess.run(
            ["dpkg-deb", "--root-owner-group", "-Znone", "--build", str(tree), str(made)],
            check=True,
            stdout=subprocess.DEVNULL,
        )
    return made


def with_migration(sql: str, release: str) -> Callable[[Path], None]:
    """A change that gives the database one more step."""

    def change(tree: Path) -> None:
        module = tree / COMMON / "tiepdon" / "migrations.py"
        module.write_text(module.read_text("utf-8") + MORE.format(sql=sql, release=release), "utf-8")

    return change
