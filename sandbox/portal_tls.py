"""Certificates for the pretend systems' https port: a good one, and the wrong ones, chosen by name for each connection.

The authority belongs to its folder and signs for this machine only; its certificate is what a test or a training
machine has to trust (`ca`). It stays the same when the sandbox is started anew, for whoever trusts it goes on running.
Private keys lie in the folder, readable by its owner.
"""

import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

WRONG = ("name", "expired", "self_signed")  # another host's; ended yesterday; signed by nobody
HERE = (x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1")))
ELSEWHERE = (x509.DNSName("portal.invalid"),)  # RFC 2606: a name that is nobody's
DAY = timedelta(days=1)
LASTS = 365 * DAY


class Certificates:
    """One authority and the certificates a server shows, made when first asked for."""

    def __init__(self, folder: Path, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._now = clock()
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Sandbox")])
        self.ca = folder / "ca.pem"
        self._key = self._kept_key() or self._new_authority()
        self._contexts = {kind: self._context(kind) for kind in ("good", *WRONG)}

    def context(self, kind: str | None) -> ssl.SSLContext:
        """The server's side of TLS with one of WRONG (`on`: the first), or the good certificate."""
        return self._contexts[kind if kind in WRONG else WRONG[0] if kind else "good"]

    def _kept_key(self) -> ec.EllipticCurvePrivateKey | None:
        """The authority's key of an earlier start; None where there is none that still serves."""
        try:
            own = x509.load_pem_x509_certificate(self.ca.read_bytes())
            key = serialization.load_pem_private_key((self._folder / "ca-key.pem").read_bytes(), None)
        except (OSError, ValueError):
            return None
        if not isinstance(key, ec.EllipticCurvePrivateKey) or own.public_key() != key.public_key():
            return None
        begins, ends = own.not_valid_before_utc, own.not_valid_after_utc
        return key if begins <= self._now and self._now + LASTS <= ends else None

    def _new_authority(self) -> ec.EllipticCurvePrivateKey:
        key = ec.generate_private_key(ec.SECP256R1())
        own = self._certificate(self._name, key, (), self._now + 10 * LASTS, authority=True)
        _write(self._folder / "ca-key.pem", _private(key), 0o600)
        _write(
            self.ca, own.public_bytes(serialization.Encoding.PEM), 0o644
        )  # last: whoever waits for it finds it whole
        return key

    def _context(self, kind: str) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        names = ELSEWHERE if kind == "name" else HERE
        ends = self._now - DAY if kind == "expired" else self._now + LASTS
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Sandbox portal")])
        made = self._certificate(subject, key, names, ends, own=kind == "self_signed")
        file = self._folder / f"{kind}.pem"
        _write(file, _private(key) + made.public_bytes(serialization.Encoding.PEM), 0o600)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context

    def _certificate(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        names: tuple[x509.GeneralName, ...],
        ends: datetime,
        *,
        authority: bool = False,
        own: bool = False,
    ) -> x509.Certificate:
        signer = key if authority or own else self._key
        usage = x509.KeyUsage(
            digital_signature=not authority,
            key_cert_sign=authority,
            crl_sign=authority,
            **dict.fromkeys(
                (
                    *("content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
                    *("encipher_only", "decipher_only"),
                ),
                False,
            ),
        )
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject if own else self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(min(self._now, ends) - 30 * DAY)
            .not_valid_after(ends)
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(list(names)), critical=False)
        return builder.sign(signer, hashes.SHA256())


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(file: Path, content: bytes, mode: int) -> None:
    """Whole or not at all, and never readable by more than `mode` allows."""
    new = file.with_name(f"{file.name}.new")
    new.unlink(missing_ok=True)
    new.touch(mode=mode)
    new.write_bytes(content)
    new.replace(file)
