"""`tiepdon setup` on a real terminal, from a file and from a server over TLS: it is ready, or nothing changed."""

import http.server
import json
import os
import pty
import stat
import subprocess
import threading
import tomllib
import tty
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.settings import ConfigError, load
from sandbox.portal_tls import Certificates
from tests.support.waiting import wait_until
from tests.support.world import TIEPDON, free_port, run_command
from tiepdon.checks.machine import Machine
from tiepdon.setup.answers import AnswersUnusable, parse
from tiepdon.setup.devices import Found, look
from tiepdon.setup.sources import SourceUnusable, forget, found, from_address, from_devices, from_file
from tiepdon.setup.writing import merged, toml_of, write
from ui.words import LANGUAGES, Words
from wire import sqlite

PASSWORD = "mật khẩu bí mật 42"
TOKEN = "one-time-7f3a9c"
WHOLE = """
[site]
facility_code = "99999"
facility_name = "Trạm y tế \\"Mẫu\\""
kiosk_id = "kiosk-2"

[kiosk]
ticket_prefix = "B"

[staff]
listen = "127.0.0.1:8090"

[portal]
enabled = true
base_url = "https://127.0.0.1:9"
username = "99999_BV"
password_file = "portal-password"
officer_name = "Trần Thị Mẫu"
officer_id = "000088888888"

[[destinations]]
name = "his"
connector = "hl7v2"
host = "127.0.0.1"
port = 9

[secrets]
portal-password = "mật khẩu bí mật 42"

[supervisor]
name = "hoa"
full_name = "Mẫu Thị Hoa"
"""


class House:
    """A machine of the test's own: where its settings go, and the folders they name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "etc" / "tiepdon.toml"
        self.secrets = folder / "etc" / "secrets"
        self.config.parent.mkdir()
        for name in ("state", "run"):
            (folder / name).mkdir(mode=0o700)
        self.config.write_text(
            f'[paths]\nstate = "{folder / "state"}"\nrun = "{folder / "run"}"\n'
            f'[kiosk]\nlisten = "127.0.0.1:{free_port()}"\n',
            "utf-8",
        )

    def setup(self, *options: str) -> "subprocess.CompletedProcess[str]":
        return run_command("setup", "--into", str(self.config), "--no-start", *options)

    def told(self) -> dict[str, Any]:
        return tomllib.loads(self.config.read_text("utf-8"))

    def files(self) -> dict[str, tuple[bytes, int]]:
        """Every file below the settings' folder: content and rights."""
        every = (path for path in sorted(self.config.parent.rglob("*")) if path.is_file())
        return {path.name: (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) for path in every}

    def accounts(self) -> list[tuple[str, str]]:
        done = run_command("account", "list", "--json", "--config", str(self.config))
        return [(one["name"], one["role"]) for one in json.loads(done.stdout)["accounts"]]


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


DEVICES = tuple(
    Words(language).get(f"setup.device.{kind}") + "\r\n  1  "
    for language in LANGUAGES
    for kind in ("pcsc_reader", "scanner", "keyboard", "camera", "printer")
)


class Typing:
    """The command on a terminal of its own; `answers` are typed in turn, each when it is asked for."""

    def __init__(self, house: House, *options: str) -> None:
        self.screen = ""
        ours, theirs = pty.openpty()
        self._terminal = ours
        self._process = subprocess.Popen(
            ["setsid", "--ctty", "--wait", *TIEPDON, "setup", "--into", str(house.config), "--no-start", *options],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)

    def answer(self, *answers: str | None) -> int:
        """Type each line at its prompt; None ends the line instead (Ctrl-D). Returns the exit code.

        What this machine has for devices is its own matter: whichever are asked about stay as proposed.
        """
        for line in answers:
            self._pass_devices()
            os.write(self._terminal, b"\x04" if line is None else f"{line}\n".encode())
        self._pass_devices()
        os.close(self._terminal)
        return self._process.wait(30)

    def _pass_devices(self) -> None:
        """To the next prompt that is about no device."""
        while (told := self._until_asked()) and any(heading in told for heading in DEVICES):
            os.write(self._terminal, b"\n")

    def _until_asked(self) -> str:
        """What comes up to the next prompt, or to the end of the command."""
        new = b""
        with suppress(OSError):  # the other side ended
            while piece := os.read(self._terminal, 4096):
                new += piece
                if new.endswith(b": "):
                    break
        text = new.decode("utf-8", "replace")
        self.screen += text
        return text


INTERVIEW = (
    *("9999", "99999", "Trạm y tế Mẫu"),  # the first is too short: asked once more
    *("kiosk-2", "B", "1"),
    *("c", "https://127.0.0.1:9", "99999_BV", PASSWORD, "Trần Thị Mẫu", "000088888888"),
    *("2", "127.0.0.1:9"),
)
WHO = ("hoa", "Mẫu Thị Hoa")


def test_five_questions_make_a_machine_ready(house: House) -> None:
    typing = Typing(house)
    code = typing.answer(*INTERVIEW, *WHO)
    told = house.told()
    assert told["site"] == {"facility_code": "99999", "facility_name": "Trạm y tế Mẫu", "kiosk_id": "kiosk-2"}
    assert told["kiosk"]["ticket_prefix"] == "B"
    assert told["portal"]["password_file"] == str(house.secrets / "portal-password")
    assert told["destinations"] == [{"name": "his", "connector": "hl7v2", "host": "127.0.0.1", "port": 9}]
    assert house.files()["portal-password"] == (f"{PASSWORD}\n".encode(), 0o600)
    assert PASSWORD not in typing.screen + house.config.read_text("utf-8")
    assert house.accounts() == [("hoa", "supervisor")]
    assert "/secret#" in typing.screen
    assert load(house.config).paths.key_file == str(house.secrets / "site.key")
    with pytest.raises(sqlite.DatabaseError), sqlite.connect(house.folder / "state" / "tiepdon.db") as connection:
        connection.execute("SELECT count(*) FROM accounts")  # encrypted from the first moment
    assert code == 1  # it ends with the doctor, and no service runs here
    assert "doctor.process_silent" in typing.screen


def test_running_it_again_changes_only_what_is_answered(house: House) -> None:
    Typing(house).answer(*INTERVIEW, *WHO)
    before, files = house.told(), house.files()
    typing = Typing(house, "--language", "en")
    typing.answer(*("", ""), *("", "C", ""), *("", "", "", "", "", ""), "")
    after = house.told()
    assert after["kiosk"].pop("ticket_prefix") == "C"
    assert before["kiosk"].pop("ticket_prefix") == "B"
    assert after == before
    again = house.files()
    assert {name: again[name] for name in ("portal-password", "site.key")} == {
        name: files[name] for name in ("portal-password", "site.key")
    }
    assert again["tiepdon.toml.old"][0] == files["tiepdon.toml"][0]
    assert house.accounts() == [("hoa", "supervisor")]


def test_somebody_who_walks_away_in_the_middle_changes_nothing(house: House) -> None:
    before = house.files()
    typing = Typing(house)
    assert typing.answer(*INTERVIEW[:5], None) == 1
    assert "setup.given_up" in typing.screen
    assert "Traceback" not in typing.screen
    assert house.files() == before


def test_one_file_answers_everything(house: House, tmp_path: Path) -> None:
    source = tmp_path / "prepared.toml"
    source.write_text(WHOLE, "utf-8")
    done = house.setup("--from", str(source), "--json")
    assert done.stderr == ""
    told = json.loads(done.stdout)
    assert done.returncode == int(not told["ok"])
    assert told["account"] == "hoa"
    assert told["link"].endswith(told["code"])
    assert house.told()["site"]["facility_name"] == 'Trạm y tế "Mẫu"'
    assert house.files()["portal-password"] == (f"{PASSWORD}\n".encode(), 0o600)
    assert PASSWORD not in house.config.read_text("utf-8") + done.stdout
    assert house.accounts() == [("hoa", "supervisor")]
    assert {finding["code"] for finding in told["report"]["findings"]} >= {"doctor.process_silent"}
    assert source.exists()  # a stick serves the next machine too


HOSTILE = {
    "rubbish": (b"\xff\xfe\x00", ""),
    "no TOML": (b"site = = 1", ""),
    "a secret shown in the error": (f'[portal]\npassword = "{PASSWORD}'.encode(), ""),
    "too large": (b"#" * (257 << 10), ""),
    "too deep": (b"a = " + b"[" * 5000 + b"]" * 5000, ""),
    "nested tables": (("[" + ".".join("a" * 40) + "]\nb = 1").encode(), "a"),
    "a path for a name": (b'[secrets]\n"../../etc/cron.d/x" = "y"', "secrets."),
    "an absolute path": (b'[secrets]\n"/etc/shadow" = "y"', "secrets."),
    "a hidden name": (b'[secrets]\n".profile" = "y"', "secrets."),
    "the site's own key": (b'[secrets]\n"site.key" = "y"', "secrets."),
    "an empty secret": (b'[secrets]\nx = " "', "secrets.x"),
    "a secret that is no text": (b"[secrets]\nx = 1", "secrets.x"),
    "a zero byte": (b'[secrets]\nx = "a\\u0000b"', "secrets.x"),
    "secrets that are no table": (b"secrets = 1", "secrets"),
    "another file read as a secret": (b'[portal]\npassword_file = "/etc/shadow"', "portal.password_file"),
    "a file above": (b'[portal]\npassword_file = "../tiepdon.toml"', "portal.password_file"),
    "a list of files": (b'[portal]\npassword_file = ["x"]', "portal.password_file"),
    "a secret that is not there": (b'[portal]\npassword_file = "nowhere"', "password_file"),
    "where things lie": (b'[paths]\nstate = "/root"', "paths"),
    "half a supervisor": (b'[supervisor]\nname = "x"', "supervisor"),
    "a supervisor of another kind": (b'[supervisor]\nname = 1\nfull_name = "x"', "supervisor"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_answers_are_told_by_their_key_and_change_nothing(house: House, name: str) -> None:
    content, key = HOSTILE[name]
    before = house.files()
    with pytest.raises(AnswersUnusable) as caught:
        write(house.config, parse(content))
    assert str(caught.value.data["key"]).startswith(key)
    assert PASSWORD not in str(caught.value)
    assert house.files() == before


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ('[site]\nkiosk_idd = "x"', "config.unknown_key"),
        ('[kiosk]\nlisten = "nowhere"', "config.wrong_type"),
        ('[staff]\nlisten = "0.0.0.0:8443"', "config.wrong_type"),
        ("[portal]\nenabled = true", "config.wrong_type"),
        ("site = 1", "config.wrong_type"),
        ('[kiosk]\nservices = "x"\n[secrets]\nx = "y"', "config.wrong_type"),
    ],
)
def test_settings_that_the_product_refuses_replace_nothing(house: House, content: str, code: str) -> None:
    before = house.files()
    with pytest.raises(ConfigError) as caught:
        write(house.config, parse(content.encode()))
    assert caught.value.code == code
    assert caught.value.data["file"] == str(house.config)
    after = house.files()
    assert after.keys() - before.keys() <= {"site.key"}  # one that is there is never made anew
    assert after["tiepdon.toml"] == before["tiepdon.toml"]


def test_settings_that_are_broken_already_are_not_built_upon(house: House, tmp_path: Path) -> None:
    house.config.write_text("rubbish", "utf-8")
    source = tmp_path / "prepared.toml"
    source.write_text(WHOLE, "utf-8")
    done = house.setup("--from", str(source))
    assert done.returncode == 2
    assert house.config.read_text("utf-8") == "rubbish"


# ---- A one-time address


class Enrolment(http.server.BaseHTTPRequestHandler):
    """Answers a token once, as a province's server does."""

    lines: list[str]
    spent: set[str]
    redirect = ""

    def do_GET(self) -> None:
        self.lines.append(self.requestline)
        told = self.headers.get("Authorization", "")
        if self.redirect:
            self.send_response(302)
            self.send_header("Location", self.redirect)
            self.end_headers()
            return
        if told != f"Bearer {TOKEN}" or told in self.spent:
            self.send_error(403)
            return
        self.spent.add(told)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(WHOLE.encode())

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def enrolling(folder: Path, kind: str | None = None, redirect: str = "") -> Iterator[tuple[str, str, type[Enrolment]]]:
    """Address, its authority's file, and what was asked."""
    handler = type("Handler", (Enrolment,), {"lines": [], "spent": set(), "redirect": redirect})
    certificates = Certificates(folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.socket = certificates.context(kind).wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"https://127.0.0.1:{server.server_port}/setup/kiosk-2", str(certificates.ca), handler
        finally:
            server.shutdown()
            thread.join()


def test_a_code_that_is_scanned_holds_address_and_token_and_is_good_once(house: House, tmp_path: Path) -> None:
    with enrolling(tmp_path / "tls") as (address, authority, asked):
        typing = Typing(house, "--from", "-", "--ca", authority)
        typing.answer(f"{address}#{TOKEN}")  # a scanner that types
        assert house.accounts() == [("hoa", "supervisor")]
        again = house.setup("--from", f"{address}#{TOKEN}", "--ca", authority, "--json")
    assert json.loads(again.stdout)["error"] == {
        "code": "setup.source",
        "retriable": False,
        "data": {"why": "status 403"},
    }
    assert asked.lines
    assert not any(TOKEN in line for line in asked.lines)  # where servers and proxies keep it


@pytest.mark.parametrize(
    ("kind", "redirect", "trusted", "code"),
    [
        (None, "http://127.0.0.1:9/x", True, "setup.source"),
        (None, "https://127.0.0.1:9/x", True, "setup.source"),
        (None, "", False, "portal.certificate"),
        ("name", "", True, "portal.certificate"),
        ("expired", "", True, "portal.certificate"),
        ("self_signed", "", True, "portal.certificate"),
    ],
)
def test_a_server_that_is_not_the_right_one_gets_no_token_or_gives_no_answer(
    house: House, tmp_path: Path, kind: str | None, redirect: str, trusted: bool, code: str
) -> None:
    before = house.files()
    with enrolling(tmp_path / "tls", kind, redirect) as (address, authority, asked):
        options = ("--ca", authority) if trusted else ()
        done = house.setup("--from", f"{address}#{TOKEN}", *options, "--json")
    assert json.loads(done.stdout)["error"]["code"] == code
    assert done.returncode == 1
    assert (not asked.lines) == (code == "portal.certificate")
    assert house.files() == before
    assert TOKEN not in done.stdout + done.stderr


@pytest.mark.parametrize(
    "address",
    [
        f"http://127.0.0.1:9/x#{TOKEN}",
        "https://127.0.0.1:9/x",
        f"ftp://127.0.0.1/x#{TOKEN}",
        f"https://me:you@127.0.0.1:9/x#{TOKEN}",
        f"https:///x#{TOKEN}",
        "https://127.0.0.1:9/x#two words",
    ],
)
def test_an_address_of_another_kind_is_refused_before_anybody_is_asked(address: str) -> None:
    with pytest.raises(SourceUnusable):
        from_address(address)


def test_a_code_held_to_the_kiosks_own_scanner_gives_the_address() -> None:
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    told: list[str] = []
    scanned = Found(scanners=(os.ttyname(theirs),))
    thread = threading.Thread(target=lambda: told.append(from_devices(scanned, 20.0)))
    thread.start()

    def held_up() -> bool:
        os.write(ours, f"001303900017|somebody's card\r\nhttps://127.0.0.1/x#{TOKEN}\r\n".encode())
        thread.join(0.5)
        return not thread.is_alive()

    wait_until(held_up, 20, "the address is read")
    os.close(ours)
    os.close(theirs)
    assert told == [f"https://127.0.0.1/x#{TOKEN}"]


def test_where_nothing_is_held_up_it_says_so() -> None:
    with pytest.raises(SourceUnusable):
        from_devices(Found(), 0.05)


# ---- Files


def test_the_boot_partition_comes_before_a_stick_and_its_secrets_do_not_stay(tmp_path: Path) -> None:
    assert found(tmp_path) is None
    boot, stick = tmp_path / "boot/firmware/tiepdon.toml", tmp_path / "media/usb/tiepdon.toml"
    for file in (boot, stick):
        file.parent.mkdir(parents=True)
        file.write_text(WHOLE, "utf-8")
    assert found(tmp_path) == boot
    assert from_file(boot, tmp_path).boot_file == boot
    assert from_file(stick, tmp_path).boot_file is None
    with boot.open("rb") as kept:
        forget(boot)
        assert set(kept.read()) == {0}
    assert found(tmp_path) == stick


def test_a_pipe_a_device_a_folder_and_a_link_are_no_answers(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/etc/passwd")
    for path in (tmp_path / "pipe", tmp_path / "link", tmp_path, Path("/dev/zero"), tmp_path / "nowhere"):
        with pytest.raises(SourceUnusable):
            from_file(path)


def test_what_is_plugged_in_is_proposed(tmp_path: Path) -> None:
    for name, content in {
        "sys/bus/usb/devices/1-1/idVendor": "04b8\n",
        "sys/bus/usb/devices/1-1/idProduct": "0e15\n",
        "sys/bus/usb/devices/1-1:1.0/bInterfaceClass": "07\n",
        "dev/serial/by-id/usb-Scanner-if00": "",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content, "ascii")
    proposed = look(Machine(tmp_path))
    assert proposed.printers == ("04b8:0e15",)
    assert proposed.scanners == (str(tmp_path / "dev/serial/by-id/usb-Scanner-if00"),)


texts = st.text(st.characters(codec="utf-8"), max_size=30)
values = texts | st.integers(-(2**62), 2**62) | st.booleans() | st.floats(allow_nan=False, allow_infinity=False)
trees = st.recursive(
    st.dictionaries(texts, values | st.lists(values, max_size=4), max_size=4),
    lambda below: st.dictionaries(texts, below | st.lists(below, min_size=1, max_size=3) | values, max_size=4),
    max_leaves=12,
)


@given(trees)
def test_whatever_is_written_reads_back_the_same(tree: dict[str, Any]) -> None:
    assert tomllib.loads(toml_of(tree)) == tree


def test_destinations_are_laid_over_each_other_by_name() -> None:
    base = {"destinations": [{"name": "a", "port": 1}, {"name": "b", "port": 2}], "site": {"x": 1, "y": 2}}
    over = {"destinations": [{"name": "b", "port": 3}, {"name": "c"}], "site": {"y": 3}}
    assert merged(base, over) == {
        "destinations": [{"name": "a", "port": 1}, {"name": "b", "port": 3}, {"name": "c"}],
        "site": {"x": 1, "y": 3},
    }
