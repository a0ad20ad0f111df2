"""`tiepdon incident`: whose data, which and when, for the notice within 72 hours of a leak."""

import argparse
import sys
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from config.settings import load
from tiepdon.commands.asking import add_answering, moment, over, printed_as_json, site_zone, user, words_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kiosk.incident import Incident
    from ui.words import Words


def register(commands: Any) -> None:
    """Add the command to the root parser."""
    parser = commands.add_parser("incident", help="whose data, which and when, after a leak", description=__doc__)
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    report = actions.add_parser("report", help="the facts that form 08 asks")
    report.add_argument("--from", dest="since", required=True, type=moment, help="a day or a moment: it began")
    report.add_argument("--to", dest="until", required=True, type=over, help="a day, whole, or a moment: it was over")
    report.add_argument("--found", type=moment, help="when it was found; the 72 hours count from here (default: now)")
    report.add_argument(
        "--kind",
        choices=("access", "device"),
        default="access",
        help="access: seen through an account (default); device: the machine or a copy is gone",
    )
    report.add_argument("--who", default="", help="one account or machine alone")
    report.add_argument("--list", dest="listed", action="store_true", help="name the persons still kept, to tell them")
    report.add_argument("--config", type=Path, help="the site's settings file")
    add_answering(report)
    report.set_defaults(run=run_report)


def run_report(options: argparse.Namespace) -> int:
    """The facts; that they were asked for is in the audit."""
    from kiosk.clock import SystemClock, at_site
    from kiosk.connection import site_database
    from kiosk.incident import Asked, Kind, report

    settings = load(options.config)
    zone, now = site_zone(settings), at_site(SystemClock().now(), settings.site.utc_offset_minutes)

    def placed(when: datetime | None) -> datetime:
        if when is None:
            return now
        return when if when.tzinfo else when.replace(tzinfo=zone)

    asked = Asked(
        Kind(options.kind), placed(options.since), placed(options.until), placed(options.found), options.who,
        options.listed,
    )  # fmt: skip
    with closing(site_database(settings)()) as connection:
        told = report(connection, asked, user(), now)
    if not printed_as_json(told, options):
        sys.stdout.write("\n".join(_lines(told, words_of(options, settings))) + "\n")
    return 0


def _lines(told: "Incident", words: "Words") -> "Iterator[str]":
    kind = words.get(f"incident.kind.{told.kind.value}")
    yield words.get("incident.title", kind=kind, since=told.since, until=told.until)
    yield words.get("incident.due", found=told.found_at, due=told.notice_due)
    yield words.get("incident.persons", persons=told.persons, visits=told.visits, gone=told.not_known)
    yield words.get("incident.fields", fields=", ".join(told.fields) or "-")
    yield words.get("incident.sensitive", fields=", ".join(told.sensitive) or "-")
    yield words.get("incident.biometric")
    for one in told.actors:
        places = ", ".join(one.places)
        yield words.get("incident.actor", who=one.who, persons=one.persons, times=one.times, first=one.first,
                        last=one.last, places=places)  # fmt: skip
    yield words.get("incident.refused", count=told.refused_sign_ins)
    for person in told.listed:
        yield "  ".join(text for text in (person.reference, person.personal_id, person.full_name, person.phone) if text)
