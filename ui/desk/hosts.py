"""Under which names the staff's address may be called: others are refused (DNS rebinding).

This machine's own names, the one it listens on, and those of its certificate: a browser that came by another name has
been warned anyway. Must not import Flask.
"""

import ipaddress
import ssl
from pathlib import Path

from config.front import StaffSettings
from wire.errors import TiepDonError


class CertificateUnusable(TiepDonError):
    """The certificate of the staff's address, or its key, cannot be used (`why` tells)."""

    code = "desk.certificate"


def allowed_hosts(staff: StaffSettings) -> frozenset[str]:
    """Host names, small letters, without port. Raises CertificateUnusable."""
    host, _, _ = staff.listen.rpartition(":")
    return frozenset({"localhost", "127.0.0.1", "[::1]", host.lower(), *_named(staff.certificate_file)} - {""})


def is_allowed(host: str, allowed: frozenset[str]) -> bool:
    """Whether a `Host` is one of them; a certificate's `*.name` stands for one label (RFC 6125, 6.4.3)."""
    name, _, port = host.rpartition(":")
    name = (name if name and port.isdigit() else host).lower()
    _, _, parent = name.partition(".")
    return name in allowed or (bool(parent) and f"*.{parent}" in allowed)


def address_of(staff: StaffSettings) -> str:
    """Where a browser finds it: by a name of the certificate where it listens on every address of this machine.

    Raises CertificateUnusable.
    """
    host, _, port = staff.listen.rpartition(":")
    try:
        everywhere = ipaddress.ip_address(host.strip("[]")).is_unspecified
    except ValueError:
        everywhere = False
    if everywhere:
        named = sorted(_named(staff.certificate_file), key=lambda name: (not name[0].isalpha(), name))
        host = next((name for name in named if not name.startswith("*")), "localhost")
    return f"{'https' if staff.certificate_file else 'http'}://{host}:{port}"


def tls_context(staff: StaffSettings) -> ssl.SSLContext:
    """TLS 1.2 or newer with the site's certificate. Raises CertificateUnusable."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(staff.certificate_file, staff.key_file)
    except ssl.SSLError as error:
        raise CertificateUnusable(why=error.reason or "not PEM") from None
    except OSError as error:
        raise CertificateUnusable(why=error.strerror or "unreadable") from None
    return context


def _named(certificate_file: str) -> set[str]:
    if not certificate_file:
        return set()
    from cryptography import x509  # 10 MB that the arbiter needs only then

    try:
        certificate = x509.load_pem_x509_certificate(Path(certificate_file).read_bytes())
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return set()
    except (OSError, ValueError):
        raise CertificateUnusable(why="unreadable") from None
    addresses = names.get_values_for_type(x509.IPAddress)
    return {name.lower() for name in names.get_values_for_type(x509.DNSName)} | {_bracketed(one) for one in addresses}


def _bracketed(address: object) -> str:
    return f"[{address}]" if isinstance(address, ipaddress.IPv6Address) else str(address)
