"""A code held up is told once."""

from reader.optical.sightings import FORGET_SECONDS, Sightings


def test_a_code_that_stays_in_view_is_told_once() -> None:
    sightings = Sightings()
    assert [sightings.fresh([b"a"], now / 8) for now in range(100)] == [[b"a"]] + [[]] * 99


def test_a_code_that_flickers_is_told_once() -> None:
    sightings = Sightings()
    assert sightings.fresh([b"a"], 0.0) == [b"a"]
    assert sightings.fresh([], 1.0) == []
    assert sightings.fresh([b"a"], 1.5) == []


def test_a_code_shown_again_later_is_told_again() -> None:
    sightings = Sightings()
    assert sightings.fresh([b"a"], 0.0) == [b"a"]
    assert sightings.fresh([b"a"], FORGET_SECONDS) == [b"a"]


def test_another_code_is_told_at_once_and_twice_in_a_picture_is_once() -> None:
    sightings = Sightings()
    assert sightings.fresh([b"a"], 0.0) == [b"a"]
    assert sightings.fresh([b"a", b"b", b"b"], 0.1) == [b"b"]
