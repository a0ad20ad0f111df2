"""What the check-in asks the bridge: is this person covered, and that there is something to hand over.

Must not import Flask, a device library or a connector.
"""

import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

from config.settings import Settings
from hisbridge.questions import Act, Coverage, Verdict
from kiosk.clock import Clock, at_site, moment
from kiosk.events import AskCoverage
from kiosk.handover import coverage_question
from kiosk.lanes import submit
from wire.client import Client
from wire.errors import ServiceTimeout, ServiceUnreachable, TiepDonError

log = logging.getLogger(__name__)

ANSWER_MARGIN_SECONDS = 0.5  # the bridge keeps the deadline; this is for a bridge that does not
WAKE_CALL_SECONDS = 1.0
AT_ONCE = 4  # a question that hangs must not hold up the next person's


class BridgeLine:
    """A few threads of questions."""

    def __init__(self, settings: Settings, clock: Clock, bridge: Client) -> None:
        self._settings = settings
        self._clock = clock
        self._bridge = bridge
        self.questions = ThreadPoolExecutor(AT_ONCE, "insurance")

    def coverage(self, effect: AskCoverage) -> Coverage:
        """The insurance's answer, in any case: where there is none it says why."""
        deadline = self._settings.kiosk.coverage_deadline_seconds
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

    def wake(self) -> None:
        """There is something to hand over. Best effort: the bridge looks at the outbox by itself too."""
        submit(self.questions, self._wake)

    def stop(self) -> None:
        """Let go of what has not begun."""
        self.questions.shutdown(wait=False, cancel_futures=True)

    def _wake(self) -> None:
        try:
            self._bridge.post("/v1/wake", {}, Any, timeout=WAKE_CALL_SECONDS)
        except TiepDonError as error:
            log.debug("wake: %s", error.code)

    def _local_now(self) -> datetime:
        return at_site(self._clock.now(), self._settings.site.utc_offset_minutes)
