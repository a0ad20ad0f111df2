"""The table that moves, fixes or leaves out single fields, and what is no such table."""

from pathlib import Path

import pytest

from config.settings import ConfigWrongType, load
from hisbridge.connectors.hl7v2 import render
from tests.hisbridge.hl7_golden import FULL
from tests.hisbridge.making import destination, record


def field(fields: dict[str, str], name: str, one: object = None, version: str = "2.5") -> str:
    """What stands in `PID-13` (of the first such segment) after the table."""
    segment, _, number = name.partition("-")
    message = render(one or record(), destination(fields=fields, version=version)).decode()  # type: ignore[arg-type]
    line = next((line for line in message.split("\r") if line.startswith(segment)), segment)
    parts = line.split("|")
    at = int(number) - (segment == "MSH")
    return parts[at] if len(parts) > at else ""


PHONE = "0912345678^PRN^CP^^^^^^^^^0912345678"


def test_a_field_moves_and_leaves_its_place_empty() -> None:
    assert field({"PID-13": "PID-14"}, "PID-14") == PHONE
    assert field({"PID-13": "PID-14"}, "PID-13") == ""


def test_a_field_is_left_out() -> None:
    assert field({"PID-22": ""}, "PID-22") == ""


def test_a_field_always_has_this_text_which_may_have_components() -> None:
    assert field({"PV1-3": "=KB^P1&x^^BV"}, "PV1-3") == "KB^P1&x^^BV"
    assert field({"PV1-2": "=E"}, "PV1-2") == "E"


def test_two_fields_change_places() -> None:
    swap = {"PV1-19": "PV1-50", "PV1-50": "PV1-19"}
    assert field(swap, "PV1-19") == "0001^^^TIEPDON"
    assert field(swap, "PV1-50") == "visit-1^^^TIEPDON^VN"


def test_a_component_moves_within_its_field_in_every_repetition() -> None:
    assert field({"PID-3.4": "PID-3.6"}, "PID-3").split("~")[:2] == [
        "001303900017^^^^NI^VNID^20210520^20280214",
        "GD4000000000017^^^^SN^BHXHVN",
    ]


def test_a_component_is_left_out_or_fixed() -> None:
    assert field({"PID-13.12": "", "PID-13.3": "=PH"}, "PID-13") == "0912345678^PRN^PH"
    assert field({"MSH-9.3": ""}, "MSH-9") == "ADT^A04"


def test_a_component_moves_into_a_field_of_another_segment() -> None:
    assert field({"PV1-50.1": "PID-18"}, "PID-18") == "0001"


def test_a_segment_of_the_receivers_own_is_added_at_the_end() -> None:
    table = {"PV1-50.1": "ZPV-2", "ZPV-1": "=KIOSK"}
    assert render(record(), destination(fields=table)).decode().rstrip("\r").split("\r")[-1] == "ZPV|KIOSK|0001"


def test_each_insurance_segment_keeps_its_own_values() -> None:
    message = render(FULL, destination(fields={"IN1-36": "IN1-49"})).decode()
    cards = [line.split("|") for line in message.split("\r") if line.startswith("IN1")]
    assert [(one[36], one[49]) for one in cards] == [("", "GD4000000000017"), ("", "HS4000000000018")]


def test_what_is_not_there_is_not_made_up() -> None:
    message = render(record(coverage=None), destination(fields={"IN1-45": "=x", "IN1-36": "ZIN-1"})).decode()
    assert "IN1" not in message
    assert "ZIN" not in message


def test_the_table_leaves_resends_the_same() -> None:
    his = destination(fields={"PID-13": "PID-14", "PV1-3.1": "=X", "PID-8": ""})
    assert render(FULL, his) == render(FULL, his)


IMPOSSIBLE = [
    ({"PID-99": ""}, "PID ends with PID-39"),
    ({"PID-0": ""}, "no field name"),
    ({"pid-3": ""}, "no field name"),
    ({"PID3": ""}, "no field name"),
    ({"OBX-5": ""}, "no message in version 2.5 has the segment of OBX-5"),
    ({"PID-13": "PID-140"}, "PID ends with"),
    ({"PID-13": "phone"}, "PID-13 = 'phone' is no field name"),
    ({"PID-13": "PID-14.1"}, "whole field"),
    ({"PID-13": "PID-13"}, "moves to itself"),
    ({"PID-13": "="}, "no text"),
    ({"PID-13": "=a|b"}, "separator"),
    ({"PID-13.1": "=a^b"}, "separator"),
    ({"PID-13": "=a\rMSH"}, "control character"),
    ({"MSH-10": "=1"}, "belongs to the exchange"),
    ({"MSH-12": ""}, "belongs to the exchange"),
    ({"MSH-9": "=ADT^A01"}, "belongs to the exchange"),
    ({"PID-13": "PID-40", "PID-14": "PID-40"}, "PID ends with"),
    ({"PID-13": "ZPV-1", "PID-14": "ZPV-1"}, "two entries write to ZPV-1"),
]


def settings_with(folder: Path, table: str, more: str = "") -> Path:
    file = folder / "site.toml"
    text = f'[[destinations]]\nname = "his"\nconnector = "hl7v2"\nhost = "his"\nport = 2575\n{more}\n{table}\n'
    file.write_text(text, "utf-8")
    return file


@pytest.mark.parametrize(("table", "why"), IMPOSSIBLE)
def test_an_impossible_table_is_an_error_of_the_settings_file(tmp_path: Path, table: dict[str, str], why: str) -> None:
    def quoted(text: str) -> str:
        return '"' + text.replace("\r", "\\r") + '"'

    written = "fields = {" + ", ".join(f"{quoted(key)} = {quoted(value)}" for key, value in table.items()) + "}"
    with pytest.raises(ConfigWrongType) as caught:
        load(settings_with(tmp_path, written))
    assert why in str(caught.value.data["why"])
    assert caught.value.data["key"].startswith("destinations")


def test_a_field_that_came_later_is_impossible_in_the_older_version(tmp_path: Path) -> None:
    load(settings_with(tmp_path, 'fields = {"EVN-7" = ""}'))
    with pytest.raises(ConfigWrongType, match="EVN ends with EVN-6"):
        load(settings_with(tmp_path, 'fields = {"EVN-7" = ""}', 'version = "2.3.1"'))


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ('version = "2.3.1"\nquery = "pdq"', "needs version 2.5"),
        ('ca_file = "/x.pem"', "need tls = true"),
        ('tls = true\ncertificate_file = "/x.pem"', "both certificate_file and key_file"),
        ('receiving_application = "A|B"', "regex"),
        ('version = "2.4"', "2.4"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(tmp_path: Path, more: str, why: str) -> None:
    with pytest.raises(ConfigWrongType, match=why):
        load(settings_with(tmp_path, "", more))
