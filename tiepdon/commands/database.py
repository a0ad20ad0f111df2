"""`tiepdon database`: the database's schema, brought up to date before the processes start."""

import argparse
import sys
from pathlib import Path
from typing import Any

from config.settings import database_file, load
from wire.codec import to_json
from wire.database import migrate


def register(commands: Any) -> None:
    """Add the command to the root parser."""
    parser = commands.add_parser("database", help="bring the database to this version's schema", description=__doc__)
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    step = actions.add_parser("migrate", help="apply what is missing; does nothing when nothing is")
    step.add_argument("--config", type=Path, help="the site's settings file")
    step.add_argument("--json", action="store_true", help="answer as one JSON object")
    step.set_defaults(run=run_migrate)


def run_migrate(options: argparse.Namespace) -> int:
    """Apply the missing migrations in one transaction and name them."""
    from tiepdon.migrations import MIGRATIONS

    database = database_file(load(options.config))
    done = migrate(database, MIGRATIONS)
    if options.json:
        sys.stdout.write(to_json({"file": str(database.path), "applied": done}).decode() + "\n")
    else:
        sys.stdout.write(f"{database.path}: {', '.join(done) if done else 'up to date'}\n")
    return 0
