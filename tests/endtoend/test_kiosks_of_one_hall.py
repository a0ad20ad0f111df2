"""Two kiosks, one hall: what another machine's kiosk hands over stands in the desk's queue, exactly once."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from werkzeug.serving import make_server

from hisbridge.arrivals import VisitArrival
from hisbridge.connectors.desk import DeskConnector
from hisbridge.delivery import Courier
from hisbridge.errors import DestinationSetup, NoAnswer
from hisbridge.help_relay import HelpRelay
from hisbridge.http import Answer, Question
from hisbridge.records import Event, PatientRecord
from kiosk.arrivals import Arrivals, Outcome, open_arrivals
from kiosk.help_elsewhere import calls_of
from kiosk.machines import Scope
from kiosk.queue.model import Act, Priority
from kiosk.states import Choice, CounterReason
from kiosk.store import Store
from tests.hisbridge.making import record
from tests.kiosk.people import by_chip, covered, uninsured
from tests.kiosk.world import MORNING, HandClock, rows, store_of
from tests.support.waiting import wait_until
from tests.ui.api_site import ApiSite, api_site
from tests.ui.second_kiosk import courier_of, kiosk_settings
from wire.client import Client
from wire.codec import from_json, to_json
from wire.server import serving

ROOT = Path(__file__).parents[2]
AT = "2026-11-21T07:45:00+07:00"
OWED = "SELECT count(*) FROM deliveries WHERE state NOT IN ('acknowledged')"


class Hall:
    """The desk, a kiosk on another machine, and the line between them."""

    def __init__(self, desk: ApiSite, folder: Path, port: int) -> None:
        self.desk = desk
        self.address = f"http://127.0.0.1:{port}"
        folder.mkdir()
        self.token_file = folder / "token"
        self.token_file.write_text(desk.bearer(Scope.KIOSK, name="kiosk-2") + "\n")
        self.token_file.chmod(0o600)
        self.folder = folder
        self.settings = kiosk_settings(folder, self.address, self.token_file)

    def carry(self, courier: Courier | None = None) -> Courier:
        """Hand over what is owed."""
        carrier = courier or courier_of(self.settings)
        wait_until(
            lambda: carrier.step() is None and rows(self.settings, OWED) == [(0,)], what="everything handed over"
        )
        return carrier

    def tickets(self) -> list[tuple[object, ...]]:
        return rows(
            self.desk.settings,
            "SELECT number, queue, standing, priority, confirmed, needs_counter, reason FROM tickets ORDER BY rowid",
        )


@pytest.fixture
def hall(tmp_path: Path) -> Iterator[Hall]:
    (tmp_path / "desk").mkdir()
    with api_site(tmp_path / "desk") as desk:
        server = make_server("127.0.0.1", 0, desk.app, threaded=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield Hall(desk, tmp_path / "kiosk", server.server_port)
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


@contextmanager
def kiosk_of(hall: Hall) -> Iterator[Store]:
    with store_of(hall.settings, HandClock()) as store:
        yield store


def test_a_check_in_and_a_bare_number_stand_in_the_desks_queue(hall: Hall) -> None:
    with kiosk_of(hall) as kiosk:
        issued = kiosk.check_in("one", by_chip(), covered(), Choice(priority=Priority.PREGNANT))
        assert issued.wait is None, "this kiosk does not know who is ahead"
        kiosk.counter_ticket("two", CounterReason.NEWBORN, Choice(service_code="XN"))
    hall.carry()
    assert hall.tickets() == [
        ("B0001", "KB", "waiting", "pregnant", 0, 0, None),
        ("BX0001", "RECEPTION", "waiting", "", 0, 1, "newborn"),
    ]
    ((told,),) = rows(hall.desk.settings, "SELECT record FROM visits")
    there = from_json(str(told), PatientRecord)
    assert there.patient.full_name == by_chip().holder.full_name
    assert there.site.kiosk_id == "kiosk-2"
    # The desk hands on to its own receivers, under its own name of the visit.
    assert rows(hall.desk.settings, "SELECT DISTINCT record_id FROM deliveries") == [(there.visit.visit_id,)]
    with hall.desk.queue.acting() as acts:
        called = acts.call_next(Act("first", "1", "mai"))
    assert called is not None
    assert called.number == "B0001", "who goes first goes first here too"


def test_numbers_of_both_kiosks_stand_side_by_side(hall: Hall) -> None:
    hall.desk.person("here")
    with kiosk_of(hall) as kiosk:
        kiosk.check_in("there", by_chip(), covered())
    hall.carry()
    hall.desk.person("here again")
    assert [row[0] for row in hall.tickets()] == ["A0001", "B0001", "A0002"]


def test_an_answer_that_was_lost_makes_no_second_ticket(hall: Hall) -> None:
    with kiosk_of(hall) as kiosk:
        kiosk.check_in("one", by_chip(), covered())
        kiosk.counter_ticket("two")
    connector = DeskConnector(hall.settings.destinations[0], MORNING.timestamp)  # type: ignore[arg-type]
    heard = connector._caller.call
    lost = iter([True, True, False, True])

    def call(question: Question) -> Answer:
        answer = heard(question)
        if next(lost, False):
            raise NoAnswer(why="timeout")
        return answer

    courier = courier_of(hall.settings)
    courier._connector = connector
    connector._caller.call = call  # type: ignore[method-assign]
    hall.carry(courier)
    assert len(hall.tickets()) == 2


def test_killed_again_and_again_while_it_hands_over_nothing_is_lost_and_nothing_twice(hall: Hall) -> None:
    with kiosk_of(hall) as kiosk:
        for number in range(40):
            kiosk.counter_ticket(f"number {number}")
            kiosk.check_in(f"person {number}", by_chip(f"{number:012}"), covered())
    for reached in (5, 20, 45):
        command = [sys.executable, "-m", "tests.ui.second_kiosk", str(hall.folder), hall.address, str(hall.token_file)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
            wait_until(lambda least=reached: len(hall.tickets()) >= least)  # type: ignore[misc]
            process.kill()
    hall.carry()
    numbers = [row[0] for row in hall.tickets()]
    issued = [row[0] for row in rows(hall.settings, "SELECT number FROM tickets")]
    assert sorted(map(str, numbers)) == sorted(map(str, issued))
    assert rows(hall.desk.settings, "PRAGMA foreign_key_check") == []


def test_a_later_answer_and_taking_back_follow(hall: Hall) -> None:
    with kiosk_of(hall) as kiosk:
        issued = kiosk.check_in("one", by_chip(), uninsured())
        courier = hall.carry()
        assert hall.tickets()[0][5] == 1
        assert issued.ticket.visit_id is not None
        assert kiosk.cancel(issued.ticket.visit_id, "Mai", "by mistake")
        hall.carry(courier)
    assert [row[2] for row in hall.tickets()] == ["cancelled"]
    ((told,),) = rows(hall.desk.settings, "SELECT record FROM visits")
    assert from_json(str(told), PatientRecord).event is Event.CANCELLED


def test_a_desk_that_does_not_know_the_token_stops_the_line_and_loses_nothing(hall: Hall) -> None:
    with kiosk_of(hall) as kiosk:
        kiosk.counter_ticket("one")
    known = hall.token_file.read_text()
    hall.token_file.write_text("tdm_nobody")
    courier = courier_of(hall.settings)
    courier.step()
    assert courier._standing.stopped
    with pytest.raises(DestinationSetup):
        DeskConnector(hall.settings.destinations[0]).probe()  # type: ignore[arg-type]
    hall.token_file.write_text(known)
    DeskConnector(hall.settings.destinations[0]).probe()  # type: ignore[arg-type]
    courier.resume()
    hall.carry(courier)
    assert len(hall.tickets()) == 1


def test_the_answer_tells_nothing_of_anybody(hall: Hall) -> None:
    synthetic = hall.desk.settings.site.synthetic
    body = to_json(VisitArrival(record=record("v" * 32, synthetic=synthetic)))
    program = hall.desk.program(Scope.KIOSK, name="another")
    assert program.post("/arrivals", body).get_json() == {"outcome": "taken"}
    assert program.post("/arrivals", body).get_json() == {"outcome": "known"}


def test_help_pressed_at_the_kiosk_is_called_at_the_desk_and_its_answer_comes_back(hall: Hall) -> None:
    socket = hall.folder / "bridge.sock"
    with serving(socket, HelpRelay(hall.settings).routes()):
        calls = calls_of(hall.settings, HandClock(), Client(socket))
        called = calls.ask("kiosk-2", "start")
        assert calls.one(called.call_id).answered_at is None
        (waiting,) = hall.desk.api.help.open()
        assert (waiting.kiosk_id, waiting.screen) == ("kiosk-2", "start")
        hall.desk.api.help.answer(waiting.call_id, "mai")
        assert calls.one(called.call_id).answered_at is not None


# The taking itself, in every order.


@pytest.fixture
def taking(tmp_path: Path) -> Iterator[tuple[ApiSite, Arrivals]]:
    with api_site(tmp_path) as desk, closing(open_arrivals(desk.settings, desk.clock)) as arrivals:
        yield desk, arrivals


def visit(desk: ApiSite, revision: int = 0, event: Event = Event.ARRIVED, **changed: object) -> VisitArrival:
    told = record("visit-1", synthetic=desk.settings.site.synthetic)
    arrived = msgspec.structs.replace(told.visit, arrived_at=AT, ticket_number="B0007", service_code="KB")
    return VisitArrival(
        record=msgspec.structs.replace(
            told, visit=arrived, revision=revision, event=event, coverage=covered(), **changed
        )
    )


def test_a_later_record_that_comes_first_holds(taking: tuple[ApiSite, Arrivals]) -> None:
    desk, arrivals = taking
    later = visit(desk, 2, Event.UPDATED)
    assert arrivals.take(later, "kiosk-2") is Outcome.TAKEN
    assert arrivals.take(visit(desk), "kiosk-2") is Outcome.KNOWN
    assert arrivals.take(visit(desk, 1, Event.CANCELLED), "kiosk-2") is Outcome.KNOWN
    assert arrivals.take(visit(desk, 3, Event.CANCELLED), "kiosk-2") is Outcome.CANCELLED
    assert arrivals.take(visit(desk, 4, Event.UPDATED), "kiosk-2") is Outcome.KNOWN
    assert rows(desk.settings, "SELECT standing FROM tickets") == [("cancelled",)]


def test_taken_back_before_it_came_it_is_called_by_nobody(taking: tuple[ApiSite, Arrivals]) -> None:
    desk, arrivals = taking
    assert arrivals.take(visit(desk, 1, Event.CANCELLED), "kiosk-2") is Outcome.CANCELLED
    assert arrivals.take(visit(desk, 0), "kiosk-2") is Outcome.KNOWN
    assert rows(desk.settings, "SELECT standing FROM tickets") == [("cancelled",)]


def test_what_staff_corrected_at_the_desk_stands(taking: tuple[ApiSite, Arrivals]) -> None:
    desk, arrivals = taking
    arrivals.take(visit(desk), "kiosk-2")
    ((visit_id,),) = rows(desk.settings, "SELECT id FROM visits")
    with desk.queue.connection.using(writes=True) as connection:
        connection.execute(
            "INSERT INTO corrections (visit_id, at, field, reason, after) VALUES (?, ?, 'coverage', 'portal', '{}')",
            (visit_id, AT),
        )
    later = visit(desk, 1, Event.UPDATED)
    told = msgspec.structs.replace(later.record, coverage=uninsured())
    assert arrivals.take(VisitArrival(record=told), "kiosk-2") is Outcome.UPDATED
    ((kept,),) = rows(desk.settings, "SELECT record FROM visits")
    assert from_json(str(kept), PatientRecord).coverage == covered()


def test_another_kiosks_token_reaches_no_visit_of_this_one(taking: tuple[ApiSite, Arrivals]) -> None:
    desk, arrivals = taking
    arrivals.take(visit(desk), "kiosk-2")
    assert arrivals.take(visit(desk, 1, Event.CANCELLED), "kiosk-3") is Outcome.CANCELLED
    assert rows(desk.settings, "SELECT standing FROM tickets ORDER BY rowid") == [("waiting",), ("cancelled",)]


@pytest.mark.parametrize(
    ("issued_at", "sent_at", "minutes_ago"),
    [
        (AT, None, 0),
        ("2026-11-21T07:30:00+07:00", None, 15),
        # A clock that was never set: seconds pass there as here.
        ("2020-01-01T08:00:00+07:00", datetime(2020, 1, 1, 1, 10, tzinfo=UTC), 10),
        ("2031-01-01T08:00:00+07:00", datetime(2031, 1, 1, 1, 5, tzinfo=UTC), 5),
        # One that says the ticket comes from the future.
        ("2031-01-01T08:00:00+07:00", None, 0),
        ("9999-99-99T99:99:99Z", None, 0),
    ],
)
def test_whoever_waits_stands_in_todays_queue_whatever_the_kiosks_clock_says(
    taking: tuple[ApiSite, Arrivals], issued_at: str, sent_at: datetime | None, minutes_ago: int
) -> None:
    desk, arrivals = taking
    told = visit(desk).record
    told = msgspec.structs.replace(told, visit=msgspec.structs.replace(told.visit, arrived_at=issued_at))
    arrivals.take(VisitArrival(record=told), "kiosk-2", sent_at)
    now = int(desk.clock.now().timestamp())
    assert rows(desk.settings, "SELECT day, issued_seconds FROM tickets") == [("2026-11-21", now - 60 * minutes_ago)]


def test_a_number_given_twice_drops_nobody_and_is_told(
    taking: tuple[ApiSite, Arrivals], caplog: pytest.LogCaptureFixture
) -> None:
    desk, arrivals = taking
    arrivals.take(visit(desk), "kiosk-2")
    assert not caplog.records
    assert arrivals.take(visit(desk), "kiosk-3") is Outcome.TAKEN
    assert rows(desk.settings, "SELECT number, standing FROM tickets") == [("B0007", "waiting")] * 2
    assert "ticket_prefix" in caplog.text


def test_a_day_that_is_over_does_not_come_back(taking: tuple[ApiSite, Arrivals]) -> None:
    desk, arrivals = taking
    told = visit(desk).record
    old = msgspec.structs.replace(told.visit, arrived_at="2026-11-18T07:30:00+07:00")
    arrivals.take(VisitArrival(record=msgspec.structs.replace(told, visit=old)), "kiosk-2")
    assert rows(desk.settings, "SELECT day FROM tickets") == [("2026-11-18",)]
    assert desk.queue.day() == "2026-11-21"


def test_sandbox_data_and_real_data_share_no_hall(hall: Hall) -> None:
    program = hall.desk.program(Scope.KIOSK, name="another")
    told = to_json(VisitArrival(record=record("v" * 32, synthetic=not hall.desk.settings.site.synthetic)))
    answer = program.post("/arrivals", told)
    assert (answer.status_code, answer.get_json(force=True)["code"]) == (409, "arrival.not_ours")
    assert hall.tickets() == []
