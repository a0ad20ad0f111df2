"""Answers as gateways wrap them: parts of a multipart message, pointers, SOAP 1.2, an error beside an empty list."""

import pytest

from hisbridge.http import Answer
from hisbridge.lookups.population_answer import Entry, entries
from hisbridge.lookups.population_errors import PopulationError, PopulationGarbled
from hisbridge.lookups.population_rest import content as rest_content
from hisbridge.lookups.population_soap import content
from hisbridge.soap import is_fault
from tests.hisbridge.gateway import PERSON, enveloped, fault
from wire.codec import to_json

GOOD = enveloped(PERSON)
ROOT = b'Content-Type: application/xop+xml; charset=UTF-8; type="text/xml"\r\nContent-ID: <Root.message@cxf>\r\n'
PICTURE = b"Content-Type: image/jpeg\r\nContent-ID: <picture>\r\n"
# As `Answer` holds it: in lower case.
STARTING = 'multipart/related; type="application/xop+xml"; start="<root.message@cxf>"; boundary="uuid:abc"'


def told(body: bytes, content_type: str = "text/xml", status: int = 200) -> tuple[Entry, ...] | str:
    """Who is found, or the code of what came instead."""
    try:
        return entries(content(Answer(status, body, content_type)))
    except PopulationError as error:
        return error.code


def only(found: tuple[Entry, ...] | str) -> Entry:
    assert isinstance(found, tuple)
    (person,) = found
    return person


def parts(*of: tuple[bytes, bytes], ending: bytes = b"--uuid:ABC--\r\n", preamble: bytes = b"") -> bytes:
    return preamble + b"".join(b"--uuid:ABC\r\n" + head + b"\r\n" + body + b"\r\n" for head, body in of) + ending


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (parts((ROOT, GOOD)), STARTING),
        (parts((ROOT, GOOD), (PICTURE, b"\xff\xd8--uuid:AB\r\n\r\n")), STARTING),
        (parts((PICTURE, b"\xff\xd8"), (ROOT, GOOD)), STARTING),
        (parts((ROOT, GOOD), preamble=b"This is a MIME message.\r\n\r\n"), "multipart/related; boundary=x"),
        (parts((b"", GOOD)), "multipart/related"),
        (parts((ROOT, GOOD)).replace(b"\r\n", b"\n"), "multipart/mixed"),
        (parts((ROOT, GOOD), ending=b""), STARTING),
    ],
)
def test_the_root_of_a_multipart_answer_is_the_answer(body: bytes, content_type: str) -> None:
    assert only(told(body, content_type)).personal_id == "001303900017"


@pytest.mark.parametrize(
    "body",
    [
        parts((PICTURE, b"\xff\xd8")),
        parts((ROOT, GOOD[:500]), ending=b""),
        parts((ROOT, b"")),
        parts(*[(PICTURE, b"")] * 500),
        b"--",
        b"--\r\n",
        b"",
        b"--" + b"x" * 200_000,
        b"--a\r\n" * 50_000,
        b"no boundary",
    ],
)
def test_a_multipart_answer_without_a_document_is_garbled(body: bytes) -> None:
    assert told(body, STARTING) == "population.garbled_answer"


def test_a_fault_in_a_multipart_answer_is_a_fault() -> None:
    body = parts((ROOT, fault("S:Server", "Lỗi")))
    assert told(body, STARTING, 500) == "population.fault"
    assert is_fault(Answer(500, body, STARTING))


@pytest.mark.parametrize("pointer", ['href="#id0"', 'href="cid:part-2"'])
def test_content_that_stands_elsewhere_is_not_taken_for_nothing(pointer: str) -> None:
    assert told(enveloped(f"<n:CongDan {pointer}/>")) == "population.garbled_answer"


def test_empty_lines_before_the_declaration_do_no_harm() -> None:
    assert len(told(b"\r\n\t\n " + GOOD)) == 1
    assert len(told(b"\xef\xbb\xbf\r\n" + GOOD)) == 1


NAME = "<n:Ho>NGUYỄN</n:Ho><n:ChuDem>THỊ HOÀI</n:ChuDem><n:Ten>THỬ</n:Ten>"


@pytest.mark.parametrize(
    ("person", "meant"),
    [
        (PERSON.replace("n:HoVaTen", "n:TenDayDu"), "population.incomplete_answer"),
        (PERSON.replace(NAME, "<n:TenDayDu>THỬ</n:TenDayDu>"), "population.incomplete_answer"),
        (PERSON.replace(NAME, "x" * 301), "population.incomplete_answer"),
        (PERSON.replace(NAME, ""), ()),  # services.md 4.4: an empty name says nobody
    ],
)
def test_somebody_whose_name_stands_elsewhere_is_not_nobody(person: str, meant: object) -> None:
    assert told(enveloped(person)) == meant


NIL = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:nil="true"'


def test_what_is_nil_is_not_told() -> None:
    person = only(told(GOOD.replace(b"<n:SoCMND>012345678</n:SoCMND>", f"<n:SoCMND {NIL}/>".encode())))
    assert person.previous_id is None
    assert told(enveloped(f"<n:CongDan {NIL}/>")) == ()


@pytest.mark.parametrize(
    ("code", "subcode", "meant"),
    [
        ("Sender", "", "request_refused"),
        ("Receiver", "", "fault"),
        ("DataEncodingUnknown", "", "request_refused"),
        ("Sender", "wsse:FailedAuthentication", "not_allowed"),
        ("Receiver", "Server.ServerProxy.AccessDenied", "not_allowed"),
        ("Receiver", "x:Busy", "fault"),
    ],
)
@pytest.mark.parametrize("status", [200, 400, 500])
def test_faults_of_soap_1_2_are_kept_apart_likewise(status: int, code: str, subcode: str, meant: str) -> None:
    finer = f"<e:Subcode><e:Value>{subcode}</e:Value></e:Subcode>" if subcode else ""
    body = (
        '<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"><e:Body><e:Fault>'
        f"<e:Code><e:Value>e:{code}</e:Value>{finer}</e:Code><e:Reason><e:Text>001303900017</e:Text></e:Reason>"
        "</e:Fault></e:Body></e:Envelope>"
    ).encode()
    assert told(body, "application/soap+xml", status) == f"population.{meant}"


@pytest.mark.parametrize(
    ("beside", "nobody"),
    [
        ({}, True),
        ({"message": "Không tìm thấy"}, True),
        ({"errorCode": 0, "error": None}, True),
        ({"errorCode": "00", "hasError": False}, True),
        ({"error": "backend timeout"}, False),
        ({"errorCode": 500}, False),
        ({"fault": {"code": 101504, "type": "Status report"}}, False),
        ({"fault": "101504"}, False),
        ({"maLoi": "E01"}, False),
    ],
)
def test_an_empty_list_beside_an_error_is_not_the_registers_word(beside: dict[str, object], nobody: bool) -> None:
    answer = Answer(200, to_json({"CongdanCollection": None, **beside}), "application/json")
    if nobody:
        assert entries(rest_content(answer)) == ()
        return
    with pytest.raises(PopulationError) as raised:
        entries(rest_content(answer))
    assert raised.value.code == "population.fault"


def test_json_made_from_xml_keeps_prefixes_attributes_and_bare_text_and_is_read_all_the_same() -> None:
    person = {
        "@xsi:type": "CongDan",
        "n:SoDinhDanh": {"@xmlns:n": "u", "$": "001303900017"},
        "ns2:HoVaTen": {"Ten": {"#text": "NGUYỄN THỊ HOÀI THỬ"}},
        "NgayThangNamSinh": {"NgayThangNam": "20030214"},
        "SoCMND": {"@nil": "true"},
    }
    wrapped = {
        "soap:Envelope": {"@xmlns": "s", "soap:Body": {"n:Response": {"n:CongdanCollection": {"n:CongDan": person}}}}
    }
    found = only(entries(rest_content(Answer(200, to_json(wrapped)))))
    assert (found.personal_id, found.full_name, found.previous_id) == ("001303900017", "NGUYỄN THỊ HOÀI THỬ", None)
    nobody = {"n:CongdanCollection": {"@xsi:nil": "true"}}
    assert entries(rest_content(Answer(200, to_json(nobody)))) == ()


def test_two_spellings_of_one_name_that_say_different_things_are_no_answer() -> None:
    person = {"n:SoDinhDanh": "001303900017", "SoDinhDanh": "001303900018", "HoVaTen": "A"}
    with pytest.raises(PopulationGarbled):
        entries(rest_content(Answer(200, to_json({"CongDan": person}))))
    both = {"$": "001303900017", "#text": "001303900018"}
    with pytest.raises(PopulationGarbled):
        entries(rest_content(Answer(200, to_json({"CongDan": {"SoDinhDanh": both, "HoVaTen": "A"}}))))
