"""Check-in files for the tests: records that are complete, the connector, a portal of the sandbox, files read back."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import msgspec

from config.destinations import CheckinXmlDestination
from hisbridge.connectors.checkin_xml import CheckinXmlConnector
from hisbridge.connectors.contract import Known, Receipt, Sending
from hisbridge.identity import idempotency_key
from hisbridge.records import PatientRecord
from sandbox.people import all_people
from sandbox.portal import Portal
from tests.hisbridge.making import record

# services.md 3.2, typed a second time: name, size, whether it must have a value.
TABLE = """
MA_LK 100 R|STT 10 R|MA_BN 100 R|HO_TEN 255 R|SO_CCCD 15|NGAY_SINH 12 R|GIOI_TINH 1 R|MA_THE_BHYT 15|MA_DKBD 5
GT_THE_TU 8|GT_THE_DEN 8|MA_DOITUONG_KCB 5 R|NGAY_VAO 12 R|NGAY_VAO_NOI_TRU 12|LY_DO_VNT 4000|MA_LY_DO_VNT 5
MA_LOAI_KCB 2 R|MA_CSKCB 5 R|MA_DICH_VU 50|TEN_DICH_VU 1024|MA_THUOC 255|TEN_THUOC 1024
MA_VAT_TU 255|TEN_VAT_TU 1024|NGAY_YL 12 R
DU_PHONG 4000
"""
SIZES = {
    words[0]: int(words[1])
    for line in TABLE.strip().splitlines()
    for words in [part.split() for part in line.split("|")]
}
REQUIRED = {part.split()[0] for line in TABLE.strip().splitlines() for part in line.split("|") if part.endswith(" R")}


def destination(folder: Path, **differences: Any) -> CheckinXmlDestination:
    """A hospital that delegates everything a check-in file needs."""
    usual: dict[str, Any] = {
        "name": "checkin",
        "folder": str(folder),
        "timeout_seconds": 5.0,
        "patient_number": "personal_id",
        "service_code": "00.0000.0000",
        "service_name": "Khám mẫu",
    }
    return CheckinXmlDestination(**{**usual, **differences})


def submitting(folder: Path, port: int, **differences: Any) -> CheckinXmlDestination:
    password = folder.parent / "portal-password"
    password.write_text("mật khẩu thử\n", "utf-8")
    usual: dict[str, Any] = {
        "submit": True,
        "submit_synthetic": True,
        "base_url": f"http://127.0.0.1:{port}",
        "username": "99999_BV",
        "password_file": str(password),
    }
    return destination(folder, **{**usual, **differences})


def settled(object_code: str | None = "1.1", **differences: Any) -> PatientRecord:
    """A record whose reason code staff settled on."""
    whole = record(**differences)
    return msgspec.structs.replace(whole, visit=msgspec.structs.replace(whole.visit, object_code=object_code))


def lying(folder: Path) -> list[str]:
    """Names of the files in a folder, sorted."""
    return sorted(path.name for path in folder.iterdir())


def rendered(to: CheckinXmlConnector, sent: PatientRecord) -> bytes:
    message = to.render(sent, Known())
    assert message is not None
    return message


def told(to: CheckinXmlConnector, sent: PatientRecord, attempt: int = 1) -> Receipt:
    key = idempotency_key("checkin", sent.visit.visit_id, sent.revision)
    return to.send(rendered(to, sent), Sending(key, attempt))


def visits(message: bytes) -> list[dict[str, str]]:
    """Each visit's fields, in the file's order."""
    root = ElementTree.fromstring(message)  # noqa: S314  # ours
    assert root.tag == "CHI_TIEU_TRANG_THAI_KCB"
    assert [child.tag for child in root] == ["DSACH_TRANG_THAI_KCB", "CHUKYDONVI"]
    return [{field.tag: field.text or "" for field in visit} for visit in root[0]]


def only(message: bytes) -> dict[str, str]:
    (visit,) = visits(message)
    return visit


@contextmanager
def portal(folder: Path, **differences: Any) -> Iterator[tuple[Portal, CheckinXmlConnector]]:
    folder.mkdir(exist_ok=True)
    sand = Portal(all_people())
    with sand.serving() as (_, port):
        connector = CheckinXmlConnector(submitting(folder, port, **differences))
        try:
            yield sand, connector
        finally:
            connector.close()
