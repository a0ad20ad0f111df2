"""The proposals drawn from an insurance answer: every row of the table that reception can know, and nothing beyond."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.codelists.groups import object_codes
from config.settings import FacilitySettings, SiteSettings, load
from hisbridge.lookups.entitlement import entitlement
from hisbridge.questions import Coverage, CoverageQuestion, Entitlement, Verdict

OURS, ANOTHER = "99999", "99998"
DAY = "2026-11-21"
SITE = load().site
NONE = FacilitySettings(level="", points=0, former_level="")


def facility(level: Any = "", points: int = 0, former_level: Any = "") -> FacilitySettings:
    return FacilitySettings(level=level, points=points, former_level=former_level)


def site(code: str = OURS) -> SiteSettings:
    return msgspec.structs.replace(SITE, facility_code=code)


def hints(
    circumstance: Any = "none", here: FacilitySettings = NONE, *, visit: str = DAY, code: str = OURS, **answer: Any
) -> Entitlement:
    usual: dict[str, Any] = {
        "verdict": Verdict.VALID,
        "card_number": "GD4000000000000",
        "valid_from": "2026-01-01",
        "valid_to": "2027-12-31",
        "registered_facility": ANOTHER,
    }
    question = CoverageQuestion(personal_id="000099999999", visit_date=visit, circumstance=circumstance)
    return entitlement(Coverage(**{**usual, **answer}), question, site(code), here)


BASIC_49 = facility("basic", 49, "district")
BASIC_50 = facility("basic", 50, "province")
BASIC_69 = facility("basic", 69, "commune")
BASIC_70 = facility("basic", 70, "central")


@pytest.mark.parametrize(
    ("circumstance", "here", "answer", "route", "object_code"),
    [
        # The proposal rule of services.md 2.7, in its order.
        ("emergency", NONE, {}, "emergency", "2"),
        ("emergency", facility("primary"), {"registered_facility": OURS}, "emergency", "2"),
        ("none", NONE, {"registered_facility": OURS}, "registered", "1.1"),
        ("none", facility("primary"), {"registered_facility": OURS}, "registered", "1.1"),
        ("transfer", NONE, {"registered_facility": OURS}, "registered", "1.1"),
        ("appointment", BASIC_49, {"registered_facility": OURS}, "registered", "1.1"),
        ("none", facility("primary"), {}, "primary_level", "1.2"),
        ("transfer", facility("primary"), {}, "primary_level", "1.2"),
        ("none", facility("primary"), {"registered_facility": None}, "primary_level", "1.2"),
        ("transfer", NONE, {}, "referred", "1.3"),
        ("transfer", BASIC_49, {}, "referred", "1.3"),
        ("appointment", NONE, {}, "appointment", "1.5"),
        ("appointment", facility("specialised", 80, "central"), {}, "appointment", "1.5"),
        # Nobody sent the person: rows that the facility alone decides.
        ("none", BASIC_49, {}, "officer_decides", "1.12"),
        ("none", facility("basic", 1, "central"), {}, "officer_decides", "1.12"),
        ("none", BASIC_50, {}, "officer_decides", "1.13"),
        ("none", BASIC_69, {}, "officer_decides", "1.13"),
        ("none", BASIC_70, {}, "officer_decides", "1.14"),
        ("none", facility("basic", 90, "province"), {}, "officer_decides", "1.14"),
        # A doubt is the officer's.
        ("none", NONE, {}, "officer_decides", None),
        ("none", facility("basic", 0, "province"), {}, "officer_decides", None),
        ("none", facility("basic", 60, "district"), {}, "officer_decides", None),
        ("none", facility("basic", 60, ""), {}, "officer_decides", None),
        ("none", facility("basic", 70, "commune"), {}, "officer_decides", None),
        ("none", facility("specialised", 60, "province"), {}, "officer_decides", None),
        ("none", facility("specialised", 95, "central"), {}, "officer_decides", None),
        ("none", facility("specialised", 95, "district"), {}, "officer_decides", None),
    ],
)
def test_each_row_of_the_table_is_proposed_where_reception_can_know_it(
    circumstance: str, here: FacilitySettings, answer: dict[str, Any], route: str, object_code: str | None
) -> None:
    told = hints(circumstance, here, **answer)
    assert (told.route, told.object_code) == (route, object_code)


@pytest.mark.parametrize("circumstance", ["none", "transfer", "appointment", "emergency"])
def test_a_person_without_cover_makes_no_insurance_visit(circumstance: str) -> None:
    told = hints(circumstance, facility("primary"), verdict=Verdict.NOT_INSURED, registered_facility=OURS)
    assert told.object_code == "9"
    assert (told.benefit_level, told.benefit_percent, told.expires_in_days) == (None, None, None)


@pytest.mark.parametrize(
    "verdict",
    [
        Verdict.MANUAL_CHECK,
        Verdict.MISMATCH,
        Verdict.CHILD_TEMPORARY,
        Verdict.UNVERIFIED,
        Verdict.CONFIGURATION_ERROR,
    ],
)
def test_without_a_confirmed_cover_only_the_emergency_has_a_code(verdict: Verdict) -> None:
    for circumstance, route in [("transfer", "referred"), ("appointment", "appointment"), ("none", "officer_decides")]:
        told = hints(circumstance, facility("primary"), verdict=verdict, registered_facility=OURS)
        assert (told.route, told.object_code) == (route, None)
    assert hints("emergency", verdict=verdict).object_code == "2"


@pytest.mark.parametrize("verdict", [Verdict.VALID, Verdict.VALID_NEW_CARD])
def test_a_new_card_counts_like_the_old_one(verdict: Verdict) -> None:
    assert hints(verdict=verdict, registered_facility=OURS).object_code == "1.1"


@pytest.mark.parametrize("here", [BASIC_50, BASIC_69, BASIC_70])
def test_the_half_paid_rows_begin_in_july_2026(here: FacilitySettings) -> None:
    assert hints(here=here, visit="2026-06-30").object_code is None
    assert hints(here=here, visit="2026-07-01").object_code is not None


def test_the_fully_paid_row_does_not_wait_for_july_2026() -> None:
    assert hints(here=BASIC_49, visit="2026-06-30").object_code == "1.12"


def test_a_source_that_calls_the_route_wrong_leaves_only_what_the_person_brings() -> None:
    wrong = {"reason": "his_proxy.wrong_route", "registered_facility": OURS}
    assert hints(here=facility("primary"), **wrong).route == "officer_decides"
    assert hints(here=BASIC_49, **wrong).object_code is None
    assert hints("transfer", **wrong).object_code == "1.3"
    assert hints("appointment", **wrong).object_code == "1.5"
    assert hints("emergency", **wrong).object_code == "2"


def test_two_facilities_without_a_code_are_not_the_same_facility() -> None:
    assert hints(code="", registered_facility="").route == "officer_decides"


@pytest.mark.parametrize("visit", ["2025-12-31", "2028-01-01", "soon", "2026-02-30"])
def test_a_card_that_is_not_in_force_on_the_visit_proves_no_route(visit: str) -> None:
    told = hints(here=facility("primary"), registered_facility=OURS, visit=visit)
    assert (told.route, told.object_code) == ("officer_decides", None)


@pytest.mark.parametrize(
    ("card", "level", "percent"),
    [
        ("GD1000000000000", "1", 100),
        ("GD2000000000000", "2", 100),
        ("GD3000000000000", "3", 95),
        ("GD4000000000000", "4", 80),
        ("QN5000000000000", "5", 100),
        ("CN4000000000000", "4", 80),  # the group would say 2 since 2026; the digit counts
        ("GD0000000000000", None, None),
        ("GD6000000000000", None, None),
        ("0000000000", None, None),  # ten digits hold no benefit digit
        ("4440000000", None, None),
        ("gd4000000000000", None, None),
        ("GD400000000000", None, None),
        ("GD4000000000000\n", None, None),
        ("GD4٠٠٠٠٠٠٠٠٠٠٠٠", None, None),
        ("", None, None),
        (None, None, None),
    ],
)
def test_the_benefit_is_read_from_the_digit_alone(card: str | None, level: str | None, percent: int | None) -> None:
    told = hints(card_number=card)
    assert (told.benefit_level, told.benefit_percent) == (level, percent)


def test_somebody_elses_card_gives_no_hint() -> None:
    told = hints(verdict=Verdict.MISMATCH, five_year_date="2020-01-01")
    assert told == Entitlement(route="officer_decides")


@pytest.mark.parametrize(
    ("five", "reached"),
    [(DAY, True), ("2026-11-20", True), ("2026-11-22", False), (None, None), ("2026-13-01", None), ("", None)],
)
def test_five_years_are_reached_on_the_day_itself(five: str | None, reached: bool | None) -> None:
    assert hints(five_year_date=five).five_years_reached is reached


@pytest.mark.parametrize(
    ("ends", "days"),
    [
        ("2026-11-21", 0),
        ("2026-11-22", 1),
        ("2026-12-21", 30),
        ("2026-12-22", None),
        ("2026-11-20", None),
        (None, None),
        ("9999-12-31", None),
        ("31/12/2026", None),
    ],
)
def test_the_last_thirty_days_of_a_card_are_told(ends: str | None, days: int | None) -> None:
    assert hints(valid_to=ends).expires_in_days == days


texts = (
    st.none() | st.text(max_size=16) | st.sampled_from([OURS, ANOTHER, DAY, "2026-06-30", "0001-01-01", "9999-12-31"])
)
numbers = texts | st.from_regex(r"\A[A-Z]{2}[0-9]{13}\n?\Z")


@settings(deadline=None)
@given(
    coverage=st.builds(
        Coverage,
        verdict=st.sampled_from(Verdict),
        card_number=numbers,
        valid_from=texts,
        valid_to=texts,
        registered_facility=texts,
        five_year_date=texts,
    ),
    visit=texts.map(str),
    circumstance=st.sampled_from(["none", "emergency", "transfer", "appointment"]),
    here=st.builds(
        facility,
        st.sampled_from(["", "primary", "basic", "specialised"]),
        st.integers(0, 100),
        st.sampled_from(["", "commune", "district", "province", "central"]),
    ),
    code=st.sampled_from([OURS, ANOTHER, ""]),
)
def test_no_answer_makes_it_raise_or_propose_what_the_table_does_not_hold(
    coverage: Coverage, visit: str, circumstance: Any, here: FacilitySettings, code: str
) -> None:
    question = CoverageQuestion(visit_date=visit, circumstance=circumstance)
    told = entitlement(coverage, question, site(code), here)
    assert told.object_code is None or told.object_code in object_codes()
    assert told.benefit_percent in (None, 80, 95, 100)
    assert (told.benefit_level is None) == (told.benefit_percent is None)
    assert told.expires_in_days is None or 0 <= told.expires_in_days <= 30
    if coverage.verdict is Verdict.NOT_INSURED:
        assert told.object_code == "9"
    elif coverage.verdict not in (Verdict.VALID, Verdict.VALID_NEW_CARD):
        assert told.object_code == ("2" if circumstance == "emergency" else None)
