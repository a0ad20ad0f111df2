"""`tiepdon update`: take a signed release, prove it, and go back by itself where the machine is not well with it."""

import argparse
import logging
import sys
import time
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from config.settings import Settings, load
from tiepdon.commands.asking import add_answering, printed_as_json, site_zone, user, words_of
from tiepdon.update.course import Course, Look, Phase, Updates, Well
from tiepdon.update.debian import Debian
from tiepdon.update.fetching import Server
from tiepdon.update.read_only import ReadOnlyRoot
from tiepdon.update.release import MAX_LIST, Release, package_for, read_release
from wire import chain, sqlite
from wire.codec import to_plain
from wire.errors import TiepDonError

log = logging.getLogger(__name__)

FOLDER = Path("/var/lib/tiepdon-update")  # root's alone
INCOMING = "incoming"  # within the state folder: what the service's own user brought
STICKS = (
    "/media/*/tiepdon-update",
    "/media/*/*/tiepdon-update",
    "/run/media/*/*/tiepdon-update",
    "/mnt/tiepdon-update",
)
MAX_PIECE = 4 << 20


def register(commands: Any) -> None:
    """Add the command to the root parser."""
    parser = commands.add_parser("update", help="take a signed release: check, fetch, apply", description=__doc__)
    acts = parser.add_subparsers(metavar="ACT", required=True)
    for name, summary, run in (
        ("check", "say what a release holds and whether its signature is good", run_check),
        ("fetch", "bring the release from update.url, going on where a line dropped", run_fetch),
        ("apply", "install a release, prove it, go back where it is not well", run_apply),
        ("resume", "take up what a power cut left; run at each start", run_resume),
        ("back", "go back to the version before the last update", run_back),
        ("status", "the last update's course", run_status),
    ):
        one = acts.add_parser(name, help=summary, description=summary)
        if name in ("check", "apply"):
            one.add_argument(
                "folder", type=Path, nargs="?", help="with release.json (default: a stick, or what was fetched)"
            )
        one.add_argument("--config", type=Path, help="the site's settings file")
        add_answering(one)
        one.set_defaults(run=run)


def run_check(options: argparse.Namespace) -> int:
    """0 when it could be applied. Raises NoRelease, SignatureMissing, SignatureWrong, KeyUnknown, NotForThisMachine."""
    settings = load(options.config)
    folder = options.folder or _found(settings)
    release = read_release(folder, settings.update.public_keys)
    package = package_for(release, Debian().architecture(), settings.update.ring, _today(settings))
    _tell(options, settings, "update.good", {"folder": str(folder), "version": release.version, "file": package.file})
    return 0


def run_fetch(options: argparse.Namespace) -> int:
    """0 when a newer release is there whole, or none is offered. Raises NotFetched and as `check` does."""
    from hisbridge.http import Poster
    from hisbridge.trust import trust

    settings = load(options.config)
    folder = Path(settings.paths.state) / INCOMING
    poster = Poster(max(MAX_LIST, MAX_PIECE), trust(settings.update.ca_file))
    server = Server(settings.update.url, poster, time.monotonic, time.sleep)
    release = server.release(folder, settings.update.public_keys)
    debian = Debian()
    if not debian.older(debian.installed(), release.version):
        _tell(options, settings, "update.newest", {"version": release.version})
        return 0
    package = package_for(release, debian.architecture(), settings.update.ring, _today(settings))
    server.package(folder, package, _progress)
    _tell(options, settings, "update.fetched", {"folder": str(folder), "version": release.version})
    return 0


def run_apply(options: argparse.Namespace) -> int:
    """0 when the new version proved itself, 1 when the machine went back. Raises as the parts do."""
    settings = load(options.config)
    folder = options.folder or _found(settings)
    release: Release = read_release(folder, settings.update.public_keys)
    debian = Debian()
    if debian.installed() == release.version:  # as each night, where updates come by themselves
        _tell(options, settings, "update.newest", {"version": release.version})
        return 0
    package = package_for(release, debian.architecture(), settings.update.ring, _today(settings))
    updates, root = _updates(settings, debian), _root()
    course = updates.prepare(folder, release, package)
    if root.is_on():
        root.open_once()
        _tell(options, settings, "update.at_next_start", {"version": release.version})
        return 0
    course = updates.resume(settings.update.health_seconds) or course
    _note(settings, course)
    return _ended(options, settings, course)


def run_resume(options: argparse.Namespace) -> int:
    """0 when nothing was under way or the update proved itself."""
    settings = load(options.config)
    course = _updates(settings, Debian()).resume(settings.update.health_seconds)
    if course is None:
        code = 0
    else:
        _note(settings, course)
        code = _ended(options, settings, course)
    if _root().close_again():
        _tell(options, settings, "update.root_closed", {})
    return code


def run_back(options: argparse.Namespace) -> int:
    """0 when the version before is back."""
    settings = load(options.config)
    course = _updates(settings, Debian()).go_back()
    _note(settings, course)
    _ended(options, settings, course)
    return 0 if course.phase is Phase.WENT_BACK else 1


def run_status(options: argparse.Namespace) -> int:
    """0; says that there never was an update where that is so."""
    settings = load(options.config)
    course = _updates(settings, Debian()).last()
    if course is None:
        _tell(options, settings, "update.none", {})
    else:
        _ended(options, settings, course)
    return 0


def _ended(options: argparse.Namespace, settings: Settings, course: Course) -> int:
    told = {"before": course.before, "after": course.after, "why": course.why or "", "at": course.ended_at or ""}
    _tell(options, settings, f"update.{course.phase.value}", told, to_plain(course))
    return 0 if course.phase is Phase.CONFIRMED else 1


def _note(settings: Settings, course: Course) -> None:
    """Into the audit, where the database can be written: an update that goes wrong must end all the same."""
    from kiosk.connection import site_database

    told = {"before": course.before, "after": course.after, "why": course.why}
    try:
        with closing(site_database(settings)()) as connection:
            chain.note(connection, f"update.{course.phase.value}", user(), "", datetime.now(UTC), told)
    except (TiepDonError, sqlite.Error) as error:
        log.warning("update.%s: not in the audit: %s", course.phase.value, error)


def _tell(
    options: argparse.Namespace, settings: Settings, key: str, told: dict[str, str], plain: dict[str, Any] | None = None
) -> None:
    if not printed_as_json(plain or {"state": key, **told}, options):
        sys.stdout.write(words_of(options, settings).get(key, **told) + "\n")


def _updates(settings: Settings, debian: Debian) -> Updates:
    return Updates(FOLDER, debian, _looking(settings), time.sleep, lambda: datetime.now(UTC))


def _root() -> ReadOnlyRoot:
    return ReadOnlyRoot(FOLDER / "root-was-read-only")


def _looking(settings: Settings) -> Look:
    """Every process of these settings answers, and what doctor finds failing."""
    from tiepdon.doctor import Status, examine
    from tiepdon.readiness import product_probes

    probes = product_probes(settings)

    def look() -> Well:
        if not all(probe() for probe in probes.values()):
            return Well(ready=False)
        failing = {f"{one.probe} {one.code}" for one in examine(settings, None) if one.status is Status.FAIL}
        return Well(ready=True, failing=tuple(sorted(failing)))

    return look


def _found(settings: Settings) -> Path:
    """The first stick with a release on it, else what was fetched."""
    for pattern in STICKS:
        for folder in sorted(Path("/").glob(pattern.lstrip("/"))):
            return folder
    return Path(settings.paths.state) / INCOMING


def _progress(there: int, whole: int) -> None:
    sys.stderr.write(f"\r{there >> 20} / {whole >> 20} MB" + ("\n" if there == whole else ""))
    sys.stderr.flush()


def _today(settings: Settings) -> date:
    return datetime.now(site_zone(settings)).date()
