"""`tiepdon kiosk`: the kiosk process: the check-in and its pages."""

import argparse
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from config.settings import Settings, load

if TYPE_CHECKING:
    from kiosk.printing.spool import Printer


def register(commands: Any) -> None:
    """Add the command to the root parser."""
    parser = commands.add_parser("kiosk", help="the kiosk process", description=__doc__)
    parser.add_argument("--config", type=Path, help="the site's settings file")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Serve until told to stop; returns 0."""
    from ui.server import serve
    from wire.memory import give_back

    _ = give_back()
    settings = load(options.config)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    serve(settings, _printer)
    return 0


def _printer(settings: Settings) -> "Printer | None":
    """Drawing tickets costs memory that a kiosk without a printer, and gunicorn's arbiter, do not need."""
    if settings.kiosk.printer.kind == "none":
        return None
    from tiepdon.printing import make_printer

    return make_printer(settings)
