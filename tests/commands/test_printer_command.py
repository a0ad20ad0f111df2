"""`tiepdon printer`, and what `tiepdon doctor` says of the ticket printer."""

import json
from pathlib import Path
from typing import Literal

import pytest
from msgspec.structs import replace

from config.settings import Settings, load
from tests.kiosk.tickets_on_paper import printing
from tiepdon.checks.finding import Finding, Status
from tiepdon.checks.printer import look_at_printer
from tiepdon.commands.printer import TEST_NUMBER
from tiepdon.main import main

Out = pytest.CaptureFixture[str]


@pytest.fixture
def settings_file(tmp_path: Path) -> Path:
    return tmp_path / "tiepdon.toml"


def tell(file: Path, kind: str, address: str) -> list[str]:
    file.write_text(f'[kiosk.printer]\nkind = "{kind}"\naddress = "{address}"\ntimeout_seconds = 2\n', "utf-8")
    return ["--config", str(file)]


@pytest.mark.parametrize("language", ["vi", "en"])
def test_a_test_ticket_is_printed_and_the_state_told(settings_file: Path, capsys: Out, language: str) -> None:
    with printing() as desk:
        asked = tell(settings_file, "network", desk.settings.address)
        assert main(["printer", "test", *asked, "--language", language]) == 0
        assert desk.digits == [TEST_NUMBER]
        desk.pretend.set_fault("printer.cover_open", True)
        assert main(["printer", "status", *asked, "--json"]) == 1
        told = json.loads(capsys.readouterr().out.splitlines()[-1])
        assert told == {"ready": False, "code": "printer.cover_open"}
        assert main(["printer", "test", *asked]) == 1
        assert "printer.cover_open" in capsys.readouterr().err
        assert desk.digits == [TEST_NUMBER]


@pytest.mark.parametrize("act", ["status", "test"])
def test_a_site_without_a_printer_is_told_so(settings_file: Path, capsys: Out, act: str) -> None:
    assert main(["printer", act, *tell(settings_file, "none", "")]) == 1
    assert "printer.none" in capsys.readouterr().err


def looked(address: str, *, kind: Literal["none", "network"] = "network", required: bool = False) -> Finding:
    usual: Settings = load(None)
    printer = replace(usual.kiosk.printer, kind=kind, address=address)
    kiosk = replace(usual.kiosk, printer=printer, required_devices=("printer",) if required else ())
    (finding,) = look_at_printer(replace(usual, kiosk=kiosk))
    return finding


def test_the_doctor_tells_a_printer_that_would_print_from_one_that_would_not() -> None:
    assert (looked("", kind="none").status, looked("", kind="none").data) == (Status.OK, {"configured": False})
    with printing() as desk:
        address = desk.settings.address
        assert looked(address).status is Status.OK
        desk.pretend.set_fault("printer.mute", True)
        assert (looked(address).status, looked(address).code) == (Status.NOTE, "printer.no_status")
        desk.pretend.set_fault("printer.mute", None)
        desk.pretend.set_fault("printer.paper_low", True)
        assert (looked(address).status, looked(address).code) == (Status.WARN, "printer.paper_low")
        desk.pretend.set_fault("printer.paper_out", True)
        assert (looked(address).status, looked(address).code) == (Status.WARN, "printer.paper_out")
        assert looked(address, required=True).status is Status.FAIL
        assert desk.digits == []
