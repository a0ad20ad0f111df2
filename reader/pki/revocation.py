"""Certificate revocation lists (RFC 5280, 5; ICAO Doc 9303-12, 7.1.4): which signers a state has taken back.

A list counts only when a trusted authority signed it. Must not fetch anything: the site puts lists into its folder.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography.exceptions import InvalidSignature

from reader import tlv
from reader.errors import CardBroken
from reader.pki import certificates
from reader.pki.certificates import CRL_SIGN, Certificate, Name
from reader.pki.signatures import Unsupported, public_key, verify

WHERE = "revocation_list"
MAX_ENTRIES = 50_000
MAX_AGE = timedelta(days=90)  # without nextUpdate: states issue one every 90 days at least (Doc 9303-12, 6.3.2)
_AUTHORITY_KEY_ID = bytes.fromhex("551D23")
_REASON = bytes.fromhex("551D15")
_REASONS = {  # CRLReason (RFC 5280, 5.3.1)
    0: "unspecified",
    1: "key_compromise",
    2: "ca_compromise",
    3: "affiliation_changed",
    4: "superseded",
    5: "cessation_of_operation",
    6: "certificate_hold",
    8: "remove_from_crl",
    9: "privilege_withdrawn",
    10: "aa_compromise",
}


@dataclass(frozen=True)
class RevocationList:
    """One list: who wrote it, when, until when, and the reason for each serial number.

    `partial`: it says of itself, by a critical extension, that it does not tell of every certificate.
    """

    der: bytes
    body: bytes
    algorithm: bytes
    signature: bytes
    issuer: Name
    key_id: bytes | None
    issued_at: datetime
    next_at: datetime | None
    revoked: Mapping[int, str]
    partial: bool

    def stale(self, now: datetime) -> bool:
        """Whether a newer one should be out by now."""
        return now > (self.next_at or self.issued_at + MAX_AGE)

    def concerns(self, certificate: Certificate) -> bool:
        """Whether the certificate's issuer wrote this list: by name, or by the key both name."""
        same_key = self.key_id is not None and self.key_id == certificate.authority_key_id
        return same_key or self.issuer.key == certificate.issuer.key

    def signed_by(self, authority: Certificate) -> bool:
        """Whether this authority, which may sign lists, signed this one."""
        if not authority.may(CRL_SIGN):
            return False
        try:
            verify(public_key(authority.key_info), self.algorithm, "", self.signature, self.body)
        except (InvalidSignature, Unsupported, ValueError):
            return False
        return True


@dataclass(frozen=True)
class Revocation:
    """What the lists say of one certificate: the reason if it was revoked, and warning codes about the lists."""

    reason: str | None = None
    warnings: tuple[str, ...] = ()


def parse(der: bytes) -> RevocationList:
    """Take a list (DER) apart. Raises CardBroken for anything malformed."""
    outer = tlv.read_all(tlv.read_one(der, 0x30, WHERE), WHERE)
    if [node.tag for node in outer] != [0x30, 0x30, 0x03] or outer[2].value[:1] != b"\x00":
        raise CardBroken(where=WHERE)
    fields = tlv.children(outer[0], WHERE)
    if fields and fields[0].tag == 0x02:  # version
        fields = fields[1:]
    if len(fields) < 3 or [node.tag for node in fields[:2]] != [0x30, 0x30]:
        raise CardBroken(where=WHERE)
    times = [node for node in fields[2:4] if node.tag in (0x17, 0x18)]
    rest = fields[2 + len(times) :]
    if not times:
        raise CardBroken(where=WHERE)
    entries = next((node.value for node in rest if node.tag == 0x30), b"")
    revoked, partial = _entries(entries)
    extensions = next(
        (certificates.parse_extensions(tlv.read_one(n.value, 0x30, WHERE), WHERE) for n in rest if n.tag == 0xA0), {}
    )
    _, key_id = extensions.get(_AUTHORITY_KEY_ID, (False, None))
    return RevocationList(
        der=der,
        body=outer[0].encoded,
        algorithm=outer[1].encoded,
        signature=outer[2].value[1:],
        issuer=certificates.parse_name(fields[1].encoded, WHERE),
        key_id=certificates.parse_authority_key_id(key_id, WHERE),
        issued_at=certificates.parse_time(times[0], WHERE),
        next_at=certificates.parse_time(times[1], WHERE) if len(times) == 2 else None,
        revoked=revoked,
        partial=partial or any(critical for critical, _ in extensions.values()),
    )


def look_up(
    certificate: Certificate,
    lists: Iterable[RevocationList],
    authorities: Iterable[Certificate],
    now: datetime,
) -> Revocation:
    """What the lists say of a certificate. `authorities`: those trusted ones that may have signed the lists.

    Of each authority's lists the newest counts. No list, nothing said: sites without lists are the rule.
    """
    concerned = sorted((one for one in lists if one.concerns(certificate)), key=lambda one: one.issued_at, reverse=True)
    if not concerned:
        return Revocation()
    known = tuple(authorities)
    newest: dict[bytes, RevocationList] = {}
    for one in concerned:
        signer = next((authority for authority in known if one.signed_by(authority)), None)
        if signer is not None:
            newest.setdefault(signer.key_info, one)
    if not newest:
        return Revocation(warnings=("revocation.unverified",))
    for one in newest.values():
        if certificate.serial in one.revoked:
            return Revocation(one.revoked[certificate.serial])
    warnings = []
    if all(one.stale(now) for one in newest.values()):
        warnings.append("revocation.stale")
    if all(one.partial for one in newest.values()):
        warnings.append("revocation.partial")
    return Revocation(warnings=tuple(warnings))


def _entries(row: bytes) -> tuple[dict[int, str], bool]:
    """Serial number and reason of each entry; whether one of them has a critical extension (5.3.3)."""
    revoked: dict[int, str] = {}
    partial = False
    for encoded in certificates.rows(row, MAX_ENTRIES, WHERE):
        fields = tlv.read_all(tlv.read_one(encoded, 0x30, WHERE), WHERE)
        if len(fields) < 2 or fields[0].tag != 0x02 or not 1 <= len(fields[0].value) <= 64:
            raise CardBroken(where=WHERE)
        reason = "unspecified"
        if len(fields) == 3:
            extensions = certificates.parse_extensions(fields[2].value, WHERE)
            partial = partial or any(critical for critical, _ in extensions.values())
            _, value = extensions.get(_REASON, (False, b""))
            reason = _REASONS.get(value[-1], reason) if value[:2] == b"\x0a\x01" and len(value) == 3 else reason
        revoked[int.from_bytes(fields[0].value, "big", signed=True)] = reason
    return revoked, partial
