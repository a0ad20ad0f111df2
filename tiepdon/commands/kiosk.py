"""`tiepdon kiosk`: the kiosk process: the check-in and its pages."""

import argparse
import logging
import sys
from pathlib import Path
from typing import Any

from config.settings import load


def register(commands: Any) -> None:
    """Add the command to the root parser."""
    parser = commands.add_parser("kiosk", help="the kiosk process", description=__doc__)
    parser.add_argument("--config", type=Path, help="the site's settings file")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Serve until told to stop; returns 0."""
    from ui.server import serve

    settings = load(options.config)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    serve(settings)
    return 0
