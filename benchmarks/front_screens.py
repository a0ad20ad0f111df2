"""The server's time for each screen of the touchscreen and each page of the counter, beside a bare Flask page."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from urllib.parse import urlsplit

from benchmarks.footprint import Run
from benchmarks.front_process import Server, load_note, peer, told, wait_for
from benchmarks.front_site import SOUGHT, Site
from benchmarks.table import Cell, Table, quantile
from ui.desk.server import THREADS as DESK_THREADS
from ui.server import THREADS as KIOSK_THREADS

BAR_MS = 50.0
SELDOM = 4
COLUMNS = ("", "p50", "p95", "CPU")
Act = Callable[[], None]


@dataclass
class Timing:
    """How long answers took, milliseconds of the clock, and the server's CPU for all of them."""

    wall: list[float] = field(default_factory=list)
    cpu: float = 0.0

    def row(self, name: str) -> tuple[Cell, ...]:
        """p50, p95 and the CPU of one."""
        return name, quantile(self.wall, 0.5), quantile(self.wall, 0.95), self.cpu / len(self.wall) * 1000

    def take(self, server: Server, ask: Callable[[], float]) -> None:
        """One more."""
        began = server.cpu_seconds()
        self.wall.append(ask())
        self.cpu += server.cpu_seconds() - began

    def join(self, other: "Timing") -> None:
        """Its answers too."""
        self.wall += other.wall
        self.cpu += other.cpu


def touchscreen_table(run: Run, rounds: int) -> Table:
    """Each screen as the whole page and as the first event of its stream, each in turn with the bare page."""
    kiosk = Server(run.facts["pids"]["kiosk"], urlsplit(run.facts["touchscreen"]).port or 80)
    rows: list[tuple[Cell, ...]] = []
    every, bare_page = Timing(), Timing()
    with peer(KIOSK_THREADS) as bare:
        for name in _walk(run, kiosk):
            page, stream = Timing(), Timing()
            for _ in range(rounds):
                page.take(kiosk, lambda: good(kiosk, "/"))
                stream.take(kiosk, lambda: kiosk.first_event("/touchscreen/events"))
                bare_page.take(bare, lambda: good(bare, "/"))
            rows += [page.row(f"{name}: page"), stream.row(f"{name}: event")]
            every.join(page)
            every.join(stream)
    rows += [every.row("every screen"), bare_page.row("a bare Flask page")]
    notes = (f"{rounds} times each over loopback, in turn; bar: p95 < {BAR_MS:g} ms", *load_note())
    return Table("Server time of the touchscreen's screens (ms)", COLUMNS, tuple(rows), notes)


def counter_table(site: Site, visits: int, rounds: int) -> Table:
    """The counter's pages and the board, with a day's visits in the database."""
    desk = site.counters[0]
    turns = count()
    pages: dict[str, Callable[[], float]] = {
        "own desk": lambda: good(desk, "/counter"),
        "list of the day": lambda: good(desk, "/counter/list"),
        "list, page 20": lambda: good(desk, "/counter/list?page=20"),
        "search by name": lambda: good(desk, "/counter/search", {"text": SOUGHT}),
        "search by number": lambda: good(desk, "/counter/search", {"text": "42"}),
        "one record": lambda: good(desk, f"/counter/visits/{site.visit_id}"),
        "board": lambda: good(desk, "/board/hall-0"),
    }
    # Of another account each time, and seldom: a stream that was left keeps its place until its next look.
    streams: dict[str, Callable[[], float]] = {
        "own desk: event": lambda: site.counters[next(turns) % len(site.counters)].first_event("/counter/events"),
        "board: event": lambda: site.counters[next(turns) % len(site.counters)].first_event("/board/hall-0/events"),
    }
    timings = {name: Timing() for name in (*pages, *streams)}
    bare_page = Timing()
    with peer(DESK_THREADS) as bare:
        for turn in range(rounds):
            for name, ask in (pages if turn % SELDOM else {**pages, **streams}).items():
                timings[name].take(desk, ask)
            bare_page.take(bare, lambda: good(bare, "/"))
    rows = [timing.row(name) for name, timing in timings.items()]
    notes = (f"{visits} visits in the day, {rounds} times each in turn; bar: p95 < {BAR_MS:g} ms", *load_note())
    title = "Server time of the counter's pages and the board (ms)"
    return Table(title, COLUMNS, (*rows, bare_page.row("a bare Flask page")), notes)


def good(server: Server, path: str, form: dict[str, str] | None = None) -> float:
    """Milliseconds of an answer that is one."""
    answer = server.ask(path, form)
    if answer.status != 200:
        raise SystemExit(f"{path} answered {answer.status}")
    return answer.milliseconds


def _walk(run: Run, kiosk: Server) -> Iterator[str]:
    """One visit with everything beside its way; each screen's name while it is shown."""
    acts: tuple[tuple[str, Act], ...] = (
        ("start", lambda: None),
        ("adjust", lambda: run.touch("adjust")),
        ("start", lambda: run.touch("cancel")),
        ("help", lambda: run.touch("help")),
        ("start", lambda: run.touch("cancel")),
        ("no_card", lambda: run.touch("path", "no_card")),
        ("start", lambda: run.touch("cancel")),
        ("ask_qr", lambda: run.touch("path", "qr")),
        ("start", lambda: run.touch("cancel")),
        ("keypad", lambda: run.touch("path", "personal_id")),
        ("start", lambda: run.touch("cancel")),
        ("confirm", lambda: run.desk("/scanner/show", {"person": "mau"})),
        ("choose_priority", lambda: run.touch("ask_priority")),
        ("confirm", lambda: run.touch("priority", "none")),
        ("choose_service", lambda: run.touch("confirm")),
        ("ticket", lambda: run.touch("service", "KB")),
        ("goodbye", lambda: run.touch("done")),
    )
    seen: set[str] = set()
    for name, act in acts:
        act()
        wait_for(lambda name=name: told(kiosk.ask("/health"))["showing"] == name, f"the screen {name}")  # type: ignore[misc]
        if name not in seen:
            seen.add(name)
            yield name
