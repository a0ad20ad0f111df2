"""`tiepdon account`: accounts made and kept on the command line; no secret is ever an argument."""

import json
from pathlib import Path

import pytest

from config.front import StaffSettings
from config.settings import load
from kiosk.clock import SystemClock
from tests.support.commands import PARSERS
from tests.ui.desk_tls import certificate
from tiepdon.main import main
from ui.desk.hosts import address_of
from ui.desk.parts import staff_of

PIN = "270594"


class Site:
    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.file = folder / "tiepdon.toml"
        self.file.write_text(
            f'[paths]\nstate = "{folder}"\nrun = "{folder}"\n[staff]\nlisten = "127.0.0.1:8090"\n', "utf-8"
        )
        self._capsys = capsys
        assert main(["database", "migrate", "--config", str(self.file)]) == 0
        capsys.readouterr()

    def run(self, *words: str) -> tuple[int, str]:
        code = main(["account", *words, "--config", str(self.file)])
        told = self._capsys.readouterr()
        return code, told.out + told.err


@pytest.fixture
def site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Site:
    return Site(tmp_path, capsys)


def test_a_new_account_gets_a_link_whose_code_no_server_sees(site: Site) -> None:
    code, told = site.run("add", "Mai", "Mẫu Thị Mai", "--role", "receptionist", "--json")
    made = json.loads(told)
    assert code == 0
    assert made["account"] == "mai"
    assert made["link"] == f"http://127.0.0.1:8090/secret#{made['code']}"
    staff = staff_of(load(site.file), SystemClock())
    staff.sign_in.choose("mai", made["code"], PIN, "127.0.0.1")
    assert staff.sign_in.sign_in("mai", PIN, "127.0.0.1")
    staff.close()


def test_accounts_are_listed_switched_reset_and_removed(site: Site) -> None:
    site.run("add", "mai", "Mẫu Thị Mai", "--role", "receptionist")
    for act in ("disable", "enable", "reset"):
        assert site.run(act, "mai")[0] == 0
    told = json.loads(site.run("list", "--json")[1])["accounts"]
    assert told == [
        {
            "name": "mai",
            "full_name": "Mẫu Thị Mai",
            "role": "receptionist",
            "officer_id": "",
            "enabled": True,
            "ready": False,
            "letter_keys": True,
        }
    ]
    assert "chưa đặt mã PIN" in site.run("list")[1]  # the site's language, as every command
    assert "has not chosen a PIN" in site.run("list", "--language", "en")[1]
    assert site.run("remove", "mai")[0] == 0
    code, told = site.run("disable", "mai")
    assert code == 1
    assert "account.unknown" in told


def test_no_command_takes_a_pin_or_password() -> None:
    asked = {action.dest for words, one in PARSERS.items() if words.startswith("account") for action in one._actions}
    assert not asked & {"pin", "password", "secret", "code"}


@pytest.mark.parametrize(
    ("listen", "address"),
    [
        ("127.0.0.1:8090", "http://127.0.0.1:8090"),
        ("0.0.0.0:8443", "https://desk.example:8443"),
        ("[::]:8443", "https://desk.example:8443"),
        ("192.0.2.7:8443", "https://192.0.2.7:8443"),
    ],
)
def test_the_address_that_is_told_can_be_opened_elsewhere(tmp_path: Path, listen: str, address: str) -> None:
    made, key = certificate(tmp_path, "desk.example")
    tls = {"certificate_file": str(made), "key_file": str(key)} if address.startswith("https") else {}
    assert address_of(StaffSettings(listen=listen, **tls)) == address
