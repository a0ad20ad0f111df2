"""Curves and prime fields: the tables checked, our arithmetic against OpenSSL's."""

import hashlib
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from reader.chip import dh, groups
from reader.curves import (
    BRAINPOOL_P192R1,
    BRAINPOOL_P224R1,
    BRAINPOOL_P256R1,
    BRAINPOOL_P320R1,
    BY_OBJECT_IDENTIFIER,
    BY_PARAMETER_ID,
    SECP224R1,
    SECP256R1,
    SECP521R1,
    Curve,
    Multiplier,
    Point,
)
from reader.errors import CardBroken

WHERE = "test.place"
CURVES = [pytest.param(curve, id=curve.name) for curve in BY_PARAMETER_ID.values()]
GROUPS = [pytest.param(groups.by_parameter_id(n), id=str(n)) for n in (0, 1, 2, *BY_PARAMETER_ID)]


def probably_prime(number: int) -> bool:
    return all(pow(base, number - 1, number) == 1 for base in (2, 3, 5))


def without_library(curve: Curve) -> Curve:
    """The same curve, computed by our own arithmetic."""
    return replace(curve, library=None)


# ---- the tables ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("curve", CURVES)
def test_a_curve_of_the_table_is_one(curve):
    assert probably_prime(curve.p)
    assert probably_prime(curve.n)
    assert (4 * curve.a**3 + 27 * curve.b**2) % curve.p != 0
    assert curve.holds(curve.g)
    assert curve._multiply(curve.n, curve.g) is None
    assert (curve.p + 1 - curve.n) ** 2 <= 4 * curve.p  # Hasse: so n is the number of points, and the cofactor 1


def test_every_parameter_id_of_the_standard_has_its_group():
    names = {n: group.name for n in range(64) if (group := groups.by_parameter_id(n))}
    assert names == {
        0: "modp_1024_160",
        1: "modp_2048_224",
        2: "modp_2048_256",
        8: "secp192r1",
        9: "brainpoolP192r1",
        10: "secp224r1",
        11: "brainpoolP224r1",
        12: "secp256r1",
        13: "brainpoolP256r1",
        14: "brainpoolP320r1",
        15: "secp384r1",
        16: "brainpoolP384r1",
        17: "brainpoolP512r1",
        18: "secp521r1",
    }
    assert {n for n in names if not groups.by_parameter_id(n).encodes} == {10}


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_prime_field_of_the_table_has_the_order_it_says(number):
    group = dh.BY_PARAMETER_ID[number]
    assert probably_prime(group.p)
    assert probably_prime(group.q)
    assert (group.p - 1) % group.q == 0
    assert pow(group.g, group.q, group.p) == 1
    assert f"modp_{group.p.bit_length()}_{group.q.bit_length()}" == group.name


def test_every_curve_has_one_object_identifier():
    assert sorted(curve.name for curve in BY_OBJECT_IDENTIFIER.values()) == sorted(
        curve.name for curve in BY_PARAMETER_ID.values()
    )


# ---- multiplication ------------------------------------------------------------------------------------------------

# Keys, shared secrets and signatures (ECDSA with SHA-256) that OpenSSL's command line made, which has these curves.
OPENSSL = [
    (
        BRAINPOOL_P192R1,
        "b2928f9795836458bb17df6e0782591204f83f56cebd17a8",
        "04327e46fa40ea8e2939bcf43cb5fab9e18ffacd4a9db92b170287f3202de5207378308a0263efda64c1f0f1ae01db356a",
        "0415e6d62a28a48b6e14f3ba4f5970ad137366b053c1db98ee118f6fbdd4db48d1d476924baf60351477f53e0a952287c0",
        "4609c5955cc7ac0d3e041dabae8052431daf3a22d0ac2010",
        "25C5B371F9F10AF394FA2F53B7D96BD07BFEE9C77046CAD8",
        "89B129322DB90FD68F6AC154B0BFC72ED0E6E1C548732D5B",
    ),
    (
        BRAINPOOL_P224R1,
        "d1ee2739507de4ac1aefdff890240b2e63484e51c8ce01536035c165",
        "044bcb2df9c85fc8e8bdd351cf1b362142e85d73b20620133581cfcf46c8a9968cd62e5e473e75f20b96c5b32b185d814d9ea7fbd68eaf"
        "9306",
        "049b64fa1e856c415ce9ea3a21c3105307ef76090bd205fc3d0eb200f57eba6cd00ddbf6cff401f0ad3d9a871292a5a66af8642c06f965"
        "9ae2",
        "0eaf08f9c936c3bbb1279a904e36dcaedff27de6956ed96acb5c45de",
        "A41CBE09B7F5FCA61D70E67EF796BB251B8A44F83137586CC5104A75",
        "8C15DD257360C6CB3396B737776225B354FC692C11D9EA5E1EBB6FFD",
    ),
    (
        BRAINPOOL_P320R1,
        "23911344824c9f643c70c8fb771cf06a5aec6cf8fb04c1fafaf232cc86d0ebed552e50b6855ed704",
        "0463f2f58947de59a815051f11449ac260fc89eb87b7fa9a7c5274e02d1c678caad2c3e62fa4590c6b4c9b11ff72bab2b3ea4ee3d919f3"
        "933756fee8ea8cb2bdbdedb193f6141770d0901449d6e7ef8477",
        "0498e45b33b6a10ebf05c921214b7418a989684ec2e8fc7a5f3cb5d6516ae6edbfe6417e13dde8312c0d27f0e2405f81f46a1bbf890261"
        "3771db977b04678a38e8ca1879e77632eb687272dba2ebbecf44",
        "88b8a999bb8eb32167a4ded7bf15e419caa81f63f09bb065abc004e779f0c09a8ef132ba93aa7e59",
        "430EB434C37E7220233E77B41138244FC23F290C8886B9A3AA1486084A640C459752C33BD0E1C50B",
        "4959B1D03DD15CBDB90CA1884448A240A23E98D2D014972DE13F7D8CE9233BB313B26310DCDA5A88",
    ),
]


@pytest.mark.parametrize("row", OPENSSL, ids=lambda row: row[0].name)
def test_curves_that_the_library_lacks_agree_with_openssl(row):
    curve, private, ours, theirs, shared, _, _ = row
    group = groups.EcGroup(curve, curve.g)
    assert group.public_key(int(private, 16)).hex() == ours
    assert group.shared_secret(int(private, 16), bytes.fromhex(theirs), WHERE).hex() == shared


@pytest.mark.parametrize("row", OPENSSL, ids=lambda row: row[0].name)
def test_a_signature_on_a_curve_that_the_library_lacks_is_verified(row):
    curve, _, ours, theirs, _, r, s = row
    digest = hashlib.sha256(b"Tiep Don").digest()
    signer, stranger = curve.decode(bytes.fromhex(ours), WHERE), curve.decode(bytes.fromhex(theirs), WHERE)
    r, s = int(r, 16), int(s, 16)
    assert curve.verify_ecdsa(signer, digest, r, s)
    assert not curve.verify_ecdsa(stranger, digest, r, s)
    assert not curve.verify_ecdsa(signer, hashlib.sha256(b"Tiep don").digest(), r, s)
    assert not curve.verify_ecdsa(signer, digest, r, s - 1)
    for bad in (0, curve.n, curve.n + 1, -1):
        assert not curve.verify_ecdsa(signer, digest, bad, s)
        assert not curve.verify_ecdsa(signer, digest, r, bad)
    assert not curve.verify_ecdsa(Point(signer.x, signer.y + 1), digest, r, s)


@pytest.mark.parametrize("hash_type", [hashes.SHA1, hashes.SHA256, hashes.SHA512])
@pytest.mark.parametrize("curve", [SECP224R1, SECP256R1, SECP521R1], ids=lambda c: c.name)
def test_our_verification_is_the_librarys(curve, hash_type):
    key = ec.derive_private_key(0x1234567, curve.library)
    r, s = decode_dss_signature(key.sign(b"message", ec.ECDSA(hash_type())))
    run = hashes.Hash(hash_type())
    run.update(b"message")
    assert without_library(curve).verify_ecdsa(curve.multiply_base(0x1234567), run.finalize(), r, s)


def test_a_signature_whose_parts_cancel_out_is_no_signature():
    curve = BRAINPOOL_P192R1
    digest = (5).to_bytes(24, "big")
    # The public key -5/r · G makes u1·G + u2·Q the point at infinity for every s.
    r = 7
    public = curve._multiply(-5 * pow(r, -1, curve.n) % curve.n, curve.g)
    assert public is not None
    assert not curve.verify_ecdsa(public, digest, r, 1)


@pytest.mark.parametrize("curve", CURVES)
def test_products_are_whole_points_for_every_kind_of_scalar_and_point(curve):
    ours = without_library(curve)
    some = ours.multiply_base(0xABCDEF0123456789)
    points = [curve.g, Point(curve.g.x, curve.p - curve.g.y), some]
    for scalar in (
        1,
        2,
        3,
        curve.n // 2,
        curve.n - 2,
        curve.n - 1,
        int(hashlib.sha256(b"k").hexdigest(), 16) % curve.n,
    ):
        for point in points:
            assert curve.multiply(scalar, point) == ours.multiply(scalar, point)
            assert curve.multiply_x(scalar, point) == ours.multiply(scalar, point).x
        assert curve.multiply_base(scalar) == ours.multiply_base(scalar)


@pytest.mark.parametrize("curve", [BRAINPOOL_P256R1, BRAINPOOL_P320R1], ids=lambda c: c.name)
@pytest.mark.parametrize("offset", [-1, 0, 1])
def test_scalars_out_of_range_are_refused(curve, offset):
    for scalar in (0, -1, curve.n + abs(offset), 1 << 600):
        with pytest.raises(ValueError):
            Multiplier(curve, scalar)


@pytest.mark.parametrize("curve", CURVES)
def test_integers_encode_points_of_the_curve_or_none(curve):
    if curve.p % 4 != 3:
        return
    for number in (0, 1, curve.p - 1):
        assert curve.encode_integer(number) is None
    for number in (2, 3, 12345, curve.p - 2, curve.p // 3):
        point = curve.encode_integer(number)
        assert point is not None
        assert curve.holds(point)


# ---- agreement -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("group", GROUPS)
def test_both_sides_come_to_the_same_secret(group):
    mine, theirs = 0x1234567890ABCDEF1234567890, 0xFEDCBA0987654321
    secret = group.shared_secret(mine, group.public_key(theirs), WHERE)
    assert secret == group.key_pair(theirs).shared_secret(group.key_pair(mine).public, WHERE)
    assert len(secret) == (group.p.bit_length() + 7) // 8


@pytest.mark.parametrize("group", GROUPS)
def test_private_keys_up_to_the_order_are_usable(group):
    peer = group.public_key(77)
    for private in (1, group.order - 2, group.order - 1):
        assert group.key_pair(private).shared_secret(peer, WHERE)


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("peer", [b"", b"\0", b"\x04", b"\0" * 300, b"\xff" * 65, b"\xff" * 256])
def test_a_public_key_that_is_none_is_a_broken_card(group, peer):
    for use in (
        lambda: group.shared_secret(5, peer, WHERE),
        lambda: group.key_pair(5).generic_mapping(9, peer, WHERE),
    ):
        with pytest.raises(CardBroken) as caught:
            use()
        assert caught.value.data == {"where": WHERE}


@pytest.mark.parametrize("curve", CURVES)
def test_points_beside_the_curve_are_broken_in_every_form(curve):
    group = groups.EcGroup(curve, curve.g)
    size = curve.field_size
    x, y = curve.g.x.to_bytes(size, "big"), curve.g.y.to_bytes(size, "big")
    beside = [
        b"\x04" + x + ((curve.g.y + 1) % curve.p).to_bytes(size, "big"),
        b"\x04" + x + y + b"\0",
        b"\x04" + x + y[:-1],
        b"\x06" + x + y,
        bytes([2 + (curve.g.y & 1)]) + x,
        b"\x00",
        b"\x04" + bytes(2 * size),
    ]
    if curve.g.x + curve.p < 256**size:
        beside.append(b"\x04" + (curve.g.x + curve.p).to_bytes(size, "big") + y)  # the same point, not reduced
    for peer in beside:
        with pytest.raises(CardBroken):
            group.shared_secret(5, peer, WHERE)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_numbers_outside_the_subgroup_are_broken(number):
    group = dh.BY_PARAMETER_ID[number]
    outside = pow(group.g, 1, group.p) * (group.p - 1) % group.p  # of order 2q
    for bad in (1, group.p - 1, 2, outside):
        with pytest.raises(CardBroken):
            group.shared_secret(5, dh.unsigned(bad), WHERE)


def test_public_numbers_have_no_leading_zeros_and_may_be_read_with_them():
    group = dh.MODP_1024_160
    private = next(k for k in range(1, 5000) if len(group.public_key(k)) < 128)
    short = group.public_key(private)
    assert short[0] != 0
    assert group.shared_secret(9, short, WHERE) == group.shared_secret(9, short.rjust(128, b"\0"), WHERE)


def test_a_mapping_that_ends_at_the_neutral_element_is_broken():
    ec_group, dh_group = groups.by_parameter_id(13), dh.MODP_2048_256
    for group in (ec_group, dh_group):
        pair = group.key_pair(3)
        peer = group.public_key(group.order - 5)
        with pytest.raises(CardBroken):
            pair.generic_mapping(15, peer, WHERE)
    for nonce in (0, ec_group.order):
        with pytest.raises(CardBroken):
            ec_group.key_pair(3).generic_mapping(nonce, ec_group.public_key(8), WHERE)
    for number in (0, 1):
        with pytest.raises(CardBroken):
            dh_group.integrated_mapping(number, WHERE)
        with pytest.raises(CardBroken):
            ec_group.integrated_mapping(number, WHERE)
