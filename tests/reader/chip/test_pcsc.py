"""Which reader is taken, and what PC/SC's return codes mean."""

import pytest
from smartcard import scard

from reader.chip.pcsc import choose_reader, error_for
from reader.errors import CardMute, CardRemoved, CardShared, NoCard, NoReader, NotAllowed, ServiceDown

SAM = "ACS ACR1252 Dual Reader [ACR1252 Dual Reader SAM] 01 00"
PICC = "ACS ACR1252 Dual Reader [ACR1252 Dual Reader PICC] 00 00"
OMNIKEY = "HID Global OMNIKEY 5422 [OMNIKEY 5422CL Smartcard Reader] 01 00"
CONTACT = "HID Global OMNIKEY 5422 [OMNIKEY 5422 Smartcard Reader] 00 00"


@pytest.mark.parametrize(
    ("names", "wanted", "chosen"),
    [
        ([], "", None),
        ([SAM], "", SAM),
        ([SAM, PICC], "", PICC),
        ([CONTACT, OMNIKEY], "", OMNIKEY),
        (["Identiv uTrust 3700 F CL Reader 00 00"], "", "Identiv uTrust 3700 F CL Reader 00 00"),
        ([CONTACT, "Oracle Reader"], "", CONTACT),
        ([SAM, PICC], "sam", SAM),
        ([SAM, PICC], "OMNIKEY", None),
    ],
)
def test_the_contactless_reader_is_taken_unless_another_is_named(names, wanted, chosen):
    assert choose_reader(names, wanted) == chosen


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
        (scard.SCARD_E_NOT_TRANSACTED, CardMute),
        (0x80100013, ServiceDown),
    ],
)
def test_a_return_code_becomes_the_error_of_its_layer(code, error):
    found = error_for(code)
    assert type(found) is error
    assert found.data == {"pcsc": f"{code & 0xFFFFFFFF:08X}"}
