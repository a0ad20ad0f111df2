"""A large site for the benchmarks: twenty counters, five boards and a day's visits, on the real processes.

Its receptionists come in through the real sign-in. All persons are synthetic.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.commit import COVERAGE
from benchmarks.front_process import HOST, Server, free_ports, served
from config.settings import Settings, database_path, load, socket_path
from kiosk.accounts import Role, open_accounts
from kiosk.clock import SystemClock
from kiosk.secret_hash import SecretHash
from kiosk.sessions import open_sessions
from kiosk.sign_in import SignIn
from kiosk.store import open_store
from reader.reading import Evidence, Holder, Reading, Sex, Source
from tiepdon.migrations import MIGRATIONS
from ui.desk import csrf
from wire.database import migrate

VISITS = 5000
COUNTERS = 20
BOARDS = 5
PIN = "270594"
FAMILY = ("Nguyễn", "Trần", "Lê", "Phạm", "Hoàng", "Vũ", "Đặng", "Bùi", "Đỗ", "Hồ")
GIVEN = ("An", "Bình", "Chi", "Dũng", "Giang", "Hạnh", "Khánh", "Linh", "Minh", "Ngọc", "Phúc", "Quỳnh", "Sơn")
SOUGHT = "tran linh"


@dataclass(frozen=True)
class Site:
    """The running site: its desk and kiosk, one visit of the day, and the desk as each receptionist has it."""

    desk: Server
    kiosk: Server
    visit_id: str
    counters: tuple[Server, ...]
    signed_out: float  # MB that the desk held before anybody signed in
    signed_in: float


@contextmanager
def running(visits: int = VISITS, counters: int = COUNTERS) -> Iterator[Site]:
    """The site's folder lies where the code is, not in /tmp: that may be memory, where a flush costs nothing."""
    with (
        TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as state,
        TemporaryDirectory(prefix="tiepdon-") as run,  # a short path: names of Unix sockets have 107 bytes
    ):
        kiosk_port, desk_port = free_ports(2)
        file = Path(state) / "tiepdon.toml"
        file.write_text(_settings(state, run, kiosk_port, desk_port, counters), "utf-8")
        settings = load(file)
        migrate(database_path(settings), MIGRATIONS)
        visit_id = _fill(settings, visits)
        names = _people(settings, counters)
        command = ["--config", str(file)]
        with (
            served(["tiepdon.main", "kiosk", *command], kiosk_port, socket_path(settings, "kiosk")) as kiosk,
            served(["tiepdon.main", "desk", *command], desk_port, socket_path(settings, "desk")) as desk,
        ):
            before = desk.megabytes()
            places = tuple(sit(desk, name, str(number)) for number, name in enumerate(names, 1))
            yield Site(desk, kiosk, visit_id, places, before, desk.megabytes())


def sit(desk: Server, name: str, place: str) -> Server:
    """Sign in and take a place, as the pages do; the desk as this receptionist's browser has it."""
    entered = desk.ask("/sign-in", {"name": name, "secret": PIN})
    cookie = (entered.headers.get("Set-Cookie") or "").partition(";")[0]
    token = cookie.partition("=")[2]
    if entered.status != 204 or not token:
        raise SystemExit(f"the sign-in answered {entered.status}")
    signed = replace(desk, headers={"Cookie": cookie, csrf.HEADER: csrf.token_for(token)})
    if (status := signed.ask("/place", {"place": place}).status) != 200:
        raise SystemExit(f"the choice of a place answered {status}")
    return signed


def _settings(state: str, run: str, kiosk: int, desk: int, counters: int) -> str:
    queues = 'queues = ["RECEPTION", "KB"]'
    places = "".join(
        f'[[queue.counters]]\ncode = "{n}"\nname_vi = "Quầy {n}"\nname_en = "Counter {n}"\n{queues}\n'
        for n in range(1, counters + 1)
    )
    boards = "".join(f'[[queue.boards]]\nname = "hall-{n}"\nnames = "masked"\nnext_up = 6\n' for n in range(BOARDS))
    return (
        f'[site]\nsynthetic = true\nkiosk_id = "bench-1"\n[paths]\nstate = "{state}"\nrun = "{run}"\n'
        f'[kiosk]\nlisten = "{HOST}:{kiosk}"\n[staff]\nlisten = "{HOST}:{desk}"\n{places}{boards}'
    )


def _fill(settings: Settings, visits: int) -> str:
    """A day's check-ins, by the kiosk's own store; the id of one of the visits."""
    found = ""
    with closing(open_store(settings, SystemClock())) as store:
        for number in range(visits):
            issued = store.check_in(f"bench-{number}", _reading(number), COVERAGE)
            found = issued.ticket.visit_id or found
    return found


def _reading(number: int) -> Reading:
    name = f"{FAMILY[number % len(FAMILY)]} Thị Mẫu {GIVEN[number // 7 % len(GIVEN)]}"
    holder = Holder(
        personal_id=f"001303{number:06d}",
        full_name=name,
        birth_date="2003-02-14",
        sex=Sex.FEMALE,
        residence="Số 1 Đường Mẫu, Phường Mẫu, Quận Thử, Hà Nội",
    )
    return Reading(
        reading_id=f"bench-{number}",
        holder=holder,
        evidence=Evidence(source=Source.CHIP, read_at="2026-11-21T00:45:00Z"),
    )


def _people(settings: Settings, count: int) -> list[str]:
    """A receptionist for each counter, each with a PIN."""
    clock = SystemClock()
    with closing(open_accounts(settings, clock)) as accounts, closing(open_sessions(settings, clock)) as sessions:
        door = SignIn(accounts, sessions, SecretHash(), clock)
        names = [f"quay{number}" for number in range(count)]
        for number, name in enumerate(names):
            code = accounts.add(name, f"Mẫu Thị {GIVEN[number % len(GIVEN)]}", Role.RECEPTIONIST)
            door.choose(name, code, PIN, HOST)
    return names
