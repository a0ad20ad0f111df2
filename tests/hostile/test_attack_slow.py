"""Slow clients from the counters' network, over TLS and without, while a receptionist works: her pages come at once.

Whoever asks is told from whoever only holds a place; 127.0.0.0/8 plays the network, each address another machine of it.
"""

import http.client
import itertools
import shutil
import socket
import ssl
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from tests.support.waiting import BUSY_SECONDS
from tests.ui.desk_tls import certificate
from tests.ui.test_desk_server import Desk

SLOW = 240
ADDRESSES = 40
LOOKS = 8
MOST_SECONDS = 1.0  # for her page, in the median
HALF = b"POST /sign-in HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900\r\n\r\nname="


@contextmanager
def slow_clients(port: int, context: ssl.SSLContext | None) -> Iterator[None]:
    """So many connections all the time, each of which says a byte now and then; whoever is hung up on comes again."""
    over, turns = threading.Event(), itertools.count()

    def hold(number: int) -> None:
        while not over.is_set():
            source = f"127.0.40.{next(turns) % ADDRESSES}"
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), 20, (source, 0)) as plain:
                plain.settimeout(0.5)
                if context is None or number % 3:
                    said = HALF if context is None else b"\x16\x03\x01\x02\x00\x01"  # a greeting without its end
                    plain.sendall(said[: 4 + number % len(said)])
                    drip(plain, over)
                else:
                    with context.wrap_socket(plain, server_hostname="localhost") as wrapped:
                        wrapped.sendall(HALF)
                        drip(wrapped, over)
            over.wait(0.05)

    threads = [threading.Thread(target=hold, args=(number,), daemon=True) for number in range(SLOW)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join(10)


def drip(client: socket.socket, over: threading.Event) -> None:
    """A byte a second, until it is hung up on."""
    while not over.is_set():
        with suppress(TimeoutError):
            if not client.recv(4096):
                return
        client.send(b"x")


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_hundreds_of_slow_clients_hold_up_nobody_who_works(tls: bool) -> None:
    folder = Path(tempfile.mkdtemp(prefix="tiepdon-"))
    trusting, more = None, ""
    if tls:
        files = certificate(folder, "tiepdon.example.test")
        more = f'certificate_file = "{files[0]}"\nkey_file = "{files[1]}"\n'
        trusting = ssl.create_default_context(cafile=str(files[0]))
        trusting.check_hostname = False
    desk = Desk(folder, more)

    def her_page() -> float:
        began = time.monotonic()
        source = ("127.0.0.9", 0)
        connection = (
            http.client.HTTPConnection("127.0.0.1", desk.port, timeout=30, source_address=source)
            if trusting is None
            else http.client.HTTPSConnection(
                "127.0.0.1", desk.port, timeout=30, source_address=source, context=trusting
            )
        )
        with closing(connection):
            connection.request("GET", "/sign-in")
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200
        return time.monotonic() - began

    try:
        her_page()
        with slow_clients(desk.port, trusting):
            took = sorted(her_page() for _ in range(LOOKS))
        assert took[LOOKS // 2] < MOST_SECONDS, took
        assert took[-1] < BUSY_SECONDS, took
        assert "Traceback" not in desk.log.read_text("utf-8")
    finally:
        desk.stop()
        shutil.rmtree(folder, ignore_errors=True)
