"""Looks at the files that hold a secret or personal data: readable by the service's user alone, the key usable."""

import stat
from collections.abc import Iterator
from pathlib import Path

from config.settings import Settings, database_path
from tiepdon.checks.finding import Finding, Status
from wire.errors import TiepDonError

PROBE = "secrets"
# systemd.exec(5), "Credentials": readable by the unit's user through an ACL, whose mask shows as the group's bits.
CREDENTIALS = Path("/run/credentials")
OTHERS = stat.S_IRWXG | stat.S_IRWXO
SIDES = ("", "-wal", "-shm")  # files of one SQLite database


def look_at_secrets(settings: Settings) -> Iterator[Finding]:
    """One finding for each file that is not as it should be; else one that all are."""
    problems = [*_keys(settings), *_database(settings)]
    kept = "file" if settings.lookups.cache_key_file else "memory"
    yield from problems or [Finding(probe=PROBE, status=Status.OK, data={"cache_key": kept})]


def _keys(settings: Settings) -> Iterator[Finding]:
    named = {
        "portal.password_file": settings.portal.password_file if settings.portal.enabled else "",
        "his_proxy.secret_file": settings.his_proxy.secret_file if settings.his_proxy.enabled else "",
        "population.password_file": ""
        if settings.population.transport == "none"
        else settings.population.password_file,
    }
    for setting, file in named.items():
        if file and Path(file).exists():  # a part that misses its own says so itself
            yield from _private(Path(file), setting)
    if settings.lookups.cache_key_file:
        yield from _cache_key(Path(settings.lookups.cache_key_file))


def _cache_key(file: Path) -> Iterator[Finding]:
    """The bridge does not start with a key that it cannot use."""
    from hisbridge.sealing import read_key

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
