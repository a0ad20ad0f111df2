"""`tiepdon backup`: copies for the day when the disk dies, and the states kept beside the database."""

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from config.settings import database_file, load
from tiepdon.commands.asking import add_answering, printed_as_json, words_of


def register(commands: Any) -> None:
    """Add the command to the root parser."""
    parser = commands.add_parser("backup", help="copies of the database", description=__doc__)
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    make = _action(actions, "make", "make an encrypted copy in backup.folder; the processes go on")
    make.add_argument(
        "--if-due", action="store_true", help="only where backup.every_hours have passed, as the timer asks"
    )
    make.set_defaults(run=run_make)
    snapshot = _action(actions, "snapshot", "keep a state beside the database, for the day it is damaged")
    snapshot.set_defaults(run=run_snapshot)
    listed = _action(actions, "list", "this kiosk's copies, newest first")
    listed.set_defaults(run=run_list)
    verify = _action(actions, "verify", "open a copy and prove that it is whole")
    _opened(verify)
    verify.set_defaults(run=run_verify)
    restore = _action(actions, "restore", "put a copy in the place of the database; nothing may run")
    _opened(restore)
    restore.add_argument("--move-aside", action="store_true", help="keep a database that is there under another name")
    restore.set_defaults(run=run_restore)


def run_make(options: argparse.Namespace) -> int:
    """Make a copy; where none is wanted, or none is due yet, say so."""
    from tiepdon.keeping.backups import is_due, make

    settings, now = load(options.config), datetime.now(UTC)
    words = words_of(options, settings)
    if not settings.backup.folder:
        return _say(options, None, words.get("backup.off"))
    if options.if_due and not is_due(settings, now):
        return _say(options, None, words.get("backup.not_due", hours=settings.backup.every_hours))
    made = make(settings, options.config, now)
    return _say(options, made, words.get("backup.made", file=made.file, rows=made.rows, removed=made.removed))


def run_snapshot(options: argparse.Namespace) -> int:
    """Keep a state; none where the settings want none, or nothing is there yet."""
    from wire.database_copies import take_snapshot

    settings = load(options.config)
    where = database_file(settings)
    if not settings.backup.snapshot_minutes or not where.path.exists():
        return _say(options, None, words_of(options, settings).get("backup.no_snapshot"))
    kept = take_snapshot(where, datetime.now(UTC))
    return _say(options, {"file": str(kept)}, str(kept))


def run_list(options: argparse.Namespace) -> int:
    """Name each copy, its time and size."""
    from tiepdon.keeping.backup_folder import backups, made_at

    told = [
        {"file": str(file), "made_at": made_at(file).isoformat(), "bytes": file.stat().st_size}
        for file in backups(load(options.config))
    ]
    return _say(options, told, "\n".join(f"{one['made_at']}  {one['bytes']:>12}  {one['file']}" for one in told))


def run_verify(options: argparse.Namespace) -> int:
    """Prove a copy whole; says what it holds, never its key."""
    from msgspec.structs import replace

    from tiepdon.keeping.restoring import verify

    words = words_of(options, load(options.config))
    manifest = verify(options.file, options.identity)
    rows = sum(manifest.rows.values())
    told = words.get("backup.whole", at=manifest.made_at, release=manifest.release, rows=rows)
    return _say(options, replace(manifest, key=""), told)


def run_restore(options: argparse.Namespace) -> int:
    """Restore, and say what is lost."""
    from tiepdon.keeping.losses import lines
    from tiepdon.keeping.restoring import restore

    settings = load(options.config)
    report = restore(settings, options.file, options.identity, datetime.now(UTC), move_aside=options.move_aside)
    words = words_of(options, settings)
    return _say(options, report, "\n".join([*lines(report, words), words.get("backup.restored")]))


def _action(actions: Any, name: str, summary: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(name, help=summary)
    parser.add_argument("--config", type=Path, help="the site's settings file")
    add_answering(parser)
    return parser


def _opened(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="the copy, tiepdon-….age")
    parser.add_argument("--identity", type=Path, required=True, metavar="KEYFILE", help="file with AGE-SECRET-KEY-1…")


def _say(options: argparse.Namespace, told: object, line: str) -> int:
    if not printed_as_json(told, options) and line:
        sys.stdout.write(line + "\n")
    return 0
