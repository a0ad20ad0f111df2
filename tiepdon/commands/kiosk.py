"""`tiepdon kiosk`: the kiosk process: the check-in and its pages."""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from config.settings import Settings, load
from wire.log import set_up

if TYPE_CHECKING:
    from kiosk.printing.spool import Printer


def register(commands: Any) -> None:
    """Add the command to the root parser."""
    parser = commands.add_parser("kiosk", help="the kiosk process", description=__doc__)
    parser.add_argument("--config", type=Path, help="the site's settings file")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Serve until told to stop; returns 0."""
    from kiosk.audit import noted
    from kiosk.clock import SystemClock
    from ui.server import serve
    from wire.memory import give_back
    from wire.systemd import taken_from

    _ = give_back()
    settings = load(options.config)
    set_up(settings.log, "kiosk")
    with noted(settings, "kiosk", SystemClock()):
        serve(settings, _printer, taken_from(os.environ, os.getpid()))
    return 0


def _printer(settings: Settings) -> "Printer | None":
    """Drawing tickets costs memory that a kiosk without a printer, and gunicorn's arbiter, do not need."""
    if settings.kiosk.printer.kind == "none":
        return None
    from tiepdon.printing import make_printer

    return make_printer(settings)
