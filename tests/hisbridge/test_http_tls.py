"""A server whose certificate is not in order is told nothing, and the error says that it is the certificate."""

import socket
import ssl
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from hisbridge.errors import PortalCaFile, PortalCertificate, PortalError, PortalTimeout, PortalUnreachable
from hisbridge.http import Question, poster
from hisbridge.trust import trust
from tests.hisbridge.certificates import DAY, Authority, authority, authority_file, server_certificate
from tests.hisbridge.speaking import echo, speaking
from tests.support.waiting import BUSY_SECONDS, LONG_SECONDS

SECRET = b'{"hoTen":"secret"}'
Wrap = Callable[[socket.socket], socket.socket]


def tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@contextmanager
def portal(context: ssl.SSLContext) -> Iterator[tuple[str, list[bytes]]]:
    """A server behind this context; yields its https address and what it was told."""
    heard: list[bytes] = []

    def serve(number: int, connection: socket.socket) -> None:
        try:
            inside = context.wrap_socket(connection, server_side=True)
        except OSError:
            return
        with inside:
            echo(number, _Listening(inside, heard))  # type: ignore[arg-type]

    with speaking(serve) as (base, _):
        yield base.replace("http:", "https:"), heard


class _Listening:
    """A socket that keeps what it receives."""

    def __init__(self, inner: socket.socket, heard: list[bytes]) -> None:
        self._inner, self._heard = inner, heard
        self.sendall = inner.sendall

    def recv(self, size: int) -> bytes:
        told = self._inner.recv(size)
        if told:
            self._heard.append(told)
        return told


def ask(base: str, ca_file: Path | None, seconds: float = 5.0) -> bytes:
    post = poster(1 << 20, trust(str(ca_file)) if ca_file else None)
    try:
        return post(Question(base, SECRET, "application/json", {"token": "secret"}), time.monotonic() + seconds).body
    finally:
        post.close()


def refused(base: str, ca_file: Path | None, seconds: float = 5.0) -> PortalError:
    with pytest.raises(PortalError) as caught:
        ask(base, ca_file, seconds)
    assert caught.value.__context__ is None  # the library's own words name hosts and certificates
    return caught.value


@pytest.fixture
def trusted() -> Authority:
    return authority()


@pytest.fixture
def ca_file(tmp_path: Path, trusted: Authority) -> Path:
    return authority_file(tmp_path, trusted)


def test_a_certificate_of_a_trusted_private_authority_is_accepted(
    tmp_path: Path, trusted: Authority, ca_file: Path
) -> None:
    with portal(tls(server_certificate(tmp_path, trusted))) as (base, heard):
        assert ask(base, ca_file) == SECRET
    assert heard


def test_a_secured_connection_is_kept_too(tmp_path: Path, trusted: Authority, ca_file: Path) -> None:
    context, shaken = tls(server_certificate(tmp_path, trusted)), []

    def serve(number: int, connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as inside:
            shaken.append(inside.version())
            echo(number, inside)

    with speaking(serve) as (base, _):
        post = poster(1 << 20, trust(str(ca_file)))
        for _ in range(10):
            asked = Question(base.replace("http:", "https:"), SECRET, "application/json", {})
            assert post(asked, time.monotonic() + 5).body == SECRET
        post.close()
    assert shaken == ["TLSv1.3"]


@pytest.mark.parametrize(
    ("address", "begins", "ends", "why"),
    [
        ("127.0.0.2", -DAY, DAY, "wrong_name"),
        ("127.0.0.1", -2 * DAY, -timedelta(hours=1), "expired"),
        ("127.0.0.1", timedelta(hours=1), DAY, "not_yet_valid"),
    ],
)
def test_a_certificate_that_is_not_in_order_is_refused(
    tmp_path: Path, trusted: Authority, ca_file: Path, address: str, begins: timedelta, ends: timedelta, why: str
) -> None:
    with portal(tls(server_certificate(tmp_path, trusted, address, begins, ends))) as (base, heard):
        error = refused(base, ca_file)
    assert (type(error), error.code, error.data) == (PortalCertificate, "portal.certificate", {"why": why})
    assert not error.retriable
    assert heard == []


def test_a_host_name_that_the_certificate_does_not_hold_is_refused(
    tmp_path: Path, trusted: Authority, ca_file: Path
) -> None:
    with portal(tls(server_certificate(tmp_path, trusted))) as (base, heard):
        error = refused(base.replace("127.0.0.1", "localhost"), ca_file)
    assert (error.code, error.data) == ("portal.certificate", {"why": "wrong_name"})
    assert heard == []


def test_a_certificate_that_vouches_for_itself_is_refused(tmp_path: Path, ca_file: Path) -> None:
    with portal(tls(server_certificate(tmp_path, None))) as (base, heard):
        error = refused(base, ca_file)
    assert (error.code, error.data) == ("portal.certificate", {"why": "self_signed"})
    assert heard == []


def test_an_authority_nobody_trusts_is_refused(tmp_path: Path, trusted: Authority) -> None:
    with portal(tls(server_certificate(tmp_path, trusted))) as (base, heard):
        told = [refused(base, None), refused(base, authority_file(tmp_path, authority("Another Authority")))]
    assert [(error.code, error.data) for error in told] == [("portal.certificate", {"why": "unknown_authority"})] * 2
    assert heard == []


def test_tls_1_1_is_refused(tmp_path: Path, trusted: Authority, ca_file: Path) -> None:
    context = tls(server_certificate(tmp_path, trusted))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with portal(context) as (base, heard):
        error = refused(base, ca_file)
    assert (error.code, error.data) == ("portal.certificate", {"why": "old_tls"})
    assert heard == []


def test_plain_http_on_the_tls_port_is_refused_as_no_tls(ca_file: Path) -> None:
    def serve(_number: int, connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

    with speaking(serve) as (base, _):
        error = refused(base.replace("http:", "https:"), ca_file)
    assert (error.code, error.data) == ("portal.certificate", {"why": "no_tls"})


def test_a_line_that_breaks_in_the_handshake_is_unreachable_and_not_the_certificate(ca_file: Path) -> None:
    with speaking(lambda _number, connection: connection.close()) as (base, _):
        assert type(refused(base.replace("http:", "https:"), ca_file)) is PortalUnreachable


def hold(done: threading.Event) -> None:
    done.wait(LONG_SECONDS)


def test_a_handshake_that_never_goes_on_ends_with_the_deadline(ca_file: Path) -> None:
    done = threading.Event()
    with speaking(lambda _number, _connection: hold(done)) as (base, _):
        begun = time.monotonic()
        assert type(refused(base.replace("http:", "https:"), ca_file, seconds=0.4)) is PortalTimeout
        assert time.monotonic() - begun < BUSY_SECONDS
        done.set()


def test_trust_that_cannot_be_read_is_a_setting_to_mend(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_bytes(b"")
    (tmp_path / "text.pem").write_text("no certificate")
    for name in ("missing.pem", "empty.pem", "text.pem"):
        with pytest.raises(PortalCaFile) as caught:
            trust(str(tmp_path / name))
        assert caught.value.code == "portal.ca_file_unusable"


def test_a_private_authority_does_not_take_the_systems_place(ca_file: Path) -> None:
    assert trust(str(ca_file)).cert_store_stats()["x509_ca"] >= trust().cert_store_stats()["x509_ca"] + 1
