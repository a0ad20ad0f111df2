"""Is a process of ours ready? Asked while starting, by `tiepdon run` and by tests."""

import http.client
import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from config.settings import Settings, socket_path
from wire.client import Client
from wire.errors import TiepDonError

PAUSE = 0.05  # seconds between two looks


@dataclass(frozen=True)
class Health:
    """Where a process of the product says how it is.

    Its own Unix socket each: at a TCP port some other run's kiosk might answer.
    """

    socket: Literal["reader", "bridge", "kiosk", "desk"]
    health: str


PRODUCT: Mapping[str, Health] = {
    "reader": Health("reader", "/v1/health"),
    "bridge": Health("bridge", "/v1/health"),
    "kiosk": Health("kiosk", "/health"),
}


def product_probes(settings: Settings) -> dict[str, Callable[[], bool]]:
    """One question for each process of the product that these settings have."""
    return {
        name: partial(socket_answers, socket_path(settings, place.socket), place.health)
        for name, place in processes(settings).items()
    }


def processes(settings: Settings) -> Mapping[str, Health]:
    """The processes of the product that these settings have: the reader only where people check in, the desk only where
    the staff have an address."""
    ours = {name: place for name, place in PRODUCT.items() if name != "reader" or settings.kiosk.touchscreen}
    return {**ours, "desk": Health("desk", "/health")} if settings.staff.listen else ours


def socket_answers(socket: Path, path: str) -> bool:
    """Does the process behind a Unix socket answer this question?"""
    try:
        Client(socket, timeout=1).get(path, dict[str, Any])
    except TiepDonError:
        return False
    return True


def http_json(host: str, port: int, path: str) -> dict[str, Any]:
    """The JSON object a loopback HTTP server answers with 200; empty when it does not."""
    try:
        told = json.loads(_get(host, port, path) or b"{}")
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _get(host: str, port: int, path: str) -> bytes | None:
    connection = http.client.HTTPConnection(host, port, timeout=1)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    return body if response.status == 200 else None


def wait_for(
    probes: Mapping[str, Callable[[], bool]],
    seconds: float,
    ready: Callable[[str, float], None],
    give_up: Callable[[], bool] = lambda: False,
) -> tuple[str, ...]:
    """Ask until every probe says yes, the time is over, or `give_up()`; tells each one's moment through
    `ready(name, seconds)`.

    Returns the names that never were ready (empty: all are).
    """
    begin = time.monotonic()
    waiting = dict(probes)
    never = threading.Event()
    while waiting and time.monotonic() - begin < seconds and not give_up():
        for name in [name for name, probe in waiting.items() if probe()]:
            del waiting[name]
            ready(name, time.monotonic() - begin)
        if waiting:
            never.wait(PAUSE)
    return tuple(waiting)
