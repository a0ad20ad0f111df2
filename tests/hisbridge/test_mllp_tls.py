"""MLLP over TLS: who is trusted, who is refused and under which name, and that nothing is told before."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hisbridge.connectors.contract import Known, Outcome, Receipt, Sending
from hisbridge.connectors.hl7errors import DestinationCertificate
from hisbridge.connectors.hl7v2 import Hl7v2Connector
from hisbridge.errors import DestinationSetup, DestinationUnreachable
from hisbridge.identity import idempotency_key
from sandbox.his import HospitalSystem
from tests.hisbridge.certificates import DAY, Authority, authority, authority_file, server_certificate
from tests.hisbridge.making import destination, eventually, record

KEY = idempotency_key("his", "visit-1")


@pytest.fixture(scope="module")
def ours() -> Authority:
    return authority()


def context(certificate: Path, clients: Path | None = None, newest: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(certificate)
    if newest is not None:
        made.maximum_version = newest
    if clients is not None:
        made.verify_mode = ssl.CERT_REQUIRED
        made.load_verify_locations(clients)
    return made


@contextmanager
def hospital(tls: ssl.SSLContext) -> Iterator[tuple[HospitalSystem, int]]:
    his = HospitalSystem()
    with his.serving(tls=tls) as (_, port):
        yield his, port


def sent(port: int, times: int = 1, **more: Any) -> Receipt:
    connector = Hl7v2Connector(destination(port, tls=True, **more))
    try:
        message = connector.render(record(), Known())
        assert message is not None
        for _ in range(times):
            receipt = connector.send(message, Sending(KEY, 1))
        return receipt
    finally:
        connector.close()


@pytest.mark.parametrize("connection", ["persistent", "per_message"])
@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_receiver_that_a_trusted_authority_vouches_for_gets_the_record(
    tmp_path: Path, ours: Authority, newest: ssl.TLSVersion, connection: str
) -> None:
    trusted = str(authority_file(tmp_path, ours))
    with hospital(context(server_certificate(tmp_path, ours), newest=newest)) as (his, port):
        receipt = sent(port, 3, ca_file=trusted, connection=connection)
        assert receipt.outcome is Outcome.ACKNOWLEDGED
        assert [(one["name"], one["copies"]) for one in his.messages()] == [("Nguyễn Thị Hoài Thử", 3)]
        Hl7v2Connector(destination(port, tls=True, ca_file=trusted)).probe()


def bad_certificate(why: str, folder: Path, ours: Authority) -> Path:
    match why:
        case "wrong_name":
            return server_certificate(folder, ours, address="127.0.0.2")
        case "expired":
            return server_certificate(folder, ours, begins=-2 * DAY, ends=-timedelta(hours=1))
        case "not_yet_valid":
            return server_certificate(folder, ours, begins=timedelta(hours=1))
        case "self_signed":
            return server_certificate(folder, None)
        case _:
            return server_certificate(folder, authority("Somebody Else"))


@pytest.mark.parametrize("why", ["wrong_name", "expired", "not_yet_valid", "self_signed", "unknown_authority"])
def test_whoever_is_not_trusted_is_refused_by_name_and_told_nothing(tmp_path: Path, ours: Authority, why: str) -> None:
    trusted = str(authority_file(tmp_path, ours))
    with hospital(context(bad_certificate(why, tmp_path, ours))) as (his, port):
        for attempt in (
            lambda: sent(port, ca_file=trusted),
            lambda: Hl7v2Connector(destination(port, tls=True, ca_file=trusted)).probe(),
        ):
            with pytest.raises(DestinationCertificate) as caught:
                attempt()
            assert (caught.value.code, caught.value.data) == ("delivery.certificate", {"why": why})
        assert his.messages() == []


def test_without_a_ca_file_only_the_systems_authorities_are_trusted(tmp_path: Path, ours: Authority) -> None:
    with hospital(context(server_certificate(tmp_path, ours))) as (_, port):
        with pytest.raises(DestinationCertificate) as caught:
            sent(port)
        assert caught.value.data["why"] == "unknown_authority"


def test_a_receiver_without_tls_is_named_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer_plainly() -> None:
            connection, _ = listening.accept()
            with connection, contextlib.suppress(OSError):
                connection.recv(4096)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                connection.recv(1)

        thread = threading.Thread(target=answer_plainly, daemon=True)
        thread.start()
        with pytest.raises(DestinationCertificate) as caught:
            sent(listening.getsockname()[1])
        assert caught.value.data["why"] == "no_tls"
        thread.join(5)


def test_a_receiver_that_never_shakes_hands_is_given_up_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(DestinationUnreachable) as caught:
        sent(silent.getsockname()[1], timeout_seconds=0.3)
    assert caught.value.code == "delivery.unreachable"


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_client_certificate_is_shown_and_its_absence_or_a_strangers_is_refused(
    tmp_path: Path, ours: Authority, newest: ssl.TLSVersion
) -> None:
    clients = authority("Clients")
    for name in ("server", "client", "stranger"):
        (tmp_path / name).mkdir()
    server = server_certificate(tmp_path / "server", ours)
    client = str(server_certificate(tmp_path / "client", clients))
    stranger = str(server_certificate(tmp_path / "stranger", authority("Strangers")))
    trusted = str(authority_file(tmp_path, ours))
    accepted = authority_file(tmp_path / "client", clients)
    with hospital(context(server, accepted, newest)) as (his, port):
        shown = {"ca_file": trusted, "certificate_file": client, "key_file": client}
        assert sent(port, **shown).outcome is Outcome.ACKNOWLEDGED
        Hl7v2Connector(destination(port, tls=True, **shown)).probe()
        strange = {"ca_file": trusted, "certificate_file": stranger, "key_file": stranger}
        for wrong in ({"ca_file": trusted}, strange):
            with pytest.raises(DestinationUnreachable) as caught:
                sent(port, **wrong)
            assert caught.value.data["why"] == "client_refused"
        with pytest.raises(DestinationCertificate):
            Hl7v2Connector(destination(port, tls=True, **strange)).probe()
        assert [one["copies"] for one in his.messages()] == [1]


@pytest.mark.parametrize(
    ("key", "files"),
    [
        ("ca_file", {"ca_file": "missing.pem"}),
        ("ca_file", {"ca_file": "words.pem"}),
        ("certificate_file", {"certificate_file": "missing.pem", "key_file": "words.pem"}),
        ("certificate_file", {"certificate_file": "words.pem", "key_file": "words.pem"}),
    ],
)
def test_files_that_are_missing_or_no_certificate_are_named(tmp_path: Path, key: str, files: dict[str, str]) -> None:
    (tmp_path / "words.pem").write_text("no certificate", "utf-8")
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(DestinationSetup) as caught:
        sent(silent.getsockname()[1], **{name: str(tmp_path / file) for name, file in files.items()})
    assert caught.value.data["key"] == key


def test_a_connection_cut_while_idle_costs_nothing(tmp_path: Path, ours: Authority) -> None:
    trusted = str(authority_file(tmp_path, ours))
    with hospital(context(server_certificate(tmp_path, ours))) as (his, port):
        connector = Hl7v2Connector(destination(port, tls=True, ca_file=trusted))
        message = connector.render(record(), Known())
        assert message is not None
        assert connector.send(message, Sending(KEY, 1)).outcome is Outcome.ACKNOWLEDGED
        his.set_fault("his.down", "on")
        his.set_fault("his.down", "off")
        assert eventually(lambda: connector.send(message, Sending(KEY, 2))).outcome is Outcome.ACKNOWLEDGED
        connector.close()
