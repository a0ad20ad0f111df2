"""The pretend hospital system over HTTP has its place at the desk, and the pages on these interfaces say what is so."""

import json
import re
from pathlib import Path

import msgspec
import pytest

from config.destinations import WebhookDestination, rest
from config.settings import load
from hisbridge.connectors import make
from hisbridge.connectors.contract import Known, Sending
from hisbridge.connectors.rest import RestConnector
from hisbridge.connectors.webhook import WebhookConnector, read_answer
from hisbridge.http import Answer
from hisbridge.records import HospitalAnswer
from sandbox.hospital_rest import FAULTS, HospitalRest
from tests.hisbridge.making import record
from tests.hisbridge.rest_making import settings

PAGES = Path("docs/integration")
EXAMPLES = Path("config/examples/destinations")


@pytest.fixture
def hospital() -> HospitalRest:
    return HospitalRest()


def test_the_desk_shows_the_visits_with_the_fields_of_the_other_receiver(
    hospital: HospitalRest, tmp_path: Path
) -> None:
    password = tmp_path / "password"
    password.write_text("sandbox-password")
    password.chmod(0o600)
    with hospital.serving() as (_, number):
        made = RestConnector(settings(number, password))
        message = made.render(record(), made.identify(record()))
        assert message is not None
        made.send(message, Sending("KEY", 1))
        made.close()
    (shown,) = hospital.messages()
    assert (shown["name"], shown["personal_id"]) == ("Nguyễn Thị Hoài Thử", "001303900017")
    assert shown["insurance_number"] == "GD4000000000017"
    assert hospital.refused() == 0


def test_every_fault_has_words_in_both_languages_and_stands_in_the_manual() -> None:
    words = json.loads(Path("sandbox/data/desk-words.json").read_text("utf-8"))
    manual = Path("docs/operations.md").read_text("utf-8").partition("## Codes")[0]
    for name in FAULTS:
        assert f"`{name}`" in manual or f"`{name.partition('.')[2]}`" in manual, name
        for language in ("vi", "en"):
            assert words[language][f"fault.{name}"]
            assert words[language]["faults.group.rest"]


@pytest.mark.parametrize("name", ["rest", "webhook", "dangky_kcb"])
def test_every_example_is_accepted_and_makes_its_connector(name: str) -> None:
    (destination,) = load(EXAMPLES / f"{name}.toml").destinations
    assert destination.connector == name
    made = make(destination)
    assert made.render(record(), Known()) is not None
    made.close()


def test_the_page_on_webhooks_names_every_header_that_goes_out_and_its_answer_is_read(tmp_path: Path) -> None:
    page = (PAGES / "webhook.md").read_text("utf-8")
    secret = tmp_path / "secret"
    secret.write_text("key")
    secret.chmod(0o600)
    (destination,) = load(EXAMPLES / "webhook.toml").destinations
    assert isinstance(destination, WebhookDestination)
    made = WebhookConnector(msgspec.structs.replace(destination, secret_file=str(secret)))
    named = set(re.findall(r"^\| `([a-z-]+)` \|", page, re.MULTILINE))
    assert named == set(made._signed("POST", b"", "KEY").headers)
    (example,) = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    told = read_answer(Answer(200, example.encode(), "application/json"))
    assert told is not None
    assert all(getattr(told, field) for field in HospitalAnswer.__struct_fields__)


def test_the_page_on_registration_names_every_name_of_ours() -> None:
    page = (PAGES / "rest.md").read_text("utf-8")
    for names in (rest.PathName, rest.PersonName, rest.BookingName, rest.AnswerName, rest.LoginName):
        for name in names.__args__:
            assert f"`{name}`" in page, name
