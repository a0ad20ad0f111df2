"""A selection of tests/hostile/attacks on the way that a card really takes: through pcscd to `tiepdon card read`, whose
processor time and memory are weighed beside those of a genuine card.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest

from sandbox.card.chip import Chip
from tests.hostile import bombs, chips
from tests.hostile.attacks import contents, every
from tests.hostile.measure import expected
from tests.support.pcsc import CardSlot, PcscForTests, card_present
from tests.support.waiting import wait_until

pytestmark = pytest.mark.pcsc

SECONDS, BYTES = 2.0, 64 << 20  # beyond a genuine card's
ATTACKS, OUTCOMES = every(), expected()
WEIGH = Path(__file__).with_name("weigh.py")
CHOSEN = [
    "endless 61xx to every read",
    "every file goes on for ever",
    "every block is the first one",
    "7 bytes at a time",
    "40000 bytes more than asked for",
    "wrong checksums from reply 3 on",
    "an old session that never ends",
    "pace_dh_im: the session is lost after every 3 commands",
    "DG13 claims 4 GB",
    "the card's key in PACE's answer 2 is infinity",
    "a megabyte of DG2",
    "EF.SOD holds 90 certificates",
    "EF.SOD holds an identifier of 60 kB",
    "EF.SOD is signed by a key on no curve",
    "DG14 holds a key over a prime field, p of 4,096 bits and composite",
    "DG15 holds a key on no curve",
    "DG15 holds an RSA key of 8,192 bits",
    "DG13 holds a field nested 10,000 deep",
    "DG13 holds 4,000 fields",
]


@dataclass(frozen=True)
class Weighed:
    """One run of the command: exit code, what it printed, what it cost with its children (seconds, bytes)."""

    code: int
    answer: dict[str, Any]
    stderr: str
    seconds: float
    memory: int


Weigh = Callable[..., Weighed]


@pytest.fixture(scope="module")
def weigh(pcsc_world: PcscForTests, tmp_path_factory: pytest.TempPathFactory) -> Weigh:
    """`weigh("--everything")` reads the card on the reader with these options."""
    folder = tmp_path_factory.mktemp("weighed")
    chips.authority().export(folder / "trust")
    command = [sys.executable, "-m", "tiepdon.main", "card", "read", "--can", "900017", "--json"]
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", **pcsc_world.environment}

    def run(*options: str) -> Weighed:
        done = subprocess.run(
            [sys.executable, "-I", WEIGH, folder / "told", *command, "--trust", folder / "trust", *options],
            capture_output=True,
            env=environment,
            check=False,
        )
        told = json.loads((folder / "told").read_text(encoding="ascii"))
        return Weighed(told["code"], json.loads(done.stdout), done.stderr.decode(), told["seconds"], told["memory"])

    return run


@pytest.fixture(scope="module")
def usual(pcsc_world: PcscForTests, weigh: Weigh) -> Weighed:
    """What a genuine card costs."""
    pcsc_world.slot.place(chips.honest())
    wait_until(card_present, what="pcscd sees the card")
    told = weigh("--everything")
    pcsc_world.slot.remove()
    wait_until(lambda: not card_present(), what="pcscd sees that the card is gone")
    assert told.code == 0
    return told


@pytest.mark.parametrize("name", CHOSEN)
def test_a_hostile_card_costs_the_command_little(card_slot: CardSlot, weigh: Weigh, usual: Weighed, name: str) -> None:
    card_slot.insert(cast(Chip, ATTACKS[name].make()))
    told = weigh("--everything")
    outcome, *words = OUTCOMES[name]
    assert told.stderr == ""
    if outcome == "read":
        assert told.code == 0
        assert set(words) <= set(told.answer["warnings"]) | findings(told.answer)
    else:
        assert (told.code, told.answer["error"]["code"]) == (5, outcome)
    assert told.seconds <= usual.seconds + SECONDS
    assert told.memory <= usual.memory + BYTES


def findings(answer: dict[str, Any]) -> set[str]:
    """The checks that did not pass, and why."""
    checks = answer["evidence"]["checks"].items()
    failed = {f"{name}_{check['result']}" for name, check in checks if check["result"] != "passed"}
    return failed | {check["reason"] for _, check in checks if check.get("reason")}


@pytest.mark.parametrize("name", bombs.BOMBS)
def test_a_bomb_for_a_portrait_costs_the_command_little(
    card_slot: CardSlot, weigh: Weigh, usual: Weighed, tmp_path: Path, name: str
) -> None:
    card_slot.insert(contents.with_portrait(partial(bombs.made_outside, name)))
    out = tmp_path / "out.png"
    told = weigh("--portrait", str(out))
    assert told.stderr == ""
    if told.code == 0:
        assert out.read_bytes().startswith(b"\x89PNG")
    else:
        assert (told.code, told.answer["error"]["code"]) == (5, "reader.card_broken")
        assert told.answer["error"]["data"] == {"where": "portrait"}
        assert not out.exists()
    # The decoder has two seconds of its own, from when it has been loaded.
    assert told.seconds <= usual.seconds + SECONDS + 1
    assert told.memory <= usual.memory + BYTES


@pytest.mark.parametrize("name", ["a JPEG of 65,500 by 65,500", "a JPEG 2000 of four million tiles", "a GIF"])
def test_a_portrait_that_only_claims_is_not_even_decoded(
    card_slot: CardSlot, weigh: Weigh, tmp_path: Path, name: str
) -> None:
    card_slot.insert(contents.with_portrait(bombs.CLAIMS[name]))
    told = weigh("--portrait", str(tmp_path / "out.png"))
    assert (told.code, told.stderr) == (0, "")
    assert {"dg2.malformed", "dg2.encoding_unknown"} & set(told.answer["warnings"])
    assert not (tmp_path / "out.png").exists()
