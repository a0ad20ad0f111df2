"""Kept connections, each in one hand at a time.

Not httpcore's own pool: it looks whether idle connections still stand while another thread takes one of them, and then
closes it under that thread's question (httpcore 1.0.9, 24 threads: one failed call and six such closures in 4,500).
"""

import threading
from collections.abc import Callable

import httpcore

Make = Callable[[httpcore.Origin], httpcore.HTTPConnection]


class Connections:
    """At most `most` connections, in use and idle together. May be used from several threads."""

    def __init__(self, make: Make, most: int) -> None:
        self._make = make
        self._most = most
        self._places = threading.BoundedSemaphore(most)
        self._lock = threading.Lock()
        self._idle: list[httpcore.HTTPConnection] = []  # the one used last at the end
        self._used = 0
        self._closed = False

    def take(self, origin: httpcore.Origin, seconds: float, *, fresh: bool = False) -> httpcore.HTTPConnection:
        """A connection to `origin`, for the caller alone until `give`; `fresh`: one that was never used.

        Raises httpcore.PoolTimeout where none is free within `seconds`.
        """
        if not self._places.acquire(timeout=seconds):
            raise httpcore.PoolTimeout
        with self._lock:
            self._used += 1
            found = None if fresh else self._usable(origin)
            spare = self._idle[: max(0, len(self._idle) + self._used - self._most)]
            del self._idle[: len(spare)]
        for connection in spare:
            connection.close()
        if found is not None:
            return found
        try:
            return self._make(origin)
        except BaseException:
            with self._lock:
                self._used -= 1
            self._places.release()
            raise

    def give(self, connection: httpcore.HTTPConnection) -> None:
        """Take a connection back: kept where it can be used again, else closed."""
        keep = connection.is_idle() and not connection.is_closed()
        with self._lock:
            self._used -= 1
            keep = keep and not self._closed
            if keep:
                self._idle.append(connection)
        if not keep:
            connection.close()
        self._places.release()

    def close(self) -> None:
        """Close the idle ones now and the others when they are given back."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _usable(self, origin: httpcore.Origin) -> httpcore.HTTPConnection | None:
        """The connection used last to this origin, if it still stands; those that do not are dropped."""
        for connection in reversed(self._idle[:]):
            if not connection.can_handle_request(origin):
                continue
            self._idle.remove(connection)
            # Expired: too long idle, or with something to read, which is a good-bye or an answer nobody asked for.
            if not connection.has_expired():
                return connection
            connection.close()
        return None
