"""The sandbox's country signing authority (CSCA) and document signer (DSC), ICAO Doc 9303-12.

Made once for each installation and kept in its state folder, so that no published key can sign a card that a
careless site would trust. Both certificates carry explicit curve parameters, as Vietnam's published CSCA does.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sandbox.card import der
from sandbox.card.parameters import Domain, domain
from sandbox.errors import TrustUnusable

COUNTRY = "VN"
ORGANISATION = "Tiep Don Sandbox - synthetic, not for care"
VALID_FROM = datetime(2020, 1, 1, tzinfo=UTC)
SIGNER_VALID_TO = datetime(2045, 1, 1, tzinfo=UTC)
AUTHORITY_VALID_TO = datetime(2049, 12, 31, tzinfo=UTC)
AUTHORITY_CURVE, SIGNER_CURVE = ec.BrainpoolP512R1(), ec.BrainpoolP256R1()
ECDSA_SHA256, ECDSA_SHA512 = der.oid("1.2.840.10045.4.3.2"), der.oid("1.2.840.10045.4.3.4")
CERTIFICATE_FILE = "csca.cer"


@dataclass(frozen=True)
class Authority:
    """Both keys and both certificates (DER)."""

    authority_certificate: bytes
    signer_certificate: bytes
    signer_key: ec.EllipticCurvePrivateKey
    signer_issuer: bytes  # encoded Name
    signer_serial: int

    def sign(self, data: bytes) -> bytes:
        """The document signer's ECDSA signature with SHA-256, DER form."""
        return self.signer_key.sign(data, ec.ECDSA(hashes.SHA256()))

    def secret(self) -> bytes:
        """What the keys of this installation's cards are derived from."""
        return self.signer_key.private_numbers().private_value.to_bytes(32, "big")

    def export(self, folder: Path) -> Path:
        """Write the CSCA certificate where a reader's trust folder is; returns the file."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / CERTIFICATE_FILE
        path.write_bytes(self.authority_certificate)
        return path


def create() -> Authority:
    """A new authority with fresh keys."""
    return _assemble(ec.generate_private_key(AUTHORITY_CURVE), ec.generate_private_key(SIGNER_CURVE))


def load_or_create(folder: Path) -> Authority:
    """The authority kept in `folder`, made there on the first call. Raises TrustUnusable when its files are damaged."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    authority_file, signer_file = folder / "csca.cer", folder / "dsc.cer"
    key_file = folder / "dsc.key"
    if not key_file.exists():
        made = create()
        authority_file.write_bytes(made.authority_certificate)
        signer_file.write_bytes(made.signer_certificate)
        _write_secret(key_file, made.signer_key)
        return made
    try:
        key = serialization.load_pem_private_key(key_file.read_bytes(), None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise TrustUnusable(why="not an elliptic curve key")
        return _restored(authority_file.read_bytes(), signer_file.read_bytes(), key)
    except (OSError, ValueError, IndexError) as error:
        raise TrustUnusable(why=error.__class__.__name__) from None


def _assemble(authority: ec.EllipticCurvePrivateKey, signer: ec.EllipticCurvePrivateKey) -> Authority:
    issuer = _name("Sandbox CSCA")
    root = _certificate(
        authority, authority, issuer, issuer, AUTHORITY_VALID_TO, [_basic_constraints(), _key_usage(0x06, 1)]
    )
    leaf = _certificate(
        signer, authority, _name("Sandbox Document Signer"), issuer, SIGNER_VALID_TO, [_key_usage(0x80, 7)]
    )
    return _restored(root, leaf, signer)


def _restored(root: bytes, leaf: bytes, signer: ec.EllipticCurvePrivateKey) -> Authority:
    ((_, certificate),) = der.split(leaf)
    fields = der.split(der.split(certificate)[0][1])
    return Authority(
        authority_certificate=root,
        signer_certificate=leaf,
        signer_key=signer,
        signer_issuer=der.tlv(*fields[3]),
        signer_serial=int.from_bytes(fields[1][1], "big"),
    )


def _certificate(
    subject_key: ec.EllipticCurvePrivateKey,
    issuer_key: ec.EllipticCurvePrivateKey,
    subject: bytes,
    issuer: bytes,
    valid_to: datetime,
    extensions: list[bytes],
) -> bytes:
    """An X.509 version 3 certificate (RFC 5280) signed with the issuer's key."""
    strong = issuer_key.curve.key_size > 256
    algorithm = der.sequence(ECDSA_SHA512 if strong else ECDSA_SHA256)
    identifiers = [_subject_key_identifier(subject_key), _authority_key_identifier(issuer_key)]
    body = der.sequence(
        der.explicit(0, der.integer(2)),
        der.integer(_serial(subject_key)),
        algorithm,
        issuer,
        der.sequence(der.time(VALID_FROM), der.time(valid_to)),
        subject,
        public_key_information(subject_key),
        der.explicit(3, der.sequence(*extensions, *identifiers)),
    )
    signature = issuer_key.sign(body, ec.ECDSA(hashes.SHA512() if strong else hashes.SHA256()))
    return der.sequence(body, algorithm, der.bits(signature))


def public_key_information(key: ec.EllipticCurvePrivateKey) -> bytes:
    """SubjectPublicKeyInfo with explicit parameters (9303-12, 4.1.6.3: named curves are not allowed there)."""
    curve = domain(key.curve.name)
    return der.sequence(
        der.sequence(der.oid("1.2.840.10045.2.1"), explicit_parameters(curve)), der.bits(_public_point(key))
    )


def explicit_parameters(curve: Domain) -> bytes:
    """ECParameters written out (SEC 1, C.2)."""
    size = curve.size
    field = der.sequence(der.oid("1.2.840.10045.1.1"), der.integer(curve.p))
    coefficients = der.sequence(der.octets(curve.a.to_bytes(size, "big")), der.octets(curve.b.to_bytes(size, "big")))
    generator = b"\x04" + curve.x.to_bytes(size, "big") + curve.y.to_bytes(size, "big")
    return der.sequence(
        der.integer(1), field, coefficients, der.octets(generator), der.integer(curve.n), der.integer(1)
    )


def _public_point(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)


def _key_hash(key: ec.EllipticCurvePrivateKey) -> bytes:
    return hashlib.sha1(_public_point(key), usedforsecurity=False).digest()


def _serial(key: ec.EllipticCurvePrivateKey) -> int:
    return int.from_bytes(_key_hash(key)[:15], "big") | 1


def _name(common: str) -> bytes:
    parts = [("2.5.4.6", der.printable(COUNTRY)), ("2.5.4.10", der.utf8(ORGANISATION)), ("2.5.4.3", der.utf8(common))]
    return der.sequence(*(der.set_of([der.sequence(der.oid(kind), value)]) for kind, value in parts))


def _extension(kind: str, value: bytes, *, critical: bool) -> bytes:
    marked = der.boolean_true() if critical else b""
    return der.sequence(der.oid(kind), marked, der.octets(value))


def _basic_constraints() -> bytes:
    return _extension("2.5.29.19", der.sequence(der.boolean_true(), der.integer(0)), critical=True)


def _key_usage(flags: int, unused: int) -> bytes:
    return _extension("2.5.29.15", der.bits(bytes([flags]), unused), critical=True)


def _subject_key_identifier(key: ec.EllipticCurvePrivateKey) -> bytes:
    return _extension("2.5.29.14", der.octets(_key_hash(key)), critical=False)


def _authority_key_identifier(key: ec.EllipticCurvePrivateKey) -> bytes:
    return _extension("2.5.29.35", der.sequence(der.tlv(0x80, _key_hash(key))), critical=False)


def _write_secret(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    text = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=0o600)
    fresh.write_bytes(text)
    fresh.replace(path)  # whole or not at all
