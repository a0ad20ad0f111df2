"""`tiepdon setup` from a server by a one-time code, and `tiepdon setup-code`, which makes one: only the server that was
meant is told the token, and what it holds is taken once.
"""

import http.server
import json
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import zxingcpp

from sandbox.portal_tls import Certificates
from tests.support.setting_up import PASSWORD, WHOLE, House, Typing
from tests.support.world import TIEPDON, free_port, run_command
from tests.ui.desk_tls import certificate
from tiepdon.setup.offering import Offer, offered
from tiepdon.setup.sources import Address, SourceUntrusted, SourceUnusable, address_of, from_address

TOKEN = "one-time-7f3a9c"
WRONG_PIN = "0" * 64


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
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"https://127.0.0.1:{server.server_port}/setup/kiosk-2", str(certificates.ca), handler
        finally:
            server.shutdown()
            thread.join()


def fingerprint(file: Path) -> str:
    """As a technician reads it off with a program that is everywhere."""
    told = subprocess.run(
        ["openssl", "x509", "-in", str(file), "-noout", "-fingerprint", "-sha256"],
        capture_output=True,
        text=True,
        check=True,
    )
    return told.stdout.partition("=")[2].strip().replace(":", "")


def test_a_code_that_is_scanned_holds_address_and_token_and_is_good_once(
    house: House, sit_down: Callable[..., Typing], tmp_path: Path
) -> None:
    with enrolling(tmp_path / "tls") as (address, authority, asked):
        sit_down("--from", "-", "--ca", authority).answer(f"{address}#{TOKEN}")  # a scanner that types
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
        (None, "", False, "setup.untrusted"),
        ("name", "", True, "setup.untrusted"),
        ("expired", "", True, "setup.untrusted"),
        ("self_signed", "", True, "setup.untrusted"),
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
    assert (not asked.lines) == (code == "setup.untrusted")
    assert house.files() == before
    assert TOKEN not in done.stdout + done.stderr


@pytest.mark.parametrize("kind", ["good", "name", "expired", "self_signed"])
def test_a_pin_takes_the_place_of_an_authority_a_name_and_a_clock(tmp_path: Path, kind: str) -> None:
    with enrolling(tmp_path, kind if kind != "good" else None) as (address, _, asked):
        source = from_address(f"{address}#{TOKEN}&pin={fingerprint(tmp_path / f'{kind}.pem')}")
    assert source.answers.supervisor is not None
    assert asked.spent == {f"Bearer {TOKEN}"}


@pytest.mark.parametrize("trusted", [True, False])
def test_a_wrong_pin_sends_nothing_even_to_a_server_that_an_authority_vouches_for(
    tmp_path: Path, trusted: bool
) -> None:
    with enrolling(tmp_path) as (address, authority, asked):
        with pytest.raises(SourceUntrusted) as caught:
            from_address(f"{address}#{TOKEN}&pin={WRONG_PIN}", authority if trusted else "")
        assert caught.value.data == {"why": "wrong_pin"}
        assert asked.lines == []


@pytest.mark.parametrize(
    "address",
    [
        f"http://127.0.0.1:9/x#{TOKEN}",
        "https://127.0.0.1:9/x",
        f"ftp://127.0.0.1/x#{TOKEN}",
        f"https://me:you@127.0.0.1:9/x#{TOKEN}",
        f"https:///x#{TOKEN}",
        f"https://127.0.0.1:99999/x#{TOKEN}",
        "https://127.0.0.1:9/x#two words",
        f"https://127.0.0.1:9/x#{TOKEN}&pin=",
        f"https://127.0.0.1:9/x#{TOKEN}&pin={WRONG_PIN[1:]}",
        f"https://127.0.0.1:9/x#{TOKEN}&pin={WRONG_PIN}&pin={WRONG_PIN}",
        f"https://127.0.0.1:9/x#&pin={WRONG_PIN}",
    ],
)
def test_an_address_of_another_kind_is_refused_before_anybody_is_asked(address: str) -> None:
    with pytest.raises(SourceUnusable):
        from_address(address)


def test_a_token_with_dots_is_a_token() -> None:
    told = "https://127.0.0.1/x#eyJh.eyJz.sig-_"
    assert address_of(told) == Address("https://127.0.0.1/x", "eyJh.eyJz.sig-_")
    assert str(address_of(f"{told}&pin={WRONG_PIN}")) == f"{told}&pin={WRONG_PIN}"


# ---- The centre's end


def test_a_technician_hands_a_file_out_by_a_code_and_the_new_machine_takes_it_once(
    house: House, tmp_path: Path
) -> None:
    prepared, drawing = tmp_path / "prepared.toml", tmp_path / "code.svg"
    prepared.write_text(WHOLE, "utf-8")
    with subprocess.Popen(
        [*TIEPDON, "setup-code", str(prepared), "--at", "127.0.0.1:0", "--svg", str(drawing), "--json"],
        stdout=subprocess.PIPE,
        text=True,
    ) as centre:
        try:
            assert centre.stdout is not None
            address = json.loads(centre.stdout.readline())["address"]
            stranger = house.setup("--from", re.sub("#.*&", "#guessed&", address), "--json")
            assert json.loads(stranger.stdout)["error"]["code"] == "setup.source"
            done = house.setup("--from", address, "--json")
            assert json.loads(done.stdout)["account"] == "hoa"
            assert json.loads(centre.stdout.readline()) == {"taken": True}
            assert centre.wait(20) == 0
        finally:
            centre.kill()
    assert house.files()["portal-password"] == (f"{PASSWORD}\n".encode(), 0o600)
    assert drawing.stat().st_mode & 0o777 == 0o600
    assert "<svg" in drawing.read_text("utf-8")
    again = house.setup("--from", address, "--json")
    assert json.loads(again.stdout)["error"]["data"] == {"why": "unreachable"}


def test_one_code_is_for_one_machine_and_a_line_that_broke_spends_it_not() -> None:
    offer = Offer(b"x")
    assert not offer.begins("Bearer guessed")
    assert offer.begins(f"Bearer {offer.token}")
    assert not offer.begins(f"Bearer {offer.token}")  # another at the same time
    offer.ended(whole=False)
    assert offer.begins(f"Bearer {offer.token}")
    offer.ended(whole=True)
    assert not offer.begins(f"Bearer {offer.token}")
    with offered(Offer(WHOLE.encode()), "127.0.0.1", 0) as first, pytest.raises(SourceUnusable):
        from_address(str(Address(first.url + "/other", first.token, first.pin)))


def test_nobody_comes_and_the_code_ends(tmp_path: Path) -> None:
    prepared = tmp_path / "prepared.toml"
    prepared.write_text(WHOLE, "utf-8")
    done = run_command("setup-code", str(prepared), "--at", "127.0.0.1:0", "--minutes", "0.001", "--language", "en")
    assert done.returncode == 1
    assert "Nobody took it" in done.stdout
    assert read(done.stdout) == re.findall("https://.*", done.stdout)[0]


def read(screen: str) -> str:
    """What a telephone or a scanner reads off the terminal's half blocks, white on black."""
    rows = [line for line in re.sub(r"\x1b\[[0-9;]*m", "", screen).splitlines() if set(line) <= set(" ▀▄█") and line]
    width = max(map(len, rows))
    halves = [[(one in "▀█", one in "▄█") for one in line.ljust(width)] for line in rows]
    light = np.array([[half[place] for half in line] for line in halves for place in (0, 1)], np.uint8)
    (found,) = zxingcpp.read_barcodes(np.kron(light * 255, np.ones((4, 4), np.uint8)))
    return found.text


def test_a_code_for_the_centre_s_own_server_names_its_certificate(tmp_path: Path) -> None:
    file, _ = certificate(tmp_path, "centre.example")
    there = "https://centre.example/setup/kiosk-2"
    done = run_command("setup-code", there, "--token", TOKEN, "--certificate", str(file), "--json")
    assert json.loads(done.stdout)["address"] == f"{there}#{TOKEN}&pin={fingerprint(file).lower()}"
    made = run_command("setup-code", there, "--json")
    told = json.loads(made.stdout)
    assert told["pin"] is None
    assert len(told["token"]) >= 24


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("https://centre.example/x", "--certificate", "/nowhere"), "setup.certificate"),
        (("http://centre.example/x",), "setup.source"),
        (("https://centre.example/x", "--token", "two words"), "setup.source"),
        (("https://centre.example/x", "--svg", "/nowhere/code.svg"), "setup.code_unwritable"),
        (("/nowhere", "--at", "127.0.0.1"), "setup.source"),
        (("BROKEN", "--at", "127.0.0.1"), "setup.unusable"),
        (("WRONG", "--at", "127.0.0.1"), "config.wrong_type"),
        (("GOOD", "--at", "192.0.2.1"), "setup.cannot_offer"),
    ],
)
def test_what_would_be_no_code_is_told_at_the_centre(tmp_path: Path, arguments: tuple[str, ...], code: str) -> None:
    for name, content in {"BROKEN": "site = =", "WRONG": "[kiosk]\ntouchscreen = false", "GOOD": WHOLE}.items():
        (tmp_path / name).write_text(content, "utf-8")
    what = str(tmp_path / arguments[0]) if arguments[0].isupper() else arguments[0]
    done = run_command("setup-code", what, *arguments[1:], "--json")
    assert json.loads(done.stdout)["error"]["code"] == code
    assert done.returncode != 0


def test_a_file_needs_an_address_of_this_machine(tmp_path: Path) -> None:
    done = run_command("setup-code", str(tmp_path / "x"), "--language", "en")
    assert done.returncode == 2
    assert "--at" in done.stderr
    assert run_command("setup-code", str(tmp_path / "x"), "--at", f"127.0.0.1:x{free_port()}").returncode == 2
