"""`tiepdon update`: take a signed release, prove it, and go back by itself where the machine is not well with it."""

import argparse
import logging
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any

from config.settings import Settings, load, socket_path
from tiepdon.commands.asking import add_answering, printed_as_json, site_zone, user, words_of
from tiepdon.update.course import UNDER_WAY, Course, Look, Pause, Phase, Updates, Well, free_bytes
from tiepdon.update.debian import Debian
from tiepdon.update.fetching import Server
from tiepdon.update.read_only import ReadOnlyRoot
from tiepdon.update.release import MAX_LIST, NoRelease, Release, package_for, read_release
from wire import chain, sqlite
from wire.client import Client
from wire.codec import to_plain
from wire.errors import TiepDonError

log = logging.getLogger(__name__)

FOLDER = Path("/var/lib/tiepdon-update")  # root's alone
KIOSK_SECONDS = 2.0
INCOMING = "incoming"  # within the state folder: what the service's own user brought
STICKS = (
    "/media/*/tiepdon-update",
    "/media/*/*/tiepdon-update",
    "/run/media/*/*/tiepdon-update",
    "/mnt/tiepdon-update",
)
MAX_PIECE = 4 << 20
LOWER_ROOT = Path("/media/root-ro")  # where overlayroot shows what lies below
QUIET_SECONDS = 300  # for which somebody who checks in is waited for
AT_REST = ("start", "out_of_order")  # screens that nobody stands at


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
    settings, debian = load(options.config), Debian()
    folder, release = newest_release(_folders(options, settings), settings.update.public_keys, debian)
    package = package_for(release, debian.architecture(), settings.update.ring, _today(settings, release))
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
    package = package_for(release, debian.architecture(), settings.update.ring, _today(settings, release))
    server.package(folder, package, _progress)
    _tell(options, settings, "update.fetched", {"folder": str(folder), "version": release.version})
    return 0


def run_apply(options: argparse.Namespace) -> int:
    """0 when the new version proved itself, 1 when the machine went back. Raises as the parts do."""
    settings, debian = load(options.config), Debian()
    folder, release = newest_release(_folders(options, settings), settings.update.public_keys, debian)
    if debian.installed() == release.version:  # as each night, where updates come by themselves
        _tell(options, settings, "update.newest", {"version": release.version})
        return 0
    package = package_for(release, debian.architecture(), settings.update.ring, _today(settings, release))
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
    updates, root = _updates(settings, Debian()), _root()
    waiting = updates.last()
    if waiting is not None and waiting.phase in UNDER_WAY and root.is_on():
        # The power failed before the root was opened: what is installed now would be forgotten, its database not.
        root.open_once()
        _tell(options, settings, "update.at_next_start", {"version": waiting.after})
        return 0
    course = updates.resume(settings.update.health_seconds)
    if course is None:
        code = 0
    else:
        _note(settings, course)
        code = _ended(options, settings, course)
    if root.close_again():
        _tell(options, settings, "update.root_closed", {})
    return code


def run_back(options: argparse.Namespace) -> int:
    """0 when the version before is back."""
    settings = load(options.config)
    updates, root = _updates(settings, Debian()), _root()
    course = updates.turn_back()
    if root.is_on():
        root.open_once()
        _tell(options, settings, "update.at_next_start", {"version": course.before})
        return 0
    course = updates.resume(settings.update.health_seconds) or course
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
    quiet = partial(wait_for_quiet, Client(socket_path(settings, "kiosk"), KIOSK_SECONDS), time.sleep)
    return Updates(FOLDER, debian, _looking(settings), time.sleep, lambda: datetime.now(UTC), quiet, _free)


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


def _folders(options: argparse.Namespace, settings: Settings) -> Sequence[Path]:
    """The folder that was named, else every stick's, else what was fetched."""
    if options.folder:
        return (options.folder,)
    found = (folder for pattern in STICKS for folder in sorted(Path("/").glob(pattern.lstrip("/"))))
    return tuple(found) or (Path(settings.paths.state) / INCOMING,)


def newest_release(folders: Sequence[Path], keys: Sequence[str], debian: Debian) -> tuple[Path, Release]:
    """The newest release of these folders whose signature is good, and where it is: a bad stick does not hide a good
    one. Raises what is wrong with the first where none is good."""
    good: tuple[Path, Release] | None = None
    wrong: TiepDonError | None = None
    for folder in folders:
        try:
            release = read_release(folder, keys)
        except TiepDonError as error:
            wrong = wrong or error
            continue
        if good is None or debian.older(good[1].version, release.version):
            good = folder, release
    if good is None:
        raise wrong or NoRelease()
    return good


def wait_for_quiet(kiosk: Client, pause: Pause) -> None:
    """Until nobody stands at the touchscreen: an update takes the page away. A kiosk that does not answer serves
    nobody; one that is never at rest is not waited for beyond QUIET_SECONDS."""
    for _ in range(QUIET_SECONDS):
        try:
            showing = kiosk.get("/health", dict[str, Any]).get("showing")
        except TiepDonError:
            return
        if showing is None or showing in AT_REST:
            return
        pause(1.0)


def _free(folder: Path) -> int:
    below = folder == Path("/") and _root().is_on() and LOWER_ROOT.is_dir()
    return free_bytes(LOWER_ROOT if below else folder)


def _progress(there: int, whole: int) -> None:
    sys.stderr.write(f"\r{there >> 20} / {whole >> 20} MB" + ("\n" if there == whole else ""))
    sys.stderr.flush()


def _today(settings: Settings, release: Release) -> date:
    """The day; not before the release itself, which proves a clock wrong that says so: a site without a line may have
    no other sign of it."""
    return max(datetime.now(site_zone(settings)).date(), release.released)
