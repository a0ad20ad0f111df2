"""How the sandbox's authorities and document signers sign: RSA (PKCS#1 v1.5, PSS) and ECDSA, SHA-1 to SHA-512.

A scheme says how, a key does it; certificates and signed files need to know nothing else. Algorithm identifiers as
in RFC 4055 (RSA), RFC 5758 and BSI TR-03111 (ECDSA). The broken and the strong are both here: cards carry both.
"""

import hashlib
from dataclasses import dataclass
from typing import Literal, Protocol

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from sandbox.card import der
from sandbox.card.image import HashName
from sandbox.card.public_keys import EcForm, ec_key_information

_HASHES: dict[HashName, hashes.HashAlgorithm] = {
    "SHA-1": hashes.SHA1(),  # noqa: S303  # old documents are signed with it
    "SHA-224": hashes.SHA224(),
    "SHA-256": hashes.SHA256(),
    "SHA-384": hashes.SHA384(),
    "SHA-512": hashes.SHA512(),
}
_HASH_IDS = {
    "SHA-1": "1.3.14.3.2.26",
    "SHA-224": "2.16.840.1.101.3.4.2.4",
    "SHA-256": "2.16.840.1.101.3.4.2.1",
    "SHA-384": "2.16.840.1.101.3.4.2.2",
    "SHA-512": "2.16.840.1.101.3.4.2.3",
}
_ECDSA_IDS = {
    "SHA-1": "1.2.840.10045.4.1",
    "SHA-224": "1.2.840.10045.4.3.1",
    "SHA-256": "1.2.840.10045.4.3.2",
    "SHA-384": "1.2.840.10045.4.3.3",
    "SHA-512": "1.2.840.10045.4.3.4",
}
_RSA_IDS = {
    "SHA-1": "1.2.840.113549.1.1.5",
    "SHA-224": "1.2.840.113549.1.1.14",
    "SHA-256": "1.2.840.113549.1.1.11",
    "SHA-384": "1.2.840.113549.1.1.12",
    "SHA-512": "1.2.840.113549.1.1.13",
}
RSA_ENCRYPTION, RSASSA_PSS, MGF1 = "1.2.840.113549.1.1.1", "1.2.840.113549.1.1.10", "1.2.840.113549.1.1.8"
NULL = b"\x05\x00"
CURVES: dict[str, type[ec.EllipticCurve]] = {
    "secp192r1": ec.SECP192R1,
    "secp224r1": ec.SECP224R1,
    "secp256r1": ec.SECP256R1,
    "secp384r1": ec.SECP384R1,
    "secp521r1": ec.SECP521R1,
    "brainpoolP256r1": ec.BrainpoolP256R1,
    "brainpoolP384r1": ec.BrainpoolP384R1,
    "brainpoolP512r1": ec.BrainpoolP512R1,
}


class SigningKey(Protocol):
    """A private key and the way it signs."""

    @property
    def digest(self) -> HashName:
        """The hash that the signature is made over."""

    def algorithm(self) -> bytes:
        """AlgorithmIdentifier of signatures in certificates and revocation lists."""

    def message_algorithm(self) -> bytes:
        """AlgorithmIdentifier of signatures in signed data (CMS)."""

    def public_key_information(self) -> bytes:
        """SubjectPublicKeyInfo (RFC 5280, 4.1)."""

    def sign(self, data: bytes) -> bytes:
        """The signature over `data` as certificates carry it."""

    def secret(self) -> bytes:
        """Bytes that nobody without the private key knows, always the same."""


class Scheme(Protocol):
    """A way to sign, for which keys can be made."""

    def generate(self) -> SigningKey:
        """A fresh key."""


@dataclass(frozen=True)
class EcdsaSigningKey:
    """ECDSA; `form` says how its public key names the curve."""

    private: ec.EllipticCurvePrivateKey
    digest: HashName = "SHA-256"
    form: EcForm = "explicit"

    def algorithm(self) -> bytes:
        """ecdsa-with-SHAxxx, without parameters (RFC 5758, 3.2)."""
        return der.sequence(der.oid(_ECDSA_IDS[self.digest]))

    def message_algorithm(self) -> bytes:
        """The same in signed data."""
        return self.algorithm()

    def public_key_information(self) -> bytes:
        """With explicit parameters, as 9303-12, 4.1.6.3 demands, or with the curve's name, as many do."""
        return ec_key_information(self.private.curve.name, self._point(), self.form)

    def sign(self, data: bytes) -> bytes:
        """DER of r and s."""
        return self.private.sign(data, ec.ECDSA(_HASHES[self.digest]))

    def secret(self) -> bytes:
        """The private scalar."""
        return self.private.private_numbers().private_value.to_bytes((self.private.curve.key_size + 7) // 8, "big")

    def _point(self) -> bytes:
        return self.private.public_key().public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )


@dataclass(frozen=True)
class RsaSigningKey:
    """RSA; with `bare` identifiers signed data says rsaEncryption and leaves the hash to its own field."""

    private: rsa.RSAPrivateKey
    digest: HashName = "SHA-256"
    scheme: Literal["pkcs1", "pss"] = "pkcs1"
    bare: bool = False

    def algorithm(self) -> bytes:
        """RSASSA-PSS with its parameters, or shaXXXWithRSAEncryption (RFC 4055, 3.1 and 5)."""
        if self.scheme == "pss":
            return der.sequence(der.oid(RSASSA_PSS), _pss_parameters(self.digest))
        return der.sequence(der.oid(_RSA_IDS[self.digest]), NULL)

    def message_algorithm(self) -> bytes:
        """Either form of RFC 3370, 3.2."""
        bare = self.bare and self.scheme == "pkcs1"
        return der.sequence(der.oid(RSA_ENCRYPTION), NULL) if bare else self.algorithm()

    def public_key_information(self) -> bytes:
        """rsaEncryption, whatever the padding."""
        return self.private.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def sign(self, data: bytes) -> bytes:
        """As long as the modulus; the salt of PSS is as long as the hash."""
        digest = _HASHES[self.digest]
        if self.scheme == "pss":
            return self.private.sign(data, padding.PSS(padding.MGF1(digest), digest.digest_size), digest)
        return self.private.sign(data, padding.PKCS1v15(), digest)

    def secret(self) -> bytes:
        """A hash of the private exponent."""
        number = self.private.private_numbers().d
        return hashlib.sha256(number.to_bytes((number.bit_length() + 7) // 8, "big")).digest()


@dataclass(frozen=True)
class Ecdsa:
    """Keys on a curve of `CURVES`."""

    curve: str = "brainpoolP256r1"
    digest: HashName = "SHA-256"
    form: EcForm = "explicit"

    def generate(self) -> EcdsaSigningKey:
        """A fresh key."""
        return EcdsaSigningKey(ec.generate_private_key(CURVES[self.curve]()), self.digest, self.form)


@dataclass(frozen=True)
class Rsa:
    """Keys of so many bits with the exponent 65537."""

    bits: int = 2048
    digest: HashName = "SHA-256"
    padding: Literal["pkcs1", "pss"] = "pkcs1"
    bare: bool = False

    def generate(self) -> RsaSigningKey:
        """A fresh key; takes a second for 4096 bits."""
        return RsaSigningKey(rsa.generate_private_key(65537, self.bits), self.digest, self.padding, self.bare)


def hash_algorithm(digest: HashName) -> bytes:
    """AlgorithmIdentifier of a hash, without parameters (RFC 5754, 2)."""
    return der.sequence(der.oid(_HASH_IDS[digest]))


def hashed(digest: HashName, data: bytes) -> bytes:
    """The hash itself."""
    return hashlib.new(digest.replace("-", ""), data, usedforsecurity=False).digest()


def _pss_parameters(digest: HashName) -> bytes:
    """RSASSA-PSS-params; what equals its default is left out (RFC 4055, 3.1; X.690, 11.5)."""
    if digest == "SHA-1":
        return der.sequence()
    algorithm = der.sequence(der.oid(_HASH_IDS[digest]), NULL)
    return der.sequence(
        der.explicit(0, algorithm),
        der.explicit(1, der.sequence(der.oid(MGF1), algorithm)),
        der.explicit(2, der.integer(_HASHES[digest].digest_size)),
    )
