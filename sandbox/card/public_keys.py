"""SubjectPublicKeyInfo in the forms that cards and their certificates use for elliptic curve and Diffie-Hellman keys.

The same curve can be named (RFC 5480), written out (SEC 1, C.2) or numbered (BSI TR-03110-3, A.2.1.1); a Diffie-Hellman
group comes in the form of PKCS #3 or of X9.42 (RFC 3279, 2.3.3). A reader has to know them all.
"""

from typing import Literal

from sandbox.card import der, groups
from sandbox.card.parameters import NAMES, Domain, domain, modular_domain

EcForm = Literal["explicit", "named", "standardised"]
DhForm = Literal["pkcs3", "x942"]
KeyForm = Literal["explicit", "named", "standardised", "pkcs3", "x942"]

EC_PUBLIC_KEY, PRIME_FIELD = "1.2.840.10045.2.1", "1.2.840.10045.1.1"
PKCS3, X942 = "1.2.840.113549.1.3.1", "1.2.840.10046.2.1"
STANDARDISED = "0.4.0.127.0.7.1.2"
CURVE_IDS = {
    "secp192r1": "1.2.840.10045.3.1.1",
    "brainpoolP192r1": "1.3.36.3.3.2.8.1.1.3",
    "secp224r1": "1.3.132.0.33",
    "brainpoolP224r1": "1.3.36.3.3.2.8.1.1.5",
    "secp256r1": "1.2.840.10045.3.1.7",
    "brainpoolP256r1": "1.3.36.3.3.2.8.1.1.7",
    "brainpoolP320r1": "1.3.36.3.3.2.8.1.1.9",
    "secp384r1": "1.3.132.0.34",
    "brainpoolP384r1": "1.3.36.3.3.2.8.1.1.11",
    "brainpoolP512r1": "1.3.36.3.3.2.8.1.1.13",
    "secp521r1": "1.3.132.0.35",
}
_NUMBERS = {name: number for number, name in NAMES.items()}


def key_information(group: str, private: bytes, form: KeyForm) -> bytes:
    """The public key to a private one in a group of `parameters.NAMES`; each kind of group has its own forms."""
    public = groups.by_name(group).private(int.from_bytes(private, "big")).public
    if form == "pkcs3" or form == "x942":
        return dh_key_information(group, int.from_bytes(public, "big"), form)
    return ec_key_information(group, public, form)


def ec_key_information(curve: str, point: bytes, form: EcForm) -> bytes:
    """A point (uncompressed) on a curve of `CURVE_IDS`, the curve told in one of three forms."""
    match form:
        case "explicit":
            algorithm = der.sequence(der.oid(EC_PUBLIC_KEY), explicit_parameters(domain(curve)))
        case "named":
            algorithm = der.sequence(der.oid(EC_PUBLIC_KEY), der.oid(CURVE_IDS[curve]))
        case "standardised":
            algorithm = standardised(_NUMBERS[curve])
    return der.sequence(algorithm, der.bits(point))


def dh_key_information(group: str, public: int, form: DhForm) -> bytes:
    """A Diffie-Hellman value; only X9.42 tells the order of the group."""
    numbers = modular_domain(group)
    prime, generator = der.integer(numbers.p), der.integer(numbers.g)
    if form == "pkcs3":
        algorithm = der.sequence(der.oid(PKCS3), der.sequence(prime, generator))
    else:
        algorithm = der.sequence(der.oid(X942), der.sequence(prime, generator, der.integer(numbers.q)))
    return der.sequence(algorithm, der.bits(der.integer(public)))


def standardised(number: int) -> bytes:
    """AlgorithmIdentifier of domain parameters by their number."""
    return der.sequence(der.oid(STANDARDISED), der.integer(number))


def explicit_parameters(curve: Domain) -> bytes:
    """ECParameters written out (SEC 1, C.2)."""
    size = curve.size
    field = der.sequence(der.oid(PRIME_FIELD), der.integer(curve.p))
    coefficients = der.sequence(der.octets(curve.a.to_bytes(size, "big")), der.octets(curve.b.to_bytes(size, "big")))
    generator = b"\x04" + curve.x.to_bytes(size, "big") + curve.y.to_bytes(size, "big")
    return der.sequence(
        der.integer(1), field, coefficients, der.octets(generator), der.integer(curve.n), der.integer(1)
    )
