"""The bars for reading QR codes, on photographs of a seed that nothing was chosen by, zxing-cpp alone beside."""

from collections import Counter
from dataclasses import dataclass, field

import cv2
import pytest

from benchmarks.code_readers import zxing
from benchmarks.corpus.corpus import STILLS, Corpus
from benchmarks.optical import Tally
from reader.optical.decode import decode

SEED = 4711
EACH = 14


@dataclass
class Shown:
    """What ours and zxing-cpp alone did with the same photographs."""

    ours: Tally = field(default_factory=Tally)
    peer: Tally = field(default_factory=Tally)
    only_peer: Counter[str] = field(default_factory=Counter)


@pytest.fixture(scope="module")
def shown() -> Shown:
    cv2.setNumThreads(1)
    result, corpus = Shown(), Corpus(SEED)
    for tier in STILLS:
        for item in corpus.tier(tier, EACH):
            read, by_peer = result.ours.show(decode, item), result.peer.show(zxing, item)
            result.only_peer[tier] += by_peer and not read
    return result


def test_no_text_is_ever_wrong(shown: Shown) -> None:
    assert shown.ours.wrong == 0


def test_whatever_zxing_alone_reads_is_read(shown: Shown) -> None:
    assert not +shown.only_peer


@pytest.mark.parametrize(("tier", "bar"), [("easy", 100), ("normal", 100), ("small", 85), ("phone", 92), ("glare", 65)])
def test_every_tier_reaches_its_bar(shown: Shown, tier: str, bar: float) -> None:
    # A sample of fourteen is a coarse measure; `make bench` measures six hundred.
    assert shown.ours.rate(tier) >= bar


def test_small_modules_are_read_that_zxing_alone_cannot(shown: Shown) -> None:
    assert shown.ours.rate("small") >= shown.peer.rate("small") + 30


def test_the_usual_picture_costs_no_more_than_twice_what_zxing_alone_costs(shown: Shown) -> None:
    assert sorted(shown.ours.cpu)[len(shown.ours.cpu) // 2] <= 2 * sorted(shown.peer.cpu)[len(shown.peer.cpu) // 2]


def test_a_picture_without_a_code_gives_none() -> None:
    assert [item.number for item in Corpus(SEED).negatives(20) if decode(item.picture)] == []
