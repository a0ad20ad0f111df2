"""What reaches a waiting ticket from outside: an insurance answer that leaves reception nothing to do."""

from contextlib import closing
from pathlib import Path

import pytest

from config.front import RECEPTION
from config.settings import Settings, database_path
from hisbridge.pending import LateAnswer
from hisbridge.questions import Coverage
from kiosk import changes
from kiosk.clock import at_site
from kiosk.queue.errors import NothingToUndo
from kiosk.queue.model import Priority
from tests.kiosk.people import covered, uninsured
from tests.kiosk.queue.hall import COUNTERS, Hall, hospital, opened
from wire.database import open_database, transaction


def answers(settings: Settings, hall: Hall, visit_id: str, coverage: Coverage, seq: int = 1) -> None:
    """The bridge learnt more, and the store takes it over."""
    now = at_site(hall.clock.now(), 420)
    with closing(open_database(database_path(settings))) as connection, transaction(connection):
        changes.take_late(connection, LateAnswer(visit_id, coverage, "2026-11-21T01:00:00Z", seq), (), now)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return hospital(tmp_path)


def test_who_waits_at_reception_goes_on_to_the_service_as_early_as_they_came(settings: Settings) -> None:
    with opened(settings) as hall:
        early = hall.check_in("KB", coverage=uninsured()).ticket
        hall.later(minutes=2)
        later = hall.arrive("KB")
        answers(settings, hall, str(early.visit_id), covered())
        assert (hall.waiting("1"), hall.waiting("2")) == ([], [early.ticket_id, later])
        assert hall.row(early.ticket_id)["needs_counter"] == 0
        ((kind,),) = hall.rows("SELECT kind FROM moves")
        assert kind == "onward"


def test_an_answer_that_still_needs_the_staff_moves_nobody(settings: Settings) -> None:
    with opened(settings) as hall:
        ticket = hall.check_in("KB", coverage=uninsured()).ticket
        answers(settings, hall, str(ticket.visit_id), Coverage(verdict=uninsured().verdict, result_code="110"))
        assert hall.waiting("1") == [ticket.ticket_id]
        assert hall.rows("SELECT * FROM moves") == []


def test_whom_reception_has_called_it_finishes_itself(settings: Settings) -> None:
    with opened(settings) as hall:
        ticket = hall.check_in("KB", coverage=uninsured()).ticket
        assert hall.next("1") == ticket.ticket_id
        answers(settings, hall, str(ticket.visit_id), covered())
        current = hall.sees("1").current
        assert current is not None
        assert current.ticket_id == ticket.ticket_id
        hall.do("finish", ticket.ticket_id, counter="1")
        assert hall.waiting("2") == [ticket.ticket_id]


def test_whom_staff_sent_back_to_reception_no_answer_sends_on(settings: Settings) -> None:
    with opened(settings) as hall:
        ticket = hall.check_in("KB", coverage=uninsured()).ticket
        hall.do("transfer", ticket.ticket_id, "KB", counter="1")
        hall.do("transfer", ticket.ticket_id, RECEPTION)
        answers(settings, hall, str(ticket.visit_id), covered())
        assert hall.waiting("1") == [ticket.ticket_id]


def test_where_nobody_calls_the_service_reception_keeps_them(tmp_path: Path) -> None:
    settings = hospital(tmp_path, counters=COUNTERS[:1])
    with opened(settings) as hall:
        ticket = hall.check_in("KB", coverage=uninsured()).ticket
        answers(settings, hall, str(ticket.visit_id), covered())
        assert hall.waiting("1") == [ticket.ticket_id]


def test_an_undo_does_not_send_anybody_back_to_reception(settings: Settings) -> None:
    with opened(settings) as hall:
        ticket = hall.check_in("KB", coverage=uninsured()).ticket
        hall.do("prioritise", ticket.ticket_id, Priority.AGED, True, "", counter="1")
        answers(settings, hall, str(ticket.visit_id), covered())
        with pytest.raises(NothingToUndo):
            hall.undo("1")
        assert hall.waiting("2") == [ticket.ticket_id]
