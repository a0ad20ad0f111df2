"""Public keys and groups as cards write them down: named, spelled out, numbered, and in ways that no card should."""

from contextlib import suppress

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from reader import tlv
from reader.chip import dh, groups
from reader.curves import BRAINPOOL_P256R1, BY_PARAMETER_ID, Curve, Point
from reader.errors import CardBroken

WHERE = "test.place"
CURVES = [pytest.param(curve, id=curve.name) for curve in BY_PARAMETER_ID.values()]


def spki(key: object) -> bytes:
    return key.public_bytes(  # type: ignore[attr-defined]
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def integer(number: int) -> bytes:
    return tlv.encode(0x02, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def wrap(algorithm: bytes, parameters: bytes, key: bytes) -> bytes:
    return tlv.encode(0x30, tlv.encode(0x30, tlv.encode(0x06, algorithm) + parameters) + tlv.encode(0x03, b"\0" + key))


def explicit(curve: Curve, *, compressed: bool = False, cofactor: int | None = 1, seed: bool = False, **other: object):
    """SpecifiedECDomain of the curve, with differences."""
    has = {"p": curve.p, "a": curve.a, "b": curve.b, "g": curve.g, "n": curve.n, "field": groups.PRIME_FIELD} | other
    size = curve.field_size
    point = curve.encode(has["g"])
    if compressed:
        point = bytes([2 + (has["g"].y & 1)]) + point[1 : 1 + size]
    field = tlv.encode(0x30, tlv.encode(0x06, has["field"]) + integer(has["p"]))
    coefficients = b"".join(tlv.encode(0x04, has[name].to_bytes(size, "big")) for name in "ab")
    if seed:
        coefficients += tlv.encode(0x03, b"\0seed")
    rest = tlv.encode(0x04, point) + integer(has["n"]) + (b"" if cofactor is None else integer(cofactor))
    return tlv.encode(0x30, integer(1) + field + tlv.encode(0x30, coefficients) + rest)


@pytest.mark.parametrize("curve", CURVES)
@pytest.mark.parametrize("form", [{}, {"compressed": True}, {"cofactor": None}, {"seed": True}])
def test_explicit_parameters_of_a_known_curve_are_that_curve(curve, form):
    point = curve.encode(curve.multiply_base(9))
    group, key = groups.from_public_key_info(wrap(groups.EC_PUBLIC_KEY, explicit(curve, **form), point), WHERE)
    assert group.curve is curve
    assert key == point


@pytest.mark.parametrize(
    "difference",
    [
        {"p": BRAINPOOL_P256R1.p - 2},
        {"a": BRAINPOOL_P256R1.a - 1},
        {"b": BRAINPOOL_P256R1.b + 1},
        {"g": BRAINPOOL_P256R1.multiply_base(2)},
        {"g": Point(BRAINPOOL_P256R1.g.x, BRAINPOOL_P256R1.p - BRAINPOOL_P256R1.g.y)},
        {"n": BRAINPOOL_P256R1.n - 2},
        {"cofactor": 2},
        {"field": bytes.fromhex("2A8648CE3D0102")},
    ],
)
def test_explicit_parameters_that_differ_anywhere_are_unsupported(difference):
    curve = BRAINPOOL_P256R1
    encoded = wrap(groups.EC_PUBLIC_KEY, explicit(curve, **difference), curve.encode(curve.g))
    with pytest.raises(groups.Unsupported):
        groups.from_public_key_info(encoded, WHERE)


@pytest.mark.parametrize("number", [0, 2, 9, 13])
def test_parameters_may_be_given_by_their_number(number):
    group = groups.by_parameter_id(number)
    public = group.public_key(9)
    key = public if group.kind == "ECDH" else integer(int.from_bytes(public, "big"))
    encoded = wrap(groups.STANDARDIZED_PARAMETERS, integer(number), key)
    assert groups.from_public_key_info(encoded, WHERE) == (group, public)


@pytest.mark.parametrize("number", [0, 1, 2])
@pytest.mark.parametrize("form", ["PKCS #3", "X9.42", "X9.42 with factor"])
def test_a_key_in_a_prime_field_of_the_standard_is_known_in_every_form(number, form):
    group = dh.BY_PARAMETER_ID[number]
    y = pow(group.g, 99, group.p)
    numbers = {
        "PKCS #3": [group.p, group.g],
        "X9.42": [group.p, group.g, group.q],
        "X9.42 with factor": [group.p, group.g, group.q, (group.p - 1) // group.q],
    }[form]
    algorithm = groups.DH_KEY_AGREEMENT if form == "PKCS #3" else groups.DH_PUBLIC_NUMBER
    encoded = wrap(algorithm, tlv.encode(0x30, b"".join(integer(n) for n in numbers)), integer(y))
    assert groups.from_public_key_info(encoded, WHERE) == (group, dh.unsigned(y))


def test_a_prime_field_of_the_standard_with_another_order_is_unsupported():
    group = dh.MODP_2048_224
    parameters = tlv.encode(0x30, integer(group.p) + integer(group.g) + integer(group.q + 2))
    with pytest.raises(groups.Unsupported):
        groups.from_public_key_info(wrap(groups.DH_PUBLIC_NUMBER, parameters, integer(4)), WHERE)


# RFC 3526, group 14: a safe prime.
SAFE_PRIME = int(
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B"
    "302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7EDEE386BFB5A899FA5AE9F24117C4B1FE6"
    "49286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F83655D23DCA3AD961C62F356208552BB9ED529077096966D"
    "670C354E4ABC9804F1746C08CA18217C32905E462E36CE3BE39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF695581718"
    "3995497CEA956AE515D2261898FA051015728E5A8AACAA68FFFFFFFFFFFFFFFF",
    16,
)


@pytest.mark.parametrize("order", [None, (SAFE_PRIME - 1) // 2])
def test_a_prime_field_of_the_cards_own_is_used_within_bounds(order):
    numbers = [SAFE_PRIME, 2] + ([] if order is None else [order])
    algorithm = groups.DH_KEY_AGREEMENT if order is None else groups.DH_PUBLIC_NUMBER
    parameters = tlv.encode(0x30, b"".join(integer(number) for number in numbers))
    y = pow(2, 12345, SAFE_PRIME)
    group, key = groups.from_public_key_info(wrap(algorithm, parameters, integer(y)), WHERE)
    assert (group.kind, group.name, key) == ("DH", "dh-2048", dh.unsigned(y))
    assert group.order == 1 << 512
    assert group.shared_secret(7, key, WHERE) == pow(y, 7, SAFE_PRIME).to_bytes(256, "big")
    assert not group.encodes
    for bad in (0, 1, SAFE_PRIME - 1, SAFE_PRIME):
        with pytest.raises(CardBroken):
            group.shared_secret(7, dh.unsigned(bad), WHERE)
    # Never for PACE, whose file nobody has signed.
    with pytest.raises(groups.Unsupported):
        groups.from_algorithm(tlv.encode(0x30, tlv.encode(0x06, algorithm) + parameters), WHERE)


def test_the_length_of_private_keys_in_pkcs_3_is_no_order():
    parameters = tlv.encode(0x30, integer(SAFE_PRIME) + integer(2) + integer(160))
    group, _ = groups.from_public_key_info(wrap(groups.DH_KEY_AGREEMENT, parameters, integer(4)), WHERE)
    assert group.order == 1 << 512


@pytest.mark.parametrize(
    "numbers",
    [
        (2**1023 - 1, 2),
        (2**4097 + 1, 2),
        (2**2048 - 2, 2),
        (0, 2),
        (SAFE_PRIME, 1),
        (SAFE_PRIME, 0),
        (SAFE_PRIME, SAFE_PRIME - 1),
        (SAFE_PRIME, 2, 2),
        (SAFE_PRIME, 2, 2**159 + 1),
        (SAFE_PRIME, 2, 2**255 + 1),  # does not divide p - 1
        (SAFE_PRIME, 2, 0),
        (SAFE_PRIME, 2, 2**600 + 1),
    ],
)
def test_prime_fields_that_are_none_or_too_small_or_too_large_are_unsupported(numbers):
    parameters = tlv.encode(0x30, b"".join(integer(number) for number in numbers))
    encoded = wrap(groups.DH_PUBLIC_NUMBER, parameters, integer(4))
    with pytest.raises(groups.Unsupported):
        groups.from_public_key_info(encoded, WHERE)


KEY = BRAINPOOL_P256R1.encode(BRAINPOOL_P256R1.g)
NAMED = tlv.encode(0x06, bytes.fromhex("2B2403030208010107"))


@pytest.mark.parametrize(
    ("algorithm", "parameters"),
    [
        (groups.EC_PUBLIC_KEY, tlv.encode(0x06, bytes.fromhex("2B8104000A"))),  # secp256k1
        (groups.EC_PUBLIC_KEY, bytes.fromhex("0500")),
        (bytes.fromhex("2A864886F70D010101"), bytes.fromhex("0500")),  # RSA
        (groups.STANDARDIZED_PARAMETERS, integer(3)),
    ],
)
def test_other_groups_are_unsupported(algorithm, parameters):
    with pytest.raises(groups.Unsupported):
        groups.from_public_key_info(wrap(algorithm, parameters, KEY), WHERE)


@pytest.mark.parametrize(
    "encoded",
    [
        b"",
        b"\x30\x00",
        b"\x30\x80",
        wrap(groups.EC_PUBLIC_KEY, NAMED, KEY)[:-1],
        wrap(groups.EC_PUBLIC_KEY, NAMED, KEY) + b"\0",
        wrap(groups.EC_PUBLIC_KEY, NAMED, KEY).replace(b"\x03\x42\x00", b"\x03\x42\x01"),
        wrap(groups.EC_PUBLIC_KEY, b"", KEY),
        wrap(groups.EC_PUBLIC_KEY, NAMED + NAMED, KEY),
        wrap(groups.EC_PUBLIC_KEY, b"\x30\x00", KEY),
        wrap(groups.EC_PUBLIC_KEY, explicit(BRAINPOOL_P256R1).replace(b"\x04\x20", b"\x02\x20", 1), KEY),
        wrap(groups.STANDARDIZED_PARAMETERS, NAMED, KEY),
        wrap(groups.STANDARDIZED_PARAMETERS, b"\x02\x01\xff", KEY),
        wrap(groups.STANDARDIZED_PARAMETERS, tlv.encode(0x02, b"\x01" * 600), KEY),
        wrap(groups.STANDARDIZED_PARAMETERS, integer(0), KEY),  # a point where an integer belongs
        wrap(groups.DH_PUBLIC_NUMBER, NAMED, KEY),
        wrap(groups.DH_PUBLIC_NUMBER, tlv.encode(0x30, integer(5)), KEY),
        wrap(groups.DH_PUBLIC_NUMBER, tlv.encode(0x31, integer(5) * 2), KEY),
    ],
)
def test_a_malformed_key_is_a_broken_card(encoded):
    with pytest.raises(CardBroken) as caught:
        groups.from_public_key_info(encoded, WHERE)
    assert caught.value.data == {"where": WHERE}


VALID = [
    wrap(groups.EC_PUBLIC_KEY, NAMED, KEY),
    wrap(groups.EC_PUBLIC_KEY, explicit(BRAINPOOL_P256R1), KEY),
    wrap(groups.DH_PUBLIC_NUMBER, tlv.encode(0x30, integer(dh.MODP_1024_160.p) + integer(3)), integer(4)),
]


@settings(max_examples=300)
@given(valid=st.sampled_from(VALID), at=st.integers(0, 400), value=st.integers(0, 255), cut=st.integers(0, 8))
def test_a_key_with_any_byte_changed_is_read_or_refused(valid, at, value, cut):
    changed = bytearray(valid[: len(valid) - cut])
    changed[at % len(changed)] = value
    with suppress(CardBroken, groups.Unsupported):
        groups.from_public_key_info(bytes(changed), WHERE)


@given(st.binary(max_size=80))
def test_random_bytes_for_a_key_are_refused(data):
    with pytest.raises((CardBroken, groups.Unsupported)):
        groups.from_public_key_info(data, WHERE)


@pytest.mark.parametrize("curve", [c for c in BY_PARAMETER_ID.values() if c.library], ids=lambda c: c.name)
def test_a_curve_the_library_knows_goes_by_the_same_object_identifier(curve):
    key = ec.derive_private_key(5, curve.library).public_key()
    group, point = groups.from_public_key_info(spki(key), WHERE)
    assert group.curve is curve
    assert point == curve.encode(curve.multiply_base(5))
