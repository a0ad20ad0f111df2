"""A code held up is told once."""

from reader.optical.live.sightings import FORGET_SECONDS, Sightings


def test_a_code_that_stays_in_view_is_told_once() -> None:
    sightings = Sightings()
    assert [sightings.fresh(["a"], now / 8) for now in range(100)] == [["a"]] + [[]] * 99


def test_a_code_that_flickers_is_told_once() -> None:
    sightings = Sightings()
    assert sightings.fresh(["a"], 0.0) == ["a"]
    assert sightings.fresh([], 1.0) == []
    assert sightings.fresh(["a"], 1.5) == []


def test_a_code_shown_again_later_is_told_again() -> None:
    sightings = Sightings()
    assert sightings.fresh(["a"], 0.0) == ["a"]
    assert sightings.fresh(["a"], FORGET_SECONDS) == ["a"]


def test_another_code_is_told_at_once_and_twice_in_a_picture_is_once() -> None:
    sightings = Sightings()
    assert sightings.fresh(["a"], 0.0) == ["a"]
    assert sightings.fresh(["a", "b", "b"], 0.1) == ["b"]


def test_a_doubtful_text_is_told_when_a_second_picture_says_the_same() -> None:
    sightings = Sightings(str.isdigit)
    assert sightings.fresh(["123", "card", "123"], 0.0) == ["card"]
    assert sightings.fresh(["124"], 0.1) == []
    assert sightings.fresh(["123", "card"], 0.2) == ["123"]
    assert sightings.fresh(["123"], 0.3) == []
    assert sightings.fresh(["124"], FORGET_SECONDS + 0.2) == []  # too long ago to say the same


def test_a_screen_that_shows_a_new_code_in_every_picture_fills_no_memory() -> None:
    sightings = Sightings()
    for number in range(1000):
        sightings.fresh([f"{number}"], number / 1e6)
    assert len(sightings._seen) <= 100
    assert sightings.fresh(["999"], 0.1) == []
