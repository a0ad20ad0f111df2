"""Certificates and revocation lists as a country issues them: X.509 version 3 (RFC 5280) in the profile of 9303-12.

Only the encoding stands here; who issues what to whom is for `trust.py` to say.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sandbox.card import der
from sandbox.card.signing import SigningKey, hashed

ORGANISATION = "Tiep Don Sandbox - synthetic, not for care"
KEY_CERT_AND_CRL_SIGN, DIGITAL_SIGNATURE = (0x06, 1), (0x80, 7)  # key usage bits, unused bits
MASTER_LIST_SIGNING = "2.23.136.1.1.3"


@dataclass(frozen=True)
class Signer:
    """A key with its certificate (DER): what signs a SOD, an EF.CardSecurity or a master list."""

    key: SigningKey
    certificate: bytes

    @property
    def issuer(self) -> bytes:
        """The encoded Name of who issued the certificate."""
        return der.tlv(*fields(self.certificate)[3])

    @property
    def serial(self) -> int:
        """The certificate's number."""
        return int.from_bytes(fields(self.certificate)[1][1], "big")


def certificate(
    subject_key: SigningKey,
    issuer_key: SigningKey,
    subject: bytes,
    issuer: bytes,
    validity: tuple[datetime, datetime],
    extensions: Sequence[bytes],
) -> bytes:
    """A certificate for `subject_key` signed with `issuer_key`; both key identifiers are added to the extensions."""
    algorithm = issuer_key.algorithm()
    identifiers = [_subject_key_identifier(subject_key), authority_key_identifier(issuer_key)]
    body = der.sequence(
        der.explicit(0, der.integer(2)),
        der.integer(_serial(subject_key, issuer_key)),
        algorithm,
        issuer,
        der.sequence(*(der.time(moment) for moment in validity)),
        subject,
        subject_key.public_key_information(),
        der.explicit(3, der.sequence(*extensions, *identifiers)),
    )
    return der.sequence(body, algorithm, der.bits(issuer_key.sign(body)))


def revocation_list(
    key: SigningKey, issuer: bytes, revoked: Sequence[int], update: tuple[datetime, datetime], number: int
) -> bytes:
    """A CertificateList, version 2; `revoked` are serial numbers, `update` this and the next update (RFC 5280, 5)."""
    algorithm, this_update = key.algorithm(), der.time(update[0])
    entries = [der.sequence(der.integer(serial), this_update) for serial in revoked]
    crl_number = extension("2.5.29.20", der.integer(number), critical=False)
    body = der.sequence(
        der.integer(1),
        algorithm,
        issuer,
        this_update,
        der.time(update[1]),
        # An empty list is left out altogether (RFC 5280, 5.1.2.6).
        *([der.sequence(*entries)] if entries else []),
        der.explicit(0, der.sequence(authority_key_identifier(key), crl_number)),
    )
    return der.sequence(body, algorithm, der.bits(key.sign(body)))


def name(country: str, common: str) -> bytes:
    """A distinguished name; `country` is two letters."""
    parts = [("2.5.4.6", der.printable(country)), ("2.5.4.10", der.utf8(ORGANISATION)), ("2.5.4.3", der.utf8(common))]
    return der.sequence(*(der.set_of([der.sequence(der.oid(kind), value)]) for kind, value in parts))


def fields(encoded: bytes) -> list[tuple[int, bytes]]:
    """Tag and value of each field of a certificate's body: version, serial number, algorithm, issuer, ..."""
    ((_, whole),) = der.split(encoded)
    return der.split(der.split(whole)[0][1])


def key_identifier(key: SigningKey) -> bytes:
    """SHA-1 of the public key's bits (RFC 5280, 4.2.1.2)."""
    ((_, information),) = der.split(key.public_key_information())
    return hashed("SHA-1", der.split(information)[1][1][1:])


def basic_constraints() -> bytes:
    """May issue certificates, but not to others who issue (9303-12, table 6)."""
    return extension("2.5.29.19", der.sequence(der.boolean_true(), der.integer(0)), critical=True)


def key_usage(flags: int, unused: int) -> bytes:
    """What the key may sign; `unused` counts the bits that mean nothing."""
    return extension("2.5.29.15", der.bits(bytes([flags]), unused), critical=True)


def extended_key_usage(purpose: str) -> bytes:
    """The one purpose of a key."""
    return extension("2.5.29.37", der.sequence(der.oid(purpose)), critical=True)


def crl_address(address: str) -> bytes:
    """Where the issuer's revocation list is found (RFC 5280, 4.2.1.13)."""
    names = der.tlv(0xA0, der.tlv(0xA0, der.tlv(0x86, address.encode("ascii"))))
    return extension("2.5.29.31", der.sequence(der.sequence(names)), critical=False)


def extension(kind: str, value: bytes, *, critical: bool) -> bytes:
    """One Extension (RFC 5280, 4.1)."""
    marked = der.boolean_true() if critical else b""
    return der.sequence(der.oid(kind), marked, der.octets(value))


def authority_key_identifier(key: SigningKey) -> bytes:
    """Which key of the issuer signed."""
    return extension("2.5.29.35", der.sequence(der.tlv(0x80, key_identifier(key))), critical=False)


def _subject_key_identifier(key: SigningKey) -> bytes:
    return extension("2.5.29.14", der.octets(key_identifier(key)), critical=False)


def _serial(subject: SigningKey, issuer: SigningKey) -> int:
    """From both keys: a link certificate differs from the self-signed one of the same key."""
    together = key_identifier(subject) + (b"" if subject == issuer else key_identifier(issuer))
    return int.from_bytes(hashed("SHA-1", together)[:15], "big") | 1
