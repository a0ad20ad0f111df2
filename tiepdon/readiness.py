"""Is a process of ours ready? Asked while starting, by `tiepdon run` and by tests."""

import http.client
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from config.settings import Settings, socket_path
from wire.client import Client
from wire.errors import TiepDonError

PAUSE = 0.05  # seconds between two looks


def product_probes(settings: Settings) -> dict[str, Callable[[], bool]]:
    """One question for each process of the product."""
    host, _, port = settings.kiosk.listen.rpartition(":")
    return {
        "reader": lambda: socket_answers(Client(socket_path(settings, "reader"), timeout=1)),
        "bridge": lambda: socket_answers(Client(socket_path(settings, "bridge"), timeout=1)),
        "kiosk": lambda: http_answers(host.strip("[]"), int(port), "/health"),
    }


def socket_answers(client: Client) -> bool:
    """Does the process behind a Unix socket answer its health question?"""
    try:
        client.get("/v1/health", dict[str, Any])
    except TiepDonError:
        return False
    return True


def http_answers(host: str, port: int, path: str) -> bool:
    """Does a loopback HTTP server answer with 200?"""
    connection = http.client.HTTPConnection(host, port, timeout=1)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        response.read()
        return response.status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def wait_for(
    probes: Mapping[str, Callable[[], bool]], seconds: float, ready: Callable[[str, float], None]
) -> tuple[str, ...]:
    """Ask until every probe says yes or the time is over; tells each one's moment through `ready(name, seconds)`.

    Returns the names that never were ready (empty: all are).
    """
    begin = time.monotonic()
    waiting = dict(probes)
    never = threading.Event()
    while waiting and time.monotonic() - begin < seconds:
        for name in [name for name, probe in waiting.items() if probe()]:
            del waiting[name]
            ready(name, time.monotonic() - begin)
        if waiting:
            never.wait(PAUSE)
    return tuple(waiting)
