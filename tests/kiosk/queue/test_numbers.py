"""Numbers of a day: every range, every kiosk, whatever the settings become at noon."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from kiosk.states import Choice
from kiosk.tickets import number, source_of
from tests.kiosk.queue.hall import hospital, opened, service

A_DAY = 3000  # tickets of one range


@st.composite
def ranges(draw: st.DrawFn) -> list[tuple[int, int]]:
    """Ranges of one prefix, side by side, as the settings allow them."""
    bounds = sorted(draw(st.sets(st.integers(1, 9999), min_size=2, max_size=6)))
    return [(first, later - 1) for first, later in zip(bounds, [*bounds[1:], 10_000], strict=True)]


@given(ranges(), st.integers(1, A_DAY))
def test_no_number_and_no_place_is_given_twice_however_small_the_ranges(
    spans: list[tuple[int, int]], most: int
) -> None:
    given_out = [number("A", count, first, last) for first, last in spans for count in range(1, min(most, 400))]
    assert len({one.text for one in given_out}) == len(given_out) == len({one.sequence for one in given_out})
    assert len({source_of("A", first) for first, _ in spans}) == len(spans)


def test_kiosks_with_prefixes_of_their_own_call_no_number_twice(tmp_path: Path) -> None:
    services = (service("KB"), service("XN", number_prefix="X"), service("TP", first_number=1, last_number=9999))
    numbers = []
    for prefix in ("A", "B"):
        with opened(hospital(tmp_path, services, (), prefix=prefix), durable=False) as hall:
            for turn in range(12):
                choice = Choice(("KB", "XN", "TP")[turn % 3])
                numbers.append(hall.store.counter_ticket(f"{prefix}-{turn}", choice=choice).ticket.number)
    assert len(set(numbers)) == 24
    assert numbers[:3] == ["A0001", "AX0001", "A0002"]  # two services share one range


def test_numbers_given_this_morning_under_other_settings_are_left_out(tmp_path: Path) -> None:
    """The technician parts one range in two at noon: the check-in goes on, and nobody has a number twice."""
    with opened(hospital(tmp_path, (service("KB"),), ())) as hall:
        before = [hall.store.counter_ticket(f"m-{turn}").ticket.number for turn in range(12)]
    parted = (service("KB", last_number=9), service("XN", first_number=10, last_number=9999))
    with opened(hospital(tmp_path, parted, ())) as hall:
        after = [hall.store.counter_ticket(f"n-{turn}", choice=Choice("XN")).ticket.number for turn in range(3)]
        after += [hall.store.counter_ticket(f"o-{turn}", choice=Choice("KB")).ticket.number for turn in range(2)]
    assert after == ["0013", "0014", "0015", "0004B", "0005B"]
    assert not set(before) & set(after)
