"""Every golden message of every event, version and style, judged by hl7apy in its strict mode."""

import re

import pytest
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_message

from hisbridge.connectors import hl7query
from hisbridge.connectors.contract import Known
from hisbridge.connectors.hl7segments import Making
from hisbridge.connectors.hl7v2 import render
from hisbridge.records import Event
from tests.hisbridge.hl7_golden import FULL, MESSAGES, RECORDS, STYLES, told
from tests.hisbridge.making import destination, record

pytestmark = pytest.mark.peer

NUMBERED = Known("BN000001")


def judged(text: str, structure: str, version: str) -> str:
    """The message by hl7apy's own rendering of what it understood; it raises where the message breaks its tables."""
    if version == "2.3.1":
        # This version's MSH-9 has no structure to say; its tables have none for A28 and A31, whose segments are
        # those of A01 (HL7 v2.3.1, 3.2.28).
        structure = "ADT_A01" if structure == "ADT_A05" else structure
        text = re.sub(r"\|(ADT\^A[0-9]{2})\|", rf"|\1^{structure}|", text, count=1)
    parsed = parse_message(text, validation_level=VALIDATION_LEVEL.STRICT, find_groups=True)
    assert parsed.validate()
    assert parsed.name == structure
    # Every value is kept, leading zeros included. (It does not know the hex escapes of HL7 v2.5, 2.7.7, and escapes
    # their backslashes once more.)
    rendered = re.sub(r"\\E\\(X[0-9A-F]+)\\E\\", r"\\\1\\", parsed.to_er7())
    assert rendered.rstrip("\r") == text.rstrip("\r")
    return str(parsed.msh.msh_9.to_er7())


@pytest.mark.parametrize("version", ["2.3.1", "2.5", "2.5.1"])
@pytest.mark.parametrize("name", RECORDS)
def test_hl7apy_accepts_every_event_of_every_golden_record(name: str, version: str) -> None:
    for (about, event), (trigger, structure) in MESSAGES.items():
        his = destination(version=version, about=about)
        text = render(told(RECORDS[name], event), his).decode()
        judged(text, structure, version)
        kind = f"|ADT^{trigger}|" if version == "2.3.1" else f"|ADT^{trigger}^{structure}|"
        assert kind in text.split("\r")[0]


@pytest.mark.parametrize("version", ["2.3.1", "2.5", "2.5.1"])
@pytest.mark.parametrize("style", STYLES)
def test_hl7apy_accepts_every_way_a_receiver_may_want_it(style: str, version: str) -> None:
    his = destination(version=version, **STYLES[style])
    for event in Event:
        for known in (Known(), NUMBERED):
            judged(render(told(FULL, event), his, known).decode(), MESSAGES["visit", event][1], version)


@pytest.mark.parametrize("version", ["2.5", "2.5.1"])
def test_hl7apy_reads_the_query_for_the_record_number(version: str) -> None:
    his = destination(version=version, personal_id_authority="VNID&1.2.840.99999.1&ISO", query="pdq")
    text = hl7query.question(Making(record(), his)).decode()
    # Its generic table allows one QPD-3 alone, where the query's own profile allows many (bridge.md 1.1).
    parsed = parse_message(text, validation_level=VALIDATION_LEVEL.TOLERANT, find_groups=True)
    assert parsed.name == "QBP_Q21"
    assert parsed.msh.msh_9.to_er7() == "QBP^Q22^QBP_Q21"
    first = text.replace("~@PID.3.4.1^VNID~@PID.3.4.2^1.2.840.99999.1~@PID.3.4.3^ISO", "")
    assert first != text
    assert parse_message(first, validation_level=VALIDATION_LEVEL.STRICT, find_groups=True).validate()


def test_hl7apys_own_fields_give_back_the_person() -> None:
    parsed = parse_message(render(record(), destination()).decode(), validation_level=VALIDATION_LEVEL.STRICT)
    pid = parsed.pid
    assert (pid.pid_5.xpn_1.value, pid.pid_5.xpn_2.value, pid.pid_5.xpn_3.value) == ("Nguyễn", "Thử", "Thị Hoài")
    assert (pid.pid_7.value, pid.pid_8.value) == ("20030214", "F")
    identifiers = [(one.cx_1.value, one.cx_4.value, one.cx_5.value) for one in pid.pid_3]
    assert identifiers[:2] == [("001303900017", "VNID", "NI"), ("GD4000000000017", "BHXHVN", "SN")]
    insurance = parsed.adt_a01_insurance.in1
    assert insurance.in1_36.value == "GD4000000000017"
    assert (insurance.in1_12.value, insurance.in1_13.value) == ("20260101", "20261231")
    assert parsed.pv1.pv1_19.cx_1.value == "visit-1"
    assert pid.pid_13.xtn_12.value == "0912345678"
