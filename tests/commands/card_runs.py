"""`tiepdon card read` and `card check` in this process, on cards without a reader."""

import functools
import json
from pathlib import Path

import pytest

from config.settings import load
from reader.pki.trust import load_trust
from sandbox.card import kinds
from sandbox.card.image import CardImage
from sandbox.card.quirks import Quirks
from sandbox.people import find
from sandbox.portrait import jpeg
from tests.reader.chip.cards import slot_with, surroundings
from tiepdon import main
from tiepdon.commands.card import keys_from, run_read

PERSON = find("mau")


@pytest.fixture(scope="module")
def portrait() -> bytes:
    return jpeg(PERSON)


@pytest.fixture(scope="module")
def make(authority, portrait):
    made = functools.cache(lambda kind: kinds.build(kind, PERSON, portrait, authority))
    return lambda kind="citizen": made(kind)


class Ran:
    """What a run of the command gave."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def answer(self) -> dict:
        return json.loads(self.out)

    @property
    def error(self) -> str:
        return self.answer["error"]["code"]

    @property
    def checks(self) -> dict:
        return self.answer["evidence"]["checks"]


@pytest.fixture
def card_read(make, capsys, trust_folder):
    """`card_read("--can", "900017", card=..., quirks=...)`: the command on a card in this process."""

    def run(*arguments: str, card: CardImage | None = None, quirks: Quirks | None = None, trusted: bool = True) -> Ran:
        words = ["card", "read", *arguments]
        try:
            options = main._parser(words).parse_args(words)
            settings = load(None).reader
            keys, printed = keys_from(options)
            world = surroundings(load_trust(trust_folder if trusted else None))
            code = run_read(options, settings, slot_with(card or make(), quirks), keys, printed, world)
        except SystemExit as ended:
            code = int(ended.code or 0)
        out, err = capsys.readouterr()
        return Ran(code, out, err)

    return run


@pytest.fixture
def card_check(capsys, trust_folder):
    """`card_check(folder)`: the command, with trust unless told otherwise."""

    def run(folder: Path, *arguments: str, trusted: bool = True) -> Ran:
        more = ("--trust", str(trust_folder)) if trusted else ()
        code = main.main(["card", "check", str(folder), *more, *arguments])
        return Ran(code, *capsys.readouterr())

    return run


# Folders


@pytest.fixture
def saved(card_read, tmp_path) -> tuple[Path, Ran]:
    """A folder of every file of a card, and the answer of its reading."""
    folder = tmp_path / "card"
    ran = card_read("--can", "900017", "--everything", "--save", str(folder), "--json")
    assert ran.code == 0
    return folder, ran
