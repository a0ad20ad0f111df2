"""A connection by name within a time, whatever the resolver and dead addresses do."""

import socket
import threading
import time
from collections.abc import Callable, Sequence

import pytest

from wire.names import Resolver, reach


def left(seconds: float) -> Callable[[], float]:
    until = time.monotonic() + seconds

    def so_much() -> float:
        if (rest := until - time.monotonic()) <= 0:
            raise TimeoutError
        return rest

    return so_much


def test_a_resolver_that_says_nothing_is_given_up_in_time() -> None:
    over = threading.Event()

    def silent(_host: str, _port: int) -> Sequence[str]:
        over.wait()
        return ()

    begun = time.monotonic()
    with pytest.raises(TimeoutError):
        reach("printer.mau.test", 9100, left(0.2), Resolver(silent))
    assert time.monotonic() - begun < 20
    over.set()


def test_the_first_address_that_answers_is_taken_and_a_dead_one_leaves_it_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as alive:
        port = alive.getsockname()[1]
        with socket.create_server(("127.0.0.2", port), backlog=0) as dead, socket.socket() as first:
            first.setblocking(False)
            first.connect_ex(("127.0.0.2", port))  # its queue is full now: it answers nobody any more
            found = Resolver(lambda _host, _port: ("127.0.0.2", "127.0.0.1"))
            begun = time.monotonic()
            with reach("printer.mau.test", port, left(2), found) as connection:
                assert connection.getpeername() == ("127.0.0.1", port)
            assert time.monotonic() - begun > 0.9  # it was waited for, as long as its share
            assert dead.fileno() >= 0


def test_a_name_without_an_address_is_an_error_of_the_line() -> None:
    with pytest.raises(OSError, match="no address"):
        reach("printer.mau.test", 9100, left(20), Resolver(lambda _host, _port: ()))
