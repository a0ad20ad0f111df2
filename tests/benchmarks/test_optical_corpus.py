"""The corpus of photographs: the same from the same seed, true to what it says is on it, harder from tier to tier."""

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import zxingcpp

from benchmarks.corpus import SEQUENCE, Corpus, Item, subjects
from benchmarks.corpus.corpus import nothing_to_read
from benchmarks.corpus.tiers import RANGES, Tier
from reader.payload.parse import parse_payload

SEED = 11
ORDER: tuple[Tier, ...] = ("easy", "normal", "small", "extreme")
OF_EACH = 6


def codes_in(picture: npt.NDArray[np.uint8]) -> list[str]:
    return [code.text for code in zxingcpp.read_barcodes(picture, formats=zxingcpp.BarcodeFormat.QRCode)]


@pytest.fixture(scope="module")
def sample() -> dict[Tier, list[Item]]:
    corpus = Corpus(SEED)
    return {tier: list(corpus.tier(tier, OF_EACH)) for tier in ORDER}


def test_the_same_seed_makes_the_same_photographs(sample: dict[Tier, list[Item]]) -> None:
    again = next(Corpus(SEED).tier("normal", 1))
    assert again == sample["normal"][0]
    assert next(Corpus(SEED + 1).tier("normal", 1)).jpeg != again.jpeg


def test_processes_and_a_folder_change_nothing(sample: dict[Tier, list[Item]], tmp_path: Path) -> None:
    assert list(Corpus(SEED, tmp_path, processes=2).tier("small", 2)) == sample["small"][:2]
    kept = sorted(tmp_path.rglob("*.mp"))
    assert len(kept) == 2
    written = [file.stat().st_mtime_ns for file in kept]
    assert list(Corpus(SEED, tmp_path).tier("small", 2)) == sample["small"][:2]
    assert [file.stat().st_mtime_ns for file in kept] == written


@pytest.mark.parametrize("make", [subjects.card_with_code, subjects.telephone])
def test_the_text_is_on_the_thing_before_it_is_photographed(make: subjects.Maker) -> None:
    for number in range(6):
        subject = make(np.random.default_rng([SEED, number]))
        assert codes_in(cv2.cvtColor(subject.picture, cv2.COLOR_BGR2GRAY).astype(np.uint8)) == [subject.text]


def test_tiers_are_harder_and_harder(sample: dict[Tier, list[Item]]) -> None:
    modules = [np.mean([item.module for item in sample[tier]]) for tier in ORDER]
    assert modules == sorted(modules, reverse=True)
    read = [sum(item.text in codes_in(item.picture) for item in sample[tier]) for tier in ORDER]
    assert read == sorted(read, reverse=True)
    assert read[0] == OF_EACH
    assert read[-1] == 0
    electrons = [RANGES[tier].electrons[1] for tier in ORDER]
    assert electrons == sorted(electrons, reverse=True)


def test_nothing_is_read_that_is_not_there(sample: dict[Tier, list[Item]]) -> None:
    assert all(set(codes_in(item.picture)) <= {item.text} for items in sample.values() for item in items)


def test_the_whole_code_is_in_the_picture(sample: dict[Tier, list[Item]]) -> None:
    for item in [item for items in sample.values() for item in items]:
        height, width = item.picture.shape
        reach = 18 * item.module * 0.7  # half of the smallest code there is, foreshortened
        assert reach < item.at[0] < width - reach
        assert reach < item.at[1] < height - reach


def test_negatives_hold_no_code() -> None:
    for number, make in enumerate(nothing_to_read()):
        subject = make(np.random.default_rng([SEED, number]))
        assert subject.text is None
        assert not codes_in(cv2.cvtColor(subject.picture, cv2.COLOR_BGR2GRAY).astype(np.uint8))
    for item in Corpus(SEED).negatives(len(nothing_to_read())):
        assert item.text is None
        assert not codes_in(item.picture)


def test_backs_are_whole_and_their_lines_a_document() -> None:
    for item in Corpus(SEED).machine_lines(3):
        assert item.picture.shape == (720, 1280)
        assert parse_payload("\n".join(item.lines)).holder is not None
        assert item.text is None


def test_a_card_comes_to_rest_before_the_camera() -> None:
    frames = next(Corpus(SEED).sequences(1))
    assert len(frames) == SEQUENCE
    assert len({item.text for item in frames}) == 1
    steps = np.hypot(*np.diff([item.at for item in frames], axis=0).T)
    assert steps[0] > steps[-1]
    assert steps[-1] < 12
