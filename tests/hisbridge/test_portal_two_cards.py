"""An old and a new card (003, 004), and a card that the portal calls ended and valid at once: which one counts."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hisbridge.lookups.openness import is_worth_keeping
from hisbridge.lookups.portal_answer import moved_to
from hisbridge.questions import Act, Coverage, Verdict
from tests.hisbridge.test_portal_answer import ASKED, DOCUMENTED, QUESTION, on, told
from wire.codec import from_json, to_json

OLD, NEW = "GD4000000000000", "GD4000000000001"
OLD_ENDED = {"gtTheDen": "31/10/2026"}
NEW_BEGUN = {"gtTheTuMoi": "01/11/2026"}
NEW_UNDATED = {"gtTheTuMoi": None, "gtTheDenMoi": None}


def said(code: str, **differences: Any) -> dict[str, Any]:
    """The documented answer as `moved_to` gets it."""
    return {key.lower(): value for key, value in {**DOCUMENTED, "maKetQua": code, **differences}.items()}


@pytest.mark.parametrize(
    ("day", "verdict", "card", "facility"),
    [
        ("2026-11-21", Verdict.VALID_NEW_CARD, OLD, "99999"),
        ("2026-12-31", Verdict.VALID_NEW_CARD, OLD, "99999"),
        ("2027-01-01", Verdict.VALID_NEW_CARD, NEW, "99998"),
        ("2028-01-01", Verdict.NOT_INSURED, NEW, "99998"),
        ("2025-01-01", Verdict.NOT_INSURED, NEW, "99998"),
    ],
)
def test_of_two_cards_the_one_valid_on_the_day_is_taken(day: str, verdict: Verdict, card: str, facility: str) -> None:
    answered = told(on(day), maKetQua="004")
    assert (answered.verdict, answered.card_number, answered.registered_facility) == (verdict, card, facility)
    assert answered.other_card_number == ({OLD, NEW} - {card}).pop()
    assert answered.act is (Act.USE_NEW_CARD if verdict is Verdict.VALID_NEW_CARD else Act.ASK_RENEWED_CARD)


def test_while_both_cards_are_known_the_hand_over_has_the_days_of_both_and_is_told_to_ask_again() -> None:
    answered = told(maKetQua="004")
    assert (answered.card_number, answered.valid_from, answered.valid_to) == (OLD, "2026-01-01", "2026-12-31")
    assert (answered.other_card_number, answered.other_valid_from, answered.other_valid_to) == (
        NEW,
        "2027-01-01",
        "2027-12-31",
    )
    assert (answered.registered_facility, answered.other_registered_facility) == ("99999", "99998")
    assert answered.recheck_before_discharge
    assert from_json(to_json(answered), Coverage) == answered


def test_a_new_card_under_the_old_ones_number_has_days_of_its_own() -> None:
    answered = told(maKetQua="004", maTheMoi=OLD)
    assert (answered.card_number, answered.other_card_number) == (OLD, OLD)
    assert (answered.valid_to, answered.other_valid_from) == ("2026-12-31", "2027-01-01")


def test_a_new_card_that_is_told_twice_is_one_card() -> None:
    new = {"maThe": NEW, "gtTheTu": "01/11/2026", "gtTheDen": "31/12/2027", "maDKBD": None}
    answered = told(maKetQua="003", **new, **NEW_BEGUN)
    assert (answered.verdict, answered.card_number) == (Verdict.VALID_NEW_CARD, NEW)
    assert answered.other_card_number is answered.other_valid_from is answered.other_valid_to is None


@pytest.mark.parametrize("code", ["000", "003"])
def test_only_a_card_that_is_about_to_be_replaced_is_asked_for_again(code: str) -> None:
    answered = told(maKetQua=code, **NEW_BEGUN)
    assert answered.card_number is not None
    assert not answered.recheck_before_discharge


def test_an_answer_without_cover_asks_for_nothing_before_discharge() -> None:
    assert not told(on("2028-01-01"), maKetQua="004").recheck_before_discharge


def test_a_new_card_without_its_dates_is_named_and_the_old_one_is_used_while_it_lasts() -> None:
    answered = told(maKetQua="004", gtTheTuMoi=None)
    assert (answered.card_number, answered.other_card_number) == (OLD, NEW)
    assert answered.other_valid_from is answered.other_valid_to is None
    assert answered.recheck_before_discharge


@pytest.mark.parametrize("code", ["003", "004"])
@pytest.mark.parametrize("missing", [NEW_UNDATED, {"gtTheDenMoi": ""}, {"maTheMoi": None, **NEW_UNDATED}])
def test_an_old_card_that_ended_says_nothing_of_a_new_one_whose_days_are_not_told(
    code: str, missing: dict[str, Any]
) -> None:
    answered = told(maKetQua=code, **OLD_ENDED, **missing)
    assert (answered.verdict, answered.act) == (Verdict.MANUAL_CHECK, Act.INSPECT_PAPERS)
    assert answered.reason == "coverage.card_incomplete"


@pytest.mark.parametrize("new", [{}, NEW_UNDATED, {"maTheMoi": OLD}, {"maTheMoi": None, **NEW_UNDATED}])
def test_a_card_that_is_called_expired_is_never_valid_today_whatever_days_it_bears(new: dict[str, Any]) -> None:
    answered = told(maKetQua="003", **new)
    assert (answered.verdict, answered.act) == (Verdict.MANUAL_CHECK, Act.INSPECT_PAPERS)
    assert answered.reason == "coverage.contradictory"
    assert answered.card_number is None
    assert not is_worth_keeping(answered)


def test_a_card_that_expired_since_counts_for_the_day_before() -> None:
    answered = told(on("2026-11-20"), maKetQua="003", gtTheDen="20/11/2026", gtTheTuMoi="21/11/2026")
    assert (answered.verdict, answered.card_number) == (Verdict.VALID_NEW_CARD, OLD)


def test_between_two_cards_there_is_no_cover() -> None:
    answered = told(maKetQua="003", **OLD_ENDED)
    assert (answered.verdict, answered.reason) == (Verdict.NOT_INSURED, "coverage.not_yet_valid")
    assert (answered.card_number, answered.valid_from) == (NEW, "2027-01-01")


def test_an_old_card_that_is_known_only_as_the_previous_one_is_named() -> None:
    answered = told(maKetQua="003", maThe=NEW, gtTheDen="31/12/2027", maTheCu=OLD)
    assert (answered.verdict, answered.card_number, answered.other_card_number) == (Verdict.VALID_NEW_CARD, NEW, OLD)


def test_a_new_card_that_is_told_as_the_present_one_is_judged_by_its_own_days() -> None:
    alone = {"maThe": NEW, "maTheCu": OLD, "maTheMoi": None, **NEW_UNDATED}
    assert told(maKetQua="003", **alone).verdict is Verdict.VALID_NEW_CARD
    late = told(on("2027-01-01"), maKetQua="003", **alone)
    assert (late.verdict, late.reason) == (Verdict.NOT_INSURED, "coverage.expired")


def test_the_very_card_that_was_called_ended_is_not_valid_under_another_number() -> None:
    decided = moved_to(told(), said("121"), QUESTION, ASKED)
    assert (decided.verdict, decided.act, decided.reason) == (
        Verdict.MANUAL_CHECK,
        Act.INSPECT_PAPERS,
        "coverage.contradictory",
    )
    assert decided.card_number is None


def test_a_renewed_card_may_bear_the_number_of_the_one_that_ended() -> None:
    decided = moved_to(told(), said("123", gtTheTu="01/01/2025", gtTheDen="31/10/2025"), QUESTION, ASKED)
    assert (decided.verdict, decided.card_number) == (Verdict.VALID, OLD)


@pytest.mark.parametrize("code", ["000", "003", "004"])
@pytest.mark.parametrize("ended", ["121", "122", "123"])
def test_what_is_no_cover_stays_none_after_an_ended_card(code: str, ended: str) -> None:
    late = told(on("2029-01-01"), maKetQua=code)
    assert moved_to(late, said(ended), QUESTION, ASKED) == late


DAYS = st.sampled_from(["01/01/2026", "31/10/2026", "20/11/2026", "21/11/2026", "22/11/2026", "31/12/2027", "", None])
VISITS = st.sampled_from(["2026-11-20", "2026-11-21", "2026-11-22", "2027-12-31"])
CARDS = st.sampled_from([OLD, NEW, None])


@given(
    st.sampled_from(["000", "003", "004"]),
    VISITS,
    st.fixed_dictionaries({"maThe": CARDS, "maTheMoi": CARDS, "maTheCu": CARDS}),
    st.fixed_dictionaries({"gtTheTu": DAYS, "gtTheDen": DAYS, "gtTheTuMoi": DAYS, "gtTheDenMoi": DAYS}),
)
def test_whatever_two_cards_are_told_only_one_that_covers_the_day_is_valid_and_none_that_expired(
    code: str, visit: str, cards: dict[str, Any], days: dict[str, Any]
) -> None:
    answered = told(on(visit), maKetQua=code, **cards, **days)
    if answered.verdict not in (Verdict.VALID, Verdict.VALID_NEW_CARD):
        return
    begins, ends = answered.valid_from or "", answered.valid_to or ""
    assert begins <= visit <= ends
    written = tuple("/".join(reversed(day.split("-"))) for day in (begins, ends))
    as_new = (cards["maTheMoi"], days["gtTheTuMoi"], days["gtTheDenMoi"]) == (answered.card_number, *written)
    replaced = cards["maTheCu"] in (None, cards["maThe"])
    assert as_new or (cards["maThe"], days["gtTheTu"], days["gtTheDen"]) == (answered.card_number, *written)
    assert as_new or code != "003" or not replaced or visit < "2026-11-21"
    assert answered.recheck_before_discharge == (code == "004")
