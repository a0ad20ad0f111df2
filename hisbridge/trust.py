"""Whom a TLS connection trusts, and why one was refused, in words of our own."""

import ssl
from functools import cache

from hisbridge.errors import PortalCaFile

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


def trust(ca_file: str = "") -> ssl.SSLContext:
    """A context that trusts the system's authorities and those of `ca_file` (PEM), and asks for TLS 1.2 at least.

    Raises PortalCaFile. Not ssl.create_default_context: that one writes the keys of every connection to the file that
    SSLKEYLOGFILE names.
    """
    if not ca_file:
        return _system()
    context = _new()
    try:
        context.load_verify_locations(cafile=ca_file)
    except (OSError, ValueError):
        raise PortalCaFile from None
    return context


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
    if isinstance(error, ssl.SSLCertVerificationError):
        return _REFUSALS.get(error.verify_code, "refused")
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError) or not isinstance(error, ssl.SSLError):
        return None
    reason = error.reason or ""
    if reason in _NO_TLS:
        return "no_tls"
    return "old_tls" if reason in _OLD_TLS else "refused"
