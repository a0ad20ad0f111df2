"""`tiepdon metrics`: the site's figures as Prometheus reads them, also where nobody has a desk or a Prometheus.

Asks the processes' own sockets; one that is gone is a figure too, so there is always an answer.
"""

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from config.settings import load
from tiepdon.errors import FolderUnusable


def register(commands: Any) -> None:
    """Add the command to the root parser."""
    parser = commands.add_parser("metrics", help="the site's figures for Prometheus", description=__doc__)
    parser.add_argument("--config", type=Path, help="the site's settings file")
    parser.add_argument(
        "--write",
        type=Path,
        metavar="FILE",
        help="write them there, whole or not at all, for node_exporter's textfile collector (name it *.prom)",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print or write the figures; returns 0. Raises FolderUnusable."""
    from ui.metrics.exposition import exposition
    from ui.metrics.gathering import Gatherer, Name, besides_the_desk

    settings = load(options.config)
    desk: tuple[Name, ...] = ("desk",) if settings.staff.listen else ()
    told = exposition(Gatherer(settings, {}, (*besides_the_desk(settings), *desk)).gather())
    if options.write is None:
        sys.stdout.buffer.write(told)
        return 0
    new = options.write.with_name(f".{options.write.name}.{os.getpid()}")
    try:
        new.write_bytes(told)
        new.chmod(0o644)
        new.replace(options.write)
    except OSError as error:
        raise FolderUnusable(folder=str(options.write.parent), why=error.strerror) from None
    finally:
        new.unlink(missing_ok=True)
    return 0
