"""The HTTP door over TLS, as production uses it: trust, deadline and size hold there too."""

import ipaddress
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from hisbridge.errors import PortalCertificate, PortalTimeout, PortalTooLarge, PortalUnreachable
from hisbridge.http import Answer, Question, poster
from hisbridge.trust import trust
from tests.support.waiting import BUSY_SECONDS


def certificate(folder: Path) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1 and its key, as files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "portal.invalid")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    chain, private = folder / "portal.pem", folder / "portal.key"
    chain.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return chain, private


class _Portal(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        if self.path.startswith("/echo"):
            told = f"{self.path} {self.headers['Content-Type']} ".encode() + body
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)
            return
        self.send_header("Content-Length", "10000000")
        self.end_headers()
        stop: threading.Event = self.server.stop  # type: ignore[attr-defined]
        try:
            while not stop.wait(0.02 if self.path.startswith("/drip") else 0):
                self.wfile.write(b" " if self.path.startswith("/drip") else b" " * 65536)
        except OSError:
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def tls_portal(folder: Path) -> Iterator[tuple[str, ssl.SSLContext]]:
    """Yields the portal's address and a context that trusts it."""
    chain, private = certificate(folder)
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ours.load_cert_chain(chain, private)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Portal)
    server.daemon_threads = True
    server.block_on_close = False
    server.stop = threading.Event()  # type: ignore[attr-defined]
    server.socket = ours.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_address[1]}", ssl.create_default_context(cafile=chain)
    finally:
        server.stop.set()  # type: ignore[attr-defined]
        server.shutdown()
        server.server_close()
        thread.join(5)


def question(url: str) -> Question:
    return Question(url, '{"hoTen":"Thử"}'.encode(), "application/json; charset=utf-8", {"token": "a b&c"})


def soon(seconds: float = 5.0) -> float:
    return time.monotonic() + seconds


def test_a_question_over_tls_arrives_as_it_was_put(tmp_path: Path) -> None:
    with tls_portal(tmp_path) as (base, trusting):
        answer = poster(1 << 20, trusting)(question(f"{base}/echo"), soon())
    assert isinstance(answer, Answer)
    assert answer.status == 200
    assert answer.body.decode() == '/echo?token=a+b%26c application/json; charset=utf-8 {"hoTen":"Thử"}'


def test_a_portal_nobody_vouches_for_is_not_told_anything(tmp_path: Path) -> None:
    with tls_portal(tmp_path) as (base, _), pytest.raises(PortalCertificate):
        poster(1 << 20)(question(f"{base}/echo"), soon())


def test_dripping_over_tls_ends_with_the_deadline(tmp_path: Path) -> None:
    with tls_portal(tmp_path) as (base, trusting):
        begun = time.monotonic()
        with pytest.raises(PortalTimeout):
            poster(1 << 20, trusting)(question(f"{base}/drip"), soon(0.5))
        assert time.monotonic() - begun < BUSY_SECONDS


def test_a_flood_over_tls_is_cut_off(tmp_path: Path) -> None:
    with tls_portal(tmp_path) as (base, trusting), pytest.raises(PortalTooLarge):
        poster(1 << 20, trusting)(question(f"{base}/flood"), soon())


def test_a_deadline_that_has_passed_asks_nobody() -> None:
    with pytest.raises(PortalTimeout):
        poster(1 << 20)(question("http://127.0.0.1:9/"), soon(-1))


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/", "http://no such host/", "http://127.0.0.1:99999/", "//"])
def test_nobody_there_is_unreachable(url: str) -> None:
    with pytest.raises(PortalUnreachable):
        poster(1 << 20)(question(url), soon())


def test_questions_and_answers_show_nothing_of_themselves() -> None:
    shown = repr(question("https://portal.invalid/")) + repr(Answer(200, b"secret"))
    assert "Thử" not in shown
    assert "token" not in shown
    assert "secret" not in shown


def test_the_environment_names_neither_a_proxy_nor_a_key_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with tls_portal(tmp_path) as (base, _):
        monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
        post = poster(1 << 20, trust(str(tmp_path / "portal.pem")))
        assert post(question(f"{base}/echo"), soon()).status == 200
    assert not (tmp_path / "keys").exists()
