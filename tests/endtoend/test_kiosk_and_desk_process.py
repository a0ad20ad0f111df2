"""A second kiosk and the real desk process over TLS: the desk is killed while it takes over, and nothing is twice."""

import os
import signal
import subprocess
import time
from contextlib import closing
from pathlib import Path

import msgspec

from config.destinations import DeskDestination
from config.settings import load
from kiosk.clock import SystemClock
from kiosk.machines import Scope, open_machines
from kiosk.store import open_store
from tests.kiosk.people import by_chip, covered
from tests.kiosk.world import rows
from tests.support.waiting import wait_until
from tests.ui.desk_tls import certificate
from tests.ui.second_kiosk import courier_of, kiosk_settings
from tests.ui.test_desk_server import Desk

PEOPLE = 30


def kill(pid: int) -> None:
    """The arbiter and its worker, which the arbiter would outlive by a moment."""
    workers = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    for one in (pid, *map(int, workers)):
        os.kill(one, signal.SIGKILL)


def test_killed_while_it_takes_over_the_desk_has_everybody_once(run_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "kiosk").mkdir()
    cert, key = certificate(tmp_path, "localhost")
    desk = Desk(run_dir, f'certificate_file = "{cert}"\nkey_file = "{key}"\n')
    there = load(desk.settings)
    with closing(open_machines(there, SystemClock())) as machines:
        token = machines.enrol(machines.new_code("kiosk-2", (Scope.KIOSK,), "hoa")).token
    file = tmp_path / "token"
    file.write_text(token)
    file.chmod(0o600)
    here = kiosk_settings(tmp_path / "kiosk", f"https://localhost:{desk.port}", file)
    (one,) = here.destinations
    assert isinstance(one, DeskDestination)
    here = msgspec.structs.replace(
        here,
        site=msgspec.structs.replace(here.site, synthetic=True),
        destinations=(msgspec.structs.replace(one, ca_file=str(cert)),),
    )
    with closing(open_store(here, SystemClock())) as kiosk:
        for number in range(PEOPLE):
            kiosk.check_in(f"person {number}", by_chip(f"{number:012}"), covered())
            kiosk.counter_ticket(f"number {number}")
    courier = courier_of(here, time.time)

    def taken() -> int:
        return len(rows(there, "SELECT 1 FROM tickets"))

    def carried(least: int) -> bool:
        courier.step()
        return taken() >= least

    try:
        wait_until(lambda: carried(10), what="the first to be taken over")
        kill(desk.process.pid)
        desk.process.wait()
        courier.step()
        before = taken()
        desk.process = subprocess.Popen(desk.process.args)
        wait_until(lambda: carried(2 * PEOPLE), what="everybody taken over")
        assert before < 2 * PEOPLE
    finally:
        desk.stop()
    issued = rows(here, "SELECT number FROM tickets ORDER BY number")
    assert rows(there, "SELECT number FROM tickets ORDER BY number") == issued
    assert rows(here, "SELECT DISTINCT state FROM deliveries") == [("acknowledged",)]
