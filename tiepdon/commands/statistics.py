"""`tiepdon statistics`: what happened how often, without persons: count the days that are over, show, export."""

import argparse
import sys
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tiepdon.commands.asking import add_answering, printed_as_json, words_of
from wire.errors import TiepDonError

if TYPE_CHECKING:
    from config.settings import Settings
    from kiosk.statistics_report import Report

LONGEST_DAYS = 3660


class RangeUnusable(TiepDonError):
    """The days asked for are no range."""

    code = "statistics.range"


def register(commands: Any) -> None:
    """Add the command to the root parser."""
    parser = commands.add_parser("statistics", help="what happened how often, without persons", description=__doc__)
    acts = parser.add_subparsers(metavar="ACT", required=True)
    close = acts.add_parser(
        "close",
        help="count the days that are over",
        description="The nightly purge does it by itself before it removes persons; doing it again changes nothing.",
    )
    close.set_defaults(run=close_now)
    show = acts.add_parser("show", help="the figures of some days as text")
    show.set_defaults(run=show_report)
    export = acts.add_parser("export", help="the figures of some days as a file")
    export.add_argument("--format", choices=("csv", "xlsx", "json"), default="csv", help="default: csv")
    export.add_argument("--out", type=Path, help="the file to write; without it standard output")
    export.set_defaults(run=export_report)
    for one in (show, export):
        one.add_argument("--from", dest="first", metavar="DAY", help="first day, 2026-11-21 (default: 30 days ago)")
        one.add_argument("--to", dest="last", metavar="DAY", help="last day (default: yesterday)")
        one.add_argument("--kiosk", default="", help="one kiosk alone, as far as that may be told")
    for one in (close, show, export):
        one.add_argument("--config", type=Path, help="the site's settings file")
        add_answering(one)


def close_now(options: argparse.Namespace) -> int:
    """Count, and say which days; 0. Raises ConfigError, DatabaseUnavailable, DatabaseOutdated."""
    from config.settings import load
    from kiosk.connection import site_database
    from kiosk.statistics import close_days

    settings = load(options.config)
    with closing(site_database(settings)()) as connection:
        days = close_days(
            connection, settings.site, _today(settings), settings.statistics.least, settings.kiosk.language
        )
    if not printed_as_json({"days": days}, options):
        sys.stdout.write(words_of(options, settings).get("statistics.closed", days=len(days)) + "\n")
    return 0


def show_report(options: argparse.Namespace) -> int:
    """Print every table; 0. Raises as `close_now` does, RangeUnusable."""
    from ui.statistics.tables import day_text, naming, sheets

    settings, found = _report(options)
    if printed_as_json(found, options):
        return 0
    words = words_of(options, settings)
    lines = [f"{day_text(found.first, words)} – {day_text(found.last, words)}"]
    for sheet in sheets(found, naming(settings, words)):
        lines += ["", sheet.title, "  ".join(sheet.headings)]
        hidden = words.get("statistics.hidden")
        lines += ["  ".join(hidden if item is None else str(item) for item in row) for row in sheet.rows]
        lines += [sheet.note] if sheet.note else []
    if not found.days:
        lines.append(words.get("statistics.empty"))
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


def export_report(options: argparse.Namespace) -> int:
    """Write the file; 0. Raises as `show_report` does, OutputUnwritable."""
    from ui.statistics import files
    from ui.statistics.tables import day_text, naming, sheets
    from wire.codec import to_json

    settings, found = _report(options)
    words = words_of(options, settings)
    if options.format == "json":
        content = to_json(found) + b"\n"
    else:
        title = f"{day_text(found.first, words)} – {day_text(found.last, words)}"
        rule = words.get("statistics.rule", least=settings.statistics.least)
        heading = (words.get("statistics.title"), settings.site.facility_name, title, rule)
        make = files.csv_file if options.format == "csv" else files.xlsx_file
        content = make(sheets(found, naming(settings, words)), heading)
    if options.out is None:
        sys.stdout.buffer.write(content)
        return 0
    try:
        options.out.write_bytes(content)
    except OSError as error:
        raise OutputUnwritable(file=str(options.out), why=error.strerror) from None
    return 0


class OutputUnwritable(TiepDonError):
    """The file cannot be written."""

    code = "statistics.unwritable"


def _report(options: argparse.Namespace) -> "tuple[Settings, Report]":
    from config.settings import database_file, load
    from kiosk.statistics_report import report
    from wire.database import open_for_reading

    settings = load(options.config)
    yesterday = _today(settings) - timedelta(days=1)
    last = _day(options.last, yesterday)
    first = _day(options.first, last - timedelta(days=29))
    if not 0 <= (last - first).days <= LONGEST_DAYS:
        raise RangeUnusable(first=str(first), last=str(last))
    with closing(open_for_reading(database_file(settings))) as connection:
        return settings, report(connection, first, last, options.kiosk)


def _day(text: str | None, otherwise: date) -> date:
    if text is None:
        return otherwise
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise RangeUnusable(day=text[:30]) from None


def _today(settings: "Settings") -> date:
    from kiosk.clock import at_site

    return at_site(datetime.now(UTC), settings.site.utc_offset_minutes).date()
