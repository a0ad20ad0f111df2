"""The national insurance portal (BHXH): is this person covered on the day of the visit (services.md 1.2 to 1.4).

One question is one deadline over everything: token, every number of the person, every second try. It always ends in
a Coverage; no failure of the portal reaches the check-in as an exception. Token, password hash and person appear in
no log and no error.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta, timezone
from typing import Any

from config.settings import PortalSettings, SiteSettings
from hisbridge.errors import PortalError, PortalNotAllowed, PortalNotConfigured, PortalSetup
from hisbridge.http import Post
from hisbridge.lookups.persons import iso_day, other_accent_placement, tidy
from hisbridge.lookups.portal_answer import (
    Asked,
    coverage,
    is_small_child,
    moved_to,
    not_found,
    same_person,
    unanswered,
)
from hisbridge.lookups.portal_errors import (
    PortalOfficerName,
    PortalOfficerUnknown,
    PortalParameters,
    PortalRegisterDown,
)
from hisbridge.lookups.portal_json import result_code
from hisbridge.lookups.portal_numbers import Number, forces_card, known_numbers, next_number, taught_numbers
from hisbridge.lookups.portal_session import Clocks, PortalSession
from hisbridge.lookups.result_codes import (
    ACCEPTED,
    ACCOUNT_REFUSED,
    ASK_NEXT,
    BIRTH_DATE_WRONG,
    MOVED,
    NAME_NEARLY_RIGHT,
    NOT_FOUND,
    OFFICER_NAME_WRONG,
    OFFICER_UNKNOWN,
    PARAMETERS_REFUSED,
    WRONG_NUMBER,
    meaning_of,
)
from hisbridge.questions import Act, Coverage, CoverageQuestion, Officer, Verdict

__all__ = ["DISABLED", "MAX_ANSWER", "NAME_NEEDED", "NUMBER_NEEDED", "Clocks", "InsurancePortal"]

DISABLED = "portal.disabled"
NAME_NEEDED = "portal.name_needed"
NUMBER_NEEDED = "portal.number_needed"

MAX_ANSWER = 1 << 20  # bytes; the longest visit history is far below
LONGEST = 86400.0  # seconds a question may take, whatever is asked for

# Nobody: the synthetic person of services.md 0.3, whom no register knows.
NOBODY = {"maThe": "000099999999", "hoTen": "Nguyễn Văn Thử", "ngaySinh": "02/01/1999"}


@dataclass(frozen=True, repr=False)
class _Heard:
    """An answer that does not decide."""

    number: Number
    answer: Mapping[str, Any]

    @property
    def code(self) -> str:
        return result_code(self.answer)


class InsurancePortal:
    """The portal behind one account. May be asked from several threads; they share one token."""

    def __init__(self, settings: PortalSettings, site: SiteSettings, post: Post, clocks: Clocks | None = None) -> None:
        self._settings = settings
        self._site = site
        self._clocks = clocks or Clocks()
        self._session = PortalSession(settings, post, self._clocks)

    def ask(self, question: CoverageQuestion, seconds: float | None = None) -> Coverage:
        """Ask for this person's cover, within `seconds` (default: the setting). Never raises for the portal's sake."""
        asked = self.asked()
        if not self._settings.enabled:
            return unanswered(Verdict.UNVERIFIED, DISABLED, asked, act=Act.INSPECT_PAPERS)
        numbers = known_numbers(question)
        if not numbers:
            return _without_number(question, asked)
        if not tidy(question.full_name or "") or iso_day(question.birth_date or "") is None:
            return unanswered(Verdict.UNVERIFIED, NAME_NEEDED, asked, act=Act.INSPECT_PAPERS)
        try:
            return self._ask(question, numbers, asked, self._deadline(seconds))
        except PortalSetup as error:
            return unanswered(Verdict.CONFIGURATION_ERROR, error.code, asked)
        except PortalError as error:
            return unanswered(Verdict.UNVERIFIED, error.code, asked)

    def probe(self, seconds: float | None = None) -> None:
        """Take a token and ask for nobody within `seconds`: an account may log in and still not ask (services.md 1.1).

        Raises the PortalError that says why an answer cannot be had.
        """
        form = {**NOBODY, **_officer_fields(self._officer(None))}
        code = result_code(self._session.look_up(form, self._deadline(seconds)))
        if code == ACCOUNT_REFUSED:
            raise PortalNotAllowed
        if code == OFFICER_UNKNOWN:
            raise PortalOfficerUnknown
        if code == OFFICER_NAME_WRONG:
            raise PortalOfficerName
        if code == PARAMETERS_REFUSED:
            raise PortalParameters
        if meaning_of(code).act is Act.WAIT:
            raise PortalRegisterDown(result=code)

    def asked(self) -> Asked:
        """When and by which kiosk, for a Coverage made now."""
        zone = timezone(timedelta(minutes=self._site.utc_offset_minutes))
        return Asked(at=self._clocks.now().astimezone(zone).isoformat(timespec="seconds"), by=self._site.kiosk_id)

    def _deadline(self, seconds: float | None) -> float:
        return self._clocks.monotonic() + min(self._settings.timeout_seconds if seconds is None else seconds, LONGEST)

    def _ask(self, question: CoverageQuestion, numbers: tuple[Number, ...], asked: Asked, deadline: float) -> Coverage:
        """Number after number until one decides."""
        person = _person_fields(question) | _officer_fields(self._officer(question.officer))
        heard: list[_Heard] = []
        while number := next_number(numbers, [earlier.number for earlier in heard]):
            answer = self._answer({"maThe": number.text, **person}, question, deadline)
            if (code := result_code(answer)) not in ASK_NEXT:
                return _decided(answer, question, asked, number, heard)
            heard.append(_Heard(number, answer))
            if code in MOVED:
                numbers += taught_numbers(answer)
        return _undecided(heard, question, asked)

    def _answer(self, form: dict[str, str], question: CoverageQuestion, deadline: float) -> Mapping[str, Any]:
        """The portal's answer about one number, after the second tries its code is worth.

        What a second try brings counts only where it is accepted and names the person; where the portal fails in it
        nothing is decided. Otherwise the first answer stands.
        """
        first = self._session.look_up(form, deadline)
        code, tried = result_code(first), form
        while other := _other_form(form, tried, code, self._settings.year_only_retry):
            answer, tried = self._session.look_up(other, deadline), other
            code = result_code(answer)
            if meaning_of(code).act is Act.WAIT or (code in ACCEPTED and same_person(answer, question)):
                return answer
        return first

    def _officer(self, officer: Officer | None) -> Officer:
        """The officer who asks, else the one the settings name. Raises PortalNotConfigured."""
        settings = self._settings
        name = officer.full_name if officer else settings.officer_name
        number = officer.personal_id if officer else settings.officer_id
        for key, text in (("officer_name", tidy(name)), ("officer_id", number.strip())):
            if not text:
                raise PortalNotConfigured(key=f"portal.{key}")
        return Officer(full_name=tidy(name), personal_id=number.strip())


def _without_number(question: CoverageQuestion, asked: Asked) -> Coverage:
    """A newborn has none yet and gets a temporary card (services.md 2.4); anybody else has one to show."""
    if is_small_child(question):
        return unanswered(Verdict.CHILD_TEMPORARY, NUMBER_NEEDED, asked)
    return unanswered(Verdict.UNVERIFIED, NUMBER_NEEDED, asked, act=Act.ASK_OTHER_NUMBER)


def _decided(
    answer: Mapping[str, Any], question: CoverageQuestion, asked: Asked, number: Number, heard: list[_Heard]
) -> Coverage:
    found = coverage(answer, question, asked, number.kind)
    for earlier in heard:
        if earlier.code in MOVED:
            found = moved_to(found, earlier.answer, question, asked)
    return found


def _undecided(heard: list[_Heard], question: CoverageQuestion, asked: Asked) -> Coverage:
    """What it comes to when no number decided: an ended card says most, then a mistyped one, then nothing known."""
    most = max(heard, key=_weight)
    # The number of a forces' card may be right and unknown to the portal: the card itself is looked at (2.5).
    mistyped_or_forces = most.code in WRONG_NUMBER and forces_card(question.insurance_number)
    if _weight(most) > _WEIGHT_UNKNOWN and not mistyped_or_forces:
        return coverage(most.answer, question, asked)
    return not_found(most.code, question, asked)


_WEIGHT_UNKNOWN = 1


def _weight(heard: _Heard) -> int:
    if heard.code in MOVED:
        return 3
    if heard.code in WRONG_NUMBER:
        # Of an ID number it only says that the portal does not look for cards by it.
        return 2 if heard.number.kind in ("social_security_number", "card_number") else 0
    return _WEIGHT_UNKNOWN if heard.code == NOT_FOUND else 0


def _person_fields(question: CoverageQuestion) -> dict[str, str]:
    return {"hoTen": tidy(question.full_name or ""), "ngaySinh": _portal_birth_date(question.birth_date or "")}


def _officer_fields(officer: Officer) -> dict[str, str]:
    return {"hoTenCb": officer.full_name, "cccdCb": officer.personal_id}


def _portal_birth_date(text: str) -> str:
    """`dd/MM/yyyy`, or the year alone where the day is not known (services.md 1.3)."""
    parts = iso_day(text) or ()
    return f"{parts[2]:02d}/{parts[1]:02d}/{parts[0]:04d}" if len(parts) == 3 else f"{parts[0]:04d}"


def _other_form(first: dict[str, str], tried: dict[str, str], code: str, year_only: bool) -> dict[str, str] | None:
    """The one other way to put the question that is worth a try after this code (services.md 1.4), each once.

    The year alone only where `year_only` allows it: that the portal takes it is known from practice (M).
    """
    if code == NAME_NEARLY_RIGHT and tried["hoTen"] == first["hoTen"]:
        other = other_accent_placement(first["hoTen"])
        return {**tried, "hoTen": other} if other != first["hoTen"] else None
    if code == BIRTH_DATE_WRONG and year_only and "/" in tried["ngaySinh"]:
        return {**tried, "ngaySinh": tried["ngaySinh"][-4:]}
    return None
