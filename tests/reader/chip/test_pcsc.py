"""What PC/SC's return codes mean, which slot is taken, what a driver tells of its reader."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from smartcard import scard

from reader.chip import features
from reader.chip.pcsc import is_extended
from reader.chip.pcsc_calls import error_for
from reader.chip.slots import (
    Interface,
    SlotState,
    ToldBy,
    choose,
    interface_by_icc_type,
    interface_by_name,
    interface_of,
    is_another_card,
    is_contactless_atr,
    usable,
)
from reader.errors import CardMute, CardRemoved, CardShared, NoCard, NoReader, NotAllowed, ServiceDown

SAM = "ACS ACR1252 Dual Reader [ACR1252 Dual Reader SAM] 01 00"
PICC = "ACS ACR1252 Dual Reader [ACR1252 Dual Reader PICC] 00 00"
OMNIKEY = "HID Global OMNIKEY 5422 Smartcard Reader [OMNIKEY 5422CL Smartcard Reader] 01 00"
CONTACT = "HID Global OMNIKEY 5422 Smartcard Reader [OMNIKEY 5422 Smartcard Reader] 00 00"
IDENTIV = "Identiv uTrust 3700 F CL Reader [uTrust 3700 F CL Reader] (55022237223359) 00 00"
VIRTUAL = ["Virtual PCD 00 00", "Virtual PCD 00 01"]
CONTACTLESS_ATR = bytes.fromhex("3B888001000000000000000009")
BANK_ATR = bytes.fromhex("3B6800000073C84012009000")


@pytest.mark.parametrize(
    ("name", "interface", "told_by"),
    [
        (PICC, Interface.CONTACTLESS, ToldBy.NAME),
        (SAM, Interface.SAM, ToldBy.NAME),
        (OMNIKEY, Interface.CONTACTLESS, ToldBy.NAME),
        (CONTACT, Interface.CONTACT, ToldBy.SIBLING),
        (IDENTIV, Interface.CONTACTLESS, ToldBy.NAME),
        (
            "Identiv Identiv uTrust 4711 F CL + SAM Reader [uTrust 4711 F CL Reader] 00 00",
            Interface.CONTACTLESS,
            "name",
        ),
        ("Identiv Identiv uTrust 4711 F CL + SAM Reader [uTrust SAM slot] 00 01", Interface.SAM, ToldBy.NAME),
        ("ACS ACR33U-A1 3SAM ICC Reader 00 00", Interface.CONTACT, ToldBy.NAME),
        ("ACS ACR122U PICC Interface 00 00", Interface.CONTACTLESS, ToldBy.NAME),
        ("ACS ACR122U 00 00", Interface.CONTACTLESS, ToldBy.MODEL),
        ("HID Global OMNIKEY 5022 Smart Card Reader 00 00", Interface.CONTACTLESS, ToldBy.MODEL),
        ("SCM Microsystems SCL3711 00 00", Interface.CONTACTLESS, ToldBy.MODEL),
        ("Virtual PCD 00 00", Interface.UNKNOWN, ToldBy.NOTHING),
        ("Samsung Reader 00 00", Interface.UNKNOWN, ToldBy.NOTHING),
    ],
)
def test_a_slot_is_known_by_its_name_its_model_or_the_one_beside_it(name, interface, told_by):
    assert interface_by_name(name, [PICC, SAM, OMNIKEY, CONTACT]) == (interface, told_by)


@pytest.mark.parametrize(
    ("names", "wanted", "left"),
    [
        ([], "", []),
        ([SAM, PICC], "", [PICC]),
        ([SAM], "", []),
        ([SAM, PICC], "acr1252", [PICC]),
        ([SAM, PICC], "sam", []),
        ([SAM, PICC, *VIRTUAL], "OMNIKEY", []),
        (VIRTUAL, "00 01", [VIRTUAL[1]]),
    ],
)
def test_slots_for_security_modules_are_never_used_and_a_name_limits_the_rest(names, wanted, left):
    assert usable(names, wanted) == left


@pytest.mark.parametrize(
    ("atr", "is_contactless"),
    [
        ("3B888001000000000000000009", True),  # the sandbox's card
        ("3B80800101", True),
        ("3B8E80014A434F503431563233312080", False),  # wrong check byte
        ("3B8980014A434F503234325231", False),  # shorter than it says
        ("3B6800000073C84012009000", False),
        ("3B", False),
        ("", False),
    ],
)
def test_a_contactless_reader_makes_up_a_known_kind_of_atr(atr, is_contactless):
    assert is_contactless_atr(bytes.fromhex(atr)) is is_contactless


@pytest.mark.parametrize(
    ("name", "atr", "interface", "told_by"),
    [
        (VIRTUAL[0], CONTACTLESS_ATR, Interface.CONTACTLESS, ToldBy.ATR),
        (VIRTUAL[0], BANK_ATR, Interface.CONTACT, ToldBy.ATR),
        (PICC, BANK_ATR, Interface.CONTACTLESS, ToldBy.NAME),
        (CONTACT, CONTACTLESS_ATR, Interface.CONTACTLESS, ToldBy.ATR),
        (CONTACT, BANK_ATR, Interface.CONTACT, ToldBy.SIBLING),
        (VIRTUAL[0], b"", Interface.UNKNOWN, ToldBy.NOTHING),
    ],
)
def test_the_card_tells_what_the_name_does_not(name, atr, interface, told_by):
    assert interface_of(name, [OMNIKEY, CONTACT], atr) == (interface, told_by)


@pytest.mark.parametrize(
    ("icc_type", "interface"),
    [(0, Interface.UNKNOWN), (1, Interface.CONTACT), (5, Interface.CONTACTLESS), (6, Interface.CONTACTLESS)],
)
def test_a_driver_may_tell_the_kind_of_card(icc_type, interface):
    assert interface_by_icc_type(icc_type) is interface


def slot(name: str, interface: Interface, card: bool = True, mute: bool = False, counter: int = 0) -> SlotState:
    return SlotState(name, (interface, ToldBy.NAME), card, mute, counter)


A = slot("a", Interface.CONTACT)
B = slot("b", Interface.CONTACTLESS)
C = slot("c", Interface.CONTACTLESS)
EMPTY = slot("e", Interface.CONTACTLESS, card=False)


@pytest.mark.parametrize(
    ("slots", "current", "chosen"),
    [
        ([], None, None),
        ([EMPTY], None, "e"),
        ([slot("x", Interface.CONTACT, card=False), EMPTY], "x", "e"),
        ([EMPTY, A], None, "a"),
        ([A, B], "a", "b"),
        ([B, C], None, "b"),
        ([B, C], "c", "c"),
        ([A, slot("m", Interface.CONTACTLESS, mute=True)], None, "m"),
        ([slot("m", Interface.CONTACTLESS, mute=True), C], None, "c"),
    ],
)
def test_the_card_is_followed_contactless_first(slots, current, chosen):
    found = choose(slots, current)
    assert (found.name if found else None) == chosen


@pytest.mark.parametrize(
    ("before", "now", "another"),
    [
        (B, B, False),
        (B, C, True),
        (slot("b", Interface.CONTACTLESS, counter=7), slot("b", Interface.CONTACTLESS, counter=8), False),
        (slot("b", Interface.CONTACTLESS, counter=7), slot("b", Interface.CONTACTLESS, counter=9), True),
        (slot("b", Interface.CONTACTLESS, counter=0xFFFF), slot("b", Interface.CONTACTLESS, counter=1), True),
    ],
)
def test_a_card_swapped_between_two_looks_is_noticed(before, now, another):
    assert is_another_card(before, now) is another


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (scard.SCARD_E_NO_SERVICE, ServiceDown),
        (scard.SCARD_E_SERVICE_STOPPED, ServiceDown),
        (scard.SCARD_E_INVALID_HANDLE, ServiceDown),
        (scard.SCARD_W_SECURITY_VIOLATION, NotAllowed),
        (scard.SCARD_E_NO_READERS_AVAILABLE, NoReader),
        (scard.SCARD_E_READER_UNAVAILABLE, NoReader),
        (scard.SCARD_E_NO_SMARTCARD, NoCard),
        (scard.SCARD_W_REMOVED_CARD, CardRemoved),
        (scard.SCARD_E_SHARING_VIOLATION, CardShared),
        (scard.SCARD_W_UNRESPONSIVE_CARD, CardMute),
        (scard.SCARD_W_UNPOWERED_CARD, CardMute),
        (scard.SCARD_W_UNSUPPORTED_CARD, CardMute),
        (scard.SCARD_E_PROTO_MISMATCH, CardMute),
        (scard.SCARD_W_RESET_CARD, CardMute),
        (scard.SCARD_E_NOT_TRANSACTED, CardMute),
        (0x80100013, ServiceDown),
    ],
)
def test_a_return_code_becomes_the_error_of_its_layer(code, error):
    found = error_for(code)
    assert type(found) is error
    assert found.data == {"pcsc": f"{code & 0xFFFFFFFF:08X}"}


@pytest.mark.parametrize(
    ("command", "extended"),
    [
        ("00B09C0000", False),
        ("00B09C00", False),
        ("0CB09C000D97010000008E080011223344556677", False),
        ("00B09C00000FA0", True),
        ("00B09C00000000", True),
        ("0CB09C0000000D" + "00" * 13, True),
    ],
)
def test_an_extended_command_has_a_fifth_byte_of_zero(command, extended):
    assert is_extended(bytes.fromhex(command)) is extended


def driver(properties: bytes | None, listed: bytes = bytes.fromhex("1204423300120601423300AA")) -> features.Control:
    answers = {features.GET_FEATURE_REQUEST: listed, 0x42330012: properties}
    return lambda code, _data: answers.get(code)


@pytest.mark.parametrize(
    ("properties", "told"),
    [
        ("0A0400000100", features.Properties(0x10000, None)),
        (
            "0102000003010009010 00B022F070C0200220A0400000000".replace(" ", ""),
            features.Properties(0, (0x072F, 0x2200)),
        ),
        ("0A0200010B022F07", features.Properties()),
        ("0A04000001", features.Properties()),
        ("", features.Properties()),
    ],
)
def test_a_driver_tells_how_long_an_apdu_may_be(properties, told):
    assert features.ask(driver(bytes.fromhex(properties))) == told


def test_a_driver_that_tells_nothing_leaves_it_open():
    assert features.ask(lambda _code, _data: None) == features.Properties()
    assert features.ask(driver(None)) == features.Properties()
    assert features.ask(driver(b"\x0a\x04\0\0\x01\0", listed=b"\x12\x01\x00")) == features.Properties()


@given(st.binary(max_size=300))
def test_whatever_a_driver_answers_is_survived(answer):
    features.ask(lambda _code, _data: answer)
