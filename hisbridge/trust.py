"""Whom a TLS connection trusts, who it says it is, and why one was refused, in words of our own."""

import hashlib
import hmac
import os
import socket
import ssl
from functools import cache
from typing import Any

from hisbridge.errors import DestinationSetup, PortalCaFile

# X509_V_ERR_* of OpenSSL's x509_vfy.h, as ssl.SSLCertVerificationError.verify_code gives them.
_REFUSALS = {
    9: "not_yet_valid",
    10: "expired",
    18: "self_signed",
    19: "unknown_authority",
    20: "unknown_authority",
    21: "unknown_authority",
    62: "wrong_name",
    64: "wrong_name",
}
_NO_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE")
_OLD_TLS = ("UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION", "VERSION_TOO_LOW")


# Alerts by which a server refuses the certificate we showed, or that we showed none (RFC 8446, 6.2).
_CLIENT_REFUSED = (
    "CERTIFICATE_REQUIRED",
    "BAD_CERTIFICATE",
    "UNSUPPORTED_CERTIFICATE",
    "CERTIFICATE_REVOKED",
    "CERTIFICATE_EXPIRED",
    "CERTIFICATE_UNKNOWN",
    "ALERT_UNKNOWN_CA",
    "ALERT_ACCESS_DENIED",
    "ALERT_HANDSHAKE_FAILURE",
)


def trust(ca_file: str = "", certificate_file: str = "", key_file: str = "") -> ssl.SSLContext:
    """A context that trusts the system's authorities and those of `ca_file` (PEM), and asks for TLS 1.2 at least.

    `certificate_file` and `key_file` (PEM, the key without a password) are shown to a server that asks (mutual TLS).
    Raises PortalCaFile, DestinationSetup. Not ssl.create_default_context: that one writes the keys of every connection
    to the file that SSLKEYLOGFILE names.
    """
    if not (ca_file or certificate_file or key_file):
        return _system()
    context = _new()
    if ca_file:
        try:
            context.load_verify_locations(cafile=ca_file)
        except (OSError, ValueError):
            raise PortalCaFile from None
    if certificate_file or key_file:
        _show(context, certificate_file, key_file)
    return context


def pinned(fingerprint: bytes) -> ssl.SSLContext:
    """A context that trusts the one server whose certificate has this SHA-256 fingerprint, whoever signed it, whatever
    its name and its days, and nobody else: another is refused in the handshake, before anything is sent.

    A machine that is being set up may have no right clock and no name of the server yet.
    """
    context = _Pinned(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # the fingerprint says more than any authority
    context.fingerprint = fingerprint
    return context


class _WrongPin(ssl.SSLCertVerificationError):
    """The certificate is not the one that was named."""


class _Pinned(ssl.SSLContext):
    fingerprint: bytes

    def wrap_socket(self, sock: socket.socket, *others: Any, **named: Any) -> ssl.SSLSocket:
        """With the handshake done, as `ssl` does it for a connected socket. Raises ssl.SSLCertVerificationError."""
        wrapped = super().wrap_socket(sock, *others, **named)
        shown = wrapped.getpeercert(binary_form=True) or b""
        if not hmac.compare_digest(hashlib.sha256(shown).digest(), self.fingerprint):
            wrapped.close()
            raise _WrongPin
        return wrapped


def _show(context: ssl.SSLContext, certificate_file: str, key_file: str) -> None:
    for key, file in (("certificate_file", certificate_file), ("key_file", key_file)):
        if not os.access(file, os.R_OK):
            raise DestinationSetup(key=key, why="missing")
    try:
        # An encrypted key would make OpenSSL ask for its password on the terminal.
        context.load_cert_chain(certificate_file, key_file, password=lambda: b"")
    except (OSError, ValueError):
        raise DestinationSetup(key="certificate_file", why="unusable") from None


@cache
def _system() -> ssl.SSLContext:
    """One for all: loading the system's authorities takes longer than a look-up."""
    return _new()


def _new() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # verifies chain and name
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_default_certs()
    return context


def refusal(error: BaseException | None) -> str | None:
    """Why TLS refused, as a word of ours; None where the line broke and nothing was refused."""
    if isinstance(error, _WrongPin):
        return "wrong_pin"
    if isinstance(error, ssl.SSLCertVerificationError):
        return _REFUSALS.get(error.verify_code, "refused")
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError) or not isinstance(error, ssl.SSLError):
        return None
    reason = error.reason or ""
    if reason in _NO_TLS:
        return "no_tls"
    return "old_tls" if reason in _OLD_TLS else "refused"


def client_refused(error: BaseException | None) -> bool:
    """Whether the server ended the connection because of the certificate we showed, or for want of one."""
    return isinstance(error, ssl.SSLError) and any(word in (error.reason or "") for word in _CLIENT_REFUSED)
