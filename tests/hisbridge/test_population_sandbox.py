"""The look-up against the sandbox's register, which reads the same document with code of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from hisbridge.lookups.contract import PopulationLookup
from hisbridge.lookups.persons import same_name
from hisbridge.records import CitizenQuestion, Register
from sandbox import population as sandbox
from sandbox.people import all_people, find
from sandbox.population import Population
from tests.hisbridge.gateway import lookup, population_settings
from wire.server import serving

PATHS = {
    "soap_xroad": sandbox.XROAD_PATH,
    "soap_lgsp": sandbox.LGSP_SOAP_PATH,
    "rest_lgsp": sandbox.LGSP_REST_PATH,
}


@contextmanager
def register_of(folder: Path, transport: str, **differences: Any) -> Iterator[tuple[Population, PopulationLookup]]:
    population = Population(all_people())
    secret = folder / "sandbox-secret"
    secret.write_text(sandbox.SECRET)
    with serving(("127.0.0.1", 0), population.routes()) as (_, port):
        usual = {
            "path": PATHS[transport],
            "token_path": sandbox.TOKEN_PATH,
            "username": sandbox.USERNAME,
            "password_file": str(secret),
            "client": sandbox.CLIENT,
        }
        yield population, lookup(population_settings(folder, int(port), transport, **{**usual, **differences}))


def about(key: str) -> CitizenQuestion:
    person = find(key)
    return CitizenQuestion(
        personal_id=person.personal_id, full_name=person.full_name, birth_date=person.birth_date, sex=person.sex
    )


@pytest.mark.parametrize("transport", PATHS)
@pytest.mark.parametrize("style", ["upper", "upper_ascii"])
def test_every_synthetic_person_is_told_as_the_register_holds_them(tmp_path: Path, transport: str, style: str) -> None:
    with register_of(tmp_path, transport, name_style=style) as (_, register):
        for person in all_people():
            told, held = register.ask(about(person.key)), person.register
            # One the register knows under another name or birth date is told as another person or not at all.
            same = same_name(held.full_name or person.full_name, person.full_name) and person.birth_date.startswith(
                held.birth_date or person.birth_date
            )
            expected = {Register.FOUND} if held.known and same else {Register.NOT_FOUND, Register.MISMATCH}
            assert told.verdict in expected, (person.key, told.verdict, told.reason)
            if told.verdict is Register.FOUND:
                assert (told.personal_id, told.sex) == (person.personal_id, held.sex or person.sex)
                assert told.birth_date == (held.birth_date or person.birth_date)
                assert [d.field for d in told.differences] == (["sex"] if held.sex else [])
        stranger = CitizenQuestion(personal_id="001303900999", full_name="Người Lạ", birth_date="1990-01-01")
        assert register.ask(stranger).verdict is Register.NOT_FOUND
        register.probe()


@pytest.mark.parametrize("transport", PATHS)
@pytest.mark.parametrize(
    ("fault", "value", "verdict", "reasons"),
    [
        ("not_found", "on", Register.NOT_FOUND, {None}),
        ("mismatch", "on", Register.MISMATCH, {"population.name_disagrees", "population.birth_date_disagrees"}),
        ("401", "on", Register.CONFIGURATION_ERROR, {"population.not_allowed"}),
        ("bad_account", "on", Register.CONFIGURATION_ERROR, {"population.not_allowed", "population.bad_account"}),
        ("fault", "server", Register.UNVERIFIED, {"population.fault", "population.server_error"}),
        ("token_expired", "once", Register.FOUND, {None}),
    ],
)
def test_the_sandbox_faults_are_understood(
    tmp_path: Path, transport: str, fault: str, value: str, verdict: Register, reasons: set[str | None]
) -> None:
    with register_of(tmp_path, transport) as (population, register):
        assert register.ask(about("mau")).verdict is Register.FOUND
        population.set_fault(f"population.{fault}", value)
        answer = register.ask(about("mau"))
    assert answer.verdict is verdict
    assert answer.reason in reasons


@pytest.mark.parametrize("transport", ["soap_xroad", "soap_lgsp"])
@pytest.mark.parametrize("kind", ["entities", "external"])
def test_a_bomb_in_the_answer_is_no_answer(tmp_path: Path, transport: str, kind: str) -> None:
    with register_of(tmp_path, transport) as (population, register):
        population.set_fault("population.bomb", kind)
        answer = register.ask(about("mau"))
    assert (answer.verdict, answer.reason) == (Register.UNVERIFIED, "population.garbled_answer")
