"""`tiepdon database`: made ready before the processes start, and what a technician does to it over the years."""

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from config.settings import Settings, load
from kiosk.clock import at_site
from tiepdon.commands.asking import add_answering, printed_as_json, words_of


def register(commands: Any) -> None:
    """Add the command to the root parser."""
    parser = commands.add_parser("database", help="make the database ready, and keep it well", description=__doc__)
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    migrate = _action(actions, "migrate", "recover, encrypt, apply what is missing; does nothing when nothing is")
    migrate.set_defaults(run=run_migrate)
    rekey = _action(actions, "rekey", "put another site key in the place of the present one; nothing may run")
    rekey.add_argument("--new-key", type=Path, required=True, metavar="FILE", help="file with the new key")
    rekey.set_defaults(run=run_rekey)
    back = _action(actions, "downgrade", "bring it back to what an older release knows; nothing may run")
    back.add_argument("--to", required=True, metavar="RELEASE", help="for example 0.1.0")
    back.add_argument(
        "--decrypt", action="store_true", help="also write it without encryption, where that release has none"
    )
    back.set_defaults(run=run_downgrade)
    losses = _action(actions, "losses", "what recoveries could not bring back")
    losses.set_defaults(run=run_losses)
    read = _action(actions, "acknowledge", "the losses were read: stop telling them, remove the damaged files")
    read.set_defaults(run=run_acknowledge)


def run_migrate(options: argparse.Namespace) -> int:
    """Make the database fit for the processes; says what was done, and what was lost."""
    from tiepdon.keeping.upgrading import bring_up

    settings = load(options.config)
    ready = bring_up(settings, datetime.now(UTC))
    if printed_as_json(ready, options):
        return 0
    words = words_of(options, settings)
    if ready.recovered is not None:
        told = words.error("doctor.database_recovered")
        sys.stderr.write(f"tiepdon: {told.cause}. {told.cure}. [doctor.database_recovered]\n")
    if ready.encrypted:
        sys.stdout.write(f"{ready.file}: {words.get('database.encrypted')}\n")
    sys.stdout.write(f"{ready.file}: {', '.join(ready.applied) or words.get('database.up_to_date')}\n")
    return 0


def run_rekey(options: argparse.Namespace) -> int:
    """Seal the database under another key, which becomes the site's."""
    from tiepdon.keeping.upgrading import rekey

    settings = load(options.config)
    rekey(settings, options.new_key, datetime.now(UTC))
    if not printed_as_json({"key_file": settings.paths.key_file}, options):
        told = words_of(options, settings).get("database.rekeyed", file=settings.paths.key_file)
        sys.stdout.write(told + "\n")
    return 0


def run_downgrade(options: argparse.Namespace) -> int:
    """Bring the database back to an older release and name the steps undone."""
    from tiepdon.keeping.upgrading import go_back

    settings = load(options.config)
    undone = go_back(settings, options.to, datetime.now(UTC), decrypted=options.decrypt)
    if not printed_as_json({"undone": undone}, options):
        # The words last: a release that is taken back may be broken just there.
        sys.stdout.write((", ".join(undone) or words_of(options, settings).get("database.up_to_date")) + "\n")
    return 0


def run_losses(options: argparse.Namespace) -> int:
    """Every recovery that is kept: what was lost, from when to when, which numbers."""
    from tiepdon.keeping.losses import lines
    from tiepdon.keeping.report import reports

    settings = load(options.config)
    found = [report for _, report in reports(_state(settings))]
    if not printed_as_json(found, options):
        words = words_of(options, settings)
        told = [line for one in found for line in lines(one, words)] or [words.get("database.no_losses")]
        sys.stdout.write("\n".join(told) + "\n")
    return 0


def run_acknowledge(options: argparse.Namespace) -> int:
    """Somebody has read the losses; the damaged files, which hold persons, go."""
    from tiepdon.keeping.report import acknowledge

    settings = load(options.config)
    done = acknowledge(_state(settings), at_site(datetime.now(UTC), settings.site.utc_offset_minutes))
    if not printed_as_json(done, options):
        sys.stdout.write(words_of(options, settings).get("database.acknowledged", count=len(done)) + "\n")
    return 0


def _action(actions: Any, name: str, summary: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(name, help=summary)
    parser.add_argument("--config", type=Path, help="the site's settings file")
    add_answering(parser)
    return parser


def _state(settings: Settings) -> Path:
    return Path(settings.paths.state)
