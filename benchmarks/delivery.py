"""The outbox's way in and out: beside a bare durable insert of the same bytes, and beside a bare MLLP loop.

What is compared runs in turn in one process on the same file system against the same receiver, so that a slow moment
of the machine hits both.
"""

import socket
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from benchmarks.child import child
from benchmarks.patient_records import patient_record
from benchmarks.table import Cell, Table, quantile
from config.destinations import Hl7v2Destination
from hisbridge import outbox
from hisbridge.connectors import make
from hisbridge.connectors.contract import Connector, Known, Sending
from hisbridge.delivery import Courier
from hisbridge.identity import idempotency_key
from hisbridge.outbox import State
from hisbridge.pacing import Backoff, Pace
from hisbridge.preparing import prepared
from hisbridge.records import PatientRecord
from hisbridge.rendering_mark import RenderingMark
from hisbridge.schema import MIGRATIONS
from wire import sqlite
from wire.codec import to_json
from wire.database import migrate, open_database, transaction

ENQUEUES = 1500
WARMING = 50
DRAINS, MESSAGES = 10, 200
ENQUEUE_BAR, DRAIN_BAR = 0.7, 0.6
FRAME = 4096 + 24  # bytes of one page in SQLite's write-ahead log, with its header
NOW = datetime(2026, 11, 21, 0, 45, tzinfo=UTC)


def measure() -> list[Table]:
    """Enqueue and drain per second, both durable (`synchronous=FULL`)."""
    return [enqueue_table(ENQUEUES), drain_table(DRAINS, MESSAGES)]


@dataclass
class Cost:
    """What calls of one kind took: seconds of the clock and of CPU."""

    wall: list[float] = field(default_factory=list)
    cpu: float = 0.0

    def take(self, action: Callable[[], object]) -> None:
        """Do it, and note what it took."""
        cpu, wall = time.process_time(), time.perf_counter()  # of all threads: the courier has one to read ahead
        action()
        self.wall.append(time.perf_counter() - wall)
        self.cpu += time.process_time() - cpu

    @property
    def per_second(self) -> float:
        """How many a second, over all."""
        return len(self.wall) / sum(self.wall)


class Enqueuing:
    """Two databases in one folder: the outbox, and a table that takes the record's bytes and nothing else."""

    def __init__(self, folder: Path) -> None:
        migrate(folder / "outbox.db", MIGRATIONS)
        self.outbox = open_database(folder / "outbox.db")
        self.table = open_database(folder / "bare.db")
        self.table.execute("CREATE TABLE rows (id INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT")
        self._folder = folder

    def enqueue(self, record: PatientRecord) -> None:
        """The bridge's own enqueue, in a transaction of its own."""
        with transaction(self.outbox):
            outbox.enqueue(self.outbox, record, ("his",), NOW)

    def bare(self, body: str) -> None:
        """The same bytes in a transaction of their own."""
        with transaction(self.table):
            self.table.execute("INSERT INTO rows (body) VALUES (?)", (body,))

    def pages(self, numbers: range) -> tuple[float, float]:
        """Database pages that one enqueue and one bare insert write to the log: a count, the same on every machine."""
        logs = [self._folder / f"{name}.db-wal" for name in ("outbox", "bare")]
        for connection in (self.outbox, self.table):
            connection.execute("PRAGMA wal_autocheckpoint=0")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        for number in numbers:
            record = patient_record(number)
            self.enqueue(record)
            self.bare(to_json(record).decode())
        ours, bare = (log.stat().st_size / FRAME / len(numbers) for log in logs)
        return ours, bare

    def close(self) -> None:
        """Close both."""
        self.outbox.close()
        self.table.close()


@contextmanager
def enqueuing() -> Iterator[Enqueuing]:
    """Where the code is, not /tmp: that may be memory, where a flush costs nothing."""
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as folder:
        made = Enqueuing(Path(folder))
        try:
            yield made
        finally:
            made.close()


def enqueue_table(rounds: int) -> Table:
    """Each round enqueues one record and inserts its bytes, in turn."""
    ours, bare = Cost(), Cost()
    with enqueuing() as pair:
        for number in range(rounds + WARMING):
            record = patient_record(number)
            body = to_json(record).decode()
            if number == WARMING:
                ours, bare = Cost(), Cost()
            # Which of them comes first changes, for a flush may pay for the one before it.
            steps = [(ours, lambda one=record: pair.enqueue(one)), (bare, lambda text=body: pair.bare(text))]
            for cost, step in steps if number % 2 else reversed(steps):
                cost.take(step)
        pages = pair.pages(range(rounds + WARMING, rounds + WARMING + 300))
    rows = [
        _enqueue_row("enqueue of a visit's record", ours, pages[0]),
        _enqueue_row("bare durable insert, same bytes", bare, pages[1]),
    ]
    shares = [one / other for one, other in zip(rows[0][1:], rows[1][1:], strict=True)]
    ratio: tuple[Cell, ...] = ("ours to bare", *shares)
    notes = (
        f"{rounds} rounds in turn, WAL, synchronous=FULL, {len(body.encode())} bytes",
        f"bar: at least {ENQUEUE_BAR:.0%} of the bare insert's rate; it is {ours.per_second / bare.per_second:.0%}",
        "pages: of 4 KiB, written to the log by one transaction",
    )
    columns = ("", "per second", "p50 (ms)", "p95 (ms)", "CPU (ms)", "pages")
    return Table("Enqueue, durable", columns, (*rows, ratio), notes)


def _enqueue_row(name: str, cost: Cost, pages: float) -> tuple[str, float, float, float, float, float]:
    p50, p95 = (quantile(cost.wall, share) * 1000 for share in (0.5, 0.95))
    return name, cost.per_second, p50, p95, cost.cpu / len(cost.wall) * 1000, pages


class Draining:
    """A courier with its outbox, and a bare socket, before the same receiver."""

    def __init__(self, folder: Path, port: int, messages: int, pace: Pace | None = None) -> None:
        path = folder / "outbox.db"
        migrate(path, MIGRATIONS)
        self.destination = Hl7v2Destination(name="his", host="127.0.0.1", port=port)
        self.outbox = open_database(path)
        self.writes = 0  # transactions the courier committed
        self.records = [patient_record(number) for number in range(messages)]
        with transaction(self.outbox):
            for record in self.records:
                outbox.enqueue(self.outbox, record, ("his",), NOW)
        self._connector = make(self.destination)
        self._payloads = [to_json(record).decode() for record in self.records]
        self._rendered = [rendered(self._connector, prepared(payload)) for payload in self._payloads]
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._courier = Courier(
            "his",
            "hl7v2",
            make(self.destination),
            lambda: self._counted(path),
            Backoff(1.0, 300.0, lambda: 1.0),
            lambda: NOW,
            pace,
            RenderingMark(folder / "rendering-his"),
        )

    def drain(self) -> None:
        """Everything out, acknowledged, and its outcome on disk."""
        while self._courier.step() is not None:
            pass
        assert outbox_count(self.outbox, State.ACKNOWLEDGED) == len(self.records)

    def owe_again(self) -> None:
        """As before the drain."""
        with transaction(self.outbox):
            self.outbox.execute("UPDATE deliveries SET state = 'queued', receipt = NULL, finished_at = NULL")

    def send(self) -> None:
        """The connector alone, record by record: what the courier adds is durability."""
        for record, payload in zip(self.records, self._payloads, strict=True):
            key = idempotency_key("his", record.visit.visit_id)
            self._connector.send(rendered(self._connector, prepared(payload)), Sending(key, 1))

    def bare(self) -> None:
        """Ready bytes out, bytes in up to the end of the frame; nothing is looked at."""
        for message in self._rendered:
            self._socket.sendall(b"\x0b" + message + b"\x1c\r")
            answer = b""
            while not answer.endswith(b"\x1c\r"):
                answer += self._socket.recv(65536)

    def close(self) -> None:
        """Close all."""
        self._courier.stop()
        self._courier.run(0.0)
        self._connector.close()
        self._socket.close()
        self.outbox.close()

    def _counted(self, path: Path) -> sqlite.Connection:
        connection = open_database(path)

        def seen(statement: str) -> None:
            self.writes += statement == "COMMIT"

        connection.set_trace_callback(seen)
        return connection


@contextmanager
def draining(messages: int, pace: Pace | None = None) -> Iterator[Draining]:
    """With python-hl7's own MLLP server, in its own process, at the other end."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-"))
        receiver = stack.enter_context(child("benchmarks.mllp_process"))
        made = Draining(Path(folder), receiver.port, messages, pace)
        stack.callback(made.close)
        yield made


def drain_table(rounds: int, messages: int) -> Table:
    """Each round sends all messages three ways, in turn."""
    drained, sent, bare = Cost(), Cost(), Cost()
    with draining(messages) as ways:
        ways.bare()
        for _ in range(rounds):
            bare.take(ways.bare)
            sent.take(ways.send)
            drained.take(ways.drain)
            ways.owe_again()
        writes = ways.writes / rounds / messages
    rows = (
        _drain_row("outbox to receiver, outcome durable", drained, bare, messages, writes),
        _drain_row("rendered and sent in a loop, nothing durable", sent, bare, messages, 0.0),
        _drain_row("bare MLLP loop, ready bytes", bare, bare, messages, 0.0),
    )
    notes = (
        f"{rounds} rounds in turn of {messages} HL7 messages; receiver: python-hl7's server in its own process",
        f"bar: at least {DRAIN_BAR:.0%} of the bare loop; of bare: the median of the rounds' ratios",
        f"of the loop that renders too: {_median_share(drained, sent):.0%}; that receiver answers at once, as few do",
    )
    columns = ("", "per second", "of bare", "CPU (ms)", "durable writes")
    return Table("Drain with acknowledgement (per message)", columns, rows, notes)


def _median_share(ours: Cost, peer: Cost) -> float:
    """Our rate to the other's, round by round."""
    return median(other / one for one, other in zip(ours.wall, peer.wall, strict=True))


def _drain_row(
    name: str, cost: Cost, bare: Cost, messages: int, writes: float
) -> tuple[str, float, float, float, float]:
    share = _median_share(cost, bare)
    return name, cost.per_second * messages, share, cost.cpu / len(cost.wall) / messages * 1000, writes


def rendered(connector: Connector, record: PatientRecord) -> bytes:
    """The message of a record that the receiver is told of."""
    message = connector.render(record, Known())
    assert message is not None
    return message


def outbox_count(connection: sqlite.Connection, *states: State) -> int:
    """How many deliveries stand in these states."""
    names: Sequence[str] = [str(state) for state in states]
    marks = ", ".join("?" for _ in names)
    query = f"SELECT count(*) FROM deliveries WHERE state IN ({marks})"  # noqa: S608 - marks only
    return int(connection.execute(query, names).fetchone()[0])
