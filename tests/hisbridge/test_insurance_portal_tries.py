"""How the portal is asked: officer, birth date, the second tries a result code is worth, and for nobody."""

import json
from pathlib import Path
from typing import Any

import pytest

from hisbridge.errors import PortalError, PortalNotAllowed, PortalUnreachable
from hisbridge.lookups.portal_errors import (
    PortalOfficerName,
    PortalOfficerUnknown,
    PortalParameters,
    PortalRegisterDown,
)
from hisbridge.questions import Act, Officer, Verdict
from tests.hisbridge.making import portal_settings
from tests.hisbridge.portal_asking import about, client, held, recording, sandbox
from wire.server import Response


@pytest.mark.parametrize(("known", "sent"), [("1948", "1948"), ("1948-05", "1948"), ("2003-02-14", "14/02/2003")])
def test_birth_dates_are_sent_whole_or_as_the_year(tmp_path: Path, known: str, sent: str) -> None:
    with recording(lambda _form: {"maKetQua": "050"}) as (port, seen):
        client(portal_settings(tmp_path, port)).ask(about("mau", birth_date=known))
    assert json.loads(seen[1].body)["ngaySinh"] == sent


def test_a_nearly_right_name_is_tried_with_its_accents_placed_the_other_way(tmp_path: Path) -> None:
    def answer(form: dict[str, Any]) -> dict[str, Any]:
        if form["hoTen"] != "Nguyễn Hoà":
            return {"maKetQua": "061"}
        return held(hoTen="NGUYỄN HOÀ")

    with recording(answer) as (port, seen):
        told = client(portal_settings(tmp_path, port)).ask(about("mau", full_name="Nguyễn Hòa"))
    assert told.verdict is Verdict.VALID
    assert len(seen) == 3


def test_a_wrong_name_is_not_tried_another_way(tmp_path: Path) -> None:
    with recording(lambda _form: {"maKetQua": "060"}) as (port, seen):
        told = client(portal_settings(tmp_path, port)).ask(about("mau", full_name="Nguyễn Hòa"))
    assert (told.verdict, told.act) == (Verdict.MISMATCH, Act.COMPARE_PERSON)
    assert len(seen) == 2


@pytest.mark.parametrize(
    ("second", "verdict", "code"),
    [
        (held(ngaySinh="2003"), Verdict.VALID, "000"),
        (held(ngaySinh="15/02/2003"), Verdict.MISMATCH, "070"),  # the insurer holds more than the year, and differs
        (held(ngaySinh=""), Verdict.MISMATCH, "070"),
        (held(hoTen="Trần Thị Mậu"), Verdict.MISMATCH, "070"),
        ({"maKetQua": "060"}, Verdict.MISMATCH, "070"),
        ({"maKetQua": "999"}, Verdict.MISMATCH, "070"),
        ({"maKetQua": "100"}, Verdict.UNVERIFIED, "100"),  # the try was not answered: nothing is decided
    ],
)
def test_a_second_try_counts_only_where_it_is_accepted_and_names_the_person(
    tmp_path: Path, second: dict[str, Any], verdict: Verdict, code: str
) -> None:
    def answer(form: dict[str, Any]) -> dict[str, Any]:
        return second if form["ngaySinh"] == "2003" else {"maKetQua": "070"}

    with recording(answer) as (port, seen):
        told = client(portal_settings(tmp_path, port)).ask(about("mau"))
    assert (told.verdict, told.result_code) == (verdict, code)
    assert len(seen) == 3


def test_accents_and_year_are_tried_together_where_the_portal_asks_for_both(tmp_path: Path) -> None:
    def answer(form: dict[str, Any]) -> dict[str, Any]:
        if form["hoTen"] != "Trần Hoà":
            return {"maKetQua": "061"}
        return held(hoTen="Trần Hoà", ngaySinh="2003") if form["ngaySinh"] == "2003" else {"maKetQua": "070"}

    with recording(answer) as (port, seen):
        told = client(portal_settings(tmp_path, port)).ask(about("mau", full_name="Trần Hòa"))
    assert told.verdict is Verdict.VALID
    assert len(seen) == 4


def test_a_portal_that_is_never_content_is_asked_no_more_than_twice_again(tmp_path: Path) -> None:
    codes = iter(["061", "070", "061", "070", "061"])
    with recording(lambda _form: {"maKetQua": next(codes)}) as (port, seen):
        told = client(portal_settings(tmp_path, port)).ask(about("mau", full_name="Trần Hòa"))
    assert (told.verdict, told.result_code) == (Verdict.MISMATCH, "061")
    assert len(seen) == 4


@pytest.mark.parametrize(
    ("asking", "name", "number"),
    [
        (None, "Trần Thị Mẫu", "000088888888"),
        (Officer(full_name=" Le\u0302  Văn Giả ", personal_id="000077777777"), "Lê Văn Giả", "000077777777"),
    ],
)
def test_the_officer_who_asks_is_named_else_the_one_of_the_settings(
    tmp_path: Path, asking: Officer | None, name: str, number: str
) -> None:
    with recording(lambda _form: held()) as (port, seen):
        client(portal_settings(tmp_path, port)).ask(about("mau", officer=asking))
    form = json.loads(seen[1].body)
    assert (form["hoTenCb"], form["cccdCb"]) == (name, number)


def test_an_officer_who_is_logged_in_needs_none_in_the_settings_and_shares_the_token(tmp_path: Path) -> None:
    with recording(lambda _form: held()) as (port, seen):
        portal = client(portal_settings(tmp_path, port, officer_name="", officer_id=""))
        for number in ("000077777777", "000066666666"):
            officer = Officer(full_name="Lê Văn Giả", personal_id=number)
            assert portal.ask(about("mau", officer=officer)).verdict is Verdict.VALID
    assert len(seen) == 3


@pytest.mark.parametrize("code", ["054", "055"])
def test_an_officer_whom_the_portal_does_not_know_is_ours_to_mend(tmp_path: Path, code: str) -> None:
    with recording(lambda _form: {"maKetQua": code}) as (port, _):
        told = client(portal_settings(tmp_path, port)).ask(about("mau"))
    assert (told.verdict, told.act) == (Verdict.CONFIGURATION_ERROR, Act.CALL_ADMINISTRATOR)
    assert told.result_code == code


def test_a_wrong_birth_date_is_tried_with_the_year_alone_and_stays_a_mismatch_when_that_fails(tmp_path: Path) -> None:
    with recording(lambda _form: {"maKetQua": "070"}) as (port, seen):
        told = client(portal_settings(tmp_path, port)).ask(about("mau"))
    assert (told.verdict, told.result_code) == (Verdict.MISMATCH, "070")
    assert [json.loads(request.body)["ngaySinh"] for request in seen[1:]] == ["14/02/2003", "2003"]


def test_the_try_with_the_year_alone_can_be_switched_off(tmp_path: Path) -> None:
    def answer(form: dict[str, Any]) -> dict[str, Any]:
        return held(ngaySinh="2003") if form["ngaySinh"] == "2003" else {"maKetQua": "070"}

    with recording(answer) as (port, seen):
        told = client(portal_settings(tmp_path, port, year_only_retry=False)).ask(about("mau"))
        assert client(portal_settings(tmp_path, port)).ask(about("mau")).verdict is Verdict.VALID
    assert (told.verdict, told.act, told.result_code) == (Verdict.MISMATCH, Act.COMPARE_PERSON, "070")
    assert [json.loads(request.body)["ngaySinh"] for request in seen if request.query] == [
        *("14/02/2003", "14/02/2003", "2003")
    ]


def test_no_time_is_not_the_usual_time(tmp_path: Path) -> None:
    with recording(lambda _form: held()) as (port, seen):
        told = client(portal_settings(tmp_path, port)).ask(about("mau"), 0.0)
    assert (told.verdict, told.reason, seen) == (Verdict.UNVERIFIED, "portal.timeout", [])


def test_a_probe_takes_a_token_or_says_what_is_wrong(tmp_path: Path) -> None:
    with sandbox(tmp_path) as (sand, portal):
        portal.probe()
        assert sand.counts() == {"tokens": 1, "lookups": 1}
    with pytest.raises(PortalUnreachable):
        client(portal_settings(tmp_path, 9)).probe()


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ({"maKetQua": "401"}, PortalNotAllowed),
        (Response(status=403), PortalNotAllowed),
        ({"maKetQua": "054"}, PortalOfficerUnknown),
        ({"maKetQua": "055"}, PortalOfficerName),
        ({"maKetQua": "205"}, PortalParameters),
        ({"maKetQua": "100"}, PortalRegisterDown),
    ],
)
def test_a_probe_asks_for_nobody_and_says_what_stands_in_the_way(
    tmp_path: Path, answer: Any, problem: type[PortalError]
) -> None:
    with recording(lambda _form: answer) as (port, seen), pytest.raises(problem):
        client(portal_settings(tmp_path, port)).probe()
    assert json.loads(seen[1].body)["maThe"] == "000099999999"
