"""What the running reader process says of its devices: it has them open, and runs as the user who has to be allowed."""

from typing import Any

from config.settings import Settings, socket_path
from wire.client import Client
from wire.errors import TiepDonError

READER_SECONDS = 2.0


def told_by_reader(device: str, settings: Settings) -> dict[str, Any] | None:
    """Its health report on this device, by its name there; None where it does not answer or does not have it."""
    try:
        health = Client(socket_path(settings, "reader"), READER_SECONDS).get("/v1/health", dict[str, Any])
    except TiepDonError:
        return None
    told = health.get(device)
    return told if isinstance(told, dict) and told.keys() >= {"device", "problem"} else None
