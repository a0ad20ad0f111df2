"""Looks at every part by itself and says what is wrong: each probe catches its own errors, so there always is a report.

Asks the parts directly, not through the three processes, so that it also works when none of them runs.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path

from config.settings import Settings, database_path, socket_path
from tiepdon.readiness import product_probes
from wire.codec import Record
from wire.errors import Datum, TiepDonError

PORTAL_SECONDS = 5.0


class Status(StrEnum):
    """`warn`: the check-in goes on without it. `fail`: it does not, or nothing is handed over."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class Finding(Record, frozen=True, kw_only=True):
    """What one probe found. `code` is an error code of docs/operations.md, None when all is well."""

    probe: str
    status: Status
    code: str | None = None
    data: Mapping[str, Datum] = {}  # msgspec copies an empty default
    milliseconds: float = 0.0


Probe = Callable[[], Iterator[Finding]]


def examine(settings: Settings, file: Path | None) -> Iterator[Finding]:
    """Every finding, in the order of the parts a card's data passes through."""
    yield Finding(probe="settings", status=Status.OK, data={"file": str(file) if file else "defaults"})
    for name, probe in _probes(settings).items():
        begin = time.monotonic()
        for finding in _safely(name, probe):
            taken = round((time.monotonic() - begin) * 1000, 1)
            yield Finding(
                probe=finding.probe, status=finding.status, code=finding.code, data=finding.data, milliseconds=taken
            )


def _safely(name: str, probe: Probe) -> Iterator[Finding]:
    try:
        yield from probe()
    except TiepDonError as error:
        yield Finding(probe=name, status=Status.FAIL, code=error.code, data=error.data)
    except Exception as error:
        # A probe of a broken machine may break in ways nobody foresaw; the report goes on.
        yield Finding(probe=name, status=Status.FAIL, code="internal", data={"kind": type(error).__name__})


def _probes(settings: Settings) -> dict[str, Probe]:
    probes: dict[str, Probe] = {
        "reader": lambda: _look_at_reader(settings),
        "scanner": lambda: _look_at_device("scanner", settings.reader.scanner.device),
        "camera": lambda: _look_at_device("camera", settings.reader.camera.device),
        "database": lambda: _look_at_database(settings),
        "portal": lambda: _look_at_portal(settings),
        "destinations": lambda: _look_at_destinations(settings),
        "processes": lambda: _look_at_processes(settings),
    }
    return probes


def _look_at_reader(settings: Settings) -> Iterator[Finding]:
    """Three findings of one look: is pcscd there, is a reader, does a card that lies on it answer."""
    from reader.chip.pcsc import PcscSlot

    slot = PcscSlot(settings.reader.pcsc_reader)
    try:
        seen = next(slot.watch())
    finally:
        slot.close()
    if not seen.service:
        yield Finding(probe="pcscd", status=Status.FAIL, code=seen.problem)
        return
    yield Finding(probe="pcscd", status=Status.OK)
    if seen.reader is None:
        yield Finding(probe="reader", status=Status.FAIL, code=seen.problem)
        return
    yield Finding(probe="reader", status=Status.OK, data={"name": seen.reader})
    if not seen.card:
        yield Finding(probe="card", status=Status.OK, data={"present": False})
        return
    try:
        with slot.connect() as card:
            answer = card.transmit(bytes.fromhex("00B09C0000"))  # EF.CardAccess by short file id
    except TiepDonError as error:
        yield Finding(probe="card", status=Status.WARN, code=error.code, data=error.data)
        return
    is_id_card = answer[-2:] in (b"\x90\x00", b"\x62\x82")
    status, code = (Status.OK, None) if is_id_card else (Status.WARN, "reader.not_an_id_card")
    yield Finding(probe="card", status=status, code=code, data={"present": True})


def _look_at_device(name: str, device: str) -> Iterator[Finding]:
    if not device:
        yield Finding(probe=name, status=Status.OK, data={"configured": False})
    elif Path(device).exists():
        yield Finding(probe=name, status=Status.OK, data={"device": device})
    else:
        yield Finding(probe=name, status=Status.WARN, code="doctor.device_missing", data={"device": device})


def _look_at_database(settings: Settings) -> Iterator[Finding]:
    from tiepdon.migrations import MIGRATIONS
    from wire.database import open_database, require

    path = database_path(settings)
    if not path.exists():
        yield Finding(probe="database", status=Status.FAIL, code="doctor.no_database", data={"file": str(path)})
        return
    connection = open_database(path)
    try:
        require(connection, MIGRATIONS)
        sound = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    finally:
        connection.close()
    if sound == "ok":
        yield Finding(probe="database", status=Status.OK, data={"file": str(path)})
    else:
        yield Finding(probe="database", status=Status.FAIL, code="doctor.database_damaged", data={"file": str(path)})


def _look_at_portal(settings: Settings) -> Iterator[Finding]:
    if not settings.portal.enabled:
        yield Finding(probe="portal", status=Status.WARN, code="portal.disabled")
        return
    from hisbridge.http import poster
    from hisbridge.lookups.insurance_portal import MAX_ANSWER, InsurancePortal

    try:
        InsurancePortal(settings.portal, settings.site, poster(MAX_ANSWER)).probe(PORTAL_SECONDS)
    except TiepDonError as error:
        # The check-in goes on without the portal, as `unverified`.
        yield Finding(probe="portal", status=Status.WARN, code=error.code, data=error.data)
    else:
        yield Finding(probe="portal", status=Status.OK)


def _look_at_destinations(settings: Settings) -> Iterator[Finding]:
    from hisbridge.connectors import make

    if not settings.destinations:
        yield Finding(probe="destinations", status=Status.WARN, code="doctor.no_destination")
    for destination in settings.destinations:
        name = f"destination:{destination.name}"
        connector = make(destination)
        try:
            connector.probe()
        except TiepDonError as error:
            yield Finding(probe=name, status=Status.FAIL, code=error.code, data=error.data)
        else:
            yield Finding(probe=name, status=Status.OK)
        finally:
            connector.close()


def _look_at_processes(settings: Settings) -> Iterator[Finding]:
    for name, answers in product_probes(settings).items():
        where: dict[str, Datum] = {"address": settings.kiosk.listen}
        if name in ("reader", "bridge"):
            where = {"socket": str(socket_path(settings, "reader" if name == "reader" else "bridge"))}
        if answers():
            yield Finding(probe=f"process:{name}", status=Status.OK, data=where)
        else:
            yield Finding(probe=f"process:{name}", status=Status.FAIL, code="doctor.process_silent", data=where)
