"""`tiepdon run`: everything in the foreground with one log stream; on the sandbox world unless --config says more."""

import argparse
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from config.settings import Settings, database_file, load
from sandbox import pcscd
from tiepdon.errors import AlreadyRunning, DidNotStart, FolderUnusable
from tiepdon.readiness import http_json, product_probes, wait_for
from tiepdon.reporting import reporting
from tiepdon.stopping import stop_on_signals
from tiepdon.supervisor import Child, Program, line_writer
from tiepdon.world import (
    HOST,
    STAFF,
    STAFF_PIN,
    Places,
    choose_ports,
    hold,
    product,
    sandbox_settings,
    tiepdon,
)
from wire.codec import to_json
from wire.database import BEING_REPLACED, DatabaseFile, applied, is_plain, open_database
from wire.database_damage import damage_of
from wire.database_log import lost_commits

START_SECONDS = 60.0
HOPELESS = 4  # a process that ended so often before it was ever ready will not become so
READER_NAME = "Virtual PCD"
LONGEST_SOCKET_PATH = 90  # bytes; the kernel takes 107, our socket names need the rest

_HOSPITAL_PORTS = {
    "his": "hospital system, HL7 v2 over MLLP",
    "fhir": "FHIR R4 server",
    "rest": "hospital system over HTTP",
}
_TOLD = ("touchscreen", "staff", "accounts", "desk", "files", "settings")  # in the order they are needed

Probes = Mapping[str, Callable[[], bool]]


def register(commands: Any) -> None:
    """Add the command to the root parser."""
    parser = commands.add_parser("run", help="start everything in the foreground", description=__doc__)
    # Not `dest="config"`: the installed settings are never meant by a bare `tiepdon run`.
    parser.add_argument(
        "--config",
        dest="product",
        type=Path,
        metavar="FILE",
        help="run the product with these settings, without the sandbox world",
    )
    parser.add_argument("--state", type=Path, default=Path(".run"), help="folder of the sandbox run (default: .run)")
    parser.add_argument("--port", type=_port, help="the touchscreen's port (default: 8080, or a free one)")
    parser.add_argument("--desk-port", type=_port, help="the sandbox desk's port (default: 8081, or a free one)")
    parser.add_argument("--staff-port", type=_port, help="the port of the staff's pages (default: 8090, or a free one)")
    for name, what in _HOSPITAL_PORTS.items():
        parser.add_argument(f"--{name}-port", type=_port, help=f"port of the sandbox's {what} (default: a free one)")
    parser.add_argument("--no-pcscd", action="store_true", help="play the card inside the reader process")
    parser.add_argument("--json", action="store_true", help="print the addresses as one JSON line when all is ready")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Start, say where to look, keep running until told to stop; returns 0 after a clean stop."""
    stop = stop_on_signals()
    with ExitStack() as held:
        plan = _product(options.product, held) if options.product is not None else _sandbox(options, held)
        _migrate(plan.settings, plan.settings_file)
        if plan.staffed:
            _make_accounts(plan.settings)
        with _children(plan, stop) as children, _reporting(plan):
            if not stop.is_set():
                _announce(options.json, {**plan.facts, "pids": {child.program.name: child.pid for child in children}})
                stop.wait()
    return 0


def _reporting(plan: "_Plan") -> AbstractContextManager[None]:
    """The doctor's reports. In the sandbox only where somebody asks: a look touches the reader and asks the portal,
    which whoever tries something there would wonder about."""
    command = tiepdon("doctor", "--config", plan.settings_file)
    environment = plan.programs[0].environment
    run = Path(plan.settings.paths.run)
    return reporting(run, command, environment, line_writer(["doctor"]), at_once=not plan.staffed)


@dataclass(frozen=True)
class _Plan:
    """What to start, how to tell that it is ready, and what to say then."""

    programs: Sequence[Program]
    settings: Settings
    settings_file: Path
    facts: dict[str, Any]
    probes: Probes = field(default_factory=dict)  # besides the product's own
    staffed: bool = False  # accounts are made, for the sandbox


def _product(settings_file: Path, held: ExitStack) -> _Plan:
    """The product alone. Raises AddressInUse, AlreadyRunning, FolderUnusable."""
    settings_file = settings_file.absolute()
    settings = load(settings_file)
    for folder in (settings.paths.state, settings.paths.run):
        _make(Path(folder))
    held.enter_context(_only_one(Path(settings.paths.run)))
    for listen in filter(None, (settings.kiosk.listen, settings.staff.listen)):
        host, _, port = listen.rpartition(":")
        with hold(host.strip("[]"), int(port)):
            pass  # gunicorn would say it less clearly, and only after a while
    programs = product(settings_file, desk=bool(settings.staff.listen), reader=settings.kiosk.touchscreen)
    return _Plan(programs, settings, settings_file, _facts(settings, settings_file))


def _sandbox(options: argparse.Namespace, held: ExitStack) -> _Plan:
    """The product in the sandbox world. Raises AddressInUse, AlreadyRunning, FolderUnusable."""
    places = _places(options.state, held)
    held.enter_context(_only_one(places.state))
    asked = {
        "touchscreen": options.port,
        "desk": options.desk_port,
        "staff": options.staff_port,
        "hospital": options.his_port,
        "fhir": options.fhir_port,
        "rest": options.rest_port,
    }
    ports = choose_ports({name: port for name, port in asked.items() if port is not None})
    world = _card_world(options.no_pcscd, places)
    _write_secrets(places)
    places.settings.write_text(sandbox_settings(places, ports, world.reader_name), "utf-8")
    sandbox = Program(
        "sandbox",
        tiepdon(
            *("sandbox", "--run", places.run, "--state", places.state, "--card", world.card),
            *("--desk-port", str(ports.desk), "--portal-port", str(ports.portal)),
            *("--portal-tls-port", str(ports.portal_tls)),
            *("--his-port", str(ports.hospital), "--population-port", str(ports.population)),
            *("--rest-port", str(ports.rest), "--fhir-port", str(ports.fhir)),
            *("--printer-port", str(ports.printer)),
        ),
    )
    programs = [*world.programs, sandbox, *product(places.settings, *world.reader_options, desk=True)]

    def desk_answers() -> bool:
        # A desk of another run on the same port would tell another scanner.
        return http_json(HOST, ports.desk, "/health").get("scanner") == str(places.run / "scanner")

    settings = load(places.settings)
    return _Plan(
        programs=[replace(program, environment={**os.environ, **world.environment}) for program in programs],
        settings=settings,
        settings_file=places.settings,
        facts={
            **_facts(settings, places.settings),
            "desk": f"http://{HOST}:{ports.desk}/",
            "accounts": " ".join(STAFF),
            "pin": STAFF_PIN,
            "files": str(places.files),
            "card": world.card,
            "environment": world.environment,
        },
        probes={**world.probes, "sandbox": desk_answers},
        staffed=True,
    )


def _facts(settings: Settings, settings_file: Path) -> dict[str, Any]:
    """Where to look, by name: the pages that these settings have, and the settings themselves."""
    told = {"touchscreen": f"http://{settings.kiosk.listen}/"} if settings.kiosk.touchscreen else {}
    if settings.staff.listen:
        from ui.desk.hosts import address_of

        told["staff"] = f"{address_of(settings.staff)}/"
    return {**told, "settings": str(settings_file)}


@dataclass(frozen=True)
class _CardWorld:
    """How the sandbox card reaches the reader: through a real pcscd, or inside the reader process."""

    card: str  # what `tiepdon sandbox --card` takes
    reader_name: str
    programs: tuple[Program, ...] = ()
    reader_options: tuple[str | Path, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    probes: Probes = field(default_factory=dict)


def _card_world(no_pcscd: bool, places: Places) -> _CardWorld:
    """The best this machine offers; says so when that is not PC/SC."""
    problem = "sandbox.pcscd_not_wanted"
    if not no_pcscd:
        daemon = pcscd.prepare(places.state / "pcscd")
        if isinstance(daemon, pcscd.Pcscd):
            program, socket = Program("pcscd", daemon.command()), daemon.socket
            probes = {"pcscd": lambda: pcscd.answers(socket)}
            return _CardWorld(f"vpcd:{daemon.port}", READER_NAME, (program,), (), daemon.environment(), probes)
        given = pcscd.given()
        if given.port is not None:
            return _CardWorld(f"vpcd:{given.port}", READER_NAME)
        problem = given.problem or daemon
    from ui.words import Words

    words = Words("en")
    told = words.error(problem)
    sys.stderr.write(words.get("run.no_pcscd", reason=problem) + f" {told.cause}. {told.cure}.\n")
    return _CardWorld(f"socket:{places.card_socket}", "", (), ("--card-socket", places.card_socket))


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise argparse.ArgumentTypeError(f"{text!r} is no port (1 to 65535)")
    return int(text)


def _places(state: Path, held: ExitStack) -> Places:
    """The run's folders, made for their owner only; sockets go to a short path when the state's own is too long."""
    state = state.resolve()
    _make(state)
    places = Places(state, state / "run")
    if len(os.fsencode(places.run)) > LONGEST_SOCKET_PATH:
        places = Places(state, Path(tempfile.mkdtemp(prefix="tiepdon-")))
        held.callback(shutil.rmtree, places.run, ignore_errors=True)
    for folder in (places.run, places.trust, places.files):
        _make(folder)
    return places


def _write_secrets(places: Places) -> None:
    """The accounts of the sandbox's systems, as a site keeps its own: each in a file for its owner only."""
    from sandbox.hospital_rest import ACCOUNT

    secrets = {places.portal_password: "sandbox", places.population_secret: "sandbox", places.rest_password: ACCOUNT[1]}
    for file, secret in secrets.items():
        file.touch(mode=0o600)
        file.write_text(secret, "utf-8")


def _make(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise FolderUnusable(folder=str(folder), why=error.strerror) from None


@contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    """Hold the run's folder; raises AlreadyRunning when another run has it."""
    try:
        lock = (folder / "lock").open("w")
    except OSError as error:
        raise FolderUnusable(folder=str(folder), why=error.strerror) from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise AlreadyRunning(folder=str(folder)) from None
        yield


@contextmanager
def _children(plan: _Plan, stop: threading.Event) -> Iterator[list[Child]]:
    """Start everything and wait until it is ready or `stop` is set; stops everything at the end.

    Raises DidNotStart.
    """
    write = line_writer([program.name for program in plan.programs])
    children: list[Child] = []

    def hopeless() -> list[Child]:
        return [child for child in children if child.ended >= HOPELESS]

    def give_up() -> bool:
        return stop.is_set() or bool(hopeless())

    try:
        for program in plan.programs:
            children.append(Child(program, write))
            if program.name == "sandbox":
                _wait_for_trust(plan.settings, give_up)
        late = wait_for(
            {**plan.probes, **product_probes(plan.settings)},
            START_SECONDS,
            lambda name, seconds: write(name, f"ready after {seconds:.1f} s"),
            give_up,
        )
        if late and not stop.is_set():
            raise DidNotStart(process=next((child.program.name for child in hopeless()), late[0]))
        yield children
    finally:
        for child in children:
            child.tell_to_stop()
        for child in children:
            child.stop()


def _wait_for_trust(settings: Settings, give_up: Callable[[], bool]) -> None:
    """Reader and bridge load whom they trust when they start; on a first run the sandbox must have told it by then."""
    folder, authority = Path(settings.reader.trust_folder), Path(settings.portal.ca_file)
    wait_for({"trust": lambda: any(folder.iterdir()) and authority.exists()}, START_SECONDS, lambda *_: None, give_up)


def _migrate(settings: Settings, settings_file: Path) -> None:
    """Bring the database to its schema, in a process that ends: sqlite-utils must not stay in ours."""
    if _is_ready(database_file(settings)):
        return
    done = subprocess.run(tiepdon("database", "migrate", "--config", settings_file), stdout=subprocess.DEVNULL)
    if done.returncode != 0:
        raise DidNotStart(process="database")


def _is_ready(where: DatabaseFile) -> bool:
    """Whether the database is whole and of this version, so that a start need not wait for a process more."""
    from tiepdon.migrations import MIGRATIONS

    if not where.path.exists() or where.beside(BEING_REPLACED).exists():
        return False
    plain = is_plain(where.path)
    if lost_commits(where.path, None if plain else where.secret()) or damage_of(where, expected=True) is not None:
        return False
    if plain and where.key_file is not None:
        return False
    connection = open_database(where)
    try:
        return applied(connection) == {migration.name for migration in MIGRATIONS}
    finally:
        connection.close()


def _make_accounts(settings: Settings) -> None:
    """Somebody of each role who can sign in at once; a run on the same state has them already."""
    from kiosk.accounts import Role, open_accounts
    from kiosk.clock import SystemClock
    from kiosk.secret_hash import SecretHash
    from kiosk.sessions import open_sessions
    from kiosk.sign_in import SignIn

    clock = SystemClock()
    accounts, sessions = open_accounts(settings, clock), open_sessions(settings, clock)
    door = SignIn(accounts, sessions, SecretHash(), clock)
    known = {account.name for account in accounts.all()}
    for name, (full_name, role) in STAFF.items():
        if name not in known:
            door.choose(name, accounts.add(name, full_name, Role(role)), STAFF_PIN, HOST)
    accounts.close()
    sessions.close()


def _announce(as_json: bool, facts: dict[str, Any]) -> None:
    if as_json:
        sys.stdout.write(to_json(facts).decode() + "\n")
        sys.stdout.flush()
        return
    from ui.words import Words

    words = Words("en")
    lines = ["", words.get("run.sandbox" if "desk" in facts else "run.product"), ""]
    of_a_site = () if "desk" in facts else ("staff", "settings")  # other words where nothing was made for a trial
    for name in _TOLD:
        if name in facts:
            about = words.get(f"run.about.{name}" + (".product" if name in of_a_site else ""), pin=facts.get("pin", ""))
            lines += [f"  {words.get(f'run.{name}'):<14} {facts[name]}", f"  {'':<14} {about}"]
    lines += ["", words.get("run.stop"), ""]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()
