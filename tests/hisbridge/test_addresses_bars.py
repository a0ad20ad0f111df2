"""Generated addresses in spellings that were looked at while the parser was made, and in others (benchmarks)."""

import pytest

from benchmarks.addresses import HARDER, HELD_OUT, USUAL, Spelling, draw, judge, text_of
from config.codelists.places import Era, places
from hisbridge.addresses import parse_address

EACH = 60


@pytest.mark.parametrize("era", Era)
@pytest.mark.parametrize("spelling", (USUAL | HELD_OUT).values(), ids=(USUAL | HELD_OUT).keys())
def test_97_of_100_are_right_and_no_other_ward_is_called_sure(spelling: Spelling, era: Era) -> None:
    score, _ = judge(draw(places(), era, seed=11, count=EACH), spelling)
    assert score.share >= 97 - 100 / EACH  # one by chance
    assert score.silent == 0


@pytest.mark.parametrize("spellings", [USUAL, HELD_OUT], ids=["usual", "held-out"])
def test_97_of_100_are_right_over_all_spellings(spellings: dict[str, Spelling]) -> None:
    scores = [
        judge(draw(places(), era, seed=12, count=40), spelling)[0] for spelling in spellings.values() for era in Era
    ]
    assert sum(score.right for score in scores) >= 0.97 * sum(score.asked for score in scores)


@pytest.mark.parametrize("spelling", HARDER.values(), ids=HARDER.keys())
def test_nothing_wrong_is_called_sure_where_something_is_missing_or_mistyped(spelling: Spelling) -> None:
    for era in Era:
        assert judge(draw(places(), era, seed=13, count=100), spelling)[0].silent == 0


@pytest.mark.parametrize("spelling", (USUAL | HELD_OUT).values(), ids=(USUAL | HELD_OUT).keys())
def test_every_third_split_ward_is_offered_whole_and_never_guessed(spelling: Spelling) -> None:
    known = places()
    for ward in [ward for ward in known.old_wards.values() if len(ward.new_codes) > 1][::3]:
        found = parse_address(spelling(text_of(known, ward)))
        assert found.new_ward_code is None
        assert set(ward.new_codes) <= {one.new_ward_code for one in found.candidates} or found.ward_code is None
