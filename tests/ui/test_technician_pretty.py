"""A message laid out to be read: nothing is lost, changed or followed, whatever the message holds."""

import re
from itertools import chain

from hypothesis import given
from hypothesis import strategies as st

from tests.ui.technician_desk import MESSAGES
from ui.technician.pretty import Kind, lay_out
from ui.technician.views import visible


def test_hl7_fields_are_counted_as_the_standard_counts_them() -> None:
    laid = lay_out(*MESSAGES["hl7"])
    header, patient = laid.segments
    assert laid.kind is Kind.HL7
    assert [(one.name, one.text) for one in header.fields[:2]] == [("MSH-2", "^~\\&"), ("MSH-3", "TIEPDON")]
    assert [(one.name, one.text) for one in patient.fields if one.text][1] == ("PID-3", "001303900017^^^NATIONAL^NI")


def test_json_keeps_every_token_as_it_was_sent() -> None:
    laid = lay_out("application/json", '{"a":1.0,"a":1e5,"b":"\\u0110"}')
    assert laid.text == '{\n  "a": 1.0,\n  "a": 1e5,\n  "b": "\\u0110"\n}'


def test_xml_is_laid_out_one_element_a_line_and_nothing_in_it_is_followed() -> None:
    laid = lay_out("application/xml", '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a><b>&b;</b><c/></a>')
    assert laid.text.endswith("<a>\n  <b>&b;</b>\n  <c/>\n</a>")


def test_csv_is_a_table_whatever_its_delimiter() -> None:
    assert lay_out("text/csv", '\ufeffa;b\r\n"x;y";2\r\n').rows == (("a", "b"), ("x;y", "2"))


def test_what_is_not_what_it_says_stays_as_it_is() -> None:
    assert lay_out("application/json", "{broken").text == "{broken"
    assert lay_out("text/plain", "a|b").text == "a|b"
    assert lay_out("application/json", "[" * 100_000).text == "[" * 100_000


def test_signs_that_are_not_seen_are_made_visible() -> None:
    assert visible("a\x0bb\u202ec\n") == "a␋b⟨202E⟩c\n"


@given(st.text(alphabet="<>/?!&; ab\n\"'", max_size=200))
def test_xml_of_any_shape_loses_and_gains_nothing_but_white_space(body: str) -> None:
    laid = lay_out("text/xml", body).text
    assert re.sub(r"\s", "", laid) == re.sub(r"\s", "", body)


@given(st.text(max_size=200).filter(lambda text: not text.startswith("MSH|")))
def test_hl7_of_any_shape_loses_nothing(body: str) -> None:
    laid = lay_out("application/hl7-v2", body)
    lines = [line for line in re.split(r"[\r\n]+", body) if line]
    assert len(laid.segments) == len(lines)
    told = chain(*((one.name, *(field.text for field in one.fields)) for one in laid.segments))
    assert "".join(told) == "".join("".join(line.split(laid.segments[0].separator)) for line in lines)


@given(st.text(max_size=200))
def test_csv_of_any_shape_is_laid_out(body: str) -> None:
    lay_out("text/csv", body)
