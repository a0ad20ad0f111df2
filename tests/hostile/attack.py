"""One attack: a hostile card and what is wanted of it. Run, it tells what came out and what that cost the reader.

The card's own work is done in the same process: its processor time is taken out, its memory is not. What has to come
out of each attack stands in `outcomes.txt`.
"""

import gc
import hashlib
import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from reader.chip.access_keys import AccessKeys
from reader.chip.session import read_card
from reader.chip.task import CardRead, Surroundings, Wanted
from reader.errors import CardRemoved, NoCard, ReaderError
from reader.pki.trust import Trust
from reader.reading import Outcome
from sandbox.card.chip import CardGone
from tests.reader.chip.cards import NOW
from wire.codec import to_plain

TIMEOUT = 18.0  # seconds of the reading's own clock
CAN = AccessKeys(can="900017")
EVERYTHING = Wanted(portrait=True, everything=True)
USUAL_APDUS = 700  # twice 61xx to the bound of one answer, and a reading

_CODE = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)*")
# What an error may tell besides where it happened: status words, counts, the driver's code. Never content.
_TELLS: dict[str, re.Pattern[str]] = {
    "where": _CODE,
    "sw": re.compile(r"[0-9A-F]{4}"),
    "pcsc": re.compile(r"[0-9A-F]{0,8}"),
    "phase": re.compile(r"\d0"),
    "attempts_left": re.compile(r"\d{1,2}"),
    "tried": re.compile(r"\d"),
    "offered": re.compile(r"\d{1,3}"),
    "apdus": re.compile(r"\d{1,4}"),
}


class Card(Protocol):
    """What lies on the reader: the sandbox's chip, or anything that answers."""

    @property
    def atr(self) -> bytes: ...
    def power_on(self) -> None: ...
    def power_off(self) -> None: ...
    def transmit(self, raw: bytes) -> bytes: ...


@dataclass(frozen=True)
class Attack:
    """A card by name; `make` makes it. `after` is done with what was read.

    `seconds_per_apdu` is what the card takes by the reading's own clock; `most_apdus` how many commands it may get out
    of the reader.
    """

    name: str
    make: Callable[[], Card]
    keys: AccessKeys = CAN
    wanted: Wanted = EVERYTHING
    seconds_per_apdu: float = 0.001
    most_apdus: int = USUAL_APDUS
    after: Callable[[CardRead], object] = lambda _read: None


@dataclass
class Result:
    """What came out of an attack. `words`: see `words_of`; `unsafe`: what was told that must not be told.

    `seconds`: processor time; `clock`: the reading's own time; `memory`: the most bytes the process had.
    """

    words: set[str] = field(default_factory=set)
    unsafe: list[str] = field(default_factory=list)
    apdus: int = 0
    connections: int = 0
    clock: float = 0.0
    seconds: float = 0.0
    memory: int = 0


class Dice:
    """Random bytes that are the same in every run, so that an attack always comes out alike."""

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._count = 0

    def octets(self, count: int) -> bytes:
        self._count += 1
        return hashlib.shake_256(f"{self._seed} {self._count}".encode()).digest(count)

    def scalar(self, order: int) -> int:
        return int.from_bytes(self.octets((order.bit_length() + 7) // 8 + 8), "big") % (order - 2) + 1


class Toll:
    """A slot around a card: counts, times what the card does, and gives the reading its clock."""

    reader = "Hostile"
    max_apdu_data: int | None = None

    def __init__(self, card: Card, seconds_per_apdu: float) -> None:
        self._card = card
        self._seconds_per_apdu = seconds_per_apdu
        self._gone = False
        self.atr = card.atr
        self.apdus = self.connections = 0
        self.now = self.spent = 0.0

    @contextmanager
    def connect(self) -> Iterator["Toll"]:
        if self._gone:
            raise NoCard
        self.connections += 1
        self._card.power_on()
        yield self
        self._card.power_off()

    def transmit(self, command: bytes) -> bytes:
        self.apdus += 1
        self.now += self._seconds_per_apdu
        began = time.thread_time()
        try:
            return self._card.transmit(command)
        except CardGone:
            self._gone = True
            raise CardRemoved from None
        finally:
            self.spent += time.thread_time() - began


def run(attack: Attack, trust: Trust) -> Result:
    """Read the card, see what came out and what it cost. Raises whatever is no error of the reader."""
    slot = Toll(attack.make(), attack.seconds_per_apdu)
    dice = Dice("reader")
    world = Surroundings(
        clock=lambda: slot.now,
        utc_now=lambda: NOW,
        new_id=lambda: "reading-1",
        octets=dice.octets,
        scalar=dice.scalar,
        trust=trust,
    )
    result = Result()
    gc.collect()
    forget_peak()
    began = time.process_time()
    try:
        read = read_card(slot, attack.keys, world, TIMEOUT, attack.wanted)  # type: ignore[arg-type]
        attack.after(read)
    except ReaderError as error:
        result.words, result.unsafe = words_of_error(error), unsafe(error)
    else:
        result.words = words_of(read)
        result.unsafe = unprintable(read)
    result.seconds = time.process_time() - began - slot.spent
    result.memory = peak()
    result.apdus, result.connections, result.clock = slot.apdus, slot.connections, slot.now
    return result


def words_of(read: CardRead) -> set[str]:
    """`read`, the checks that did not pass with their reasons, the warnings."""
    checks = read.reading.evidence.checks
    assert checks is not None
    words = {"read", *read.reading.warnings}
    for name in checks.__struct_fields__:
        check = getattr(checks, name)
        if check.result is not Outcome.PASSED:
            words.add(f"{name}_{check.result}")
        words |= {check.reason} if check.reason else set()
    return words


def words_of_error(error: ReaderError) -> set[str]:
    """Its code, its place and its status word."""
    return {error.code, *(str(error.data[key]) for key in ("where", "sw") if key in error.data)}


def unsafe(error: ReaderError) -> list[str]:
    """What the error tells that it should not."""
    return [f"{key}={value}" for key, value in error.data.items() if not _fits(key, value)]


def unprintable(read: CardRead) -> list[str]:
    """What the reading tells that would move a cursor, turn writing around, or is no code where one is due."""
    reading = read.reading
    texts = [text for record in (reading.holder, reading.document) for text in to_plain(record).values() if text]
    codes = words_of(read)
    return [text for text in texts if not text.isprintable()] + [code for code in codes if not _CODE.fullmatch(code)]


def _fits(key: str, value: object) -> bool:
    return key in _TELLS and _TELLS[key].fullmatch(str(value)) is not None


def named(groups: Iterable[Iterable[Attack]]) -> dict[str, Attack]:
    """All attacks by name; no name twice."""
    every = [attack for group in groups for attack in group]
    found = {attack.name: attack for attack in every}
    assert len(found) == len(every), [attack.name for attack in every if found[attack.name] is not attack]
    return found


# Memory of this process (proc(5))


def forget_peak() -> None:
    """From now on `peak` is of what comes."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def peak() -> int:
    """The most memory this process had resident, in bytes."""
    return _status("VmHWM")


def resident() -> int:
    """What it has now."""
    return _status("VmRSS")


def _status(name: str) -> int:
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    return int(re.findall(rf"{name}:\s+(\d+) kB", status)[0]) << 10
