"""The real process, killed while it delivers: nothing owed is lost, and a copy is always recognisable as one."""

import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from hisbridge import outbox
from hisbridge.identity import idempotency_key
from hisbridge.outbox import State
from sandbox.his import HospitalSystem
from tests.hisbridge.making import MOMENT, database, eventually, listed, patient, record
from wire.client import Client
from wire.database import open_database, transaction
from wire.errors import ServiceUnreachable

RECORDS = 60
KILLS = 6


def settings_file(folder: Path, port: int) -> Path:
    path = folder / "tiepdon.toml"
    path.write_text(
        f"""
[paths]
state = "{folder}/state"
run = "{folder}"

[bridge]
poll_seconds = 0.05
retry_first_seconds = 0.02
retry_max_seconds = 0.1

[[destinations]]
name = "his"
connector = "hl7v2"
host = "127.0.0.1"
port = {port}
timeout_seconds = 2
""",
        "utf-8",
    )
    return path


@contextmanager
def bridge_process(config: Path) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tiepdon.main", "bridge", "serve", "--config", str(config)],
        stderr=subprocess.PIPE,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stderr is not None
        process.stderr.close()


def owe(folder: Path, numbers: range) -> None:
    with closing(open_database(folder / "state" / "tiepdon.db")) as connection:
        for number in numbers:
            made = record(f"visit-{number}", patient=patient(personal_id=f"{number % 7:012}"))
            with transaction(connection):
                outbox.enqueue(connection, made, ("his",), MOMENT)


def acknowledged(folder: Path) -> int:
    with closing(open_database(folder / "state" / "tiepdon.db")) as connection:
        return len(listed(connection, State.ACKNOWLEDGED, limit=1000))


def is_up(folder: Path) -> bool:
    try:
        return bool(Client(folder / "bridge.sock").get("/v1/health", dict))
    except ServiceUnreachable:
        return False


def test_killing_the_bridge_while_it_delivers_loses_nothing_and_invents_nothing(tmp_path: Path) -> None:
    database(tmp_path)
    chance = random.Random(20261121)  # noqa: S311  # the same run every time
    his = HospitalSystem()
    with his.serving() as (_, port):
        config = settings_file(tmp_path, port)
        for kill in range(KILLS):
            owe(tmp_path, range(kill * RECORDS // KILLS, (kill + 1) * RECORDS // KILLS))
            goal = len(his.messages()) + chance.randrange(1, RECORDS // KILLS)
            with bridge_process(config) as process:
                eventually(lambda goal=goal: len(his.messages()) >= goal)
                threading.Event().wait(chance.random() * 0.01)
                process.send_signal(signal.SIGKILL)
                process.wait()
        with bridge_process(config):
            eventually(lambda: acknowledged(tmp_path) == RECORDS)
        # An attempt of unknown outcome for certain: the hospital took it, the bridge died before it knew.
        his.set_fault("his.mute", "on")
        owe(tmp_path, range(RECORDS, RECORDS + 1))
        with bridge_process(config):
            eventually(lambda: any(one["visit_id"] == f"visit-{RECORDS}" for one in his.messages()))
        his.set_fault("his.mute", None)
        with bridge_process(config):
            eventually(lambda: acknowledged(tmp_path) == RECORDS + 1)
        received = his.messages()
    visits = [one["visit_id"] for one in received]
    assert sorted(visits) == sorted(f"visit-{number}" for number in range(RECORDS + 1))
    assert all(one["control_id"] == idempotency_key("his", one["visit_id"]) for one in received)
    assert next(one["copies"] for one in received if one["visit_id"] == f"visit-{RECORDS}") > 1
    for person in range(7):
        numbers = [
            int(visit.removeprefix("visit-")) for visit in visits if int(visit.removeprefix("visit-")) % 7 == person
        ]
        assert numbers == sorted(numbers)


def test_the_process_ends_cleanly_when_told_and_says_nothing_of_persons(tmp_path: Path) -> None:
    database(tmp_path)
    with HospitalSystem().serving() as (_, port):
        owe(tmp_path, range(3))
        with bridge_process(settings_file(tmp_path, port)) as process:
            eventually(lambda: acknowledged(tmp_path) == 3)
            process.send_signal(signal.SIGTERM)
            assert process.wait(15) == 0
            assert process.stderr is not None
            told = process.stderr.read().decode()
    assert "bridge ready" in told
    assert "Nguyễn" not in told
    assert "000000000001" not in told
    assert not (tmp_path / "bridge.sock").exists()


def test_a_database_that_was_never_migrated_ends_the_process_with_one_line(tmp_path: Path) -> None:
    with bridge_process(settings_file(tmp_path, 2575)) as process:
        assert process.wait(30) == 1
        assert process.stderr is not None
        told = process.stderr.read().decode()
    assert "database.unavailable" in told
    assert "Traceback" not in told


def test_the_socket_of_a_killed_bridge_does_not_keep_the_next_one_out(tmp_path: Path) -> None:
    database(tmp_path)
    config = settings_file(tmp_path, 2575)
    with bridge_process(config) as process:
        eventually(lambda: is_up(tmp_path))
        process.kill()
        process.wait()
    assert (tmp_path / "bridge.sock").exists()
    with bridge_process(config):
        eventually(lambda: is_up(tmp_path))
