"""`tiepdon lookup` without a bridge, against the sandbox's portal and register; and what doctor says of both."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from config.settings import load
from sandbox import population as register
from sandbox.people import all_people, find
from sandbox.population import Population
from sandbox.portal import Portal
from tiepdon.checks.outside import look_at_clock, look_at_insurance, look_at_population
from tiepdon.main import main
from wire.server import serving

OFFICER = 'officer_name = "Trần Thị Mẫu"\nofficer_id = "000088888888"\n'


@dataclass(frozen=True)
class Site:
    """A site whose portal and register are the sandbox's, and no bridge runs."""

    file: Path
    portal: Portal
    population: Population

    def ask(self, what: str, *options: str) -> int:
        return main(["lookup", what, "--config", str(self.file), *options])


def settings_file(folder: Path, portal: int, population: int, officer: str = OFFICER) -> Path:
    for name in ("portal", "population"):
        (folder / name).write_text(register.SECRET)
        (folder / name).chmod(0o600)
    file = folder / "site.toml"
    file.write_text(
        f"""
[paths]
state = "{folder}"
run = "{folder}"
[portal]
enabled = true
base_url = "http://127.0.0.1:{portal}"
username = "99999_BV"
password_file = "{folder / "portal"}"
{officer}
[population]
transport = "rest_lgsp"
base_url = "http://127.0.0.1:{population}"
path = "{register.LGSP_REST_PATH}"
token_path = "{register.TOKEN_PATH}"
username = "{register.USERNAME}"
password_file = "{folder / "population"}"
client = "{register.CLIENT}"
officer = "000088888888"
agency_code = "H00.00"
procedure_code = "0.000000"
""",
        "utf-8",
    )
    return file


@contextmanager
def site_of(folder: Path, **differences: Any) -> Iterator[Site]:
    portal, population = Portal(all_people()), Population(all_people())
    with portal.serving() as (_, port), serving(("127.0.0.1", 0), population.routes()) as (_, other):
        yield Site(settings_file(folder, port, int(other), **differences), portal, population)


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


def test_coverage_is_told_in_lines_to_people(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    number = find("so-bao-hiem").insurance.social_security_number or ""
    assert site.ask("coverage", "--insurance-number", number, *who("so-bao-hiem")) == 0
    lines = capsys.readouterr().out.splitlines()
    assert {"verdict: valid", "act: none", "found_by: social_security_number"} <= set(lines)


def test_no_answer_is_an_exit_code_of_its_own(site: Site, told: Callable[[], dict[str, Any]]) -> None:
    site.portal.set_fault("portal.500", True)
    assert site.ask("coverage", "--json", "--personal-id", find("mau").personal_id, *who("mau")) == 3
    assert told()["reason"] == "portal.server_error"


def test_a_citizen_is_shown_with_every_difference(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert site.ask("citizen", "--personal-id", find("khac-gioi").personal_id, *who("khac-gioi")) == 0
    assert "verdict: found" in capsys.readouterr().out.splitlines()
    other = "female" if find("mau").sex == "male" else "male"
    person = find("mau")
    options = ("--name", person.full_name, "--birth", person.birth_date, "--sex", other)
    assert site.ask("citizen", "--personal-id", person.personal_id, *options) == 0
    assert f"differs: sex: card {other} / register {person.sex}" in capsys.readouterr().out.splitlines()


def test_a_citizen_nobody_knows_is_an_answer(site: Site, told: Callable[[], dict[str, Any]]) -> None:
    options = ("--personal-id", "001303900999", "--name", "Người Lạ", "--birth", "1990-01-01")
    assert site.ask("citizen", "--json", *options) == 0
    assert told()["verdict"] == "not_found"


@pytest.mark.parametrize(
    "options",
    [
        ("coverage", "--personal-id", "12", "--name", "A", "--birth", "1990"),
        ("coverage", "--insurance-number", "GD9999999999999", "--name", "A", "--birth", "1990"),
        ("coverage", "--personal-id", "001303900017", "--name", "A", "--birth", "14/02/1990"),
        ("citizen", "--personal-id", "001303900017"),
    ],
)
def test_what_cannot_be_asked_is_refused_without_its_content(
    site: Site, capsys: pytest.CaptureFixture[str], options: tuple[str, ...]
) -> None:
    assert site.ask(*options) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert "malformed" in said.err
    assert "001303900017" not in said.err


def test_doctor_finds_both_well_and_tells_how_long_they_took(site: Site) -> None:
    settings = load(site.file)
    for (finding,) in (list(look_at_insurance(settings)), list(look_at_population(settings))):
        assert finding.code is None, finding
        assert finding.data["milliseconds"] < 4000


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("portal.500", "portal.server_error"),
        ("portal.bad_account", "portal.bad_account"),
        ("portal.html", "portal.garbled_answer"),
        ("portal.down", "portal.unreachable"),
    ],
)
def test_doctor_says_what_is_wrong_with_the_portal(site: Site, fault: str, code: str) -> None:
    site.portal.set_fault(fault, True)
    (finding,) = look_at_insurance(load(site.file))
    assert (finding.probe, finding.code) == ("portal", code)


def test_doctor_finds_an_officer_the_portal_does_not_know(tmp_path: Path) -> None:
    stranger = 'officer_name = "Người Lạ"\nofficer_id = "000011111111"\n'
    with site_of(tmp_path, officer=stranger) as site:
        (finding,) = look_at_insurance(load(site.file))
        assert finding.code == "portal.officer_unknown"


def test_doctor_compares_the_clock_with_the_portals(site: Site) -> None:
    settings = load(site.file)
    (finding,) = look_at_clock(settings)
    assert (finding.code, finding.data["compared"]) == (None, True)
    assert abs(int(str(finding.data["seconds_ahead"]))) <= 2
    later = datetime.now(UTC) + timedelta(hours=7)  # a clock set to local time and taken for UTC
    (finding,) = look_at_clock(settings, lambda: later)
    assert finding.code == "doctor.clock_wrong"
    assert abs(int(str(finding.data["seconds_ahead"])) - 7 * 3600) <= 2
    site.portal.set_fault("portal.down", True)
    (finding,) = look_at_clock(settings)
    assert (finding.code, finding.data) == (None, {"compared": False})


def test_doctor_asks_nobody_who_is_not_configured(tmp_path: Path) -> None:
    (finding,) = look_at_population(load(None))
    assert (finding.code, finding.data) == (None, {"configured": False})
    (finding,) = look_at_insurance(load(None))
    assert finding.code == "portal.disabled"
