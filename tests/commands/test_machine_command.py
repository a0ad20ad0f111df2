"""`tiepdon machine`: a technician at the terminal lets machines in and ends them."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from config.settings import database_path, load
from kiosk.clock import SystemClock
from kiosk.machines import Machines, Scope, open_machines
from tests.support.database import migrated
from tiepdon.main import main
from tiepdon.migrations import MIGRATIONS


@pytest.fixture
def file(tmp_path: Path) -> Path:
    found = tmp_path / "site.toml"
    found.write_text(f'[paths]\nstate = "{tmp_path}"\nrun = "{tmp_path}"\n', "utf-8")
    migrated(database_path(load(found)), MIGRATIONS)
    return found


@pytest.fixture
def machines(file: Path) -> Iterator[Machines]:
    with closing(open_machines(load(file), SystemClock())) as found:
        yield found


def run(file: Path, *options: str) -> int:
    return main(["machine", *options, "--config", str(file)])


def test_a_code_from_the_terminal_lets_a_board_in(
    file: Path, machines: Machines, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(file, "enrol", "Sảnh", "--scope", "board", "--page", "/board/hall") == 0
    told = capsys.readouterr()
    made = machines.enrol(told.out.strip())
    assert (made.machine.name, made.machine.page, made.machine.created_by) == ("Sảnh", "/board/hall", "command")
    assert f"/board/enter?code={told.out.strip()}" in told.err


def test_a_program_gets_its_token_at_once(file: Path, machines: Machines, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(file, "enrol", "HIS", "--scope", "queue", "--scope", "call", "--token", "--json") == 0
    known = machines.known(json.loads(capsys.readouterr().out)["token"])
    assert known is not None
    assert known.scopes == {Scope.QUEUE, Scope.CALL}


def test_machines_are_listed_and_ended(file: Path, machines: Machines, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(file, "list") == 0
    assert "Chưa có thiết bị nào" in capsys.readouterr().err
    token = machines.enrol(machines.new_code("HIS", (Scope.QUEUE,), "hoa")).token
    assert run(file, "list") == 0
    told = capsys.readouterr().out
    assert "queue" in told
    assert "HIS" in told
    assert token not in told
    assert run(file, "list", "--json") == 0
    (one,) = json.loads(capsys.readouterr().out)["machines"]
    assert (one["name"], one["scopes"], one["created_by"]) == ("HIS", ["queue"], "hoa")
    assert run(file, "revoke", "HIS") == 0
    assert machines.known(token) is None
    assert run(file, "revoke", "HIS") == 1
    assert "machine.unknown" in capsys.readouterr().err


@pytest.mark.parametrize("options", [("", "--scope", "board"), ("x", "--scope", "board", "--page", "//elsewhere")])
def test_what_cannot_be_let_in_is_said(file: Path, options: tuple[str, ...]) -> None:
    assert run(file, "enrol", *options) == 1
