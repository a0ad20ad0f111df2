"""Looks at every part by itself and says what is wrong: each probe catches its own errors, so there always is a report.

Asks the parts directly, not through the processes, so that it also works when none of them runs. The probes run
beside each other, each on a thread that is left behind when its part never answers: the report ends in time.
"""

import os
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from config.destinations import Destination
from config.settings import Settings, database_file, database_path, socket_path
from tiepdon.checks import cameras, desk, devices, languages, outside, panel, printer, scanners, secrets
from tiepdon.checks.finding import Finding, Probe, Status
from tiepdon.checks.machine import Machine
from tiepdon.readiness import Health, processes
from wire import sqlite
from wire.client import Client
from wire.errors import Datum, TiepDonError

__all__ = ["Finding", "Status", "examine"]

OUTSIDE_SECONDS = 5.0  # how long the portal or a receiving system may take
PROCESS_SECONDS = 2.0
FULL_BYTES, LOW_BYTES = 16 << 20, 500 << 20  # free where the database lies
LONGEST_SECONDS = 7.0  # after which a probe is given up; the whole report takes no longer


def examine(
    settings: Settings, file: Path | None, longest_seconds: float = LONGEST_SECONDS, machine: Machine | None = None
) -> Iterator[Finding]:
    """Every finding, in the order of the parts a card's data passes through. `machine`: the one this runs on."""
    yield Finding(probe="settings", status=Status.OK, data={"file": str(file) if file else "defaults"})
    until = time.monotonic() + longest_seconds
    for look in [_Look(name, probe) for name, probe in _probes(settings, machine or Machine()).items()]:
        yield from look.findings(until)


class _Look:
    """One probe under way."""

    def __init__(self, name: str, probe: Probe) -> None:
        self._name = name
        self._probe = probe
        self._found: list[Finding] = []
        self._thread = threading.Thread(target=self._run, name=f"probe-{name}", daemon=True)
        self._thread.start()

    def findings(self, until: float) -> list[Finding]:
        """What it found; at `until` (monotonic seconds) what it found so far, and that it does not end."""
        self._thread.join(max(0.0, until - time.monotonic()))
        found = list(self._found)
        if self._thread.is_alive():
            found.append(Finding(probe=self._name, status=Status.FAIL, code="doctor.no_answer"))
        return found

    def _run(self) -> None:
        begin = time.monotonic()
        for finding in _safely(self._name, self._probe):
            taken = round((time.monotonic() - begin) * 1000, 1)
            self._found.append(replace(finding, milliseconds=taken))


def _safely(name: str, probe: Probe) -> Iterator[Finding]:
    try:
        yield from probe()
    except TiepDonError as error:
        yield Finding(probe=name, status=Status.FAIL, code=error.code, data=error.data)
    except PermissionError:
        yield Finding(probe=name, status=Status.FAIL, code="doctor.not_allowed")
    except Exception as error:
        # A probe of a broken machine may break in ways nobody foresaw; the report goes on.
        yield Finding(probe=name, status=Status.FAIL, code=TiepDonError.code, data={"kind": type(error).__name__})


def _probes(settings: Settings, machine: Machine) -> dict[str, Probe]:
    probes: dict[str, Probe] = {
        "software": partial(devices.look_at_software, machine),
        "kernel": partial(devices.look_at_kernel, machine),
        "reader": partial(devices.look_at_readers, settings, machine),
        "trust": partial(_look_at_trust, settings),
        "scanner": partial(scanners.look_at_scanner, settings, machine),
        "keyboard": partial(scanners.look_at_keyboard, settings, machine),
        "camera": partial(cameras.look_through_camera, cameras.CAMERA, settings, machine),
        "second_camera": partial(cameras.look_through_camera, cameras.SECOND_CAMERA, settings, machine),
        "printer": partial(printer.look_at_printer, settings),
        "panel": partial(panel.look_at_panel, settings, machine),
        "languages": partial(languages.look_at_languages, settings),
        "voice": partial(languages.look_at_voice, settings),
        "database": partial(_look_at_database, settings),
        "desk": partial(desk.look_at_desk, settings),
        "certificate": partial(desk.look_at_certificate, settings),
        "accounts": partial(desk.look_at_accounts, settings),
        "secrets": partial(secrets.look_at_secrets, settings),
        "portal": partial(outside.look_at_insurance, settings),
        "population": partial(outside.look_at_population, settings),
        "clock": partial(outside.look_at_clock, settings),
    }
    for destination in settings.destinations:
        probes[f"destination:{destination.name}"] = partial(_look_at_destination, destination)
    if not settings.destinations:
        probes["destinations"] = _no_destination
    for name, place in processes(settings).items():
        probes[f"process:{name}"] = partial(_look_at_process, settings, name, place)
    return probes


def _look_at_trust(settings: Settings) -> Iterator[Finding]:
    """The certificates that say whose signature a card may carry."""
    from reader.pki.trust import load_trust

    folder = settings.reader.trust_folder
    trust = load_trust(Path(folder) if folder else None)
    data: dict[str, Datum] = {
        "folder": folder or None,
        "certificates": len(trust.anchors),
        "revocation_lists": len(trust.revocations),
    }
    yield Finding(probe="trust", status=Status.OK, data=data)


def _is_there(path: Path) -> bool:
    """Raises PermissionError where this user may not look."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def _room(path: Path, where: dict[str, Datum]) -> Finding:
    """Is there room for what comes? A day of 5,000 visits writes some tens of megabytes."""
    told = os.statvfs(path.parent)
    free = told.f_bavail * told.f_frsize
    seen = {**where, "free_mb": free >> 20}
    if free < FULL_BYTES:
        return Finding(probe="database", status=Status.FAIL, code="doctor.disk_full", data=seen)
    if free < LOW_BYTES:
        return Finding(probe="database", status=Status.WARN, code="doctor.disk_low", data=seen)
    return Finding(probe="database", status=Status.OK, data=seen)


def _look_at_database(settings: Settings) -> Iterator[Finding]:
    """Is it there, whole, of this version's schema, and can it be written? Then what it still owes, by destination."""
    from hisbridge import outbox_desk
    from tiepdon.migrations import MIGRATIONS
    from wire.database import DatabaseUnavailable, is_plain, open_database, require, transaction

    path = database_path(settings)
    where: dict[str, Datum] = {"file": str(path)}
    if not _is_there(path):
        yield Finding(probe="database", status=Status.FAIL, code="doctor.no_database", data=where)
        return
    if not settings.paths.key_file and path.stat().st_size and not is_plain(path):
        yield Finding(probe="database", status=Status.FAIL, code="doctor.database_damaged", data=where)
        return
    try:
        connection = open_database(database_file(settings))
    except DatabaseUnavailable as error:
        if not str(error.data.get("why")).startswith("DatabaseError"):
            raise
        yield Finding(probe="database", status=Status.FAIL, code="doctor.database_damaged", data=where)
        return
    try:
        if connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
            raise sqlite.DatabaseError
        require(connection, MIGRATIONS)
        with transaction(connection):
            pass  # a disk that turned read-only is noticed here
        owed = outbox_desk.depth(connection)
    except sqlite.DatabaseError:
        yield Finding(probe="database", status=Status.FAIL, code="doctor.database_damaged", data=where)
        return
    finally:
        connection.close()
    yield _room(path, where)
    for name, depth in owed.items():
        data: dict[str, Datum] = {"waiting": depth.waiting, "rejected": depth.rejected, "dead": depth.dead}
        if depth.rejected or depth.dead:
            code = "delivery.rejected" if depth.rejected else "delivery.unrenderable"
            yield Finding(probe=f"outbox:{name}", status=Status.WARN, code=code, data=data)
        else:
            yield Finding(probe=f"outbox:{name}", status=Status.OK, data=data)


def _no_destination() -> Iterator[Finding]:
    yield Finding(probe="destinations", status=Status.WARN, code="doctor.no_destination")


def _look_at_destination(destination: Destination) -> Iterator[Finding]:
    from hisbridge.connectors import make

    patience = min(destination.timeout_seconds, OUTSIDE_SECONDS)
    connector = make(replace(destination, timeout_seconds=patience))
    try:
        connector.probe()
    finally:
        connector.close()
    yield Finding(probe=f"destination:{destination.name}", status=Status.OK)


def _look_at_process(settings: Settings, name: str, place: Health) -> Iterator[Finding]:
    """Does it answer, and what does it say of itself?"""
    socket = socket_path(settings, place.socket)
    probe, where = f"process:{name}", {"socket": str(socket)}
    _is_there(socket)  # a folder that this user may not enter is not the process's fault
    try:
        health = Client(socket, PROCESS_SECONDS).get(place.health, dict[str, Any])
    except TiepDonError:
        yield Finding(probe=probe, status=Status.FAIL, code="doctor.process_silent", data=where)
        return
    problem = health.get("problem")  # the kiosk is out of order
    yield Finding(probe=probe, status=Status.FAIL if problem else Status.OK, code=problem, data=where)
    for destination in health.get("destinations", ()):
        if code := destination["problem"]:
            status = Status.FAIL if destination["condition"] == "stopped" else Status.WARN
            yield Finding(probe=f"delivery:{destination['name']}", status=status, code=code)
