"""The card's groups: the numbers of the standards, OpenSSL's products and our own, elements that are refused."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from sandbox.card import groups
from sandbox.card.groups import BadElement
from sandbox.card.parameters import NAMES, domain, modular_domain
from tests.sandbox.plain_groups import group_named

CURVES = [name for name in NAMES.values() if not name.startswith("modp")]
MODULAR = [name for name in NAMES.values() if name.startswith("modp")]
IN_OPENSSL = ["secp256r1", "secp384r1", "secp521r1", "brainpoolP256r1", "brainpoolP384r1", "brainpoolP512r1"]
EXPONENT = 0x1234567890ABCDEF1234567890ABCDEF1234567890ABCDEF


@pytest.mark.parametrize("name", CURVES)
def test_the_base_point_lies_on_its_curve_and_has_its_order(name: str) -> None:
    curve, slow = domain(name), group_named(name)
    assert (curve.y**2 - curve.x**3 - curve.a * curve.x - curve.b) % curve.p == 0
    before = slow.times(curve.n - 1, slow.base)  # the last multiple before infinity is the base point's negative
    assert before == (curve.x, curve.p - curve.y)


@pytest.mark.parametrize("name", MODULAR)
def test_the_generator_has_its_order_in_the_integers(name: str) -> None:
    numbers = modular_domain(name)
    assert (numbers.p - 1) % numbers.q == 0
    assert pow(numbers.g, numbers.q, numbers.p) == 1 != numbers.g
    assert numbers.p.bit_length() == 8 * numbers.size


@pytest.mark.parametrize("name", NAMES.values())
def test_products_and_sums_are_those_of_the_plain_formulas(name: str) -> None:
    fast, slow = groups.by_name(name), group_named(name)
    first, second = EXPONENT % fast.order, (EXPONENT * EXPONENT) % fast.order
    left, right = fast.private(first), fast.private(second)
    assert left.public == slow.octets(slow.times(first, slow.base))
    assert right.power(left.public) == left.power(right.public)
    assert left.power(right.public) == slow.octets(slow.times(first, slow.element(right.public)))
    assert left.secret(right.public) == slow.secret(first, slow.element(right.public))
    both = slow.plus(slow.element(left.public), slow.element(right.public))
    assert fast.combine(left.public, right.public) == slow.octets(both)
    assert fast.check(left.public) == left.public


@pytest.mark.parametrize("name", NAMES.values())
def test_the_generator_itself_and_its_inverse_can_be_multiplied(name: str) -> None:
    group = groups.by_name(name)
    generator, inverse = group.private(1).public, group.private(group.order - 1).public
    assert group.private(5).power(generator) == group.private(5).public
    assert group.private(5).power(inverse) == group.private(group.order - 5).public


@pytest.mark.parametrize("name", IN_OPENSSL)
def test_a_key_of_openssl_agrees_with_ours(name: str) -> None:
    library = {curve.name: curve for curve in (getattr(ec, found)() for found in dir(ec) if found.endswith("R1"))}[name]
    theirs = ec.generate_private_key(library)
    point = theirs.public_key().public_numbers()
    size = domain(name).size
    encoded = b"\x04" + point.x.to_bytes(size, "big") + point.y.to_bytes(size, "big")
    own = groups.Curve(name).private(EXPONENT)  # our arithmetic, not OpenSSL's
    public = ec.EllipticCurvePublicKey.from_encoded_point(library, own.public)
    assert own.secret(encoded) == theirs.exchange(ec.ECDH(), public)


@pytest.mark.parametrize("name", CURVES)
def test_what_is_no_point_of_the_curve_is_refused(name: str) -> None:
    group = groups.by_name(name)
    size = domain(name).size
    public = group.private(7).public
    moved = public[:-1] + bytes([public[-1] ^ 1])
    for element in (b"", b"\x00", public[:-1], b"\x02" + public[1 : 1 + size], b"\x04" + bytes(2 * size), moved):
        with pytest.raises(BadElement):
            group.check(element)
        with pytest.raises(BadElement):
            group.private(3).power(element)
    with pytest.raises(BadElement):
        group.combine(public, group.private(group.order - 7).public)


@pytest.mark.parametrize("name", MODULAR)
def test_what_is_no_element_of_the_subgroup_is_refused(name: str) -> None:
    group, numbers = groups.by_name(name), modular_domain(name)
    outside = next(number for number in range(2, 99) if pow(number, numbers.q, numbers.p) != 1)
    for number in (0, 1, numbers.p - 1, numbers.p, numbers.p + 2, outside):
        with pytest.raises(BadElement):
            group.check(number.to_bytes(numbers.size + 1, "big").lstrip(b"\x00"))
    with pytest.raises(BadElement):
        group.combine(group.private(7).public, group.private(group.order - 7).public)


@pytest.mark.parametrize("name", NAMES.values())
def test_zero_is_no_private_key(name: str) -> None:
    group = groups.by_name(name)
    for number in (0, group.order):
        with pytest.raises(BadElement):
            group.private(number)


def test_p224_has_no_integrated_mapping() -> None:
    with pytest.raises(BadElement):
        groups.by_name("secp224r1").encoded(EXPONENT)
