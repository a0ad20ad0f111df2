"""Looks at how long certificates still hold: the authorities whose chips are trusted, their revocation lists, and what
each server outside shows us. Whether a server is trusted at all is its own probe's word. The desk's is in `desk.py`.
"""

import socket
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from config.settings import Settings
from tiepdon.checks.finding import Finding, Status
from wire.errors import Datum

TRUST = "trust"
SOON = timedelta(days=30)
TLS_SECONDS = 4.0


@dataclass(frozen=True)
class Server:
    """A server of ours over TLS, and what it is trusted by."""

    name: str
    host: str
    port: int
    ca_file: str = ""
    certificate_file: str = ""
    key_file: str = ""


def look_at_trust(settings: Settings, now: datetime | None = None) -> Iterator[Finding]:
    """One finding of the certificates that say whose signature a card may carry; one more where some of them, or a
    revocation list, ended or will within a month. Signatures made before an authority's end stay good: a warning."""
    from reader.pki.trust import load_trust

    folder, today = settings.reader.trust_folder, now or datetime.now(UTC)
    trust = load_trust(Path(folder) if folder else None)
    data: dict[str, Datum] = {
        "folder": folder or None,
        "certificates": len(trust.anchors),
        "revocation_lists": len(trust.revocations),
    }
    ends = sorted(anchor.certificate.not_after for anchor in trust.anchors)
    lists = sorted(one.next_at for one in trust.revocations if one.next_at is not None)
    if ends:
        data |= {"ended": sum(end <= today for end in ends), "last_ends": f"{ends[-1]:%Y-%m-%d}"}
    if lists:
        data["lists_until"] = f"{lists[0]:%Y-%m-%d}"
    code, status = None, Status.OK
    if not trust.anchors and not settings.site.synthetic:
        code, status = "doctor.no_trust", Status.NOTE  # chips are read all the same, none is proven genuine
    elif ends and ends[-1] - today < SOON:
        code, status = "doctor.trust_ends", Status.WARN
    elif any(one.stale(today) for one in trust.revocations):
        code, status = "doctor.revocations_old", Status.WARN
    yield Finding(probe=TRUST, status=status, code=code, data=data)


def servers(settings: Settings) -> tuple[Server, ...]:
    """Every server outside that is reached over TLS, each once."""
    found = [
        *_at("portal", settings.portal.base_url if settings.portal.enabled else "", settings.portal.ca_file),
        *_at(
            "his_proxy", settings.his_proxy.base_url if settings.his_proxy.enabled else "", settings.his_proxy.ca_file
        ),
        *_at(
            "population",
            "" if settings.population.transport == "none" else settings.population.base_url,
            settings.population.ca_file,
        ),
        *_at("oidc", settings.staff.oidc.issuer if settings.staff.oidc.enabled else "", settings.staff.oidc.ca_file),
        *_at("heartbeat", settings.heartbeat.url, settings.heartbeat.ca_file),
    ]
    for destination in settings.destinations:
        shown = {key: getattr(destination, key, "") for key in ("ca_file", "certificate_file", "key_file")}
        if getattr(destination, "tls", False):
            found.append(Server(destination.name, destination.host, destination.port, **shown))  # type: ignore[union-attr]
        else:
            found += _at(destination.name, getattr(destination, "base_url", getattr(destination, "url", "")), **shown)
    return tuple(found)


def look_at_server(server: Server, now: datetime | None = None) -> Iterator[Finding]:
    """One finding: until when the certificate holds that this server shows; nothing where there is no connection, which
    the server's own probe tells."""
    from hisbridge.trust import trust

    context = trust(server.ca_file, server.certificate_file, server.key_file)
    try:
        with _connected(server) as plain, context.wrap_socket(plain, server_hostname=server.host) as line:
            shown = line.getpeercert() or {}
    except OSError:
        return
    ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(shown["notAfter"])), UTC)
    days = (ends - (now or datetime.now(UTC))).days
    code = "doctor.server_certificate_ends" if days < SOON.days else None
    data: dict[str, Datum] = {"days": days, "until": f"{ends:%Y-%m-%d}"}
    yield Finding(probe=f"tls:{server.name}", status=Status.WARN if code else Status.OK, code=code, data=data)


def _connected(server: Server) -> socket.socket:
    """A line to its first address. Raises OSError, within TLS_SECONDS, also where nobody answers for its name."""
    from wire.names import resolve_within

    until = time.monotonic() + TLS_SECONDS
    (first, *_) = resolve_within(server.host, server.port, TLS_SECONDS)
    return socket.create_connection((first, server.port), max(0.1, until - time.monotonic()))


def _at(name: str, url: str, ca_file: str = "", certificate_file: str = "", key_file: str = "") -> list[Server]:
    try:
        parts = urlsplit(url)
        port = parts.port or 443
    except ValueError:
        return []  # no address at all, which the system's own probe tells
    if parts.scheme != "https" or not parts.hostname:
        return []
    return [Server(name, parts.hostname, port, ca_file, certificate_file, key_file)]
