"""A probe names what stands in the way: nobody there, a wrong setting, silence, or something else than is meant."""

import socket
import ssl
from pathlib import Path
from typing import Any

import pytest

from config.destinations import DestinationSettings, FhirDestination, RegistrationDestination, WebhookDestination
from hisbridge.desk import Desk, Done, SwitchRequest, open_outbox
from hisbridge.errors import DestinationSetup, DestinationUnreachable, GarbledAnswer, NoAnswer
from sandbox.his import HospitalSystem
from tests.hisbridge.certificates import server_certificate
from tests.hisbridge.fhir_making import secret_file
from tests.hisbridge.making import MOMENT, database, destination, settings
from tests.hisbridge.speaking import reply, request_on, speaking
from tiepdon.commands.bridge_tables import probe_lines
from ui.words import Words


def probed(folder: Path, his: DestinationSettings) -> Done:
    path = database(folder)
    return Desk(settings(folder, his), lambda: open_outbox(path), lambda: MOMENT).probe(
        SwitchRequest(destination="his")
    )


def webhook(base: str, secret: str, **more: Any) -> WebhookDestination:
    return WebhookDestination(name="his", base_url=base, secret_file=secret, timeout_seconds=0.3, **more)


def test_nobody_there_and_a_missing_secret_are_told_apart(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    base = f"http://127.0.0.1:{port}"
    assert probed(tmp_path, webhook(base, secret_file(tmp_path))).code == DestinationUnreachable.code
    told = probed(tmp_path, webhook(base, str(tmp_path / "none")))
    assert told == Done(ok=False, code=DestinationSetup.code, detail="secret_file: missing")
    assert "(secret_file: missing)" in " ".join(probe_lines({"his": told}, {"his": "webhook"}, Words("en")))


def test_a_refused_certificate_is_told_with_its_reason(tmp_path: Path) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(server_certificate(tmp_path, None))
    with HospitalSystem().serving(tls=tls) as (_, port):
        told = probed(tmp_path, destination(port, tls=True))
        over_http = probed(tmp_path, webhook(f"https://127.0.0.1:{port}", secret_file(tmp_path)))
    assert told == Done(ok=False, code="delivery.certificate", detail="self_signed")
    assert over_http == Done(ok=False, code="delivery.unreachable", detail="tls_self_signed")


def test_a_receiver_that_takes_the_call_and_says_nothing_is_called_silent(tmp_path: Path) -> None:
    with speaking(lambda _, connection: bool(connection.recv(1 << 16)) and connection.recv(1)) as (base, _):
        assert probed(tmp_path, webhook(base, secret_file(tmp_path))).code == NoAnswer.code


@pytest.mark.parametrize(("status", "code"), [("200 OK", GarbledAnswer.code), ("503 X", NoAnswer.code)])
def test_a_page_in_place_of_an_answer_is_called_so_and_a_server_that_is_down_too(
    tmp_path: Path, status: str, code: str
) -> None:
    def serve(_: int, connection: socket.socket) -> None:
        request_on(connection)
        connection.sendall(reply(b"<html>", status=status))

    with speaking(serve) as (base, _):
        usual: dict[str, Any] = {"name": "his", "base_url": base, "timeout_seconds": 2}
        kiosk = RegistrationDestination(**usual, merchant_id="m", secret_file=secret_file(tmp_path))
        assert probed(tmp_path, kiosk) == Done(ok=False, code=code)
        told = probed(tmp_path, FhirDestination(**usual))
        assert told.code == ("fhir.no_statement" if status == "200 OK" else NoAnswer.code)
