"""Which of a chip's offers is taken, and what PACE with chip authentication mapping proved."""

import time

import pytest

from reader import curves
from reader.chip import chip_authentication, groups
from reader.chip.chip_authentication import NOT_OFFERED, UNSUPPORTED, choose, why_not
from reader.chip.pace import Mapped
from reader.chip.security_infos import ChipAuthenticationInfo, SecurityInfos
from tests.reader.chip.chip_keys import (
    PRIVATE_OF_CHIP,
    chosen,
    explicit,
    info,
    infos,
    integer,
    key,
    modulo,
    numbered,
    on_curve,
)
from tests.reader.chip.chip_side import public_on_curve, times, wrapped


def test_the_longest_cipher_is_chosen_and_curves_before_prime_fields() -> None:
    ec, prime = key(2, on_curve(12).key_info), key(1, modulo(0).key_info)
    assert chosen(info(2, 1), info(2, 2), info(2, 4), info(2, 3), ec).name == "CA-ECDH-AES-CBC-CMAC-256"
    assert chosen(info(2, 1), info(1, 2), ec, prime).name == "CA-DH-AES-CBC-CMAC-128"
    assert chosen(info(1, 2), info(2, 2), prime, ec).name == "CA-ECDH-AES-CBC-CMAC-128"
    assert chosen(info(2, 1), ec).name == "CA-ECDH-3DES-CBC-CBC"


def test_the_key_is_found_by_its_number() -> None:
    first, second = on_curve(12), on_curve(13)
    offer = chosen(info(2, 2, key_id=7), key(2, first.key_info, 3), key(2, second.key_info, 7))
    assert (offer.group.name, offer.key_id) == ("brainpoolP256r1", 7)


def test_a_number_on_one_side_only_is_clear_while_there_is_one_key() -> None:
    first, second = on_curve(12), on_curve(13)
    assert chosen(info(2, 2, key_id=7), key(2, first.key_info)).key_id == 7
    assert chosen(info(2, 2), key(2, first.key_info, 9)).key_id == 9
    assert choose(infos(info(2, 2, key_id=7), key(2, first.key_info), key(2, second.key_info))) is None


def test_an_announcement_whose_key_is_missing_is_passed_over() -> None:
    side = on_curve(12)
    offer = chosen(info(2, 4, key_id=1), info(2, 2, key_id=2), info(1, 4, key_id=2), key(2, side.key_info, 2))
    assert offer.name == "CA-ECDH-AES-CBC-CMAC-128"


def test_keys_that_cannot_be_used_are_passed_over() -> None:
    side = on_curve(12)
    own_curve = explicit(curves.SECP256R1, public_on_curve(curves.SECP256R1, 7), order=curves.SECP256R1.n - 2)
    for useless in (own_curve, numbered(99, b"\x04" + bytes(64)), b"", b"\x30\x84\xff\xff\xff\xff", side.key_info[:-1]):
        offer = chosen(info(2, 4, key_id=1), info(2, 2, key_id=2), key(2, useless, 1), key(2, side.key_info, 2))
        assert offer.name == "CA-ECDH-AES-CBC-CMAC-128"
        assert choose(infos(info(2, 4), key(2, useless))) is None
        assert why_not(infos(info(2, 4), key(2, useless))) == UNSUPPORTED


def test_what_is_no_version_1_is_not_taken_for_it() -> None:
    side = on_curve(12)
    assert choose(infos(info(2, 2, version=2), key(2, side.key_info))) is None


def test_a_group_that_is_not_of_the_announced_kind_is_not_used() -> None:
    assert choose(infos(info(2, 2), key(2, modulo(0).key_info))) is None


@pytest.mark.parametrize(
    "odd", [info(2, 0), info(2, 5), info(2, 255), info(0, 2), info(3, 2), info(2, 2, version=0), info(2, 2, version=-1)]
)
def test_protocols_of_the_future_are_passed_over(odd: ChipAuthenticationInfo) -> None:
    assert choose(infos(odd, key(2, on_curve(12).key_info))) is None


def test_a_card_cannot_make_choosing_long() -> None:
    """Every key spells out a group of the largest size, and every protocol could mean every key."""
    q = (1 << 511) + 111
    group = wrapped(0x30, integer((1 << 4095) // q * q + q + 1) + integer(3) + integer(q))
    slow = wrapped(0x30, wrapped(0x30, bytes.fromhex("06072A8648CE3E0201") + group) + wrapped(0x03, b"\0" + integer(9)))
    began = time.process_time()
    choose(infos(*[info(1, 4)] * 32, *[key(1, slow)] * 32))
    assert time.process_time() - began < 1


def test_a_negative_key_number_is_no_number() -> None:
    assert choose(infos(info(2, 2, key_id=-1), key(2, on_curve(12).key_info, -1))) is None


def test_a_card_without_any_key_offers_nothing() -> None:
    assert choose(SecurityInfos()) is None
    assert why_not(SecurityInfos()) == NOT_OFFERED
    assert choose(infos(info(2, 2))) is None


# PACE with chip authentication mapping


def mapped(curve_number: int, factor: int) -> Mapped:
    """What a chip with PRIVATE_OF_CHIP leaves when its mapping key is factor · PK_IC."""
    group = groups.by_parameter_id(curve_number)
    curve = curves.BY_PARAMETER_ID[curve_number]
    assert group is not None
    private = PRIVATE_OF_CHIP % curve.n
    point = times(curve, factor * private % curve.n, (curve.g.x, curve.g.y))
    assert point is not None
    size = curve.field_size
    encoded = b"\x04" + point[0].to_bytes(size, "big") + point[1].to_bytes(size, "big")
    return Mapped(group, encoded, factor.to_bytes((curve.n.bit_length() + 7) // 8, "big"))


@pytest.mark.parametrize("number", [12, 13, 14, 18])
def test_the_mapping_was_made_with_the_key_of_the_chip(number: int) -> None:
    assert chip_authentication.verify_mapping(mapped(number, 0x1234567), infos(key(2, on_curve(number).key_info)))


def test_the_key_of_the_mapping_need_not_be_the_first() -> None:
    keys = [key(2, on_curve(12).key_info, 1), key(1, modulo(0).key_info, 2), key(2, b"\x30\x00", 3)]
    other = numbered(13, public_on_curve(curves.BRAINPOOL_P256R1, 99))
    keys += [key(2, other, 4), key(2, on_curve(13).key_info, 5)]
    assert chip_authentication.verify_mapping(mapped(13, 0x1234567), infos(*keys))


def test_a_mapping_by_another_key_proves_nothing() -> None:
    other = numbered(13, public_on_curve(curves.BRAINPOOL_P256R1, 99))
    assert not chip_authentication.verify_mapping(mapped(13, 0x1234567), infos(key(2, other)))
    assert not chip_authentication.verify_mapping(mapped(13, 0x1234567), infos(key(2, on_curve(12).key_info)))
    assert not chip_authentication.verify_mapping(mapped(13, 0x1234567), SecurityInfos())


@pytest.mark.parametrize("data", [b"", bytes(32), b"\xff" * 32, b"\xff" * 4096])
def test_chip_data_that_is_no_private_key_proves_nothing(data: bytes) -> None:
    honest = mapped(13, 0x1234567)
    assert not chip_authentication.verify_mapping(
        Mapped(honest.group, honest.public_key, data), infos(key(2, on_curve(13).key_info))
    )


def test_the_order_as_chip_data_proves_nothing() -> None:
    """n times a point is no point; a card that sends both as nothing has not shown a key."""
    order = curves.BRAINPOOL_P256R1.n.to_bytes(32, "big")
    group = mapped(13, 1).group
    assert not chip_authentication.verify_mapping(Mapped(group, b"\0", order), infos(key(2, on_curve(13).key_info)))


def test_many_keys_cost_little() -> None:
    other = numbered(14, public_on_curve(curves.BY_PARAMETER_ID[14], 99))
    many = [key(2, other, number) for number in range(64)]
    assert not chip_authentication.verify_mapping(mapped(14, 5), infos(*many, key(2, on_curve(14).key_info)))
