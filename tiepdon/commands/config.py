"""`tiepdon config`: check a settings file before it goes live, show what is in force."""

import argparse
import sys
from pathlib import Path
from typing import Any

from config.settings import load, masked
from wire.codec import to_json


def register(commands: Any) -> None:
    """Add the command to the root parser."""
    parser = commands.add_parser("config", help="check or show the settings", description=__doc__)
    actions = parser.add_subparsers(metavar="ACTION", required=True)

    check = actions.add_parser("check", help="say whether a settings file is good; exit 2 when it is not")
    check.add_argument("file", type=Path, help="the settings file to check")
    check.add_argument("--json", action="store_true", help="answer as one JSON object")
    check.set_defaults(run=run_check)

    show = actions.add_parser("show", help="print every setting in force, secrets masked")
    show.add_argument("--config", type=Path, help="the site's settings file; without it the defaults")
    show.add_argument("--json", action="store_true", help="print JSON instead of TOML-like lines")
    show.set_defaults(run=run_show)


def run_check(options: argparse.Namespace) -> int:
    """Load the file; an error is reported by the caller with exit code 2."""
    load(options.file)
    if options.json:
        sys.stdout.write(to_json({"file": str(options.file), "ok": True}).decode() + "\n")
    else:
        sys.stdout.write(f"{options.file}: ok\n")
    return 0


def run_show(options: argparse.Namespace) -> int:
    """Print the effective settings."""
    plain = masked(load(options.config))
    if options.json:
        sys.stdout.write(to_json(plain).decode() + "\n")
        return 0
    for key, value in _lines("", plain):
        sys.stdout.write(f"{key} = {to_json(value).decode()}\n")
    return 0


def _lines(prefix: str, value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [line for key, below in value.items() for line in _lines(f"{prefix}{key}.", below)]
    if isinstance(value, list | tuple) and value and isinstance(value[0], dict):
        return [line for n, below in enumerate(value) for line in _lines(f"{prefix.rstrip('.')}[{n}].", below)]
    return [(prefix.rstrip("."), value)]
