"""The look-up against the sandbox's register, which reads the same document with code of its own."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hisbridge.lookups.contract import PopulationLookup
from hisbridge.lookups.persons import same_name
from hisbridge.questions import CitizenQuestion, Register
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


class Standing:
    """One register for the whole file, as good as new for each test."""

    def __init__(self, population: Population, port: int, folder: Path) -> None:
        self.population = population
        self._port = port
        self._folder = folder
        self._secret = folder / "sandbox-secret"
        self._secret.write_text(sandbox.SECRET)

    def __call__(self, transport: str, **differences: Any) -> PopulationLookup:
        """The look-up over that transport; no fault is on."""
        for fault, value in self.population.faults().items():
            if value is not None:
                self.population.set_fault(fault, None)
        usual = {
            "path": PATHS[transport],
            "token_path": sandbox.TOKEN_PATH,
            "username": sandbox.USERNAME,
            "password_file": str(self._secret),
            "client": sandbox.CLIENT,
        }
        return lookup(population_settings(self._folder, self._port, transport, **{**usual, **differences}))


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    population = Population(all_people())
    with serving(("127.0.0.1", 0), population.routes()) as address:
        assert isinstance(address, tuple)
        yield Standing(population, address[1], tmp_path_factory.mktemp("register"))


def about(key: str) -> CitizenQuestion:
    person = find(key)
    return CitizenQuestion(
        personal_id=person.personal_id, full_name=person.full_name, birth_date=person.birth_date, sex=person.sex
    )


@pytest.mark.parametrize("transport", PATHS)
@pytest.mark.parametrize("style", ["upper", "upper_ascii"])
def test_every_synthetic_person_is_told_as_the_register_holds_them(
    standing: Standing, transport: str, style: str
) -> None:
    register = standing(transport, name_style=style)
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
    standing: Standing, transport: str, fault: str, value: str, verdict: Register, reasons: set[str | None]
) -> None:
    register = standing(transport)
    assert register.ask(about("mau")).verdict is Register.FOUND
    standing.population.set_fault(f"population.{fault}", value)
    answer = register.ask(about("mau"))
    assert answer.verdict is verdict
    assert answer.reason in reasons


@pytest.mark.parametrize("transport", ["soap_xroad", "soap_lgsp"])
@pytest.mark.parametrize("kind", ["entities", "external"])
def test_a_bomb_in_the_answer_is_no_answer(standing: Standing, transport: str, kind: str) -> None:
    register = standing(transport)
    standing.population.set_fault("population.bomb", kind)
    answer = register.ask(about("mau"))
    assert (answer.verdict, answer.reason) == (Register.UNVERIFIED, "population.garbled_answer")


@pytest.mark.parametrize("transport", PATHS)
def test_the_sandbox_verifies_what_it_is_told_and_tells_nothing_of_its_own(standing: Standing, transport: str) -> None:
    path = sandbox.LGSP_REST_VERIFY_PATH if transport == "rest_lgsp" else PATHS[transport]
    register = standing(transport, operation="verify", integration_code="003", path=path)
    there = register.ask(about("mau"))
    assert (there.verdict, there.reason) == (Register.FOUND, "population.only_confirmed")
    assert (there.personal_id, there.full_name, there.residence) == (None, None, None)
    other = register.ask(msgspec.structs.replace(about("mau"), birth_date="2003-02-15"))
    assert (other.verdict, other.reason) == (Register.NOT_FOUND, "population.not_confirmed")
    register.probe()
