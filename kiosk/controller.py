"""The check-in at work: events in, effects out, each new session to whoever shows it.

The machine decides (`checkin.step`, under one lock, in order); threads do: one for the chip, one for the camera's look
for printed lines, one for the store, a few for the insurance, one that follows the reader, one that minds the time. No
thread waits on the outside while it holds the lock. Must not import Flask, a device library or a connector.
"""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, assert_never

from config.settings import Settings
from hisbridge.questions import Act, Coverage, Verdict
from kiosk.checkin import step
from kiosk.clock import Clock, at_site, moment
from kiosk.events import (
    AskCoverage,
    CallStaff,
    Commit,
    CommitFailed,
    Committed,
    CoverageAnswered,
    CoverageCameLate,
    DevicesChanged,
    DigitsTyped,
    Effect,
    Event,
    HospitalAnswered,
    LookForLines,
    MrzFailed,
    OpenChip,
    PresenceChanged,
    ReadingFailed,
    StopChip,
    StopLooking,
    StoreLost,
    StoreRecovered,
    TellAgain,
    Tick,
)
from kiosk.handover import coverage_question
from kiosk.policy import policy_of
from kiosk.reader_feed import follow
from kiosk.states import AwaitAnswer, Devices, OutOfOrder, Session, TicketShown
from kiosk.store import Issued, Store, random_id
from kiosk.timing import wake_at
from wire.client import Client
from wire.errors import ServiceTimeout, ServiceUnreachable, TiepDonError

log = logging.getLogger(__name__)

ANSWER_MARGIN_SECONDS = 0.5  # the bridge keeps the deadline; this is for a bridge that does not
LONGEST_SLEEP_SECONDS = 1.0
SHORTEST_SLEEP_SECONDS = 0.01
PROBE_SECONDS = 3.0
LATE_SECONDS = 2.0  # how soon what comes after the ticket reaches its visit and the screen
WAITED_FOR_SECONDS = 0.2  # the same, while somebody waits for it
BUSY_PAUSE_SECONDS = 0.2  # a chip reading that was stopped ends with the command under way
BUSY_ATTEMPTS = 15
SHOW_AGAIN_WITHIN = timedelta(minutes=2)
CHIP_CALL_SECONDS = 5.0
WAKE_CALL_SECONDS = 1.0


class Controller:
    """Runs the machine against real devices, store and bridge. Every public method may be called from any thread."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        open_store: Callable[[], Store],
        reader: Client,
        bridge: Client,
        new_id: Callable[[], str] = random_id,
        probe_seconds: float = PROBE_SECONDS,
    ) -> None:
        self._settings = settings
        self._policy = policy_of(settings)
        self._clock = clock
        self._open_store = open_store
        self._reader = reader
        self._bridge = bridge
        self._new_id = new_id
        self._probe_seconds = probe_seconds
        self._store: Store | None = None
        self._session = Session(language=self._policy.language, run=new_id()[:16])
        self._version = 0
        self._changed = threading.Condition()
        self._stopped = threading.Event()
        self._shown: set[str] = set()
        self._chip = ThreadPoolExecutor(1, "chip")
        self._lines = ThreadPoolExecutor(1, "lines")
        self._commits = ThreadPoolExecutor(1, "store")
        self._questions = ThreadPoolExecutor(4, "insurance")
        self._threads = [
            threading.Thread(target=self._mind_the_time, name="time", daemon=True),
            threading.Thread(target=self._follow_the_reader, name="reader-feed", daemon=True),
            threading.Thread(target=self._mind_late_answers, name="late-answers", daemon=True),
        ]

    def start(self) -> None:
        """Open the store, take up a ticket nobody has seen yet, and begin to follow reader and time."""
        try:
            self._store = self._open_store()
            self._take_up(self._store.last_unshown(SHOW_AGAIN_WITHIN))
        except TiepDonError as error:
            log.error("store: %s", error)
            self.dispatch(StoreLost(error.code))
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End the threads. A commit under way is finished first."""
        self._stopped.set()
        with self._changed:
            self._changed.notify_all()
        self._commits.shutdown()
        for lane in (self._chip, self._lines, self._questions):
            lane.shutdown(wait=False, cancel_futures=True)
        if self._threads[0].ident is not None:
            self._threads[0].join()
        self._drop_store()

    def peek(self) -> tuple[int, Session]:
        """The session now, with its version, for those who do not show it: a ticket in it counts as not yet seen."""
        with self._changed:
            return self._version, self._session

    def snapshot(self) -> tuple[int, Session]:
        """The session now, with its version, to be shown: a ticket in it counts as seen."""
        with self._changed:
            self._note_shown()
            return self._version, self._session

    def wait_for_change(self, version: int, timeout: float) -> tuple[int, Session]:
        """As `snapshot`, as soon as it is no longer `version`, or as it is after `timeout` seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self._version != version or self._stopped.is_set(), timeout)
            self._note_shown()
            return self._version, self._session

    def dispatch(self, event: Event) -> None:
        """Let something happen: step the machine, publish what changed, set the effects going."""
        if isinstance(event, DigitsTyped) and not event.reading_id:
            event = replace(event, reading_id=self._new_id(), read_at=self._utc_moment())
        with self._changed:
            if self._stopped.is_set():
                return
            session, effects = step(self._session, event, self._clock.monotonic(), self._policy)
            self._publish(session)
            for effect in effects:
                self._carry_out(effect)

    def _publish(self, session: Session) -> None:
        if session == self._session:
            return
        self._session = session
        self._version += 1
        self._changed.notify_all()

    def _take_up(self, issued: Issued | None) -> None:
        """The kiosk went down between commit and screen; the person still stands there."""
        if issued is None:
            return
        state = TicketShown(issued.ticket, issued.coverage, issued.needs_counter)
        if issued.told is not None:
            state = replace(state, told=issued.told.answer, told_by=issued.told.destination)
        with self._changed:
            # A card the reader now reports is that person's, not the next one's.
            self._publish(replace(self._session, state=state, card_present=True, entered=self._clock.monotonic()))

    def _note_shown(self) -> None:
        """Whoever asked for the session shows it: the ticket in it has been seen. Called with the lock held."""
        state = self._session.state
        if not isinstance(state, TicketShown) or state.ticket.ticket_id in self._shown or self._stopped.is_set():
            return
        self._shown = {state.ticket.ticket_id}
        _submit(self._commits, self._mark_shown, state.ticket.ticket_id)

    # Effects, each on its own lane.

    def _carry_out(self, effect: Effect) -> None:
        match effect:
            case OpenChip():
                _submit(self._chip, self._open_chip, effect)
            case StopChip(presentation):
                _submit(self._chip, self._tell_reader, "/v1/chip/cancel", {"presentation": presentation})
            case LookForLines(presentation):
                _submit(self._lines, self._look_for_lines, presentation)
            case StopLooking(presentation):
                _submit(self._lines, self._tell_reader, "/v1/mrz/stop", {"presentation": presentation})
            case TellAgain():
                _submit(self._lines, self._tell_reader, "/v1/codes/again", {})
            case AskCoverage():
                _submit(self._questions, self._ask_coverage, effect)
            case Commit():
                _submit(self._commits, self._commit, effect)
            case CallStaff():
                log.info("staff called")
            case _:
                assert_never(effect)

    def _open_chip(self, effect: OpenChip) -> None:
        body: dict[str, Any] = {"presentation": effect.presentation, "can": effect.can}
        if effect.printed is not None:
            body["printed"] = effect.printed
        code: str | None = "reader.busy"
        for _ in range(BUSY_ATTEMPTS):
            if self._session.presentation != effect.presentation or self._stopped.is_set():
                return
            code = self._tell_reader("/v1/chip/open", body)
            if code != "reader.busy":
                break
            self._stopped.wait(BUSY_PAUSE_SECONDS)
        if code is not None:
            self.dispatch(ReadingFailed(effect.presentation, code))

    def _look_for_lines(self, presentation: str) -> None:
        code = self._tell_reader("/v1/mrz/look", {"presentation": presentation})
        if code is not None:
            self.dispatch(MrzFailed(presentation, code))

    def _tell_reader(self, path: str, body: dict[str, Any]) -> str | None:
        """Post to the reader; the code of what went wrong, None when all is well."""
        try:
            self._reader.post(path, body, dict[str, Any], timeout=CHIP_CALL_SECONDS)
        except TiepDonError as error:
            return error.code
        return None

    def _ask_coverage(self, effect: AskCoverage) -> None:
        coverage = self._coverage(effect)
        self.dispatch(CoverageAnswered(effect.presentation, coverage, effect.name))

    def _coverage(self, effect: AskCoverage) -> Coverage:
        deadline = self._policy.coverage_deadline_seconds
        try:
            question = coverage_question(effect.reading, self._local_now().date())
            path = f"/v1/coverage?deadline_ms={int(deadline * 1000)}"
            return self._bridge.post(path, question, Coverage, timeout=deadline + ANSWER_MARGIN_SECONDS)
        except (ServiceUnreachable, ServiceTimeout):
            reason = "bridge.unreachable"
        except TiepDonError as error:
            reason = error.code
        except Exception as error:
            # Neither message nor values: they may be personal.
            log.error("insurance: %s", type(error).__name__)
            reason = TiepDonError.code
        return Coverage(verdict=Verdict.UNVERIFIED, reason=reason, act=Act.WAIT, asked_at=moment(self._local_now()))

    def _commit(self, effect: Commit) -> None:
        """The machine waits for the answer without a limit, so there is always one."""
        try:
            issued = self._issue(effect)
        except TiepDonError as error:
            log.error("commit: %s", error)
            self.dispatch(CommitFailed(effect.presentation, error.code))
            return
        except Exception as error:
            # Neither message nor values: they may be personal.
            log.error("commit: %s", type(error).__name__)
            self.dispatch(CommitFailed(effect.presentation, TiepDonError.code))
            return
        self.dispatch(Committed(effect.presentation, issued.ticket, issued.needs_counter))
        if issued.ticket.visit_id is not None and not self._stopped.is_set():
            _submit(self._questions, self._wake_bridge)

    def _issue(self, effect: Commit) -> Issued:
        store = self._store = self._store or self._open_store()
        if effect.reading is None:
            return store.counter_ticket(effect.presentation, effect.reason)
        return store.check_in(effect.presentation, effect.reading, effect.coverage)

    def _wake_bridge(self) -> None:
        """Best effort: the bridge looks at the outbox by itself too."""
        try:
            self._bridge.post("/v1/wake", {}, Any, timeout=WAKE_CALL_SECONDS)
        except TiepDonError as error:
            log.debug("wake: %s", error.code)

    def _mark_shown(self, ticket_id: str) -> None:
        try:
            if self._store is not None:
                self._store.mark_shown(ticket_id)
        except TiepDonError as error:
            log.warning("mark shown: %s", error)

    # Threads.

    def _mind_the_time(self) -> None:
        while not self._stopped.is_set():
            self.dispatch(Tick())
            if isinstance(self._session.state, OutOfOrder):
                self._probe_store()
            else:
                self._sleep()

    def _sleep(self) -> None:
        """Until the next limit or the next change, whichever comes first."""
        with self._changed:
            version, due = self._version, wake_at(self._session, self._policy)
            sleep = LONGEST_SLEEP_SECONDS
            if due is not None:
                sleep = min(sleep, max(due - self._clock.monotonic(), SHORTEST_SLEEP_SECONDS))
            self._changed.wait_for(lambda: self._version != version or self._stopped.is_set(), sleep)

    def _probe_store(self) -> None:
        self._stopped.wait(self._probe_seconds)
        if self._stopped.is_set():
            return
        try:
            store = self._store = self._store or self._open_store()
            store.probe()
        except TiepDonError as error:
            log.debug("store: %s", error)
            self._drop_store()
            return
        self.dispatch(StoreRecovered())

    def _mind_late_answers(self) -> None:
        """What insurance and hospital answer after a ticket, the bridge leaves in the database."""
        while self._next_look():
            try:
                # On the store's own lane: a ticket is told of before an answer that came after it.
                self._commits.submit(self._take_late_answers).result()
            except (RuntimeError, CancelledError):
                return  # the lane ended: the process does
            except Exception as error:
                # Neither message nor values: they may be personal. The next round asks again.
                log.error("late answers: %s", type(error).__name__)

    def _next_look(self) -> bool:
        """Wait until it is time; False: the process ends."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopped.is_set() or self._is_waited_for(), LATE_SECONDS)
        return not self._stopped.wait(WAITED_FOR_SECONDS if self._is_waited_for() else 0.0)

    def _is_waited_for(self) -> bool:
        return isinstance(self._session.state, AwaitAnswer)

    def _take_late_answers(self) -> None:
        store = self._store
        if store is None:
            return
        try:
            late = store.take_late_answers()
            told = store.take_hospital_answers()
        except TiepDonError as error:
            log.warning("late answers: %s", error.code)
            return
        for answer in late:
            self.dispatch(CoverageCameLate(answer.visit_id, answer.coverage, answer.needs_counter))
        for one in told:
            self.dispatch(HospitalAnswered(one.visit_id, one.answer, one.destination))
        if late:
            _submit(self._questions, self._wake_bridge)  # their records go out again

    def _drop_store(self) -> None:
        """A connection that failed is not trusted again; the next probe opens another."""
        store, self._store = self._store, None
        if store is not None:
            store.close()

    def _follow_the_reader(self) -> None:
        follow(self._reader, self.dispatch, self._reader_lost, self._stopped)

    def _reader_lost(self) -> None:
        """The reader process is gone, and with it whatever it was reading."""
        self.dispatch(DevicesChanged(Devices()))
        self.dispatch(PresenceChanged(reader_ready=False, card_present=False, problem=ServiceUnreachable.code))

    def _utc_moment(self) -> str:
        return moment(self._clock.now().astimezone(UTC)).replace("+00:00", "Z")

    def _local_now(self) -> datetime:
        return at_site(self._clock.now(), self._settings.site.utc_offset_minutes)


def _submit(lane: ThreadPoolExecutor, work: Callable[..., object], *arguments: object) -> None:
    lane.submit(work, *arguments).add_done_callback(_note_failure)


def _note_failure(done: Future[object]) -> None:
    """A fault of ours on a lane: the machine's limits cover for it, the log names it, without values."""
    if not done.cancelled() and (error := done.exception()) is not None:
        log.error("unforeseen: %s", type(error).__name__)
