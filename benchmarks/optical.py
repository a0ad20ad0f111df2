"""Reading codes and machine-readable lines from photographs: ours beside its peers, on the same pictures, one thread.

The photographs are made from a seed (benchmarks/corpus); other seeds make others. Rates hold for this corpus, the order
of the readers also for real photographs (vision.md 2); milliseconds are this machine's. `TIEPDON_CORPUS` names a folder
where the photographs are kept, so that a second run need not make them again.
"""

import importlib
import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from benchmarks.code_readers import CodeReader, Read, all_readers
from benchmarks.corpus import SEQUENCE, STILLS, Corpus, Item
from benchmarks.corpus.people import person
from benchmarks.table import Cell, Table, quantile
from reader.optical.pictures import GreyImage
from sandbox.paper import faces, qr

SEED = 2026
PROCESSES = 2
FORMS: tuple[qr.Segments, ...] = ("byte", "mixed", "eci")
SEEN_BY = (1, 2, 3, 6)
ReadLines = Callable[[GreyImage], Sequence[str] | None]


@dataclass
class Tally:
    """What one reader did with photographs."""

    read: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    shown: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    wrong: int = 0
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def show(self, read: Read, item: Item) -> bool:
        """Time it, and note whether it read the text; anything else that it read is wrong."""
        picture = item.picture
        wall, cpu = time.perf_counter(), time.process_time()
        texts = read(picture)
        self.cpu.append(1000 * (time.process_time() - cpu))
        self.wall.append(1000 * (time.perf_counter() - wall))
        self.shown[item.tier] += 1
        self.read[item.tier] += item.text in texts
        self.wrong += any(text != item.text for text in texts)
        return item.text in texts

    def rate(self, tier: str | None = None) -> float:
        """Per cent read, of a tier or of all."""
        tiers = [tier] if tier else list(self.shown)
        return 100 * sum(self.read[name] for name in tiers) / max(1, sum(self.shown[name] for name in tiers))


def measure(seed: int = SEED, share: float = 1.0) -> list[Table]:
    """Photographs with a code, frames in a row, letters, machine-readable lines."""
    cv2.setNumThreads(1)
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)  # OpenCV writes a line for every code with an ECI
    readers = all_readers()
    with _folder() as folder:
        corpus = Corpus(seed, Path(folder), PROCESSES)
        tables = [_stills(readers, corpus, share), _sequences(readers, corpus), _letters(readers, seed, share)]
        return [*tables, machine_lines(_line_reader(), corpus, share)]


def _folder() -> AbstractContextManager[str]:
    kept = os.environ.get("TIEPDON_CORPUS")
    return nullcontext(kept) if kept else tempfile.TemporaryDirectory(prefix="tiepdon-corpus-")


def _stills(readers: Sequence[CodeReader], corpus: Corpus, share: float) -> Table:
    tallies = _shown(readers, list(corpus.stills(share)))
    nothing = _shown(readers, list(corpus.negatives(round(45 * share))))
    columns = ("", *STILLS, "ALL", "wrong", "ms p50", "p95", "mean", "CPU p50", "CPU p95", "no code ms", "false", "of")
    rows = [_row(reader, tallies[reader.name], nothing[reader.name]) for reader in readers]
    ours, peer = (tallies[reader.name].wall for reader in readers[:2])
    notes = (
        f"exact texts in per cent of {sum(tallies[readers[0].name].shown.values())} photographs, corpus {corpus.seed};"
        " `of`: how many of them a slow reader saw",
        "wrong: photographs on which a text was read that is not there; false: the same on photographs without a code",
        f"our median is {quantile(ours, 0.5) / quantile(peer, 0.5):.2f} times that of zxing-cpp, QR only",
    )
    return Table("QR codes on photographs", columns, tuple(rows), notes)


def _shown(readers: Sequence[CodeReader], items: Sequence[Item]) -> dict[str, Tally]:
    """Every reader on each photograph in turn, so that whatever slows the machine slows all of them. The photographs
    are all made by then, so that their making is not what slows it."""
    tallies = {reader.name: Tally() for reader in readers}
    for number, item in enumerate(items):
        for reader in readers:
            if number % reader.every == 0:
                tallies[reader.name].show(reader.read, item)
    return tallies


def _row(reader: CodeReader, tally: Tally, nothing: Tally) -> tuple[Cell, ...]:
    times = [quantile(tally.wall, 0.5), quantile(tally.wall, 0.95), float(np.mean(tally.wall))]
    rates = [round(tally.rate(tier)) for tier in STILLS]
    clean = quantile(nothing.wall, 0.5)
    return (
        reader.name, *rates, round(tally.rate(), 1), tally.wrong, *times, quantile(tally.cpu, 0.5),
        quantile(tally.cpu, 0.95), clean, nothing.wrong, len(tally.wall),
    )  # fmt: skip


def _sequences(readers: Sequence[CodeReader], corpus: Corpus) -> Table:
    """Frames of a card that comes to rest: the share read by the first, second, third, last of them."""
    sequences = list(corpus.sequences())
    rows: list[tuple[Cell, ...]] = []
    for reader in readers:
        if reader.every == 1:
            first = [_first_read(reader.read, frames) for frames in sequences]
            rows.append((reader.name, *[round(100 * sum(at <= by for at in first) / len(first)) for by in SEEN_BY]))
    columns = ("", *[f"frame {by}" for by in SEEN_BY])
    notes = (f"per cent of {len(sequences)} cards of the tiers small, glare and extreme, {SEQUENCE} frames each",)
    return Table("Frames in a row: read by", columns, tuple(rows), notes)


def _first_read(read: Read, frames: Sequence[Item]) -> int:
    """The number of the first frame read, from 1."""
    return next((at for at, item in enumerate(frames, 1) if item.text in read(item.picture)), SEQUENCE + 1)


def _letters(readers: Sequence[CodeReader], seed: int, share: float) -> Table:
    """Clean codes with Vietnamese texts: what is read must be the text to the letter."""
    wrong: dict[tuple[str, str], int] = defaultdict(int)
    unread: dict[tuple[str, str], int] = defaultdict(int)
    for form in FORMS:
        random = np.random.default_rng([seed, len(form)])
        for number in range(round(share * max(reader.texts for reader in readers))):
            text = faces.code_text(person(random), (2021, 2024)[number % 2])
            picture = clean(text, form)
            for reader in readers:
                if number < reader.texts * share:
                    texts = reader.read(picture)
                    unread[reader.name, form] += not texts
                    wrong[reader.name, form] += any(found != text for found in texts)
    columns = ("", *[f"{form} {what}" for form in FORMS for what in ("wrong", "unread")], "of each")
    rows: list[tuple[Cell, ...]] = [
        (
            reader.name,
            *[count[reader.name, form] for form in FORMS for count in (wrong, unread)],
            round(reader.texts * share),
        )
        for reader in readers
    ]
    notes = (
        "clean codes of synthetic persons' cards: one byte segment, numbers as digits and the rest as bytes,"
        " bytes announced as UTF-8 (ECI 26)",
    )
    return Table("Letters", columns, tuple(rows), notes)


def clean(text: str, segments: qr.Segments, pixels: int = 4) -> GreyImage:
    """A code as a screenshot has it."""
    dark = np.pad(qr.encode(text, qr.Style(segments)), qr.QUIET)
    light = np.where(dark, 0, 255).astype(np.uint8)
    return light.repeat(pixels, axis=0).repeat(pixels, axis=1)


def machine_lines(read: ReadLines | None, corpus: Corpus, share: float = 1.0) -> Table:
    """Backs of cards: lines 1 and 2 exact, all three, and how often lines were given that are not there."""
    title = "Machine-readable lines on photographs"
    columns = ("", "lines 1 and 2", "all three", "wrong", "ms p50", "p95", "CPU p50", "false", "of")
    if read is None:
        return Table(title, columns, (), ("not measured: there is no reader of lines",))
    tally, all_three, false = Tally(), 0, 0
    for item in list(corpus.machine_lines(round(120 * share))):
        lines = _timed_lines(read, item, tally)
        if lines is not None:
            tally.read["mrz"] += tuple(lines[:2]) == item.lines[:2]
            tally.wrong += tuple(lines[:2]) != item.lines[:2]
            all_three += tuple(lines) == item.lines
    count = max(1, len(tally.wall))
    for item in corpus.negatives(20):
        lines = read(item.picture)
        false += lines is not None and tuple(lines[:2]) != item.lines[:2]
    row: tuple[Cell, ...] = (
        "ours", round(100 * tally.read["mrz"] / count), round(100 * all_three / count), tally.wrong,
        quantile(tally.wall, 0.5), quantile(tally.wall, 0.95), quantile(tally.cpu, 0.5), false, len(tally.wall),
    )  # fmt: skip
    notes = ("per cent of whole backs at 1280 x 720; wrong: lines 1 or 2 given otherwise than printed",)
    return Table(title, columns, (row,), notes)


def _timed_lines(read: ReadLines, item: Item, tally: Tally) -> Sequence[str] | None:
    picture = item.picture
    wall, cpu = time.perf_counter(), time.process_time()
    lines = read(picture)
    tally.cpu.append(1000 * (time.process_time() - cpu))
    tally.wall.append(1000 * (time.perf_counter() - wall))
    return lines


def _line_reader() -> ReadLines | None:
    try:
        module = importlib.import_module("reader.optical.mrz")
    except ImportError:
        return None
    read: ReadLines = module.read_mrz
    return read
