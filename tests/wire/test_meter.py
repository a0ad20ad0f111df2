"""What a process counts of itself: exact from many threads, bounded whatever it is given, empty of foreign text."""

import threading
from pathlib import Path

from wire.meter import MOST_SERIES, OTHER, Meter, level


def counts(meter: Meter) -> dict[tuple[str, ...], float]:
    return {one.labels: one.value for one in meter.figures().counts}


def test_nothing_is_lost_between_threads() -> None:
    meter = Meter()

    def work() -> None:
        for _ in range(2000):
            meter.count("a_total", "x")
            meter.spread("b_seconds", 0.3)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    figures = meter.figures()
    assert counts(meter) == {("x",): 16000.0}
    assert (sum(figures.spreads[0].counts), round(figures.spreads[0].total)) == (16000, 4800)


def test_a_value_on_a_bound_belongs_below_it_and_the_largest_beyond_all() -> None:
    meter = Meter()
    for seconds in (1.0, 2.0, 2.1, 999.0, -5.0):
        meter.spread("a_seconds", seconds, bounds=(1.0, 2.0))
    (one,) = meter.figures().spreads
    assert (one.counts, one.total) == ((2, 1, 2), 1004.1)


def test_what_came_from_outside_never_becomes_a_label() -> None:
    meter = Meter()
    for text in ("Nguyễn Văn An", "a b", 'x"} 1\n', "", "x" * 65, "../etc", "001303900017", "code.0912345678"):
        meter.count("a_total", text)
    meter.count("a_total", "reader.card_removed")
    assert counts(meter) == {(OTHER,): 8.0, ("reader.card_removed",): 1.0}
    assert level("a", 1, "Trần Thị Mẫu").labels == (OTHER,)


def test_labels_are_bounded_in_number() -> None:
    meter = Meter()
    for number in range(1000):
        meter.count("a_total", f"code{number}")
    told = counts(meter)
    assert len(told) == MOST_SERIES + 1
    assert told[(OTHER,)] == 1000 - MOST_SERIES
    assert sum(told.values()) == 1000


def test_a_process_tells_what_it_costs(tmp_path: Path) -> None:
    process = Meter(started_at=5.0).figures().process
    assert process.started_at == 5.0
    assert process.resident_bytes > 5_000_000
    assert process.open_files > 2
    assert process.threads >= 1
    nowhere = Meter().figures(proc=tmp_path / "nowhere").process  # where the kernel tells nothing
    assert (nowhere.resident_bytes, nowhere.open_files, nowhere.threads) == (-1, -1, -1)
