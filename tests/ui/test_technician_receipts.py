"""What receivers answered, in words: every kind of receipt that a connector makes, and hostile ones."""

from http import HTTPStatus

import pytest

from hisbridge.agent import offers, waiting
from hisbridge.connectors import fhir_answers, registration, rest
from hisbridge.connectors.hl7ack import Acknowledgement, judge
from hisbridge.connectors.xml_tables import CHECK_IN
from hisbridge.delivery import NOT_TOLD
from ui.technician.receipts import field_words, receipt_words
from ui.words import LANGUAGES, Words

VI, EN = Words("vi"), Words("en")
# FHIR R4's IssueType, every code of it.
ISSUES = [
    "invalid",
    "structure",
    "required",
    "value",
    "invariant",
    "security",
    "login",
    "unknown",
    "expired",
    "forbidden",
    "suppressed",
    "processing",
    "not-supported",
    "duplicate",
    "multiple-matches",
    "not-found",
    "deleted",
    "too-long",
    "code-invalid",
    "extension",
    "too-costly",
    "business-rule",
    "conflict",
    "transient",
    "lock-error",
    "no-store",
    "exception",
    "timeout",
    "incomplete",
    "throttled",
    "informational",
]
OURS = (
    *("saved", "booked", "no_booking", "cancelled", "save_no_number", "booking_no_number", "token_missing"),
    *(rest.AMBIGUOUS, rest.BOOKING_UNKNOWN, rest.CANCEL_UNKNOWN, registration.REGISTRATION_UNKNOWN),
    *("kept_was_replaced", "care_has_begun", "record_number_unknown", "Retry-After"),
    *(f"{fhir_answers.AMBIGUOUS} {kind}" for kind in ("Patient", "Coverage", "Encounter")),
    *(NOT_TOLD, offers.NOT_TOLD, waiting.SUPERSEDED, "taken by a program", "taken counter 3"),
    *("code_000", "code_999", "code_Z9", "maGiaoDich 123 20261122", "200 without maGiaoDich", "205"),
    *("200 with an error text", "written a.json", "was there a.json", "draft a.xml (complete)"),
    *("draft a.incomplete (open MA_BN:required)", "draft a.xml (synthetic)", "draft a.xml (no insurance visit)"),
    *("200 201 201", "draft a.withdrawn (cancelled)"),
)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_of_receipt_has_words_of_its_language(language: str) -> None:
    words = Words(language)
    statuses = [status.value for status in HTTPStatus if status.value >= 200]
    acks = [
        judge(Acknowledgement(code, "1", error, "PID^1^5")).text
        for code in ("AA", "CA", "AE", "CE", "AR", "CR")
        for error in ("", "101", "207", "Z99")
    ]
    calls = [
        f"{step}{status}" for step in ("HTTP ", "http_", "token_http_", "find_booking_http_") for status in statuses
    ]
    issues = [f"HTTP 422 {issue}" for issue in ISSUES]
    for receipt in (*acks, *calls, *issues, *OURS):
        told = receipt_words(receipt, words)
        assert told, receipt
        assert "receipt." not in told, (receipt, told)
    for issue in ISSUES:
        assert len(receipt_words(f"HTTP 422 {issue}", words)) > len(receipt_words("HTTP 422", words)), issue


def test_a_refusal_names_what_was_wrong_and_where() -> None:
    told = receipt_words("AE 101 PID^1^5", EN)
    assert told == "Refused because of its content · a required field is missing · field PID-5"
    assert receipt_words("AR 200", VI) == "Thông điệp bị từ chối · không hỗ trợ loại thông điệp này"
    assert receipt_words("booking_http_503", EN) == "When booking the visit · Busy, or down for maintenance"
    assert receipt_words("HTTP 599", EN) == EN.get("receipt.http.5xx")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_field_and_rule_of_the_check_in_table_has_words(language: str) -> None:
    words = Words(language)
    for field in CHECK_IN:
        for rule in ("required", "too_long", "form", "unfit", "order", "unknown"):
            told = field_words([f"{field.name}:{rule}"], words)
            assert field.name in told
            assert f"({words.get(f'checkin.rule.{rule}')})" in told
            assert not told.startswith((field.name, "checkin."))


@pytest.mark.parametrize(
    "receipt",
    ["", None, "\x00\x1b[31m", "\u202eHTTP 500", "<b>AA</b>", "AE {0} {x}", "draft {a} (open {b})", "9" * 10_000],
)
def test_an_answer_of_no_known_kind_does_no_harm(receipt: str | None) -> None:
    assert len(receipt_words(receipt, VI)) < 400
