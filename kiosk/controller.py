"""The check-in at work: events in, effects out, each new session to whoever shows it.

The machine decides (`checkin.step`, under one lock, in order); threads do: one for the chip, one for the camera's look
for printed lines, one for the store, one for the printer, one for help, a few for the insurance, one that follows the
reader, one that minds the time. No thread waits on the outside while it holds the lock. Must not import Flask, a device
library or a connector.
"""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, assert_never

from config.settings import Settings
from kiosk.bridge_line import BridgeLine
from kiosk.checkin import step
from kiosk.clock import Clock, moment
from kiosk.device_line import DeviceLine
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
    OpenChip,
    PresenceChanged,
    PrintTicket,
    StopChip,
    StopLooking,
    StoreLost,
    StoreRecovered,
    TellAgain,
    Tick,
)
from kiosk.help_elsewhere import calls_of
from kiosk.help_lane import HelpLane
from kiosk.lanes import submit
from kiosk.outage import Outage
from kiosk.policy import policy_of
from kiosk.reader_feed import follow
from kiosk.reprints import Reprints, open_reprints
from kiosk.states import AwaitAnswer, Devices, OutOfOrder, Paper, Session, Start, TicketShown
from kiosk.store import Issued, Store, random_id
from kiosk.timing import wake_at
from kiosk.watching import Observe, ignore
from wire.client import Client
from wire.errors import ServiceUnreachable, TiepDonError

if TYPE_CHECKING:
    from kiosk.paper_lane import PaperLane, TicketPrinter

log = logging.getLogger(__name__)

LONGEST_SLEEP_SECONDS = 1.0
SHORTEST_SLEEP_SECONDS = 0.01
PROBE_SECONDS = 3.0
LATE_SECONDS = 2.0  # how soon what comes after the ticket reaches its visit and the screen
WAITED_FOR_SECONDS = 0.2  # the same, while somebody waits for it
SHOW_AGAIN_WITHIN = timedelta(minutes=2)


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
        printer: "TicketPrinter | None" = None,
        observe: Observe = ignore,
    ) -> None:
        """`printer`: the ticket printer; None where the site has none. `observe` counts each step of the machine."""
        self._observe = observe
        self._policy = replace(policy_of(settings), printer=printer is not None)
        self._clock = clock
        self._open_store = open_store
        self._reader = reader
        self._new_id = new_id
        self._probe_seconds = probe_seconds
        self._store: Store | None = None
        self._session = Session(language=self._policy.language, run=new_id()[:16], started=clock.monotonic())
        self._version = 0
        self._changed = threading.Condition()
        self._stopped = threading.Event()
        self._shown: set[str] = set()
        self._outage = Outage(Path(settings.paths.state))
        self._devices = DeviceLine(reader, self.dispatch, lambda: self._session.presentation, self._stopped)
        self._bridge = BridgeLine(settings, clock, bridge)
        self._commits = ThreadPoolExecutor(1, "store")
        self._upkeep = ThreadPoolExecutor(1, "upkeep")
        self._calls = calls_of(settings, clock, bridge)
        self._help = HelpLane(self._calls, settings.site.kiosk_id, self.dispatch, lambda: self._session.help_call)
        self._reprints: Reprints = open_reprints(settings, clock)
        self._paper: PaperLane | None = None if printer is None else self._paper_lane(settings, printer)
        self._threads = [
            threading.Thread(target=self._mind_the_time, name="time", daemon=True),
            threading.Thread(target=self._mind_late_answers, name="late-answers", daemon=True),
        ]
        if settings.kiosk.touchscreen:
            self._threads.append(threading.Thread(target=self._follow_the_reader, name="reader-feed", daemon=True))

    def start(self) -> None:
        """Open the store, take up an outage that is not over and a ticket nobody has seen yet, and begin to follow
        reader and time."""
        self._take_up_outage(self._outage.kept())
        try:
            self._store = self._open_store()
            self._take_up(self._store.last_unshown(SHOW_AGAIN_WITHIN))
        except TiepDonError as error:
            log.error("store: %s", error)
            self.dispatch(StoreLost(error.code))
        self._help.start()
        if self._paper is not None:
            self._paper.start()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End the threads. A commit under way is finished first."""
        self._stopped.set()
        with self._changed:
            self._changed.notify_all()
        self._commits.shutdown()
        self._upkeep.shutdown()
        self._devices.stop()
        self._bridge.stop()
        self._help.stop()
        if self._paper is not None:
            self._paper.stop()
        if self._threads[0].ident is not None:
            self._threads[0].join()
        self._drop_store()
        self._calls.close()
        self._reprints.close()

    def peek(self) -> tuple[int, Session]:
        """The session now, with its version, for those who do not show it: a ticket in it counts as not yet seen."""
        with self._changed:
            return self._version, self._session

    def snapshot(self) -> tuple[int, Session]:
        """The session now, with its version, to be shown: a ticket in it counts as seen."""
        with self._changed:
            self._note_shown()
            return self._version, self._session

    def wait_for_change(
        self, version: int, timeout: float, over: Callable[[], bool] = lambda: False
    ) -> tuple[int, Session]:
        """As `snapshot`, as soon as it is no longer `version`, or as it is after `timeout` seconds, or when whoever
        waits is `over`; that is asked on `wake`."""
        with self._changed:
            self._changed.wait_for(lambda: self._version != version or self._stopped.is_set() or over(), timeout)
            if not over():
                self._note_shown()
            return self._version, self._session

    def wake(self) -> None:
        """Let those who wait ask whether they are over."""
        with self._changed:
            self._changed.notify_all()

    def dispatch(self, event: Event) -> None:
        """Let something happen: step the machine, publish what changed, set the effects going."""
        if isinstance(event, DigitsTyped) and not event.reading_id:
            event = replace(event, reading_id=self._new_id(), read_at=self._utc_moment())
        with self._changed:
            if self._stopped.is_set():
                return
            was, moment_now = self._session, self._clock.monotonic()
            session, effects = step(was, event, moment_now, self._policy)
            self._observe(was, event, session, moment_now)
            self._publish(session)
            for effect in effects:
                self._carry_out(effect)

    def _publish(self, session: Session) -> None:
        if session == self._session:
            return
        was, now = _outage_of(self._session), _outage_of(session)
        self._session = session
        self._version += 1
        self._changed.notify_all()
        if was != now:
            submit(self._upkeep, self._outage.keep, now)

    def _take_up_outage(self, kept: OutOfOrder | None) -> None:
        """Out of order it went down, and it stays so until a look shows that all is well."""
        if kept is not None:
            store_problem = kept.code if kept.device is None else None
            with self._changed:
                self._publish(replace(self._session, state=kept, store_problem=store_problem))

    def _take_up(self, issued: Issued | None) -> None:
        """The kiosk went down between commit and screen; the person still stands there."""
        if issued is None:
            return
        state = TicketShown(issued.ticket, issued.coverage, issued.needs_counter, wait=issued.wait)
        if issued.told is not None:
            state = replace(state, told=issued.told.answer, told_by=issued.told.destination)
        on_paper = self._reprints.paper_of(issued.ticket.ticket_id)
        prints = self._paper is not None and not on_paper.begun
        paper = Paper.PRINTED if on_paper.printed_at is not None else Paper.PRINTING if prints else Paper.NONE
        state = replace(state, paper=paper, paper_problem=on_paper.code)
        with self._changed:
            # A card the reader now reports is that person's, not the next one's.
            self._publish(replace(self._session, state=state, card_present=True, entered=self._clock.monotonic()))
            if prints:
                language = self._session.language
                self._carry_out(PrintTicket(state.ticket, language, state.wait, state.needs_counter))

    def _note_shown(self) -> None:
        """Whoever asked for the session shows it: the ticket in it has been seen. Called with the lock held."""
        state = self._session.state
        if not isinstance(state, TicketShown) or state.ticket.ticket_id in self._shown or self._stopped.is_set():
            return
        self._shown = {state.ticket.ticket_id}
        submit(self._commits, self._mark_shown, state.ticket.ticket_id)

    # Effects, each on its own lane.

    def _carry_out(self, effect: Effect) -> None:
        match effect:
            case OpenChip() | StopChip() | LookForLines() | StopLooking() | TellAgain():
                self._devices.carry_out(effect)
            case AskCoverage():
                submit(self._bridge.questions, self._ask_coverage, effect)
            case Commit():
                submit(self._commits, self._commit, effect)
            case PrintTicket():
                if self._paper is not None:
                    self._paper.put(effect)
            case CallStaff(screen):
                self._help.put(screen)
            case _:
                assert_never(effect)

    def _ask_coverage(self, effect: AskCoverage) -> None:
        self.dispatch(CoverageAnswered(effect.presentation, self._bridge.coverage(effect), effect.name))

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
        self.dispatch(Committed(effect.presentation, issued.ticket, issued.needs_counter, issued.wait))
        if issued.ticket.visit_id is not None and not self._stopped.is_set():
            self._bridge.wake()

    def _issue(self, effect: Commit) -> Issued:
        store = self._store = self._store or self._open_store()
        if effect.reading is None:
            return store.counter_ticket(effect.presentation, effect.reason, effect.choice)
        return store.check_in(effect.presentation, effect.reading, effect.coverage, effect.choice)

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
            if self._session.store_problem is not None:
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
            self.dispatch(StoreLost(error.code))
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
            self._bridge.wake()  # their records go out again

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

    def _paper_lane(self, settings: Settings, printer: "TicketPrinter") -> "PaperLane":
        from kiosk.paper_lane import PaperLane  # what draws tickets: a kiosk without a printer does not load it

        return PaperLane(settings, self._clock, printer, self._reprints, self.dispatch, self._is_idle)

    def _is_idle(self) -> bool:
        return isinstance(self._session.state, Start | OutOfOrder)


def _outage_of(session: Session) -> OutOfOrder | None:
    return session.state if isinstance(session.state, OutOfOrder) else None
