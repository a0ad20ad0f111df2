"""The items of a corpus: each made from its seed, tier and number alone, so that they can be made in any order and by
any number of processes, and kept in a folder of the caller's."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import chain
from multiprocessing import get_context
from pathlib import Path

import cv2
import msgspec
import numpy as np
import numpy.typing as npt

from benchmarks.corpus import backdrops, subjects, tiers
from benchmarks.corpus.photograph import photograph
from benchmarks.corpus.shot import Shot
from benchmarks.corpus.subjects import Subject
from benchmarks.corpus.tiers import Tier
from sandbox.paper import phone

SEQUENCE = 6  # frames
STILLS: dict[Tier, int] = {"easy": 60, "normal": 100, "small": 120, "glare": 120, "extreme": 120, "phone": 80}
NEGATIVES, LINES, SEQUENCES = 45, 120, 20
HARD: tuple[Tier, ...] = ("small", "glare", "extreme", "small")
_NUMBERS: dict[Tier, int] = {
    "easy": 1, "normal": 2, "small": 3, "glare": 4, "extreme": 5, "phone": 6, "negative": 7, "mrz": 8,
}  # fmt: skip
_SEQUENCES = 100  # where the numbers of sequences begin


@dataclass(frozen=True)
class Item:
    """One photograph. `text`: what its code says, None when it has none; `lines`: its machine-readable lines.

    `module`: pixels per module at the code's centre, as drawn; `at`: where in the picture that centre is.
    """

    tier: Tier
    number: int
    jpeg: bytes
    text: str | None
    lines: tuple[str, ...]
    module: float
    at: tuple[float, float]

    @property
    def picture(self) -> npt.NDArray[np.uint8]:
        """Its luma, as a camera that hands out JPEG gives it."""
        return _decoded(self.jpeg, cv2.IMREAD_GRAYSCALE)

    @property
    def colour(self) -> npt.NDArray[np.uint8]:
        """In colour, BGR."""
        return _decoded(self.jpeg, cv2.IMREAD_COLOR)


@dataclass(frozen=True)
class _Job:
    """Photographs that are made together: a still, or the frames of a sequence (no tier)."""

    seed: int
    tier: Tier | None
    number: int

    def make(self) -> list[Item]:
        return _sequence(self.seed, self.number) if self.tier is None else _still(self.seed, self.tier, self.number)

    def file(self, folder: Path) -> Path:
        return folder / f"{self.tier or 'sequence'}-{self.number:04}.mp"


class Corpus:
    """The photographs of one seed. With a folder they are kept there; `processes` make what is missing."""

    def __init__(self, seed: int, folder: Path | None = None, processes: int = 1) -> None:
        self.seed = seed
        self._folder = folder / f"{seed}-{_recipe()}" if folder else None
        self._processes = processes

    def stills(self, share: float = 1.0) -> Iterator[Item]:
        """One code on each, tier after tier; `share` of the usual number of each tier."""
        jobs = [_Job(self.seed, tier, at) for tier, count in STILLS.items() for at in range(round(count * share))]
        return chain.from_iterable(self._done(jobs))

    def negatives(self, count: int = NEGATIVES) -> Iterator[Item]:
        """No QR code on any."""
        return self.tier("negative", count)

    def machine_lines(self, count: int = LINES) -> Iterator[Item]:
        """The backs of cards, whole, at 1280 x 720."""
        return self.tier("mrz", count)

    def tier(self, tier: Tier, count: int) -> Iterator[Item]:
        """The first so many of a tier."""
        return chain.from_iterable(self._done([_Job(self.seed, tier, at) for at in range(count)]))

    def sequences(self, count: int = SEQUENCES) -> Iterator[list[Item]]:
        """SEQUENCE frames each of one card that is brought before the camera and held there."""
        return self._done([_Job(self.seed, None, at) for at in range(count)])

    def _done(self, jobs: Sequence[_Job]) -> Iterator[list[Item]]:
        keep = partial(_kept, self._folder)
        if self._processes < 2 or (self._folder and all(job.file(self._folder).is_file() for job in jobs)):
            yield from map(keep, jobs)
            return
        # Fresh processes: OpenCV's threads do not live through a fork.
        with ProcessPoolExecutor(self._processes, get_context("spawn"), cv2.setNumThreads, (1,)) as pool:
            yield from pool.map(keep, jobs, chunksize=4)


def _kept(folder: Path | None, job: _Job) -> list[Item]:
    """From the folder, or made and put there."""
    if folder is None:
        return job.make()
    file = job.file(folder)
    if file.is_file():
        return msgspec.msgpack.decode(file.read_bytes(), type=list[Item])
    items = job.make()
    folder.mkdir(parents=True, exist_ok=True)
    draft = file.with_suffix(f".{os.getpid()}")
    draft.write_bytes(msgspec.msgpack.encode(items))
    draft.replace(file)
    return items


def _recipe() -> str:
    """Changes with the code that makes the pictures, so that a folder never holds those of an older one."""
    digest = hashlib.sha256()
    for file in sorted([*Path(__file__).parent.glob("*.py"), *Path(phone.__file__).parent.glob("*.py")]):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def _still(seed: int, tier: Tier, number: int) -> list[Item]:
    random = np.random.default_rng([seed, _NUMBERS[tier], number])
    subject = _subject(tier, number, random)
    shot = tiers.draw(tier, subject, random)
    return [_photographed(seed, tier, number, subject, shot, random)]


def _sequence(seed: int, number: int) -> list[Item]:
    random = np.random.default_rng([seed, _SEQUENCES, number])
    tier = HARD[number % len(HARD)]
    subject = _subject(tier, number, random)
    backdrop_seed = int(random.integers(2**31))
    shots = tiers.settling(tiers.draw(tier, subject, random), SEQUENCE, random)
    return [
        _photographed(seed, tier, at, subject, shot, random, np.random.default_rng(backdrop_seed))
        for at, shot in enumerate(shots)
    ]


def _photographed(
    seed: int,
    tier: Tier,
    number: int,
    subject: Subject,
    shot: Shot,
    random: np.random.Generator,
    place: np.random.Generator | None = None,
) -> Item:
    backdrop = backdrops.cut(seed, place or random, shot.frame)
    jpeg = photograph(subject, backdrop, shot, random)
    module = float(shot.pose.scale * subject.module) if subject.text is not None else 0.0
    at = (float(shot.pose.at[0] * shot.frame[0]), float(shot.pose.at[1] * shot.frame[1]))
    return Item(tier, number, jpeg, subject.text, subject.lines, module, at)


def _subject(tier: Tier, number: int, random: np.random.Generator) -> Subject:
    if tier == "phone":
        return subjects.telephone(random)
    if tier == "mrz":
        return subjects.card_with_lines(random)
    if tier == "negative":
        kinds = nothing_to_read()
        return kinds[number % len(kinds)](random)
    return subjects.card_with_code(random)


def nothing_to_read() -> tuple[subjects.Maker, ...]:
    """What the negatives show, in turn."""
    return (
        subjects.card_without_code,
        subjects.near_code,
        subjects.card_without_code,
        subjects.pattern,
        subjects.page_of_text,
        subjects.card_without_code,
        subjects.near_code,
        partial(subjects.telephone, with_code=False),
        subjects.backdrop_alone,
    )


def _decoded(jpeg: bytes, how: int) -> npt.NDArray[np.uint8]:
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), how)
    assert picture is not None
    return picture.astype(np.uint8, copy=False)
