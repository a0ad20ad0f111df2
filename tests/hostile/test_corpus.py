"""What the fuzzers found, played again without them: no input may do more than it may, or take long.

`fuzz/corpus` holds the smallest inputs that reach all that was ever reached, `fuzz/findings` those that once broke
something. Both are synthetic: they come from the sandbox's cards.
"""

import random
import time
from pathlib import Path

import pytest

from reader import tlv
from tests.hostile.fuzz import seeds
from tests.hostile.fuzz.shaping import mutated
from tests.hostile.fuzz.targets import TARGETS
from tests.reader.lds.vectors import DG13_A

FOLDER = Path(__file__).with_name("fuzz")
KEPT = sorted((FOLDER / "corpus").iterdir())
FINDINGS = sorted(path for path in (FOLDER / "findings").glob("*/*"))
SECONDS = 0.5  # of processor time, for one input of some kilobytes
MOST_KEPT = 150_000  # bytes of one target
MUTATIONS = 20  # of each seed


def play(target: str, data: bytes) -> None:
    began = time.process_time()
    TARGETS[target].run(data)
    assert time.process_time() - began < SECONDS


def test_every_target_has_a_corpus() -> None:
    assert {path.name for path in KEPT} == set(TARGETS)


@pytest.mark.parametrize("folder", KEPT, ids=[path.name for path in KEPT])
def test_the_kept_corpus_plays_without_a_finding(folder: Path) -> None:
    inputs = sorted(folder.iterdir())
    assert 0 < sum(path.stat().st_size for path in inputs) <= MOST_KEPT
    for path in inputs:
        play(folder.name, path.read_bytes())


@pytest.mark.parametrize("path", FINDINGS, ids=[f"{path.parent.name}-{path.name}" for path in FINDINGS])
def test_what_was_found_once_stays_mended(path: Path) -> None:
    play(path.parent.name, path.read_bytes())


def test_the_seeds_and_what_their_shapes_become_play_without_a_finding() -> None:
    dice = random.Random(1)  # noqa: S311  # the same in every run
    for target, inputs in seeds.make().items():
        for data in inputs:
            play(target, data)
            for _ in range(MUTATIONS if TARGETS[target].shaped else 0):
                play(target, mutated(data, dice, lambda raw: raw[::-1]) or b"")


def test_a_mutation_changes_objects_and_keeps_all_lengths_right() -> None:
    dice = random.Random(1)  # noqa: S311
    made = [mutated(DG13_A, dice, lambda raw: raw) or b"" for _ in range(100)]
    assert sum(one != DG13_A for one in made) > 80
    for one in made:
        tlv.read_all(one, "mutation")
