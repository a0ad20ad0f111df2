"""The tables judged by libxml2's XML Schema validator; its schemas are drawn from tables typed a second time."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from config.destinations import CheckinXmlDestination, FileDropDestination
from hisbridge.connectors.checkin_xml import CheckinXmlConnector
from hisbridge.connectors.contract import Known
from hisbridge.connectors.file_drop import FileDropConnector
from hisbridge.connectors.xml_documents import check_in, mark_of
from hisbridge.records import PatientRecord
from sandbox.people import everybody
from tests.hisbridge import strategies
from tests.hisbridge.checkin_xml_asking import REQUIRED, SIZES, destination, only, settled
from tests.hisbridge.making import patient
from tests.hisbridge.test_file_drop import SUMMARY
from wire.codec import from_plain

pytestmark = pytest.mark.peer

SUMMARY_SIZES = {  # services.md 3.3, the administrative part
    **{"MA_LK": 100, "STT": 10, "MA_BN": 100, "HO_TEN": 255, "SO_CCCD": 15, "NGAY_SINH": 12, "GIOI_TINH": 1},
    **{"NHOM_MAU": 5, "MA_QUOCTICH": 3, "MA_DANTOC": 2, "MA_NGHE_NGHIEP": 5, "DIA_CHI": 1024, "MATINH_CU_TRU": 3},
    **{"MAHUYEN_CU_TRU": 3, "MAXA_CU_TRU": 5, "DIEN_THOAI": 15, "NGAY_MIEN_CCT": 12, "MA_DOITUONG_KCB": 5},
    **{"MA_NOI_DI": 5, "NGAY_VAO": 12, "GIAY_CHUYEN_TUYEN": 50, "MA_LOAI_KCB": 2, "MA_CSKCB": 5, "MA_KHUVUC": 2},
    "NAM_NAM_LIEN_TUC": 8,
}
FORMS = {  # services.md 3.1
    "NGAY_SINH": "[0-9]{12}",
    "GIOI_TINH": "[123]",
    "NGAY_VAO": "[0-9]{12}",
    "NGAY_YL": "[0-9]{12}",
    "GT_THE_TU": "[0-9]{8}",
    "GT_THE_DEN": "[0-9]{8}",
}


def element(name: str, size: int, required: bool, form: str | None) -> str:
    pattern = f'<xs:pattern value="{form if required else f"({form})?"}"/>' if form else ""
    least = 1 if required else 0
    facets = f'{pattern}<xs:minLength value="{least}"/><xs:maxLength value="{size}"/>'
    return (
        f'<xs:element name="{name}"><xs:simpleType><xs:restriction base="xs:string">{facets}</xs:restriction>'
        "</xs:simpleType></xs:element>"
    )


def schema(content: str) -> str:
    return f'<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">{content}</xs:schema>'


def sequence(name: str, content: str, most: str = "1") -> str:
    return (
        f'<xs:element name="{name}" maxOccurs="{most}"><xs:complexType><xs:sequence>{content}</xs:sequence>'
        "</xs:complexType></xs:element>"
    ).replace(' maxOccurs="1"', "")


def check_in_schema(complete: bool) -> str:
    fields = "".join(
        element(name, size, complete and name in REQUIRED, FORMS.get(name)) for name, size in SIZES.items()
    )
    visits = sequence("DSACH_TRANG_THAI_KCB", sequence("TRANG_THAI_KCB", fields, "unbounded"))
    return schema(sequence("CHI_TIEU_TRANG_THAI_KCB", visits + '<xs:element name="CHUKYDONVI" type="xs:string"/>'))


def summary_schema() -> str:
    # The card's dates may be two, joined.
    forms = {name: form for name, form in FORMS.items() if not name.startswith("GT_")}
    fields = [element(name, SUMMARY_SIZES.get(name, 4000), False, forms.get(name)) for name in SUMMARY]
    return schema(sequence("TONG_HOP", "".join(fields)))


def judged(against: str, files: Mapping[str, bytes]) -> dict[str, str]:
    """What the validator says of each file: "ok", or what it refuses."""
    judge = etree.XMLSchema(etree.fromstring(against))
    return {name: verdict(judge, content) for name, content in files.items()}


def verdict(judge: etree.XMLSchema, content: bytes) -> str:
    try:
        document = etree.fromstring(content)
    except etree.XMLSyntaxError as refused:
        return str(refused)
    judge.validate(document)
    return too_long(document) or "; ".join(error.message for error in judge.error_log) or "ok"


def too_long(document: etree._Element) -> str:
    """The elements too long for receivers that count UTF-16 units, as Java and .NET do; libxml2 counts code points."""
    sizes = SUMMARY_SIZES if document.tag == "TONG_HOP" else SIZES
    counted = [(str(part.tag), len((part.text or "").encode("utf-16-le")) // 2) for part in document.iter()]
    return ", ".join(name for name, units in counted if units > sizes.get(name, 4000))


def hostile(count: int) -> list[PatientRecord]:
    """So many records with whatever the schema lets through."""
    drawn: list[PatientRecord] = []

    @settings(max_examples=count, database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.builds(dict, strategies.records))
    def draw(plain: dict[str, object]) -> None:
        drawn.append(from_plain(plain, PatientRecord))

    draw()
    return drawn


def checked(sent: PatientRecord) -> bytes:
    message = CheckinXmlConnector(destination(Path("/nowhere"))).render(sent, Known())
    assert message is not None
    return message


def summed(sent: PatientRecord) -> bytes | None:
    settings_ = FileDropDestination(name="drop", folder="/nowhere", form="xml1")
    return FileDropConnector(settings_).render(sent, Known())


def test_every_persons_complete_check_in_is_valid_and_several_in_one_file_too() -> None:
    files = {}
    for person in everybody():
        if person.personal_id:
            sent = settled(
                patient=patient(
                    personal_id=person.personal_id,
                    full_name=person.full_name,
                    birth_date=person.birth_date,
                    sex=person.sex,
                )
            )
            files[f"{person.key}.xml"] = checked(sent)
    files["all.xml"] = check_in([only(file) for file in files.values()])
    told = judged(check_in_schema(complete=True), files)
    assert len(told) == len(files) > 10
    assert set(told.values()) == {"ok"}


def test_what_we_call_incomplete_the_judge_refuses_and_the_rest_it_takes() -> None:
    delegated = destination(Path("/nowhere"))
    less: tuple[CheckinXmlDestination, ...] = (
        destination(Path("/nowhere"), patient_number="none"),
        destination(Path("/nowhere"), service_code=""),
    )
    sent = [settled(), settled(None), settled(patient=patient(sex=None)), settled(patient=patient(full_name="x" * 256))]
    cases = [(one, delegated) for one in sent] + [(settled(), one) for one in less]
    files: dict[str, bytes] = {}
    for number, (one, to) in enumerate(cases):
        message = CheckinXmlConnector(to).render(one, Known())
        assert message is not None
        files[f"{number}.xml"] = message
    told = judged(check_in_schema(complete=True), files)
    for name, message in files.items():
        mark = mark_of(message)
        assert mark is not None
        assert (told[name] == "ok") is (not mark.open), (name, told[name])
    assert list(told.values()).count("ok") == 1


@pytest.mark.parametrize("table", ["check_in", "summary"])
def test_whatever_a_record_holds_the_file_is_xml_of_the_table(table: str) -> None:
    files: dict[str, bytes] = {}
    for number, sent in enumerate(hostile(40)):
        message = checked(sent) if table == "check_in" else summed(sent)
        if message is not None:
            files[f"{number}.xml"] = message
    told = judged(check_in_schema(complete=False) if table == "check_in" else summary_schema(), files)
    assert len(told) == len(files) > 10
    assert {name: verdict for name, verdict in told.items() if verdict != "ok"} == {}


def test_the_judge_would_notice() -> None:
    whole = checked(settled())
    broken = {
        "order.xml": whole.replace(b"<STT>1</STT>\n", b"", 1),
        "size.xml": whole.replace(b"<MA_CSKCB>01028", b"<MA_CSKCB>010280"),
        "form.xml": whole.replace(b"<GIOI_TINH>2", b"<GIOI_TINH>0"),
        "empty.xml": whole.replace(b"<MA_LK>visit-1", b"<MA_LK>"),
        "units.xml": whole.replace(b"<MA_CSKCB>01028", "<MA_CSKCB>0𝟏𝟎𝟐".encode()),
        "half.xml": whole[: len(whole) // 2],
    }
    assert "ok" not in judged(check_in_schema(complete=True), broken).values()
