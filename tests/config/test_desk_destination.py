"""A kiosk that hands over to a desk: its numbers are its own, and the desk is its only receiver."""

import tomllib
from pathlib import Path

import pytest

from config.destinations import DeskDestination
from config.settings import ConfigWrongType, load

EXAMPLE = Path(__file__).parents[2] / "config" / "examples" / "destinations" / "desk.toml"
DESK = '[[destinations]]\nname = "desk"\nconnector = "desk"\nbase_url = "https://desk.example"\ntoken_file = "/t"\n'
OTHER = '[[destinations]]\nname = "his"\nconnector = "hl7v2"\nhost = "his"\nport = 1\n'
PREFIX = '[kiosk]\nticket_prefix = "B"\n'


def settings(folder: Path, text: str) -> Path:
    file = folder / "site.toml"
    file.write_text(text, "utf-8")
    return file


def test_the_example_is_one(tmp_path: Path) -> None:
    (desk,) = load(settings(tmp_path, EXAMPLE.read_text("utf-8"))).destinations
    assert isinstance(desk, DeskDestination)
    assert tomllib.loads(EXAMPLE.read_text("utf-8"))["kiosk"]["ticket_prefix"]


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (DESK, "kiosk.ticket_prefix"),
        (PREFIX + OTHER + DESK, "destinations[1]"),
        (PREFIX + DESK + OTHER, "destinations[0]"),
    ],
)
def test_what_would_give_a_number_or_a_record_twice_is_refused(tmp_path: Path, text: str, key: str) -> None:
    with pytest.raises(ConfigWrongType) as refused:
        load(settings(tmp_path, text))
    assert refused.value.data["key"] == key
