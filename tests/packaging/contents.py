"""What is inside a made package, held against the sources and against its own bill of materials."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

COMMON = Path("usr/lib/tiepdon/lib/common")
OWN = ("reader", "kiosk", "hisbridge", "ui", "config", "sandbox", "wire", "tiepdon")
FROM_DEBIAN = {"smartcard", "evdev"}


def look_into(package: Path, root: Path) -> Iterator[str]:
    """Everything that is not as it should be."""
    with TemporaryDirectory(prefix="tiepdon-look-") as folder:
        tree = Path(folder)
        subprocess.run(["dpkg-deb", "-x", str(package), str(tree)], check=True)
        yield from _forgotten(tree, root)
        yield from _foreign(tree)
        yield from _bill(tree / "usr/share/doc/tiepdon/sbom.cdx.json", tree)


def _forgotten(tree: Path, root: Path) -> Iterator[str]:
    """Files of our own packages that git has and the package has not."""
    command = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *OWN]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\0")
    for name in listed:
        if name and (root / name).is_file() and not (tree / COMMON / name).is_file():
            yield f"{name} is not in the package"


def _foreign(tree: Path) -> Iterator[str]:
    """Bytecode, Debian's own libraries, or native code for another machine than the rest."""
    kinds: set[bytes] = set()
    for path in tree.rglob("*"):
        if path.suffix == ".pyc" or (path.name in FROM_DEBIAN and not path.is_symlink()):
            yield f"{path.relative_to(tree)} does not belong here"
        if ".so" in path.suffixes and path.is_file():
            kinds.add(path.open("rb").read(20)[18:20])  # e_machine (ELF header)
    if len(kinds) != 1:
        yield "native code of more than one kind of machine"


def _bill(bill: Path, tree: Path) -> Iterator[str]:
    text = bill.read_text("utf-8")
    if (wrong := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)) is not None:
        yield f"the bill of materials is not valid: {str(wrong)[:200]}"
    named = {component["purl"] for component in json.loads(text)["components"]}
    for metadata in tree.rglob("*.dist-info/METADATA"):
        name, version = metadata.parent.name.removesuffix(".dist-info").rsplit("-", 1)
        purl = f"pkg:pypi/{re.sub(r'[-_.]+', '-', name).lower()}@{version}"
        if (
            name != "tiepdon"
            and purl not in named
            and purl.replace("-", "_") not in {n.replace("-", "_") for n in named}
        ):
            yield f"the bill of materials says nothing of {name} {version}"
