"""Security objects and certificates made for tests, in every signature scheme that passport PKI uses.

Built with asn1crypto and cryptography; the sandbox makes its own, by its own encoder.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from asn1crypto import algos, cms, core, keys, x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from reader.chip import tlv
from reader.chip.curves import BY_PARAMETER_ID, Curve

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
SIGNED_AT = datetime(2024, 8, 15, tzinfo=UTC)


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
        signature = key.sign(message, ec.ECDSA(digest))  # type: ignore[attr-defined]
        if self.kind == "ecdsa":
            return signature
        r, s = decode_dss_signature(signature)
        size = (key.curve.key_size + 7) // 8  # type: ignore[attr-defined]
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


def ec_key(curve: Curve) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(curve.library)


def public_info(key: object, explicit: Mapping[str, int] | None = None) -> keys.PublicKeyInfo:
    """The public key; `explicit` writes EC parameters out, changed as it says (`{}`: unchanged)."""
    public = key.public_key()  # type: ignore[attr-defined]
    info = keys.PublicKeyInfo.load(
        public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    if explicit is None:
        return info
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
            "public_key": info["public_key"].native,
        }
    )


def certificate(
    subject: str,
    info: keys.PublicKeyInfo,
    issuer: str,
    issuer_key: object,
    scheme: Scheme,
    ca: bool = False,
    years: tuple[int, int] = (2022, 2037),
    usage: frozenset[str] = frozenset({"digital_signature"}),
) -> x509.Certificate:
    """A certificate with the few extensions that matter here."""
    extensions: list[dict[str, object]] = [{"extn_id": "key_usage", "critical": True, "extn_value": set(usage)}]
    if ca:
        extensions.append({"extn_id": "basic_constraints", "critical": True, "extn_value": {"ca": True}})
    body = x509.TbsCertificate(
        {
            "version": "v3",
            "serial_number": 7,
            "signature": scheme.algorithm(),
            "issuer": x509.Name.build({"common_name": issuer}),
            "validity": {
                "not_before": x509.Time("utc_time", datetime(years[0], 1, 1, tzinfo=UTC)),
                "not_after": x509.Time("utc_time", datetime(years[1], 1, 1, tzinfo=UTC)),
            },
            "subject": x509.Name.build({"common_name": subject}),
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


def security_object(groups: Mapping[int, bytes], hash_name: str = "sha256") -> bytes:
    """LDSSecurityObject over these files."""
    oid = core.ObjectIdentifier(HASH_OIDS[hash_name]).dump()
    entries = b"".join(
        tlv.encode(0x30, tlv.encode(0x02, bytes([n])) + tlv.encode(0x04, hashlib.new(hash_name, data).digest()))
        for n, data in sorted(groups.items())
    )
    return tlv.encode(0x30, b"\x02\x01\x00" + tlv.encode(0x30, oid) + tlv.encode(0x30, entries))


@dataclass(frozen=True)
class Proof:
    """What a SOD is made of; change a field to make a wrong one."""

    content: bytes
    key: object
    signer: x509.Certificate
    scheme: Scheme
    content_type: str = LDS_SECURITY_OBJECT
    attributes: bool = True
    digest: bytes | None = None
    others: tuple[x509.Certificate, ...] = field(default=())

    def encode(self) -> bytes:
        """EF.SOD."""
        hash_name = self.scheme.hash_name
        digest = self.digest or hashlib.new(hash_name, self.content).digest()
        attributes = cms.CMSAttributes(
            [
                {"type": "content_type", "values": [self.content_type]},
                {"type": "message_digest", "values": [digest]},
                {"type": "signing_time", "values": [cms.Time("utc_time", SIGNED_AT)]},
            ]
        )
        message = attributes.dump() if self.attributes else self.content
        signer: dict[str, object] = {
            "version": "v1",
            "sid": cms.SignerIdentifier(
                "issuer_and_serial_number",
                {"issuer": self.signer.issuer, "serial_number": self.signer.serial_number},
            ),
            "digest_algorithm": {"algorithm": hash_name},
            "signature_algorithm": self.scheme.algorithm(),
            "signature": self.scheme.sign(self.key, message),
        }
        if self.attributes:
            signer["signed_attrs"] = attributes
        signed = {
            "version": "v3",
            "digest_algorithms": [{"algorithm": hash_name}],
            "encap_content_info": {"content_type": LDS_SECURITY_OBJECT, "content": self.content},
            "certificates": [*self.others, self.signer],
            "signer_infos": [signer],
        }
        info = cms.ContentInfo({"content_type": "signed_data", "content": cms.SignedData(signed)})
        return tlv.encode(0x77, info.dump())
