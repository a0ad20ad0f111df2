"""The bars of the outbox and of rendering, in short: by counts and by CPU time in turn, which no busy machine changes.

The rates themselves, with the disk's own pace in them, are what `make bench` prints.
"""

from collections.abc import Iterator

import pytest

from benchmarks.delivery import Cost, Draining, Enqueuing, draining, enqueuing
from benchmarks.patient_records import patient_record
from benchmarks.rendering import fhir_table, hl7_table
from benchmarks.table import Table
from benchmarks.waiting import CLAIM_BAR_MS, MEMORY_BAR_MB, Crowd, crowd, peaks
from hisbridge.pacing import BATCH, Pace
from wire.codec import to_json

pytestmark = pytest.mark.peer


@pytest.fixture
def pair() -> Iterator[Enqueuing]:
    with enqueuing() as made:
        yield made


def test_an_enqueue_asks_of_the_database_what_a_bare_insert_asks(pair: Enqueuing) -> None:
    ours: list[str] = []
    bare: list[str] = []
    pair.outbox.set_trace_callback(ours.append)
    pair.table.set_trace_callback(bare.append)
    pair.enqueue(patient_record(0))
    pair.bare("{}")
    # One commit each is one flush each: on a real disk that is nearly all of it.
    assert [one.split()[0] for one in ours] == [one.split()[0] for one in bare] == ["BEGIN", "INSERT", "COMMIT"]


def test_an_enqueue_writes_few_pages_more_than_a_bare_insert(pair: Enqueuing) -> None:
    ours, bare = pair.pages(range(120))
    assert bare < 2.5
    # One for each of four indexes, and their splits.
    assert ours < bare + 6.5


def test_an_enqueue_computes_less_than_three_times_as_much_as_a_bare_insert(pair: Enqueuing) -> None:
    ours, bare = Cost(), Cost()
    for number in range(120):
        record = patient_record(number)
        body = to_json(record).decode()
        ours.take(lambda one=record: pair.enqueue(one))  # type: ignore[misc]
        bare.take(lambda text=body: pair.bare(text))  # type: ignore[misc]
    assert ours.cpu < 3 * bare.cpu


@pytest.fixture(scope="module")
def ways() -> Iterator[Draining]:
    # A clock that stands still: no batch is ever over, so how much is written at once is the same on every machine.
    with draining(2 * BATCH, Pace(monotonic=lambda: 0.0)) as made:
        yield made


def test_fifty_deliveries_share_two_durable_writes(ways: Draining) -> None:
    ways.drain()
    # A courier begins with one more: it takes back what an earlier one left.
    assert ways.writes <= 1 + 2 * 2


def test_durable_outcomes_cost_less_than_the_sending_itself(ways: Draining) -> None:
    drained, sent = Cost(), Cost()
    sent.take(ways.send)
    ways.owe_again()
    drained.take(ways.drain)
    assert sent.cpu / drained.cpu > 0.6


def cpu(table: Table, begins: str) -> float:
    return next(float(row[1] or 0) for row in table.rows if str(row[0]).startswith(begins))


def test_a_message_is_rendered_ten_times_as_fast_as_by_hl7apy() -> None:
    table = hl7_table(30)
    assert cpu(table, "hl7apy") > 10 * cpu(table, "ours, from the record")
    assert cpu(table, "hl7apy") > 10 * cpu(table, "ours, and the codes")
    assert cpu(table, "python-hl7") > cpu(table, "ours, from the record")


def test_a_bundle_is_rendered_faster_than_by_fhir_resources() -> None:
    table = fhir_table(30)
    assert cpu(table, "fhir.resources") > 4 * cpu(table, "ours, from the record")


def test_a_bridge_with_thousands_waiting_stays_small_while_it_drains() -> None:
    ready, most = peaks(10_000, 3_000, 2 * BATCH)
    assert ready <= most < MEMORY_BAR_MB


SMALL, LARGE = 2_000, 20_000


def steps(made: Crowd) -> float:
    claimed = made.claims(3)
    assert {one.taken for one in claimed} == {BATCH} or {one.taken for one in claimed} == {1}
    return max(one.steps for one in claimed)


@pytest.mark.parametrize("persons", [1_500, 100, 1])
def test_a_claim_does_not_grow_with_what_waits(persons: int) -> None:
    with crowd(SMALL, persons) as few, crowd(LARGE, persons) as many:
        assert steps(many) < 1.5 * steps(few)


def test_what_went_out_before_does_not_slow_a_person_down() -> None:
    with crowd(SMALL, 1) as made:
        before = steps(made)
        made.acknowledge(SMALL // 2)
        assert steps(made) < 1.5 * before


def test_a_look_that_finds_nothing_to_take_is_short_enough() -> None:
    with crowd(LARGE, 100) as made:
        _ = made.claim(), made.claim()
        looked = made.claim()
    assert looked.taken == 0
    # Instructions, of which the slowest kiosk does fifty thousand in a millisecond or so.
    assert looked.steps < 20 * LARGE / 1000
    assert looked.cpu < CLAIM_BAR_MS
