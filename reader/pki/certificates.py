"""X.509 certificates as passport PKI uses them (RFC 5280; ICAO Doc 9303-12, 7.1): taken apart, nothing believed.

A small parser of our own: trust stores hold hundreds of certificates that must load fast on a small machine, and
several of them (odd names, explicit curves) are refused by general libraries. Only the fields that building a path
needs are looked at; keys and algorithms stay encoded. Must not verify anything.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from reader import tlv
from reader.errors import CardBroken

MAX_SIZE = 1 << 16  # bytes of one certificate
MAX_NAME = 1 << 12  # bytes of one distinguished name

# Content octets of object identifiers.
_COUNTRY = bytes.fromhex("550406")
_SUBJECT_KEY_ID = bytes.fromhex("551D0E")
_AUTHORITY_KEY_ID = bytes.fromhex("551D23")
_BASIC_CONSTRAINTS = bytes.fromhex("551D13")
_KEY_USAGE = bytes.fromhex("551D0F")
_EXTENDED_KEY_USAGE = bytes.fromhex("551D25")
_DOCUMENT_TYPES = bytes.fromhex("67810801010602")  # 2.23.136.1.1.6.2

# Bits of KeyUsage, from the first (RFC 5280, 4.2.1.3).
DIGITAL_SIGNATURE, CERTIFICATE_SIGN, CRL_SIGN = 0, 5, 6

_LABELS = {
    "550406": "C",
    "55040A": "O",
    "55040B": "OU",
    "550403": "CN",
    "550405": "serialNumber",
    "550407": "L",
    "550408": "ST",
}
_ENCODINGS = {0x0C: "utf-8", 0x13: "ascii", 0x16: "ascii", 0x14: "latin-1", 0x1E: "utf-16-be", 0x1C: "utf-32-be"}


@dataclass(frozen=True, slots=True)
class Name:
    """A distinguished name: `key` is equal for names that differ only in string type, case, spaces or order.

    States write one name in several ways in certificate and signature (Doc 9303-12, 7.1.1 asks for the same, the
    field does otherwise). `country` is in capitals, empty where the name has none.
    """

    key: bytes
    country: str
    encoded: bytes

    def text(self) -> str:
        """For people: `C=VN, O=..., CN=...`, safe for a terminal."""
        parts = [f"{_LABELS.get(kind.hex().upper(), '?')}={_printable(value)}" for kind, value in _attributes(self)]
        return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class Certificate:
    """One certificate. `usage` are the bits of KeyUsage, None where it has none; `authority`: cA of BasicConstraints;
    `purposes`: content octets of ExtendedKeyUsage; `document_types`: what a document signer may sign, None: no list.
    """

    der: bytes
    body: bytes  # TBSCertificate, what is signed
    algorithm: bytes  # AlgorithmIdentifier of the signature
    signature: bytes
    serial: int
    issuer: Name
    subject: Name
    not_before: datetime
    not_after: datetime
    key_info: bytes  # SubjectPublicKeyInfo
    key_id: bytes | None
    authority_key_id: bytes | None
    authority: bool
    usage: frozenset[int] | None
    purposes: tuple[bytes, ...]
    document_types: tuple[str, ...] | None

    @property
    def issues(self) -> bool:
        """Whether it says of itself that it signs certificates.

        By BasicConstraints, or by KeyUsage alone: of 692 published authorities nine have no cA, but keyCertSign.
        """
        return self.authority or (self.usage is not None and CERTIFICATE_SIGN in self.usage)

    @property
    def self_issued(self) -> bool:
        """Whether subject and issuer are one (a root, or a link certificate of an authority that kept its name)."""
        return self.subject.key == self.issuer.key

    def may(self, use: int) -> bool:
        """Whether KeyUsage allows this; without the extension everything is allowed (RFC 5280, 4.2.1.3)."""
        return self.usage is None or use in self.usage

    def fingerprint(self) -> str:
        """SHA-256 of the whole certificate, hexadecimal."""
        return hashlib.sha256(self.der).hexdigest()

    def key_hash(self) -> bytes:
        """SHA-1 of the public key's bits: the usual key identifier (RFC 5280, 4.2.1.2, method 1)."""
        bits = tlv.read_all(tlv.read_one(self.key_info, 0x30, "certificate"), "certificate")[-1].value
        return hashlib.sha1(bits[1:], usedforsecurity=False).digest()


def parse(der: bytes, where: str) -> Certificate:
    """Take a certificate apart. Raises CardBroken (`where`) for anything malformed."""
    if len(der) > MAX_SIZE:
        raise CardBroken(where=where)
    outer = tlv.read_all(tlv.read_one(der, 0x30, where), where)
    if [node.tag for node in outer] != [0x30, 0x30, 0x03]:
        raise CardBroken(where=where)
    fields = tlv.children(outer[0], where)
    if fields and fields[0].tag == 0xA0:  # version; absent in version 1
        fields = fields[1:]
    if [node.tag for node in fields[:6]] != [0x02, 0x30, 0x30, 0x30, 0x30, 0x30]:
        raise CardBroken(where=where)
    serial, _, issuer, validity, subject, key_info = fields[:6]
    times = tlv.children(validity, where)
    if len(times) != 2 or [node.tag for node in tlv.children(key_info, where)] != [0x30, 0x03]:
        raise CardBroken(where=where)
    extensions = _extensions(fields[6:], where)
    return Certificate(
        der=der,
        body=outer[0].encoded,
        algorithm=outer[1].encoded,
        signature=_bits(outer[2].value, where),
        serial=int.from_bytes(serial.value, "big", signed=True),
        issuer=parse_name(issuer.encoded, where),
        subject=parse_name(subject.encoded, where),
        not_before=parse_time(times[0], where),
        not_after=parse_time(times[1], where),
        key_info=key_info.encoded,
        key_id=_key_id(extensions.get(_SUBJECT_KEY_ID), where),
        authority_key_id=parse_authority_key_id(extensions.get(_AUTHORITY_KEY_ID), where),
        authority=_is_authority(extensions.get(_BASIC_CONSTRAINTS), where),
        usage=_usage(extensions.get(_KEY_USAGE), where),
        purposes=_purposes(extensions.get(_EXTENDED_KEY_USAGE), where),
        document_types=_document_types(extensions.get(_DOCUMENT_TYPES)),
    )


def parse_name(encoded: bytes, where: str) -> Name:
    """A distinguished name (RFC 5280, 4.1.2.4). Raises CardBroken."""
    if len(encoded) > MAX_NAME:
        raise CardBroken(where=where)
    attributes = _parse_attributes(encoded, where)
    folded = sorted(kind.hex() + "=" + " ".join(value.casefold().split()) for kind, value in attributes)
    country = next((value.strip().upper() for kind, value in attributes if kind == _COUNTRY), "")
    return Name(hashlib.sha256("\0".join(folded).encode("utf-8", "replace")).digest(), country, encoded)


def parse_time(node: tlv.Node, where: str) -> datetime:
    """UTCTime or GeneralizedTime (RFC 5280, 4.1.2.5), also without seconds or with an offset. Raises CardBroken."""
    text = node.value.decode("ascii", "replace") if len(node.value) <= 24 else ""
    if node.tag == 0x17 and len(text) >= 2 and text[:2].isdigit():
        text = ("19" if text[:2] >= "50" else "20") + text
    elif node.tag != 0x18:
        raise CardBroken(where=where)
    digits = len(text) - len(text.lstrip("0123456789"))
    zone = text[digits:]
    try:
        moment = datetime.strptime(text[:digits].ljust(14, "0"), "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        if zone == "Z" and digits in (12, 14):
            return moment
        if len(zone) == 5 and zone[0] in "+-" and zone[1:].isdigit():
            offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[3:]))
            return moment - offset if zone[0] == "+" else moment + offset
    except (ValueError, OverflowError):
        pass
    raise CardBroken(where=where)


def parse_extensions(sequence: bytes, where: str) -> dict[bytes, tuple[bool, bytes]]:
    """Extensions by object identifier: (critical, value) (RFC 5280, 4.2). Raises CardBroken, also for one twice."""
    found: dict[bytes, tuple[bool, bytes]] = {}
    for node in tlv.read_all(sequence, where):
        parts = tlv.children(node, where)
        tags = [part.tag for part in parts]
        if tags not in ([0x06, 0x04], [0x06, 0x01, 0x04]) or parts[0].value in found:
            raise CardBroken(where=where)
        found[parts[0].value] = (len(parts) == 3 and parts[1].value != b"\x00", parts[-1].value)
    return found


def parse_authority_key_id(value: bytes | None, where: str) -> bytes | None:
    """keyIdentifier of AuthorityKeyIdentifier (RFC 5280, 4.2.1.1); None where there is none. Raises CardBroken."""
    if value is None:
        return None
    fields = tlv.read_all(tlv.read_one(value, 0x30, where), where)
    return next((field.value for field in fields if field.tag == 0x80), None)


def _extensions(rest: list[tlv.Node], where: str) -> dict[bytes, bytes]:
    for node in rest:
        if node.tag == 0xA3:
            found = parse_extensions(tlv.read_one(node.value, 0x30, where), where)
            return {kind: value for kind, (_, value) in found.items()}
    return {}


def _bits(value: bytes, where: str) -> bytes:
    """Content of a BIT STRING of whole bytes."""
    if not value or value[0] != 0:
        raise CardBroken(where=where)
    return value[1:]


def _key_id(value: bytes | None, where: str) -> bytes | None:
    return None if value is None else tlv.read_one(value, 0x04, where)


def _is_authority(value: bytes | None, where: str) -> bool:
    if value is None:
        return False
    fields = tlv.read_all(tlv.read_one(value, 0x30, where), where)
    return bool(fields) and fields[0].tag == 0x01 and fields[0].value not in (b"", b"\x00")


def _usage(value: bytes | None, where: str) -> frozenset[int] | None:
    if value is None:
        return None
    octets = tlv.read_one(value, 0x03, where)[1:3]
    return frozenset(8 * at + bit for at, octet in enumerate(octets) for bit in range(8) if octet & (0x80 >> bit))


def _purposes(value: bytes | None, where: str) -> tuple[bytes, ...]:
    if value is None:
        return ()
    return tuple(node.value for node in tlv.read_all(tlv.read_one(value, 0x30, where), where) if node.tag == 0x06)


def _document_types(value: bytes | None) -> tuple[str, ...] | None:
    """DocumentTypeList ::= SEQUENCE { version, SET OF PrintableString } (Doc 9303-12, 7.1.1.6).

    Only ever leads to a warning, so one that is malformed counts as absent.
    """
    if value is None:
        return None
    try:
        fields = tlv.read_all(tlv.read_one(value, 0x30, "certificate"), "certificate")
        types = next(tlv.children(field, "certificate") for field in fields if field.tag == 0x31)
    except (CardBroken, StopIteration):
        return None
    return tuple(node.value.decode("ascii", "replace") for node in types)


def _attributes(name: Name) -> list[tuple[bytes, str]]:
    return _parse_attributes(name.encoded, "certificate")


def _parse_attributes(encoded: bytes, where: str) -> list[tuple[bytes, str]]:
    """(type, text) of every attribute of a name, in its order."""
    found = []
    for group in tlv.read_all(tlv.read_one(encoded, 0x30, where), where):
        for node in tlv.children(group, where):
            parts = tlv.children(node, where)
            if len(parts) != 2 or parts[0].tag != 0x06:
                raise CardBroken(where=where)
            text = parts[1].value.decode(_ENCODINGS.get(parts[1].tag, "latin-1"), "replace")
            found.append((parts[0].value, text))
    return found


def _printable(text: str) -> str:
    """Without anything that moves a cursor or breaks a line."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)[:200]


def rows(data: bytes, most: int, where: str) -> Iterator[bytes]:
    """Each data object of a long row, whole, without copying the rest. Raises CardBroken, also for more than `most`.

    For lists of certificates and revoked numbers, which are longer than anything a card sends.
    """
    at = count = 0
    while at < len(data):
        header = tlv.read_header(data, where, at)
        end = at + header.size + header.length
        count += 1
        if end > len(data) or count > most:
            raise CardBroken(where=where)
        yield data[at:end]
        at = end
