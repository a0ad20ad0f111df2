"""What the check-in counts of itself: each way in, each way out, how long it took; and when the kiosk is ready."""

from dataclasses import replace

import pytest

from kiosk.events import (
    Cancelled,
    CommitFailed,
    Committed,
    Confirmed,
    DigitsTyped,
    Event,
    NextPath,
    PathChosen,
    PrintEnded,
    ReadingFailed,
)
from kiosk.states import OutOfOrder, Session, Start
from kiosk.watching import (
    CHECKIN_SECONDS,
    CHECKINS,
    COMMIT_SECONDS,
    PRINTED,
    SCREEN_ERRORS,
    SCREENS,
    Watching,
    health_of_kiosk,
    screen_name,
)
from tests.kiosk.machine import TICKET, Kiosk, reading_by_number
from tests.kiosk.people import by_chip
from wire.health import Status
from wire.meter import Figures, Meter


class Watched(Kiosk):
    """The machine with its watcher, as the controller has them."""

    def __init__(self) -> None:
        self.meter = Meter()
        self.watching = Watching(self.meter)
        super().__init__()

    def tell(self, *events: Event) -> tuple[object, ...]:  # type: ignore[override]
        asked: tuple[object, ...] = ()
        for event in events:
            was = self.session
            asked = super().tell(event)
            self.watching(was, event, self.session, self.now)
        return asked

    def figures(self) -> Figures:
        return self.meter.figures()

    def counted(self, name: str) -> dict[tuple[str, ...], float]:
        """What happened at all."""
        return {one.labels: one.value for one in self.figures().counts if one.name == name and one.value}

    def seconds(self, name: str) -> dict[tuple[str, ...], float]:
        return {one.labels: one.total for one in self.figures().spreads if one.name == name}


@pytest.fixture
def kiosk() -> Watched:
    return Watched()


def typed(kiosk: Watched) -> None:
    kiosk.tell(PathChosen(NextPath.PERSONAL_ID))
    kiosk.tell(DigitsTyped("001303900017", reading_id="r", read_at="2026-11-21T00:45:00Z"))
    kiosk.now += 3
    kiosk.tell(Confirmed())


def until_commit(kiosk: Watched) -> None:
    typed(kiosk)
    for _ in range(3):  # whatever the machine still waits for ends by its own limits
        kiosk.wait(5)


def test_a_check_in_is_counted_by_its_way_and_how_it_ended(kiosk: Watched) -> None:
    until_commit(kiosk)
    kiosk.now += 0.02
    kiosk.tell(Committed(kiosk.name, TICKET, needs_counter=True))
    assert kiosk.counted(CHECKINS) == {("typed", "counter"): 1.0}
    assert 3 < kiosk.seconds(CHECKIN_SECONDS)[("typed",)] < 60
    assert kiosk.seconds(COMMIT_SECONDS)[()] > 0.019
    shown = {labels[0] for labels in kiosk.counted(SCREENS)}
    assert {"keypad", "confirm", "finishing", "ticket_shown"} <= shown


def test_who_goes_away_is_counted_as_having_left(kiosk: Watched) -> None:
    kiosk.tell(PathChosen(NextPath.PERSONAL_ID), Cancelled())
    assert isinstance(kiosk.state, Start)
    assert kiosk.counted(CHECKINS) == {("none", "left"): 1.0}
    assert kiosk.seconds(CHECKIN_SECONDS) == {}


def test_a_ticket_that_could_not_be_written_is_counted_as_failed(kiosk: Watched) -> None:
    until_commit(kiosk)
    kiosk.tell(CommitFailed(kiosk.name, "database.unavailable"))
    assert kiosk.counted(CHECKINS) == {("typed", "failed"): 1.0}
    assert kiosk.counted(SCREEN_ERRORS)[("database.unavailable",)] == 1.0


def test_failures_are_told_from_the_start_so_that_the_first_ones_are_an_increase(kiosk: Watched) -> None:
    told = {one.labels: one.value for one in kiosk.figures().counts if one.name == CHECKINS}
    assert {("chip", "failed"), ("qr", "failed"), ("typed", "failed"), ("none", "failed")} <= told.keys()
    assert set(told.values()) == {0.0}


def test_what_a_screen_tells_as_wrong_is_counted_once_by_its_code(kiosk: Watched) -> None:
    reading_by_number(kiosk)
    kiosk.tell(ReadingFailed(kiosk.name, "reader.card_removed"))
    kiosk.wait(0.1)
    assert kiosk.counted(SCREEN_ERRORS)[("reader.card_removed",)] == 1.0


def test_tickets_on_paper_are_counted_by_what_became_of_them(kiosk: Watched) -> None:
    kiosk.tell(PrintEnded("t"), PrintEnded("t", "printer.no_paper"))
    assert kiosk.counted(PRINTED) == {("printed",): 1.0, ("printer.no_paper",): 1.0}


def test_no_name_and_no_number_stands_in_any_figure(kiosk: Watched) -> None:
    until_commit(kiosk)
    kiosk.tell(Committed(kiosk.name, TICKET, needs_counter=False))
    text = str(kiosk.figures())
    assert "001303900017" not in text
    assert TICKET.number not in text
    assert by_chip().holder.full_name not in text


def test_a_kiosk_is_ready_while_it_can_give_tickets_and_tells_what_else_is_missing() -> None:
    well = Session(reader_ready=True)
    assert health_of_kiosk(well, None, None, None).status is Status.READY
    without = health_of_kiosk(Session(reader_problem="reader.no_reader"), None, "wire.unreachable", "screen.silent")
    assert (without.status, without.http_status) == (Status.DEGRADED, 200)
    assert without.parts["reader"] == "reader.no_reader"
    assert (without.parts["bridge"], without.parts["screen"]) == ("wire.unreachable", "screen.silent")
    for broken in (
        health_of_kiosk(well, "database.unavailable", None, None),
        health_of_kiosk(replace(well, store_problem="database.unavailable"), None, None, None),
        health_of_kiosk(replace(well, state=OutOfOrder("reader.no_reader", "card_reader")), None, None, None),
    ):
        assert (broken.status, broken.http_status) == (Status.UNREADY, 503)


def test_a_screen_has_the_name_of_its_state() -> None:
    assert screen_name(OutOfOrder("x")) == "out_of_order"
