"""The reader process on a socket of the test's own."""

import threading
from collections.abc import Callable, Iterator

import pytest

from reader.chip.task import Surroundings
from reader.process import serve
from tests.reader.bench import Bench, Clock, Lines, Running, Source, settings
from tests.reader.chip.cards import NOW


@pytest.fixture
def start(run_dir) -> Iterator[Callable[..., Running]]:
    stop = threading.Event()
    bench, clock, lines = Bench(), Clock(), Lines()
    threads: list[threading.Thread] = []

    def begin(*sources: Source, source_failures: int = 0, **differences: object) -> Running:
        given = sources or (Source(),)
        given[0].failures = source_failures
        path = run_dir / "reader.sock"
        world = Surroundings(clock=clock, utc_now=lambda: NOW, new_id=lambda: "reading-1")
        asked = (bench, settings(**differences), path, given, world, stop, lines)
        thread = threading.Thread(target=serve, args=asked, daemon=True)
        thread.start()
        threads.append(thread)
        for source in given:
            assert source.started.wait(10)
        return Running(path, bench, given, clock, lines)

    yield begin
    stop.set()
    bench.show(None)
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()


@pytest.fixture
def running(start) -> Running:
    return start()
