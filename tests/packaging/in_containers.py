"""`make package-test`: the built package lived through on Debian 12 and 13, in systemd containers: installed, used,
brought up and down, removed, purged. Says what it did and what it could not; ends with 1 where something failed.

Usage: python -m tests.packaging.in_containers PACKAGE [RELEASE...]
"""

import json
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.packaging import updating
from tests.packaging.container import KEPT, Container, booted
from tests.packaging.variants import as_version, depends_of, version_of, with_migration
from tests.systemd import in_container

NEEDED = ("debootstrap", "systemd-nspawn", "nsenter", "dpkg-deb", "minisign")
RELEASES = ("bookworm", "trixie")
LISTEN = "127.0.0.1:8080"
DIGITS = (
    "001303900017",
    "001303900025",
    "001303900033",
    "001303900041",
    "001303900058",
    "001303900066",
    "001303900074",
    "001303900082",
    "001303900090",
    "001303900108",
    "001303900116",
    "001303900124",
)
CHECK_IN = Path(__file__).with_name("one_check_in.py")
ANSWERS = """
[site]
facility_code = "01001"
facility_name = "Trạm thử gói"
synthetic = true
"""
# A machine where nobody checks in, and one where people do again.
DESK_ALONE = (
    ANSWERS
    + """
[kiosk]
touchscreen = false

[staff]
listen = "127.0.0.1:8090"

[network]
clients = ["192.168.1.0/24"]

[supervisor]
name = "hoa"
full_name = "Mẫu Thị Hoa"
"""
)
KIOSK_AGAIN = f'{ANSWERS}\n[kiosk]\ntouchscreen = true\n\n[staff]\nlisten = ""\n'
OF_A_TOUCHSCREEN = ("tiepdon-reader.socket", "tiepdon-reader.service", "tiepdon-screen.service")
TICKETS = """
from pathlib import Path
from config.settings import database_file, load
from wire.database import open_for_reading
connection = open_for_reading(database_file(load(Path("/etc/tiepdon/tiepdon.toml"))))
print(*sorted(f"{row[0]}" for row in connection.execute("SELECT number FROM tickets")))
"""
# What the test itself brought, and the logs of machine and apt.
NOT_OURS = " ".join(f"-not -path '{path}/*'" for path in ("/root", "/proc", "/sys", "/var/log", "/var/cache/apt"))
# What a container cannot have, by the code doctor tells it with.
NOT_IN_A_CONTAINER = Path(__file__).with_name("not_in_a_container.txt")


@dataclass(frozen=True)
class Packages:
    """The package as built, and what it is brought to and fro between."""

    first: Path
    higher: Path
    broken: Path
    releases: updating.Releases


def main(arguments: list[str]) -> int:
    """0: everything held."""
    if missing := [name for name in NEEDED if shutil.which(name) is None]:
        sys.stdout.write(f"NOT RUN: {', '.join(missing)} missing (debootstrap, systemd-container)\n")
        return 1
    if os.geteuid() != 0:
        sys.stdout.write("NOT RUN: containers need root\n")
        return 1
    package = Path(arguments[0])
    place = KEPT / "now"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    failed = []
    try:
        packages = _packages(package, place)
        for release in arguments[1:] or RELEASES:
            started = time.monotonic()
            try:
                with booted(release, [*depends_of(package), "dpkg-repack"], place) as container:
                    _say(release, "booted", started)
                    live_through(container, packages, release)
            except AssertionError as error:
                failed.append(release)
                sys.stdout.write(f"{release}: FAILED: {error}\n")
            else:
                _say(release, "everything held", started)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    return 1 if failed else 0


def live_through(container: Container, packages: Packages, release: str) -> None:
    """The whole life of the package on one machine."""
    inside = {name: container.take(getattr(packages, name)) for name in ("first", "higher", "broken")}
    checker = container.take(CHECK_IN)
    digits = iter(DIGITS)
    taken: list[str] = []

    def check_in() -> None:
        taken.append(container.must("python3", checker, LISTEN, next(digits)).strip())

    with step(release, "installed: nothing runs before there are settings"):
        install(container, inside["first"])
        assert _processes(container) == "", _processes(container)
    with step(release, "set up by one file, every unit is up and ready"):
        set_up(container)
        ready(container)
    size = container.must("dpkg-query", "-W", "-f", "${Installed-Size}", "tiepdon")
    sys.stdout.write(
        f"{release}: installed size {int(size) / 1024:.0f} MiB by dpkg, {_used(container)} with bytecode\n"
    )
    with step(release, "doctor says only what a container lacks"):
        doctor(container)
    with step(release, "a typed check-in gives a ticket"):
        check_in()
    key = container.must("sha256sum", "/etc/tiepdon/secrets/site.key")
    with step(release, "an upgrade keeps the ticket"):
        install(container, inside["higher"])
        ready(container)
        check_in()
        assert tickets(container) == sorted(taken), (tickets(container), taken)
    with step(release, "an upgrade whose migration fails keeps the database and says the way back"):
        done = container.run("apt-get", "install", "-q", "-y", "--no-install-recommends", inside["broken"], seconds=300)
        told = done.stdout + done.stderr
        assert done.returncode != 0, "apt took the broken release"
        assert "could not be brought to version" in told, told
        assert "apt install --allow-downgrades ./tiepdon_" in told, told
        install(container, inside["higher"], "--allow-downgrades")
        ready(container)
        check_in()
        assert tickets(container) == sorted(taken), (tickets(container), taken)
    with step(release, "a downgrade keeps the tickets"):
        install(container, inside["first"], "--allow-downgrades")
        ready(container)
        check_in()
        assert tickets(container) == sorted(taken), (tickets(container), taken)
    with step(release, "a good release is taken and stays"):
        container.must("apt-get", "install", "-q", "-y", "--no-install-recommends", "--no-download", "dpkg-repack")
        updating.trust(container, packages.releases)
        assert updating.phase(updating.apply(container, packages.releases, "good")) == "confirmed"
        good = packages.releases.versions["good"]
        assert updating.installed(container) == good
        check_in()
    for bad in ("does not start", "cannot even migrate", "migrates and does not start"):
        with step(release, f"a release that {bad} goes back by itself"):
            done = updating.apply(container, packages.releases, bad)
            assert updating.phase(done) == "went_back", done.stdout + done.stderr
            assert updating.installed(container) == good
            ready(container)
            check_in()
            assert tickets(container) == sorted(taken), (tickets(container), taken)
    with step(release, "a power cut while a release is proved is taken up at the next start"):
        updating.cut_while_proving(container, packages.releases, "cut off")
        ready(container)
        assert updating.installed(container) == packages.releases.versions["cut off"]
        check_in()
        install(container, inside["first"], "--allow-downgrades")
        ready(container)
        assert tickets(container) == sorted(taken), (tickets(container), taken)
    with step(release, "a removal keeps what people entered and what the site set"):
        container.must("apt-get", "remove", "-q", "-y", "tiepdon")
        container.must("test", "-s", "/var/lib/tiepdon/tiepdon.db")
        container.must("test", "-s", "/etc/tiepdon/tiepdon.toml")
        assert _processes(container) == "", _processes(container)
        left = container.run("find", "/usr/lib/tiepdon").stdout
        assert left == "", left
    with step(release, "installed again, it goes on where it was"):
        install(container, inside["first"])
        ready(container)
        check_in()
        assert tickets(container) == sorted(taken), (tickets(container), taken)
        assert len(set(taken)) == len(taken), taken
        assert container.must("sha256sum", "/etc/tiepdon/secrets/site.key") == key, "another key"
    with step(release, "a purge leaves nothing"):
        container.must("apt-get", "purge", "-q", "-y", "tiepdon")
        left = container.must("sh", "-c", f"find / -xdev -iname '*tiepdon*' {NOT_OURS}")
        assert left == "", left
    with step(release, "installed after a purge, it begins anew"):
        install(container, inside["first"])
        set_up(container)
        ready(container)
        assert tickets(container) == []
        assert container.must("sha256sum", "/etc/tiepdon/secrets/site.key") != key
    with step(release, "a machine that becomes the desk alone runs no reader and no screen, and doctor asks for none"):
        set_up(container, DESK_ALONE)
        for unit in OF_A_TOUCHSCREEN:
            assert container.run("systemctl", "is-enabled", unit).stdout.strip() == "masked", unit
            assert container.run("systemctl", "is-active", unit).stdout.strip() == "inactive", unit
        container.must("systemctl", "is-active", "tiepdon-kiosk", "tiepdon-bridge", "tiepdon-desk")
        told = container.must("systemctl", "show", "--property=IPAddressAllow", "tiepdon-desk")
        assert "192.168.1.0/24" in told, told
        doctor(container)
    with step(release, "and a kiosk again"):
        set_up(container, KIOSK_AGAIN)
        ready(container)
    with step(release, "every unit comes back, and each process reaches only what it needs"):
        assert in_container.run_all(in_container.Container(container.leader)) == 0, "see above"


def set_up(container: Container, answers: str = ANSWERS) -> None:
    """As a technician does with one file: a site that has nothing but the touchscreen, everything else as it comes."""
    (container.tree / "root/answers.toml").write_text(answers, "utf-8")
    done = container.run("tiepdon", "setup", "--from", "/root/answers.toml", "--json", seconds=300)
    told = json.loads(done.stdout or "{}")
    assert told.get("late") == [], done.stdout + done.stderr


def install(container: Container, package: str, *options: str) -> None:
    """As a technician does, from the file and what apt has kept."""
    container.must("apt-get", "install", "-q", "-y", "--no-install-recommends", *options, package, seconds=600)


def ready(container: Container) -> None:
    """Every process answers, and no unit of ours failed."""
    container.until(
        "ready", "python3", "-c", f"import urllib.request; urllib.request.urlopen('http://{LISTEN}/health', timeout=5)"
    )
    listed = container.must("cat", "/usr/lib/tiepdon/units").splitlines()
    names = [line.split()[1] for line in listed if line.startswith("enable ")]
    for name in names:
        if name != "tiepdon-update-resume.service":  # runs only where an update was left
            container.until(f"{name} is up", "systemctl", "is-active", name)
    failed = container.must("systemctl", "list-units", "--failed", "--plain", "--no-legend", "tiepdon*")
    assert failed == "", failed


def doctor(container: Container) -> None:
    """It reports, and finds only what a container cannot have."""
    done = container.run("tiepdon", "doctor", "--json")
    report = json.loads(done.stdout)
    allowed = {line.split("#")[0].strip() for line in NOT_IN_A_CONTAINER.read_text("utf-8").splitlines()}
    found = {
        (finding["status"], finding["code"]) for finding in report["findings"] if finding["status"] in ("warn", "fail")
    }
    unexpected = sorted(code for _, code in found if code not in allowed)
    sys.stdout.write(f"  doctor: {', '.join(sorted(f'{level} {code}' for level, code in found))}\n")
    assert not unexpected, f"doctor also finds {unexpected}"


def tickets(container: Container) -> list[str]:
    """Every ticket number the database holds."""
    return container.must("/usr/lib/tiepdon/bin/python3", "-I", "-c", TICKETS).split()


def _packages(package: Path, place: Path) -> Packages:
    major, minor, patch = (int(word) for word in version_of(package).split(".")[:3])
    next_, broken = f"{major}.{minor}.{patch + 1}", f"{major}.{minor}.{patch + 2}"
    adds = with_migration("CREATE TABLE package_test (number INTEGER) STRICT", next_)
    fails = with_migration("CREATE TABLE tickets (number INTEGER)", broken)
    higher = as_version(package, next_, place, adds)
    releases = updating.make(package, place, patch + 3)
    return Packages(package, higher, as_version(higher, broken, place, fails), releases)


def _used(container: Container) -> str:
    return container.must("du", "-sh", "/usr/lib/tiepdon").split()[0]


def _processes(container: Container) -> str:
    return container.must("sh", "-c", "ps -eo args | grep '[/]usr/lib/tiepdon' || true")


@contextmanager
def step(release: str, what: str) -> Iterator[None]:
    """Say what held and how long it took; what did not is told by the error."""
    started = time.monotonic()
    try:
        yield
    except AssertionError as error:
        raise AssertionError(f"{what}: {error}") from None
    _say(release, what, started)


def _say(release: str, what: str, started: float) -> None:
    sys.stdout.write(f"{release}: {what} ({time.monotonic() - started:.1f} s)\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
