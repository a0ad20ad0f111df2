"""A full outbox: how long the claim of the next deliveries takes, and how much memory a bridge holds meanwhile."""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.bridge_process import BridgeProcess, bridge_process
from benchmarks.child import child
from benchmarks.delivery import NOW
from benchmarks.patient_records import patient_record
from benchmarks.table import Table
from hisbridge import outbox
from hisbridge.pacing import BATCH
from hisbridge.schema import MIGRATIONS
from hisbridge.service import BridgeHealth
from wire.client import Client
from wire.codec import to_json
from wire.database import migrate, open_database, transaction

WAITING = 100_000
PERSONS = 30_000
CLAIMS = 7
DRAINED = 2_000  # delivered while the memory is watched
CLAIM_BAR_MS, MEMORY_BAR_MB = 100.0, 80.0
HORIZON = 300.0  # seconds: the longest back-off
STEPS = 100  # SQLite's virtual machine instructions between two looks

# The person's key is as long as a real one and as spread; the record is the same, for nobody reads it here.
_FILL = """
WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < :size)
INSERT INTO deliveries (record_id, destination, idempotency_key, person_key, payload, state, attempts, render_failures,
                        next_attempt_at, created_at)
SELECT printf('%032x', n * 2654435761), 'his', printf('%020d', n),
       printf('%016x%048d', n % :persons * 2654435761 % 4294967296 * 4294967291, n % :persons), :payload,
       'queued', 0, 0, 0.0, '2026-11-21T00:45:00.000Z'
FROM number
"""


def measure() -> list[Table]:
    """The claim for several crowds, and the memory of a real bridge process."""
    return [claim_table(WAITING), memory_table(WAITING)]


@dataclass(frozen=True)
class Claiming:
    """One claim: how many it took, milliseconds of the clock and of CPU, thousands of SQLite's instructions."""

    taken: int
    wall: float
    cpu: float
    steps: float


class Crowd:
    """An outbox in which `size` deliveries of so many persons wait."""

    def __init__(self, folder: Path, size: int, persons: int) -> None:
        migrate(folder / "outbox.db", MIGRATIONS)
        self.outbox = open_database(folder / "outbox.db")
        payload = to_json(patient_record(0)).decode()
        with transaction(self.outbox):
            self.outbox.execute(_FILL, {"size": size, "persons": persons, "payload": payload})

    def acknowledge(self, up_to: int) -> None:
        """As if these had gone out."""
        with transaction(self.outbox):
            self.outbox.execute("UPDATE deliveries SET state = 'acknowledged' WHERE id <= ?", (up_to,))

    def put_off(self) -> None:
        """As if the attempts that are under way had failed, and were to be made again later."""
        later = NOW.timestamp() + HORIZON / 2
        with transaction(self.outbox):
            self.outbox.execute(
                "UPDATE deliveries SET state = 'queued', next_attempt_at = ? WHERE state = 'sending'", (later,)
            )

    def claim(self) -> Claiming:
        """Take the next as a courier does."""
        seen = 0

        def look() -> None:
            nonlocal seen
            seen += 1

        self.outbox.set_progress_handler(look, STEPS)
        cpu, wall = time.thread_time(), time.perf_counter()
        taken = outbox.claim(self.outbox, "his", NOW, BATCH, HORIZON)
        wall, cpu = time.perf_counter() - wall, time.thread_time() - cpu
        self.outbox.set_progress_handler(None, STEPS)
        return Claiming(len(taken), wall * 1000, cpu * 1000, seen * STEPS / 1000)

    def claims(self, count: int) -> list[Claiming]:
        """So many, each of them acknowledged before the next, as a courier settles before it claims."""
        made = []
        for _ in range(count):
            made.append(self.claim())
            with transaction(self.outbox):
                self.outbox.execute("UPDATE deliveries SET state = 'acknowledged' WHERE state = 'sending'")
        return made


@contextmanager
def crowd(size: int, persons: int) -> Iterator[Crowd]:
    """Where the code is, not /tmp: that may be memory."""
    with TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as folder:
        made = Crowd(Path(folder), size, persons)
        with closing(made.outbox):
            yield made


def claim_table(size: int) -> Table:
    """The claim of the next deliveries, by how those that wait are spread over persons."""
    rows = []
    for persons, name in ((PERSONS, f"of {PERSONS} persons"), (100, "of 100 persons"), (1, "all of one person")):
        with crowd(size, persons) as made:
            rows.append(_claim_row(name, made.claims(CLAIMS)))
            if persons == 1:
                made.acknowledge(size // 2)
                rows.append(_claim_row("all of one person, half of them gone out", made.claims(CLAIMS)))
    with crowd(size, 100) as made:
        _ = made.claim(), made.claim()
        rows.append(_claim_row("of 100 persons, all under way", [made.claim() for _ in range(CLAIMS)]))
        made.put_off()
        rows.append(_claim_row("of 100 persons, all put off", [made.claim() for _ in range(CLAIMS)]))
    notes = (
        f"{size} waiting, {CLAIMS} claims of up to {BATCH} with their durable write",
        f"bar: less than {CLAIM_BAR_MS:g} ms; where nothing can be taken, all that waits is looked at",
        "steps: thousands of SQLite's instructions, a count that no load changes",
    )
    columns = ("", "taken", "typical (ms)", "longest (ms)", "CPU (ms)", "steps")
    return Table("Claim of the next deliveries", columns, tuple(rows), notes)


def _claim_row(name: str, claims: list[Claiming]) -> tuple[str, int, float, float, float, float]:
    wall = sorted(one.wall for one in claims)
    cpu = sum(one.cpu for one in claims) / len(claims)
    return name, claims[0].taken, wall[len(wall) // 2], wall[-1], cpu, max(one.steps for one in claims)


def memory_table(size: int) -> Table:
    """The highest resident memory of a bridge process: idle, and with a full outbox that it drains meanwhile."""
    few = DRAINED // 10
    rows = (
        ("nothing waiting", *peaks(0, 1, 0)),
        (f"{size} waiting, {DRAINED} of them sent", *peaks(size, PERSONS, DRAINED)),
        (f"{size} of one person waiting, {few} of them sent", *peaks(size, 1, few)),
    )
    notes = (f"VmHWM of the process; bar: less than {MEMORY_BAR_MB:g} MB",)
    return Table("Memory of a bridge process (MB)", ("", "ready", "at most"), rows, notes)


def peaks(size: int, persons: int, drained: int) -> tuple[float, float]:
    """The most memory that a bridge held when it was ready, and when `drained` deliveries had gone out."""

    def fill(path: Path) -> None:
        with closing(open_database(path)) as connection, transaction(connection):
            for number in range(size):
                outbox.enqueue(connection, patient_record(number, number % persons), ("his",), NOW)

    with (
        child("benchmarks.mllp_process") as receiver,
        bridge_process(None, _destination(receiver.port), fill) as bridge,
    ):
        ready = bridge.peak_megabytes()
        _until_sent(bridge, drained)
        return ready, bridge.peak_megabytes()


def _destination(port: int) -> str:
    return f"""
[[destinations]]
connector = "hl7v2"
name = "his"
host = "127.0.0.1"
port = {port}
"""


def _until_sent(bridge: BridgeProcess, wanted: int) -> None:
    client = Client(bridge.socket, timeout=30.0)
    until = time.monotonic() + 300.0
    while client.get("/v1/health", BridgeHealth).destinations[0].acknowledged < wanted:
        if time.monotonic() > until:
            raise SystemExit(f"the bridge did not deliver {wanted} records")
        time.sleep(0.2)
