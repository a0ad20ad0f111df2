"""Public keys and signatures of passport PKI (ICAO Doc 9303-12): RSA PKCS#1 v1.5, RSA-PSS, ECDSA.

Elliptic-curve keys with explicit parameters are used only when every parameter equals a known curve's: a curve of
the card's own choosing would let anybody sign (the fault of CVE-2020-0601). Must not decide about trust.
"""

from asn1crypto import algos, keys, x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from reader.chip import curves
from reader.chip.curves import Curve

HASHES: dict[str, type[hashes.HashAlgorithm]] = {
    "sha1": hashes.SHA1,
    "sha224": hashes.SHA224,
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
}
MAX_RSA_BITS = 8192  # larger keys only cost time
MAX_SALT = MAX_RSA_BITS // 8  # bytes; OpenSSL by itself makes the salt as long as the key lets it
_CURVES = tuple(curves.BY_PARAMETER_ID.values())
_CURVE_OIDS = {
    "1.2.840.10045.3.1.1": curves.SECP192R1,
    "1.3.132.0.33": curves.SECP224R1,
    "1.2.840.10045.3.1.7": curves.SECP256R1,
    "1.3.132.0.34": curves.SECP384R1,
    "1.3.132.0.35": curves.SECP521R1,
    "1.3.36.3.3.2.8.1.1.7": curves.BRAINPOOL_P256R1,
    "1.3.36.3.3.2.8.1.1.11": curves.BRAINPOOL_P384R1,
    "1.3.36.3.3.2.8.1.1.13": curves.BRAINPOOL_P512R1,
}
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


PublicKey = rsa.RSAPublicKey | tuple[Curve, ec.EllipticCurvePublicKey]


def public_key(certificate: x509.Certificate) -> PublicKey:
    """The key of a certificate. Raises Unsupported, ValueError (no valid key)."""
    info: keys.PublicKeyInfo = certificate["tbs_certificate"]["subject_public_key_info"]
    algorithm = info["algorithm"]["algorithm"].native
    if algorithm in ("rsa", "rsassa_pss"):
        numbers = info["public_key"].parsed
        modulus, exponent = int(numbers["modulus"].native), int(numbers["public_exponent"].native)
        if modulus.bit_length() > MAX_RSA_BITS:
            raise Unsupported
        return rsa.RSAPublicNumbers(exponent, modulus).public_key()
    if algorithm == "ec":
        curve = _domain(info["algorithm"]["parameters"])
        encoded = info["public_key"].native
        return curve, ec.EllipticCurvePublicKey.from_encoded_point(curve.library, encoded)
    raise Unsupported


def verify(
    key: PublicKey, algorithm: algos.SignedDigestAlgorithm, hash_name: str, signature: bytes, message: bytes
) -> str:
    """Verify a signature and return the name of how it was made, for example `ecdsa-sha256-brainpoolP256r1`.

    `hash_name` is used where the algorithm does not name its own. Raises InvalidSignature, Unsupported.
    """
    scheme, own_hash = _SCHEMES.get(algorithm["algorithm"].dotted, ("", None))
    try:
        if isinstance(key, tuple):
            if scheme != "ecdsa":
                raise Unsupported
            name = own_hash or hash_name
            _verify_ecdsa(key, signature, message, _hash(name))
            return f"ecdsa-{name}-{key[0].name}"
        if scheme == "rsa":
            name = own_hash or hash_name
            key.verify(signature, message, padding.PKCS1v15(), _hash(name))
            return f"rsa-{name}-{key.key_size}"
        if scheme == "rsa_pss":
            name, pss = _pss(algorithm)
            key.verify(signature, message, pss, _hash(name))
            return f"rsa-pss-{name}-{key.key_size}"
    except UnsupportedAlgorithm:
        raise Unsupported from None
    raise Unsupported


def _hash(name: str) -> hashes.HashAlgorithm:
    if name not in HASHES:
        raise Unsupported
    return HASHES[name]()


def _verify_ecdsa(
    key: tuple[Curve, ec.EllipticCurvePublicKey], signature: bytes, message: bytes, digest: hashes.HashAlgorithm
) -> None:
    """DER, or the plain r and s side by side that some states write (BSI TR-03111, 5.2.1)."""
    curve, public = key
    try:
        public.verify(signature, message, ec.ECDSA(digest))
    except InvalidSignature:
        size = (curve.n.bit_length() + 7) // 8
        if len(signature) != 2 * size:
            raise
        r, s = int.from_bytes(signature[:size], "big"), int.from_bytes(signature[size:], "big")
        public.verify(encode_dss_signature(r, s), message, ec.ECDSA(digest))


def _pss(algorithm: algos.SignedDigestAlgorithm) -> tuple[str, padding.PSS]:
    """Parameters of RSASSA-PSS (RFC 4055, 3.1)."""
    parameters = algorithm["parameters"]
    name = parameters["hash_algorithm"]["algorithm"].native
    generator = parameters["mask_gen_algorithm"]
    salt = int(parameters["salt_length"].native)
    if generator["algorithm"].native != "mgf1" or not 0 <= salt <= MAX_SALT:
        raise Unsupported
    return name, padding.PSS(padding.MGF1(_hash(generator["parameters"]["algorithm"].native)), salt)


def _domain(parameters: keys.ECDomainParameters) -> Curve:
    """The known curve that the parameters name, or equal in every number. Raises Unsupported."""
    if parameters.name == "named":
        found = _CURVE_OIDS.get(parameters.chosen.dotted)
    elif parameters.name == "specified":
        found = next((curve for curve in _CURVES if _same(curve, parameters.chosen)), None)
    else:
        found = None
    if found is None or not found.supported():
        raise Unsupported
    return found


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
