"""`tiepdon doctor`: look at every part and say what is wrong and how to mend it."""

import argparse
import logging
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from config.settings import load
from wire.codec import to_json, to_plain
from wire.errors import TiepDonError
from wire.findings import Finding, Report, Status, answered, write_report

log = logging.getLogger(__name__)

EXIT_FAILED, EXIT_SETTINGS = 1, 2


class ReportUnwritable(TiepDonError):
    """The report cannot be written there (`why`: the system's word for it)."""

    code = "doctor.report_unwritable"


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
    1 otherwise. A report that was only to be written is made, whatever it says: then 0. Raises ConfigMissing,
    ReportUnwritable.
    """
    from tiepdon.checks.upkeep import running_version
    from tiepdon.doctor import examine_file, report
    from ui.words import Words

    if options.write is not None:
        began = time.time()
        try:
            made = report(options.config, running_version())
            write_report(options.write, made)
        except OSError as error:
            raise ReportUnwritable(file=str(options.write), why=error.strerror) from None
        answered(options.write.parent, began)
        _renew_head(options.config, made)
        return 0
    require(options.config)
    words = Words(options.language)
    if options.json:
        made = report(options.config, running_version())
        sys.stdout.write(to_json(with_words(made, words)).decode() + "\n")
        return _code(made.findings)
    findings = []
    for finding in examine_file(options.config):
        findings.append(finding)
        sys.stdout.write(told(finding, words))
        sys.stdout.flush()
    return _code(findings)


def _renew_head(config: Path | None, made: Report) -> None:
    """It comes by every few minutes and has just judged the audit: its head is kept anew, so that what came since
    cannot be cut off unseen."""
    from kiosk.audit import renew_head
    from wire import sqlite

    if not any(finding.probe == "audit" and finding.status is Status.OK for finding in made.findings):
        return
    try:
        renew_head(load(config), datetime.now(UTC))
    except (TiepDonError, sqlite.Error, OSError) as error:
        log.warning("the audit's head could not be kept: %s", error)


def require(config: Path | None) -> None:
    """A file that was named and is not there is wrong usage: nobody meant the defaults. Raises ConfigMissing."""
    if config is not None and not config.exists():
        load(config)


def with_words(report: Report, words: Any) -> dict[str, Any]:
    """The report as plain data, each finding with `cause` and `cure` in these words; null where all is well."""
    plain: dict[str, Any] = to_plain(report)
    for finding in plain["findings"]:
        error = None if finding["code"] is None else words.error(finding["code"])
        finding["cause"], finding["cure"] = (error.cause, error.cure) if error else (None, None)
    return plain


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
