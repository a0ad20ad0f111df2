"""The sandbox's hospital system and portal break when told to, and the bridge lives through it."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from config.settings import Settings, database_path
from hisbridge import outbox
from hisbridge.desk_records import Delivery
from hisbridge.service import running
from sandbox.errors import UnknownFault
from sandbox.his import HospitalSystem, parse_message
from sandbox.people import all_people
from sandbox.population import Population
from sandbox.portal import Portal
from tests.hisbridge.making import MOMENT, database, destination, eventually, listed, patient, record, settings
from wire.database import open_database, transaction


@contextmanager
def hospital(folder: Path) -> Iterator[tuple[HospitalSystem, Settings]]:
    database(folder)
    his = HospitalSystem()
    with his.serving() as (_, port):
        yield his, settings(folder, destination(port, timeout_seconds=0.5))


def owe(made: Settings, *visits: str) -> None:
    with closing(open_database(database_path(made))) as connection:
        for number, visit in enumerate(visits):
            with transaction(connection):
                one = record(visit, patient=patient(personal_id=f"{number:012}"))
                outbox.enqueue(connection, one, ("his",), MOMENT)


def deliveries(made: Settings) -> list[Delivery]:
    with closing(open_database(database_path(made))) as connection:
        return listed(connection)


def test_the_hospital_understands_what_it_was_sent(tmp_path: Path) -> None:
    with hospital(tmp_path) as (his, made):
        owe(made, "v1")
        with running(made):
            eventually(lambda: deliveries(made)[0].state.value == "acknowledged")
        (got,) = his.messages()
    assert got["name"] == "Nguyễn Thị Hoài Thử"
    assert (got["birth_date"], got["sex"], got["personal_id"]) == ("20030214", "F", "000000000000")
    assert got["identifiers"][0] == {"id": "000000000000", "authority": "VNID", "type": "NI"}
    assert (got["insurance_number"], got["insurance_status"]) == ("GD4000000000017", "valid")
    assert (got["visit_id"], got["ticket_number"], got["service_name"]) == ("v1", "0001", "Khám bệnh")
    assert (got["phone"], got["processing"], got["copies"]) == ("0912345678", "T", 1)


@pytest.mark.parametrize(
    ("fault", "value", "code", "finished"),
    [
        ("his.down", "on", "delivery.unreachable", False),
        ("his.mute", "on", "delivery.no_answer", False),
        ("his.cut", "before_ack", "delivery.no_answer", False),
        ("his.cut", "mid_message", "delivery.no_answer", False),
        ("his.ar", "on", "delivery.try_later", False),
        ("his.ae", "on", "delivery.rejected", True),
        ("his.ae", "207", "delivery.try_later", False),
        ("his.ar", "101", "delivery.rejected", True),
    ],
)
def test_each_fault_has_its_effect_and_nothing_is_lost(
    tmp_path: Path, fault: str, value: str, code: str, finished: bool
) -> None:
    with hospital(tmp_path) as (his, made):
        his.set_fault(fault, value)
        assert his.faults()[fault] == value
        owe(made, "v1")
        with running(made):
            eventually(lambda: deliveries(made)[0].last_error == code)
            his.set_fault(fault, "off")
            owe(made, "v2")
            goal = {"v1": "rejected" if finished else "acknowledged", "v2": "acknowledged"}
            eventually(lambda: {one.record_id: one.state.value for one in deliveries(made)} == goal)
        got = {one["visit_id"]: one["copies"] for one in his.messages()}
        assert set(got) == ({"v2"} if finished else {"v1", "v2"})
        assert his.refused() >= (1 if fault in ("his.ae", "his.ar") else 0)


def test_a_wrong_version_stops_the_destination_until_the_bridge_starts_anew(tmp_path: Path) -> None:
    with hospital(tmp_path) as (his, made):
        his.set_fault("his.ar", "203")
        owe(made, "v1", "v2")
        with running(made):
            eventually(lambda: deliveries(made)[1].last_error == "delivery.misconfigured")
            his.set_fault("his.ar", "off")
        assert [one.state.value for one in deliveries(made)] == ["queued", "queued"]
        with running(made):
            eventually(lambda: [one.state.value for one in deliveries(made)] == ["acknowledged"] * 2)


@pytest.mark.parametrize("system", [HospitalSystem(), Portal(all_people()), Population(all_people())])
def test_faults_that_do_not_exist_are_named(system: HospitalSystem | Portal | Population) -> None:
    with pytest.raises(UnknownFault):
        system.set_fault("nothing.like.it", "on")
    for name in system.faults():
        with pytest.raises(UnknownFault):
            system.set_fault(name, "per haps")
    assert set(system.faults().values()) == {None}


def test_the_hospital_keeps_a_bounded_number_of_messages() -> None:
    his = HospitalSystem()
    for number in range(600):
        his._received(f"MSH|^~\\&|||||||ADT|K{number}|P|2.5\rPID|1".encode())
    assert len(his.messages()) == 500
    assert his.messages()[-1]["control_id"] == "K599"


@pytest.mark.parametrize("frame", [b"", b"\xff\x00", b"MSH", b"PID|1||~^^|\\X\\", b"MSH|^~\\&\rMSH|2\rPID"])
def test_the_hospitals_parser_takes_anything(frame: bytes) -> None:
    assert parse_message(frame)["name"] == ""
