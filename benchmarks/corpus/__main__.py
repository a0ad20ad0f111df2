"""`python -m benchmarks.corpus SHEET.png`: a picture of examples; `--out FOLDER`: the photographs and their truth."""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks.corpus.corpus import STILLS, Corpus, Item
from benchmarks.corpus.tiers import Tier

_SHOWN: tuple[Tier, ...] = (*STILLS, "mrz", "negative")
_THUMB = (480, 270)


def main(arguments: Sequence[str]) -> int:
    """Write what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.corpus", description=__doc__)
    parser.add_argument("sheet", type=Path, nargs="?")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--share", type=float, default=1.0, help="of the usual number of photographs")
    parser.add_argument("--processes", type=int, default=1)
    options = parser.parse_args(arguments)
    if not (options.sheet or options.out):
        parser.error("name a sheet or a folder")
    corpus = Corpus(options.seed, processes=options.processes)
    if options.sheet:
        _write_sheet(corpus, options.sheet)
    if options.out:
        _write(corpus, options.out, options.share)
    return 0


def _write_sheet(corpus: Corpus, file: Path, columns: int = 6) -> None:
    """Two rows of each tier: whole frames, and below them pixel by pixel what is around the code."""
    rows = []
    for tier in _SHOWN:
        items = list(corpus.tier(tier, columns))
        rows.append(np.hstack([cv2.resize(item.colour, _THUMB, interpolation=cv2.INTER_AREA) for item in items]))
        rows.append(np.hstack([_close(item) for item in items]))
    cv2.imwrite(str(file), np.vstack(rows))


def _close(item: Item) -> npt.NDArray[np.uint8]:
    """A part of the picture twice as large as it is."""
    width, height = _THUMB[0] // 2, _THUMB[1] // 2
    left = int(np.clip(item.at[0] - width / 2, 0, item.picture.shape[1] - width))
    top = int(np.clip(item.at[1] - height / 2, 0, item.picture.shape[0] - height))
    part = item.colour[top : top + height, left : left + width]
    return np.kron(part, np.ones((2, 2, 1), np.uint8))


def _write(corpus: Corpus, folder: Path, share: float) -> None:
    """PNGs of the luma, and truth.jsonl: file, tier, text, module, lines; frames of a sequence also `sequence`."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "truth.jsonl").open("w", encoding="utf-8") as truth:
        for name, item, more in _named(corpus, share):
            cv2.imwrite(str(folder / name), item.picture)
            line = {"file": name, "tier": item.tier, "text": item.text, "module": round(item.module, 2), "at": item.at}
            truth.write(json.dumps({**line, "lines": item.lines, **more}, ensure_ascii=False) + "\n")


def _named(corpus: Corpus, share: float) -> Iterator[tuple[str, Item, dict[str, int]]]:
    stills = chain(corpus.stills(share), corpus.negatives(round(45 * share)), corpus.machine_lines(round(120 * share)))
    for item in stills:
        yield f"{item.tier}-{item.number:04}.png", item, {}
    for number, frames in enumerate(corpus.sequences(round(20 * share))):
        for item in frames:
            yield f"sequence-{number:02}-{item.number}.png", item, {"sequence": number}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
