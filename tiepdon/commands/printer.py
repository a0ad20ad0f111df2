"""`tiepdon printer`: ask the ticket printer how it is, or print a ticket to try it."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wire.codec import to_json
from wire.errors import TiepDonError

if TYPE_CHECKING:
    from kiosk.printing.spool import PrinterStatus

TEST_NUMBER = "TEST-0000"


class NoPrinter(TiepDonError):
    """No ticket printer is set (kiosk.printer.kind)."""

    code = "printer.none"


def register(commands: Any) -> None:
    """Add the command to the root parser."""
    parser = commands.add_parser("printer", help="the ticket printer", description=__doc__)
    acts = parser.add_subparsers(metavar="ACT", required=True)
    about = {
        "status": ("ask it how it is", status, "exit 0: it would print, 1: it would not"),
        "test": ("print a ticket that nobody is called by", test, "prints it, then says how the printer is"),
    }
    for name, (summary, act, more) in about.items():
        one = acts.add_parser(name, help=summary, description=f"{summary}; {more}")
        one.add_argument("--config", type=Path, help="the site's settings file")
        one.add_argument("--json", action="store_true", help="one JSON object")
        one.add_argument("--language", choices=("vi", "en"), default="en", help="language of cause, cure and ticket")
        one.set_defaults(run=act)


def status(options: argparse.Namespace) -> int:
    """Say how the printer is; 0 when a ticket would be printed."""
    from config.settings import load
    from tiepdon.printing import make_printer

    printer = make_printer(load(options.config))
    if printer is None:
        raise NoPrinter
    return _tell(printer.status(), options)


def test(options: argparse.Namespace) -> int:
    """Print a ticket marked as synthetic, with every part a ticket can have. Raises PrinterError."""
    from datetime import datetime

    from config.settings import load
    from kiosk.printing.paper import TicketPaper
    from tiepdon.printing import make_printer
    from ui.words import Words

    settings = load(options.config)
    printer = make_printer(settings)
    if printer is None:
        raise NoPrinter
    words = Words(options.language)
    printer.print(
        TicketPaper(
            number=TEST_NUMBER,
            service=words.get("paper.test"),
            place="",
            kiosk=settings.site.kiosk_id,
            site=settings.site.facility_name,
            issued_at=datetime.now().astimezone(),
            code="00000000-0000-0000-0000-000000000000",
            language=options.language,
            ahead=0,
            least_minutes=0,
            most_minutes=5,
            needs_counter=True,
            synthetic=True,
        )
    )
    return _tell(printer.status(), options)


def _tell(found: "PrinterStatus", options: argparse.Namespace) -> int:
    from ui.words import Words

    if options.json:
        sys.stdout.write(to_json({"ready": found.ready, "code": found.code}).decode() + "\n")
    else:
        words = Words(options.language)
        sys.stdout.write(words.get("printer.ready" if found.ready else "printer.not_ready") + "\n")
        if found.code is not None:
            told = words.error(found.code)
            sys.stdout.write(f"{found.code}: {told.cause}. {told.cure}.\n")
    return 0 if found.ready else 1
