"""Looks at the files that hold a secret or personal data: readable by the service's user alone, the key usable.

Every setting that ends with `_file` names a secret, but for those in PUBLIC: a new destination needs no line here.
"""

import stat
from collections.abc import Iterator
from pathlib import Path

from config.settings import Settings, database_path
from tiepdon.checks.finding import Finding, Status
from wire.codec import Record
from wire.errors import Datum, TiepDonError

PROBE = "secrets"
# systemd.exec(5), "Credentials": readable by the unit's user through an ACL, whose mask shows as the group's bits.
CREDENTIALS = Path("/run/credentials")
OTHERS = stat.S_IRWXG | stat.S_IRWXO
PUBLIC = ("ca_file", "certificate_file")
SIDES = ("", "-wal", "-shm")  # files of one SQLite database


def look_at_secrets(settings: Settings) -> Iterator[Finding]:
    """One finding for each file that is not as it should be; else one that all are."""
    problems = [*_keys(settings), *_of_destinations(settings), *_database(settings)]
    kept = "file" if settings.lookups.cache_key_file else "memory"
    yield from problems or [Finding(probe=PROBE, status=Status.OK, data={"cache_key": kept})]


def _keys(settings: Settings) -> Iterator[Finding]:
    asked = {
        "portal": settings.portal if settings.portal.enabled else None,
        "his_proxy": settings.his_proxy if settings.his_proxy.enabled else None,
        "population": None if settings.population.transport == "none" else settings.population,
        "staff": settings.staff if settings.staff.listen else None,
        "staff.oidc": settings.staff.oidc if settings.staff.listen and settings.staff.oidc.enabled else None,
    }
    for name, section in asked.items():
        for key, file in _named(section):
            if file.exists():  # a part that misses its own says so itself
                yield from _private(file, f"{name}.{key}")
    if settings.lookups.cache_key_file:
        yield from _cache_key(Path(settings.lookups.cache_key_file))


def _of_destinations(settings: Settings) -> Iterator[Finding]:
    """Nothing is handed over where a secret cannot be read; a connector refuses one that others may read or change."""
    for destination in settings.destinations:
        for key, file in _named(destination):
            yield from _usable(file, f"{destination.name}.{key}")


def _named(section: Record | None) -> Iterator[tuple[str, Path]]:
    """The secrets' files that a section names, by setting."""
    for key in section.__struct_fields__ if section is not None else ():
        if key.endswith("_file") and key not in PUBLIC and (file := getattr(section, key)):
            yield key, Path(file)


def _usable(file: Path, setting: str) -> Iterator[Finding]:
    data: dict[str, Datum] = {"setting": setting, "file": str(file)}
    try:
        empty = not file.read_bytes().strip()
    except FileNotFoundError:
        yield Finding(probe=PROBE, status=Status.FAIL, code="doctor.secret_missing", data=data)
    except OSError as error:
        why = {**data, "why": error.strerror}
        yield Finding(probe=PROBE, status=Status.FAIL, code="doctor.secret_unreadable", data=why)
    else:
        if empty:
            yield Finding(probe=PROBE, status=Status.FAIL, code="doctor.secret_empty", data=data)
        yield from _private(file, setting)


def _cache_key(file: Path) -> Iterator[Finding]:
    """The bridge does not start with a key that it cannot use."""
    from wire.keys import read_key

    data = {"setting": "lookups.cache_key_file", "file": str(file)}
    try:
        read_key(file)
    except TiepDonError as error:
        yield Finding(probe=PROBE, status=Status.FAIL, code=error.code, data={**data, **error.data})
        return
    yield from _private(file, "lookups.cache_key_file")


def _database(settings: Settings) -> Iterator[Finding]:
    path = database_path(settings)
    for side in SIDES:
        file = path.with_name(path.name + side)
        if file.exists():
            yield from _private(file, "paths.state")


def _private(file: Path, setting: str) -> Iterator[Finding]:
    mode = stat.S_IMODE(file.stat().st_mode)
    others = stat.S_IRWXO if file.is_relative_to(CREDENTIALS) else OTHERS
    if mode & others:
        data = {"setting": setting, "file": str(file), "mode": f"{mode:04o}"}
        yield Finding(probe=PROBE, status=Status.WARN, code="doctor.secret_open", data=data)
