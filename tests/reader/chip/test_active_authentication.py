"""Active authentication against keys of every kind, and answers that are wrong in every way we know.

The tests sign with raw powers and by the library, in the standard's own words (ICAO Doc 9303-11, 6.1; ISO/IEC 9796-2,
scheme 1).
"""

import hashlib
from collections.abc import Callable
from functools import cache

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from reader import curves
from reader.chip import iso9796
from reader.chip.active_authentication import (
    MALFORMED_KEY,
    UNSUPPORTED,
    WRONG_SIGNATURE,
    check,
)
from reader.chip.apdu import Command, Response
from reader.chip.security_infos import ActiveAuthenticationInfo, SecurityInfos
from reader.curves import Curve
from reader.errors import CardBroken
from reader.reading import Check, Outcome
from tests.reader.chip.chip_side import public_on_curve, times, wrapped

CHALLENGE = bytes.fromhex("F173589974BF40C6")
TRAILERS = {
    "sha1": [b"\xbc", b"\x33\xcc"],
    "sha224": [b"\x38\xcc"],
    "sha256": [b"\x34\xcc"],
    "sha384": [b"\x36\xcc"],
    "sha512": [b"\x35\xcc"],
}
RSA_RSAENCRYPTION = bytes.fromhex("300D06092A864886F70D0101010500")


class Answering:
    """A channel whose card gives one answer, and that keeps the command."""

    def __init__(self, answer: Response | CardBroken) -> None:
        self._answer = answer
        self.command: Command | None = None

    def send(self, command: Command) -> Response:
        self.command = command
        if isinstance(self._answer, CardBroken):
            raise self._answer
        return self._answer


def answered(data: bytes, sw: int = 0x9000) -> Answering:
    return Answering(Response(data, sw))


def judged(data: bytes, dg15: bytes, infos: SecurityInfos | None = None) -> Check:
    return check(answered(data), dg15, infos, CHALLENGE)


def failed(reason: str) -> Check:
    return Check(result=Outcome.FAILED, reason=reason, protocol="AA")


def not_done(reason: str) -> Check:
    return Check(result=Outcome.NOT_DONE, reason=reason, protocol="AA")


# RSA


@cache
def rsa_key(bits: int, exponent: int = 65537) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(exponent, bits)


def dg15_of(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return wrapped(
        0x6F,
        key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo),
    )


def dg15_of_numbers(modulus: int, exponent: int) -> bytes:
    numbers = [wrapped(0x02, number.to_bytes(number.bit_length() // 8 + 1, "big")) for number in (modulus, exponent)]
    bits = wrapped(0x03, b"\0" + wrapped(0x30, b"".join(numbers)))
    return wrapped(0x6F, wrapped(0x30, RSA_RSAENCRYPTION + bits))


def representative(size: int, hash_name: str, trailer: bytes, challenge: bytes, header: int = 0x6A) -> bytes:
    """Header, recoverable part, digest, trailer (ISO/IEC 9796-2, 8.1 and 8.2)."""
    room = size - 1 - hashlib.new(hash_name).digest_size - len(trailer)
    recoverable = (b"\x5d" * size)[:room]
    return bytes([header]) + recoverable + hashlib.new(hash_name, recoverable + challenge).digest() + trailer


def signed(key: rsa.RSAPrivateKey, block: bytes, larger: bool = False) -> bytes:
    """The smaller of s and n - s, or the larger one, which some chips give (ISO/IEC 9796-2, B.4)."""
    numbers = key.private_numbers()
    modulus = numbers.public_numbers.n
    power = pow(int.from_bytes(block, "big"), numbers.d, modulus)
    ordered = sorted((power, modulus - power))
    return ordered[larger].to_bytes((modulus.bit_length() + 7) // 8, "big")


@pytest.mark.parametrize("larger", [False, True], ids=["s as the standard has it", "n - s"])
@pytest.mark.parametrize("hash_name", TRAILERS)
@pytest.mark.parametrize("bits", [1024, 1536, 2048, 3072, 4096])
def test_an_rsa_signature_is_recognised_by_its_trailer(bits: int, hash_name: str, larger: bool) -> None:
    key = rsa_key(bits)
    for trailer in TRAILERS[hash_name]:
        signature = signed(key, representative(bits // 8, hash_name, trailer, CHALLENGE), larger)
        assert judged(signature, dg15_of(key)) == Check(
            result=Outcome.PASSED, protocol="AA", algorithm=f"rsa-9796-2-{hash_name}-{bits}"
        )


def test_the_exponent_may_be_three() -> None:
    key = rsa_key(2048, 3)
    signature = signed(key, representative(256, "sha256", b"\x34\xcc", CHALLENGE))
    assert judged(signature, dg15_of(key)).result is Outcome.PASSED


def test_the_challenge_is_sent_as_it_is() -> None:
    channel = answered(bytes(128))
    check(channel, dg15_of(rsa_key(1024)), None, CHALLENGE)
    assert channel.command is not None
    assert channel.command.encode() == bytes.fromhex("0088000008F173589974BF40C600")


def test_a_challenge_of_another_size_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="8 bytes"):
        check(answered(b""), dg15_of(rsa_key(1024)), None, b"1234567")


def wrong_rsa_answers() -> dict[str, Callable[[rsa.RSAPrivateKey], bytes]]:
    def block(hash_name: str = "sha256", trailer: bytes = b"\x34\xcc", challenge: bytes = CHALLENGE, **more) -> bytes:
        return representative(128, hash_name, trailer, challenge, **more)

    modulus_of: Callable[[rsa.RSAPrivateKey], int] = lambda key: key.public_key().public_numbers().n  # noqa: E731
    return {
        "another challenge": lambda key: signed(key, block(challenge=bytes(8))),
        "another key": lambda _key: signed(rsa_key(1024, 3), block()),
        "full recovery": lambda key: signed(key, block(header=0x4A)),
        "padding in the header": lambda key: signed(key, block(header=0x6B)),
        "a trailer nobody knows": lambda key: signed(key, block(trailer=b"\x3f\xcc")),
        "a trailer of another hash": lambda key: signed(key, block(trailer=b"\x38\xcc")),
        "no trailer": lambda key: signed(key, block(trailer=b"\x34\xcd")),
        "zero": lambda _key: bytes(128),
        "one": lambda _key: bytes(127) + b"\x01",
        "the modulus": lambda key: modulus_of(key).to_bytes(128, "big"),
        "above the modulus": lambda _key: b"\xff" * 128,
        "minus one": lambda key: (modulus_of(key) - 1).to_bytes(128, "big"),
        "a byte too few": lambda key: signed(key, block())[1:],
        "a byte too many": lambda key: b"\0" + signed(key, block()),
        "twice": lambda key: signed(key, block()) * 2,
        "the block itself": lambda _key: block(),
        "one byte": lambda _key: b"\x6a",
        "the longest answer there is": lambda _key: b"\x30\x84" + bytes(65534),
    }


@pytest.mark.parametrize("name", wrong_rsa_answers())
def test_whatever_is_no_rsa_signature_of_the_challenge_fails(name: str) -> None:
    key = rsa_key(1024)
    assert judged(wrong_rsa_answers()[name](key), dg15_of(key)) == failed(WRONG_SIGNATURE)


def test_a_signature_block_too_small_for_its_hash_is_no_signature() -> None:
    """Asked of the verifier itself: no key this small gets as far."""
    modulus, exponent = 0xD5C0FFEE12345678FEDCBA9876543211, 1
    block = int.from_bytes(b"\x6a" + bytes(13) + b"\x35\xcc", "big")
    assert iso9796.verify(block.to_bytes(16, "big"), modulus, exponent, CHALLENGE) is None


# ECDSA


@cache
def ec_key(number: int) -> ec.EllipticCurvePrivateKey:
    library = curves.BY_PARAMETER_ID[number].library
    assert library is not None
    return ec.generate_private_key(library)


HASHES = {
    "sha1": hashes.SHA1(),  # noqa: S303
    "sha224": hashes.SHA224(),
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
PLAIN_ECDSA = {name: bytes.fromhex("04007F000701010401") + bytes([arc]) for arc, name in enumerate(HASHES, 1)}
LIBRARY_CURVES = [number for number, curve in curves.BY_PARAMETER_ID.items() if curve.library is not None]
OTHER_CURVES = [number for number, curve in curves.BY_PARAMETER_ID.items() if curve.library is None]


def der_signature(key: ec.EllipticCurvePrivateKey, hash_name: str, message: bytes = CHALLENGE) -> bytes:
    return key.sign(message, ec.ECDSA(HASHES[hash_name]))


def plain_signature(key: ec.EllipticCurvePrivateKey, hash_name: str, message: bytes = CHALLENGE) -> bytes:
    r, s = decode_dss_signature(der_signature(key, hash_name, message))
    size = (key.curve.key_size + 7) // 8
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def announcing(hash_name: str) -> SecurityInfos:
    return SecurityInfos(active_authentication=(ActiveAuthenticationInfo(1, PLAIN_ECDSA[hash_name]),))


@pytest.mark.parametrize("hash_name", HASHES)
@pytest.mark.parametrize("number", LIBRARY_CURVES)
def test_a_plain_ecdsa_signature_is_verified_on_every_curve(number: int, hash_name: str) -> None:
    key, name = ec_key(number), curves.BY_PARAMETER_ID[number].name
    expected = Check(result=Outcome.PASSED, protocol="AA", algorithm=f"ecdsa-{hash_name}-{name}")
    signature = plain_signature(key, hash_name)
    assert judged(signature, dg15_of(key), announcing(hash_name)) == expected
    assert judged(signature, dg15_of(key)) == expected


def test_der_will_do_too() -> None:
    key = ec_key(13)
    assert judged(der_signature(key, "sha256"), dg15_of(key)).algorithm == "ecdsa-sha256-brainpoolP256r1"


def test_a_document_that_announces_another_hash_than_it_uses_is_still_genuine() -> None:
    key = ec_key(12)
    assert judged(plain_signature(key, "sha1"), dg15_of(key), announcing("sha256")).algorithm == "ecdsa-sha1-secp256r1"


def test_an_announcement_nobody_knows_is_passed_over() -> None:
    key = ec_key(12)
    odd = SecurityInfos(active_authentication=(ActiveAuthenticationInfo(1, b""), ActiveAuthenticationInfo(1, b"\x2a")))
    assert judged(plain_signature(key, "sha256"), dg15_of(key), odd).result is Outcome.PASSED


def explicit_dg15(curve: Curve, point: bytes, b: int | None = None) -> bytes:
    size = curve.field_size

    def integer(number: int) -> bytes:
        return wrapped(0x02, number.to_bytes(number.bit_length() // 8 + 1, "big"))

    base = b"\x04" + curve.g.x.to_bytes(size, "big") + curve.g.y.to_bytes(size, "big")
    numbers = [wrapped(0x04, number.to_bytes(size, "big")) for number in (curve.a, curve.b if b is None else b)]
    field = wrapped(0x30, bytes.fromhex("06072A8648CE3D0101") + integer(curve.p))
    parts = [integer(1), field, wrapped(0x30, b"".join(numbers)), wrapped(0x04, base), integer(curve.n), integer(1)]
    algorithm = wrapped(0x30, bytes.fromhex("06072A8648CE3D0201") + wrapped(0x30, b"".join(parts)))
    return wrapped(0x6F, wrapped(0x30, algorithm + wrapped(0x03, b"\0" + point)))


def test_explicit_parameters_of_a_known_curve_are_that_curve() -> None:
    key, curve = ec_key(13), curves.BRAINPOOL_P256R1
    point = key.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    assert judged(plain_signature(key, "sha256"), explicit_dg15(curve, point)).result is Outcome.PASSED


def test_a_curve_of_the_card_is_not_used() -> None:
    curve = curves.BRAINPOOL_P256R1
    own = explicit_dg15(curve, public_on_curve(curve, 5), b=curve.b + 1)
    channel = answered(bytes(64))
    assert check(channel, own, None, CHALLENGE) == not_done(UNSUPPORTED)
    assert channel.command is None


@pytest.mark.parametrize("number", OTHER_CURVES)
def test_curves_that_no_library_has_are_verified_too(number: int) -> None:
    curve, private, nonce = curves.BY_PARAMETER_ID[number], 0x1234567890ABCDEF, 0xFEDCBA0987654321
    point = times(curve, nonce, (curve.g.x, curve.g.y))
    assert point is not None
    # FIPS 186-5, 6.4.1, with a digest no longer than the order
    hash_name = {9: "sha1", 11: "sha224", 14: "sha256"}[number]
    digest = int.from_bytes(hashlib.new(hash_name, CHALLENGE).digest(), "big")
    r = point[0] % curve.n
    s = pow(nonce, -1, curve.n) * (digest + private * r) % curve.n
    size = (curve.n.bit_length() + 7) // 8
    dg15 = explicit_dg15(curve, public_on_curve(curve, private))
    signature = r.to_bytes(size, "big") + s.to_bytes(size, "big")
    assert judged(signature, dg15).algorithm == f"ecdsa-{hash_name}-{curve.name}"
    assert judged(signature[:-1] + bytes([signature[-1] ^ 1]), dg15) == failed(WRONG_SIGNATURE)


def wrong_ecdsa_answers() -> dict[str, Callable[[ec.EllipticCurvePrivateKey], bytes]]:
    order = curves.SECP256R1.n.to_bytes(32, "big")
    return {
        "another challenge": lambda key: plain_signature(key, "sha256", bytes(8)),
        "another key": lambda _key: plain_signature(ec_key(13), "sha256"),
        "zeros": lambda _key: bytes(64),
        "zero r": lambda key: bytes(32) + plain_signature(key, "sha256")[32:],
        "zero s": lambda key: plain_signature(key, "sha256")[:32] + bytes(32),
        "the order": lambda _key: order + order,
        "all ones": lambda _key: b"\xff" * 64,
        "odd": lambda key: plain_signature(key, "sha256")[:-1],
        "one number": lambda key: plain_signature(key, "sha256")[:32],
        "swapped": lambda key: plain_signature(key, "sha256")[32:] + plain_signature(key, "sha256")[:32],
        "zeros in DER": lambda _key: bytes.fromhex("3006020100020100"),
        "negative in DER": lambda _key: bytes.fromhex("30060201FF0201FF"),
        "nothing in DER": lambda _key: bytes.fromhex("3000"),
        "DER that claims gigabytes": lambda _key: bytes.fromhex("3084FFFFFFFF"),
        "DER with a tail": lambda key: der_signature(key, "sha256") + b"\0",
        "DER cut off": lambda key: der_signature(key, "sha256")[:-1],
        "indefinite": lambda _key: bytes.fromhex("3080") + bytes(60),
        "one byte": lambda _key: b"\x30",
        "the longest answer there is": lambda _key: b"\x30\x84" + bytes(65534),
    }


@pytest.mark.parametrize("name", wrong_ecdsa_answers())
def test_whatever_is_no_ecdsa_signature_of_the_challenge_fails(name: str) -> None:
    key = ec_key(12)
    assert judged(wrong_ecdsa_answers()[name](key), dg15_of(key)) == failed(WRONG_SIGNATURE)


def malformed() -> dict[str, bytes]:
    good = dg15_of(rsa_key(1024))
    return {
        "empty": b"",
        "another tag": b"\x6e" + good[1:],
        "cut off": good[:-1],
        "with a tail": good + b"\0",
        "claims gigabytes": bytes.fromhex("6F84FFFFFFFF"),
        "indefinite": b"\x6f\x80" + good[3:],
        "no key info": bytes.fromhex("6F023000"),
        "no sequence": bytes.fromhex("6F020500"),
        "exponent one": dg15_of_numbers(rsa_key(1024).public_key().public_numbers().n, 1),
        "exponent two": dg15_of_numbers(rsa_key(1024).public_key().public_numbers().n, 2),
        "exponent zero": dg15_of_numbers(rsa_key(1024).public_key().public_numbers().n, 0),
        "point beside the curve": explicit_dg15(curves.SECP256R1, b"\x04" + bytes(63) + b"\x01"),
        "point at infinity": explicit_dg15(curves.SECP256R1, b"\0"),
        "point of another curve": explicit_dg15(curves.SECP256R1, public_on_curve(curves.BRAINPOOL_P256R1, 5)),
        "nested ten thousand deep": wrapped(0x6F, b"\x30\x80" * 10000),
    }


@pytest.mark.parametrize("name", malformed())
def test_a_malformed_key_fails_before_anything_is_sent(name: str) -> None:
    channel = answered(b"")
    assert check(channel, malformed()[name], None, CHALLENGE) == failed(MALFORMED_KEY)
    assert channel.command is None


def unsupported() -> dict[str, bytes]:
    return {
        "RSA of 512 bits": dg15_of_numbers((1 << 511) + 187, 65537),
        "RSA of 16384 bits": dg15_of_numbers((1 << 16383) + 187, 65537),
        "an exponent of 2048 bits": dg15_of_numbers(rsa_key(2048).public_key().public_numbers().n, (1 << 2047) + 1),
        "Ed25519": wrapped(0x6F, bytes.fromhex("302A300506032B6570032100") + bytes(32)),
    }


@pytest.mark.parametrize("name", unsupported())
def test_a_key_outside_what_we_verify_is_not_asked(name: str) -> None:
    channel = answered(b"")
    assert check(channel, unsupported()[name], None, CHALLENGE) == not_done(UNSUPPORTED)
    assert channel.command is None
