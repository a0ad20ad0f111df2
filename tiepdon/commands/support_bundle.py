"""`tiepdon support-bundle`: one file for whoever helps from afar, without personal data: how the site is, not whom it
served."""

import argparse
import io
import os
import sys
import zipfile
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from config.settings import Settings, database_file, load
from tiepdon.commands.asking import LANGUAGES, printed_as_json
from tiepdon.commands.doctor import require
from tiepdon.support import pieces
from ui.words import Words
from wire import sqlite
from wire.errors import TiepDonError


class BundleUnwritable(TiepDonError):
    """The bundle cannot be written there (`why`: the system's word for it)."""

    code = "support.unwritable"


def register(commands: Any) -> None:
    """Add the command to the root parser."""
    parser = commands.add_parser("support-bundle", help="one file for whoever helps from afar", description=__doc__)
    parser.add_argument("file", type=Path, nargs="?", help="where to write it (default: tiepdon-support-TIME.zip here)")
    parser.add_argument("--config", type=Path, help="the site's settings file")
    parser.add_argument("--log", type=Path, metavar="FILE", help="the log, where it is not in the journal")
    parser.add_argument("--language", choices=LANGUAGES, default="en", help="language of the answer")
    parser.add_argument("--json", action="store_true", help="answer as one JSON object")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write the bundle, for its owner alone. Raises BundleUnwritable, ConfigMissing."""
    require(options.config)
    now = datetime.now(UTC)
    file = options.file or Path(f"tiepdon-support-{now:%Y%m%d-%H%M}.zip")
    content, removed, masked = bundle(options.config, options.log, now)
    beside = file.with_name(f".{file.name}.new")
    try:
        with open(beside, "wb", opener=partial(os.open, mode=0o600)) as opened:
            opened.write(content)
        beside.replace(file)
    except OSError as error:
        raise BundleUnwritable(file=str(file), why=error.strerror) from None
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
    told = {"file": str(file), "bytes": len(content), "lines_left_out": removed, "numbers_masked": masked}
    if not printed_as_json(told, options):
        words = Words(options.language)
        sys.stdout.write(words.get("support.written", file=file, removed=removed, masked=masked) + "\n")
    return 0


def bundle(config: Path | None, log: Path | None, now: datetime) -> tuple[bytes, int, int]:
    """The zip file, how many lines were left out of it, how many numbers were masked.

    Where the database cannot be opened nobody knows whom a line may speak of: then there is no log in it.
    """
    from tiepdon.checks.machine import Machine
    from tiepdon.checks.upkeep import running_version
    from tiepdon.doctor import report
    from tiepdon.support.persons import persons_terms
    from tiepdon.support.wall import Wall

    machine, settings, broken = Machine(), load(), None
    try:
        settings = load(config)
    except TiepDonError as error:
        broken = error.code
    texts: dict[str, pieces.Piece] = {
        "doctor.json": lambda: pieces.doctor(report(config, running_version())),
        "settings.json": lambda: broken or pieces.settings(settings),
        "versions.json": partial(pieces.versions, machine),
        "units.txt": pieces.units,
        "machine.txt": partial(pieces.machine, machine),
        "files.txt": partial(pieces.files, _folders(settings, config)),
    }
    wall, connection = None, None if broken else _opened(settings)
    with ExitStack() as held:
        if connection is not None:
            held.enter_context(closing(connection))
            with suppress(sqlite.Error):  # a damaged one
                wall = Wall(persons_terms(connection, settings, now.date()))
                texts["database.json"] = partial(pieces.database, connection)
                texts["outbox.json"] = partial(pieces.outbox, connection)
                texts["log.txt"] = partial(pieces.log, log)
        gathered = {name: _safely(piece) for name, piece in texts.items()}
    if wall is None:
        wall = Wall(())
        gathered["log.txt"] = "left out: without the database nobody knows whom a line may speak of"
    passed = {name: wall.passed(text) for name, text in gathered.items()}
    passed["README.txt"] = (
        f"Tiep Don {running_version()}, {now:%Y-%m-%dT%H:%MZ}. How a site is, for whoever helps from afar.\n"
        f"It holds no personal data: {wall.removed} lines that might speak of a person were left out, {wall.masked} "
        "numbers of nine digits or more were masked.\n"
    )
    return _zipped(passed, now), wall.removed, wall.masked


def _folders(settings: Settings, config: Path | None) -> dict[str, Path]:
    folders = {"state": Path(settings.paths.state), "run": Path(settings.paths.run)}
    return folders | ({"settings": config.parent} if config is not None and config.parent.name == "tiepdon" else {})


def _opened(settings: Settings) -> sqlite.Connection | None:
    from wire.database import open_for_reading

    try:
        connection = open_for_reading(database_file(settings))
    except TiepDonError:
        return None
    try:
        connection.execute("SELECT count(*) FROM visits").fetchone()
    except sqlite.Error:
        connection.close()
        return None
    return connection


def _safely(piece: Callable[[], str]) -> str:
    try:
        return piece()
    except Exception as error:
        # A bundle is asked for when something is broken, in ways nobody foresaw.
        return f"not to be had: {type(error).__name__}"


def _zipped(texts: dict[str, str], now: datetime) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in sorted(texts.items()):
            entry = zipfile.ZipInfo(f"tiepdon-support/{name}", now.timetuple()[:6])
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o600 << 16
            archive.writestr(entry, text + "\n")
    return made.getvalue()
