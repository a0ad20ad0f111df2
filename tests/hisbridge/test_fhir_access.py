"""How the bridge is let in to a FHIR server: tokens, certificates, and what the probe finds."""

import json
import ssl
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from config.destinations import FhirDestination
from hisbridge.connectors.contract import Known, Outcome, Sending
from hisbridge.connectors.fhir import FhirConnector
from hisbridge.connectors.fhir_errors import FhirNoStatement, FhirNoTransactions, FhirWrongVersion
from hisbridge.errors import DestinationSetup, DestinationUnreachable, GarbledAnswer, NoAnswer
from sandbox.fhir import FhirServer
from sandbox.web import serving
from tests.hisbridge.certificates import authority, authority_file, server_certificate
from tests.hisbridge.fhir_making import at, fhir, secret_file, send
from tests.hisbridge.making import record
from wire.server import Request, Response


@pytest.fixture
def his() -> FhirServer:
    return FhirServer()


def test_a_token_is_fetched_kept_and_renewed_before_it_ends(his: FhirServer, tmp_path: Path) -> None:
    server, now = FhirServer(account=("kiosk", "x")), [0.0]
    with server.serving() as (_, port):
        destination = _with_account(port, tmp_path)
        connector = FhirConnector(destination, monotonic=lambda: now[0])
        message = connector.render(record(), Known()) or b""
        for moment, tokens in ((0.0, 1), (100.0, 1), (269.0, 1), (271.0, 2)):
            now[0] = moment
            assert connector.send(message, Sending("K", 1)).outcome is Outcome.ACKNOWLEDGED
            assert server.counts()["tokens"] == tokens
        connector.close()


def test_a_token_that_is_not_taken_any_more_is_renewed_once(tmp_path: Path) -> None:
    server = FhirServer(account=("kiosk", "x"))
    with server.serving() as (_, port):
        connector = FhirConnector(_with_account(port, tmp_path))
        message = connector.render(record(), Known()) or b""
        assert connector.send(message, Sending("K", 1)).outcome is Outcome.ACKNOWLEDGED
        server.set_fault("fhir.token", "expired")
        assert connector.send(message, Sending("K", 1)).outcome is Outcome.ACKNOWLEDGED
        assert server.counts()["tokens"] == 2
        connector.close()


def test_an_account_that_is_refused_stops_the_destination(tmp_path: Path) -> None:
    server = FhirServer(account=("kiosk", "x"))
    server.set_fault("fhir.token", "refused")
    with server.serving() as (_, port), pytest.raises(DestinationSetup) as refused:
        send(_with_account(port, tmp_path), record())
    assert refused.value.data["why"] == "token_refused"


def test_the_account_goes_to_the_tokens_address_only_as_rfc_6749_says(tmp_path: Path) -> None:
    asked: list[Request] = []

    def token(request: Request) -> Response:
        asked.append(request)
        return Response(503)

    with serving({("POST", "/token"): token}, 0) as port, pytest.raises(NoAnswer):
        send(_with_account(port, tmp_path, scope="system/*.write"), record())
    [request] = asked
    assert request.body == b"grant_type=client_credentials&scope=system%2F%2A.write"
    # base64 of `kiosk:b%C3%AD+m%E1%BA%ADt+th%E1%BB%AD`
    assert request.headers["authorization"] == "Basic a2lvc2s6YiVDMyVBRCttJUUxJUJBJUFEdCt0aCVFMSVCQiVBRA=="


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"access_token":7}', b'{"access_token":""}', b'{"access_token":"a\\r\\nX: y"}']
)
def test_a_token_that_is_none_is_never_sent(body: bytes, tmp_path: Path) -> None:
    with serving({("POST", "/token"): lambda _: Response(body=body)}, 0) as port, pytest.raises(GarbledAnswer):
        send(_with_account(port, tmp_path), record())


def test_a_missing_secret_is_named_and_nothing_is_sent(tmp_path: Path) -> None:
    destination = _with_account(9, tmp_path)
    Path(destination.client_secret_file).unlink()
    with pytest.raises(DestinationSetup) as missing:
        send(destination, record())
    assert missing.value.data == {"key": "client_secret_file", "why": "missing"}


def test_a_client_certificate_opens_a_server_that_asks_for_one(his: FhirServer, tmp_path: Path) -> None:
    issuer = authority()
    shown = str(server_certificate(tmp_path, issuer))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(shown)
    context.load_verify_locations(cafile=str(authority_file(tmp_path, issuer)))
    context.verify_mode = ssl.CERT_REQUIRED
    ca_file = str(authority_file(tmp_path, issuer))
    with his.serving(tls=lambda: context) as (_, port):
        usual = {"base_url": f"https://127.0.0.1:{port}/fhir", "ca_file": ca_file}
        ours = fhir(**usual, certificate_file=shown, key_file=shown)
        assert send(ours, record()).outcome is Outcome.ACKNOWLEDGED
        with pytest.raises((DestinationUnreachable, NoAnswer)):
            send(fhir(**usual), record("visit-2"))
        with pytest.raises(DestinationUnreachable):
            send(fhir(base_url=usual["base_url"]), record("visit-2"))
    assert len(his.resources("Encounter")) == 1


def test_the_probe_reads_the_statement_and_sends_nothing(his: FhirServer) -> None:
    with at(his) as destination:
        FhirConnector(destination).probe()
    assert his.resources() == []


@pytest.mark.parametrize(
    ("fault", "value", "error"),
    [
        ("fhir.statement", "r5", FhirWrongVersion),
        ("fhir.statement", "no_transaction", FhirNoTransactions),
        ("fhir.html", "on", FhirNoStatement),
        ("fhir.empty", "on", FhirNoStatement),
        ("fhir.500", "on", NoAnswer),
        ("fhir.down", "on", DestinationUnreachable),
    ],
)
def test_the_probe_says_what_is_wrong(his: FhirServer, fault: str, value: str, error: type[Exception]) -> None:
    with at(his) as destination, closing(FhirConnector(destination)) as connector:
        his.set_fault(fault, value)
        with pytest.raises(error):
            connector.probe()


def test_the_probe_names_a_service_base_that_is_none(his: FhirServer) -> None:
    with his.serving() as (_, port), pytest.raises(FhirNoStatement) as wrong:
        FhirConnector(fhir(port, "/nothing")).probe()
    assert wrong.value.data == {"status": 404}


def _with_account(port: int, folder: Path, **differences: Any) -> FhirDestination:
    usual = {
        "token_url": f"http://127.0.0.1:{port}/token",
        "client_id": "kiosk",
        "client_secret_file": secret_file(folder),
    }
    return fhir(port, **{**usual, **differences})


@pytest.mark.parametrize(("version", "taken"), [("4.0.1", True), ("4.3.0", True), ("3.0.2", False), ("5.0.0", False)])
def test_the_probe_takes_r4_and_no_other_version(version: str, taken: bool) -> None:
    told = json.dumps({"resourceType": "CapabilityStatement", "fhirVersion": version}).encode()
    with serving({("GET", "/fhir/metadata"): lambda _: Response(body=told)}, 0) as port:
        connector = FhirConnector(fhir(port))
        if taken:
            connector.probe()
        else:
            with pytest.raises(FhirWrongVersion):
                connector.probe()
