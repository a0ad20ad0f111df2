"""Security objects, certificates, revocation and master lists made for tests, in every scheme that passport PKI uses.

Built with asn1crypto and cryptography; the sandbox makes its own, by its own encoder.
"""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from asn1crypto import algos, cms, core, crl, keys, x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from reader import tlv
from reader.curves import BY_PARAMETER_ID, Curve
from reader.pki.trust import Anchor, Trust

HASHES = {
    "sha1": hashes.SHA1,
    "sha224": hashes.SHA224,
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
}
HASH_OIDS = {
    "sha1": "1.3.14.3.2.26",
    "sha224": "2.16.840.1.101.3.4.2.4",
    "sha256": "2.16.840.1.101.3.4.2.1",
    "sha384": "2.16.840.1.101.3.4.2.2",
    "sha512": "2.16.840.1.101.3.4.2.3",
}
LDS_SECURITY_OBJECT = "2.23.136.1.1.1"
MASTER_LIST = "2.23.136.1.1.2"
MASTER_LIST_SIGNING = "2.23.136.1.1.3"
DOCUMENT_TYPES = "2.23.136.1.1.6.2"
SIGNED_AT = datetime(2024, 8, 15, tzinfo=UTC)
TO_CERTIFY = frozenset({"key_cert_sign", "crl_sign"})
TO_SIGN = frozenset({"digital_signature"})


@dataclass(frozen=True)
class PaperKey:
    """A key on a curve that the library lacks; signs with the curve's own arithmetic, good enough for tests."""

    curve: Curve
    private: int

    def public_bytes(self) -> bytes:
        return self.curve.encode(self.curve.multiply_base(self.private))

    def sign(self, message: bytes, hash_name: str) -> tuple[int, int]:
        n = self.curve.n
        digest = hashlib.new(hash_name, message).digest()
        number = int.from_bytes(digest, "big") >> max(0, 8 * len(digest) - n.bit_length())
        nonce = int.from_bytes(hashlib.sha512(digest + b"nonce").digest(), "big") % (n - 1) + 1
        r = self.curve.multiply_base(nonce).x % n
        return r, pow(nonce, -1, n) * (number + r * self.private) % n


@dataclass(frozen=True)
class Scheme:
    """How something is signed: `rsa`, `rsa_pss`, `ecdsa` (DER) or `ecdsa_plain`, and the hash."""

    kind: str = "ecdsa"
    hash_name: str = "sha256"

    def sign(self, key: object, message: bytes) -> bytes:
        digest = HASHES[self.hash_name]()
        if self.kind == "rsa":
            return key.sign(message, padding.PKCS1v15(), digest)  # type: ignore[attr-defined]
        if self.kind == "rsa_pss":
            pss = padding.PSS(padding.MGF1(digest), digest.digest_size)
            return key.sign(message, pss, digest)  # type: ignore[attr-defined]
        if isinstance(key, PaperKey):
            (r, s), bits = key.sign(message, self.hash_name), key.curve.n.bit_length()
        else:
            r, s = decode_dss_signature(key.sign(message, ec.ECDSA(digest)))  # type: ignore[attr-defined]
            bits = key.curve.key_size  # type: ignore[attr-defined]
        if self.kind == "ecdsa":
            return algos.DSASignature({"r": r, "s": s}).dump()
        size = (bits + 7) // 8
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")

    def algorithm(self) -> algos.SignedDigestAlgorithm:
        if self.kind == "rsa_pss":
            digest = {"algorithm": self.hash_name}
            return algos.SignedDigestAlgorithm(
                {
                    "algorithm": "rsassa_pss",
                    "parameters": {
                        "hash_algorithm": digest,
                        "mask_gen_algorithm": {"algorithm": "mgf1", "parameters": digest},
                        "salt_length": HASHES[self.hash_name]().digest_size,
                    },
                }
            )
        name = {"rsa": "rsa", "ecdsa": "ecdsa", "ecdsa_plain": "ecdsa"}[self.kind]
        return algos.SignedDigestAlgorithm({"algorithm": f"{self.hash_name}_{name}"})


def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


def ec_key(curve: Curve) -> ec.EllipticCurvePrivateKey | PaperKey:
    if curve.library is None:
        return PaperKey(curve, secrets.randbelow(curve.n - 1) + 1)
    return ec.generate_private_key(curve.library)


def public_info(key: object, explicit: Mapping[str, int] | None = None) -> keys.PublicKeyInfo:
    """The public key; `explicit` writes EC parameters out, changed as it says (`{}`: unchanged)."""
    if isinstance(key, PaperKey):
        curve, point = key.curve, key.public_bytes()
        if explicit is None:
            named = keys.ECDomainParameters("named", CURVE_OIDS[curve.name])
            return keys.PublicKeyInfo({"algorithm": {"algorithm": "ec", "parameters": named}, "public_key": point})
    else:
        public = key.public_key()  # type: ignore[attr-defined]
        info = keys.PublicKeyInfo.load(
            public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        )
        if explicit is None:
            return info
        point = info["public_key"].native
        curve = next(known for known in BY_PARAMETER_ID.values() if known.name == public.curve.name)
    values = {
        "p": curve.p,
        "a": curve.a,
        "b": curve.b,
        "x": curve.g.x,
        "y": curve.g.y,
        "n": curve.n,
        "h": 1,
        **explicit,
    }
    size = curve.field_size
    domain = keys.SpecifiedECDomain(
        {
            "version": "ecdpVer1",
            "field_id": {"field_type": "prime_field", "parameters": values["p"]},
            "curve": {"a": values["a"].to_bytes(size, "big"), "b": values["b"].to_bytes(size, "big")},
            "base": b"\x04" + values["x"].to_bytes(size, "big") + values["y"].to_bytes(size, "big"),
            "order": values["n"],
            "cofactor": values["h"],
        }
    )
    return keys.PublicKeyInfo(
        {
            "algorithm": {"algorithm": "ec", "parameters": keys.ECDomainParameters("specified", domain)},
            "public_key": point,
        }
    )


# RFC 5639, 4.1; the library names the others itself.
CURVE_OIDS = {
    "brainpoolP192r1": "1.3.36.3.3.2.8.1.1.3",
    "brainpoolP224r1": "1.3.36.3.3.2.8.1.1.5",
    "brainpoolP320r1": "1.3.36.3.3.2.8.1.1.9",
}


def name(common: str, country: str | None = None) -> x509.Name:
    """A distinguished name; `country` as two letters."""
    return x509.Name.build({**({"country_name": country} if country else {}), "common_name": common})


def certificate(
    subject: str,
    info: keys.PublicKeyInfo,
    issuer: str,
    issuer_key: object,
    scheme: Scheme,
    ca: bool = False,
    years: tuple[int, int] = (2022, 2037),
    usage: frozenset[str] | None = None,
    country: str | None = None,
    issuer_country: str | None = None,
    serial: int = 7,
    own_id: bytes | None = None,
    issuer_id: bytes | None = None,
    purposes: Sequence[str] = (),
    document_types: Sequence[str] | None = None,
) -> x509.Certificate:
    """A certificate with the few extensions that matter here."""
    use = usage if usage is not None else (TO_CERTIFY if ca else TO_SIGN)
    extensions: list[dict[str, object]] = [{"extn_id": "key_usage", "critical": True, "extn_value": set(use)}]
    if ca:
        extensions.append({"extn_id": "basic_constraints", "critical": True, "extn_value": {"ca": True}})
    if own_id is not None:
        extensions.append({"extn_id": "key_identifier", "extn_value": own_id})
    if issuer_id is not None:
        extensions.append({"extn_id": "authority_key_identifier", "extn_value": {"key_identifier": issuer_id}})
    if purposes:
        extensions.append({"extn_id": "extended_key_usage", "critical": True, "extn_value": list(purposes)})
    if document_types is not None:
        listed = b"".join(tlv.encode(0x13, kind.encode()) for kind in document_types)
        value = tlv.encode(0x30, b"\x02\x01\x00" + tlv.encode(0x31, listed))
        extensions.append({"extn_id": DOCUMENT_TYPES, "extn_value": core.ParsableOctetString(value)})
    body = x509.TbsCertificate(
        {
            "version": "v3",
            "serial_number": serial,
            "signature": scheme.algorithm(),
            "issuer": name(issuer, issuer_country if issuer_country is not None else country),
            "validity": {
                "not_before": x509.Time("utc_time", datetime(years[0], 1, 1, tzinfo=UTC)),
                "not_after": x509.Time("utc_time", datetime(years[1], 1, 1, tzinfo=UTC)),
            },
            "subject": name(subject, country),
            "subject_public_key_info": info,
            "extensions": extensions,
        }
    )
    signed = {
        "tbs_certificate": body,
        "signature_algorithm": scheme.algorithm(),
        "signature_value": scheme.sign(issuer_key, body.dump()),
    }
    return x509.Certificate.load(x509.Certificate(signed).dump())


def revocation_list(
    issuer: x509.Name,
    issuer_key: object,
    scheme: Scheme,
    revoked: Mapping[int, str | None],
    issued_at: datetime,
    next_at: datetime | None = None,
    issuer_id: bytes | None = None,
    critical: bool = False,
) -> bytes:
    """A revocation list (DER): serial numbers with their reasons."""
    entries = []
    for serial, reason in revoked.items():
        entry: dict[str, object] = {"user_certificate": serial, "revocation_date": x509.Time("utc_time", issued_at)}
        if reason is not None:
            entry["crl_entry_extensions"] = [{"extn_id": "crl_reason", "extn_value": reason}]
        entries.append(entry)
    body: dict[str, object] = {
        "version": "v2",
        "signature": scheme.algorithm(),
        "issuer": issuer,
        "this_update": x509.Time("utc_time", issued_at),
    }
    if next_at is not None:
        body["next_update"] = x509.Time("utc_time", next_at)
    if entries:
        body["revoked_certificates"] = entries
    extensions: list[dict[str, object]] = [{"extn_id": "crl_number", "critical": critical, "extn_value": 3}]
    if issuer_id is not None:
        extensions.append({"extn_id": "authority_key_identifier", "extn_value": {"key_identifier": issuer_id}})
    body["crl_extensions"] = extensions
    encoded = crl.TbsCertList(body)
    made = {
        "tbs_cert_list": encoded,
        "signature_algorithm": scheme.algorithm(),
        "signature": scheme.sign(issuer_key, encoded.dump()),
    }
    return crl.CertificateList(made).dump()


def trusting(*trusted: x509.Certificate, revocations: Sequence[object] = ()) -> Trust:
    """Trust in these certificates."""
    return Trust(tuple(Anchor.of(one.dump()) for one in trusted), tuple(revocations))


def security_object(groups: Mapping[int, bytes], hash_name: str = "sha256") -> bytes:
    """LDSSecurityObject over these files."""
    oid = core.ObjectIdentifier(HASH_OIDS[hash_name]).dump()
    entries = b"".join(
        tlv.encode(0x30, tlv.encode(0x02, bytes([n])) + tlv.encode(0x04, hashlib.new(hash_name, data).digest()))
        for n, data in sorted(groups.items())
    )
    return tlv.encode(0x30, b"\x02\x01\x00" + tlv.encode(0x30, oid) + tlv.encode(0x30, entries))


def master_list(trusted: Sequence[x509.Certificate]) -> bytes:
    """CscaMasterList of these certificates."""
    return tlv.encode(0x30, b"\x02\x01\x00" + tlv.encode(0x31, b"".join(one.dump() for one in trusted)))


@dataclass(frozen=True)
class Proof:
    """What signed data is made of; change a field to make a wrong one. `by_key`: the signer is named by its key."""

    content: bytes
    key: object
    signer: x509.Certificate
    scheme: Scheme
    content_type: str = LDS_SECURITY_OBJECT
    bound_type: str | None = None
    attributes: bool = True
    digest: bytes | None = None
    others: tuple[x509.Certificate, ...] = field(default=())
    signed_at: datetime | None = SIGNED_AT
    by_key: bytes | None = None
    carried: bool = True

    def encode(self) -> bytes:
        """EF.SOD."""
        return tlv.encode(0x77, self.bare())

    def bare(self, *further: "Proof") -> bytes:
        """ContentInfo, as EF.CardSecurity and master lists have it; with the signers of further ones beside."""
        every = (self, *further)
        certificates = [one for proof in every for one in (*proof.others, *((proof.signer,) if proof.carried else ()))]
        signed = {
            "version": "v3",
            "digest_algorithms": [{"algorithm": proof.scheme.hash_name} for proof in every],
            "encap_content_info": {"content_type": self.content_type, "content": self.content},
            "certificates": certificates,
            "signer_infos": [proof.signer_info() for proof in every],
        }
        return cms.ContentInfo({"content_type": "signed_data", "content": cms.SignedData(signed)}).dump()

    def signer_info(self) -> dict[str, object]:
        hash_name = self.scheme.hash_name
        digest = self.digest or hashlib.new(hash_name, self.content).digest()
        bound: list[dict[str, object]] = [
            {"type": "content_type", "values": [self.bound_type or self.content_type]},
            {"type": "message_digest", "values": [digest]},
        ]
        if self.signed_at is not None:
            bound.append({"type": "signing_time", "values": [cms.Time("utc_time", self.signed_at)]})
        attributes = cms.CMSAttributes(bound)
        message = attributes.dump() if self.attributes else self.content
        if self.by_key is not None:
            sid = cms.SignerIdentifier("subject_key_identifier", self.by_key)
        else:
            number = {"issuer": self.signer.issuer, "serial_number": self.signer.serial_number}
            sid = cms.SignerIdentifier("issuer_and_serial_number", number)
        signer: dict[str, object] = {
            "version": "v1" if self.by_key is None else "v3",
            "sid": sid,
            "digest_algorithm": {"algorithm": hash_name},
            "signature_algorithm": self.scheme.algorithm(),
            "signature": self.scheme.sign(self.key, message),
        }
        if self.attributes:
            signer["signed_attrs"] = attributes
        return signer
