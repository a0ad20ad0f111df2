"""Public keys and signatures of passport PKI (ICAO Doc 9303-12, 4.4): RSA PKCS#1 v1.5, RSA-PSS, ECDSA.

Elliptic-curve keys with explicit parameters are used only when every parameter equals a known curve's: a curve of
the card's own choosing would let anybody sign (the fault of CVE-2020-0601). Must not decide about trust.
"""

import hashlib
from dataclasses import dataclass
from functools import cache

from asn1crypto import algos, core, keys
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature

from reader import curves
from reader.curves import Curve, Point
from reader.errors import CardBroken

HASHES: dict[str, type[hashes.HashAlgorithm]] = {
    "sha1": hashes.SHA1,
    "sha224": hashes.SHA224,
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
}
MIN_RSA_BITS, MAX_RSA_BITS = 1024, 8192  # smaller ones are broken by anybody, larger ones only cost time
MAX_EXPONENT_BITS = 64  # the library's own bound for large keys; here for all
MAX_ENCODED = 1 << 12  # bytes of a key or an algorithm; a key of MAX_RSA_BITS and any curve written out have fewer
MAX_SALT = MAX_RSA_BITS // 8  # bytes; OpenSSL by itself makes the salt as long as the key lets it
WEAK_RSA_BITS, WEAK_FIELD_BITS = 2048, 224  # below: no longer allowed (Doc 9303-12, 4.4.1 and 4.4.3)
_CURVES = tuple(curves.BY_PARAMETER_ID.values())
# Signature algorithms: scheme, and the hash where the identifier names it. The last five: BSI TR-03111 plain ECDSA.
_SCHEMES: dict[str, tuple[str, str | None]] = {
    "1.2.840.113549.1.1.1": ("rsa", None),
    "1.2.840.113549.1.1.5": ("rsa", "sha1"),
    "1.2.840.113549.1.1.14": ("rsa", "sha224"),
    "1.2.840.113549.1.1.11": ("rsa", "sha256"),
    "1.2.840.113549.1.1.12": ("rsa", "sha384"),
    "1.2.840.113549.1.1.13": ("rsa", "sha512"),
    "1.2.840.113549.1.1.10": ("rsa_pss", None),
    "1.2.840.10045.2.1": ("ecdsa", None),
    "1.2.840.10045.4.1": ("ecdsa", "sha1"),
    "1.2.840.10045.4.3.1": ("ecdsa", "sha224"),
    "1.2.840.10045.4.3.2": ("ecdsa", "sha256"),
    "1.2.840.10045.4.3.3": ("ecdsa", "sha384"),
    "1.2.840.10045.4.3.4": ("ecdsa", "sha512"),
    "0.4.0.127.0.7.1.1.4.1.1": ("ecdsa", "sha1"),
    "0.4.0.127.0.7.1.1.4.1.2": ("ecdsa", "sha224"),
    "0.4.0.127.0.7.1.1.4.1.3": ("ecdsa", "sha256"),
    "0.4.0.127.0.7.1.1.4.1.4": ("ecdsa", "sha384"),
    "0.4.0.127.0.7.1.1.4.1.5": ("ecdsa", "sha512"),
}


class Unsupported(Exception):
    """An algorithm, curve or key size outside what this version verifies."""


@dataclass(frozen=True)
class EllipticKey:
    """A point on a known curve. `explicit`: the key wrote the curve's numbers out instead of naming it."""

    curve: Curve
    point: Point
    explicit: bool

    @property
    def name(self) -> str:
        """The curve's name."""
        return self.curve.name

    @property
    def weak(self) -> bool:
        """Whether its size is no longer allowed."""
        return self.curve.p.bit_length() < WEAK_FIELD_BITS


@dataclass(frozen=True)
class RsaKey:
    """An RSA key of bearable size."""

    library: rsa.RSAPublicKey
    explicit: bool = False

    @property
    def name(self) -> str:
        """`RSA-2048`: the size in bits."""
        return f"RSA-{self.library.key_size}"

    @property
    def weak(self) -> bool:
        """Whether its size is no longer allowed."""
        return self.library.key_size < WEAK_RSA_BITS


PublicKey = RsaKey | EllipticKey


@dataclass(frozen=True)
class Method:
    """How a signature was made: `name` for example `ecdsa-sha256-brainpoolP256r1`, and the hash in it."""

    name: str
    hash_name: str


def public_key(key_info: bytes) -> PublicKey:
    """The key in a SubjectPublicKeyInfo (DER). Raises Unsupported, ValueError (no valid key)."""
    info = _load(keys.PublicKeyInfo, key_info)
    algorithm = info["algorithm"]["algorithm"].native
    if algorithm in ("rsa", "rsassa_pss"):
        return _rsa_key(info["public_key"].parsed)
    if algorithm == "ec":
        parameters = info["algorithm"]["parameters"]
        if not isinstance(parameters, keys.ECDomainParameters):
            raise ValueError("no curve")
        curve = _domain(parameters)
        return EllipticKey(curve, _point(curve, info["public_key"].native), parameters.name == "specified")
    raise Unsupported


def verify(key: PublicKey, algorithm: bytes, hash_name: str, signature: bytes, message: bytes) -> Method:
    """Verify a signature and return how it was made. `algorithm`: AlgorithmIdentifier (DER).

    `hash_name` is used where the algorithm does not name its own. Raises InvalidSignature, Unsupported,
    ValueError (malformed algorithm).
    """
    identifier = _load(algos.SignedDigestAlgorithm, algorithm)
    scheme, own_hash = _SCHEMES.get(identifier["algorithm"].dotted, ("", None))
    name = own_hash or hash_name
    try:
        if isinstance(key, EllipticKey):
            if scheme != "ecdsa":
                raise Unsupported
            _verify_ecdsa(key, signature, message, _hash(name))
            return Method(f"ecdsa-{name}-{key.name}", name)
        if scheme == "rsa":
            key.library.verify(signature, message, padding.PKCS1v15(), _hash(name))
            return Method(f"rsa-{name}-{key.library.key_size}", name)
        if scheme == "rsa_pss":
            name, pss = _pss(identifier)
            key.library.verify(signature, message, pss, _hash(name))
            return Method(f"rsa-pss-{name}-{key.library.key_size}", name)
    except UnsupportedAlgorithm:
        raise Unsupported from None
    raise Unsupported


def algorithm_name(algorithm: bytes) -> str:
    """The scheme and hash that an AlgorithmIdentifier (DER) names, `?` for one outside what this version verifies."""
    try:
        identifier = _load(algos.SignedDigestAlgorithm, algorithm)
        scheme, name = _SCHEMES[identifier["algorithm"].dotted]
        if scheme == "rsa_pss":
            name = _pss(identifier)[0]
    except (ValueError, KeyError, Unsupported):
        return "?"
    return "-".join(part for part in (scheme.replace("_", "-"), name) if part)


def _load(kind: type[core.Sequence], encoded: bytes) -> core.Sequence:
    """Parse with asn1crypto, whose answers to malformed input are of several kinds. Raises ValueError.

    Everything is parsed at once, so that nothing of the kind comes later. The time of some of it grows with the square
    of the size (object identifiers), hence the bound.
    """
    if len(encoded) > MAX_ENCODED:
        raise ValueError("too long")
    try:
        loaded = kind.load(encoded, strict=True)
        _ = loaded.native
    except (TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError) as error:
        raise ValueError(str(error)) from None
    return loaded


def _rsa_key(numbers: core.Sequence) -> RsaKey:
    modulus, exponent = int(numbers["modulus"].native), int(numbers["public_exponent"].native)
    if modulus <= 0 or exponent <= 0:
        raise ValueError("no RSA key")
    if not MIN_RSA_BITS <= modulus.bit_length() <= MAX_RSA_BITS or exponent.bit_length() > MAX_EXPONENT_BITS:
        raise Unsupported
    return RsaKey(rsa.RSAPublicNumbers(exponent, modulus).public_key())


def _point(curve: Curve, encoded: bytes) -> Point:
    """A public point, also in compressed form where the library knows the curve. Raises Unsupported, ValueError."""
    if curve.library is not None:
        numbers = ec.EllipticCurvePublicKey.from_encoded_point(curve.library, encoded).public_numbers()
        return Point(numbers.x, numbers.y)
    try:
        return curve.decode(encoded, "signature.key")
    except CardBroken:
        raise ValueError("no point of the curve") from None


def _hash(name: str) -> hashes.HashAlgorithm:
    if name not in HASHES:
        raise Unsupported
    return HASHES[name]()


def _verify_ecdsa(key: EllipticKey, signature: bytes, message: bytes, algorithm: hashes.HashAlgorithm) -> None:
    """DER, or the plain r and s side by side that some states write (BSI TR-03111, 5.2.1)."""
    digest = hashlib.new(algorithm.name, message).digest()
    for r, s in _candidates(signature, (key.curve.n.bit_length() + 7) // 8):
        if _signs(key, digest, algorithm, r, s):
            return
    raise InvalidSignature


def _candidates(signature: bytes, size: int) -> list[tuple[int, int]]:
    """The ways to read r and s out of a signature for numbers of `size` bytes."""
    found = []
    if len(signature) <= 2 * size + 12:
        try:
            parsed = _load(algos.DSASignature, signature)
            found.append((int(parsed["r"].native), int(parsed["s"].native)))
        except ValueError:
            pass
    if len(signature) == 2 * size:
        found.append((int.from_bytes(signature[:size], "big"), int.from_bytes(signature[size:], "big")))
    return found


def _signs(key: EllipticKey, digest: bytes, algorithm: hashes.HashAlgorithm, r: int, s: int) -> bool:
    if key.curve.library is None:
        return key.curve.verify_ecdsa(key.point, digest, r, s)
    if r <= 0 or s <= 0:
        return False
    public = ec.EllipticCurvePublicNumbers(key.point.x, key.point.y, key.curve.library).public_key()
    try:
        public.verify(encode_dss_signature(r, s), digest, ec.ECDSA(Prehashed(algorithm)))
    except InvalidSignature:
        return False
    return True


def _pss(algorithm: core.Sequence) -> tuple[str, padding.PSS]:
    """Parameters of RSASSA-PSS (RFC 4055, 3.1)."""
    parameters = algorithm["parameters"]
    if not isinstance(parameters, algos.RSASSAPSSParams):
        raise Unsupported
    name = parameters["hash_algorithm"]["algorithm"].native
    generator = parameters["mask_gen_algorithm"]
    mask_hash = generator["parameters"]
    salt = int(parameters["salt_length"].native)
    if generator["algorithm"].native != "mgf1" or not isinstance(mask_hash, algos.DigestAlgorithm):
        raise Unsupported
    if not 0 <= salt <= MAX_SALT or parameters["trailer_field"].native != "trailer_field_bc":
        raise Unsupported
    return name, padding.PSS(padding.MGF1(_hash(mask_hash["algorithm"].native)), salt)


def _domain(parameters: keys.ECDomainParameters) -> Curve:
    """The known curve that the parameters name, or equal in every number. Raises Unsupported."""
    if parameters.name == "named":
        found = curves.BY_OBJECT_IDENTIFIER.get(parameters.chosen.contents)
    elif parameters.name == "specified":
        found = next((curve for curve in _CURVES if _same(curve, parameters.chosen)), None)
    else:
        found = None
    if found is None or not _supported(found):
        raise Unsupported
    return found


@cache
def _supported(curve: Curve) -> bool:
    """Asked once for each curve: the answer costs as much as a signature."""
    return curve.supported()


def _same(curve: Curve, domain: keys.SpecifiedECDomain) -> bool:
    """Whether p, a, b, G, n and, where given, the cofactor are all this curve's."""
    if domain["field_id"]["field_type"].native != "prime_field":
        return False
    size = curve.field_size
    base = domain["base"].native
    compressed = bytes([2 + (curve.g.y & 1)]) + curve.g.x.to_bytes(size, "big")
    return (
        domain["field_id"]["parameters"].native == curve.p
        and int.from_bytes(domain["curve"]["a"].native, "big") == curve.a
        and int.from_bytes(domain["curve"]["b"].native, "big") == curve.b
        and base in (curve.encode(curve.g), compressed)
        and domain["order"].native == curve.n
        and domain["cofactor"].native in (1, None)
    )
