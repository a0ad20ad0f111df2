"""Hostile XML and JSON: nothing of it is expanded, fetched, believed or let through as an exception."""

import socket
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hisbridge.http import Answer
from hisbridge.lookups.population_access import MAX_ANSWER
from hisbridge.lookups.population_answer import Entry, entries
from hisbridge.lookups.population_errors import PopulationError, PopulationGarbled, PopulationUnknownAnswer
from hisbridge.lookups.population_soap import content
from hisbridge.xml import MAX_DEPTH, MAX_NODES, XmlRefused, element, escaped, read
from tests.hisbridge.gateway import PERSON, enveloped, fault

GOOD = enveloped(PERSON)


def with_doctype(subset: str, name: str = "THỬ") -> bytes:
    """A well-formed answer that uses what its document type declares."""
    return GOOD.decode().replace("?>", f"?><!DOCTYPE S:Envelope {subset}>", 1).replace("THỬ", name).encode()


def people(body: bytes, status: int = 200) -> tuple[Entry, ...]:
    return entries(content(Answer(status, body)))


def laughs(levels: int) -> str:
    entities = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, levels))
    return f'[<!ENTITY a0 "ha">{entities}]'


@contextmanager
def listener() -> Iterator[tuple[int, Callable[[], bool]]]:
    """A listening socket, and whether anybody ever came."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.2)

        def came() -> bool:
            try:
                listening.accept()[0].close()
            except TimeoutError:
                return False
            return True

        yield listening.getsockname()[1], came


@pytest.mark.parametrize(
    ("subset", "name"),
    [
        (laughs(9), "&a8;"),
        (f'[<!ENTITY q "{"x" * 50_000}">]', "&q;" * 4000),
        ('[<!ENTITY x SYSTEM "file:///etc/passwd">]', "&x;"),
        ('[<!ENTITY % p SYSTEM "file:///etc/passwd"> %p;]', "THỬ"),
        ('SYSTEM "file:///etc/passwd"', "THỬ"),
        ('PUBLIC "-//x//y" "http://127.0.0.1:1/x.dtd"', "THỬ"),
        ('[<!ATTLIST n:Ten more CDATA "THỬ">]', "THỬ"),
        ("[]", "THỬ"),
        ("", "THỬ"),
    ],
)
def test_a_document_type_declaration_is_refused_before_anything_of_it_is_used(subset: str, name: str) -> None:
    body = with_doctype(subset, name)
    tracemalloc.start()
    begun = time.thread_time()
    with pytest.raises(PopulationGarbled) as raised:
        people(body)
    assert time.thread_time() - begun < 0.5
    assert tracemalloc.get_traced_memory()[1] < 3 * len(body) + 500_000
    tracemalloc.stop()
    assert raised.value.data == {"why": "document type declaration"}


def test_no_external_entity_is_ever_fetched() -> None:
    with listener() as (port, came):
        for subset, name in (
            (f'SYSTEM "http://127.0.0.1:{port}/x.dtd"', "THỬ"),
            (f'[<!ENTITY x SYSTEM "http://127.0.0.1:{port}/x">]', "&x;"),
            (f'[<!ENTITY % p SYSTEM "http://127.0.0.1:{port}/p"> %p;]', "THỬ"),
        ):
            with pytest.raises(PopulationGarbled):
                people(with_doctype(subset, name))
        including = GOOD.replace(
            b"<S:Header/>",
            f'<S:Header><x:include xmlns:x="http://www.w3.org/2001/XInclude" href="http://127.0.0.1:{port}/i"/>'
            "</S:Header>".encode(),
        ).replace(
            b"<S:Envelope",
            f'<?xml-stylesheet href="http://127.0.0.1:{port}/s"?><S:Envelope '
            f'schemaLocation="http://127.0.0.1:{port}/a http://127.0.0.1:{port}/b"'.encode(),
            1,
        )
        assert len(people(including)) == 1
        assert not came()


@pytest.mark.parametrize(
    "body",
    [
        b"<a>" * (MAX_DEPTH + 1) + b"</a>" * (MAX_DEPTH + 1),
        b"<a>" * (MAX_ANSWER // 3),
        b"<a>" + b"<b/>" * (MAX_NODES + 1) + b"</a>",
        b"<a " + b" ".join(b'x%d=""' % n for n in range(30_000)) + b"/>",
        b'<a x="' + b"&lt;" * 60_000,
        b"<" + b"a" * 250_000,
        b"<a>&undeclared;</a>",
        b"<a b='1' b='2'/>",
        b"<a>\x00</a>",
        b"<a>\x1b</a>",
        b"<a/><b/>",
        b"text",
        b"",
        b"\xff\xfe",
        b"\xfe\xff\x00",
        b"\xef\xbb\xbf",
        b"<a>\xe1\xba</a>",
        b'<?xml version="1.0" encoding="UTF-7"?><a>+ADw-b+AD4-</b></a>',
        "<a>ả</a>".encode("cp1258", "replace") + b"\xff",
        "<a/>".encode("utf-32"),
        "<a>\udc00</a>".encode("utf-16-le", "surrogatepass"),
        b"<?xml version='1.1'?><a>&#1;</a>",
        b"<a><![CDATA[x</a>",
        b"<a><!-- -- --></a>",
    ],
    ids=range(24),
)
def test_what_is_no_document_is_refused_quickly(body: bytes) -> None:
    begun = time.thread_time()
    with pytest.raises(XmlRefused):
        read(body)
    assert time.thread_time() - begun < 0.5


def test_the_largest_answer_that_is_let_in_is_read_quickly_and_in_little_memory() -> None:
    long = ("x" * 40).encode()
    for body in (
        b"<a>" + b"<b/>" * (MAX_NODES - 1) + b"</a>",
        b"<a>" + b"&lt;" * (MAX_ANSWER // 4 - 2) + b"</a>",
        b'<a x="' + b"y" * (MAX_ANSWER - 20) + b'"/>',
        b"<a>" + b"".join(b"<b%d c='%s'/>" % (n, long) for n in range(4000)) + b"</a>",
        b"<!--" + b"x" * (MAX_ANSWER - 20) + b"--><a/>",
    ):
        tracemalloc.start()
        begun = time.thread_time()
        assert read(body).name == "a"
        assert time.thread_time() - begun < 1
        assert tracemalloc.get_traced_memory()[1] < 8_000_000
        tracemalloc.stop()


@pytest.mark.parametrize("declared", ["UTF-8", "utf-8", "ISO-8859-1", "windows-1258", "UTF-16", "UCS-4", "nonsense"])
@pytest.mark.parametrize("encoded", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_the_bytes_say_the_encoding_whatever_the_declaration_claims(declared: str, encoded: str) -> None:
    body = GOOD.decode().replace('encoding="UTF-8"', f'encoding="{declared}"').encode(encoded)
    (person,) = people(body)
    assert person.full_name == "NGUYỄN THỊ HOÀI THỬ"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("n:", "ns2:"),
        ("xmlns:n=", "xmlns:unused="),  # prefixes that nobody declared
        ('xmlns:n="http://www.mic.gov.vn/dancu/1.0"', 'xmlns:n="http://dancuquocgia.bca"'),
        ("S:", "soap-env:"),
        ("<n:Ten>THỬ</n:Ten>", "<n:Ten><![CDATA[TH]]><![CDATA[Ử]]></n:Ten>"),
        ("<n:Ten>THỬ</n:Ten>", "<n:Ten>T&#72;<!-- x --><?pi y?>&#x1EEC;</n:Ten>"),
        ("<n:Ten>THỬ</n:Ten>", '<n:Ten lang="vi">\n  THỬ\t</n:Ten>'),
        ("n:CongDan>", "n:congDan>"),
        ("http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope"),
    ],
)
def test_prefixes_sections_and_spacing_change_nothing(old: str, new: str) -> None:
    assert old in GOOD.decode()
    (person,) = people(GOOD.decode().replace(old, new).encode())
    assert (person.full_name, person.personal_id) == ("NGUYỄN THỊ HOÀI THỬ", "001303900017")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<n:Ten>THỬ</n:Ten>", "<n:Ten>THỬ</n:Ten><n:Ten>KHÁC</n:Ten>"),
        ("<n:GioiTinh>", "<n:SoDinhDanh>001303900018</n:SoDinhDanh><n:GioiTinh>"),
        ("<n:GioiTinh>", '<e:SoDinhDanh xmlns:e="http://evil.example">001303900018</e:SoDinhDanh><n:GioiTinh>'),
        ("<n:GioiTinh>", "<n:HoVaTen>Ai Khác</n:HoVaTen><n:GioiTinh>"),
        ("<n:GioiTinh>", "<n:NgayThangNamSinh><n:Nam>1950</n:Nam></n:NgayThangNamSinh><n:GioiTinh>"),
        ("</S:Body>", "</S:Body><S:Body/>"),
        ("S:Envelope", "html"),
        ("S:Body>", "S:Content>"),
        (PERSON, "<![CDATA[" + PERSON + "]]>"),
        (PERSON, escaped(PERSON)),
        (PERSON, PERSON * 21),
    ],
)
def test_a_document_that_says_two_things_or_is_another_one_is_no_answer(old: str, new: str) -> None:
    assert old in GOOD.decode()
    with pytest.raises(PopulationGarbled):
        people(GOOD.decode().replace(old, new).encode())


def test_what_is_said_twice_in_the_same_words_counts_once() -> None:
    name = "<n:SoDinhDanh>001303900017</n:SoDinhDanh>"
    (person,) = people(GOOD.decode().replace(name, name * 2).encode())
    assert person.personal_id == "001303900017"


def test_a_person_in_the_header_or_beside_the_body_is_nobody() -> None:
    inner = PERSON.replace("n:", "")
    empty = enveloped("").decode()
    for body in (
        empty.replace("<S:Header/>", f"<S:Header>{inner}</S:Header>"),
        empty.replace("</S:Body>", f"</S:Body>{inner}"),
    ):
        assert people(body.encode()) == ()


def test_an_answer_that_only_repeats_the_question_says_nobody_and_any_other_text_is_unknown() -> None:
    def told(inner: str) -> bytes:
        return enveloped("", f"<TraCuuThongTinCongDanResponse>{inner}</TraCuuThongTinCongDanResponse>")

    assert people(told("<MaYeuCau>1</MaYeuCau><MaTichHop>037</MaTichHop>")) == ()
    assert people(told("")) == ()
    for unknown in (told("<KetQua>Hết hạn mức</KetQua>"), enveloped("", " ")):
        with pytest.raises(PopulationUnknownAnswer):
            people(unknown)


def test_a_person_inside_another_one_is_nobody() -> None:
    other = PERSON.replace("001303900017", "001303900018")
    (person,) = people(enveloped(other.replace("<n:GioiTinh>", f"<n:Cha>{PERSON}</n:Cha><n:GioiTinh>")))
    assert person.personal_id == "001303900018"


def test_a_person_inside_a_fault_is_nobody() -> None:
    with pytest.raises(PopulationError) as raised:
        people(fault("S:Server", PERSON.replace("n:", "")), 500)
    assert raised.value.code == "population.fault"
    assert raised.value.data == {}


def test_every_truncated_answer_is_no_answer() -> None:
    end = len(GOOD.rstrip())
    for length in range(0, end, 7):
        with pytest.raises(PopulationGarbled):
            people(GOOD[:length])


def test_values_of_the_wrong_form_are_left_out() -> None:
    for old, new, field in (
        ("001303900017", "1303900017", "personal_id"),
        ("001303900017", "٠٠١٣٠٣٩٠٠٠١٧", "personal_id"),
        ("<n:DanToc>01", "<n:DanToc>Kinh", "ethnicity_code"),
        ("<n:GioiTinh>2", "<n:GioiTinh>x", "sex"),
        ("20030214", "20031314", "birth_date"),
        ("20030214", "２００３０２１４", "birth_date"),
    ):
        (person,) = people(GOOD.decode().replace(old, new).encode())
        assert getattr(person, field) is None
    (person,) = people(GOOD.decode().replace("Số 1 Đường Mẫu", "x" * 301).encode())
    assert person.residence is not None
    assert (person.residence.detail, person.residence.ward_code) == (None, "00070")
    (person,) = people(GOOD.decode().replace("Số 1", "\u202eSố\u200b 1\u0085").encode())
    assert person.residence is not None
    assert person.residence.detail == "Số 1 Đường Mẫu"


@given(st.text())
def test_any_text_survives_the_envelope_as_far_as_xml_can_carry_it(text: str) -> None:
    told = read(element("a", escaped(text), "p").encode())
    carried = "".join(letter for letter in text if letter in "\t\n\r" or letter >= " ").translate(
        {0xFFFE: "", 0xFFFF: ""}
    )
    assert told.text == carried.replace("\r\n", "\n").replace("\r", "\n").strip()
