"""From the hospital system's answer to a Coverage: an envelope, the portal's code in it, a card (services.md 3.5).

Pure. The answer is as little trusted as the portal's own: what cannot be read for certain proves no cover, and what
reception does not need stays here.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import msgspec

from config.settings import HisProxySettings
from hisbridge.errors import PortalGarbled
from hisbridge.http import Answer
from hisbridge.lookups.entitlement import WRONG_ROUTE
from hisbridge.lookups.his_proxy_errors import (
    HisProxyFailed,
    HisProxyGarbled,
    HisProxyIncomplete,
    HisProxyNoService,
    HisProxyRefused,
    HisProxyServerError,
)
from hisbridge.lookups.his_proxy_fields import Fields, code_of, read_day
from hisbridge.lookups.persons import iso_day, same_day, same_name, tidy
from hisbridge.lookups.portal_answer import (
    BIRTH_DATE_DISAGREES,
    CHILD_NOT_FOUND,
    CONTRADICTORY,
    EXPIRED,
    FORCES_NOT_FOUND,
    NAME_DISAGREES,
    NOT_YET_VALID,
    SEX_DISAGREES,
    UNKNOWN_CODE,
    Asked,
    is_small_child,
)
from hisbridge.lookups.portal_json import read_object
from hisbridge.lookups.portal_numbers import Kind, forces_card
from hisbridge.lookups.result_codes import OLD_CARD_EXPIRED, OLD_CARD_STILL_VALID, meaning_of, verdict_of
from hisbridge.questions import Act, Coverage, CoverageQuestion, Verdict

NOT_FOUND = "his_proxy.not_found"
NOT_ACCEPTED = "his_proxy.not_accepted"

OK, UNKNOWN_PERSON = "000", "404"  # of the envelope
_ACCEPTED = (Verdict.VALID, Verdict.VALID_NEW_CARD)
_ABOUT_NOBODY = (Verdict.UNVERIFIED, Verdict.CONFIGURATION_ERROR)
_ROUTES = frozenset({"1", "2", "3"})  # PHAN_TUYEN: right, wrong, open
_WRONG = "2"
_CODE = re.compile(r"[0-9A-Za-z]{1,8}")
_CARD = re.compile(r"[A-Z]{2}[1-5][0-9]{12}|[0-9]{10}")
_SOCIAL = re.compile(r"[0-9]{10}")
_FACILITY = re.compile(r"[0-9A-Z]{5}")
_AREA = re.compile(r"K[0-9]")


@dataclass(frozen=True, repr=False)
class Context:
    """What an answer is read by: the question, the number it was asked with, and when."""

    question: CoverageQuestion
    found_by: Kind
    asked: Asked
    settings: HisProxySettings


@dataclass(frozen=True, repr=False)
class _Card:
    number: str
    begins: date
    ends: date
    facility: str | None

    def problem_on(self, day: date) -> str | None:
        if day < self.begins:
            return NOT_YET_VALID
        return EXPIRED if day > self.ends else None


def data_of(answer: Answer) -> Mapping[str, Any] | None:
    """The `data` of the envelope, keys in lower case; None where the hospital system knows nobody by that number.

    Raises HisProxyRefused, HisProxyNoService, HisProxyServerError, HisProxyFailed, HisProxyGarbled, HisProxyIncomplete.
    """
    status = answer.status
    if status in (401, 403):
        raise HisProxyRefused(status=status)
    if status not in (200, 404):
        raise HisProxyServerError(status=status)
    try:
        envelope = read_object(answer.body)
        code = code_of(envelope, "code")
    except PortalGarbled as error:
        if status == 404:
            raise HisProxyNoService from None
        raise HisProxyGarbled(**error.data) from None
    if code == UNKNOWN_PERSON and "data" in envelope:
        return None
    if status == 404:
        raise HisProxyNoService
    if code == UNKNOWN_PERSON:
        return None
    if code in ("401", "403"):
        raise HisProxyRefused(status=int(code))
    if code != OK:
        if not code:
            raise HisProxyIncomplete(field="code")
        raise HisProxyFailed
    data = envelope.get("data")
    if isinstance(data, list) and len(data) == 1:
        data = data[0]
    if not isinstance(data, dict):
        raise HisProxyIncomplete(field="data")
    return data


def coverage(data: Mapping[str, Any], context: Context) -> Coverage:
    """The Coverage that the envelope's `data` amounts to; where it is half an answer, one that proves nothing.

    Raises HisProxyIncomplete where not even the portal's code is told; HisProxyGarbled, HisProxyNotConfigured.
    """
    try:
        return _coverage(Fields(data, context.settings), context)
    except PortalGarbled as error:
        raise HisProxyGarbled(**error.data) from None


def not_found(context: Context) -> Coverage:
    """The hospital system knows nobody by this number; another of the person's may still find the card."""
    return _plain(context, Verdict.UNVERIFIED, None, NOT_FOUND, Act.ASK_OTHER_NUMBER)


def by_no_number(last: Coverage, question: CoverageQuestion) -> Coverage:
    """The Coverage when no number of the person found a card: nobody ends at "not found" (services.md 2.4, 2.5)."""
    if is_small_child(question):
        return msgspec.structs.replace(
            last, verdict=Verdict.CHILD_TEMPORARY, reason=CHILD_NOT_FOUND, act=Act.TEMPORARY_CARD
        )
    if forces_card(question.insurance_number):
        return msgspec.structs.replace(
            last, verdict=Verdict.MANUAL_CHECK, reason=FORCES_NOT_FOUND, act=Act.INSPECT_PAPERS
        )
    return last


def _coverage(fields: Fields, context: Context) -> Coverage:
    code, verdict, act = _told(fields)
    try:
        return _as_told(fields, context, code, verdict, act)
    except HisProxyIncomplete as error:
        # With the portal's code, so that it is this question's trouble and not the whole line's.
        return _plain(context, Verdict.UNVERIFIED, code, error.code, Act.WAIT)


def _as_told(fields: Fields, context: Context, code: str | None, verdict: Verdict, act: Act) -> Coverage:
    if verdict not in _ABOUT_NOBODY and (problem := _disagreement(fields, context)):
        # The card may be somebody else's: its data go no further.
        return _plain(context, Verdict.MISMATCH, code, problem, Act.COMPARE_PERSON)
    if verdict in _ACCEPTED:
        return _with_card(fields, context, code, verdict, act)
    return _plain(context, verdict, code, UNKNOWN_CODE if act is Act.DECIDE else None, act)


def _told(fields: Fields) -> tuple[str | None, Verdict, Act]:
    """The portal's code and what it means; where the hospital system hands none on, its own word for it."""
    if not fields.expected("result_code"):
        if fields.flag("accepted") is None:
            raise HisProxyIncomplete(field="accepted")
        return None, Verdict.VALID, Act.NONE
    code = fields.code("result_code")
    if not _CODE.fullmatch(code):
        raise HisProxyIncomplete(field="result_code")
    return code, verdict_of(code), meaning_of(code).act


def _with_card(fields: Fields, context: Context, code: str | None, verdict: Verdict, act: Act) -> Coverage:
    visit = read_day(context.question.visit_date)
    if visit is None or len(visit) != 3:
        raise HisProxyIncomplete(field="visit_date")
    day = date(*visit)
    old = _card(fields, "")
    new = _card(fields, "new_") if verdict is Verdict.VALID_NEW_CARD else None
    # The newest first; any that covers the day of the visit wins, else the newest says why not.
    cards = [card for card in (new, old) if card]
    if not cards:
        if fields.flag("accepted") is False:
            return _plain(context, Verdict.MANUAL_CHECK, code, NOT_ACCEPTED, Act.DECIDE)
        raise HisProxyIncomplete(field="card_number")
    chosen = next((card for card in cards if card.problem_on(day) is None), cards[0])
    problem = chosen.problem_on(day)
    if problem and verdict is Verdict.VALID_NEW_CARD and new is None:
        # There is a new card, and this is not it: nobody can say that the person has no cover.
        raise HisProxyIncomplete(field="new_card_number")
    if (
        code == OLD_CARD_EXPIRED
        and new is not None
        and chosen is old
        and day >= date.fromisoformat(context.asked.at[:10])
    ):
        # Called expired, with days that say otherwise, and its successor does not cover the day.
        return _plain(context, Verdict.MANUAL_CHECK, code, CONTRADICTORY, Act.INSPECT_PAPERS)
    reason: str | None
    if problem:
        verdict, reason, act = Verdict.NOT_INSURED, problem, Act.ASK_RENEWED_CARD
    else:
        verdict, reason, act = _decided(fields, verdict, act)
    other = next((card for card in cards if card.number != chosen.number), None)
    return Coverage(
        verdict=verdict,
        result_code=code,
        reason=reason,
        act=act,
        found_by=context.found_by,
        card_number=chosen.number,
        social_security_number=_matching(_SOCIAL, fields.text("social_security_number", digits=10)),
        valid_from=chosen.begins.isoformat(),
        valid_to=chosen.ends.isoformat(),
        registered_facility=chosen.facility,
        living_area=_matching(_AREA, fields.text("living_area").upper()),
        five_year_date=_hint(fields, "five_year_date"),
        other_card_number=other.number if other else None,
        other_valid_from=other.begins.isoformat() if other else None,
        other_valid_to=other.ends.isoformat() if other else None,
        other_registered_facility=other.facility if other else None,
        recheck_before_discharge=code == OLD_CARD_STILL_VALID and problem is None,
        asked_at=context.asked.at,
        asked_by=context.asked.by,
    )


def _decided(fields: Fields, verdict: Verdict, act: Act) -> tuple[Verdict, str | None, Act]:
    """What the hospital itself decided about a card that is in force: to treat under it or not, and by which route."""
    if fields.flag("accepted") is False:
        return Verdict.MANUAL_CHECK, NOT_ACCEPTED, Act.DECIDE
    if not fields.given("route"):
        return verdict, None, act
    route = fields.text("route")
    if route not in _ROUTES:
        raise HisProxyIncomplete(field="route")
    return verdict, WRONG_ROUTE if route == _WRONG else None, act


def _card(fields: Fields, prefix: str) -> _Card | None:
    """The present card (prefix "") or the newly issued one ("new_"); None where the answer holds none.

    Raises HisProxyIncomplete for half a card.
    """
    names = (f"{prefix}card_number", f"{prefix}valid_from", f"{prefix}valid_to")
    if not any(fields.given(name) for name in names):
        return None
    number = _matching(_CARD, fields.text(names[0], digits=10).upper())
    if number is None:
        raise HisProxyIncomplete(field=names[0])
    begins, ends = fields.day(names[1]), fields.day(names[2])
    if begins is None:
        raise HisProxyIncomplete(field=names[1])
    if ends is None:
        raise HisProxyIncomplete(field=names[2])
    if ends < begins:
        raise HisProxyIncomplete(field=names[2])
    return _Card(
        number, begins, ends, _matching(_FACILITY, fields.text(f"{prefix}registered_facility", digits=5).upper())
    )


def _disagreement(fields: Fields, context: Context) -> str | None:
    """What the answer's person has differently; what is not answered contradicts nothing."""
    question = context.question
    if fields.given("full_name"):
        name = tidy(fields.text("full_name"))
        if not name:
            raise HisProxyIncomplete(field="full_name")
        if not same_name(name, question.full_name or ""):
            return NAME_DISAGREES
    held, known = fields.partial_day("birth_date"), iso_day(question.birth_date or "")
    if held is not None and known is not None and not same_day(held, known):
        return BIRTH_DATE_DISAGREES
    sex = _sex(fields.text("sex"), context.settings)
    if sex is not None and question.sex in ("male", "female") and sex != question.sex:
        return SEX_DISAGREES
    return None


def _sex(text: str, settings: HisProxySettings) -> str | None:
    """Male or female by the configured codes or in words; None where the codes leave it open."""
    codes = settings.answer_sex_codes or settings.sex_codes
    by_code = [ours for ours, theirs in codes.items() if theirs and theirs == text]
    if len(by_code) == 1:
        return by_code[0] if by_code[0] in ("male", "female") else None
    return {"nam": "male", "nữ": "female"}.get(tidy(text).casefold())


def _hint(fields: Fields, name: str) -> str | None:
    """A date that is good to know and decides nothing."""
    parts = read_day(fields.text(name))
    return date(*parts).isoformat() if parts is not None and len(parts) == 3 else None


def _plain(context: Context, verdict: Verdict, code: str | None, reason: str | None, act: Act) -> Coverage:
    return Coverage(
        verdict=verdict,
        result_code=code,
        reason=reason,
        act=act,
        asked_at=context.asked.at,
        asked_by=context.asked.by,
    )


def _matching(pattern: re.Pattern[str], text: str) -> str | None:
    return text if pattern.fullmatch(text) else None
