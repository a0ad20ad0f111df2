"""What a look-up costs by itself: beside a bare httpx call that puts the same bytes to the same server, in turn.

The server is another process on loopback, so that CPU time here is the asking side's alone.
"""

import gc
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from msgspec.structs import replace

from benchmarks.bridge_process import bridge_process
from benchmarks.child import Child, child
from benchmarks.portal_process import LOOKUP_PATH
from benchmarks.table import Table, quantile
from config.settings import Settings, load
from hisbridge.connectivity import Breaker
from hisbridge.http import poster
from hisbridge.lookups.insurance_portal import MAX_ANSWER, InsurancePortal
from hisbridge.lookups.patience import Pacing, rules, steadfast
from hisbridge.questions import Coverage, CoverageQuestion
from wire.client import Client

ROUNDS = 500
WARMING = 50
TOGETHER = 50
MANY = 5_000
BAR_MS = 5.0  # CPU of one look-up
NAME, BORN = "Nguyễn Thị Hoài Thử", "2003-02-14"


@dataclass
class _Cost:
    """What calls of one kind took, milliseconds each."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def take(self, action: Callable[[], object]) -> None:
        cpu, wall = time.process_time_ns(), time.perf_counter_ns()
        action()
        self.wall.append((time.perf_counter_ns() - wall) / 1e6)
        self.cpu.append((time.process_time_ns() - cpu) / 1e6)

    def row(self, name: str) -> tuple[str, float, float, float]:
        return name, sum(self.cpu) / len(self.cpu), quantile(self.wall, 0.5), quantile(self.wall, 0.95)


def measure() -> list[Table]:
    """CPU and latency of one look-up, 50 at once, and the memory of 5,000."""
    return [_one(), _together(), _many()]


def _one() -> Table:
    ours, bare, anew = _Cost(), _Cost(), _Cost()
    with _asking() as (portal, server), httpx.Client(trust_env=False) as client:
        for number in range(WARMING):
            _ask(portal, number)
            _bare(client, server.port, number)
        for number in range(ROUNDS):
            ours.take(lambda number=number: _ask(portal, number))  # type: ignore[misc]
            bare.take(lambda number=number: _bare(client, server.port, number))  # type: ignore[misc]
            if number % 25 == 0:
                anew.take(lambda number=number: _bare_anew(server.port, number))  # type: ignore[misc]
    rows = [
        ours.row("look-up, breaker and retries around it"),
        bare.row("bare httpx call, connection kept"),
        anew.row("bare httpx call, client made anew"),
    ]
    added = ("look-up over the bare call", *[ours - bare for ours, bare in zip(rows[0][1:], rows[1][1:], strict=True)])
    notes = (
        f"{ROUNDS} rounds in turn, loopback, server in another process; bar: less than {BAR_MS:g} ms CPU",
        f"tokens requested: {server.counted['tokens']} for {server.counted['lookups']} calls",
    )
    return Table("One insurance look-up (ms)", ("", "CPU", "p50", "p95"), (*rows, added), notes)


def _together() -> Table:
    with _asking() as (portal, server):
        cpu = time.process_time()
        told, wall = _all_at_once(lambda number: _verdict(portal, number))
        cpu = time.process_time() - cpu
    library = ("the portal's client", told.count("valid"), server.counted["tokens"], wall, cpu / TOGETHER * 1000)
    with child("benchmarks.portal_process") as server, bridge_process(server.port) as bridge:
        cpu = bridge.cpu_seconds()
        client = Client(bridge.socket, timeout=30.0)
        told, wall = _all_at_once(
            lambda number: client.post("/v1/coverage?deadline_ms=20000", _question(number), Coverage).verdict
        )
        cpu = bridge.cpu_seconds() - cpu
    process = (
        "a bridge process, kept for the day",
        told.count("valid"),
        server.counted["tokens"],
        wall,
        cpu / TOGETHER * 1000,
    )
    notes = ("no token held before; the ways to the portal are bounded, the others wait their turn",)
    columns = ("", "answered", "tokens", "all (ms)", "CPU each (ms)")
    return Table(f"{TOGETHER} look-ups at once", columns, (library, process), notes)


def _many() -> Table:
    with _asking() as (portal, server):
        for number in range(WARMING * 4):
            _ask(portal, number)
        before = _resident()
        for number in range(MANY):
            _ask(portal, number)
        after = _resident()
    row = (f"{MANY} look-ups", before, after, after - before, server.counted["tokens"])
    return Table(
        "Memory held (MB)", ("", "before", "after", "grown", "tokens"), (row,), ("resident, after collection",)
    )


@contextmanager
def _asking() -> Iterator[tuple[InsurancePortal, Child]]:
    """The portal's client as the bridge puts it together, and the server it asks."""
    with tempfile.TemporaryDirectory(prefix="tiepdon-bench-") as folder, child("benchmarks.portal_process") as server:
        settings = _settings(Path(folder), server.port)
        post = poster(MAX_ANSWER)
        pacing = Pacing(draw=lambda: 0.5)
        guarded = steadfast(
            post, Breaker("portal", rules(settings.lookups), pacing.monotonic), settings.lookups.retries, pacing
        )
        try:
            yield InsurancePortal(settings.portal, settings.site, guarded), server
        finally:
            post.close()


def _settings(folder: Path, port: int) -> Settings:
    base = load()
    password = folder / "password"
    password.write_text("not a secret\n", "utf-8")
    portal = replace(
        base.portal,
        enabled=True,
        base_url=f"http://127.0.0.1:{port}",
        username="99999_BV",
        password_file=str(password),
        officer_name="Trần Thị Mẫu",
        officer_id="000088888888",
        timeout_seconds=30.0,
    )
    return replace(base, portal=portal)


def _number(number: int) -> str:
    return f"001303{900000 + number:06d}"


def _question(number: int) -> CoverageQuestion:
    return CoverageQuestion(
        personal_id=_number(number), full_name=NAME, birth_date=BORN, sex="female", visit_date="2026-11-21"
    )


def _verdict(portal: InsurancePortal, number: int) -> str:
    return portal.ask(_question(number)).verdict


def _ask(portal: InsurancePortal, number: int) -> None:
    assert _verdict(portal, number) == "valid"


def _bare(client: httpx.Client, port: int, number: int) -> None:
    """The same bytes without any of our care: the least that a call through httpx can cost."""
    answer = client.post(
        f"http://127.0.0.1:{port}{LOOKUP_PATH}",
        params={"token": "a" * 120, "id_token": "i" * 700, "username": "99999_BV", "password": "0" * 32},
        json={
            "maThe": _number(number),
            "hoTen": NAME,
            "ngaySinh": "14/02/2003",
            "hoTenCb": "Trần Thị Mẫu",
            "cccdCb": "000088888888",
        },
    )
    assert answer.json()["maKetQua"] == "000"


def _bare_anew(port: int, number: int) -> None:
    with httpx.Client(trust_env=False) as client:
        _bare(client, port, number)


def _all_at_once(ask: Callable[[int], str]) -> tuple[list[str], float]:
    """What each was told, and the milliseconds until the last one was."""
    ready = threading.Barrier(TOGETHER + 1)
    told: list[str] = []

    def one(number: int) -> None:
        ready.wait(30)
        told.append(str(ask(number)))

    threads = [threading.Thread(target=one, args=(number,)) for number in range(TOGETHER)]
    for thread in threads:
        thread.start()
    ready.wait(30)
    begun = time.perf_counter()
    for thread in threads:
        thread.join(60)
    return told, (time.perf_counter() - begun) * 1000


def _resident() -> float:
    """Megabytes of this process in memory."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
