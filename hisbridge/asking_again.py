"""Asks the open questions again, one at a time: a source that has just come back is met by one caller, not by all.

An attempt is counted on disk before it is made; its outcome is on disk before the next one begins. Killed between the
two, the process asks again. Must not import reader, kiosk or ui.
"""

import logging
import threading
from collections.abc import Callable
from datetime import date, timedelta

from hisbridge import pending
from hisbridge.lookups.contract import InsuranceLookup
from hisbridge.lookups.openness import is_answer
from hisbridge.pacing import Backoff
from hisbridge.pending import Claimed
from hisbridge.questions import Coverage, CoverageQuestion
from hisbridge.site_time import SiteTime
from wire import sqlite
from wire.codec import from_json
from wire.database import DatabaseUnavailable, require_in_place
from wire.errors import MalformedMessage, TiepDonError

log = logging.getLogger(__name__)

MOST_ATTEMPTS = 200  # at pauses of up to half an hour more than a day has room for; ends a question nobody can answer

KEEP_DAYS = 2

Settle = Callable[[sqlite.Connection], object]


class AskingAgain:
    """The worker. `step` makes one attempt; `run` makes them until stopped. One per database.

    `backoff` gives the pauses (lookups.ask_again_seconds to ask_again_most_seconds). Answers are removed `keep_days`
    after the day of their visit (lookups.keep_late_days). `each_round` is called about
    once a second, also while there is nothing to ask: what must be tidied up when a day is over.
    """

    def __init__(
        self,
        lookup: InsuranceLookup,
        open_connection: Callable[[], sqlite.Connection],
        backoff: Backoff,
        time: SiteTime,
        most_attempts: int = MOST_ATTEMPTS,
        keep_days: int = KEEP_DAYS,
        each_round: Callable[[], None] = lambda: None,
    ) -> None:
        self._lookup = lookup
        self._open_connection = open_connection
        self._backoff = backoff
        self._time = time
        self._most_attempts = most_attempts
        self._keep_days = keep_days
        self._each_round = each_round
        self._connection: sqlite.Connection | None = None
        self._unsettled: Settle | None = None  # an outcome that is known but not yet on disk
        self._failures = 0  # attempts in a row that got no answer
        self._woken = threading.Event()
        self._stopping = threading.Event()

    def run(self, poll_seconds: float) -> None:
        """Ask until `stop`; survives every error of database, question and source."""
        while not self._stopping.is_set():
            self._woken.clear()
            self._pause(self._step_safely(poll_seconds), poll_seconds)
        self._drop_connection()

    def wake(self) -> None:
        """A question was noted, or somebody else got an answer: a good moment to see whether the source is back."""
        self._woken.set()

    def stop(self) -> None:
        """End `run` after the attempt that is under way; a pause ends at once."""
        self._stopping.set()
        self._woken.set()

    def step(self) -> float | None:
        """Make one attempt. Returns seconds to pause before the next one, None when nothing is to be asked now.

        Raises sqlite.Error or DatabaseUnavailable; then nothing is lost, and the next call goes on from there.
        """
        if self._connection is None:
            self._connection = self._open_connection()
        connection = self._connection
        require_in_place(connection)
        self._settle(connection)
        if count := pending.give_up_past(connection, self._time.today()):
            log.warning("%d insurance questions stay unanswered: their day is over", count)
        pending.purge(connection, self._oldest_kept())
        claimed = self._claimed(connection)
        if claimed is None:
            return None
        pause = self._attempted(claimed)
        self._settle(connection)
        return pause

    def _oldest_kept(self) -> str:
        return (date.fromisoformat(self._time.today()) - timedelta(days=self._keep_days)).isoformat()

    def _claimed(self, connection: sqlite.Connection) -> Claimed | None:
        now = self._time.now()
        visit_id = pending.due(connection, now, self._backoff.longest_seconds)
        if visit_id is None:
            return None
        return pending.begin_attempt(connection, visit_id, now + timedelta(seconds=self._backoff.first_seconds))

    def _attempted(self, claimed: Claimed) -> float:
        """Ask once and decide what that means; the outcome waits in `_unsettled`."""
        visit_id = claimed.visit_id
        if claimed.attempts > self._most_attempts:  # the last one was begun and never ended
            self._unsettled = lambda db: pending.give_up(db, visit_id)
            return 0.0
        try:
            question = from_json(claimed.question, CoverageQuestion)
        except MalformedMessage as error:
            log.error("an open question cannot be read (%s)", error.code)  # where and why could still be personal
            self._unsettled = lambda db: pending.give_up(db, visit_id, MalformedMessage.code)
            return 0.0
        try:
            told = self._lookup.ask(question)
        except Exception as error:
            # A fault of the look-up itself: the thread must live, and the text may be personal.
            log.error("an open question failed with %s", type(error).__name__)
            return self._left_open(claimed, TiepDonError.code, its_own=True)
        if not is_answer(told):
            # Without a code of the insurer's, nobody answered anybody: no question is to blame, so all are due as soon
            # as one gets through. With one, it is this question's trouble.
            return self._left_open(claimed, told.reason, its_own=told.result_code is not None)
        return self._answered(visit_id, told)

    def _answered(self, visit_id: str, told: Coverage) -> float:
        when = self._time.now()
        self._unsettled = lambda db: pending.answer(db, visit_id, told, when)
        if self._failures:
            log.info("insurance questions are answered again")
        self._failures = 0
        return 0.0

    def _left_open(self, claimed: Claimed, reason: str | None, its_own: bool) -> float:
        self._failures += 1
        if self._failures == 1:
            log.warning("insurance questions stay open (%s)", reason)  # once, not once per attempt
        visit_id = claimed.visit_id
        if claimed.attempts >= self._most_attempts:
            self._unsettled = lambda db: pending.give_up(db, visit_id, reason)
        else:
            own = timedelta(seconds=self._backoff.pause(claimed.attempts))
            next_attempt = self._time.now() + own if its_own else None
            self._unsettled = lambda db: pending.defer(db, visit_id, reason, next_attempt)
        return self._backoff.pause(self._failures)

    def _step_safely(self, poll_seconds: float) -> float | None:
        try:
            return self.step()
        except (sqlite.Error, TiepDonError) as error:
            log.error("open questions: %s (%s)", DatabaseUnavailable.code, type(error).__name__)
            self._drop_connection()  # it may be what is broken
            return poll_seconds

    def _pause(self, seconds: float | None, poll_seconds: float) -> None:
        """Wait until it is time, somebody wakes us or it is over; the tidying goes on meanwhile."""
        until = self._time.monotonic() + (poll_seconds if seconds is None else seconds)
        while True:
            try:
                self._each_round()
            except Exception as error:
                log.error("tidying up failed with %s", type(error).__name__)
            remaining = until - self._time.monotonic()
            if remaining <= 0 or self._woken.wait(min(remaining, poll_seconds)):
                return

    def _settle(self, connection: sqlite.Connection) -> None:
        """Write the outcome of the last attempt; kept until the database takes it."""
        if self._unsettled is not None:
            self._unsettled(connection)
            self._unsettled = None

    def _drop_connection(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None
