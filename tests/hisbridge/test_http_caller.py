"""What connectors over HTTP share: client certificates, every method, and failures told apart by what was sent."""

import os
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from config.destinations import HttpDestination, WebhookDestination
from hisbridge.connectors.http_caller import HttpCaller, joined, later, outcome_of, secret
from hisbridge.errors import DestinationSetup, DestinationUnreachable, GarbledAnswer, NoAnswer
from hisbridge.http import Answer, Question
from tests.hisbridge.certificates import Authority, authority, authority_file, server_certificate, written
from tests.hisbridge.speaking import echo, reply, request_on, speaking
from tests.support.waiting import BUSY_SECONDS


@pytest.fixture
def trusted() -> Authority:
    return authority()


@contextmanager
def demanding(folder: Path, trusted: Authority, newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> Iterator[str]:
    """A server that takes nobody without a certificate of its own authority; answers with the question's body."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = newest
    context.load_cert_chain(server_certificate(folder, trusted))
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cafile=authority_file(folder, trusted))

    def serve(number: int, connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False) as inside:
            try:
                inside.do_handshake()
            except ssl.SSLError:
                # As servers do: what the client has sent meanwhile is read, else a reset would swallow the alert.
                inside.shutdown(socket.SHUT_WR)
                while os.read(inside.fileno(), 65536):
                    pass
                return
            echo(number, inside)

    with speaking(serve) as (base, _):
        yield base.replace("http:", "https:")


def caller(base: str, **more: Any) -> HttpCaller:
    usual: dict[str, Any] = {"name": "his", "base_url": base, "secret_file": "", "timeout_seconds": 2}
    return HttpCaller(WebhookDestination(**{**usual, **more}))


def asked(made: HttpCaller, method: str = "POST", body: bytes = b"{}") -> bytes:
    destination: HttpDestination = made._destination
    return made.call(Question(destination.base_url, body, "application/json", {}, method)).body


def client(folder: Path, issuer: Authority | None, name: str = "client") -> tuple[str, str]:
    """Certificate and key as two files."""
    (folder / name).mkdir(exist_ok=True)
    both = server_certificate(folder / name, issuer).read_bytes()
    key, _, certificate = both.partition(b"-----BEGIN CERTIFICATE-----")
    return (
        str(written(folder / name / "certificate.pem", b"-----BEGIN CERTIFICATE-----" + certificate)),
        str(written(folder / name / "key.pem", key)),
    )


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_client_certificate_opens_a_server_that_asks_for_one(
    tmp_path: Path, trusted: Authority, newest: ssl.TLSVersion
) -> None:
    certificate, key = client(tmp_path, trusted)
    with demanding(tmp_path, trusted, newest) as base:
        made = caller(base, ca_file=str(tmp_path / "authority.pem"), certificate_file=certificate, key_file=key)
        assert asked(made, body=b'{"a":1}') == b'{"a":1}'
        made.close()


@pytest.mark.parametrize("issuer", [None, authority("Another Authority")])
def test_a_client_certificate_that_is_refused_is_named_and_nothing_counts_as_sent(
    tmp_path: Path, trusted: Authority, issuer: Authority | None
) -> None:
    shown: dict[str, str] = {}
    if issuer is not None:
        shown["certificate_file"], shown["key_file"] = client(tmp_path, issuer)
    with demanding(tmp_path, trusted) as base:
        made = caller(base, ca_file=str(tmp_path / "authority.pem"), **shown)
        with pytest.raises(DestinationUnreachable) as caught:
            asked(made)
        made.close()
    assert caught.value.data == {"why": "tls_client_refused"}


def test_a_renewed_client_certificate_is_shown_without_a_restart(tmp_path: Path, trusted: Authority) -> None:
    certificate, key = client(tmp_path, authority("Former Authority"))
    with demanding(tmp_path, trusted) as base:
        made = caller(base, ca_file=str(tmp_path / "authority.pem"), certificate_file=certificate, key_file=key)
        with pytest.raises(DestinationUnreachable):
            asked(made)
        client(tmp_path, trusted)
        assert asked(made) == b"{}"
        made.close()


def test_files_of_trust_that_cannot_be_used_are_settings_to_mend(tmp_path: Path, trusted: Authority) -> None:
    certificate, key = client(tmp_path, trusted)
    other = client(tmp_path, trusted, "other")[1]
    empty = str(written(tmp_path / "empty.pem", b""))
    wanted = {
        ("ca_file", "unusable"): {"ca_file": empty},
        ("certificate_file", "missing"): {"certificate_file": str(tmp_path / "none"), "key_file": key},
        ("key_file", "missing"): {"certificate_file": certificate},
        ("certificate_file", "unusable"): {"certificate_file": certificate, "key_file": other},
    }
    for (name, why), files in wanted.items():
        with pytest.raises(DestinationSetup) as caught:
            asked(caller("https://127.0.0.1:9", **files))
        assert caught.value.data == {"key": name, "why": why}


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_every_method_goes_out_as_asked(method: str) -> None:
    heard: list[bytes] = []

    def serve(_: int, connection: socket.socket) -> None:
        heard.append(request_on(connection).split(b" ")[0])
        connection.sendall(reply(b"told", status="422 X"))

    with speaking(serve) as (base, _):
        assert asked(caller(base), method, b"" if method in ("GET", "DELETE") else b"{}") == b"told"
    assert heard == [method.encode()]


def test_headers_that_name_what_was_made_are_told() -> None:
    told = reply(b"", headers='Location: /Patient/1\r\nETag: W/"2"\r\n', status="201 Created")
    with speaking(lambda _, connection: request_on(connection) and connection.sendall(told)) as (base, _):
        answer = caller(base).call(Question(base, b"{}", "application/json", {}))
    assert (answer.status, answer.location, answer.etag, answer.retry_after) == (201, "/Patient/1", 'W/"2"', "")


def test_what_was_sent_and_not_answered_is_not_what_nobody_heard() -> None:
    with pytest.raises(DestinationUnreachable) as nobody:
        asked(caller("http://127.0.0.1:9"))
    with speaking(lambda _, connection: request_on(connection) and None) as (base, _), pytest.raises(NoAnswer) as cut:
        asked(caller(base))
    with pytest.raises(DestinationUnreachable) as named:
        asked(caller("http://nowhere.invalid"))
    assert [error.value.data for error in (nobody, cut, named)] == [{"why": "connection"}] * 3


def test_a_connection_that_is_never_taken_ends_with_the_deadline_and_nothing_was_sent() -> None:
    """A listener whose queue is full: the kernel takes no further connection."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen(0)
    address = listening.getsockname()
    waiting = [socket.socket() for _ in range(4)]
    for one in waiting:
        one.setblocking(False)
        one.connect_ex(address)
    begun = time.monotonic()
    with pytest.raises(DestinationUnreachable) as caught:
        asked(caller(f"http://127.0.0.1:{address[1]}", timeout_seconds=0.4))
    assert caught.value.data == {"why": "timeout"}
    assert time.monotonic() - begun < BUSY_SECONDS
    for one in (*waiting, listening):
        one.close()


def test_an_answer_that_is_not_http_is_no_answer() -> None:
    def serve(_: int, connection: socket.socket) -> None:
        request_on(connection)
        connection.sendall(b"\x00\x01\r\n\r\n")

    with speaking(serve) as (base, _), pytest.raises((NoAnswer, GarbledAnswer)):
        asked(caller(base))


def test_paths_are_joined_by_one_slash() -> None:
    assert joined("http://h/his/", "/bhyt") == joined("http://h/his", "bhyt") == "http://h/his/bhyt"
    assert joined("http://h/hook", "") == "http://h/hook"


def test_a_status_below_200_or_above_599_is_never_an_acknowledgement() -> None:
    assert {outcome_of(status).value for status in (100, 199, 300, 399, 600)} == {"misconfigured", "try_later"}


def test_a_secret_loses_its_line_end_and_its_byte_order_mark_alone(tmp_path: Path) -> None:
    file = written(tmp_path / "secret", b"\xef\xbb\xbf key with spaces \r\n")
    file.chmod(0o640)
    assert secret(str(file), "secret_file") == b" key with spaces "


@pytest.mark.parametrize(
    ("status", "told", "seconds"),
    [
        (503, "7", 7.0),
        (429, "7", 7.0),
        (503, "", 0.0),
        (503, "-7", 0.0),
        (503, "7 minutes", 0.0),
        (503, "\u0667", 0.0),
        (503, "9" * 400, 1e9),
        (503, "Sat, 21 Nov 1999 00:00:00 GMT", 0.0),
        (503, "Sat, 99 Nov 2099 00:00:00 GMT", 0.0),
        (200, "7", 0.0),
        (400, "7", 0.0),
        (404, "7", 0.0),
    ],
)
def test_only_a_receiver_in_trouble_of_its_own_is_left_alone(status: int, told: str, seconds: float) -> None:
    assert later(Answer(status, b"", retry_after=told)) == seconds
