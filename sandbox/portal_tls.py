"""Certificates for the pretend systems' https port: a good one, and the wrong ones, chosen by name for each connection.

The authority is made for one run and signs for this machine only; its certificate is what a test or a training
machine has to trust (`ca`). Private keys lie in the folder, readable by its owner.
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


class Certificates:
    """One authority and the certificates a server shows, made when first asked for."""

    def __init__(self, folder: Path, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._now = clock()
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Sandbox")])
        own = self._certificate(self._name, self._key, (), self._now + 30 * DAY, authority=True)
        self.ca = folder / "ca.pem"
        self.ca.write_bytes(own.public_bytes(serialization.Encoding.PEM))
        self._contexts = {kind: self._context(kind) for kind in ("good", *WRONG)}

    def context(self, kind: str | None) -> ssl.SSLContext:
        """The server's side of TLS with one of WRONG (`on`: the first), or the good certificate."""
        return self._contexts[kind if kind in WRONG else WRONG[0] if kind else "good"]

    def _context(self, kind: str) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        names = ELSEWHERE if kind == "name" else HERE
        ends = self._now - DAY if kind == "expired" else self._now + 30 * DAY
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Sandbox portal")])
        made = self._certificate(subject, key, names, ends, own=kind == "self_signed")
        file = self._folder / f"{kind}.pem"
        file.touch(mode=0o600)
        file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + made.public_bytes(serialization.Encoding.PEM)
        )
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
