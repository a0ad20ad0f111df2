"""`tiepdon doctor`: look at every part and say what is wrong and how to mend it."""

import argparse
import sys
from pathlib import Path
from typing import Any

from wire.codec import to_json, to_plain


def register(commands: Any) -> None:
    """Add the command to the root parser."""
    parser = commands.add_parser("doctor", help="look at every part", description=__doc__)
    parser.add_argument("--config", type=Path, help="the site's settings file")
    parser.add_argument("--json", action="store_true", help="one JSON object with every finding")
    parser.add_argument("--language", choices=("vi", "en"), default="en", help="language of cause and cure")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the report; exit 0 when nothing fails (warnings allowed), 1 otherwise."""
    from config.settings import load
    from tiepdon.doctor import Status, examine
    from ui.words import Words

    words = Words(options.language)
    findings = []
    for finding in examine(load(options.config), options.config):
        findings.append(finding)
        if options.json:
            continue
        facts = " ".join(f"{name}={value}" for name, value in finding.data.items())
        sys.stdout.write(f"{finding.status.value:<5} {finding.probe:<24} {facts}\n")
        if finding.code is not None:
            told = words.error(finding.code)
            sys.stdout.write(f"      {finding.code}: {told.cause}\n      {told.cure}\n")
        sys.stdout.flush()
    failed = [finding for finding in findings if finding.status is Status.FAIL]
    if options.json:
        sys.stdout.write(to_json({"ok": not failed, "findings": to_plain(findings)}).decode() + "\n")
    return 1 if failed else 0
