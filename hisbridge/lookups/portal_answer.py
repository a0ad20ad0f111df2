"""From the insurance portal's answer to a Coverage: hostile JSON in, a verdict with the few fields reception needs out.

Pure. What is not needed (visit history, employer, address) is dropped here and goes no further (services.md 1.3).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import msgspec

from hisbridge.errors import PortalGarbled, PortalIncomplete
from hisbridge.lookups.persons import iso_day, portal_day, same_day, same_name
from hisbridge.lookups.result_codes import ACCEPTED, verdict_of
from hisbridge.records import Coverage, CoverageQuestion, Verdict

EXPIRED = "coverage.expired"
NOT_YET_VALID = "coverage.not_yet_valid"
NAME_DISAGREES = "coverage.name_disagrees"
BIRTH_DATE_DISAGREES = "coverage.birth_date_disagrees"
SEX_DISAGREES = "coverage.sex_disagrees"
UNKNOWN_CODE = "portal.unknown_code"

_SEXES = {"nam": "male", "nữ": "female", "nu": "female"}
_CODE = re.compile(r"[0-9A-Za-z]{1,8}")
_CARD = re.compile(r"[0-9A-Z]{10,15}")
_SOCIAL = re.compile(r"[0-9]{10}")
_FACILITY = re.compile(r"[0-9A-Z]{5}")
_AREA = re.compile(r"[0-9A-Z]{1,4}")


@dataclass(frozen=True)
class _Card:
    number: str
    valid_from: date
    valid_to: date
    facility: str | None

    def problem_on(self, day: date) -> str | None:
        if day < self.valid_from:
            return NOT_YET_VALID
        return EXPIRED if day > self.valid_to else None


@dataclass(frozen=True)
class Asked:
    """When (RFC 3339) and by which kiosk the question was asked; goes into every Coverage."""

    at: str
    by: str


def read_object(body: bytes) -> dict[str, Any]:
    """The answer as a JSON object, its keys folded to lower case (the portal itself varies their case).

    Raises PortalGarbled: a login page, a proxy's error page, half an answer.
    """
    try:
        told = msgspec.json.decode(body.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise PortalGarbled(why="not JSON") from None
    if not isinstance(told, dict):
        raise PortalGarbled(why="not an object")
    return {key.lower(): value for key, value in told.items()}


def result_code(answer: Mapping[str, Any]) -> str:
    """`maKetQua` as text. Raises PortalIncomplete."""
    told = answer.get("maketqua")
    if isinstance(told, int) and not isinstance(told, bool) and 0 <= told < 1000:
        return f"{told:03d}"
    code = _text(answer, "maketqua")
    if not _CODE.fullmatch(code):
        raise PortalIncomplete
    return code


def coverage(answer: Mapping[str, Any], question: CoverageQuestion, asked: Asked) -> Coverage:
    """The Coverage an answer amounts to. Raises PortalIncomplete where it lacks what its own code promises."""
    code = result_code(answer)
    verdict = verdict_of(code)
    if code in ACCEPTED:
        if problem := _disagreement(answer, question):
            # The card may be somebody else's: its data go no further.
            return _plain(Verdict.MISMATCH, code, problem, asked)
        return _with_card(verdict, code, answer, question, asked)
    known = verdict is not Verdict.MANUAL_CHECK or code in ("001", "002", "051", "052", "053")
    return _plain(verdict, code, None if known else UNKNOWN_CODE, asked)


def unanswered(verdict: Verdict, reason: str, asked: Asked, code: str | None = None) -> Coverage:
    """A Coverage without an answer of the portal; `reason` is a code of ours."""
    return _plain(verdict, code, reason, asked)


def _with_card(
    verdict: Verdict, code: str, answer: Mapping[str, Any], question: CoverageQuestion, asked: Asked
) -> Coverage:
    day = _iso_date(question.visit_date)
    cards = [card for card in (_card(answer, "moi"), _card(answer, "")) if card] if code != "000" else []
    if code == "000":
        cards = [card for card in (_card(answer, ""),) if card]
    if day is None or not cards:
        raise PortalIncomplete
    # The newest card first; any that covers the day of the visit wins, else the newest says why not.
    chosen = next((card for card in cards if card.problem_on(day) is None), cards[0])
    problem = chosen.problem_on(day)
    return Coverage(
        verdict=Verdict.NOT_INSURED if problem else verdict,
        result_code=code,
        reason=problem,
        card_number=chosen.number,
        social_security_number=_matching(_SOCIAL, _text(answer, "masobhxh")),
        valid_from=chosen.valid_from.isoformat(),
        valid_to=chosen.valid_to.isoformat(),
        registered_facility=chosen.facility,
        living_area=_matching(_AREA, _text(answer, "makv").upper()),
        five_year_date=_iso(_date(_text(answer, "ngaydu5nam"))),
        asked_at=asked.at,
        asked_by=asked.by,
    )


def _card(answer: Mapping[str, Any], suffix: str) -> _Card | None:
    """The present card (suffix "") or the newly issued one ("moi"); None when any part of it is missing."""
    number = _matching(_CARD, _text(answer, f"mathe{suffix}").upper())
    begins, ends = _date(_text(answer, f"gtthetu{suffix}")), _date(_text(answer, f"gttheden{suffix}"))
    if number is None or begins is None or ends is None:
        return None
    return _Card(number, begins, ends, _matching(_FACILITY, _text(answer, f"madkbd{suffix}").upper()))


def _disagreement(answer: Mapping[str, Any], question: CoverageQuestion) -> str | None:
    """What the insurer holds differently from the card; fields the portal leaves out contradict nothing."""
    name, born, sex = _text(answer, "hoten"), _text(answer, "ngaysinh"), _text(answer, "gioitinh").casefold()
    if name and question.full_name and not same_name(name, question.full_name):
        return NAME_DISAGREES
    if born:
        held, known = portal_day(born), iso_day(question.birth_date or "")
        if held is None:
            raise PortalIncomplete
        if known is not None and not same_day(held, known):
            return BIRTH_DATE_DISAGREES
    if sex in _SEXES and question.sex in ("male", "female") and _SEXES[sex] != question.sex:
        return SEX_DISAGREES
    return None


def _plain(verdict: Verdict, code: str | None, reason: str | None, asked: Asked) -> Coverage:
    return Coverage(verdict=verdict, result_code=code, reason=reason, asked_at=asked.at, asked_by=asked.by)


def _text(answer: Mapping[str, Any], key: str) -> str:
    value = answer.get(key)
    return value.strip() if isinstance(value, str) else ""


def _matching(pattern: re.Pattern[str], text: str) -> str | None:
    return text if pattern.fullmatch(text) else None


def _date(text: str) -> date | None:
    """A whole `dd/MM/yyyy`."""
    parts = portal_day(text)
    return _made(date, parts) if parts is not None and len(parts) == 3 else None


def _iso_date(text: str) -> date | None:
    parts = iso_day(text)
    return _made(date, parts) if parts is not None and len(parts) == 3 else None


def _made(kind: Callable[..., date], parts: tuple[int, ...]) -> date | None:
    try:
        return kind(*parts)
    except ValueError:
        return None


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None
