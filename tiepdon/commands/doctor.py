"""`tiepdon doctor`: look at every part and say what is wrong and how to mend it."""

import argparse
import sys
import time
from pathlib import Path
from typing import Any

from config.settings import load
from wire.codec import to_json
from wire.findings import Finding, Status, answered, write_report

EXIT_FAILED, EXIT_SETTINGS = 1, 2


def register(commands: Any) -> None:
    """Add the command to the root parser."""
    parser = commands.add_parser("doctor", help="look at every part", description=__doc__)
    parser.add_argument("--config", type=Path, help="the site's settings file")
    parser.add_argument("--json", action="store_true", help="one JSON object with every finding")
    parser.add_argument("--language", choices=("vi", "en"), default="en", help="language of cause and cure")
    parser.add_argument(
        "--write", type=Path, metavar="FILE", help="write the report to this file, whole or not at all, and be silent"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the report, or write it; exit 0 when nothing fails (warnings allowed), 2 when the settings cannot be used,
    1 otherwise. A report that was only to be written is made, whatever it says: then 0. Raises ConfigMissing.
    """
    from tiepdon.checks.upkeep import running_version
    from tiepdon.doctor import examine_file, report
    from ui.words import Words

    if options.write is not None:
        began = time.time()
        write_report(options.write, report(options.config, running_version()))
        answered(options.write.parent, began)
        return 0
    require(options.config)
    if options.json:
        made = report(options.config, running_version())
        sys.stdout.write(to_json(made).decode() + "\n")
        return _code(made.findings)
    words, findings = Words(options.language), []
    for finding in examine_file(options.config):
        findings.append(finding)
        sys.stdout.write(told(finding, words))
        sys.stdout.flush()
    return _code(findings)


def require(config: Path | None) -> None:
    """A file that was named and is not there is wrong usage: nobody meant the defaults. Raises ConfigMissing."""
    if config is not None and not config.exists():
        load(config)


def told(finding: Finding, words: Any) -> str:
    """One finding for a terminal: what was looked at, its facts; where something is wrong, cause and cure below."""
    facts = " ".join(f"{name}={value}" for name, value in finding.data.items())
    line = f"{finding.status.value:<5} {finding.probe:<24} {facts}\n"
    if finding.code is None:
        return line
    error = words.error(finding.code)
    return f"{line}      {finding.code}: {error.cause}\n      {error.cure}\n"


def _code(findings: Any) -> int:
    if any(finding.status is Status.FAIL and (finding.code or "").startswith("config.") for finding in findings):
        return EXIT_SETTINGS
    return EXIT_FAILED if any(finding.status is Status.FAIL for finding in findings) else 0
