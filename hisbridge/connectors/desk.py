"""The desk's machine: this kiosk's check-ins and numbers, posted to `/api/v1/arrivals` there.

The desk knows each by this kiosk's token and the visit's (or ticket's) own identity, and a visit's later records by
their revision: a resend, or two in the wrong order, change nothing there. Its answer tells nothing of a person. `Date`
is the moment of this sending by this machine's clock: from it the desk sees how long ago the person came, whatever
either clock says (docs/decisions/0016).
"""

import time
from collections.abc import Callable
from email.utils import formatdate

from config.destinations import DeskDestination
from hisbridge.arrivals import CounterNumber, Handed, NumberArrival, VisitArrival
from hisbridge.connectors.contract import Known, Outcome, Receipt, Sending
from hisbridge.connectors.http_caller import CONFLICT, HttpCaller, joined, later, outcome_of, secret
from hisbridge.errors import DestinationSetup, DestinationUnreachable
from hisbridge.http import Question
from wire.codec import Record, from_json, to_json
from wire.errors import MalformedMessage

PATH = "/api/v1/arrivals"
HEALTH = "/api/v1/health"
HELP = "/api/v1/help"


class HelpCalled(Record, frozen=True, kw_only=True):
    """What the desk says of a call for help."""

    call_id: int
    answered: bool


class DeskConnector:
    """The desk of the hall."""

    content_type = "application/json"
    stale_answers = 0

    def __init__(
        self, destination: DeskDestination, clock: Callable[[], float] = time.time, caller: HttpCaller | None = None
    ) -> None:
        self._destination = destination
        self._clock = clock
        self._caller = caller or HttpCaller(destination)

    def identify(self, record: Handed) -> Known:  # noqa: ARG002 - nobody is asked
        """Nobody is asked."""
        return Known()

    def render(self, record: Handed, known: Known) -> bytes | None:  # noqa: ARG002 - none is known
        """The record or the number, of every event."""
        if isinstance(record, CounterNumber):
            return to_json(NumberArrival(number=record))
        return to_json(VisitArrival(record=record))

    def send(self, message: bytes, sending: Sending) -> Receipt:
        """Post it. Raises the errors of HttpCaller.call."""
        answer = self._caller.call(self._question("POST", PATH, message, {"idempotency-key": sending.key}))
        outcome = Outcome.REJECTED if answer.status == CONFLICT else outcome_of(answer.status)
        return Receipt(outcome, f"http_{answer.status}", retry_after_seconds=later(answer))

    def call_for_help(self, screen: str) -> HelpCalled:
        """Tell the desk that somebody pressed help on this screen; the same call again while it is open.

        Raises the errors of HttpCaller.call, DestinationUnreachable (the desk refused).
        """
        return self._help(self._question("POST", HELP, to_json({"screen": screen})))

    def help_call(self, call_id: int) -> HelpCalled:
        """A call as it stands now. Raises as `call_for_help`."""
        return self._help(self._question("GET", f"{HELP}/{call_id}", b""))

    def _help(self, question: Question) -> HelpCalled:
        answer = self._caller.call(question)
        if outcome_of(answer.status) is not Outcome.ACKNOWLEDGED:
            raise DestinationUnreachable(why=f"http_{answer.status}")
        try:
            return from_json(answer.body, HelpCalled)
        except MalformedMessage:
            raise DestinationUnreachable(why="garbled") from None

    def probe(self) -> None:
        """Ask the desk for its health with this kiosk's token. Raises DestinationUnreachable, DestinationSetup."""
        status = self._caller.call(self._question("GET", HEALTH, b"")).status
        if status in (401, 403):
            raise DestinationSetup(key="token_file", why=f"http_{status}")
        if 300 <= status < 500:
            raise DestinationSetup(key="base_url", why=f"http_{status}")
        if status >= 500:
            raise DestinationUnreachable(why=f"http_{status}")

    def close(self) -> None:
        """Drop the connections."""
        self._caller.close()

    def _question(self, method: str, path: str, body: bytes, headers: dict[str, str] | None = None) -> Question:
        token = secret(self._destination.token_file, "token_file").decode("ascii", "replace").strip()
        if not token.isascii() or not token.isprintable() or " " in token:
            raise DestinationSetup(key="token_file", why="not_a_token")
        return Question(
            url=joined(self._destination.base_url, path),
            body=body,
            content_type=self.content_type,
            query={},
            method=method,
            headers={
                "authorization": f"Bearer {token}",
                "date": formatdate(self._clock(), usegmt=True),
                **(headers or {}),
            },
            repeatable=False,
        )
