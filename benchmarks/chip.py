"""A chip reading over the real pcscd: APDUs, bytes, host CPU and time on the air for several cards and ways to read,
beside the fewest APDUs there can be and the counts of other readers.

Counts and bytes hold on any machine; CPU milliseconds are this machine's. The card computes in a process of its own.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import strategies
from benchmarks.air import RATES, Cost, Exchange, fitted, on_air
from benchmarks.card_process import CardProcess, card_process
from benchmarks.table import Cell, Table
from reader.chip.access import Opener, Randomness
from reader.chip.access_keys import AccessKeys
from reader.chip.apdu import Command, Response
from reader.chip.channel import Meter, PlainChannel
from reader.chip.files import Bag
from reader.chip.pcsc import PcscSlot
from reader.chip.plan import MAX_SIZE, protected
from reader.chip.session import read_card
from reader.chip.task import CardRead, Listener, Surroundings, Wanted
from reader.chip.trace import NoTrace
from reader.chip.world import real_surroundings
from sandbox.card import kinds, trust
from sandbox.card.image import CardImage
from sandbox.card.quirks import Quirks
from sandbox.pcscd import Pcscd, private
from sandbox.people import find
from sandbox.portrait import jpeg

SECONDS = 60.0
RUNS = 7
PERSON = "mau"
CARDS = ("benchmark", "bac_only", "pace_cam", "pace_aes256_brainpoolp512r1", "passport", "portrait_25k")
SLOW = Quirks(milliseconds_per_apdu=12.0, microseconds_per_byte=25.0)  # the order of a real chip at 424 kbit/s
# Whole readings of COM, SOD, DG1, DG2, DG13 as published, with PACE (chip.md 2.6 and 3.1).
OTHERS = (
    ("NFCPassportReader's plan (160-byte blocks)", "128"),
    ("gmrtd", "96 to 109, extended 33"),
    ("JMRTD", "93 to 106, extended 20 to 26"),
    ("pypassport", "100 to 107"),
)


@dataclass
class Timed(NoTrace):
    """Notes the size and duration of every APDU."""

    exchanges: list[Exchange] = field(default_factory=list)
    sent_bytes: int = 0
    sent_at: float = 0.0

    def sent(self, command: Command, at_ms: float) -> None:
        self.sent_bytes, self.sent_at = len(command.encode()), at_ms

    def received(self, response: Response, at_ms: float) -> None:
        seconds = (at_ms - self.sent_at) / 1000
        self.exchanges.append(Exchange(self.sent_bytes, len(response.data) + 2, seconds))


@dataclass(frozen=True)
class Measured:
    """One way to read one card. Times are medians of several runs, in milliseconds."""

    exchanges: list[Exchange]
    cpu_ms: float
    read: CardRead | None = None

    @property
    def apdus(self) -> int:
        return len(self.exchanges)

    @property
    def octets(self) -> int:
        return sum(one.sent + one.received for one in self.exchanges)


class Bench:
    """A reader, a card process beside it, and a person."""

    def __init__(self, daemon: Pcscd, card: CardProcess, folder: Path) -> None:
        os.environ.update(daemon.environment())
        self._authority = trust.create()
        self._authority.export(folder)
        self._folder = folder
        self._card = card
        self.slot = PcscSlot()
        self._person = find(PERSON)
        self._portrait = jpeg(self._person)

    def place(self, kind: str, quirks: Quirks | None = None) -> CardImage:
        """Put a card of this kind on the reader and wait until it is seen."""
        image = kinds.build(kind, self._person, self._portrait, self._authority)
        self._card.place(image, quirks)
        next(presence for presence in self.slot.watch() if presence.card)
        return image

    def world(self) -> Surroundings:
        return real_surroundings(str(self._folder))

    def read(self, image: CardImage, wanted: Wanted, runs: int = RUNS) -> Measured:
        """Our reading, each run with an empty memory."""
        keys = AccessKeys(image.can, (image.mrz_information,))
        reads: list[CardRead] = []

        def once(trace: Timed) -> None:
            reads.append(read_card(self.slot, keys, self.world(), SECONDS, wanted, Listener(trace=trace)))

        measured = _several(once, runs)
        return Measured(measured.exchanges, measured.cpu_ms, reads[-1])

    def other(self, image: CardImage, strategy: strategies.Strategy, runs: int = RUNS) -> Measured:
        """Another way to read the same files after the same access."""
        lengths = {file.name: len(image.files[file.file_id]) for file in (strategies.files.COM, *strategies.GROUPS)}

        def once(trace: Timed) -> None:
            world = self.world()
            random = Randomness(world.scalar, world.octets)
            opener = Opener(AccessKeys(image.can, (image.mrz_information,)), random, Bag(), set())
            with self.slot.connect() as transport:
                meter = Meter(world.clock, world.clock() + SECONDS, trace=trace)
                plain = PlainChannel(transport, meter)
                announced = opener.announced(plain, transport.atr)
                opened = opener.open(plain, announced, lambda size: protected(size, MAX_SIZE, extended=True))
                strategy(opened, strategies.GROUPS, lengths, random)

        return _several(once, runs)


def measure() -> list[Table]:
    """Counts for several cards, for several ways to read one, and how near that comes to the limit."""
    with tempfile.TemporaryDirectory(prefix="tiepdon-bench-") as folder, private(Path(folder)) as daemon:
        if daemon is None:
            raise SystemExit("no private pcscd can be started on this machine; `make setup` installs it")
        with card_process(daemon.port) as card:
            bench = Bench(daemon, card, Path(folder) / "trust")
            try:
                return [_bars(bench), _ways(bench), _cards(bench), _limit(bench)]
            finally:
                bench.slot.close()


def _bars(bench: Bench) -> Table:
    """The three moments of a reading, with extended length and without."""
    image = bench.place("benchmark")
    long, short = (bench.read(image, Wanted(portrait=True, extended=extended), 1).read for extended in (True, False))
    assert long is not None
    assert short is not None
    rows = (
        ("name with diacritics known", long.apdus_to_name, short.apdus_to_name, 10, 10),
        ("DG1, DG13 and SOD verified", long.apdus_to_proof, short.apdus_to_proof, 10, 21),
        ("all: DG14, chip authentication, portrait", long.apdus, short.apdus, 15, 90),
    )
    columns = ("", "extended", "short", "aim extended", "aim short")
    lengths = ", ".join(f"{name} {size}" for name, (size, _) in long.files.items())
    return Table("APDUs of one reading over real pcscd and vpcd", columns, rows, (f"file bytes: {lengths}",))


def _ways(bench: Bench) -> Table:
    image = bench.place("benchmark")
    ways: tuple[tuple[str, Callable[[], Measured]], ...] = (
        ("ours, extended length", lambda: bench.read(image, Wanted(portrait=True))),
        ("ours, Le 2048", lambda: bench.read(image, Wanted(portrait=True, max_le=2048))),
        ("ours, Le 1000", lambda: bench.read(image, Wanted(portrait=True, max_le=1000))),
        ("ours, short", lambda: bench.read(image, Wanted(portrait=True, extended=False))),
        ("ours, short, without portrait", lambda: bench.read(image, Wanted(extended=False))),
        ("SELECT, header, 223-byte blocks", lambda: bench.other(image, strategies.blocks(223))),
        ("SELECT, header, 160-byte blocks", lambda: bench.other(image, strategies.blocks(160))),
        ("limit: one APDU per file", lambda: bench.other(image, strategies.one_per_file)),
    )
    measured = [(name, way()) for name, way in ways]
    least = min(one.octets for name, one in measured if "without" not in name)
    rows = tuple(_way(name, one, least) for name, one in measured)
    columns = ("", "APDUs", "sent", "received", "over least", "CPU ms", *(f"air {rate}" for rate in RATES))
    notes = (
        "sent, received, over least: bytes; CPU: median of the reading process; air: seconds at so many kbit/s (model)",
        *(f"others, as published, with PACE: {name}: {count} APDUs" for name, count in OTHERS),
    )
    return Table("Ways to read one card (PACE, DG2 of 15 kB)", columns, rows, notes)


def _way(name: str, one: Measured, least: int) -> tuple[Cell, ...]:
    sent = sum(exchange.sent for exchange in one.exchanges)
    air = (round(on_air(one.exchanges, rate), 2) for rate in RATES)
    return (name, one.apdus, sent, one.octets - sent, one.octets - least, round(one.cpu_ms, 1), *air)


def _cards(bench: Bench) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for kind in CARDS:
        image = bench.place(kind)
        for extended in (True, False):
            one = bench.read(image, Wanted(portrait=True, extended=extended), 3)
            assert one.read is not None
            checks = one.read.reading.evidence.checks
            assert checks is not None
            name = f"{kind}, {'extended' if extended else 'short'}"
            proof = (one.read.apdus_to_name, one.read.apdus_to_proof)
            rows.append((name, checks.access.algorithm, *proof, one.apdus, one.octets, round(one.cpu_ms, 1)))
    columns = ("", "access", "to name", "to proof", "APDUs", "bytes", "CPU ms")
    return Table("Cards, portrait and proof of the chip included", columns, tuple(rows))


def _limit(bench: Bench) -> Table:
    """Costs fitted to a card that takes time for each APDU and each byte; how near ours comes to the limit."""
    image = bench.place("benchmark", SLOW)
    readings = {
        "ours, extended length": bench.read(image, Wanted(portrait=True), 3),
        "ours, short": bench.read(image, Wanted(portrait=True, extended=False), 3),
        "limit: one APDU per file": bench.other(image, strategies.one_per_file, 3),
    }
    cost = fitted([exchange for one in readings.values() for exchange in one.exchanges])
    best = readings["limit: one APDU per file"]
    limit = cost.of(best.apdus, best.octets)
    rows = tuple(_ratio(name, one, cost, limit) for name, one in readings.items())
    note = f"fitted: {cost.apdu * 1000:.1f} ms an APDU, {cost.byte * 1e6:.1f} µs a byte; aim: at most 1.15 extended"
    return Table("How near the limit", ("", "APDUs", "bytes", "seconds", "by the fit", "ratio"), rows, (note,))


def _ratio(name: str, one: Measured, cost: Cost, limit: float) -> tuple[Cell, ...]:
    seconds = sum(exchange.seconds for exchange in one.exchanges)
    return (name, one.apdus, one.octets, round(seconds, 3), round(cost.of(one.apdus, one.octets), 3), seconds / limit)


def _several(once: Callable[[Timed], None], runs: int) -> Measured:
    """Do it several times: the exchanges of the last run, the median CPU time of this process."""
    times: list[float] = []
    trace = Timed()
    for _ in range(runs):
        trace = Timed()
        began = time.process_time()
        once(trace)
        times.append((time.process_time() - began) * 1000)
    return Measured(trace.exchanges, statistics.median(times))
