"""The counter's own questions, to the insurance (past the day's answers) and to the register: always answered.

Must not import Flask, a device library or a connector.
"""

from config.settings import Settings
from hisbridge.questions import Act, Citizen, CitizenQuestion, Coverage, CoverageQuestion, Register, Verdict
from kiosk.clock import Clock, at_site, moment
from wire.client import Client
from wire.errors import ServiceTimeout, ServiceUnreachable, TiepDonError

ANSWER_MARGIN_SECONDS = 1.0  # the bridge keeps the deadline; this is for a bridge that does not


class Asking:
    """The line to the bridge. May be used from several threads."""

    def __init__(self, bridge: Client, settings: Settings, clock: Clock) -> None:
        source = settings.his_proxy if settings.his_proxy.enabled else settings.portal
        self.seconds = min(source.timeout_seconds, 60.0)
        self._bridge = bridge
        self._site = settings.site
        self._clock = clock

    def ask(self, question: CoverageQuestion) -> Coverage:
        """The insurer's answer within `seconds`; where there is none, one that says why. Never raises."""
        path = f"/v1/coverage/fresh?deadline_ms={int(self.seconds * 1000)}"
        try:
            return self._bridge.post(path, question, Coverage, timeout=self.seconds + ANSWER_MARGIN_SECONDS)
        except (ServiceUnreachable, ServiceTimeout):
            reason = "bridge.unreachable"
        except TiepDonError as error:
            reason = error.code
        asked_at = moment(at_site(self._clock.now(), self._site.utc_offset_minutes))
        return Coverage(
            verdict=Verdict.UNVERIFIED, reason=reason, act=Act.WAIT, asked_at=asked_at, asked_by=self._site.kiosk_id
        )

    def citizen(self, question: CitizenQuestion) -> Citizen:
        """What the population register holds, within `seconds`; where it says nothing, why. Never raises."""
        path = f"/v1/citizen?deadline_ms={int(self.seconds * 1000)}"
        try:
            return self._bridge.post(path, question, Citizen, timeout=self.seconds + ANSWER_MARGIN_SECONDS)
        except (ServiceUnreachable, ServiceTimeout):
            return Citizen(verdict=Register.UNVERIFIED, reason="bridge.unreachable")
        except TiepDonError as error:
            return Citizen(verdict=Register.UNVERIFIED, reason=error.code)
