"""What a chip says it can do: as real cards and the specifications' examples write it, and as no card should."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reader.chip.security_infos import (
    MAX_INFOS,
    ActiveAuthenticationInfo,
    ChipAuthenticationInfo,
    PaceInfo,
    SecurityInfos,
    parse,
)
from reader.errors import CardBroken
from tests.reader.chip.chip_side import wrapped

# card.md 10.5: EF.CardAccess of the Vietnamese card
VIETNAMESE = bytes.fromhex(
    "3134300D060804007F0007020202020101300F060A04007F000702020302020201013012060A04007F0007020204020202010202010D"
)
OID = bytes.fromhex
PACE = OID("04007F00070202040202")
CHIP_AUTHENTICATION = OID("04007F00070202030202")


def info(oid: bytes, *fields: bytes) -> bytes:
    return wrapped(0x30, wrapped(0x06, oid) + b"".join(fields))


def integer(*content: int) -> bytes:
    return wrapped(0x02, bytes(content))


def parsed(*found: bytes) -> SecurityInfos:
    return parse(wrapped(0x31, b"".join(found)), "dg14")


def test_the_vietnamese_card_announces_pace_and_chip_authentication() -> None:
    infos = parse(VIETNAMESE, "card_access")
    assert infos.pace == (PaceInfo(PACE, 2, 13),)
    assert infos.chip_authentication == (ChipAuthenticationInfo(CHIP_AUTHENTICATION, 1, None),)
    assert infos.chip_keys == infos.active_authentication == infos.pace_domains == ()


def test_every_kind_is_kept_in_the_order_of_the_card() -> None:
    key = wrapped(0x30, b"\x05\x00")
    infos = parsed(
        info(CHIP_AUTHENTICATION, integer(1), integer(2)),
        info(OID("04007F00070202030201"), integer(1)),
        info(OID("04007F000702020102"), key, integer(2)),
        info(OID("04007F000702020101"), key),
        info(OID("678108010105"), integer(1), wrapped(0x06, OID("04007F00070101040103"))),
        info(OID("04007F000702020402"), key, integer(0)),
        info(PACE, integer(2)),
    )
    assert [(found.oid[-1], found.key_id) for found in infos.chip_authentication] == [(2, 2), (1, None)]
    assert [(found.oid[-1], found.public_key, found.key_id) for found in infos.chip_keys] == [
        (2, key, 2),
        (1, key, None),
    ]
    assert infos.active_authentication == (ActiveAuthenticationInfo(1, OID("04007F00070101040103")),)
    assert [(found.algorithm, found.parameter_id) for found in infos.pace_domains] == [(key, 0)]
    assert infos.pace == (PaceInfo(PACE, 2, None),)


def test_a_key_number_may_take_two_bytes() -> None:
    assert parsed(info(CHIP_AUTHENTICATION, integer(1), integer(0, 0xC3))).chip_authentication[0].key_id == 0xC3


@pytest.mark.parametrize(
    "unknown",
    [
        info(OID("04007F0007020202"), integer(1)),
        info(OID("04007F000702020302"), wrapped(0x30, b"")),  # domain parameters for chip authentication version 2
        info(OID("2A03"), wrapped(0x16, b"https://example.invalid")),
        info(OID("2A03")),
        info(CHIP_AUTHENTICATION),
        info(CHIP_AUTHENTICATION, wrapped(0x04, b"\x01")),
        info(CHIP_AUTHENTICATION, integer(1), integer(1), integer(1)),
        info(CHIP_AUTHENTICATION, integer(1, 2, 3, 4, 5)),
        info(CHIP_AUTHENTICATION, integer()),
        info(OID("04007F000702020102"), integer(1)),
        info(OID("04007F000702020102"), wrapped(0x30, b""), wrapped(0x04, b"\x01")),
        info(OID("678108010105"), integer(1)),
        info(OID("678108010105"), integer(1), wrapped(0x04, b"\x01")),
        info(OID("04007F000702020402"), integer(1)),
        info(b"", integer(1)),
    ],
)
def test_what_is_not_understood_is_passed_over(unknown: bytes) -> None:
    understood = info(PACE, integer(2), integer(13))
    assert parsed(unknown, understood) == SecurityInfos(pace=(PaceInfo(PACE, 2, 13),))


def test_an_empty_set_announces_nothing() -> None:
    assert parse(b"\x31\x00", "dg14") == SecurityInfos()


@pytest.mark.parametrize(
    "malformed",
    [
        b"",
        b"\x31",
        b"\x30\x00",
        VIETNAMESE[:-1],
        VIETNAMESE + b"\0",
        b"\x31\x80" + VIETNAMESE[2:] + b"\0\0",
        bytes.fromhex("3184FFFFFFFF"),
        bytes.fromhex("318400000000"),
        wrapped(0x31, b"\x30\x00"),
        wrapped(0x31, integer(1)),
        wrapped(0x31, wrapped(0x30, integer(1))),
        wrapped(0x31, b"\x30\x84\xff\xff\xff\xff"),
    ],
)
def test_malformed_infos_are_the_cards_fault(malformed: bytes) -> None:
    with pytest.raises(CardBroken) as caught:
        parse(malformed, "dg14")
    assert caught.value.data["where"] == "dg14"


def test_a_card_cannot_announce_without_end() -> None:
    one = info(PACE, integer(2), integer(13))
    assert len(parsed(*[one] * MAX_INFOS).pace) == MAX_INFOS
    with pytest.raises(CardBroken):
        parsed(*[one] * (MAX_INFOS + 1))


def test_depth_costs_nothing() -> None:
    nested = b""
    for _ in range(2000):
        nested = wrapped(0x30, nested)
    assert parsed(info(OID("2A03"), nested)) == SecurityInfos()


def understood_or_refused(encoded: bytes) -> bool:
    try:
        parse(encoded, "dg14")
    except CardBroken as broken:
        return broken.data == {"where": "dg14"}
    return True


@given(st.binary(max_size=200))
def test_any_bytes_are_understood_or_refused(data: bytes) -> None:
    assert understood_or_refused(data)
    assert understood_or_refused(wrapped(0x31, data))
    assert understood_or_refused(wrapped(0x31, wrapped(0x30, data)))


@given(st.integers(0, len(VIETNAMESE) - 1), st.integers(0, 255))
def test_one_changed_byte_never_breaks_more_than_the_file(at: int, value: int) -> None:
    assert understood_or_refused(VIETNAMESE[:at] + bytes([value]) + VIETNAMESE[at + 1 :])
