"""`python -m tests.hostile.measure [NAME ...]`: every attack in turn, in this one process, and what each gave and cost,
one JSON object a line. `--part N/M` runs every M-th of them.

A process of its own, so that its memory is known from the beginning: `memory` is what an attack took beyond what the
process had after genuine readings. `--record` writes what came out into `outcomes.txt`, to be looked at by somebody.
"""

import argparse
import gc
import json
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from reader.pki.trust import Anchor, Trust
from tests.hostile import attack
from tests.hostile.attack import Attack, Result, run
from tests.hostile.attacks import every
from tests.hostile.chips import authority, honest

OUTCOMES = Path(__file__).with_name("outcomes.txt")
_ARROW = " -> "
_TITLE = """\
# What comes out of each hostile card (tests/hostile/attacks/): `read` or the error's code with place and status word;
# then the checks that did not pass with their reasons, and the warnings. Written by
# `python -m tests.hostile.measure --record`; whoever changes it looks at each changed line.
"""


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--part", default="1/1")
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args(arguments)
    part, parts = (int(number) for number in options.part.split("/"))
    names = (options.names or list(every()))[part - 1 :: parts]
    if options.record:
        lines = [f"{line['name']}{_ARROW}{', '.join(line['words'])}\n" for line in measured(names)]
        OUTCOMES.write_text(_TITLE + "".join(lines), encoding="utf-8")
        return
    for line in measured(names):
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()


def expected() -> dict[str, list[str]]:
    """What has to come out of each attack."""
    lines = OUTCOMES.read_text(encoding="utf-8").splitlines()
    pairs = [line.split(_ARROW) for line in lines if not line.startswith("#")]
    return {name: words.split(", ") for name, words in pairs}


def measured(names: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    """Run these attacks and tell of each."""
    attacks = every()
    trust = Trust((Anchor.of(authority().authority_certificate),))
    for _ in range(3):
        assert run(Attack("honest", honest), trust).words == {"read"}
    gc.collect()
    gc.freeze()  # what is there before any attack need not be gone through again for each of them
    base = attack.resident()
    for name in names:
        try:
            result = run(attacks[name], trust)
        except BaseException:  # a finding, to be told with the others
            result = Result(words={"traceback"}, unsafe=[traceback.format_exc()])
        yield {
            "name": name,
            "words": sorted(result.words, key=lambda word: (word != "read" and not word.startswith("reader."), word)),
            "unsafe": result.unsafe,
            "apdus": result.apdus,
            "connections": result.connections,
            "clock": round(result.clock, 3),
            "seconds": round(result.seconds, 4),
            "memory": result.memory - base,
        }


if __name__ == "__main__":
    main(sys.argv[1:])
