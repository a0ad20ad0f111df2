"""Help that is pressed reaches the counters' pages, and their answer the touchscreen, on a thread of its own.

Must not import Flask, a device library or a connector.
"""

import logging
from collections.abc import Callable

from kiosk.events import Event, HelpAnswered, HelpCalled
from kiosk.help_calls import NoSuchHelpCall
from kiosk.help_elsewhere import Calls
from kiosk.lanes import Lane
from wire.errors import TiepDonError

log = logging.getLogger(__name__)

POLL_SECONDS = 1.0  # how soon whoever waits sees that somebody is coming


class HelpLane:
    """`waiting`: the call whose answer is waited for (`Session.help_call`); None: no one's."""

    def __init__(
        self,
        calls: Calls,
        kiosk_id: str,
        dispatch: Callable[[Event], None],
        waiting: Callable[[], int | None],
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self._calls = calls
        self._kiosk_id = kiosk_id
        self._dispatch = dispatch
        self._waiting = waiting
        self._poll_seconds = poll_seconds
        self._lane: Lane[str] = Lane("help", self._ask, self._look)
        self.start, self.put, self.stop = self._lane.start, self._lane.put, self._lane.stop

    def _ask(self, screen: str) -> None:
        """`screen`: the name of the one it was pressed on."""
        try:
            call_id: int | None = self._calls.ask(self._kiosk_id, screen).call_id
        except TiepDonError as error:
            log.warning("help: %s", error.code)
            call_id = None
        self._dispatch(HelpCalled(call_id))

    def _look(self) -> float | None:
        call_id = self._waiting()
        if call_id is None:
            return None
        try:
            if self._calls.one(call_id).answered_at is not None:
                self._dispatch(HelpAnswered(call_id))
                return None
        except NoSuchHelpCall:
            self._dispatch(HelpCalled(None))
        except TiepDonError as error:
            log.debug("help: %s", error.code)
        return self._poll_seconds
