"""The registration API's troubles and settings: tokens, refusals, garbage, names of the site's own."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hisbridge.connectors import make
from hisbridge.connectors.contract import Known, Outcome, Receipt, Sending
from hisbridge.connectors.rest import RestConnector
from hisbridge.errors import (
    DestinationSetup,
    DestinationUnreachable,
    GarbledAnswer,
    NoAnswer,
)
from sandbox.hospital_rest import HospitalRest
from tests.hisbridge.making import patient, record
from tests.hisbridge.rest_making import carried, settings
from tests.hisbridge.speaking import reply, request_on, speaking


def test_one_token_serves_many_calls_and_a_refused_one_is_renewed_once(
    hospital: HospitalRest, connector: RestConnector
) -> None:
    carried(connector, record("visit-1"))
    carried(connector, record("visit-2"))
    assert hospital.calls.count("POST /api/v1/token") == 1
    hospital.set_fault("rest.token_expired", "once")
    assert carried(connector, record("visit-3")).text == "booked"
    assert hospital.calls.count("POST /api/v1/token") == 2
    hospital.set_fault("rest.token_expired", "always")
    with pytest.raises(DestinationSetup):
        connector.identify(record("visit-4"))


def test_a_refused_account_and_a_missing_password_stop_the_destination(
    hospital: HospitalRest, connector: RestConnector, port: int, tmp_path: Path
) -> None:
    hospital.set_fault("rest.bad_account", "on")
    with pytest.raises(DestinationSetup) as caught:
        connector.identify(record())
    assert caught.value.data == {"key": "search", "why": "token_http_401"}
    with pytest.raises(DestinationSetup) as caught:
        connector.probe()
    assert caught.value.data == {"key": "username", "why": "token_http_401"}
    with pytest.raises(DestinationSetup) as caught:
        RestConnector(settings(port, tmp_path / "none")).probe()
    assert caught.value.data == {"key": "password_file", "why": "missing"}


def test_a_probe_obtains_a_token_and_changes_nothing(hospital: HospitalRest, connector: RestConnector) -> None:
    connector.probe()
    assert hospital.calls == ["POST /api/v1/token"]
    hospital.set_fault("rest.down", "on")
    with pytest.raises(DestinationUnreachable):
        connector.probe()


def test_a_refused_record_is_rejected_and_nothing_else_waits_for_it(
    hospital: HospitalRest, connector: RestConnector
) -> None:
    hospital.set_fault("rest.refused", "on")
    assert carried(connector, record()) == Receipt(Outcome.REJECTED, "save_http_400")
    hospital.set_fault("rest.refused", None)
    assert carried(connector, record("visit-2")).text == "booked"


@pytest.mark.parametrize(
    ("fault", "value"),
    [("500", "on"), ("html", "on"), ("maintenance", "200"), ("half", "body"), ("half", "length"), ("garbage", "on")],
)
def test_every_trouble_of_the_other_side_is_only_a_later(
    hospital: HospitalRest, connector: RestConnector, fault: str, value: str
) -> None:
    hospital.set_fault(f"rest.{fault}", value)
    with pytest.raises((NoAnswer, GarbledAnswer)):
        connector.identify(record())
    hospital.set_fault(f"rest.{fault}", None)
    assert carried(connector, record(), 2).text == "booked"
    assert (len(hospital.patients), len(hospital.bookings)) == (1, 1)


def test_a_proxys_page_of_404_does_not_mean_that_nobody_is_there(password: Path) -> None:
    def serve(_: int, connection: Any) -> None:
        while asked := request_on(connection):
            connection.sendall(reply(b'{"token":"t"}') if b"token" in asked else reply(b"<html>", status="404 X"))

    with speaking(serve) as (base, _):
        made = RestConnector(settings(int(base.rpartition(":")[2]), password))
        with pytest.raises(DestinationSetup) as caught:
            made.identify(record())
        made.close()
    assert caught.value.data == {"key": "search", "why": "search_http_404"}


@pytest.mark.parametrize(
    "odd", [b'{"data":{"a":1}}', b'[[1],"x",null,3]', b'{"success":false,"message":"busy"}', b"7", b'"x"', b"true"]
)
def test_an_answer_that_is_no_search_result_does_not_mean_that_nobody_is_there(password: Path, odd: bytes) -> None:
    def serve(_: int, connection: Any) -> None:
        while asked := request_on(connection):
            connection.sendall(reply(b'{"token":"t"}') if b"token" in asked else reply(odd))

    with speaking(serve) as (base, _):
        made = RestConnector(settings(int(base.rpartition(":")[2]), password))
        with pytest.raises(GarbledAnswer) as caught:
            made.identify(record())
        made.close()
    assert caught.value.data == {"why": "search_shape"}


@pytest.mark.parametrize("none", [b"[]", b"null", b'{"data":[]}', b'{"data":null}', b"{}", b""])
def test_every_way_of_saying_that_nobody_was_found_is_understood(password: Path, none: bytes) -> None:
    def serve(_: int, connection: Any) -> None:
        while asked := request_on(connection):
            connection.sendall(reply(b'{"token":"t"}') if b"token" in asked else reply(none))

    with speaking(serve) as (base, _):
        made = RestConnector(settings(int(base.rpartition(":")[2]), password))
        assert made.identify(record()).record_number is None
        made.close()


def test_an_empty_answer_to_a_create_is_searched_after_and_then_goes_to_a_person(password: Path) -> None:
    answers = {b"/token": b'{"token":"t"}', b"/patient/detail": b"[]", b"/patients": b"{}"}

    def serve(_: int, connection: Any) -> None:
        while asked := request_on(connection):
            path = asked.split(b" ")[1].removeprefix(b"/api/v1")
            connection.sendall(reply(answers[path]))

    with speaking(serve) as (base, _):
        made = RestConnector(settings(int(base.rpartition(":")[2]), password))
        assert carried(made, record()) == Receipt(Outcome.REJECTED, "save_no_number")
        made.close()


def test_paths_fields_codes_and_dates_are_the_sites_own(port: int, password: Path) -> None:
    made = RestConnector(
        settings(
            port,
            password,
            fields={"family_and_middle": "lastname", "phone": "", "full_name": "about.whole"},
            values={"jobid": "99"},
            services={"KB": {"appointments.roomId": "Y03"}},
            sex_codes={"male": "M", "female": "F", "unknown": "U"},
            date_format="yyyy-MM-dd",
            booking_fields={"reason": "note"},
        )
    )
    message = made.render(record(patient=patient(birth_date="2003")), Known("P1"))
    assert message is not None
    told = json.loads(message)
    assert told["save"] == {
        "mabn": "P1",
        "cmnd": "001303900017",
        "about": {"whole": "Nguyễn Thị Hoài Thử"},
        "lastname": "Nguyễn Thị Hoài",
        "name": "Thử",
        "gender": "F",
        "dateOfBirth": "2003",
        "address": "Số 1 Đường Mẫu, Phường Mẫu, Hà Nội",
        "nationalityId": "VN",
        "jobid": "99",
    }
    assert told["booking"]["appointments"] == {"date": "2026-11-21", "timeslot": "07:45", "roomId": "Y03"}


@pytest.mark.parametrize("block", [{"fields": {"nmae": "x"}}, {"paths": {"search": "no-slash"}}, {"preset": "other"}])
def test_a_setting_that_cannot_be_meant_is_refused_when_it_is_read(password: Path, block: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        settings(1, password, **block)


def test_without_a_field_for_the_id_number_nobody_can_be_told_from_another(port: int, password: Path) -> None:
    made = make(settings(port, password, fields={"personal_id": ""}))
    with pytest.raises(DestinationSetup) as caught:
        made.identify(record())
    assert caught.value.data == {"key": "fields.personal_id", "why": "missing"}


def test_a_hospital_under_maintenance_is_left_alone_as_long_as_it_asks(password: Path) -> None:
    def serve(_: int, connection: Any) -> None:
        while asked := request_on(connection):
            busy = reply(b"", status="503 X", headers="Retry-After: 120\r\n")
            connection.sendall(reply(b'{"token":"t"}') if b"token" in asked else busy)

    with speaking(serve) as (base, _):
        made = RestConnector(settings(int(base.rpartition(":")[2]), password))
        with pytest.raises(NoAnswer) as caught:
            made.identify(record())
        message = made.render(record(), Known("P1"))
        assert message is not None
        told = made.send(message, Sending("KEY", 1))
        made.close()
    assert caught.value.retry_after_seconds == 120.0
    assert told == Receipt(Outcome.TRY_LATER, "booking_http_503", retry_after_seconds=120.0)
