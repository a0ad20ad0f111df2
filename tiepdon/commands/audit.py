"""`tiepdon audit`: prove that nothing of the audit was changed or lost, see it, and take its head elsewhere."""

import argparse
import re
import sys
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from config.settings import Settings, database_file, load
from tiepdon.commands.asking import add_answering, moment, number, over, printed_as_json, site_zone, user, words_of
from wire.database import open_for_reading

if TYPE_CHECKING:
    from wire.chain import Head

_HEAD = re.compile(r"([0-9]{1,15}):([0-9a-f]{64})")


def register(commands: Any) -> None:
    """Add the command to the root parser."""
    parser = commands.add_parser("audit", help="verify the audit, list it, print its head", description=__doc__)
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    verify = actions.add_parser("verify", help="judge every row, and the heads that were kept")
    verify.add_argument(
        "--head", action="append", default=[], metavar="NUMBER:SEAL", type=_head, help="a head from paper or a log"
    )
    verify.set_defaults(run=run_verify)
    listed = actions.add_parser("list", help="what was done, newest first")
    listed.add_argument("--since", type=moment, help="a day or a moment")
    listed.add_argument("--until", type=over, help="a day, whole, or a moment")
    listed.add_argument("--act", default="", help="one act alone, as visit.seen")
    listed.add_argument("--who", default="", help="one account alone")
    listed.add_argument("--limit", type=number, default=100, help="how many (default: 100)")
    listed.set_defaults(run=run_list)
    head = actions.add_parser("head", help="print the newest row's number and seal: keep it elsewhere")
    head.set_defaults(run=run_head)
    accept = actions.add_parser("accept", help="go on from what there is, after a restore you answer for")
    accept.add_argument("--why", required=True, help="written into the audit, never about a person")
    accept.set_defaults(run=run_accept)
    for one in (verify, listed, head, accept):
        one.add_argument("--config", type=Path, help="the site's settings file")
        add_answering(one)


def run_verify(options: argparse.Namespace) -> int:
    """0 where all of it holds. Raises AuditBroken, AuditCut, AuditHeadMissing."""
    from kiosk.audit import verify

    settings = load(options.config)
    told = verify(settings, tuple(options.head))
    answer = {"rows": told.rows, "first": told.first, "head": str(told.head)}
    if not printed_as_json(answer, options):
        sys.stdout.write(words_of(options, settings).get("audit.verified", **answer) + "\n")
    return 0


def run_list(options: argparse.Namespace) -> int:
    """Rows of the audit; persons by reference."""
    from wire.chain import entries

    settings = load(options.config)
    zone = site_zone(settings)
    with closing(open_for_reading(database_file(settings))) as connection:
        found = entries(
            connection,
            options.limit,
            since=_at_site(options.since, settings),
            until=_at_site(options.until, settings),
            act=options.act,
            who=options.who,
        )
    if printed_as_json({"entries": found}, options):
        return 0
    for one in found:
        at = datetime.fromisoformat(one.at).astimezone(zone)
        data = " ".join(f"{name}={value}" for name, value in one.data.items())
        told = (str(one.seq), f"{at:%Y-%m-%d %H:%M:%S}", one.act, one.who, one.place, one.about, data)
        sys.stdout.write("  ".join(word for word in told if word) + "\n")
    return 0


def run_head(options: argparse.Namespace) -> int:
    """The head as `NUMBER:SEAL`, for paper or another machine."""
    from wire.chain import head_of

    settings = load(options.config)
    with closing(open_for_reading(database_file(settings))) as connection:
        head = head_of(connection)
    if not printed_as_json({"head": str(head)}, options):
        sys.stdout.write(f"{head}\n")
    return 0


def run_accept(options: argparse.Namespace) -> int:
    """Keep the head of what there is; which one was expected is written down. Raises AuditBroken."""
    from kiosk.audit import witness
    from kiosk.clock import SystemClock
    from kiosk.connection import site_database
    from wire.chain import verify

    settings = load(options.config)
    with closing(site_database(settings)()) as connection:
        verify(connection)
        head = witness(settings).accept(connection, SystemClock().now(), user(), options.why)
    if not printed_as_json({"head": str(head)}, options):
        sys.stdout.write(words_of(options, settings).get("audit.accepted", head=head) + "\n")
    return 0


def _head(text: str) -> "Head":
    from wire.chain import Head

    told = _HEAD.fullmatch(text.strip())
    if told is None:
        raise argparse.ArgumentTypeError("NUMBER:SEAL, as `tiepdon audit head` prints it")
    return Head(seq=int(told[1]), mac=told[2])


def _at_site(when: datetime | None, settings: Settings) -> datetime | None:
    return when.replace(tzinfo=site_zone(settings)) if when is not None and when.tzinfo is None else when
