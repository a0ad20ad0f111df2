"""Synthetic records, settings and a database for the bridge's tests."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from config.destinations import DestinationSettings, Hl7v2Destination
from config.settings import PortalSettings, Settings, load
from hisbridge import outbox_desk
from hisbridge.desk_records import Delivery, Selection
from hisbridge.outbox import State
from hisbridge.questions import Coverage, Verdict
from hisbridge.records import Arrival, Guardian, Patient, PatientRecord, Proof, ProofCheck, Site
from hisbridge.schema import MIGRATIONS
from tests.support.database import migrated
from wire import sqlite

MOMENT = datetime(2026, 11, 21, 0, 45, tzinfo=UTC)


def patient(**differences: Any) -> Patient:
    usual: dict[str, Any] = {
        "personal_id": "001303900017",
        "full_name": "Nguyễn Thị Hoài Thử",
        "birth_date": "2003-02-14",
        "sex": "female",
        "residence": "Số 1 Đường Mẫu, Phường Mẫu, Hà Nội",
        "nationality": "Việt Nam",
        "ethnicity": "Kinh",
        "previous_id": "012345678",
        "issue_date": "2021-05-20",
        "expiry_date": "2028-02-14",
        "phone": "0912345678",
    }
    return Patient(**{**usual, **differences})


def coverage(**differences: Any) -> Coverage:
    usual: dict[str, Any] = {
        "verdict": Verdict.VALID,
        "result_code": "000",
        "card_number": "GD4000000000017",
        "social_security_number": "0000000017",
        "valid_from": "2026-01-01",
        "valid_to": "2026-12-31",
        "registered_facility": "01028",
        "asked_at": "2026-11-21T07:44:59+07:00",
        "asked_by": "kiosk-1",
    }
    return Coverage(**{**usual, **differences})


def record(visit_id: str = "visit-1", **differences: Any) -> PatientRecord:
    usual: dict[str, Any] = {
        "site": Site(facility_code="01028", facility_name="Bệnh viện Mẫu", kiosk_id="kiosk-1"),
        "patient": patient(),
        "visit": Arrival(
            visit_id=visit_id,
            arrived_at="2026-11-21T07:45:00+07:00",
            service_code="KB",
            service_name="Khám bệnh",
            ticket_number="0001",
        ),
        "evidence": Proof(
            source="chip",
            read_at="2026-11-21T00:44:58Z",
            checks={"access": ProofCheck(result="passed", protocol="PACE")},
        ),
        "coverage": coverage(),
        "synthetic": True,
    }
    return PatientRecord(**{**usual, **differences})


MOTHER = Guardian(full_name="Trần Thị Mẫu", relation="mother", personal_id="001303900025", phone="0900000002")


def newborn(visit_id: str = "visit-1", number: str | None = None, **differences: Any) -> PatientRecord:
    """Somebody who came without a number, with their mother; `number`: it is known since."""
    usual: dict[str, Any] = {
        "patient": Patient(
            personal_id=number, local_id=visit_id, full_name="Trần Bé Thử", birth_date="2026-11-20", sex="male"
        ),
        "guardian": MOTHER,
        "coverage": None,
        "evidence": Proof(source="typed", read_at="2026-11-21T00:44:58Z"),
    }
    return record(visit_id, **{**usual, **differences})


def destination(port: int = 2575, **differences: Any) -> Hl7v2Destination:
    usual: dict[str, Any] = {
        "name": "his",
        "host": "127.0.0.1",
        "port": port,
        "timeout_seconds": 5.0,
    }
    return Hl7v2Destination(**{**usual, **differences})


def settings(folder: Path, *destinations: DestinationSettings, **portal: Any) -> Settings:
    usual = load()
    return msgspec.structs.replace(
        usual,
        paths=msgspec.structs.replace(usual.paths, state=str(folder / "state"), run=str(folder)),
        bridge=msgspec.structs.replace(
            usual.bridge, poll_seconds=0.05, retry_first_seconds=0.02, retry_max_seconds=0.1
        ),
        portal=msgspec.structs.replace(usual.portal, **portal),
        destinations=destinations,
    )


def portal_settings(folder: Path, port: int, **differences: Any) -> PortalSettings:
    password = folder / "portal-password"
    password.write_text("mật khẩu thử\n", "utf-8")
    usual: dict[str, Any] = {
        "enabled": True,
        "base_url": f"http://127.0.0.1:{port}",
        "username": "99999_BV",
        "password_file": str(password),
        "officer_name": "Trần Thị Mẫu",
        "officer_id": "000088888888",
        "timeout_seconds": 5.0,
    }
    return msgspec.structs.replace(load().portal, **{**usual, **differences})


def database(folder: Path) -> Path:
    path = folder / "state" / "tiepdon.db"
    migrated(path, MIGRATIONS)
    return path


def listed(connection: sqlite.Connection, *states: State, limit: int = 100) -> list[Delivery]:
    """The outbox's deliveries in these states (all without one), newest first."""
    return outbox_desk.list_deliveries(connection, Selection(states=states), limit)


class FakeClock:
    """A wall clock that moves only when told."""

    def __init__(self, moment: datetime = MOMENT) -> None:
        self.moment = moment

    def __call__(self) -> datetime:
        return self.moment

    def advance(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


def eventually(condition: Callable[[], Any], seconds: float = 20.0) -> Any:
    """The condition's first true value, or a failure after `seconds`."""
    until = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < until, "did not happen in time"
        threading.Event().wait(0.01)
    return value
