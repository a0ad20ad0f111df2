"""Whatever happens to a look-up, nothing that is written anywhere holds a secret of ours or a word of the person's."""

import base64
import hashlib
import json
import socket
import ssl
import subprocess
import sys
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from tests.hisbridge.certificates import server_certificate
from tests.hisbridge.speaking import reply, speaking
from wire.server import Request, Response, Routes, json_response, serving

PASSWORD = "mật-khẩu-bí-mật-7391"
MD5 = hashlib.md5(PASSWORD.encode(), usedforsecurity=False).hexdigest().upper()
ACCESS, IDENTITY = "access-5f3c9a77", "identity-e41b0d22"
NAME, NUMBER, BORN = "Nguyễn Thị Hoài Thử", "001303900017", "2003-02-14"
CARD = "GD4000000000017"
OFFICER, OFFICER_ID = "Trần Thị Mẫu", "000088888888"
PROMISED = {
    "token": ACCESS,
    "id_token": IDENTITY,
    "password": PASSWORD,
    "MD5 of the password": MD5,
    "password as HTTP writes it": base64.b64encode(f"99999_BV:{PASSWORD}".encode()).decode(),
    "name": NAME,
    "number": NUMBER,
    "birth date": BORN,
    "birth date as the portal writes it": "14/02/2003",
    "birth date without strokes": "20030214",
    "card": CARD,
    "officer": OFFICER,
    "officer's number": OFFICER_ID,
}
EXPECTED = {
    "fine": "000",
    "mismatch": "coverage.name_disagrees",
    "refused_by_status": "portal.not_allowed",
    "bad_account": "portal.bad_account",
    "garbled": "portal.garbled_answer portal.garbled_answer lookup.offline",
    "login_page": "portal.garbled_answer portal.garbled_answer lookup.offline",
    "server_error": "portal.server_error portal.server_error lookup.offline",
    "slow": "portal.timeout portal.timeout lookup.offline",
    "nobody": "portal.unreachable portal.unreachable lookup.offline",
    "hangs_up": "portal.unreachable portal.unreachable lookup.offline",
    "certificate": "portal.certificate",
    "no_tls": "portal.certificate",
    "no_address": "portal.unreachable portal.unreachable lookup.offline",
    "inside": "inside",
}


def told_card(name: str = NAME) -> dict[str, Any]:
    return {
        "maKetQua": "000",
        "ghiChu": f"{NAME} {NUMBER}",
        "hoTen": name,
        "ngaySinh": "14/02/2003",
        "maThe": CARD,
        "gtTheTu": "01/01/2026",
        "gtTheDen": "31/12/2026",
        "maDKBD": "01028",
    }


def token(_request: Request) -> Response:
    return json_response({"maKetQua": "200", "APIKey": {"access_token": ACCESS, "id_token": IDENTITY}})


def routes(stop: threading.Event) -> Routes:
    """One pretend portal for each kind of trouble, each under a path of its own. Errors quote what they were told."""

    def slow(_request: Request) -> Response:
        stop.wait(20)
        return Response()

    def quoting(request: Request, status: int, content_type: str = "text/html") -> Response:
        quoted = f"<html>{request.query} {request.body.decode()} {NAME}</html>".encode()
        return Response(status, quoted, content_type)

    lookups = {
        "fine": lambda _request: json_response(told_card()),
        "mismatch": lambda _request: json_response(told_card("Phạm Văn Khác")),
        "refused_by_status": lambda request: quoting(request, 403),
        "garbled": lambda _request: Response(body=json.dumps(told_card()).encode()[:-9]),
        "login_page": lambda request: quoting(request, 200),
        "server_error": lambda request: quoting(request, 500),
        "slow": slow,
    }
    paths = {("POST", f"/{name}/api/egw/KQNhanLichSuKCB2024"): handler for name, handler in lookups.items()}
    tokens = {("POST", f"/{name}/api/token/take"): token for name in lookups}
    account = {("POST", "/bad_account/api/token/take"): lambda request: quoting(request, 401)}
    # The process ends on this one's probe, which takes a token only.
    failing = {("POST", "/server_error/api/token/take"): lambda request: quoting(request, 500)}
    others = {("GET", f"/{name}/bhyt"): handler for name, handler in lookups.items()}
    registers = {("POST", f"/{name}/people"): handler for name, handler in lookups.items()}
    bearer = {
        ("POST", f"/{name}/token"): lambda _request: json_response({"access_token": ACCESS, "expires_in": 3600})
        for name in lookups
    }
    return {**paths, **tokens, **account, **failing, **others, **registers, **bearer}


@contextmanager
def troubles(folder: Path) -> Iterator[dict[str, str]]:
    """The address of every scenario."""
    stop = threading.Event()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server_certificate(folder, None))

    def shake_hands(_number: int, connection: socket.socket) -> None:
        with pytest.raises(OSError):
            context.wrap_socket(connection, server_side=True)

    def answer_plainly(_number: int, connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(reply(b"", status="400 Bad Request"))

    def hang_up(_number: int, connection: socket.socket) -> None:
        connection.recv(65536)

    with ExitStack() as stack:
        address = stack.enter_context(serving(("127.0.0.1", 0), routes(stop)))
        secure, _ = stack.enter_context(speaking(shake_hands))
        hangs_up, _ = stack.enter_context(speaking(hang_up))
        plain, _ = stack.enter_context(speaking(answer_plainly))
        base = f"http://127.0.0.1:{address[1]}"  # type: ignore[index]
        named = (
            "fine",
            "mismatch",
            "refused_by_status",
            "bad_account",
            "garbled",
            "login_page",
            "server_error",
            "slow",
        )
        yield {
            **{name: f"{base}/{name}" for name in named},
            "nobody": "http://127.0.0.1:9",
            "hangs_up": hangs_up,
            "certificate": secure.replace("http:", "https:"),
            "no_tls": plain.replace("http:", "https:"),
            "no_address": "http://no such host",
        }
        stop.set()


@dataclass(frozen=True)
class Run:
    """What became of the session: everything it wrote, and the reason of each scenario."""

    written: bytes
    reasons: dict[str, str]
    others: dict[str, str | None]
    code: int


def run(folder: Path, leak: str = "") -> Run:
    kept, private = folder / "kept", folder / "private"
    kept.mkdir()
    private.mkdir()
    (private / "password").write_text(PASSWORD + "\n", "utf-8")
    (private / "password").chmod(0o600)
    told: dict[str, Any] = {
        "portal": {
            "enabled": True,
            "username": "99999_BV",
            "password_file": str(private / "password"),
            "officer_name": OFFICER,
            "officer_id": OFFICER_ID,
            "timeout_seconds": 0.6,
        },
        "his_proxy": {
            "enabled": True,
            "merchant_id": "merchant",
            "secret_file": str(private / "password"),
            "timeout_seconds": 0.4,
        },
        "population": {
            "path": "/people",
            "username": "99999_BV",
            "password_file": str(private / "password"),
            "client": "VN/GOV/TEST/CLIENT",
            "officer": OFFICER_ID,
            "agency_code": "H01",
            "procedure_code": "1.000000",
            "timeout_seconds": 0.4,
        },
        "question": {
            "personal_id": NUMBER,
            "full_name": NAME,
            "birth_date": BORN,
            "sex": "female",
            "visit_date": "2026-11-21",
        },
        "results": str(kept / "results.json"),
        "leak": leak,
    }
    with troubles(private) as addresses:
        done = subprocess.run(
            [sys.executable, "-X", "dev", "-W", "always", "-m", "tests.hisbridge.secret_session"],
            cwd=Path(__file__).parents[2],
            env={"SSLKEYLOGFILE": str(kept / "keys"), "HOME": str(kept), "PYTHONDONTWRITEBYTECODE": "1"},
            input=json.dumps({**told, "addresses": addresses}).encode(),
            capture_output=True,
            timeout=100,
            check=False,
        )
    files = b"".join(path.read_bytes() for path in kept.rglob("*") if path.is_file())
    results = json.loads((kept / "results.json").read_text("utf-8"))
    return Run(done.stdout + done.stderr + files, results["portal"], results["others"], done.returncode)


def spellings(secret: str) -> set[bytes]:
    """A secret as it may stand in a text: as it is, in an address, escaped, decomposed, in other letters."""
    texts = {secret, unicodedata.normalize("NFD", secret)}
    texts |= {text.upper() for text in texts} | {text.lower() for text in texts}
    texts |= {way(text) for text in texts for way in (quote, quote_plus, lambda text: quote(text, safe=""))}
    texts |= {json.dumps(text)[1:-1] for text in texts} | {ascii(text)[1:-1] for text in texts}
    return {text.encode() for text in texts} | {repr(text.encode())[2:-1].encode() for text in texts}


def found(written: bytes) -> list[str]:
    return [name for name, secret in PROMISED.items() if any(way in written for way in spellings(secret))]


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run(tmp_path_factory.mktemp("session"))


def test_every_kind_of_trouble_was_met(session: Run) -> None:
    assert session.reasons == EXPECTED


def test_the_hospital_system_and_the_register_were_in_the_same_troubles(session: Run) -> None:
    told = {name: str(reason) for name, reason in session.others.items()}
    for kind in ("his_proxy", "soap_xroad", "soap_lgsp", "rest_lgsp"):
        for trouble in ("slow", "server_error", "nobody", "certificate"):
            assert told[f"{kind} {trouble}"].startswith(("his_proxy.", "population.", "portal.")), (kind, trouble)
    assert not [name for name, reason in told.items() if reason.endswith(("not_configured", "secret_missing"))]


def test_nothing_that_was_written_holds_a_secret_or_the_person(session: Run) -> None:
    assert found(session.written) == []


def test_what_was_looked_at_is_what_such_a_process_writes(session: Run) -> None:
    """Logs of ours, tracebacks with their causes, the interpreter's last words and a dump of every thread."""
    assert session.code == 1
    signs = (b"watch DEBUG", b"watch ERROR", b"Traceback (most recent call last)", b"Current thread", b"lookup.offline")
    for sign in (*signs, b"PortalServerError: portal.server_error status=500"):
        assert sign in session.written


def test_a_secret_that_is_written_is_found(tmp_path: Path) -> None:
    for name, secret in PROMISED.items():
        for way in (secret, quote_plus(secret), json.dumps(secret), secret.upper()):
            assert name in found(f"GET /?x={way}&y".encode())


def test_no_address_is_written_with_its_query(session: Run) -> None:
    assert b"id_token" not in session.written.replace(b"hisbridge", b"")
    assert b"?token=" not in session.written


def test_the_session_would_show_a_leak(tmp_path: Path) -> None:
    assert found(run(tmp_path, leak=ACCESS).written) == ["token"]
