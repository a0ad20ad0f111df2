"""`tiepdon desk`: the desk process: the staff's own pages."""

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from config.settings import load
from wire.log import set_up


def register(commands: Any) -> None:
    """Add the command to the root parser."""
    parser = commands.add_parser("desk", help="the desk process: the staff's own pages", description=__doc__)
    parser.add_argument("--config", type=Path, help="the site's settings file")
    parser.add_argument("--openapi", action="store_true", help="print the API's document and serve nothing")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Serve until told to stop; returns 0. Raises NoAddress, CertificateUnusable."""
    if options.openapi:
        from ui.api.openapi import as_text

        sys.stdout.write(as_text())
        return 0
    from kiosk.audit import noted
    from kiosk.clock import SystemClock
    from ui.desk.server import serve
    from wire.memory import give_back
    from wire.systemd import taken_from

    _ = give_back()
    settings = load(options.config)
    set_up(settings.log, "desk")
    with noted(settings, "desk", SystemClock()):
        serve(settings, taken_from(os.environ, os.getpid()))
    return 0
