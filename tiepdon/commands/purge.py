"""`tiepdon purge`: remove what served its purpose; the nightly timer runs it, and nobody has to."""

import argparse
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from config.settings import Settings, load
from tiepdon.commands.asking import add_answering, printed_as_json, words_of
from wire.errors import TiepDonError

if TYPE_CHECKING:
    from kiosk.retention import Purged


def register(commands: Any) -> None:
    """Add the command to the root parser."""
    parser = commands.add_parser("purge", help="remove what served its purpose", description=__doc__)
    parser.add_argument("--config", type=Path, help="the site's settings file")
    parser.add_argument("--rules", action="store_true", help="say what is kept for how long, and remove nothing")
    parser.add_argument("--clock-is-right", action="store_true",
                        help="somebody looked at it: remove though it is far from the last purge")  # fmt: skip
    add_answering(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Purge; 1 where something was in the way. Raises ClockDoubtful, DatabaseUnavailable, DatabaseOutdated."""
    from kiosk.clock import SystemClock
    from kiosk.purge_clock import check_clock
    from kiosk.retention import PurgeUnfinished, purge
    from kiosk.retention_rules import RULES

    settings = load(options.config)
    if options.rules:
        rules = [{"table": one.table, "purpose": one.purpose.value, "term": one.term.value, "how": one.how.value,
                  "persons": one.persons.split()} for one in RULES]  # fmt: skip
        if not printed_as_json({"rules": rules}, options):
            for one in RULES:
                sys.stdout.write(f"{one.table:<22} {one.purpose.value:<20} {one.term.value:<24} {one.how.value}\n")
        return 0
    clock = SystemClock()
    if not options.clock_is_right:
        check_clock(settings, clock)
    told = _files_too(settings, purge(settings, clock))
    if printed_as_json(told, options):
        return 1 if told.problems else 0
    words = words_of(options, settings)
    lines = [words.get("purge.removed", visits=told.removed.get("visits", 0), rows=sum(told.removed.values()))]
    if told.undelivered.visits:
        lines.append(words.get("purge.undelivered", visits=told.undelivered.visits, days=told.undelivered.days))
    for destination, count in told.given_up.items():
        lines.append(words.get("purge.given_up", count=count, destination=destination))
    if told.ahead:
        lines.append(words.get("purge.ahead", count=told.ahead))
    sys.stdout.write("\n".join(lines) + "\n")
    if told.problems:
        raise PurgeUnfinished(codes=" ".join(told.problems))
    return 0


def _files_too(settings: Settings, told: "Purged") -> "Purged":
    """Copies that are too old go with the next copy; here too, for a site that makes none any more. Databases that were
    damaged or replaced hold persons as a copy does. Which files went is in the audit."""
    from contextlib import closing

    from msgspec.structs import replace

    from kiosk.connection import site_database
    from tiepdon.keeping.backup_folder import forget_backups
    from tiepdon.keeping.report import forget_aside
    from wire import chain

    now = datetime.now(UTC)
    before, problems = now - timedelta(days=settings.retention.backup_days), list(told.problems)
    copies = aside = 0
    try:
        copies = forget_backups(settings, before)
    except (TiepDonError, OSError):
        problems.append("purge.copies_left")
    try:
        aside = forget_aside(Path(settings.paths.state), before)
    except (TiepDonError, OSError):
        problems.append("purge.copies_left")
    done = replace(told, copies=copies, aside=aside, problems=tuple(dict.fromkeys(problems)))
    files = {"snapshots": done.snapshots, "copies": done.copies, "aside": done.aside, "clean": done.clean,
             "problems": list(done.problems)}  # fmt: skip
    with closing(site_database(settings)()) as connection:
        chain.note(connection, "purge.files", "system", "", now, files)
    return done
