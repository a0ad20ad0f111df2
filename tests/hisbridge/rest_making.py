"""The registration API for tests: its account and settings, and one attempt as the courier makes it."""

from pathlib import Path
from typing import Any

import msgspec

from config.destinations import RestDestination
from hisbridge.connectors.contract import Receipt, Sending
from hisbridge.connectors.rest import RestConnector
from hisbridge.records import PatientRecord
from sandbox.hospital_rest import ACCOUNT

FIND = {"find_booking": "/api/v1/booking?orderId={order_id}"}


def account_file(folder: Path) -> Path:
    file = folder / "password"
    file.write_text(ACCOUNT[1] + "\n")
    file.chmod(0o600)
    return file


def settings(port: int, password: Path, **more: Any) -> RestDestination:
    usual: dict[str, Any] = {
        "name": "dhg",
        "base_url": f"http://127.0.0.1:{port}/",
        "username": ACCOUNT[0],
        "password_file": str(password),
        "timeout_seconds": 2,
    }
    return msgspec.convert({"connector": "rest", **usual, **more}, RestDestination)


def carried(made: RestConnector, told: PatientRecord, attempt: int = 1, *, doubtful: bool = False) -> Receipt:
    """What the courier does with one attempt that asks for the person anew."""
    message = made.render(told, made.identify(told))
    assert message is not None
    return made.send(message, Sending("KEY", attempt, doubtful))
