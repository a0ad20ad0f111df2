"""The controller waits for the hospital's answer while somebody stands there, and wakes the bridge when a record has
changed."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from config.settings import Settings, database_path, socket_path
from hisbridge import outbox, pending
from hisbridge.outbox import Ended, State, claim
from hisbridge.questions import Act, Coverage, Verdict
from hisbridge.records import HospitalAnswer
from kiosk.clock import SystemClock
from kiosk.events import Confirmed, PayloadRead
from kiosk.states import AwaitAnswer, Confirm, Finishing, TicketShown
from tests.kiosk.people import by_qr, covered
from tests.kiosk.running import Kiosk, ready, running
from tests.kiosk.stubs import StubBridge, StubReader
from tests.kiosk.world import MORNING, site
from tests.support.waiting import BUSY_SECONDS, LONG_SECONDS, wait_until
from wire.database import open_database

ROOM = HospitalAnswer(queue_number="45", room="12")
WAIT_SECONDS = LONG_SECONDS


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = site(tmp_path)
    kiosk = msgspec.structs.replace(made.kiosk, answer_wait_seconds=WAIT_SECONDS)
    return msgspec.structs.replace(made, kiosk=kiosk)


@pytest.fixture
def bridge(settings: Settings) -> Iterator[StubBridge]:
    reader, stub = StubReader(), StubBridge()
    with reader.serving(socket_path(settings, "reader")), stub.serving(socket_path(settings, "bridge")):
        yield stub


@pytest.fixture
def kiosk(settings: Settings, bridge: StubBridge) -> Iterator[Kiosk]:
    assert bridge.woken == 0
    with running(settings, SystemClock()) as started:
        yield started


def visit_of(kiosk: Kiosk) -> str:
    """Somebody checks in with the card's code; the visit."""
    ready(kiosk)
    kiosk.controller.dispatch(PayloadRead(by_qr()))
    kiosk.until(Confirm)
    kiosk.controller.dispatch(Confirmed())
    state = kiosk.until(AwaitAnswer | TicketShown).state
    assert isinstance(state, AwaitAnswer | TicketShown)
    assert state.ticket.visit_id is not None
    return state.ticket.visit_id


def tells(settings: Settings, visit: str) -> None:
    with closing(open_database(database_path(settings))) as connection:
        (taken,) = [one for one in claim(connection, "his", MORNING, 50, 300.0) if one.record_id == visit]
        outbox.settle(connection, [Ended(taken.delivery_id, State.ACKNOWLEDGED, MORNING, answer=ROOM)])


def test_the_answer_is_on_the_ticket_as_soon_as_it_is_there(settings: Settings, kiosk: Kiosk) -> None:
    visit = visit_of(kiosk)
    before = kiosk.session
    assert isinstance(before.state, AwaitAnswer)
    tells(settings, visit)
    shown = kiosk.until(TicketShown)
    assert isinstance(shown.state, TicketShown)
    assert (shown.state.told, shown.state.told_by) == (ROOM, "his")
    assert shown.entered - before.entered < BUSY_SECONDS < WAIT_SECONDS


def test_a_kiosk_that_stops_while_somebody_waits_ends_at_once(settings: Settings, bridge: StubBridge) -> None:
    with running(settings, SystemClock()) as kiosk:
        visit_of(kiosk)
    with running(settings, SystemClock()) as again:
        assert again.ticket().ticket.visit_id is not None  # nobody had seen it yet
    assert bridge.questions


def test_the_bridge_is_woken_when_a_late_insurance_answer_has_changed_a_record(
    settings: Settings, bridge: StubBridge, kiosk: Kiosk
) -> None:
    bridge.answer = Coverage(verdict=Verdict.UNVERIFIED, reason="portal.timeout", act=Act.WAIT)
    visit = visit_of(kiosk)
    wait_until(lambda: bridge.woken == 1, what="the check-in woke it")
    with closing(open_database(database_path(settings))) as connection:
        assert pending.answer(connection, visit, covered(), MORNING) is not None
    wait_until(lambda: bridge.woken == 2, what="the change woke it")
    assert not isinstance(kiosk.session.state, Finishing)
