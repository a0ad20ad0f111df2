"""Records as files: JSON, CSV and XML1, what each event looks like in each, and names that a resend finds again."""

import csv
import io
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.destinations import FileDropDestination
from hisbridge.connectors import make
from hisbridge.connectors.contract import Known, Outcome, Sending
from hisbridge.connectors.file_drop import FileDropConnector
from hisbridge.connectors.file_drop_csv import harmless, read, told
from hisbridge.errors import DestinationUnreachable
from hisbridge.identity import idempotency_key
from hisbridge.questions import Entitlement, Verdict
from hisbridge.records import AddressCodes, Event, Merge, PatientRecord
from tests.hisbridge import strategies
from tests.hisbridge.checkin_xml_asking import lying
from tests.hisbridge.making import coverage, patient, record
from wire.codec import from_json, from_plain

FORMS = ("json", "csv", "xml1")
MERGE = Merge(kept="BN1", given_up="BN2", confirmed_by="Trần Thị Mẫu")

# XML1's elements, typed from services.md 3.3 a second time.
ELEMENTS = """
MA_LK STT MA_BN HO_TEN SO_CCCD NGAY_SINH GIOI_TINH NHOM_MAU MA_QUOCTICH MA_DANTOC MA_NGHE_NGHIEP DIA_CHI MATINH_CU_TRU
MAHUYEN_CU_TRU MAXA_CU_TRU DIEN_THOAI MA_THE_BHYT MA_DKBD GT_THE_TU GT_THE_DEN NGAY_MIEN_CCT LY_DO_VV LY_DO_VNT
MA_LY_DO_VNT CHAN_DOAN_VAO CHAN_DOAN_RV MA_BENH_CHINH MA_BENH_KT MA_BENH_YHCT MA_PTTT_QT MA_DOITUONG_KCB MA_NOI_DI
MA_NOI_DEN MA_TAI_NAN NGAY_VAO NGAY_VAO_NOI_TRU NGAY_RA GIAY_CHUYEN_TUYEN SO_NGAY_DTRI PP_DIEU_TRI KET_QUA_DTRI
MA_LOAI_RV GHI_CHU NGAY_TTOAN T_THUOC T_VTYT T_TONGCHI_BV T_TONGCHI_BH T_BNTT T_BNCCT T_BHTT T_NGUONKHAC T_BHTT_GDV
NAM_QT THANG_QT MA_LOAI_KCB MA_KHOA MA_CSKCB MA_KHUVUC CAN_NANG CAN_NANG_CON NAM_NAM_LIEN_TUC NGAY_TAI_KHAM MA_HSBA
MA_TTDV DU_PHONG
"""
SUMMARY = ELEMENTS.split()


def connector(folder: Path = Path("/nowhere"), **differences: Any) -> FileDropConnector:
    return FileDropConnector(FileDropDestination(**{"name": "drop", "folder": str(folder), **differences}))


def rendered(sent: PatientRecord, **differences: Any) -> bytes:
    message = connector(**differences).render(sent, Known())
    assert message is not None
    return message


def dropped(folder: Path, sent: PatientRecord, attempt: int = 1, **differences: Any) -> Path:
    drop = connector(folder, **differences)
    message = drop.render(sent, Known())
    assert message is not None
    key = idempotency_key("drop", sent.visit.visit_id, sent.revision)
    receipt = drop.send(message, Sending(key, attempt))
    assert receipt.outcome is Outcome.ACKNOWLEDGED
    path = folder / receipt.text.split()[-1]
    assert path.read_bytes() == message
    return path


def event(kind: Event, revision: int = 1, **differences: Any) -> PatientRecord:
    merge = MERGE if kind is Event.MERGED else None
    return record(event=kind, revision=revision, merge=merge, **differences)


def lines(message: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(message.decode("utf-8-sig"), newline=""), strict=True))


def tree(message: bytes) -> ElementTree.Element:
    return ElementTree.fromstring(message)  # noqa: S314  # ours


def test_the_registry_makes_a_file_drop_from_its_settings(tmp_path: Path) -> None:
    assert isinstance(make(FileDropDestination(name="drop", folder=str(tmp_path))), FileDropConnector)


@pytest.mark.parametrize("form", FORMS)
def test_a_record_becomes_one_file_whose_name_holds_the_key_and_nothing_of_the_person(
    tmp_path: Path, form: str
) -> None:
    path = dropped(tmp_path, record(), form=form)
    key = idempotency_key("drop", "visit-1")
    assert path.name == f"20261121074500-0000-{key}.{form.replace('xml1', 'xml')}"
    dropped(tmp_path, record(), attempt=2, form=form)
    assert lying(tmp_path) == [path.name]


@pytest.mark.parametrize("form", FORMS)
def test_names_in_their_order_are_records_in_theirs(tmp_path: Path, form: str) -> None:
    later = msgspec.structs.replace(record().visit, visit_id="visit-0", arrived_at="2026-11-21T01:45:01Z")
    first = dropped(tmp_path, record(), form=form)
    second = dropped(tmp_path, event(Event.UPDATED), form=form)
    third = dropped(tmp_path, record(visit=later), form=form)
    assert lying(tmp_path) == [first.name, second.name, third.name]


def test_json_is_the_record_itself() -> None:
    for kind in Event:
        assert from_json(rendered(event(kind)), PatientRecord) == event(kind)


def test_csv_has_a_header_and_one_line_with_every_column(tmp_path: Path) -> None:
    codes = AddressCodes(province_code="01", ward_code="00070", detail="Số 1 Đường Mẫu")
    sent = record(
        patient=patient(residence_codes=codes, ethnicity_code="01"),
        coverage=coverage(entitlement=Entitlement(object_code="1.1")),
    )
    message = rendered(sent, form="csv")
    assert message.startswith(b'"event","revision","visit_id"')
    assert message.count(b"\r\n") == 2
    assert message.endswith(b"\r\n")
    (line,) = lines(message)
    assert line["event"] == "arrived"
    assert (line["personal_id"], line["phone"]) == ("001303900017", "0912345678")
    assert (line["full_name"], line["birth_date"], line["sex"]) == ("Nguyễn Thị Hoài Thử", "2003-02-14", "female")
    assert (line["province_code"], line["ward_code"]) == ("01", "00070")
    assert (line["coverage"], line["card_number"]) == ("valid", "GD4000000000017")
    assert (line["proposed_object_code"], line["evidence_checks"]) == ("1.1", "access:passed")
    assert line["synthetic"] == "true"


def test_a_byte_order_mark_stands_before_csv_only_where_wanted() -> None:
    assert rendered(record(), form="csv", byte_order_mark=True) == b"\xef\xbb\xbf" + rendered(record(), form="csv")


@pytest.mark.parametrize("kind", list(Event))
def test_csv_says_every_event_in_words(kind: Event) -> None:
    (line,) = lines(rendered(event(kind), form="csv"))
    assert (line["event"], line["revision"]) == (kind.value, "1")
    merged = kind is Event.MERGED
    assert (line["merge_kept"], line["merge_given_up"]) == (("BN1", "BN2") if merged else ("", ""))


@pytest.mark.parametrize("form", ["csv", "xml1"])
def test_the_card_of_somebody_else_is_not_handed_over_as_this_persons(form: str) -> None:
    message = rendered(record(coverage=coverage(verdict=Verdict.MISMATCH)), form=form)
    assert b"GD4000000000017" not in message
    assert b"0000000017" not in message


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "＝", "＋", "－", "＠"])
@pytest.mark.parametrize("before", ["", " ", '"', "a;", "a,", "a\t", 'a;"', "'"])
def test_no_field_begins_a_formula_under_any_separator(before: str, begin: str) -> None:
    name = f'{before}{begin}HYPERLINK("//example","x")'
    message = rendered(record(patient=patient(full_name=name)), form="csv").decode()
    row = message.split("\r\n")[1]
    assert not re.search(r"(^|[,;\t])[\"\s]*[=+\-@＝＋－＠]", row)
    assert read(message.encode())["full_name"] == " ".join(name.split())


@given(st.text(alphabet=" ,;|'\"=+-@＝aễ\t"))
def test_what_was_made_harmless_can_be_told(text: str) -> None:
    assert told(harmless(text)) == text
    assert not re.search(r"(^|[,;|\t])[\"\s]*[=+\-@＝＋－＠]", harmless(text))


@settings(max_examples=60, deadline=None)
@given(strategies.records)
def test_whatever_a_record_holds_csv_is_two_lines_of_as_many_fields(plain: dict[str, Any]) -> None:
    sent = from_plain(plain, PatientRecord)
    message = rendered(sent, form="csv")
    header, row = csv.reader(io.StringIO(message.decode(), newline=""), strict=True)
    assert len(header) == len(row) == len(set(header))
    assert not re.search(r"[\x00-\x1f\x7f-\x9f]", "".join(row))
    drop = connector(form="csv")
    assert drop._name(message, "KEY")[:14].isdigit()


def test_xml1_has_all_66_elements_in_the_order_of_the_table() -> None:
    root = tree(rendered(record(), form="xml1"))
    assert root.tag == "TONG_HOP"
    assert len(SUMMARY) == 66
    assert [child.tag for child in root] == SUMMARY


def test_xml1_holds_what_reception_knows_in_the_standards_forms() -> None:
    codes = AddressCodes(province_code="01", ward_code="00070")
    whole = record()
    sent = record(
        patient=patient(
            residence_codes=codes, nationality_code="000", ethnicity_code="01", occupation_code="00000", sex="male"
        ),
        visit=msgspec.structs.replace(
            whole.visit,
            reason="Đau <bụng> & sốt",
            object_code="1.3",
            visit_type="01",
            referring_facility="01005",
            referral_number="123/GCT",
        ),
        coverage=coverage(living_area="K1", five_year_date="2025-03-01"),
    )
    fields = {child.tag: child.text or "" for child in tree(rendered(sent, form="xml1", district_code="000"))}
    assert {name: value for name, value in fields.items() if value} == {
        "MA_LK": "visit-1",
        "STT": "1",
        "HO_TEN": "Nguyễn Thị Hoài Thử",
        "SO_CCCD": "001303900017",
        "NGAY_SINH": "200302140000",
        "GIOI_TINH": "1",
        "MA_QUOCTICH": "000",
        "MA_DANTOC": "01",
        "MA_NGHE_NGHIEP": "00000",
        "DIA_CHI": "Số 1 Đường Mẫu, Phường Mẫu, Hà Nội",
        "MATINH_CU_TRU": "01",
        "MAHUYEN_CU_TRU": "000",
        "MAXA_CU_TRU": "00070",
        "DIEN_THOAI": "0912345678",
        "MA_THE_BHYT": "GD4000000000017",
        "MA_DKBD": "01028",
        "GT_THE_TU": "20260101",
        "GT_THE_DEN": "20261231",
        "LY_DO_VV": "Đau <bụng> & sốt",
        "MA_DOITUONG_KCB": "1.3",
        "MA_NOI_DI": "01005",
        "NGAY_VAO": "202611210745",
        "GIAY_CHUYEN_TUYEN": "123/GCT",
        "MA_LOAI_KCB": "01",
        "MA_CSKCB": "01028",
        "MA_KHUVUC": "K1",
        "NAM_NAM_LIEN_TUC": "20250301",
    }


def test_of_a_visit_that_may_outlast_the_card_xml1_joins_both_cards() -> None:
    both = coverage(
        other_card_number="GD4000000000018",
        other_valid_from="2027-01-01",
        other_valid_to="2027-12-31",
        other_registered_facility="01005",
        recheck_before_discharge=True,
    )

    def cards(held: Any) -> list[str]:
        root = tree(rendered(record(coverage=held), form="xml1"))
        return [root.findtext(name) or "" for name in ("MA_THE_BHYT", "MA_DKBD", "GT_THE_TU", "GT_THE_DEN")]

    joined = ["GD4000000000017;GD4000000000018", "01028;01005", "20260101;20270101", "20261231;20271231"]
    assert cards(both) == joined
    alone = ["GD4000000000017", "01028", "20260101", "20261231"]
    assert cards(msgspec.structs.replace(both, recheck_before_discharge=False)) == alone
    # Half of a second card would stand beside the wrong half of the first.
    assert cards(msgspec.structs.replace(both, other_valid_to=None)) == alone


def test_xml1_says_in_a_comment_what_happened_and_what_is_left_to_do() -> None:
    message = rendered(event(Event.UPDATED, coverage=None), form="xml1").decode()
    mark = message.splitlines()[1]
    assert "event=updated" in mark
    assert "revision=1" in mark
    assert "synthetic=true" in mark
    assert "MA_DOITUONG_KCB:required" in mark
    assert "001303900017" not in mark


def test_a_cancelled_check_in_never_looks_like_a_new_one_to_who_takes_every_xml_file(tmp_path: Path) -> None:
    assert dropped(tmp_path, event(Event.CANCELLED), form="xml1").suffix == ".cancelled"
    assert dropped(tmp_path, event(Event.UPDATED, 2), form="xml1").suffix == ".xml"


def test_xml1_tells_of_no_merge() -> None:
    assert connector(form="xml1").render(event(Event.MERGED), Known()) is None


def test_a_folder_that_is_missing_is_unreachable_and_the_error_names_nobody(tmp_path: Path) -> None:
    drop = connector(tmp_path / "Nguyễn")
    with pytest.raises(DestinationUnreachable) as told_:
        drop.send(rendered(record()), Sending("KEY", 1))
    assert str(told_.value) == "file_drop.folder_missing why=ENOENT"
    with pytest.raises(DestinationUnreachable):
        drop.probe()
    drop.close()


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=40, deadline=None)
@given(strategies.records)
def test_whatever_a_record_holds_rendering_is_repeatable_and_its_name_is_plain(
    form: str, plain: dict[str, Any]
) -> None:
    sent = from_plain(plain, PatientRecord)
    message = rendered(sent, form=form)
    assert rendered(sent, form=form) == message
    assert re.fullmatch(r"[0-9]{14}-[0-9]{4}-KEY\.(json|csv|xml)", connector(form=form)._name(message, "KEY"))
