"""Looks at every part by itself and says what is wrong: each probe catches its own errors, so there always is a report,
also of settings that cannot be read.

Asks the parts directly, not through the processes, so that it also works when none of them runs. The probes run
beside each other, each on a thread that is left behind when its part never answers: the report ends in time.
"""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from config.destinations import Destination
from config.settings import Settings, load, socket_path
from tiepdon.checks import (
    cameras,
    certificates,
    clock,
    database,
    desk,
    devices,
    disk,
    languages,
    outside,
    panel,
    power,
    printer,
    recovered,
    scanners,
    screen,
    secrets,
    units,
    upkeep,
)
from tiepdon.checks.finding import Finding, Probe, Status
from tiepdon.checks.machine import Machine
from tiepdon.readiness import Health, processes
from wire.client import Client
from wire.errors import TiepDonError
from wire.findings import Report

__all__ = ["GROUPS", "Finding", "Status", "examine", "report"]

OUTSIDE_SECONDS = 5.0  # how long the portal or a receiving system may take
PROCESS_SECONDS = 2.0
LONGEST_SECONDS = 8.0  # after which a probe is given up; the whole report takes no longer

# The parts of a site, in the order in which a card's data passes through them, then what all of them stand on. A probe
# is known by its name up to the colon.
GROUPS = {
    "settings": ("settings", "secrets"),
    "devices": (
        *("software", "kernel", "pcscd", "reader", "slot", "quirk", "usb", "card", "trust"),
        *("scanner", "keyboard", "camera", "second_camera", "printer"),
    ),
    "screen": ("screen", "panel", "languages", "voice"),
    "data": ("database", "recovered", "encryption", "purge", "requests", "backup", "snapshot", "audit"),
    "staff": ("desk", "certificate", "accounts"),
    "outside": (
        "portal",
        "his_proxy",
        "population",
        "clock",
        "destinations",
        "destination",
        "outbox",
        "delivery",
        "tls",
    ),
    "processes": ("version", "units", "process"),
    "machine": ("time", "rtc", "disk", "wear", "power", "temperature", "memory", "watchdog"),
}
# People check in without these: that one of them gives no answer, or breaks, is a warning as whatever else is wrong
# with it. An update is taken back for what fails, and a line that hangs is no fault of its version.
_GOES_ON = frozenset(
    {
        *("scanner", "keyboard", "camera", "second_camera", "printer", "panel", "languages", "voice"),
        *("recovered", "purge", "requests", "backup", "snapshot", "desk", "certificate", "accounts"),
        *("portal", "his_proxy", "population", "clock", "tls", "version", "units"),
        *("software", "kernel", "time", "rtc", "wear", "power", "temperature", "memory", "watchdog"),
    }
)
_GROUP_OF = {probe: group for group, probes in GROUPS.items() for probe in probes}


# What there is nothing to be told of where nobody checks in.
_AT_A_TOUCHSCREEN = (
    *("software", "kernel", "reader", "trust", "scanner", "keyboard", "camera", "second_camera"),
    *("panel", "voice"),
)


def report(config: Path | None, version: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Report:
    """The whole look as one record, whatever is broken, the settings' file included."""
    began, began_at = time.monotonic(), now()
    found = tuple(examine_file(config))
    return Report(
        made_at=began_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
        version=version,
        seconds=round(time.monotonic() - began, 1),
        ok=all(finding.status is not Status.FAIL for finding in found),
        findings=found,
    )


def examine_file(config: Path | None) -> Iterator[Finding]:
    """As `examine`, of the settings in a file. Where they cannot be used, that and what can be seen without them."""
    try:
        settings = load(config)
    except TiepDonError as error:
        yield _grouped(Finding(probe="settings", status=Status.FAIL, code=error.code, data=error.data))
        yield from _run(_machine_probes(load(None), Machine()), LONGEST_SECONDS)
        return
    yield from examine(settings, config)


def examine(
    settings: Settings, file: Path | None, longest_seconds: float = LONGEST_SECONDS, machine: Machine | None = None
) -> Iterator[Finding]:
    """Every finding, in the order of the parts a card's data passes through. `machine`: the one this runs on."""
    yield _grouped(Finding(probe="settings", status=Status.OK, data={"file": str(file) if file else "defaults"}))
    yield from _run(_probes(settings, machine or Machine()), longest_seconds)


def _run(probes: dict[str, Probe], longest_seconds: float) -> Iterator[Finding]:
    until = time.monotonic() + longest_seconds
    for look in [_Look(name, probe) for name, probe in probes.items()]:
        for finding in look.findings(until):
            yield _grouped(finding)


def _grouped(finding: Finding) -> Finding:
    return replace(finding, group=_GROUP_OF.get(finding.probe.partition(":")[0], "processes"))


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
            found.append(Finding(probe=self._name, status=_worst(self._name), code="doctor.no_answer"))
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
        yield Finding(probe=name, status=_worst(name), code=error.code, data=error.data)
    except PermissionError:
        yield Finding(probe=name, status=_worst(name), code="doctor.not_allowed")
    except Exception as error:
        # A probe of a broken machine may break in ways nobody foresaw; the report goes on.
        yield Finding(probe=name, status=_worst(name), code=TiepDonError.code, data={"kind": type(error).__name__})


def _worst(probe: str) -> Status:
    return Status.WARN if probe.partition(":")[0] in _GOES_ON else Status.FAIL


def _probes(settings: Settings, machine: Machine) -> dict[str, Probe]:
    probes: dict[str, Probe] = {
        "software": partial(devices.look_at_software, machine),
        "kernel": partial(devices.look_at_kernel, machine),
        "reader": partial(devices.look_at_readers, settings, machine),
        "trust": partial(certificates.look_at_trust, settings),
        "scanner": partial(scanners.look_at_scanner, settings, machine),
        "keyboard": partial(scanners.look_at_keyboard, settings, machine),
        "camera": partial(cameras.look_through_camera, cameras.CAMERA, settings, machine),
        "second_camera": partial(cameras.look_through_camera, cameras.SECOND_CAMERA, settings, machine),
        "printer": partial(printer.look_at_printer, settings),
        "screen": partial(screen.look_at_screen, settings),
        "panel": partial(panel.look_at_panel, settings, machine),
        "languages": partial(languages.look_at_languages, settings),
        "voice": partial(languages.look_at_voice, settings),
        "database": partial(database.look_at_database, settings),
        "recovered": partial(recovered.look_at_recoveries, settings),
        "encryption": partial(upkeep.look_at_encryption, settings),
        "purge": partial(upkeep.look_at_purge, settings),
        "requests": partial(upkeep.look_at_requests, settings),
        "backup": partial(upkeep.look_at_backup, settings),
        "snapshot": partial(upkeep.look_at_snapshots, settings),
        "audit": partial(upkeep.look_at_audit, settings),
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
    for server in certificates.servers(settings):
        probes[f"tls:{server.name}"] = partial(certificates.look_at_server, server)
    for name, place in processes(settings).items():
        probes[f"process:{name}"] = partial(_look_at_process, settings, name, place)
    probes |= {
        "disk": partial(disk.look_at_disks, settings, machine),
        **{name: probe for name, probe in _machine_probes(settings, machine).items() if name not in probes},
    }
    left_out = () if settings.kiosk.touchscreen else _AT_A_TOUCHSCREEN
    return {name: probe for name, probe in probes.items() if name not in left_out}


def _machine_probes(settings: Settings, machine: Machine) -> dict[str, Probe]:
    """What can be seen of any machine, whatever is in the settings."""
    return {
        "software": partial(devices.look_at_software, machine),
        "kernel": partial(devices.look_at_kernel, machine),
        "reader": partial(devices.look_at_readers, settings, machine),
        "version": partial(upkeep.look_at_version, machine),
        "units": partial(units.look_at_units, machine),
        "time": partial(clock.look_at_time, machine),
        "rtc": partial(clock.look_at_rtc, machine),
        "power": partial(power.look_at_power, machine),
        "temperature": partial(power.look_at_temperature, machine),
        "memory": partial(power.look_at_memory, machine),
        "watchdog": partial(power.look_at_watchdog, machine),
    }


def _no_destination() -> Iterator[Finding]:
    yield Finding(probe="destinations", status=Status.WARN, code="doctor.no_destination")


def _look_at_destination(destination: Destination) -> Iterator[Finding]:
    from hisbridge.connectors import make

    patience = min(destination.timeout_seconds, OUTSIDE_SECONDS)
    connector = make(replace(destination, timeout_seconds=patience))
    begun = time.monotonic()
    try:
        connector.probe()
    finally:
        connector.close()
    data = {"milliseconds": round(1000 * (time.monotonic() - begun))}
    yield Finding(probe=f"destination:{destination.name}", status=Status.OK, data=data)


def _look_at_process(settings: Settings, name: str, place: Health) -> Iterator[Finding]:
    """Does it answer, and what does it say of itself?"""
    socket = socket_path(settings, place.socket)
    probe, where = f"process:{name}", {"socket": str(socket)}
    database.is_there(socket)  # a folder that this user may not enter is not the process's fault
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
