"""Around a Post: another try for what failed on the way, and none at all to a system that is known to be down.

Whoever asks through it need not know. A call counts once in the system's history, by how it ended, however many tries
it took. A person's own answer is never trouble: only time-outs, broken lines, HTTP 5xx or 429 and garbled answers are.
A SOAP fault is an answer too, though it comes with HTTP 500 (SOAP 1.1, 6.2): another try would get the same.
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from config.settings import LookupSettings
from hisbridge.connectivity import Breaker, Outcome, Rules
from hisbridge.errors import LookupOffline, PortalError, PortalGarbled, PortalServerError, PortalTimeout
from hisbridge.http import Answer, Post, Question, again
from hisbridge.lookups.portal_json import is_json
from hisbridge.soap import is_fault
from wire.errors import TiepDonError

FIRST_PAUSE = 0.2  # seconds at most before the second try; doubles with each further one
LONGEST_PAUSE = 2.0
LEAST_TRY = 0.2  # seconds without which a further try is not begun
LEAST_TELLING = 0.25  # seconds a call must have been given for its time-out to say anything of the other side
TOO_MANY_REQUESTS = 429
INTERNAL_SERVER_ERROR = 500
FAR_OFF = 1e9  # seconds; longer than anybody waits

_SECONDS = re.compile(r"[0-9]{1,9}")
_PAGE = re.compile(rb"(?:<\?xml[^>]{0,200}\?>)?\s*<(?:!doctype\s+)?html", re.IGNORECASE)


@dataclass(frozen=True)
class Pacing:
    """Chance (0 to 1) and time (monotonic seconds, a wait of so many seconds, the moment) from outside."""

    draw: Callable[[], float]
    monotonic: Callable[[], float] = time.monotonic
    pause: Callable[[float], None] = time.sleep
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


def rules(settings: LookupSettings) -> Rules:
    """The breaker's rules as the settings hold them."""
    return Rules(settings.open_after_errors, settings.slow_seconds, settings.retry_offline_seconds)


def steadfast(post: Post, breaker: Breaker, retries: int, pacing: Pacing) -> Post:
    """`post` with up to `retries` further tries, behind the breaker. Raises as `post`, and LookupOffline."""
    return guarded(patient(post, retries, pacing, breaker.online), breaker, pacing.monotonic)


def patient(post: Post, retries: int, pacing: Pacing, online: Callable[[], bool] = lambda: True) -> Post:
    """`post` that asks again after trouble on the way, with full jitter, as long as the deadline leaves time for it.

    Not before the moment that the other side names in Retry-After; where that is past the deadline, not at all. Nor
    does anybody ask again once the system counts as offline: its trial is one request.
    """

    def asking(question: Question, deadline: float) -> Answer:
        left = retries if question.repeatable else 0
        ceiling = FIRST_PAUSE
        while True:
            begun = pacing.monotonic()
            answer, error = _tried(post, question, deadline)
            pause = pacing.draw() * ceiling
            worth = error is None or error.retriable
            if answer is not None:
                worth = trouble(answer) is not None
                pause += wanted_pause(answer, pacing.now) if worth else 0.0
            ended = pacing.monotonic()
            if not worth or left <= 0 or not online() or ended + pause + max(LEAST_TRY, ended - begun) > deadline:
                break
            pacing.pause(pause)
            if not online():
                break
            question = again(question)
            left, ceiling = left - 1, min(2 * ceiling, LONGEST_PAUSE)
        if error is not None:
            raise error
        assert answer is not None  # noqa: S101  # one of the two is always there
        return answer

    return asking


def guarded(post: Post, breaker: Breaker, monotonic: Callable[[], float]) -> Post:
    """`post` that is not begun while the system is offline, and that tells the breaker how it went."""

    def asking(question: Question, deadline: float) -> Answer:
        admission = breaker.enter()
        begun = monotonic()
        outcome = Outcome(0.0, telling=False)  # what stays where something breaks that is no trouble of the line
        try:
            answer = post(question, deadline)
            outcome = Outcome(monotonic() - begun, _named(trouble(answer), breaker))
        except TiepDonError as error:
            outcome = Outcome(monotonic() - begun, _named(error.code, breaker), _tells(error, deadline - begun))
            raise
        else:
            return answer
        finally:
            breaker.leave(admission, outcome)

    return asking


def trouble(answer: Answer) -> str | None:
    """The code of what is wrong with an answer as such, whatever it is about; None for one that can be read."""
    if answer.status == INTERNAL_SERVER_ERROR and is_fault(answer):
        return None
    if answer.status >= 500 or answer.status == TOO_MANY_REQUESTS:
        return PortalServerError.code
    return PortalGarbled.code if answer.status == 200 and _garbled(answer) else None


def wanted_pause(answer: Answer, now: Callable[[], datetime]) -> float:
    """Seconds the other side wants to be left alone (Retry-After: RFC 9110, 10.2.3), 0 where it says nothing usable.

    A moment counts from the answer's own Date, as the two clocks may differ; without one from ours.
    """
    told = answer.retry_after
    if _SECONDS.fullmatch(told):
        return float(told)
    until = _moment(told)
    if until is None:
        return FAR_OFF if told.isascii() and told.isdecimal() else 0.0
    return max(0.0, (until - (_moment(answer.date) or now())).total_seconds())


def _moment(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo is not None else None


def _tried(post: Post, question: Question, deadline: float) -> tuple[Answer | None, PortalError | None]:
    try:
        return post(question, deadline), None
    except LookupOffline:
        raise
    except PortalError as error:
        return None, error


def _named(code: str | None, breaker: Breaker) -> str | None:
    """The HTTP door's codes under the system's own name: not every time-out is the insurance portal's."""
    return None if code is None else code.replace("portal.", f"{breaker.name}.", 1)


def _tells(error: TiepDonError, given: float) -> bool:
    """Whether an error is the line's: not a setting of ours, a deadline that nobody could have kept, our own queue."""
    if isinstance(error, PortalTimeout):
        return given >= LEAST_TELLING and error.data.get("asked") is not False
    return isinstance(error, PortalError) and error.retriable


def _garbled(answer: Answer) -> bool:
    """A login or maintenance page, nothing, or half a JSON text, whatever it is called.

    What XML says is its reader's to judge.
    """
    body = answer.body.removeprefix(b"\xef\xbb\xbf").lstrip()
    if body.startswith(b"<"):
        return _PAGE.match(body) is not None
    if not body or body[:1] in (b"{", b"[") or "json" in answer.content_type or "html" in answer.content_type:
        return not is_json(body)
    return False
