"""A real pcscd with a virtual reader, for `make run` and the tests, beside whatever the machine itself runs.

pcscd knows one socket path only, but its client library takes another from PCSCLITE_CSOCK_NAME. So ours runs in a
mount namespace where a folder of ours lies over /run and an empty one over the USB drivers: it can neither meet the
machine's pcscd nor take its readers. It needs no root where user namespaces are allowed. Where there are no namespaces
(a chroot, most containers) root runs it in a root directory of its own that holds its few libraries and nothing else.

vpcd listens on all interfaces, without any authentication: never on a machine whose network is not trusted.
"""

import os
import random
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HOST = "127.0.0.1"
DEFAULT_PORT = 0x8C7B  # 35963, what Debian's package of vpcd configures
SOCKET_VARIABLE = "PCSCLITE_CSOCK_NAME"
SYSTEM_SOCKET = Path("/run/pcscd/pcscd.comm")
DRIVER_FOLDER = Path("/usr/lib/pcsc/drivers/serial")
DRIVER = "libifdvpcd.so"
SEARCH_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
START_SECONDS = 10.0
STEP_SECONDS = 0.02
ATTEMPTS = 5  # two runs that start together may choose the same port

# $1: our folder, $2: the drivers' folder; the rest: the program and its arguments.
_IN_NAMESPACE = 'mount --bind "$1/run" /run && mount --bind "$1/empty" "$2" && shift 2 && exec "$@"'
# What a killed pcscd left behind in our folder would make the next one refuse to start.
_SWEEP = 'rm -f /run/pcscd/*; exec "$@"'
_SWEEP_ROOT = 'rm -f "$1"/run/pcscd/*; shift; exec "$@"'
_ENDS_WITH_PARENT = ("setpriv", "--pdeathsig", "TERM", "--")


@dataclass(frozen=True)
class PcscWorld:
    """Where PC/SC is when we start none of our own.

    `port`: the virtual reader's TCP port; None when there is none, and then `problem` says why.
    """

    port: int | None
    problem: str | None = None


class Pcscd:
    """A pcscd of ours, made by `prepare`: start and stop it here, or have `command()` supervised elsewhere.

    `launch` is what stands before pcscd's own command line, `config` its folder of readers, `socket` where it answers,
    `drivers` the folder that it takes for the one of the USB drivers; `variables` are added to its environment.
    """

    def __init__(
        self, folder: Path, program: str, port: int, launch: Sequence[str], config: Path, socket: Path, drivers: Path
    ) -> None:
        self._folder = folder
        self._program = program
        self._launch = launch
        self._config = config
        self._process: subprocess.Popen[bytes] | None = None
        self.port = port
        self.socket = socket
        self.drivers = drivers
        self.variables: dict[str, str] = {}

    @property
    def pid(self) -> int | None:
        """Process id while it was started here."""
        return None if self._process is None else self._process.pid

    def command(self) -> list[str]:
        """The command line; the process that runs it becomes pcscd itself."""
        arguments = ["--foreground", "--config", str(self._config)]
        return [*_ENDS_WITH_PARENT, *self._launch, self._program, *arguments, *_without_polkit(self._program)]

    def environment(self) -> dict[str, str]:
        """What every client of this pcscd needs in its environment."""
        return {SOCKET_VARIABLE: str(self.socket)}

    def start(self) -> bool:
        """Start it and wait until it answers and its reader listens; False when it does not come up."""
        with (self._folder / "pcscd.log").open("ab") as log:
            self._process = subprocess.Popen(
                self.command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**_environment(), **self.variables},
            )
        if _wait(self._ready, self._ended):
            return True
        self.stop()
        return False

    def stop(self) -> None:
        """End it and wait until it is gone."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(START_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _ready(self) -> bool:
        return answers(self.socket) and self.pid is not None and _listens(self.pid, self.port)

    def _ended(self) -> bool:
        return self._process is None or self._process.poll() is not None


def prepare(folder: Path) -> Pcscd | str:
    """Lay out a private pcscd in `folder` (made when missing), not yet running.

    Answers a problem code when this machine cannot have one: `sandbox.pcscd_missing`, `sandbox.vpcd_missing` (not
    installed), `sandbox.pcscd_refused` (no mount namespace, and not root).
    """
    program = shutil.which("pcscd", path=SEARCH_PATH)
    if program is None:
        return "sandbox.pcscd_missing"
    if not (DRIVER_FOLDER / DRIVER).exists():
        return "sandbox.vpcd_missing"
    folder = folder.resolve()
    port = _free_port_pair()
    _lay_out(folder, port)
    tried = subprocess.run(_in_namespace(folder, ["true"]), capture_output=True, env=_environment(), check=False)
    if tried.returncode == 0:
        launch = _in_namespace(folder, ["sh", "-c", _SWEEP, "sh"])
        answers_at = folder / "run" / "pcscd" / SYSTEM_SOCKET.name
        return Pcscd(folder, program, port, launch, folder / "config", answers_at, folder / "empty")
    if os.geteuid() == 0:
        root = _root_of_its_own(folder, Path(program), port)
        launch = ["sh", "-c", _SWEEP_ROOT, "sh", str(root), "chroot", str(root)]
        drivers = root / DRIVER_FOLDER.parent.relative_to("/")
        return Pcscd(folder, program, port, launch, Path("/config"), root / SYSTEM_SOCKET.relative_to("/"), drivers)
    return "sandbox.pcscd_refused"


@contextmanager
def private(folder: Path) -> Iterator[Pcscd | None]:
    """A private pcscd that runs as long as the context; None when this machine cannot have one.

    The calling thread must outlive the context: the kernel ends pcscd together with it.
    """
    daemon = None
    for _ in range(ATTEMPTS):
        prepared = prepare(folder)
        if isinstance(prepared, Pcscd) and prepared.start():
            daemon = prepared
            break
    try:
        yield daemon
    finally:
        if daemon is not None:
            daemon.stop()


def given() -> PcscWorld:
    """The machine's own pcscd, when it runs and has a virtual reader at its usual port.

    Problems: `sandbox.pcscd_missing`, `sandbox.vpcd_missing`, `sandbox.pcscd_refused` (it does not answer, or has no
    virtual reader).
    """
    if shutil.which("pcscd", path=SEARCH_PATH) is None:
        return PcscWorld(port=None, problem="sandbox.pcscd_missing")
    if not (DRIVER_FOLDER / DRIVER).exists():
        return PcscWorld(port=None, problem="sandbox.vpcd_missing")
    # Connecting also wakes a socket-activated pcscd, which then opens vpcd's port.
    if answers(SYSTEM_SOCKET) and _wait(lambda: _taken(DEFAULT_PORT), lambda: False):
        return PcscWorld(port=DEFAULT_PORT)
    return PcscWorld(port=None, problem="sandbox.pcscd_refused")


def answers(path: Path) -> bool:
    """Does somebody listen on this Unix socket?"""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


def _lay_out(folder: Path, port: int) -> None:
    for name in ("run", "empty", "config"):
        (folder / name).mkdir(parents=True, exist_ok=True, mode=0o755)
    # The driver's own folder is hidden from our pcscd together with the USB drivers.
    driver = folder / DRIVER
    if not driver.exists():
        shutil.copyfile(DRIVER_FOLDER / DRIVER, driver)
    _write_reader(folder / "config", driver, port)


def _write_reader(config: Path, driver: Path, port: int) -> None:
    config.mkdir(exist_ok=True)
    (config / "vpcd").write_text(
        f'FRIENDLYNAME "Virtual PCD"\nDEVICENAME /dev/null:{port}\nLIBPATH {driver}\nCHANNELID {port}\n'
    )


def _root_of_its_own(folder: Path, program: Path, port: int) -> Path:
    """A root directory for pcscd: the program, its libraries, the driver, an empty /run/pcscd."""
    root = folder / "root"
    driver = DRIVER_FOLDER / DRIVER
    for source in (program, driver, *_libraries(program), *_libraries(driver)):
        target = root / source.relative_to("/")
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
    (root / SYSTEM_SOCKET.parent.relative_to("/")).mkdir(parents=True, exist_ok=True)
    _write_reader(root / "config", driver, port)
    return root


def _libraries(binary: Path) -> list[Path]:
    """Every shared library a binary needs, the loader included (ldd(1))."""
    told = subprocess.run(["ldd", str(binary)], capture_output=True, text=True, timeout=START_SECONDS, check=False)
    words = [word for line in told.stdout.splitlines() for word in line.split()]
    found = [Path(word) for word in words if word.startswith("/")]
    # Loaded by the C library itself when a thread ends, so ldd does not know of it.
    unwinder = [library.with_name("libgcc_s.so.1") for library in found if library.name.startswith("libc.so")]
    return found + [library for library in unwinder if library.exists()]


def _in_namespace(folder: Path, command: list[str]) -> list[str]:
    own_user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    places = [str(folder), str(DRIVER_FOLDER.parent)]
    return ["unshare", *own_user, "--mount", "--", "sh", "-c", _IN_NAMESPACE, "unshare", *places, *command]


def _environment() -> dict[str, str]:
    return {**os.environ, "PATH": f"{os.environ.get('PATH', '')}:{SEARCH_PATH}"}


def _without_polkit(program: str) -> list[str]:
    """Builds with polkit would ask a policy daemon that our namespace cannot reach."""
    shown = subprocess.run([program, "--help"], capture_output=True, text=True, timeout=START_SECONDS, check=False)
    return ["--disable-polkit"] if "--disable-polkit" in shown.stdout + shown.stderr else []


def _free_port_pair() -> int:
    """vpcd takes two ports in a row. Below the ephemeral range, so that no client is given them meanwhile."""
    chosen = random.SystemRandom()
    while True:
        port = chosen.randrange(20_000, 32_000, 2)
        if not _taken(port) and not _taken(port + 1):
            return port


def _taken(port: int) -> bool:
    """Asked by binding: connecting would put a mute card on the reader."""
    with socket.socket() as probe:
        try:
            probe.bind((HOST, port))
        except OSError:
            return True
    return False


def _listens(pid: int, port: int) -> bool:
    """Is it this very process that listens on the port (proc(5))?"""
    sockets = set()
    for line in Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]:
        fields = line.split()
        if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
            sockets.add(f"socket:[{fields[9]}]")
    try:
        return any(str(entry.readlink()) in sockets for entry in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return False


def _wait(condition: Callable[[], bool], hopeless: Callable[[], bool]) -> bool:
    pause = threading.Event()
    for _ in range(int(START_SECONDS / STEP_SECONDS)):
        if condition():
            return True
        if hopeless():
            return False
        pause.wait(STEP_SECONDS)
    return False
