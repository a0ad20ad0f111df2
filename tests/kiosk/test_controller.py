"""The controller between real sockets and a real database: what the page would show, and what is left behind."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec
import pytest

from config.settings import Settings, socket_path
from hisbridge.questions import CoverageQuestion, Verdict
from kiosk.clock import SystemClock
from kiosk.events import Cancelled, Confirmed, CounterTicketAsked, DigitsTyped, PathChosen, PayloadRefused
from kiosk.states import (
    AskKey,
    AskMrz,
    AskQr,
    Confirm,
    Devices,
    Failed,
    Finishing,
    NextPath,
    OutOfOrder,
    ReadingChip,
    Start,
    TicketShown,
)
from kiosk.store import Store, open_store
from reader.reading import Holder
from tests.kiosk.people import LAN, MINH, by_chip, by_lines, by_qr, covered, uninsured
from tests.kiosk.running import Kiosk, ready, running
from tests.kiosk.stubs import StubBridge, StubReader
from tests.kiosk.world import HandClock, rows, site
from tests.support.waiting import BUSY_SECONDS, wait_until
from wire.codec import from_json, to_json
from wire.database import DatabaseUnavailable
from wire.errors import RemoteError
from wire.stream import Event

ROOT = Path(__file__).parents[2]
DEADLINE_SECONDS = 0.4


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = site(tmp_path)
    return msgspec.structs.replace(
        made, kiosk=msgspec.structs.replace(made.kiosk, coverage_deadline_seconds=DEADLINE_SECONDS)
    )


@pytest.fixture
def reader(settings: Settings) -> Iterator[StubReader]:
    stub = StubReader()
    with stub.serving(socket_path(settings, "reader")):
        yield stub


@pytest.fixture
def bridge(settings: Settings) -> Iterator[StubBridge]:
    stub = StubBridge()
    with stub.serving(socket_path(settings, "bridge")):
        yield stub


@pytest.fixture
def kiosk(settings: Settings) -> Iterator[Kiosk]:
    with running(settings, SystemClock()) as started:
        yield started


def open_by_number(kiosk: Kiosk, reader: StubReader) -> str:
    """The presentation of a chip reading that the reader has accepted."""
    ready(kiosk)
    already = len(reader.opened)
    reader.place()
    kiosk.until(AskKey)
    kiosk.controller.dispatch(PathChosen(NextPath.CARD_NUMBER))
    kiosk.controller.dispatch(DigitsTyped("900017"))
    wait_until(lambda: len(reader.opened) > already, what="the reader is asked")
    assert reader.opened[-1]["can"] == "900017"
    return reader.opened[-1]["presentation"]


def test_from_the_card_to_a_ticket_that_is_in_the_database(
    settings: Settings, reader: StubReader, bridge: StubBridge, kiosk: Kiosk
) -> None:
    name = open_by_number(kiosk, reader)
    reader.tell("phase", presentation=name, phase=30, progress=45)
    kiosk.until(ReadingChip, lambda session: session.state == ReadingChip(30, 45))
    reader.tell("identity", presentation=name, reading=by_chip())
    kiosk.until(Confirm)
    reader.tell("reading", presentation=name, reading=by_chip())
    kiosk.until(Confirm, lambda session: session.state == Confirm(by_chip(), complete=True, coverage=covered()))
    kiosk.controller.dispatch(Confirmed())
    shown = kiosk.ticket()
    assert (shown.ticket.number, shown.coverage, shown.needs_counter) == ("A0001", covered(), False)
    assert rows(settings, "SELECT number, visit_id FROM tickets") == [("A0001", shown.ticket.visit_id)]
    assert rows(settings, "SELECT count(*) FROM deliveries") == [(2,)]
    wait_until(lambda: bridge.woken == 1, what="the bridge is woken")
    wait_until(lambda: rows(settings, "SELECT shown_at NOTNULL FROM tickets") == [(1,)], what="shown")
    (question,) = bridge.questions
    assert isinstance(question, CoverageQuestion)
    assert (question.personal_id, question.birth_date, question.sex) == (LAN, "2003-02-14", "female")
    assert bridge.deadlines == ["400"]


def test_a_qr_code_held_up_leads_to_a_ticket(reader: StubReader, bridge: StubBridge, kiosk: Kiosk) -> None:
    bridge.answer = uninsured()
    ready(kiosk)
    reader.tell("payload", reading=by_qr())
    kiosk.until(Confirm, lambda session: isinstance(session.state, Confirm) and session.state.coverage is not None)
    kiosk.controller.dispatch(Confirmed())
    shown = kiosk.ticket()
    assert shown.coverage == uninsured()
    assert shown.needs_counter


def test_the_reader_is_told_what_the_qr_code_said(reader: StubReader, bridge: StubBridge, kiosk: Kiosk) -> None:
    ready(kiosk)
    reader.place()
    kiosk.until(AskKey)
    reader.tell("payload", reading=by_qr())
    wait_until(lambda: len(reader.opened) == 1, what="the reader is asked")
    assert reader.opened[0]["can"] == "900017"
    assert from_json(to_json(reader.opened[0]["printed"]), Holder) == by_qr().holder


def test_the_reader_is_told_no_more_than_what_was_typed(reader: StubReader, bridge: StubBridge, kiosk: Kiosk) -> None:
    open_by_number(kiosk, reader)
    assert set(reader.opened[-1]) == {"presentation", "can"}


def test_a_card_taken_away_stops_the_reading(reader: StubReader, bridge: StubBridge, kiosk: Kiosk) -> None:
    name = open_by_number(kiosk, reader)
    reader.remove()
    kiosk.until(Start, lambda session: session.state == Start("reader.card_removed"))
    wait_until(lambda: reader.cancelled == [name], what="the reader is told to stop")


def test_without_a_reader_process_the_number_can_be_typed(settings: Settings, bridge: StubBridge, kiosk: Kiosk) -> None:
    kiosk.controller.dispatch(PathChosen(NextPath.PERSONAL_ID))
    kiosk.controller.dispatch(DigitsTyped(LAN))
    kiosk.until(Confirm)
    kiosk.controller.dispatch(Confirmed())
    shown = kiosk.ticket()
    assert shown.needs_counter
    ((record,),) = rows(settings, "SELECT record FROM visits")
    evidence = msgspec.json.decode(str(record))["evidence"]
    assert evidence["source"] == "typed"
    assert evidence["read_at"].endswith("Z")


# The reader misbehaves.


def test_a_reader_process_killed_in_a_reading_fails_it_and_is_found_again(
    settings: Settings, bridge: StubBridge, kiosk: Kiosk
) -> None:
    path = socket_path(settings, "reader")
    command = [sys.executable, "-m", "tests.kiosk.mute_reader", str(path)]

    @contextmanager
    def process() -> Iterator[subprocess.Popen[str]]:
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as started:
            try:
                assert started.stdout is not None
                assert started.stdout.readline() == "ready\n"
                yield started
            finally:
                started.kill()

    with process() as first:
        kiosk.until(AskKey)
        kiosk.controller.dispatch(PathChosen(NextPath.CARD_NUMBER))
        kiosk.controller.dispatch(DigitsTyped("900017"))
        kiosk.until(ReadingChip, lambda session: session.state == ReadingChip(20, 15))
        first.send_signal(signal.SIGKILL)
        session = kiosk.until(Failed, lambda session: not session.reader_ready)
        assert session.state == Failed("wire.unreachable", (NextPath.PERSONAL_ID, NextPath.STAFF))
    with process():
        assert kiosk.until(AskKey).reader_ready


def test_a_reader_still_busy_with_the_person_before_is_asked_again(
    reader: StubReader, bridge: StubBridge, kiosk: Kiosk
) -> None:
    reader.refusals = [RemoteError("reader.busy", True), RemoteError("reader.busy", True)]
    open_by_number(kiosk, reader)
    assert isinstance(kiosk.session.state, ReadingChip)


def test_a_reader_that_refuses_is_a_failure_with_paths(reader: StubReader, bridge: StubBridge, kiosk: Kiosk) -> None:
    reader.refusals = [RemoteError("reader.card_shared", True)]
    ready(kiosk)
    reader.place()
    kiosk.until(AskKey)
    kiosk.controller.dispatch(PathChosen(NextPath.CARD_NUMBER))
    kiosk.controller.dispatch(DigitsTyped("900017"))
    state = kiosk.until(Failed).state
    assert isinstance(state, Failed)
    assert (state.code, state.paths[0]) == ("reader.card_shared", NextPath.CARD_AGAIN)


def test_events_that_make_no_sense_are_passed_over(reader: StubReader, bridge: StubBridge, kiosk: Kiosk) -> None:
    ready(kiosk)
    reader.tell("never_heard_of", a=1)
    reader.topic.publish(Event(name="payload", data={"reading": {"holder": LAN}}))
    reader.topic.publish(Event(name="presence", data=["not", "a", "presence"]))
    reader.tell("identity", presentation="", reading=by_chip(MINH))
    reader.tell("payload", reading=by_qr())
    assert kiosk.until(Confirm).reader_ready


# The bridge misbehaves.


def typed_and_confirmed(kiosk: Kiosk) -> None:
    kiosk.controller.dispatch(PathChosen(NextPath.PERSONAL_ID))
    kiosk.controller.dispatch(DigitsTyped(LAN))
    kiosk.controller.dispatch(Confirmed())


def test_without_a_bridge_the_ticket_says_unverified_at_once(settings: Settings, kiosk: Kiosk) -> None:
    typed_and_confirmed(kiosk)
    coverage = kiosk.ticket().coverage
    assert coverage is not None
    assert (coverage.verdict, coverage.reason) == (Verdict.UNVERIFIED, "bridge.unreachable")
    assert rows(settings, "SELECT verdict FROM visits") == [("unverified",)]


def test_a_bridge_that_hangs_costs_no_more_than_the_deadline(bridge: StubBridge, kiosk: Kiosk) -> None:
    bridge.gate.clear()
    began = time.monotonic()
    typed_and_confirmed(kiosk)
    kiosk.until(Finishing)
    coverage = kiosk.ticket().coverage
    assert DEADLINE_SECONDS <= time.monotonic() - began < BUSY_SECONDS
    assert coverage is not None
    assert (coverage.verdict, coverage.reason) == (Verdict.UNVERIFIED, "checkin.deadline")


def test_the_answer_for_the_person_before_is_not_the_next_ones(bridge: StubBridge, kiosk: Kiosk) -> None:
    bridge.gate.clear()
    kiosk.controller.dispatch(PathChosen(NextPath.PERSONAL_ID))
    kiosk.controller.dispatch(DigitsTyped(LAN))
    wait_until(lambda: len(bridge.questions) == 1)
    kiosk.controller.dispatch(Cancelled())
    bridge.answer = uninsured()
    kiosk.controller.dispatch(PathChosen(NextPath.PERSONAL_ID))
    kiosk.controller.dispatch(DigitsTyped(MINH))
    wait_until(lambda: len(bridge.questions) == 2)
    bridge.gate.set()
    session = kiosk.until(Confirm, lambda now: isinstance(now.state, Confirm) and now.state.coverage is not None)
    assert isinstance(session.state, Confirm)
    assert session.state.coverage == uninsured()


def test_an_answer_that_is_not_shaped_like_one_is_none(bridge: StubBridge, kiosk: Kiosk) -> None:
    bridge.answer = msgspec.structs.replace(covered(), valid_from="garbage")
    typed_and_confirmed(kiosk)
    coverage = kiosk.ticket().coverage
    assert coverage is not None
    assert (coverage.verdict, coverage.reason) == (Verdict.UNVERIFIED, "wire.malformed")


# The store misbehaves.


class Faulty:
    """Opens the real store, or fails as a broken disk would."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.broken = threading.Event()
        self.stores: list[Store] = []

    def open(self) -> Store:
        if self.broken.is_set():
            raise DatabaseUnavailable(why="broken")
        self.stores.append(open_store(self.settings, SystemClock()))
        return self.stores[-1]


def test_a_store_that_fails_puts_the_kiosk_out_of_order_until_it_is_back(
    settings: Settings, bridge: StubBridge
) -> None:
    faulty = Faulty(settings)
    with running(settings, SystemClock(), faulty.open) as kiosk:
        connection = faulty.stores[0]._connection
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}")
        faulty.broken.set()
        for _ in range(50):
            typed_and_confirmed(kiosk)
            session = kiosk.until(TicketShown | OutOfOrder)
            if isinstance(session.state, OutOfOrder):
                break
            kiosk.controller.dispatch(Cancelled())  # the ticket
            kiosk.controller.dispatch(Cancelled())  # the goodbye
        assert session.state == OutOfOrder("database.unavailable")
        assert session.entry is None
        faulty.broken.clear()
        kiosk.until(Start)
        kiosk.controller.dispatch(CounterTicketAsked())
        assert kiosk.ticket().ticket.visit_id is None


def test_a_kiosk_started_without_its_database_waits_for_it(tmp_path: Path, bridge: StubBridge) -> None:
    faulty = Faulty(site(tmp_path))
    faulty.broken.set()
    with running(faulty.settings, SystemClock(), faulty.open) as kiosk:
        assert kiosk.until(OutOfOrder).state == OutOfOrder("database.unavailable")
        faulty.broken.clear()
        kiosk.until(Start)


def test_a_commit_under_way_is_finished_before_the_kiosk_ends(settings: Settings) -> None:
    with running(settings, SystemClock()) as kiosk:
        kiosk.controller.dispatch(CounterTicketAsked())
    assert rows(settings, "SELECT number FROM tickets") == [("A0001",)]


def test_a_ticket_nobody_has_seen_is_shown_after_a_restart(settings: Settings, reader: StubReader) -> None:
    reader.place()
    with ExitStack() as first:
        kiosk = first.enter_context(running(settings, SystemClock()))
        kiosk.controller.dispatch(CounterTicketAsked())
        wait_until(lambda: rows(settings, "SELECT count(*) FROM tickets") == [(1,)], what="committed")
    with running(settings, SystemClock()) as again:
        assert again.ticket().ticket.number == "A0001"
        session = again.until(TicketShown, lambda now: now.reader_ready)
        assert not session.card_waiting
        wait_until(lambda: rows(settings, "SELECT shown_at NOTNULL FROM tickets") == [(1,)], what="shown")
    with running(settings, SystemClock()) as later:
        assert not isinstance(later.session.state, TicketShown)


def test_a_ticket_that_was_only_peeked_at_counts_as_unseen(settings: Settings) -> None:
    with running(settings, SystemClock()) as kiosk:
        kiosk.controller.dispatch(CounterTicketAsked())
        wait_until(lambda: isinstance(kiosk.controller.peek()[1].state, TicketShown), what="a ticket")
    with running(settings, SystemClock()) as again:
        assert again.ticket().ticket.number == "A0001"


# Time and the page.


def test_a_session_left_alone_ends_by_itself(settings: Settings, bridge: StubBridge) -> None:
    clock = HandClock()
    with running(settings, clock) as kiosk:
        kiosk.controller.dispatch(PathChosen(NextPath.PERSONAL_ID))
        kiosk.controller.dispatch(DigitsTyped(LAN))
        kiosk.until(Confirm)
        clock.seconds += settings.kiosk.idle_seconds
        kiosk.until(Confirm, lambda session: session.warned)
        clock.seconds += settings.kiosk.warning_seconds
        assert kiosk.until(Start).entry is None


# Devices and the camera's look for printed lines.


def looking(kiosk: Kiosk, reader: StubReader) -> str:
    """The presentation in which the reader was told to look for the lines."""
    ready(kiosk)
    reader.sees(camera=True)
    kiosk.until(Start, lambda session: session.devices == Devices(camera=True))
    kiosk.controller.dispatch(PathChosen(NextPath.QR))
    reader.tell("payload_refused", code="payload.damaged")
    kiosk.until(AskQr, lambda session: isinstance(session.state, AskQr) and session.state.mrz)
    kiosk.controller.dispatch(PathChosen(NextPath.MRZ))
    session = kiosk.until(AskMrz)
    return session.presentation


def test_the_reader_is_told_to_look_for_the_lines_and_what_it_finds_is_shown(
    kiosk: Kiosk, reader: StubReader, bridge: StubBridge
) -> None:
    name = looking(kiosk, reader)
    wait_until(lambda: reader.looks == [name], what="the look")
    reader.tell("payload", reading=by_lines(), presentation=name)
    shown = kiosk.until(Confirm).state
    assert isinstance(shown, Confirm)
    assert (shown.reading, shown.complete) == (by_lines(), True)
    wait_until(lambda: reader.looks == [name, f"-{name}"], what="the look is over")


def test_lines_that_were_not_found_leave_the_other_ways(kiosk: Kiosk, reader: StubReader) -> None:
    name = looking(kiosk, reader)
    reader.tell("mrz_failed", presentation=name, code="mrz.not_found")
    state = kiosk.until(Failed).state
    assert isinstance(state, Failed)
    assert state.code == "mrz.not_found"


def test_a_reader_that_cannot_look_is_no_dead_end(kiosk: Kiosk, reader: StubReader) -> None:
    reader.refusals.append(RemoteError("camera.missing"))
    ready(kiosk)
    reader.sees(camera=True)
    kiosk.until(Start, lambda session: session.devices.camera)
    for event in (PathChosen(NextPath.QR), PayloadRefused("payload.damaged"), PathChosen(NextPath.MRZ)):
        kiosk.controller.dispatch(event)
    state = kiosk.until(Failed).state
    assert isinstance(state, Failed)
    assert state.code == "camera.missing"


def test_a_reader_that_goes_away_takes_its_eyes_with_it(settings: Settings) -> None:
    reader = StubReader()
    with reader.serving(socket_path(settings, "reader")), running(settings, SystemClock()) as kiosk:
        looking(kiosk, reader)
        reader.topic.close()
        state = kiosk.until(Failed).state
        assert isinstance(state, Failed)
        assert state.code == "camera.missing"
        assert kiosk.session.devices == Devices()


def test_whoever_waits_is_told_of_a_change_and_only_of_one(kiosk: Kiosk) -> None:
    kiosk.until(Start, lambda session: session.reader_problem is not None)
    version, session = kiosk.controller.snapshot()
    assert kiosk.controller.wait_for_change(version, 0.05) == (version, session)
    waiting = threading.Thread(target=lambda: kiosk.controller.dispatch(PathChosen(NextPath.PERSONAL_ID)))
    waiting.start()
    changed, moved = kiosk.controller.wait_for_change(version, 10)
    waiting.join()
    assert changed > version
    assert moved != session
    assert kiosk.controller.wait_for_change(version, 10)[0] == changed


def test_a_stopped_controller_lets_its_followers_go_and_does_nothing_more(settings: Settings) -> None:
    with running(settings, SystemClock()) as kiosk:
        version = kiosk.controller.snapshot()[0]
        released = threading.Event()

        def follow() -> None:
            kiosk.controller.wait_for_change(version, 60)
            released.set()

        threading.Thread(target=follow, daemon=True).start()
        kiosk.controller.stop()
        assert released.wait(5)
        session = kiosk.controller.snapshot()[1]  # that no reader is there may have been told meanwhile
        kiosk.controller.dispatch(CounterTicketAsked())
        assert kiosk.controller.snapshot()[1] == session
