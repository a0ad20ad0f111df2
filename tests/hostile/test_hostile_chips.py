"""Every hostile card of tests/hostile/attacks through the whole reading: the outcome that outcomes.txt says, no
traceback, nothing of the card's data in an error, a bounded number of commands, at most 2 s and 64 MiB.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from reader.chip import session
from reader.lds import portrait
from reader.lds.portrait import DECODE_MEMORY, DECODE_SECONDS
from tests.hostile import bombs, chips
from tests.hostile.attack import TIMEOUT, Attack
from tests.hostile.attacks import every
from tests.hostile.measure import expected

SECONDS, BYTES = 2.0, 64 << 20
PARTS = 2  # processes; more would not be faster on a small machine
ATTACKS = every()
OUTCOMES = expected()
WEIGH = Path(__file__).with_name("weigh.py")
DECODER = Path(portrait.__file__).with_name("portrait_decoder.py")


@pytest.fixture(scope="module")
def results() -> Mapping[str, Mapping[str, Any]]:
    """What each attack gave and cost, measured in processes of their own."""
    command = [sys.executable, "-W", "error", "-m", "tests.hostile.measure", "--part"]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    found: dict[str, Mapping[str, Any]] = {}
    with ExitStack() as stack:  # where one fails the others do not stay behind
        parts = range(1, PARTS + 1)
        running = [stack.enter_context(subprocess.Popen([*command, f"{part}/{PARTS}"], **pipes)) for part in parts]
        for process in running:
            lines, complaints = process.communicate()
            assert (process.returncode, complaints) == (0, "")
            found |= {told["name"]: told for told in map(json.loads, lines.splitlines())}
    return found


def test_every_attack_has_its_outcome_written_down() -> None:
    assert list(OUTCOMES) == list(ATTACKS)


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=list(ATTACKS))
def test_a_hostile_card_ends_as_it_should(attack: Attack, results: Mapping[str, Mapping[str, Any]]) -> None:
    told = results[attack.name]
    assert told["unsafe"] == []
    assert told["words"] == OUTCOMES[attack.name]


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=list(ATTACKS))
def test_a_hostile_card_costs_little(attack: Attack, results: Mapping[str, Mapping[str, Any]]) -> None:
    told = results[attack.name]
    assert told["seconds"] <= SECONDS
    assert told["memory"] <= BYTES
    assert told["apdus"] <= attack.most_apdus
    assert told["connections"] <= session.MAX_CONNECTIONS
    assert told["clock"] < TIMEOUT + attack.seconds_per_apdu + 1e-6


def decoded(image: bytes, to: str, folder: Path) -> Mapping[str, Any]:
    """What decoding costs, with the limits that the reader gives its decoder."""
    limits = [to, str(DECODE_MEMORY), str(round(DECODE_SECONDS))]
    command = [sys.executable, "-I", str(WEIGH), str(folder / "told"), sys.executable, "-I", str(DECODER), *limits]
    done = subprocess.run(command, input=image, capture_output=True, check=False)
    told: dict[str, Any] = json.loads((folder / "told").read_text(encoding="ascii"))
    assert (told["code"] == 0) == bool(done.stdout)
    return told


@pytest.mark.parametrize("to", ["PNG", "JPEG"])
@pytest.mark.parametrize("name", bombs.BOMBS)
def test_the_decoder_of_a_bomb_dies_of_it_alone_and_soon(name: str, to: str, tmp_path: Path) -> None:
    usual = decoded(chips.portrait(), to, tmp_path)
    assert usual["code"] == 0
    told = decoded(bombs.made_outside(name), to, tmp_path)
    assert told["seconds"] <= SECONDS + usual["seconds"]  # the limit holds from when the decoder has been loaded
    assert told["memory"] <= usual["memory"] + BYTES
