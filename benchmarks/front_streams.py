"""Twenty counters, five boards and a touchscreen on event streams of the real processes, beside a bare event stream
server with as many clients: memory, CPU at rest and for a call, when all have seen it, and whether requests still come
through, also when every place for a stream is taken.
"""

import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from secrets import token_hex

from benchmarks.front_process import Server, load_note, peer, wait_for
from benchmarks.front_screens import Timing, good
from benchmarks.front_site import BOARDS, SOUGHT, Site
from benchmarks.table import Cell, Table, quantile
from ui.desk.news import LOOK_SECONDS
from ui.desk.server import THREADS
from ui.desk.streams import MOST, MOST_OF_ONE

BAR_MS = 50.0
REST_PAUSE_SECONDS = 1.5  # after the last call, so that no stream is still at it
ACT_GAP_SECONDS = 0.7  # between calls, so that each is told by itself


@dataclass
class Listener:
    """One client: when each event of its page came (seconds), what the server answered first, whether it ended."""

    connection: socket.socket
    event: bytes
    seen: list[float] = field(default_factory=list)
    heard: bytes = b""
    status: int = 0
    ended: bool = False

    def take(self, piece: bytes) -> None:
        """What just came."""
        self.heard += piece
        if not self.status and b"\r\n" in self.heard:
            self.status = int(self.heard.split(maxsplit=2)[1])
        if self.event in self.heard:
            self.seen.append(time.monotonic())
        # What is kept is a name's beginning at most, of an event that the next piece ends.
        self.heard = self.heard[-len(self.event) + 1 :] if self.status else self.heard


class Listeners:
    """All clients, read by one thread as it comes."""

    def __init__(self) -> None:
        self.all: list[Listener] = []
        self._selector = selectors.DefaultSelector()
        self._over = False
        self._thread = threading.Thread(target=self._read, name="listeners", daemon=True)
        self._thread.start()

    def open(self, server: Server, path: str, event: str) -> Listener:
        """One more; returns once it was answered."""
        connection = server.stream(path)
        one = Listener(connection, f"event: {event}\n".encode())
        self.all.append(one)
        self._selector.register(connection, selectors.EVENT_READ, one)
        wait_for(lambda: one.status and (one.seen or one.status != 200), f"the stream {path}")
        return one

    def close(self) -> None:
        """Leave them all."""
        self._over = True
        self._thread.join(5)
        for one in self.all:
            one.connection.close()
        self._selector.close()

    def _read(self) -> None:
        while not self._over:
            for key, _ in self._selector.select(0.2):
                piece = key.data.connection.recv(65536)
                if piece:
                    key.data.take(piece)
                else:
                    key.data.ended = True
                    self._selector.unregister(key.fileobj)


@contextmanager
def listeners() -> Iterator[Listeners]:
    """A crowd that leaves in the end."""
    made = Listeners()
    try:
        yield made
    finally:
        made.close()


@dataclass(frozen=True)
class Cost:
    """What a server with its streams costs: MB before and with them, CPU seconds a minute at rest and milliseconds a
    call, milliseconds until half and until all of its clients have seen a call; how many clients it had."""

    clients: int
    before: float
    after: float
    rest: float
    act: float
    half: list[float]
    last: list[float]
    threads: int

    def row(self, name: str) -> tuple[Cell, ...]:
        """As a row of the table."""
        seen = (quantile(self.half, 0.5), quantile(self.last, 0.5), max(self.last))
        return name, self.clients, self.before, self.after, self.threads, self.rest, self.act, *seen


COLUMNS = (
    *("", "clients", "MB before", "MB with", "threads", "CPU s/min at rest", "CPU ms a call"),
    *("half saw it (ms)", "all saw it", "worst"),
)


def tables(site: Site, visits: int, calls: int, rest_seconds: float, rounds: int) -> list[Table]:
    """Memory, CPU and calls; then whether a request is starved."""
    with listeners() as crowd:
        touch_before = site.kiosk.megabytes()
        crowd.open(site.kiosk, "/touchscreen/events", "screen")
        before = site.desk.megabytes()
        clients = [crowd.open(one, "/counter/events", "part") for one in site.counters]
        clients += [crowd.open(site.counters[n], f"/board/hall-{n}/events", "part") for n in range(BOARDS)]
        turns = count()
        ours = _cost(site.desk, clients, lambda: _call(site.counters, next(turns)), before, calls, rest_seconds)
        touch_rest = _rest(site.kiosk, rest_seconds)
        touch = (site.kiosk.threads(), touch_rest, None, None, None, None)
        kiosk_row = ("touchscreen", 1, touch_before, site.kiosk.megabytes(), *touch)
        starved = _starved(site, crowd, visits, rounds)
    bare_row = _bare(len(clients), calls, rest_seconds)
    notes = (
        f"{len(site.counters)} counters and {BOARDS} boards on the desk, {visits} visits in the day, {calls} calls; "
        f"MB are PSS, of arbiter and worker",
        f"one thread asks the database for news for all of them, {1 / LOOK_SECONDS:.0f} times a second",
        f"signed in: {site.signed_in:.0f} MB, before anybody was: {site.signed_out:.0f} MB",
        *load_note(),
    )
    rows = (ours.row("desk"), kiosk_row, bare_row.row("bare event streams"))
    return [Table("Event streams", COLUMNS, rows, notes), starved]


def _cost(
    server: Server, clients: Sequence[Listener], call: Callable[[], None], before: float, calls: int, seconds: float
) -> Cost:
    half, last = [], []
    rest = _rest(server, seconds)
    began, began_cpu = time.monotonic(), server.cpu_seconds()
    for _ in range(calls):
        at = time.monotonic()
        told = [len(one.seen) for one in clients]
        call()
        wait_for(
            lambda told=told: all(len(one.seen) > seen for one, seen in zip(clients, told, strict=True)),  # type: ignore[misc]
            "a call that everybody saw",
        )
        times = sorted(one.seen[seen] - at for one, seen in zip(clients, told, strict=True))
        half.append(times[len(times) // 2] * 1000)
        last.append(times[-1] * 1000)
        time.sleep(ACT_GAP_SECONDS)
    spent, passed = server.cpu_seconds() - began_cpu, time.monotonic() - began
    act = (spent - rest / 60 * passed) / calls * 1000
    return Cost(len(clients), before, server.megabytes(), rest, act, half, last, server.threads())


def _rest(server: Server, seconds: float) -> float:
    """CPU seconds a minute while nobody does anything."""
    time.sleep(REST_PAUSE_SECONDS)
    began, cpu = time.monotonic(), server.cpu_seconds()
    time.sleep(seconds)
    return (server.cpu_seconds() - cpu) / (time.monotonic() - began) * 60


def _call(counters: Sequence[Server], turn: int) -> None:
    answer = counters[turn % len(counters)].ask("/counter/act", {"kind": "call_next", "name": f"bench-{turn:08d}"})
    if answer.status != 200:
        raise SystemExit(f"a call answered {answer.status}")


def _bare(clients: int, calls: int, seconds: float) -> Cost:
    with peer(THREADS) as bare, listeners() as crowd:
        bare.ask("/")
        before = bare.megabytes()
        opened = [crowd.open(bare, "/events", "screen") for _ in range(clients)]
        return _cost(bare, opened, lambda: _pressed(bare), before, calls, seconds)


def _pressed(bare: Server) -> None:
    if bare.ask("/act", {}).status != 204:
        raise SystemExit("the bare server did not answer")


def _starved(site: Site, crowd: Listeners, visits: int, rounds: int) -> Table:
    rows = [*_requests(site, f"{len(site.counters)} counters, {BOARDS} boards", rounds)]
    held = len([one for one in crowd.all if one.status == 200]) - 1  # without the touchscreen's, at another process
    for turn in range(MOST - held):
        one = crowd.open(site.counters[turn % len(site.counters)], "/counter/list/events", "part")
        if one.status != 200:
            raise SystemExit(f"stream {held + turn + 1} of {MOST} answered {one.status}")
    refused = [crowd.open(one, "/counter/list/events", "part").status for one in site.counters[:5]]
    if set(refused) != {503}:
        raise SystemExit(f"streams beyond the last place answered {refused}")
    rows += _requests(site, f"all {MOST} places taken", rounds)
    notes = (
        f"{visits} visits in the day, {rounds} times each, in turn: each call wakes every stream, whose page is read "
        f"and drawn anew beside the next requests; bar: p95 < {BAR_MS:g} ms",
        f"further streams are answered 503, one account has at most {MOST_OF_ONE}; CPU is of request and streams",
        *load_note(),
    )
    return Table("Requests while streams are open (ms)", ("", "p50", "p95", "CPU"), tuple(rows), notes)


def _requests(site: Site, when: str, rounds: int) -> Iterator[tuple[Cell, ...]]:
    asked: tuple[tuple[str, str, dict[str, str] | None], ...] = (
        ("call the next", "/counter/act", {"kind": "call_next"}),
        ("own desk", "/counter", None),
        ("search", "/counter/search", {"text": SOUGHT}),
    )
    timings = {name: Timing() for name, _, _ in asked}
    for turn in range(rounds):
        one = site.counters[turn % len(site.counters)]
        for name, path, form in asked:
            named = {**form, "name": token_hex(8)} if form else None  # each act under a name of its own
            timings[name].take(site.desk, lambda path=path, named=named, one=one: good(one, path, named))  # type: ignore[misc]
    for name, timing in timings.items():
        yield (f"{name}, {when}", *timing.row(name)[1:])
