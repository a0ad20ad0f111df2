"""`tiepdon lookup` without a bridge, against the sandbox's portal and register: words for people, all for programs."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

from hisbridge.lookups.result_codes import RESULT_CODES
from hisbridge.questions import Act, Coverage, Entitlement, Register, Verdict
from sandbox.people import everybody, find
from sandbox.person import Person
from sandbox.trouble import COMMON
from tests.support.site import Site, site_of
from ui.words import Words, keys

ON_THE_WAY = [  # a right answer under a wrong name is taken
    f"{system}.{name}" for system in ("portal", "population") for name in COMMON if name != "content_type"
]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with site_of(tmp_path) as made:
        yield made


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Callable[[], dict[str, Any]]:
    def read() -> dict[str, Any]:
        said = capsys.readouterr()
        assert said.err == ""
        plain: dict[str, Any] = json.loads(said.out)
        return plain

    return read


def who(key: str) -> tuple[str, ...]:
    person = find(key)
    return ("--name", person.full_name, "--birth", person.birth_date, "--sex", person.sex)


def test_coverage_is_told_whole_to_programs(site: Site, told: Callable[[], dict[str, Any]]) -> None:
    assert site.ask("coverage", "--json", "--personal-id", find("mau").personal_id, *who("mau")) == 0
    answer = told()
    assert (answer["verdict"], answer["result_code"], answer["found_by"]) == ("valid", "000", "personal_id")
    assert answer["card_number"] == find("mau").insurance.card_number
    assert answer["entitlement"]["benefit_percent"] == 80
    assert answer["entitlement"]["route"] == "officer_decides"


def lines_of(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """What people read, by its label."""
    pairs = (line.split(":", 1) for line in capsys.readouterr().out.splitlines() if not line.endswith(":"))
    return {name.strip(): text.strip() for name, text in pairs}


def test_coverage_is_told_to_people_in_words_with_our_codes_beside_them(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    number = find("so-bao-hiem").insurance.social_security_number or ""
    assert site.ask("coverage", "--language", "en", "--insurance-number", number, *who("so-bao-hiem")) == 0
    told = lines_of(capsys)
    assert told["insurance"] == "Insured on the day of the visit [valid]"
    assert told["to do"] == "Nothing [none]"
    assert told["answer"] == "card data correct [000]"
    assert told["found by"] == "social security number (10 digits) [social_security_number]"
    assert told["valid"] == "2020-01-01 to 2049-12-31"
    assert told["asked"].endswith(" by kiosk-1")


def test_entitlement_hints_are_marked_as_proposals(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    person = find("sap-het-han")
    assert site.ask("coverage", "--language", "en", "--personal-id", person.personal_id, *who(person.key)) == 0
    text = capsys.readouterr().out
    known, _, proposed = text.partition("Proposals - the hospital decides at the end of the visit:\n")
    assert "80 %" not in known
    assert "80 % within scope [4]" in proposed
    assert "the officer decides [officer_decides]" in proposed
    assert "card ends:         in " in proposed


def test_the_words_are_of_the_sites_language_unless_another_is_asked_for(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("coverage", "--personal-id", find("mau").personal_id, *who("mau"))
    assert site.ask(*options) == 0
    assert lines_of(capsys)["bảo hiểm"] == "Có bảo hiểm trong ngày khám [valid]"
    with site.file.open("a") as file:
        file.write('[kiosk]\nlanguage = "en"\n')
    assert site.ask(*options) == 0
    assert "insurance" in lines_of(capsys)
    assert site.ask(*options, "--language", "vi") == 0
    assert "bảo hiểm" in lines_of(capsys)


def test_every_value_of_the_contract_has_words() -> None:
    coverage, route = Coverage.__annotations__, Entitlement.__annotations__["route"]
    found_by = get_args(get_args(get_args(coverage["found_by"])[0])[0])
    wanted = {
        *(f"lookup.verdict.{one}" for one in Verdict),
        *(f"lookup.act.{one}" for one in Act),
        *(f"lookup.register.{one}" for one in Register),
        *(f"lookup.found_by.{one}" for one in found_by),
        *(f"lookup.route.{one}" for one in get_args(get_args(route)[0])),
        *(f"lookup.result.{one}" for one in RESULT_CODES),
    }
    assert len(found_by) == 4
    assert wanted <= keys("vi") & keys("en")


@pytest.mark.parametrize("person", everybody(), ids=lambda person: person.key)
def test_everybody_is_told_a_verdict_and_an_act_in_words(
    site: Site, capsys: pytest.CaptureFixture[str], person: Person
) -> None:
    number = ("--personal-id", person.personal_id) if person.personal_id else ()
    for what in ("coverage", "citizen"):
        if what == "citizen" and not number:
            continue
        assert site.ask(what, "--language", "en", *number, *who(person.key)) == 0
        for line in capsys.readouterr().out.splitlines():
            assert "None" not in line
            assert not line.endswith("[]")
            assert "lookup." not in line


def test_a_code_that_no_one_documented_is_shown_beside_the_word_for_it(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    site.portal.set_fault("portal.code", "999")
    assert site.ask("coverage", "--language", "en", "--personal-id", find("mau").personal_id, *who("mau")) == 0
    assert lines_of(capsys)["answer"] == "not documented [999]"


@pytest.mark.parametrize("fault", [fault for fault in ON_THE_WAY if not fault.endswith((".slow", ".drip"))])
@pytest.mark.parametrize("language", ["vi", "en"])
def test_every_fault_without_an_answer_names_its_cause_and_its_cure(
    site: Site, capsys: pytest.CaptureFixture[str], fault: str, language: str
) -> None:
    system, what = (site.portal, "coverage") if fault.startswith("portal.") else (site.population, "citizen")
    system.set_fault(fault, True)
    options = ("--language", language, "--personal-id", find("mau").personal_id, *who("mau"))
    assert site.ask(what, *options) == 3
    told, words = lines_of(capsys), Words(language)
    cause, cure = told[words.get("lookup.field.reason")], told[words.get("lookup.field.cure")]
    code = cause.rpartition("[")[2].rstrip("]")
    assert cause == f"{words.error(code).cause} [{code}]"
    assert cure == words.error(code).cure
    assert code in keys("en") or f"error.{code}" in keys("en")


def test_no_answer_is_an_exit_code_of_its_own(site: Site, told: Callable[[], dict[str, Any]]) -> None:
    site.portal.set_fault("portal.500", True)
    assert site.ask("coverage", "--json", "--personal-id", find("mau").personal_id, *who("mau")) == 3
    assert told()["reason"] == "portal.server_error"


def test_a_citizen_is_shown_with_every_difference(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    person = find("mau")
    other = "female" if person.sex == "male" else "male"
    options = ("--language", "en", "--name", person.full_name, "--birth", person.birth_date, "--sex", other)
    assert site.ask("citizen", "--personal-id", person.personal_id, *options) == 0
    known, _, differs = capsys.readouterr().out.partition("Differs:\n")
    assert "register:          The register knows this person [found]" in known.splitlines()
    assert f"  sex:               card {other}, register {person.sex}" in differs.splitlines()


@pytest.mark.parametrize("fault", ["bad_account", "401"])
def test_a_site_that_is_wrongly_set_up_has_no_answer(site: Site, fault: str) -> None:
    site.population.set_fault(f"population.{fault}", True)
    assert site.ask("citizen", "--personal-id", find("mau").personal_id, *who("mau")) == 3
    site.portal.set_fault("portal.bad_account", True)
    assert site.ask("coverage", "--personal-id", find("mau").personal_id, *who("mau")) == 3


def test_a_citizen_nobody_knows_is_an_answer(site: Site, told: Callable[[], dict[str, Any]]) -> None:
    options = ("--personal-id", "001303900999", "--name", "Người Lạ", "--birth", "1990-01-01")
    assert site.ask("citizen", "--json", *options) == 0
    assert told()["verdict"] == "not_found"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("coverage", "--personal-id", "0013039000178"), "--personal-id: 12 digits"),
        (("coverage", "--personal-id", ""), "--personal-id: 12 digits"),
        (("coverage", "--previous-id", "0013039000"), "--previous-id: 9 digits"),
        (("coverage", "--insurance-number", "GD9999999999999"), "--insurance-number: 15 characters"),
        (("coverage", "--birth", "14/02/1990"), "--birth: YYYY-MM-DD"),
        (("coverage", "--birth", "1990-13"), "--birth: YYYY-MM-DD"),
        (("coverage", "--visit-date", "2026-02-31"), "--visit-date: YYYY-MM-DD"),
        (("coverage", "--name", " "), "--name: the name as on the card"),
        (("coverage", "--seconds", "-5"), "--seconds: more than 0"),
        (("coverage", "--seconds", "nan"), "--seconds: more than 0"),
        (("citizen", "--birth", "1990-02-30"), "--birth: YYYY-MM-DD"),
    ],
)
def test_what_cannot_be_asked_is_wrong_usage_and_is_told_without_its_content(
    site: Site, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], told: str
) -> None:
    what, *wrong = options
    with pytest.raises(SystemExit) as ended:
        site.ask(what, "--name", "Người Lạ", "--birth", "1990", *wrong)
    assert ended.value.code == 2
    said = capsys.readouterr()
    assert told in said.err
    assert not said.out
    assert not wrong[1].strip() or wrong[1] not in said.err.replace(told, "")


@pytest.mark.parametrize("what", ["coverage", "citizen"])
def test_name_and_birth_are_needed_because_both_outsides_compare_them(
    site: Site, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        site.ask(what, "--personal-id", "001303900017")
    assert ended.value.code == 2
    assert "--name, --birth" in capsys.readouterr().err
