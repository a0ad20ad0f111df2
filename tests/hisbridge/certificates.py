"""Certificates for tests, real ones: an authority, and what it (or nobody) vouches for on 127.0.0.1."""

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Authority:
    """A certificate authority of the test's own."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def authority(name: str = "Test Authority") -> Authority:
    """A new one, valid from yesterday to tomorrow."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + DAY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
    )
    return Authority(builder.sign(key, hashes.SHA256()), key)


def server_certificate(
    folder: Path,
    issuer: Authority | None,
    address: str = "127.0.0.1",
    begins: timedelta = -DAY,
    ends: timedelta = DAY,
) -> Path:
    """Certificate and key for `address` as one PEM file; without an issuer it vouches for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "portal.invalid")])
    signer = issuer.key if issuer else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + begins)
        .not_valid_after(now + ends)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), False)
    )
    made = builder.sign(signer, hashes.SHA256())
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return written(folder / "server.pem", private + made.public_bytes(serialization.Encoding.PEM))


def authority_file(folder: Path, trusted: Authority) -> Path:
    """The authority's certificate as a PEM file."""
    return written(folder / "authority.pem", trusted.certificate.public_bytes(serialization.Encoding.PEM))


def written(path: Path, content: bytes) -> Path:
    """The file with that content."""
    path.write_bytes(content)
    return path
