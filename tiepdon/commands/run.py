"""`tiepdon run`: everything in the foreground with one log stream; on the sandbox world unless --config says more."""

import argparse
import fcntl
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from config.settings import Settings, database_path, load
from sandbox import pcscd
from tiepdon.errors import AlreadyRunning, DidNotStart
from tiepdon.readiness import http_answers, product_probes, wait_for
from tiepdon.supervisor import Child, Program, line_writer
from tiepdon.world import Places, choose_ports, product, sandbox_settings, tiepdon
from wire.codec import to_json
from wire.database import applied, open_database

START_SECONDS = 60.0
READER_NAME = "Virtual PCD"
LONGEST_SOCKET_PATH = 90  # bytes; the kernel takes 107, our socket names need the rest


def register(commands: Any) -> None:
    """Add the command to the root parser."""
    parser = commands.add_parser("run", help="start everything in the foreground", description=__doc__)
    parser.add_argument("--config", type=Path, help="run the product with these settings, without the sandbox world")
    parser.add_argument("--state", type=Path, default=Path(".run"), help="folder of the sandbox run (default: .run)")
    parser.add_argument("--port", type=int, help="the touchscreen's port (default: 8080, or a free one)")
    parser.add_argument("--desk-port", type=int, help="the sandbox desk's port (default: 8081, or a free one)")
    parser.add_argument("--no-pcscd", action="store_true", help="play the card inside the reader process")
    parser.add_argument("--json", action="store_true", help="print the addresses as one JSON line when all is ready")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Start, say where to look, keep running until told to stop; returns 0 after a clean stop."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    if options.config is not None:
        return _run_product(options, stop)
    return _run_sandbox(options, stop)


def _run_product(options: argparse.Namespace, stop: threading.Event) -> int:
    settings = load(options.config)
    with _running(product(options.config.resolve()), settings, options.config.resolve(), {}) as pids:
        _announce(options, {"touchscreen": f"http://{settings.kiosk.listen}/", "pids": pids})
        stop.wait()
    return 0


def _run_sandbox(options: argparse.Namespace, stop: threading.Event) -> int:
    places = _places(options.state)
    with _only_one(places.state):
        ports = choose_ports(options.port, options.desk_port)
        world = _card_world(options, places)
        places.portal_password.touch(mode=0o600)
        places.portal_password.write_text("sandbox", "utf-8")
        places.settings.write_text(sandbox_settings(places, ports, world.reader_name), "utf-8")
        settings = load(places.settings)
        sandbox = Program(
            "sandbox",
            tiepdon(
                *("sandbox", "--run", places.run, "--state", places.state, "--card", world.card),
                *("--desk-port", str(ports.desk), "--portal-port", str(ports.portal)),
                *("--his-port", str(ports.hospital)),
            ),
        )
        programs = [*world.programs, sandbox, *product(places.settings, *world.reader_options)]
        programs = [replace(program, environment={**os.environ, **world.environment}) for program in programs]
        probes = {"sandbox": lambda: http_answers("127.0.0.1", ports.desk, "/health")}
        with _running(programs, settings, places.settings, probes) as pids:
            _announce(
                options,
                {
                    "touchscreen": f"http://127.0.0.1:{ports.touchscreen}/",
                    "desk": f"http://127.0.0.1:{ports.desk}/",
                    "settings": str(places.settings),
                    "card": world.card,
                    "environment": world.environment,
                    "pids": pids,
                },
            )
            stop.wait()
    return 0


@dataclass(frozen=True)
class _CardWorld:
    """How the sandbox card reaches the reader: through a real pcscd, or inside the reader process."""

    card: str  # what `tiepdon sandbox --card` takes
    reader_name: str
    programs: tuple[Program, ...]
    reader_options: tuple[str | Path, ...]
    environment: dict[str, str]


def _card_world(options: argparse.Namespace, places: Places) -> _CardWorld:
    """The best this machine offers; says so when that is not PC/SC."""
    problem = "sandbox.pcscd_not_wanted"
    if not options.no_pcscd:
        daemon = pcscd.prepare(places.state / "pcscd")
        if isinstance(daemon, pcscd.Pcscd):
            program = Program("pcscd", daemon.command())
            return _CardWorld(f"vpcd:{daemon.port}", READER_NAME, (program,), (), daemon.environment())
        given = pcscd.given()
        if given.port is not None:
            return _CardWorld(f"vpcd:{given.port}", READER_NAME, (), (), {})
        problem = given.problem or daemon
    from ui.words import Words

    sys.stderr.write(Words("en").get("run.no_pcscd", reason=problem) + "\n")
    inside = ("--card-socket", places.card_socket)
    return _CardWorld(f"socket:{places.card_socket}", "", (), inside, {})


def _places(state: Path) -> Places:
    """The run's folders, made for their owner only; sockets go to a short path when the state's own is too long."""
    state = state.resolve()
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    places = Places(state, state / "run")
    if len(os.fsencode(places.run)) > LONGEST_SOCKET_PATH:
        places = Places(state, Path(tempfile.mkdtemp(prefix="tiepdon-")))
    for folder in (places.run, places.trust):
        folder.mkdir(mode=0o700, exist_ok=True)
    return places


@contextmanager
def _only_one(state: Path) -> Iterator[None]:
    """Hold the state folder; raises AlreadyRunning when another run has it."""
    with (state / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise AlreadyRunning(folder=str(state)) from None
        yield


@contextmanager
def _running(
    programs: Sequence[Program], settings: Settings, settings_file: Path, more_probes: Mapping[str, Any]
) -> Iterator[dict[str, int]]:
    """Migrate, start everything, wait until ready; yields the process ids and stops everything at the end."""
    _migrate(settings, settings_file)
    write = line_writer([program.name for program in programs])
    children: list[Child] = []
    try:
        for program in programs:
            children.append(Child(program, write))
            if program.name == "sandbox":
                _wait_for_trust(settings)
        late = wait_for(
            {**more_probes, **product_probes(settings)},
            START_SECONDS,
            lambda name, seconds: write(name, f"ready after {seconds:.1f} s"),
        )
        if late:
            raise DidNotStart(process=late[0])
        yield {child.program.name: child.pid for child in children}
    finally:
        for child in reversed(children):
            child.stop()


def _wait_for_trust(settings: Settings) -> None:
    """The reader loads its trust folder when it starts; on a first run the sandbox must have filled it by then."""
    folder = Path(settings.reader.trust_folder)
    wait_for({"trust": lambda: any(folder.iterdir())}, START_SECONDS, lambda *_: None)


def _migrate(settings: Settings, settings_file: Path) -> None:
    """Bring the database to its schema, in a process that ends: sqlite-utils must not stay in ours."""
    from tiepdon.migrations import MIGRATIONS

    path = database_path(settings)
    if path.exists():
        connection = open_database(path)
        try:
            if applied(connection) == {migration.name for migration in MIGRATIONS}:
                return
        finally:
            connection.close()
    done = subprocess.run(tiepdon("database", "migrate", "--config", settings_file), stdout=subprocess.DEVNULL)
    if done.returncode != 0:
        raise DidNotStart(process="database")


def _announce(options: argparse.Namespace, facts: dict[str, Any]) -> None:
    if options.json:
        sys.stdout.write(to_json(facts).decode() + "\n")
        sys.stdout.flush()
        return
    from ui.words import Words

    words = Words("en")
    lines = ["", words.get("run.sandbox" if "desk" in facts else "run.product"), ""]
    lines.append(f"  {words.get('run.touchscreen'):<14} {facts['touchscreen']}")
    if "desk" in facts:
        lines.append(f"  {words.get('run.desk'):<14} {facts['desk']}")
        lines.append(f"  {words.get('run.settings'):<14} {facts['settings']}")
    lines += ["", words.get("run.stop"), ""]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()
