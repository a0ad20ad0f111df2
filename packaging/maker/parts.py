"""What a package is made of, each with version, licence and whom it comes from: read from the parts' own metadata."""

import email
import hashlib
import json
import re
import tomllib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from license_expression import get_spdx_licensing

from .tree import MakeError

Kind = Literal["pypi", "npm", "font", "deb"]
BROWSER = ("htmx.org",)  # of package-lock.json: what the pages load


@dataclass(frozen=True)
class Part:
    """One bundled part. `licence` is an SPDX expression; `digests` are SHA-256 of the files it came in."""

    kind: Kind
    name: str
    version: str
    licence: str
    holder: str
    digests: tuple[str, ...] = ()


def bundled(
    wheels: list[Path], library: Path, root: Path, licences: Path, only: Collection[str] | None = None
) -> list[Part]:
    """Every part in the package but the product itself, by kind and name; of Python's `only` these where given.

    Raises MakeError where a licence is unknown.
    """
    known = tomllib.loads(licences.read_text("utf-8"))
    python = [_python_part(path, wheels, known["pypi"]) for path in sorted(library.glob("**/*.dist-info/METADATA"))]
    parts = {
        (part.kind, part.name.lower(), part.version): part
        for part in python
        if part.name != "tiepdon" and (only is None or _plain(part.name) in only)
    }
    for part in (*_browser_parts(root, known["npm"]), _fonts(root, known["other"])):
        parts[part.kind, part.name.lower(), part.version] = part
    for part in parts.values():
        _check(part)
    return [parts[key] for key in sorted(parts)]


def _python_part(metadata: Path, wheels: list[Path], known: dict[str, str]) -> Part:
    fields = email.message_from_string(metadata.read_text("utf-8"))
    name, version = str(fields["Name"]), str(fields["Version"])
    stem = f"{name.replace('-', '_')}-{version}-".lower()
    return Part(
        kind="pypi",
        name=name,
        version=version,
        licence=known.get(_plain(name)) or fields["License-Expression"] or fields["License"] or "",
        holder=_holder(str(fields["Author"] or fields["Author-email"] or fields["Maintainer"] or name)),
        digests=tuple(sorted({_digest(path) for path in wheels if path.name.lower().startswith(stem)})),
    )


def _browser_parts(root: Path, known: dict[str, str]) -> list[Part]:
    packages = json.loads((root / "package-lock.json").read_text("utf-8"))["packages"]
    found = ((name, packages[f"node_modules/{name}"]) for name in BROWSER)
    return [
        Part("npm", name, entry["version"], known.get(name) or entry.get("license", ""), f"The authors of {name}")
        for name, entry in found
    ]


def _fonts(root: Path, known: dict[str, str]) -> Part:
    files = sorted((root / "ui/static/fonts").glob("*.ttf"))
    return Part(
        "font", "Noto Sans", "20201225", known["Noto Sans"], "The Noto Project Authors", tuple(map(_digest, files))
    )


def _check(part: Part) -> None:
    wrong = get_spdx_licensing().validate(part.licence).errors if part.licence else ["none"]
    if wrong:
        raise MakeError(f"{part.name} {part.version}: no licence that SPDX knows ({part.licence!r}); see licences.toml")


def _plain(name: str) -> str:
    """A package's name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _holder(text: str) -> str:
    """Whose it is, without addresses."""
    return " ".join(word for word in text.replace('"', "").split() if "@" not in word).strip(" ,") or "its authors"


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
