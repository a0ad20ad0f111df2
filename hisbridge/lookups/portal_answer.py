"""From the insurance portal's answer to a Coverage: hostile JSON in, a verdict with the few fields reception needs out.

Pure. What is not needed (visit history, employer, address, free text) is dropped here and goes no further
(services.md 1.3). A card goes out only with the person it belongs to: name and birth date told and in agreement.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import msgspec

from hisbridge.errors import PortalError, PortalGarbled, PortalIncomplete
from hisbridge.lookups.persons import iso_day, portal_day, portal_sex, same_day, same_name, surely_under
from hisbridge.lookups.portal_json import result_code, text_of
from hisbridge.lookups.portal_numbers import CARD, SOCIAL, Kind, forces_card
from hisbridge.lookups.result_codes import ACCEPTED, OLD_CARD_EXPIRED, OLD_CARD_STILL_VALID, RESULT_CODES, meaning_of
from hisbridge.questions import Act, Coverage, CoverageQuestion, Verdict

EXPIRED = "coverage.expired"
NOT_YET_VALID = "coverage.not_yet_valid"
NAME_DISAGREES = "coverage.name_disagrees"
BIRTH_DATE_DISAGREES = "coverage.birth_date_disagrees"
SEX_DISAGREES = "coverage.sex_disagrees"
CHILD_NOT_FOUND = "coverage.child_not_found"
FORCES_NOT_FOUND = "coverage.forces_card_not_found"
CARD_INCOMPLETE = "coverage.card_incomplete"
CONTRADICTORY = "coverage.contradictory"
UNKNOWN_CODE = "portal.unknown_code"

CHILD_YEARS = 6  # below it a birth certificate does in place of a card (services.md 2.4)

_USUAL_ACTS: Final = {
    Verdict.UNVERIFIED: Act.WAIT,
    Verdict.CONFIGURATION_ERROR: Act.CALL_ADMINISTRATOR,
    Verdict.MANUAL_CHECK: Act.DECIDE,
    Verdict.MISMATCH: Act.COMPARE_PERSON,
    Verdict.NOT_INSURED: Act.ASK_RENEWED_CARD,
    Verdict.CHILD_TEMPORARY: Act.TEMPORARY_CARD,
}
_FACILITY = re.compile(r"[0-9A-Z]{5}")
_AREA = re.compile(r"[0-9A-Z]{1,4}")
_UNREADABLE = re.compile("[?\ufffd\ud800-\udfff]")  # a letter that was lost on the way


@dataclass(frozen=True, repr=False)
class _Card:
    number: str
    valid_from: date
    valid_to: date
    facility: str | None

    def problem_on(self, day: date) -> str | None:
        if day < self.valid_from:
            return NOT_YET_VALID
        return EXPIRED if day > self.valid_to else None

    @property
    def number_and_days(self) -> tuple[str | None, str | None, str | None]:
        """What makes it this card and no other: a renewed one may bear the same number."""
        return self.number, self.valid_from.isoformat(), self.valid_to.isoformat()


@dataclass(frozen=True)
class Asked:
    """When (RFC 3339) and by which kiosk the question was asked; goes into every Coverage."""

    at: str
    by: str


def coverage(
    answer: Mapping[str, Any], question: CoverageQuestion, asked: Asked, found_by: Kind | None = None
) -> Coverage:
    """The Coverage an answer (read_object) amounts to; `found_by` is the kind of number that was asked about.

    Raises PortalIncomplete where it does not say whose card it is about, PortalGarbled where it cannot be read.
    """
    code = result_code(answer)
    if code in ACCEPTED:
        if problem := _disagreement(answer, question):
            # The card may be somebody else's: its data go no further.
            return unanswered(Verdict.MISMATCH, problem, asked, code)
        return _with_card(code, answer, question, asked, found_by)
    meaning = meaning_of(code)
    return _plain(meaning.verdict, code, None if code in RESULT_CODES else UNKNOWN_CODE, meaning.act, asked)


def unanswered(
    verdict: Verdict, reason: str, asked: Asked, code: str | None = None, act: Act | None = None
) -> Coverage:
    """A Coverage for a `reason` of ours; `act` where it is not the verdict's usual one."""
    return _plain(verdict, code, reason, act or _USUAL_ACTS.get(verdict, Act.NONE), asked)


def not_found(code: str, question: CoverageQuestion, asked: Asked) -> Coverage:
    """The Coverage when no number of the person is known to the portal: nobody ends at "not found".

    A child under six gets a temporary card; a card of the forces is looked at and its dates typed (services.md 2.4,
    2.5); for anybody else another number may still find the card.
    """
    if is_small_child(question):
        return unanswered(Verdict.CHILD_TEMPORARY, CHILD_NOT_FOUND, asked, code)
    if forces_card(question.insurance_number):
        return unanswered(Verdict.MANUAL_CHECK, FORCES_NOT_FOUND, asked, code, Act.INSPECT_PAPERS)
    meaning = meaning_of(code)
    return _plain(meaning.verdict, code, None, meaning.act, asked)


def is_small_child(question: CoverageQuestion) -> bool:
    """Whether the person is surely under six on the day of the visit."""
    born, day = iso_day(question.birth_date or ""), _whole(iso_day(question.visit_date))
    return born is not None and day is not None and surely_under(CHILD_YEARS, born, day)


def same_person(answer: Mapping[str, Any], question: CoverageQuestion) -> bool:
    """Whether the answer names the person asked for, by name and birth date, and nothing in it contradicts that."""
    try:
        return _disagreement(answer, question) is None
    except PortalError:
        return False


def moved_to(found: Coverage, ended: Mapping[str, Any], question: CoverageQuestion, asked: Asked) -> Coverage:
    """The Coverage after another number of the person gave an `ended` card: a new one is to be told of.

    A new one may bear the old one's number, where group and province are the same. With the same days as well it is
    the very card that was called ended a moment ago, and a person has to decide.
    """
    if found.verdict not in (Verdict.VALID, Verdict.VALID_NEW_CARD) or not same_person(ended, question):
        return found
    old = _card(ended, "")
    if old is not None and old.number_and_days == (found.card_number, found.valid_from, found.valid_to):
        return unanswered(Verdict.MANUAL_CHECK, CONTRADICTORY, asked, found.result_code, Act.INSPECT_PAPERS)
    number = _card_number(ended, "mathe")
    if found.verdict is not Verdict.VALID or number in (None, found.card_number):
        return found
    return msgspec.structs.replace(found, act=Act.USE_NEW_CARD, other_card_number=number)


def _with_card(
    code: str, answer: Mapping[str, Any], question: CoverageQuestion, asked: Asked, found_by: Kind | None
) -> Coverage:
    day = _whole(iso_day(question.visit_date))
    if day is None:
        raise PortalIncomplete
    cards = _cards(code, answer)
    # Any that covers the day of the visit wins, else the newest says why not.
    chosen = next((card for card in cards if card.problem_on(day) is None), cards[0] if cards else None)
    doubt = _doubt(code, answer, chosen, day, asked)
    if chosen is None or doubt is not None:
        return unanswered(Verdict.MANUAL_CHECK, doubt or CARD_INCOMPLETE, asked, code, Act.INSPECT_PAPERS)
    problem = chosen.problem_on(day)
    named = None if code == "000" else _other_card(answer, chosen.number)
    other = next((card for card in cards if card is not chosen and named in (None, card.number)), None)
    meaning = meaning_of(code)
    return Coverage(
        verdict=Verdict.NOT_INSURED if problem else meaning.verdict,
        result_code=code,
        reason=problem,
        act=Act.ASK_RENEWED_CARD if problem else meaning.act,
        found_by=found_by,
        card_number=chosen.number,
        social_security_number=_matching(SOCIAL, text_of(answer, "masobhxh", digits=10)),
        valid_from=chosen.valid_from.isoformat(),
        valid_to=chosen.valid_to.isoformat(),
        registered_facility=chosen.facility,
        living_area=_matching(_AREA, text_of(answer, "makv").upper()),
        five_year_date=_iso(_date(answer, "ngaydu5nam")),
        other_card_number=other.number if other else named,
        other_valid_from=other.valid_from.isoformat() if other else None,
        other_valid_to=other.valid_to.isoformat() if other else None,
        other_registered_facility=other.facility if other else None,
        recheck_before_discharge=code == OLD_CARD_STILL_VALID and problem is None,
        asked_at=asked.at,
        asked_by=asked.by,
    )


def _cards(code: str, answer: Mapping[str, Any]) -> list[_Card]:
    """Every card that is told whole, the newest first; one that is told twice once."""
    new, present = None if code == "000" else _card(answer, "moi"), _card(answer, "")
    if new is not None and present is not None and present.number_and_days == new.number_and_days:
        present = None
    return [card for card in (new, present) if card is not None]


def _doubt(code: str, answer: Mapping[str, Any], chosen: _Card | None, day: date, asked: Asked) -> str | None:
    """Why the card of the right person has to be looked at, for what is told of it does not suffice."""
    if chosen is None:
        # Every field may be empty (services.md 1.3), and those of the forces' cards often are (2.5).
        return FORCES_NOT_FOUND if forces_card(_card_number(answer, "mathe")) else CARD_INCOMPLETE
    if code == "000" or chosen == _card(answer, "moi") or not _is_old(answer):
        return None
    if chosen.problem_on(day):
        return CARD_INCOMPLETE  # the new card may cover the day: nobody told from when to when it holds
    # It is called expired and bears days that say otherwise. What it was before today is another matter.
    return CONTRADICTORY if code == OLD_CARD_EXPIRED and day >= _day_of(asked) else None


def _is_old(answer: Mapping[str, Any]) -> bool:
    """Whether the present card is the one before the new one; where another is named as that, it is not."""
    return _card_number(answer, "mathecu") in (None, _card_number(answer, "mathe"))


def _card(answer: Mapping[str, Any], suffix: str) -> _Card | None:
    """The present card (suffix "") or the newly issued one ("moi"); None when any part of it is missing."""
    number = _card_number(answer, f"mathe{suffix}")
    begins, ends = _date(answer, f"gtthetu{suffix}"), _date(answer, f"gttheden{suffix}")
    if number is None or begins is None or ends is None or ends < begins:
        return None
    facility = text_of(answer, f"madkbd{suffix}", digits=5).upper()
    return _Card(number, begins, ends, _matching(_FACILITY, facility))


def _other_card(answer: Mapping[str, Any], chosen: str) -> str | None:
    found = (_card_number(answer, key) for key in ("mathemoi", "mathe", "mathecu"))
    return next((number for number in found if number and number != chosen), None)


def _card_number(answer: Mapping[str, Any], key: str) -> str | None:
    text = text_of(answer, key, digits=10).upper()
    return _matching(CARD, text) or _matching(SOCIAL, text)


def _disagreement(answer: Mapping[str, Any], question: CoverageQuestion) -> str | None:
    """What the insurer holds differently from the card. Raises PortalIncomplete where there is nothing to compare."""
    name, born = text_of(answer, "hoten"), text_of(answer, "ngaysinh")
    held, known = portal_day(born), iso_day(question.birth_date or "")
    if not name or held is None or known is None or not question.full_name:
        raise PortalIncomplete
    if not _same_name(name, question.full_name):
        return NAME_DISAGREES
    if not same_day(held, known):
        return BIRTH_DATE_DISAGREES
    sex = portal_sex(text_of(answer, "gioitinh"))
    if sex is not None and question.sex in ("male", "female") and sex != question.sex:
        return SEX_DISAGREES
    return None


def _same_name(told: str, known: str) -> bool:
    """Raises PortalGarbled for a name whose letters were lost on the way: it neither agrees nor disagrees."""
    if not _UNREADABLE.search(told):
        return same_name(told, known)
    try:
        # Bytes that were no UTF-8 (portal_json): Latin-1 where that makes the very name sought.
        if same_name(told.encode("utf-8", "surrogateescape").decode("latin-1"), known):
            return True
    except UnicodeEncodeError:
        pass
    raise PortalGarbled(why="letters lost")


def _plain(verdict: Verdict, code: str | None, reason: str | None, act: Act, asked: Asked) -> Coverage:
    return Coverage(verdict=verdict, result_code=code, reason=reason, act=act, asked_at=asked.at, asked_by=asked.by)


def _matching(pattern: re.Pattern[str], text: str) -> str | None:
    return text if pattern.fullmatch(text) else None


def _date(answer: Mapping[str, Any], key: str) -> date | None:
    return _whole(portal_day(text_of(answer, key)))


def _whole(parts: tuple[int, ...] | None) -> date | None:
    """A day that is known whole and exists."""
    if parts is None or len(parts) != 3:
        return None
    try:
        return date(*parts)
    except ValueError:
        return None


def _day_of(asked: Asked) -> date:
    return date.fromisoformat(asked.at[:10])


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None
