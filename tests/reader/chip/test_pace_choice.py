"""Which of a card's PACE protocols the reader takes, and what it does not take."""

from dataclasses import replace

import pytest

from reader import tlv
from reader.chip import groups, pace
from reader.chip.key_derivation import Cipher
from reader.chip.security_infos import PaceDomainParameterInfo, PaceInfo, SecurityInfos, parse
from reader.curves import SECP256R1
from reader.errors import CardBroken, UnsupportedAccess
from tests.reader.chip.pace_cards import infos

CARD_ACCESS_VN = bytes.fromhex(
    "3134300D060804007F0007020202020101300F060A04007F000702020302020201013012060A04007F0007020204020202010202010D"
)


def test_the_vietnamese_card_offers_generic_mapping_on_brainpool_p256r1():
    protocol = pace.choose(parse(CARD_ACCESS_VN, "test"))
    assert protocol.group == groups.by_parameter_id(13)
    assert protocol.cipher is Cipher.AES128
    assert protocol.mapping == "GM"
    assert not protocol.ambiguous
    assert protocol.name == "PACE-ECDH-GM-AES-CBC-CMAC-128"


def pace_oid(family: int, cipher: int) -> bytes:
    return bytes.fromhex("04007F0007020204") + bytes([family, cipher])


GM, IM, CAM, DH_GM, DH_IM = 2, 4, 6, 1, 3
TDES, AES128, AES192, AES256 = 1, 2, 3, 4


@pytest.mark.parametrize(
    ("family", "cipher", "number", "name"),
    [
        (DH_GM, TDES, 0, "PACE-DH-GM-3DES-CBC-CBC"),
        (GM, AES192, 8, "PACE-ECDH-GM-AES-CBC-CMAC-192"),
        (DH_IM, AES256, 2, "PACE-DH-IM-AES-CBC-CMAC-256"),
        (IM, AES128, 11, "PACE-ECDH-IM-AES-CBC-CMAC-128"),
        (CAM, AES256, 18, "PACE-ECDH-CAM-AES-CBC-CMAC-256"),
    ],
)
def test_a_protocol_is_named_as_the_standard_names_it(family, cipher, number, name):
    assert pace.choose(infos(PaceInfo(pace_oid(family, cipher), 2, number))).name == name


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ((GM, AES128, 13), (GM, TDES, 13)),
        ((GM, AES128, 13), (GM, AES128, 8)),
        ((GM, AES128, 13), (CAM, AES128, 9)),  # a weak curve is not saved by what is proven over it
        ((CAM, AES128, 13), (GM, AES128, 13)),
        ((GM, AES128, 13), (IM, AES128, 13)),
        ((GM, AES128, 13), (DH_GM, AES128, 2)),
        ((GM, AES128, 13), (GM, AES256, 17)),
        ((GM, AES128, 12), (GM, AES256, 12)),
        ((DH_GM, AES128, 1), (DH_GM, AES128, 0)),
    ],
)
def test_the_better_of_two_protocols_is_chosen_in_whatever_order_they_come(better, worse):
    first, second = (PaceInfo(pace_oid(*row[:2]), 2, row[2]) for row in (better, worse))
    assert pace.choose(infos(first, second)).info == first
    assert pace.choose(infos(second, first)).info == first


@pytest.mark.parametrize(
    "info",
    [
        PaceInfo(pace_oid(GM, AES128), 2, 0),  # a prime field in a protocol over curves
        PaceInfo(pace_oid(DH_GM, AES128), 2, 13),
        PaceInfo(pace_oid(GM, AES128), 2, None),
        PaceInfo(pace_oid(GM, AES128), 1, 13),
        PaceInfo(pace_oid(GM, AES128), 2, 3),
        PaceInfo(pace_oid(GM, AES128), 2, 19),
        PaceInfo(pace_oid(GM, AES128), 2, -1),
        PaceInfo(pace_oid(GM, AES128), 2, 0x7FFFFFFF),
        PaceInfo(pace_oid(GM, 5), 2, 13),
        PaceInfo(pace_oid(5, AES128), 2, 13),
        PaceInfo(pace_oid(CAM, TDES), 2, 13),  # not in the standard
        PaceInfo(pace_oid(IM, AES128), 2, 10),  # no point encoding for NIST P-224
    ],
)
def test_what_is_not_spoken_is_unsupported(info):
    with pytest.raises(UnsupportedAccess):
        pace.choose(infos(info))


def test_a_card_without_pace_is_unsupported():
    with pytest.raises(UnsupportedAccess):
        pace.choose(SecurityInfos())


def explicit(p: int, a: int, b: int, generator: bytes, n: int) -> bytes:
    """An AlgorithmIdentifier of a curve, number by number."""

    def integer(number: int) -> bytes:
        return tlv.encode(0x02, number.to_bytes(number.bit_length() // 8 + 1, "big"))

    field = tlv.encode(0x30, tlv.encode(0x06, groups.PRIME_FIELD) + integer(p))
    coefficients = tlv.encode(0x30, tlv.encode(0x04, a.to_bytes(32, "big")) + tlv.encode(0x04, b.to_bytes(32, "big")))
    domain = integer(1) + field + coefficients + tlv.encode(0x04, generator) + integer(n) + integer(1)
    return tlv.encode(0x30, tlv.encode(0x06, groups.EC_PUBLIC_KEY) + tlv.encode(0x30, domain))


def spelled_out(number: int | None, algorithm: bytes, family: int = GM) -> SecurityInfos:
    oid = pace_oid(family, AES128)
    return SecurityInfos(
        pace=(PaceInfo(oid, 2, number),), pace_domains=(PaceDomainParameterInfo(oid[:-1], algorithm, number),)
    )


NUMBERS = (SECP256R1.p, SECP256R1.a, SECP256R1.b, SECP256R1.encode(SECP256R1.g), SECP256R1.n)


@pytest.mark.parametrize("number", [None, 32, 255])
def test_domain_parameters_that_are_spelled_out_may_be_those_of_a_known_curve(number):
    assert pace.choose(spelled_out(number, explicit(*NUMBERS))).group == groups.by_parameter_id(12)


@pytest.mark.parametrize("place", range(5))
def test_domain_parameters_of_the_cards_own_are_unsupported(place):
    different: list = list(NUMBERS)
    different[place] = SECP256R1.encode(SECP256R1.multiply_base(2)) if place == 3 else different[place] - 2
    with pytest.raises(UnsupportedAccess):
        pace.choose(spelled_out(40, explicit(*different)))


@pytest.mark.parametrize("algorithm", ["3000", "30020500", "3004060100", "30" + "80", ""])
def test_domain_parameters_that_are_malformed_are_unsupported(algorithm):
    with pytest.raises(UnsupportedAccess):
        pace.choose(spelled_out(40, bytes.fromhex(algorithm)))


def test_domain_parameters_belong_to_the_protocol_they_are_announced_for():
    found = spelled_out(40, explicit(*NUMBERS))
    other = replace(found.pace_domains[0], oid=pace_oid(CAM, AES128)[:-1])
    with pytest.raises(UnsupportedAccess):
        pace.choose(replace(found, pace_domains=(other,)))
    with pytest.raises(UnsupportedAccess):
        pace.choose(replace(found, pace_domains=(replace(found.pace_domains[0], parameter_id=41),)))


@pytest.mark.parametrize(
    "data", [b"", b"\x31", b"\x31\x00\x00", b"\x30\x00", bytes.fromhex("31023000"), bytes.fromhex("3180")]
)
def test_a_malformed_card_access_is_a_broken_card(data):
    with pytest.raises(CardBroken):
        parse(data, "test")
