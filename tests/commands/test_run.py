"""`tiepdon run` as a process among others: one at a time, clear refusals, nothing left behind, back in seconds."""

import json
import os
import signal
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.checkin import by_number, leave
from tests.support.processes import alive, descendants
from tests.support.screen import Screen
from tests.support.waiting import wait_until
from tests.support.world import TIEPDON, World, damaged, free_port, run_command, running, site_settings
from tiepdon.readiness import http_json
from tiepdon.world import STAFF_PIN
from ui.words import Words

DESTINATIONS = ("sandbox-his", "sandbox-fhir", "sandbox-rest", "sandbox-files")
STOP_SECONDS = 5.0
READY_SECONDS = 10.0  # on two busy cores; measured alone: 1
WORDS = Words("en")


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@contextmanager
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other.getsockname()[1]


def refused(*arguments: str, code: int = 1) -> str:
    """Run to its refusal: nothing on standard output, one line on standard error; returns that line."""
    done = run_command("run", *arguments)
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


# One at a time.


def test_a_second_run_on_the_same_folder_is_refused_and_the_first_goes_on(state: Path) -> None:
    with running(state, "--no-pcscd") as world:
        line = refused("--state", str(state), "--no-pcscd")
        assert "run.already_running" in line
        assert str(state) in line
        told = run_command("run", "--state", str(state), "--json")
        assert told.returncode == 1
        assert json.loads(told.stdout)["error"]["code"] == "run.already_running"
        with Screen(world.touchscreen) as screen:
            by_number(screen, "001303900017")


@pytest.mark.parametrize(
    "option", ["--port", "--desk-port", "--staff-port", "--fhir-port", "--rest-port", "--his-port"]
)
def test_a_port_that_is_taken_is_named(state: Path, option: str) -> None:
    with taken_port() as port:
        line = refused("--state", str(state), option, str(port))
    assert "run.address_in_use" in line
    assert f"127.0.0.1:{port}" in line


def test_one_port_for_two_things_is_refused(state: Path) -> None:
    port = str(free_port())
    assert "run.address_in_use" in refused("--state", str(state), "--port", port, "--desk-port", port)


@pytest.mark.parametrize("port", ["0", "-1", "65536", "http", "8080.5", "²"])
def test_what_is_no_port_is_wrong_usage(state: Path, port: str) -> None:
    done = run_command("run", "--state", str(state), f"--port={port}")
    assert done.returncode == 2
    assert "is no port (1 to 65535)" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    line = refused("--state", str(tmp_path / "file" / "state"))
    assert "run.folder_unusable" in line
    assert str(tmp_path / "file" / "state") in line


def test_it_runs_the_sandbox_also_where_the_product_is_installed(state: Path) -> None:
    with running(state, "--no-pcscd", environment={"TIEPDON_CONFIG": "/nowhere/tiepdon.toml"}) as world:
        assert "desk" in world.facts


# Ends, and begins again.


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_it_leaves_no_process_and_has_said_one_line(state: Path, number: signal.Signals) -> None:
    world = World(state)
    with Screen(world.touchscreen):  # an open page does not hold it up
        below = descendants(world.process.pid)
        assert len(below) >= len(world.pids) + 1  # the kiosk's worker is one more
        began = time.monotonic()
        rest = world.stop(number)
        took = time.monotonic() - began
    assert [line for line in world.log.read_text("utf-8").splitlines() if "did not stop within" in line] == []
    assert took < STOP_SECONDS
    assert world.process.returncode == 0
    assert rest == ""
    assert [pid for pid in below if alive(pid)] == []


def test_told_to_stop_while_it_starts_it_stops(state: Path) -> None:
    command = [*TIEPDON, "run", "--state", str(state), "--no-pcscd", "--port", str(free_port()), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("sandbox"):  # the first of the processes is there, the others are not
                break
        began = time.monotonic()
        process.terminate()
        below = descendants(process.pid)
        said, _ = process.communicate(timeout=30)
    assert time.monotonic() - began < STOP_SECONDS
    assert process.returncode == 0
    assert said == "" or json.loads(said)
    wait_until(lambda: not any(alive(pid) for pid in below), what="no process is left")


def test_killed_it_takes_everything_along_and_the_next_one_goes_on_where_it_was(state: Path) -> None:
    world = World(state)
    with Screen(world.touchscreen) as screen:
        first = by_number(screen, "001303900017").ticket_number
    below = descendants(world.process.pid)
    world.stop(signal.SIGKILL)
    wait_until(lambda: not any(alive(pid) for pid in below), 60, "everything is gone")
    began = time.monotonic()
    with running(state) as again:
        assert time.monotonic() - began < READY_SECONDS
        with Screen(again.touchscreen) as screen:
            second = by_number(screen, "079200900024").ticket_number
            leave(screen)
        wait_until(lambda: {row["state"] for row in again.deliveries()} == {"acknowledged"}, 10, "all is delivered")
        assert Counter(one["destination"] for one in again.deliveries()) == dict.fromkeys(DESTINATIONS, 2)
    assert first is not None
    assert second is not None
    assert int(second) == int(first) + 1


def test_a_long_path_of_its_folder_is_no_obstacle_and_leaves_nothing_elsewhere(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 40)
    folder.mkdir()
    with running(folder / "state", "--no-pcscd") as world:
        sockets = Path(world.facts["card"].removeprefix("socket:")).parent
        assert not sockets.is_relative_to(tmp_path)
        with Screen(world.touchscreen) as screen:
            by_number(screen, "001303900017")
    assert not sockets.exists()


def test_people_read_where_to_look(state: Path) -> None:
    port, desk, staff = free_port(), free_port(), free_port()
    ports = ["--port", str(port), "--desk-port", str(desk), "--staff-port", str(staff)]
    command = [*TIEPDON, "run", "--state", str(state), "--no-pcscd", *ports]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        said = ""
        while WORDS.get("run.stop") not in said and (line := process.stdout.readline()):
            said += line
        process.terminate()
    told = {"touchscreen": f"http://127.0.0.1:{port}/\n", "staff": f"http://127.0.0.1:{staff}/\n"}
    told |= {"accounts": "mai lan hoa tuan\n", "desk": f"http://127.0.0.1:{desk}/\n", "files": f"{state}/his-files\n"}
    for name, address in {**told, "settings": f"{state}/tiepdon.toml\n"}.items():
        begin = said.index(f"  {WORDS.get(f'run.{name}')}")
        assert said.index(address, begin) < said.index(WORDS.get(f"run.about.{name}", pin=STAFF_PIN), begin)


def test_each_hospital_system_of_the_sandbox_gets_the_visit_in_its_own_language(state: Path) -> None:
    fhir, rest = free_port(), free_port()
    with running(state, "--no-pcscd", "--fhir-port", str(fhir), "--rest-port", str(rest)) as world:
        with Screen(world.touchscreen) as screen:
            ticket = by_number(screen, "001303900017").ticket_number
        wait_until(lambda: {row["state"] for row in world.deliveries()} == {"acknowledged"}, 20, "all is delivered")
        assert {one["destination"] for one in world.deliveries()} == set(DESTINATIONS)
        for system, kind in {"his": "ADT^A04^ADT_A01", "fhir": "FHIR", "rest": "REST"}.items():
            ((told, person),) = [(one["type"], one["personal_id"]) for one in world.received(system)]
            assert (told, person) == (kind, "001303900017")
        (dropped,) = Path(world.facts["files"]).iterdir()
        assert f'"{ticket}"' in dropped.read_text("utf-8-sig")
        assert http_json("127.0.0.1", fhir, "/fhir/metadata")["resourceType"] == "CapabilityStatement"
        assert world.run_command("bridge", "probe", "--config", str(world.settings)).returncode == 0


# The product without the sandbox world.


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A sandbox run whose settings, changed, serve as those of sites."""
    with running(tmp_path_factory.mktemp("outside") / "state") as world:
        yield world


def test_the_product_alone_runs_once_for_each_site(outside: World, tmp_path: Path) -> None:
    settings = site_settings(outside, tmp_path / "site.toml", device="")
    with running(tmp_path / "unused", "--config", str(settings), environment=outside.facts["environment"]) as world:
        assert set(world.pids) == {"reader", "bridge", "kiosk"}
        with Screen(world.touchscreen) as screen:
            ticket = by_number(screen, "048155900031")
            leave(screen)
        wait_until(lambda: world.deliveries()[0]["state"] == "acknowledged", 10, "delivered")
        assert outside.received()[-1]["ticket_number"] == ticket.ticket_number
        assert "run.already_running" in refused("--config", str(settings))
    assert not (tmp_path / "unused").exists()


def test_an_address_of_the_product_that_is_taken_is_named(outside: World, tmp_path: Path) -> None:
    with taken_port() as port:
        settings = site_settings(outside, tmp_path / "site.toml", listen=f"127.0.0.1:{port}")
        line = refused("--config", str(settings))
    assert "run.address_in_use" in line
    assert f"127.0.0.1:{port}" in line


def test_a_process_that_cannot_start_is_named_soon(outside: World, tmp_path: Path) -> None:
    settings = site_settings(outside, tmp_path / "site.toml", trust_folder="/nowhere/trust")
    done = run_command("run", "--config", str(settings))
    assert done.returncode == 1
    assert done.stdout == ""
    last = done.stderr.splitlines()[-1]
    assert "[run.did_not_start process=reader]" in last
    assert "reader.trust_unusable" in done.stderr


@pytest.mark.parametrize("whole_pages", [None, 0, 2])
def test_a_damaged_database_is_kept_aside_and_the_kiosk_comes_up(
    outside: World, tmp_path: Path, whole_pages: int | None
) -> None:
    settings = site_settings(outside, tmp_path / "site.toml")
    content = b"this is no database" if whole_pages is None else damaged(outside, whole_pages)
    database = tmp_path / "site-state" / "tiepdon.db"
    database.parent.mkdir()
    database.write_bytes(content)
    done = run_command("database", "migrate", "--config", str(settings))
    assert done.returncode == 0, done.stderr
    assert "doctor.database_recovered" in done.stderr
    (aside,) = database.parent.glob("tiepdon.db.damaged-*")
    assert aside.read_bytes() == content
    losses = run_command("database", "losses", "--config", str(settings), "--json")
    assert '"acknowledged_at":null' in losses.stdout
    assert run_command("database", "acknowledge", "--config", str(settings)).returncode == 0
    assert not aside.exists()


def test_settings_that_are_not_there_are_wrong_usage(tmp_path: Path) -> None:
    assert "config.missing" in refused("--config", str(tmp_path / "none.toml"), code=2)


def test_no_environment_leaks_from_one_run_into_the_other(outside: World) -> None:
    assert "PCSCLITE_CSOCK_NAME" in outside.facts["environment"]
    assert os.environ.get("PCSCLITE_CSOCK_NAME") != outside.facts["environment"]["PCSCLITE_CSOCK_NAME"]
