"""Keys and signatures alone: which keys are used, which are left alone, and how absurd ones are refused."""

import pytest
from asn1crypto import algos, core, keys
from cryptography.exceptions import InvalidSignature
from hypothesis import given
from hypothesis import strategies as st

from reader import curves
from reader.pki import signatures
from reader.pki.signatures import EllipticKey, RsaKey, Unsupported
from reader.tlv import encode
from tests.reader.pki.proofs import Scheme, ec_key, public_info, rsa_key

MESSAGE = b"a message"
RSA = rsa_key()


def rsa_info(modulus: int, exponent: int) -> bytes:
    numbers = keys.RSAPublicKey({"modulus": modulus, "public_exponent": exponent})
    return keys.PublicKeyInfo({"algorithm": {"algorithm": "rsa"}, "public_key": numbers}).dump()


@pytest.mark.parametrize("curve", curves.BY_PARAMETER_ID.values(), ids=lambda curve: curve.name)
@pytest.mark.parametrize("kind", ["ecdsa", "ecdsa_plain"])
@pytest.mark.parametrize("hash_name", ["sha1", "sha512"])
def test_every_curve_verifies_both_forms_of_signature(curve, kind, hash_name):
    key, scheme = ec_key(curve), Scheme(kind, hash_name)
    public = signatures.public_key(public_info(key).dump())
    signed = scheme.sign(key, MESSAGE)
    method = signatures.verify(public, scheme.algorithm().dump(), "", signed, MESSAGE)
    assert method.name == f"ecdsa-{hash_name}-{curve.name}"
    with pytest.raises(InvalidSignature):
        signatures.verify(public, scheme.algorithm().dump(), "", signed, MESSAGE + b".")


def test_a_key_tells_its_name_and_whether_it_wrote_its_curve_out():
    named = signatures.public_key(public_info(ec_key(curves.BRAINPOOL_P320R1)).dump())
    explicit = signatures.public_key(public_info(ec_key(curves.BRAINPOOL_P320R1), {}).dump())
    assert (named.name, named.explicit, explicit.name, explicit.explicit) == (
        "brainpoolP320r1",
        False,
        "brainpoolP320r1",
        True,
    )
    assert signatures.public_key(public_info(RSA).dump()).name == "RSA-2048"


def test_a_point_may_be_compressed():
    key = ec_key(curves.SECP256R1)
    info = public_info(key)
    point = info["public_key"].native
    info["public_key"] = bytes([2 + (point[-1] & 1)]) + point[1:33]
    found = signatures.public_key(info.dump())
    assert isinstance(found, EllipticKey)
    assert curves.SECP256R1.encode(found.point) == point


@pytest.mark.parametrize("curve", [curves.SECP256R1, curves.BRAINPOOL_P224R1], ids=lambda curve: curve.name)
def test_a_point_beside_the_curve_is_no_key(curve):
    info = public_info(ec_key(curve))
    point = bytearray(info["public_key"].native)
    point[-1] ^= 1
    info["public_key"] = bytes(point)
    with pytest.raises(ValueError):
        signatures.public_key(info.dump())


@pytest.mark.parametrize("r_or_s", [0, 1])
@pytest.mark.parametrize("value", [0, -1, curves.SECP256R1.n])
def test_numbers_out_of_range_sign_nothing(r_or_s, value):
    key = ec_key(curves.SECP256R1)
    numbers = algos.DSASignature.load(Scheme().sign(key, MESSAGE))
    numbers["rs"[r_or_s]] = value
    public = signatures.public_key(public_info(key).dump())
    with pytest.raises(InvalidSignature):
        signatures.verify(public, Scheme().algorithm().dump(), "", numbers.dump(force=True), MESSAGE)


@pytest.mark.parametrize(
    ("modulus", "exponent"),
    [(1 << 16383 | 1, 65537), (1 << 511 | 1, 65537), (1 << 2047 | 1, 1 << 2000 | 1)],
    ids=["16384 bits", "512 bits", "huge exponent"],
)
def test_rsa_keys_of_unbearable_size_are_not_used(modulus, exponent):
    with pytest.raises(Unsupported):
        signatures.public_key(rsa_info(modulus, exponent))


@pytest.mark.parametrize(
    ("modulus", "exponent"), [(1 << 2047 | 1, 1), (1 << 2047 | 1, 2), (-(1 << 2047), 3), (1 << 2047 | 1, -3)]
)
def test_rsa_keys_that_are_none_are_refused(modulus, exponent):
    with pytest.raises((ValueError, Unsupported)):
        signatures.public_key(rsa_info(modulus, exponent))


def pss(**differences: object) -> bytes:
    parameters = {
        "hash_algorithm": {"algorithm": "sha256"},
        "mask_gen_algorithm": {"algorithm": "mgf1", "parameters": {"algorithm": "sha256"}},
        "salt_length": 32,
        **differences,
    }
    return algos.SignedDigestAlgorithm({"algorithm": "rsassa_pss", "parameters": parameters}).dump()


def test_pss_of_the_ordinary_kind_is_verified():
    signed = Scheme("rsa_pss").sign(RSA, MESSAGE)
    public = signatures.public_key(public_info(RSA).dump())
    assert signatures.verify(public, pss(), "", signed, MESSAGE).name == "rsa-pss-sha256-2048"


@pytest.mark.parametrize(
    "algorithm",
    [
        pss(salt_length=10**9),
        pss(salt_length=-1),
        pss(trailer_field=2),
        pss(hash_algorithm={"algorithm": "md5"}),
        pss(mask_gen_algorithm={"algorithm": "mgf1", "parameters": {"algorithm": "md2"}}),
        encode(0x30, core.ObjectIdentifier("1.2.840.113549.1.1.10").dump()),
        encode(0x30, core.ObjectIdentifier("1.2.840.113549.1.1.10").dump() + b"\x05\x00"),
        encode(0x30, core.ObjectIdentifier("1.2.840.113549.1.1.4").dump()),
        encode(0x30, core.ObjectIdentifier("1.2.3").dump()),
        b"",
        b"\x30\x02\x06\x00",
    ],
)
def test_absurd_algorithms_verify_nothing(algorithm):
    public = signatures.public_key(public_info(RSA).dump())
    with pytest.raises((Unsupported, ValueError)):
        signatures.verify(public, algorithm, "sha256", b"\x01" * 256, MESSAGE)


def test_a_signature_algorithm_of_another_kind_of_key_verifies_nothing():
    public = signatures.public_key(public_info(RSA).dump())
    with pytest.raises(Unsupported):
        signatures.verify(public, Scheme().algorithm().dump(), "", b"\x01" * 256, MESSAGE)
    elliptic = signatures.public_key(public_info(ec_key(curves.SECP256R1)).dump())
    with pytest.raises(Unsupported):
        signatures.verify(elliptic, Scheme("rsa").algorithm().dump(), "", b"\x01" * 64, MESSAGE)


def test_algorithms_have_names():
    named = [signatures.algorithm_name(Scheme(*kind).algorithm().dump()) for kind in (("rsa",), ("ecdsa", "sha512"))]
    assert [*named, signatures.algorithm_name(pss()), signatures.algorithm_name(b"")] == [
        "rsa-sha256",
        "ecdsa-sha512",
        "rsa-pss-sha256",
        "?",
    ]


GOOD = public_info(ec_key(curves.BRAINPOOL_P256R1), {}).dump()


@given(st.data())
def test_a_damaged_key_is_another_key_or_none(data):
    at, flip = data.draw(st.integers(0, len(GOOD) - 1)), data.draw(st.integers(1, 255))
    damaged = GOOD[:at] + bytes([GOOD[at] ^ flip]) + GOOD[at + 1 :]
    try:
        found = signatures.public_key(damaged)
    except (Unsupported, ValueError):
        return
    # A seed or cofactor may be missing; the curve is the known one all the same.
    assert isinstance(found, EllipticKey | RsaKey)
    assert found.name in ("brainpoolP256r1", *(curve.name for curve in curves.BY_PARAMETER_ID.values()))
