"""Who may speak to the agent at all, decided from a request's head before anything is read or done. Pure.

Any page in any tab can send requests to this machine; the browser says which page it was (`Origin`), and which name
the page used for us (`Host`, which a rebound DNS name gives away). Only exact matches pass (bridge.md 3.3).
"""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass

from config.destinations import LocalAgentDestination
from hisbridge.agent.errors import AgentForbidden, AgentSetup

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
CORS_METHODS = "GET, POST"
CORS_HEADERS = "authorization, content-type"
PREFLIGHT_SECONDS = "600"


@dataclass(frozen=True)
class Caller:
    """Who asks. `origin`: the page, empty for a program. `candidates`: the origins whose token may come with it.

    `page`: the listed page, empty for a program and for our own; some programs name the address they call as theirs.
    """

    origin: str
    candidates: tuple[str, ...]
    page: str = ""


@dataclass(frozen=True)
class Access:
    """The doors of one agent."""

    hosts: frozenset[str]
    origins: frozenset[str]
    own_origins: frozenset[str]
    networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]

    def caller(self, address: str, headers: Mapping[str, str]) -> Caller:
        """Who asks, from the peer's address and the headers (names in lower case). Raises AgentForbidden."""
        if not self._near(address):
            raise AgentForbidden(why="address")
        if headers.get("host", "").lower() not in self.hosts:
            raise AgentForbidden(why="host")
        origin = headers.get("origin")
        site = headers.get("sec-fetch-site")
        if origin is None:
            # A page's own GET carries no Origin; an image or script of a foreign page does not either, but browsers
            # mark it. What is not marked is no page.
            if site not in (None, "same-origin", "none"):
                raise AgentForbidden(why="site")
            return Caller("", ("", *sorted(self.own_origins)))
        if origin not in self.origins and origin not in self.own_origins:
            raise AgentForbidden(why="origin")
        return Caller(origin, (origin,), page=origin if origin in self.origins else "")

    def _near(self, address: str) -> bool:
        try:
            peer = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return False
        mapped = getattr(peer, "ipv4_mapped", None)
        peer = mapped or peer
        return peer.is_loopback or any(peer in network for network in self.networks)


def access(destination: LocalAgentDestination, port: int) -> Access:
    """The doors that the settings open; `port` is the one really bound. Raises AgentSetup."""
    host, _ = address_of(destination)
    here = ipaddress.ip_address(host.strip("[]"))
    if not here.is_loopback and not destination.lan:
        raise AgentSetup(key="listen", why="not this machine's own address, and lan is off")
    if not here.is_loopback and not destination.clients:
        raise AgentSetup(key="clients", why="lan is on and no machine is allowed")
    names = {*LOOPBACK_NAMES, *destination.hosts}
    if not here.is_unspecified:
        names.add(host.lower())
    hosts = {f"{name}:{port}" for name in names} | (names if port == 80 else set())
    try:
        networks = tuple(ipaddress.ip_network(one, strict=False) for one in destination.clients)
    except ValueError:
        raise AgentSetup(key="clients", why="not an address or network") from None
    return Access(
        hosts=frozenset(hosts),
        origins=frozenset(destination.origins),
        own_origins=frozenset(f"http://{host}" for host in hosts),
        networks=networks,
    )


def address_of(destination: LocalAgentDestination) -> tuple[str, int]:
    """Host and port of `listen`. Raises AgentSetup."""
    host, _, port = destination.listen.rpartition(":")
    try:
        ipaddress.ip_address(host.strip("[]"))
        number = int(port)
    except ValueError:
        raise AgentSetup(key="listen", why="not an address and a port") from None
    if number > 65535:
        raise AgentSetup(key="listen", why="no such port")
    return host, number


def cors(origin: str) -> dict[str, str]:
    """The headers that let this one page read the answer; none for a program. Cookies are never involved."""
    if not origin:
        return {"Vary": "Origin"}
    return {"Access-Control-Allow-Origin": origin, "Vary": "Origin"}


def preflight(origin: str, headers: Mapping[str, str]) -> dict[str, str]:
    """The answer to a browser's question before a call (Fetch standard, 3.3.2; the last for Chromium before 142)."""
    told = {
        **cors(origin),
        "Access-Control-Allow-Methods": CORS_METHODS,
        "Access-Control-Allow-Headers": CORS_HEADERS,
        "Access-Control-Max-Age": PREFLIGHT_SECONDS,
    }
    if headers.get("access-control-request-private-network") == "true":
        told["Access-Control-Allow-Private-Network"] = "true"
    return told
