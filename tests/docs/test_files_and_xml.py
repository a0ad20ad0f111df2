"""The examples of the file drop and of the check-in XML are what the connectors write, and what the settings accept."""

import re
from pathlib import Path

import pytest

from config.destinations import CheckinXmlDestination, FileDropDestination
from config.settings import load
from hisbridge.connectors import file_drop_errors, make
from hisbridge.connectors.checkin_xml import CheckinXmlConnector
from hisbridge.connectors.contract import Known
from hisbridge.connectors.file_drop import FileDropConnector
from tests.hisbridge.making import record

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs" / "integration"
EXAMPLES = ROOT / "config" / "examples" / "destinations"


def block(page: str, name: str) -> str:
    found = re.search(
        rf"<!-- {name}: begin -->\n```\w*\n(.*?)\n```\n<!-- {name}: end -->", (DOCS / page).read_text("utf-8"), re.S
    )
    assert found is not None
    return found[1]


def written(connector: FileDropConnector | CheckinXmlConnector) -> str:
    message = connector.render(record(), Known())
    assert message is not None
    return message.decode()


def drop(form: str) -> FileDropConnector:
    connector = make(load(EXAMPLES / "file_drop.toml").destinations[0])
    assert isinstance(connector, FileDropConnector)
    settings = {"name": "his_files", "folder": "/srv/tiepdon/his", "form": form}
    return FileDropConnector(FileDropDestination(**settings))  # type: ignore[arg-type]


def test_the_csv_in_the_page_is_the_one_that_is_written() -> None:
    assert block("file-drop.md", "csv") == written(drop("csv")).replace("\r\n", "\n").rstrip("\n")


def test_the_mark_in_the_page_is_the_one_that_is_written() -> None:
    assert block("file-drop.md", "mark") == written(drop("xml1")).splitlines()[1]


def test_the_check_in_in_the_page_is_the_one_that_is_written() -> None:
    drafts, _ = load(EXAMPLES / "checkin_xml.toml").destinations
    connector = make(drafts)
    assert isinstance(connector, CheckinXmlConnector)
    assert block("checkin-xml.md", "example") == written(connector).rstrip("\n")


@pytest.mark.parametrize(("name", "kind"), [("file_drop", FileDropDestination), ("checkin_xml", CheckinXmlDestination)])
def test_the_example_settings_are_accepted(name: str, kind: type) -> None:
    destinations = load(EXAMPLES / f"{name}.toml").destinations
    assert destinations
    assert all(type(one) is kind and make(one) for one in destinations)


def test_the_page_names_every_code_of_a_folder() -> None:
    page = (DOCS / "file-drop.md").read_text("utf-8")
    codes = {kind.code for kind in vars(file_drop_errors).values() if isinstance(kind, type)} - {"delivery.unreachable"}
    assert set(re.findall(r"^\| `(file_drop\.[a-z_]+)`", page, re.M)) == codes
