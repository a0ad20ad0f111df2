"""The table of readers: who is who, what is true of it, and that every fact has a source and words."""

import re

import pytest

from reader.chip.readers import all_models, known_usb, max_extended, model_of, quirks_of, version_of
from ui.words import LANGUAGES, Words

ACR122U = "ACS ACR122U PICC Interface 00 00"


@pytest.mark.parametrize(
    ("name", "model"),
    [
        (ACR122U, "ACS ACR122U"),
        ("ACS ACR122U 01 00", "ACS ACR122U"),
        ("ACS ACR1252 Dual Reader [ACR1252 Dual Reader PICC] 00 00", "ACS ACR1252"),
        ("ACS ACR1281 1S Dual Reader 00 01", "ACS ACR1281 (acsccid)"),
        ("ACS ACR1281U 00 01", "ACS ACR1281U"),
        ("ACS ACR1552 1S CL Reader [ACR1552 CL Reader] 00 00", "ACS ACR1552U"),
        ("Identiv uTrust 3700 F CL Reader [uTrust 3700 F CL Reader] (55022237223359) 00 00", "Identiv uTrust 3700 F"),
        ("Identiv uTrust 3720 Contactless Reader 00 00", "Identiv uTrust 3720 F"),
        ("HID Global OMNIKEY 5022 Smart Card Reader 00 00", "HID OMNIKEY 5022"),
        ("HID OMNIKEY 5427 CK (010100534E5634303104531E20192530) 00 00", "HID OMNIKEY 5427 CK"),
        ("SCM Microsystems SCL3711 00 00", "SCM SCL3711"),
        ("Virtual PCD 00 00", None),
    ],
)
def test_a_reader_is_known_by_the_name_that_pcscd_shows(name, model):
    found = model_of(name)
    assert (found.name if found else None) == model


@pytest.mark.parametrize(
    ("usb", "model"),
    [
        ((0x072F, 0x2200), "ACS ACR122U"),
        ((0x072F, 0x223B), "ACS ACR1252"),
        ((0x04E6, 0x5790), "Identiv uTrust 3700 F"),
        ((0x076B, 0x5422), "HID OMNIKEY 5422"),
        ((0x1D6B, 0x0002), None),
    ],
)
def test_a_reader_is_known_by_its_usb_ids(usb, model):
    found = known_usb(*usb)
    assert (found.name if found else None) == model


@pytest.mark.parametrize(
    ("name", "most"),
    [
        (ACR122U, 0),
        ("Identiv uTrust 3720 Contactless Reader 00 00", 0),
        ("ACS ACR1281 1S Dual Reader 00 01", 0),
        ("ACS ACR1281U 00 01", None),
        ("ACS ACR1252 Dual Reader [ACR1252 Dual Reader PICC] 00 00", 4096),
        ("Identiv uTrust 3700 F CL Reader 00 00", None),
        ("Virtual PCD 00 00", None),
    ],
)
def test_what_is_known_to_fail_is_not_tried(name, most):
    assert max_extended(name) == most


def test_a_quirk_of_old_firmware_is_gone_in_the_new():
    power_up = {quirk.code: quirk for quirk in quirks_of("Identiv uTrust 3700 F CL Reader")}["reader.quirk.power_up"]
    assert [power_up.applies(firmware) for firmware in ("1.02", "1.18", None)] == [True, True, True]
    assert [power_up.applies(firmware) for firmware in ("1.19", "1.20", "2.0")] == [False, False, False]


def test_versions_are_compared_by_number():
    assert version_of("1.5.10") > version_of("1.5.9") > version_of("1.5")


def test_no_usb_device_is_two_models():
    ids = [usb for model in all_models() for usb in model.usb]
    assert len(ids) == len(set(ids))


def test_the_first_model_that_a_name_fits_is_its_own():
    for model in all_models():
        assert re.compile(model.pattern)
        example = model.name.replace(" (acsccid)", " 1S")
        assert model_of(example) is model, model.name


def test_every_fact_has_a_source_and_words():
    for model in all_models():
        for quirk in model.quirks:
            assert quirk.source
            assert quirk.what
            for language in LANGUAGES:
                words = Words(language)
                assert f"error.{quirk.code}" in words, quirk.code
                assert f"error.{quirk.code}.cure" in words, quirk.code
