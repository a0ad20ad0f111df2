"""The hospital system asks the portal for us, because only its address may (services.md 3.5, GET /bhyt).

An insurance look-up like the portal's own: one question is one deadline, it always ends in a Coverage, and no failure
of the other side reaches the check-in as an exception. The key of the signature, the person and the address appear in
no log and no error.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta, timezone

from config.settings import HisProxySettings, SiteSettings
from hisbridge.errors import PortalError, PortalSetup, PortalTimeout, PortalTooLarge, PortalUnreachable
from hisbridge.http import Answer, Post, Question
from hisbridge.lookups.his_proxy_answer import Context, by_no_number, coverage, data_of, not_found
from hisbridge.lookups.his_proxy_errors import (
    HisProxyFailed,
    HisProxyPortalSetup,
    HisProxyTimeout,
    HisProxyTooLarge,
    HisProxyUnreachable,
)
from hisbridge.lookups.his_proxy_request import ID_KINDS, signed_question, values
from hisbridge.lookups.insurance_portal import Clocks
from hisbridge.lookups.persons import iso_day, tidy
from hisbridge.lookups.portal_answer import Asked
from hisbridge.lookups.portal_numbers import Number, known_numbers, next_number
from hisbridge.questions import Act, Coverage, CoverageQuestion, Verdict

DISABLED = "his_proxy.disabled"
NAME_NEEDED = "his_proxy.name_needed"
NUMBER_NEEDED = "his_proxy.number_needed"

MAX_ANSWER = 1 << 18  # bytes; an answer as documented has under one thousand
LONGEST_WAIT = 86400.0  # seconds
MOVED = frozenset({"121", "122", "123"})  # this card ended, another number probably finds a new one (services.md 1.4)
# For diagnosis: nobody's number and name (services.md 0.3).
NOBODY = CoverageQuestion(
    personal_id="000099999999", full_name="Nguyễn Văn Thử", birth_date="1999-01-02", sex="male", visit_date="2026-01-01"
)


class HisProxy:
    """The hospital system behind one merchant id. Holds no state; may be asked from several threads.

    `post` should be bounded to MAX_ANSWER bytes. `id_kinds` are the other side's words for LOAI_GTTT.
    """

    def __init__(
        self,
        settings: HisProxySettings,
        site: SiteSettings,
        post: Post,
        clocks: Clocks | None = None,
        id_kinds: Mapping[str, str] = ID_KINDS,
    ) -> None:
        self._settings = settings
        self._site = site
        self._post = post
        self._clocks = clocks or Clocks()
        self._id_kinds = id_kinds

    def ask(self, question: CoverageQuestion, seconds: float | None = None) -> Coverage:
        """Ask for this person's cover within `seconds` (default: the setting). Never raises for the other side's sake.

        One number after the other, in the portal's own order, until one of them decides (services.md 2.2).
        """
        asked = self.asked()
        if not self._settings.enabled:
            return _unanswered(Verdict.UNVERIFIED, DISABLED, Act.INSPECT_PAPERS, asked)
        numbers = known_numbers(question)
        if not numbers:
            return by_no_number(_unanswered(Verdict.UNVERIFIED, NUMBER_NEEDED, Act.ASK_OTHER_NUMBER, asked), question)
        if not tidy(question.full_name or "") or iso_day(question.birth_date or "") is None:
            return _unanswered(Verdict.UNVERIFIED, NAME_NEEDED, Act.INSPECT_PAPERS, asked)
        deadline = self._deadline(seconds)
        try:
            return self._until_decided(question, numbers, asked, deadline)
        except PortalSetup as error:
            return _unanswered(Verdict.CONFIGURATION_ERROR, error.code, Act.CALL_ADMINISTRATOR, asked)
        except PortalError as error:
            return _unanswered(Verdict.UNVERIFIED, error.code, Act.WAIT, asked)

    def probe(self, seconds: float | None = None) -> None:
        """Ask for nobody, for diagnosis: to be told so is the proof that address, key and clock are right.

        Raises the PortalError that says why an answer cannot be had.
        """
        number = known_numbers(NOBODY)[0]
        answer = self._asked_about(NOBODY, number, self.asked(), self._deadline(seconds))
        if answer.verdict is Verdict.CONFIGURATION_ERROR:
            raise HisProxyPortalSetup(result_code=answer.result_code)
        if answer.act is Act.WAIT and answer.reason is None:
            raise HisProxyFailed

    def asked(self) -> Asked:
        """When and by which kiosk, for a Coverage made now."""
        zone = timezone(timedelta(minutes=self._site.utc_offset_minutes))
        return Asked(at=self._clocks.now().astimezone(zone).isoformat(timespec="seconds"), by=self._site.kiosk_id)

    def _until_decided(
        self, question: CoverageQuestion, numbers: tuple[Number, ...], asked: Asked, deadline: float
    ) -> Coverage:
        """The first deciding answer; else the one that says most.

        A failure on the way counts, whatever was said of an earlier number: what is not decided stays open.
        """
        done: list[Number] = []
        told: list[Coverage] = []
        while (number := next_number(numbers, done)) is not None:
            done.append(number)
            answer = self._asked_about(question, number, asked, deadline)
            if not _another_may_decide(answer):
                return answer
            told.append(answer)
        ended = next((answer for answer in told if answer.verdict is not Verdict.UNVERIFIED), None)
        return by_no_number(told[0], question) if ended is None else ended

    def _asked_about(self, question: CoverageQuestion, number: Number, asked: Asked, deadline: float) -> Coverage:
        known = values(question, number, self._settings, self._id_kinds)

        def request() -> Question:
            moment = int(self._clocks.now().timestamp() * 1000)
            return replace(signed_question(known, self._settings, moment), anew=request)

        context = Context(question, number.kind, asked, self._settings)
        data = data_of(self._sent(request(), deadline))
        return not_found(context) if data is None else coverage(data, context)

    def _sent(self, request: Question, deadline: float) -> Answer:
        """The answer, with the door's errors about the line in this look-up's words."""
        try:
            return self._post(request, deadline)
        except PortalTimeout:
            raise HisProxyTimeout from None
        except PortalTooLarge:
            raise HisProxyTooLarge from None
        except PortalUnreachable as error:
            if type(error) is not PortalUnreachable:
                raise  # it says more: that nobody was asked, because the system is known to be offline
            raise HisProxyUnreachable from None

    def _deadline(self, seconds: float | None) -> float:
        """Monotonic seconds."""
        wait = self._settings.timeout_seconds if seconds is None else seconds
        return self._clocks.monotonic() + min(wait, LONGEST_WAIT)


def _another_may_decide(answer: Coverage) -> bool:
    return answer.act is Act.ASK_OTHER_NUMBER or answer.result_code in MOVED


def _unanswered(verdict: Verdict, reason: str, act: Act, asked: Asked) -> Coverage:
    return Coverage(verdict=verdict, reason=reason, act=act, asked_at=asked.at, asked_by=asked.by)
