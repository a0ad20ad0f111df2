"""Who may call the staff's pages while there is no sign-in: somebody on this very machine, no proxy for others."""

import ipaddress

from flask import Request

from ui.errors import ForbiddenCaller
from ui.guard import check_host

HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]"})
PROXY_HEADERS = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Via")


def check_local(request: Request) -> None:
    """Raises ForbiddenCaller (`why`: `peer`, `proxy` or `host`)."""
    if not is_loopback(request.remote_addr):
        raise ForbiddenCaller(why="peer")
    if any(name in request.headers for name in PROXY_HEADERS):
        raise ForbiddenCaller(why="proxy")
    check_host(request.headers.get("Host", ""), HOSTS)


def is_loopback(address: str | None) -> bool:
    """Whether a peer's address is this machine's own; a peer without one (a Unix socket) is not."""
    try:
        found = ipaddress.ip_address(address or "")
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)  # an IPv4 peer of a socket that listens on both
    return bool((mapped or found).is_loopback)
