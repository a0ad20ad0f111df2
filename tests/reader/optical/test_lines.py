"""Machine-readable lines by camera: the worker process, from being asked for to being gone."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from reader.optical.lines import ANSWER_SECONDS, MOST_WORKERS, LineReader
from reader.optical.zone.worker import HEADER
from tests.support import mrz_cards
from tests.support.processes import alive, children
from tests.support.waiting import wait_until

PLENTY = 60.0  # seconds; a busy machine loads the worker slowly
LINES = ("IDVNM3039000177001303900017<<8", "0302140F2802149VNM<<<<<<<<<<<2", "TRAN<<THI<MAU<<<<<<<<<<<<<<<<<")


@pytest.fixture(scope="module")
def held_up() -> np.ndarray:
    rng = np.random.default_rng(1)
    return mrz_cards.photograph(mrz_cards.back(LINES, rng), mrz_cards.Shot(), rng)


@pytest.fixture
def heard() -> list[tuple[str, ...]]:
    return []


@pytest.fixture
def reader() -> Iterator[LineReader]:
    reader = LineReader(time.monotonic)
    yield reader
    reader.stop()


def stand_in(*program: str) -> LineReader:
    """A reader whose worker is this program instead: one that does not keep to the contract."""
    return LineReader(time.monotonic, (sys.executable, "-c", "\n".join(program)))


def offered_until(reader: LineReader, picture: np.ndarray, done: Callable[[], object]) -> None:
    """Hold the picture to the camera for as long as it takes."""

    def step() -> object:
        reader.offer(picture)
        return done()

    wait_until(step, PLENTY)


def workers() -> set[int]:
    return set(children(os.getpid()))


def test_a_card_held_up_is_read_once_and_the_worker_is_gone(reader, heard, held_up):
    before = workers()
    reader.start(heard.append, PLENTY)
    assert reader.wanted
    offered_until(reader, held_up, lambda: heard)

    assert heard == [LINES]
    assert not reader.wanted
    assert workers() == before
    reader.offer(held_up)
    assert heard == [LINES]


def test_nothing_runs_before_it_is_asked_for_or_after_it_is_stopped(reader, heard, held_up):
    before = workers()
    assert not reader.wanted
    reader.offer(held_up)
    assert workers() == before

    reader.start(heard.append, PLENTY)
    wait_until(lambda: workers() != before)
    reader.stop()
    assert not reader.wanted
    assert workers() == before
    assert heard == []


def test_looking_ends_by_itself_when_the_time_is_over(reader, heard):
    before = workers()
    reader.start(heard.append, 0.3)
    wait_until(lambda: not reader.wanted)
    wait_until(lambda: workers() == before)
    assert heard == []


def test_asked_anew_while_looking_one_worker_serves_the_newest(reader, heard, held_up):
    forgotten: list[tuple[str, ...]] = []
    before = workers()
    reader.start(forgotten.append, PLENTY)
    reader.start(heard.append, PLENTY)
    assert len(workers() - before) <= 1
    offered_until(reader, held_up, lambda: heard)
    assert (forgotten, heard) == ([], [LINES])


def test_it_can_be_asked_again_from_what_was_read(reader, heard, held_up):
    def again(lines: tuple[str, ...]) -> None:
        heard.append(lines)
        if len(heard) == 1:
            reader.start(again, PLENTY)

    reader.start(again, PLENTY)
    offered_until(reader, held_up, lambda: len(heard) == 2)
    assert heard == [LINES, LINES]


def test_offering_never_waits_for_a_worker_that_does_not_read(heard):
    reader = stand_in("import time", "time.sleep(600)")
    picture = np.zeros((1080, 1920), np.uint8)
    reader.start(heard.append, PLENTY)
    try:
        begun = time.monotonic()
        for _ in range(200):
            reader.offer(picture)
        assert time.monotonic() - begun < ANSWER_SECONDS  # nor for the one answer that is waited for elsewhere
    finally:
        reader.stop()
    assert heard == []


def test_a_worker_that_dies_is_replaced_but_not_for_ever(heard):
    before = workers()
    reader = stand_in("import sys", "sys.stdin.buffer.read(100)", "sys.exit(1)")
    reader.start(heard.append, PLENTY)
    seen: set[int] = set()

    def over() -> bool:
        seen.update(workers() - before)
        return not reader.wanted

    offered_until(reader, np.zeros((90, 160), np.uint8), over)
    assert len(seen) <= MOST_WORKERS
    assert heard == []


@pytest.mark.parametrize(
    "answer",
    [
        "b'x' * 100000",
        "bytes(range(256)) + b'\\n'",
        "b'\\xff\\n'",
        "b'IDVNM3039000177001303900017<<8\\n'",
        # Read well but for one digit of the birth date: no check digit agrees any more.
        "b'IDVNM3039000177001303900017<<8 0302150F2802149VNM<<<<<<<<<<<2 TRAN<<THI<MAU<<<<<<<<<<<<<<<<<\\n'",
    ],
)
def test_what_a_worker_says_is_not_believed_without_its_check_digits(heard, answer):
    reader = stand_in(
        "import sys",
        "for _ in range(3):",
        f"    sys.stdin.buffer.read({HEADER.size} + 90 * 160)",
        f"    sys.stdout.buffer.write({answer})",
        "    sys.stdout.buffer.flush()",
    )
    reader.start(heard.append, PLENTY)
    offered_until(reader, np.zeros((90, 160), np.uint8), lambda: not reader.wanted)
    assert heard == []


def test_a_worker_that_cannot_be_started_ends_the_look(heard, tmp_path):
    reader = LineReader(time.monotonic, (str(tmp_path / "none"),))
    reader.start(heard.append, PLENTY)
    wait_until(lambda: not reader.wanted)
    assert heard == []


def test_the_worker_ends_with_its_parent():
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, time\n"
            "from reader.optical.lines import LineReader\n"
            "LineReader(time.monotonic).start(print, 600)\n"
            "sys.stdin.read()",
        ],
        stdin=subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    )
    try:
        wait_until(lambda: children(parent.pid), PLENTY)
        (worker,) = children(parent.pid)
        parent.kill()
        wait_until(lambda: not alive(worker), PLENTY)
    finally:
        parent.kill()
        parent.wait()
        if parent.stdin is not None:
            parent.stdin.close()
