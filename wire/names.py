"""Host names to addresses, and to connections, within a time: the system's resolver has no deadline and, with the line
down, takes half a minute. It is asked on a thread of its own, one per name at a time, and left behind when it does not
answer.
"""

import ipaddress
import socket
import threading
from collections.abc import Callable, Sequence

Resolve = Callable[[str, int, float], Sequence[str]]
System = Callable[[str, int], Sequence[str]]


class _Asking:
    """One question to the resolver and everybody who waits for it."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.found: Sequence[str] = ()
        self.failure: Exception | None = None


class Resolver:
    """The resolver behind a deadline. May be used from several threads."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._open: dict[tuple[str, int], _Asking] = {}
        self._lock = threading.Lock()

    def __call__(self, host: str, port: int, seconds: float) -> Sequence[str]:
        """The addresses of `host`, in the system's order, within `seconds`. Raises TimeoutError or OSError."""
        if _is_address(host):
            return (host,)
        key = host, port
        with self._lock:
            asking = self._open.get(key)
            if asking is None:
                asking = self._open[key] = _Asking()
                try:
                    threading.Thread(target=self._ask, args=(key, asking), name="resolver", daemon=True).start()
                except RuntimeError:  # no room for a thread: nobody must wait for one that never began
                    del self._open[key]
                    raise OSError from None
        if not asking.done.wait(seconds):
            raise TimeoutError
        if asking.failure is not None:
            raise OSError from None
        return asking.found

    def _ask(self, key: tuple[str, int], asking: _Asking) -> None:
        try:
            asking.found = tuple(dict.fromkeys(self._system(*key)))
        except (OSError, UnicodeError, OverflowError) as error:
            asking.failure = error
        finally:
            with self._lock:
                self._open.pop(key, None)
            asking.done.set()


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _system(host: str, port: int) -> Sequence[str]:
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


resolve_within: Resolve = Resolver(_system)


def reach(host: str, port: int, left: Callable[[], float], resolve: Resolve = resolve_within) -> socket.socket:
    """A TCP connection to the first of the host's addresses that answers. `left`: seconds, or raises when none are.

    Raises OSError (TimeoutError), UnicodeError for what cannot be a name, and what `left` raises.
    """
    failure: OSError = OSError("no address")
    addresses = resolve(host, port, left())
    for number, address in enumerate(addresses):
        try:
            # A dead address must not eat the time of those behind it.
            return socket.create_connection((address, port), left() / (len(addresses) - number))
        except OSError as error:
            failure = error
    raise failure
