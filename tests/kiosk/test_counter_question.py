"""What a receptionist types becomes the question that was meant, or is refused field by field."""

from datetime import date
from typing import Any

import pytest

from config.settings import load
from hisbridge.questions import Act, Coverage, Verdict
from hisbridge.records import PatientRecord
from kiosk.counter_acts import FROM_PAPER
from kiosk.counter_question import FormUnusable, birth_date, fields_of, from_paper, people_date, question_of
from kiosk.handover import Place, patient_record
from tests.kiosk.people import by_chip

TODAY = date(2026, 11, 21)
PERSON = {"full_name": "Trần Thị Mẫu", "birth_date": "14/02/2003", "personal_id": "001303900017"}
FORCES = Coverage(verdict=Verdict.MANUAL_CHECK, result_code="001", act=Act.INSPECT_PAPERS)


def problems(**typed: str) -> dict[str, Any]:
    with pytest.raises(FormUnusable) as refused:
        question_of(typed, TODAY)
    return dict(refused.value.data)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("14/02/2003", "2003-02-14"),
        ("14/2/2003", "2003-02-14"),
        ("14-2-2003", "2003-02-14"),
        ("14.02.2003", "2003-02-14"),
        ("14 / 2 / 2003", "2003-02-14"),
        ("14022003", "2003-02-14"),
        ("2003-02-14", "2003-02-14"),
        ("2/2003", "2003-02"),
        ("2003", "2003"),
        ("29/2/2004", "2004-02-29"),
        ("29/2/2003", None),
        ("31/4/1990", None),
        ("14/2/03", None),
        ("0/2/2003", None),
        ("hôm qua", None),
        ("14/02/20033", None),
    ],
)
def test_a_birth_date_is_understood_as_people_write_it(typed: str, meant: str | None) -> None:
    assert birth_date(typed) == meant


def test_dates_are_shown_as_people_write_them() -> None:
    assert [people_date(iso) for iso in ("2003-02-14", "2003-02", "1955", None)] == [
        "14/02/2003",
        "02/2003",
        "1955",
        "",
    ]


def test_numbers_may_hold_what_people_put_between_digits() -> None:
    asked = question_of(
        PERSON
        | {"personal_id": "001 303.900-017", "insurance_number": "gd 4 01 0000000017", "previous_id": "10 0000017"},
        TODAY,
    )
    assert (asked.personal_id, asked.insurance_number, asked.previous_id) == (
        "001303900017",
        "GD4010000000017",
        "100000017",
    )


def test_wide_digits_and_unseen_characters_are_understood() -> None:
    asked = question_of(
        PERSON | {"personal_id": "００１３０３９０００１７", "full_name": "\u200bTrần  Thị\tMẫu "}, TODAY
    )
    assert (asked.personal_id, asked.full_name) == ("001303900017", "Trần Thị Mẫu")


def test_everything_wrong_is_said_at_once() -> None:
    told = problems(full_name="", birth_date="hôm qua", personal_id="12", officer_name="Lê Văn Trực")
    assert told == {
        "full_name": "missing",
        "birth_date": "unreadable",
        "personal_id": "unreadable",
        "officer_id": "missing",
    }


def test_what_was_typed_is_never_in_the_error() -> None:
    with pytest.raises(FormUnusable) as refused:
        question_of({"full_name": "4711 Bí Mật", "birth_date": "31/31/3131", "personal_id": "999"}, TODAY)
    assert not any(secret in str(refused.value) for secret in ("Bí Mật", "3131", "999"))


@pytest.mark.parametrize("path", ["usual", "old_id", "forces"])
def test_a_path_that_needs_a_number_asks_for_its_own(path: str) -> None:
    first = {"usual": "personal_id", "old_id": "previous_id", "forces": "insurance_number"}[path]
    assert problems(path=path, full_name="Trần Thị Mẫu", birth_date="1990") == {first: "one_number"}


@pytest.mark.parametrize("path", ["child", "newborn"])
def test_a_child_may_have_no_number(path: str) -> None:
    asked = question_of({"path": path, "full_name": "Võ Bé Mầm", "birth_date": "20/11/2026"}, TODAY)
    assert (asked.personal_id, asked.insurance_number, asked.birth_date) == (None, None, "2026-11-20")


@pytest.mark.parametrize(
    ("path", "born", "problem"),
    [
        ("child", "21/11/2020", "not_under_six"),
        ("child", "1990", "not_under_six"),
        ("newborn", "2026", "whole_date"),
        ("newborn", "1/1/2019", "not_under_six"),
        ("usual", "22/11/2026", "future"),
        ("usual", "1/1/1800", "too_old"),
    ],
)
def test_a_birth_date_that_cannot_be_is_said_to_be_so(path: str, born: str, problem: str) -> None:
    told = problems(path=path, full_name="Võ Bé Mầm", birth_date=born, personal_id="079323900007")
    assert told == {"birth_date": problem}


@pytest.mark.parametrize("born", ["22/11/2020", "2021", "11/2026", "2020"])
def test_who_may_be_under_six_is_asked_for_as_a_child(born: str) -> None:
    assert question_of({"path": "child", "full_name": "Võ Bé Mầm", "birth_date": born}, TODAY).birth_date


def test_numbers_of_another_path_are_not_asked_for() -> None:
    asked = question_of(
        {"path": "newborn", "full_name": "Con Trần Thị Mẫu", "birth_date": "20/11/2026", "personal_id": "001303900017"},
        TODAY,
    )
    assert asked.personal_id is None  # the mother's


def test_the_officer_is_the_settings_own_unless_typed() -> None:
    assert question_of(PERSON, TODAY).officer is None
    typed = question_of(PERSON | {"officer_name": "Lê Văn Trực", "officer_id": "000077777777"}, TODAY).officer
    assert typed is not None
    assert (typed.full_name, typed.personal_id) == ("Lê Văn Trực", "000077777777")


def test_why_the_person_came_goes_with_the_question() -> None:
    assert question_of(PERSON | {"circumstance": "transfer"}, TODAY).circumstance == "transfer"
    assert question_of(PERSON | {"circumstance": "else", "sex": "else"}, TODAY).circumstance == "none"


def test_a_visits_own_record_fills_the_form_and_asks_the_same_again() -> None:
    settings = load()
    place = Place("v" * 32, "0001", settings.kiosk.services[0], "2026-11-21T07:45:00+07:00")
    record: PatientRecord = patient_record(by_chip(), None, settings.site, place)
    asked = question_of(fields_of(record), TODAY)
    assert (asked.personal_id, asked.full_name, asked.birth_date, asked.sex) == (
        record.patient.personal_id,
        record.patient.full_name,
        record.patient.birth_date,
        record.patient.sex,
    )


# A card that the ministries issue, inspected by staff (services.md 2.5)


def test_what_staff_read_from_a_forces_card_is_kept_as_inspected_not_as_the_insurers_word() -> None:
    card = from_paper(FORCES, {"card_number": "qn 5 01 0000000008", "valid_from": "1/1/2026"}, TODAY)
    assert (card.verdict, card.reason, card.act) == (Verdict.MANUAL_CHECK, FROM_PAPER, Act.NONE)
    assert (card.card_number, card.valid_from, card.valid_to) == ("QN5010000000008", "2026-01-01", None)
    assert card.result_code == "001"


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ({}, {"card_number": "missing", "valid_from": "missing"}),
        ({"card_number": "GD4010000000017", "valid_from": "1/1/2026"}, {"card_number": "not_forces"}),
        ({"card_number": "QN50100", "valid_from": "2026"}, {"card_number": "unreadable", "valid_from": "unreadable"}),
        ({"card_number": "QN5010000000008", "valid_from": "22/11/2026"}, {"valid_from": "not_yet"}),
        (
            {"card_number": "QN5010000000008", "valid_from": "1/1/2020", "valid_to": "20/11/2026"},
            {"valid_to": "over"},
        ),
    ],
)
def test_a_card_that_does_not_hold_today_is_not_taken(typed: dict[str, str], told: dict[str, str]) -> None:
    with pytest.raises(FormUnusable) as refused:
        from_paper(FORCES, typed, TODAY)
    assert refused.value.data == told
