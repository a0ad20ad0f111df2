"""`scripts/package`: both packages from this tree, one after the other, with what it took."""

import argparse
import gzip
import os
import shutil
import subprocess
import sys
import time
import tomllib
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

from . import archive, rights, sbom, tree, wheels
from .archive import Release
from .lock import MACHINES, PYTHONS, Machine
from .parts import Part, bundled

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    """0: made; 1: could not be made, and why was said."""
    options = _parser().parse_args()
    try:
        for machine in MACHINES:
            if machine.architecture in (options.architecture or [known.architecture for known in MACHINES]):
                started = time.monotonic()
                made = make(options.source, options.output, machine, options.version, options.bill_only)
                if made.suffix == ".json":
                    sys.stdout.write(f"package: {made}\n")
                    continue
                megabytes = made.stat().st_size / 1e6
                sys.stdout.write(f"package: {made} {megabytes:.1f} MB in {time.monotonic() - started:.0f} s\n")
    except tree.MakeError as error:
        sys.stderr.write(f"package: {error}\n")
        return 1
    except subprocess.CalledProcessError as error:
        sys.stderr.write(f"package: {Path(error.cmd[0]).name} failed ({error.returncode}); it said why above\n")
        return 1
    return 0


def make(source: Path, output: Path, machine: Machine, version: str | None, bill_only: bool) -> Path:
    """One package, or its bill of materials alone.

    `version` in the place of pyproject.toml's: a Python version that Debian can order too.
    """
    packaging = source / "packaging"
    moment = int(os.environ.get("SOURCE_DATE_EPOCH") or _moment_of(source))
    os.environ["SOURCE_DATE_EPOCH"] = str(moment)
    with TemporaryDirectory(prefix="tiepdon-package-") as folder:
        place = Path(folder)
        copied = tree.sources(source, place / "source")
        release = Release(_versioned(copied, version), machine.architecture, moment)
        fetched = {
            python: wheels.fetch(copied / "requirements.lock", machine, python, output / "wheels") for python in PYTHONS
        }
        laid = place / "tree"
        tree.lay_program(packaging, laid)
        library = laid / tree.PROGRAM / "lib"
        wheels.lay_out(fetched, wheels.own_wheel(copied, place / "own"), machine, library)
        tree.lay_system(copied, packaging / "files.toml", laid)
        tree.lay_documents(copied, laid)
        parts = bundled([*chain.from_iterable(fetched.values())], library, copied, packaging / "licences.toml")
        _documents(laid / tree.DOC, packaging, release, parts)
        bill = Path(shutil.copyfile(laid / tree.DOC / "sbom.cdx.json", _beside(output, release, "cdx.json")))
        if bill_only:
            return bill
        archive.write_control(packaging, laid, release, tree.lay_units(laid))
        tree.settle(laid, moment)
        return archive.build(laid, release, output)


def _documents(place: Path, packaging: Path, release: Release, parts: list[Part]) -> None:
    depends = [entry.split(" ")[0] for entry in archive.relations(packaging / "debian" / "control.toml")["Depends"]]
    bill = sbom.bill(release.version, release.architecture, parts, depends, release.moment)
    (place / "sbom.cdx.json").write_text(bill, "utf-8")
    (place / "copyright").write_text(rights.copyright_file(parts), "utf-8")
    when = time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime(release.moment))
    changes = (
        f"tiepdon ({release.version}) stable; urgency=medium\n\n  * See CHANGELOG.md.\n\n"
        f" -- {_maintainer(packaging)}  {when}\n"
    )
    with gzip.GzipFile(place / "changelog.Debian.gz", "wb", compresslevel=9, mtime=0) as file:
        file.write(changes.encode())


def _maintainer(packaging: Path) -> str:
    control = tomllib.loads((packaging / "debian" / "control.toml").read_text("utf-8"))
    return str(control["fields"]["Maintainer"])


def _versioned(source: Path, version: str | None) -> str:
    """The version of the sources, after it was set to `version` where one is given."""
    project = source / "pyproject.toml"
    text = project.read_text("utf-8")
    own = str(tomllib.loads(text)["project"]["version"])
    if version is not None:
        project.write_text(text.replace(f'version = "{own}"', f'version = "{version}"', 1), "utf-8")
    return version or own


def _moment_of(source: Path) -> str:
    command = ["git", "-C", str(source), "log", "-1", "--format=%ct"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def _beside(output: Path, release: Release, ending: str) -> Path:
    output.mkdir(parents=True, exist_ok=True)
    return output / f"{release.file_name.removesuffix('.deb')}.{ending}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/package", description=__doc__)
    parser.add_argument("--version", help="this version in the place of pyproject.toml's")
    parser.add_argument("--output", type=Path, default=ROOT / "build", help="where the packages go (build)")
    parser.add_argument("--bill-only", action="store_true", help="write the bill of materials and pack nothing")
    parser.add_argument("--source", type=Path, default=ROOT, help="the tree they are made of (this one)")
    names = [machine.architecture for machine in MACHINES]
    parser.add_argument("--architecture", action="append", choices=names, help="this one alone; may be repeated")
    return parser


if __name__ == "__main__":
    sys.exit(main())
