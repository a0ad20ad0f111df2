"""What an insurance answer lets reception propose: benefit level, why this facility is the right one, reason code.

Pure. Every value is a proposal: MA_DOITUONG_KCB is fixed at the end of the visit, by the hospital (services.md 2.7).
Where the reference leaves a doubt, nothing is proposed and the officer decides.
"""

import re
from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Literal

from config.settings import FacilitySettings, SiteSettings
from hisbridge.questions import Coverage, CoverageQuestion, Entitlement, Verdict

Route = Literal["registered", "primary_level", "referred", "appointment", "emergency", "officer_decides"]

# Services.md 2.1: the digit says it; the group letters do not (their digits changed on 1 January 2026).
BENEFIT_PERCENT: Mapping[str, int] = MappingProxyType({"1": 100, "2": 100, "3": 95, "4": 80, "5": 100})
OBJECT_CODES: Mapping[Route, str] = MappingProxyType(
    {"emergency": "2", "registered": "1.1", "primary_level": "1.2", "referred": "1.3", "appointment": "1.5"}
)
NOT_AN_INSURANCE_VISIT = "9"
WRONG_ROUTE = "his_proxy.wrong_route"  # reason of a Coverage whose source knows the facility to be the wrong one
SOON_DAYS = 30
HALF_PAID_FROM = date(2026, 7, 1)  # services.md 2.6: before it, codes 1.13 and 1.14 pay nothing to an outpatient

_COVERED = (Verdict.VALID, Verdict.VALID_NEW_CARD)
_NO_CARD_TO_GO_BY = (Verdict.NOT_INSURED, Verdict.MISMATCH)  # no cover, or somebody else's
_WHOLE_CARD = re.compile(r"[A-Z]{2}([1-5])[0-9]{12}")
_FACILITY = re.compile(r"[0-9A-Z]{5}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def entitlement(
    coverage: Coverage, question: CoverageQuestion, site: SiteSettings, facility: FacilitySettings
) -> Entitlement:
    """The hints this answer gives for this visit at this facility. Never raises.

    The route is the first that holds of: emergency, own registered facility, own primary level, transfer, appointment
    (services.md 2.7, proposal rule). A code goes with it only where there is cover on the day of the visit; the one
    exception is an emergency, where the card may be shown until discharge (services.md 1.4), unless the insurer
    has said no. Where the source itself calls the route wrong, card and facility prove none; a slip still does.
    """
    day = _day(question.visit_date)
    covered = coverage.verdict in _COVERED and _in_force(coverage, day)
    route = _route(coverage, question, site, facility, covered)
    level = None if coverage.verdict in _NO_CARD_TO_GO_BY else benefit_level(coverage.card_number)
    return Entitlement(
        benefit_level=level,
        benefit_percent=BENEFIT_PERCENT[level] if level else None,
        route=route,
        object_code=_object_code(coverage, route, facility, covered, day),
        five_years_reached=_reached(coverage, day),
        expires_in_days=_days_left(coverage, day) if covered else None,
    )


def benefit_level(card_number: str | None) -> str | None:
    """Third character of a 15-character card; the ten digits alone do not hold it (services.md 2.1)."""
    found = _WHOLE_CARD.fullmatch(card_number or "")
    return found[1] if found else None


def _route(
    coverage: Coverage, question: CoverageQuestion, site: SiteSettings, facility: FacilitySettings, covered: bool
) -> Route:
    # In the table emergency (2) stands below 1.1 and 1.2, and at the visit's end the first matching row counts. The
    # proposal rule puts it first all the same: that a person came as an emergency is known at reception only, while
    # anybody can tell later from the card and the facility that 1.1 or 1.2 holds as well.
    if question.circumstance == "emergency":
        return "emergency"
    at_home = covered and coverage.reason != WRONG_ROUTE
    if at_home and _FACILITY.fullmatch(site.facility_code) and coverage.registered_facility == site.facility_code:
        return "registered"
    if at_home and facility.level == "primary":
        return "primary_level"
    if question.circumstance == "transfer":
        return "referred"
    return "appointment" if question.circumstance == "appointment" else "officer_decides"


def _object_code(
    coverage: Coverage, route: Route, facility: FacilitySettings, covered: bool, day: date | None
) -> str | None:
    if coverage.verdict is Verdict.NOT_INSURED:
        return NOT_AN_INSURANCE_VISIT
    if route == "emergency":
        return OBJECT_CODES[route]
    if not covered:
        return None
    if route in OBJECT_CODES:
        return OBJECT_CODES[route]
    return None if coverage.reason == WRONG_ROUTE else _came_alone(facility, day)


def _came_alone(facility: FacilitySettings, day: date | None) -> str | None:
    """The row for an outpatient whom nobody sent, where the facility alone decides it (services.md 2.6, 2.7).

    Only rows 1.12 to 1.14 qualify: every later one stands below rows that hang on admission (1.15) or on the
    diagnosis (1.16, 1.17), which reception does not know. 0 points are taken as not told.
    """
    if facility.level != "basic" or facility.points == 0:
        return None
    if facility.points < 50:
        return "1.12"
    if day is None or day < HALF_PAID_FROM:
        return None  # nothing would be paid: whether it is an insurance visit at all is not ours to propose
    if facility.former_level in ("", "district"):
        return None  # row 3.3 (formerly district) pays in full where 1.13 pays half
    if facility.points < 70:
        return "1.13"
    return "1.14" if facility.former_level in ("province", "central") else None


def _in_force(coverage: Coverage, day: date | None) -> bool:
    """Whether nothing speaks against the card on the day of the visit; an end that is not told does not."""
    begins, ends = _day(coverage.valid_from), _day(coverage.valid_to)
    return day is not None and (begins is None or begins <= day) and (ends is None or day <= ends)


def _reached(coverage: Coverage, day: date | None) -> bool | None:
    five = _day(coverage.five_year_date)
    return None if five is None or day is None or coverage.verdict in _NO_CARD_TO_GO_BY else five <= day


def _days_left(coverage: Coverage, day: date | None) -> int | None:
    ends = _day(coverage.valid_to)
    if ends is None or day is None:
        return None
    left = (ends - day).days
    return left if 0 <= left <= SOON_DAYS else None


def _day(text: str | None) -> date | None:
    if text is None or not _DAY.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
