"""Fixtures for every test: the real pcscd with its virtual reader, sandbox cards, folders for sockets and state."""

import functools
import importlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from hypothesis import HealthCheck, settings
from jinja2.bccache import Bucket, BytecodeCache
from playwright.sync_api import Browser, expect, sync_playwright

from sandbox.card import trust
from sandbox.card.trust import Authority
from sandbox.card.vpcd import VirtualReader
from sandbox.pcscd import SOCKET_VARIABLE, private
from tests.support.command import CardCommand, read_card_command
from tests.support.pcsc import CardSlot, PcscForTests, PlacedCard, card_present
from tests.support.waiting import BUSY_SECONDS, wait_until

# The suite says the same of the same code each time; `make explore` looks further, with cases nobody has seen.
# Neither judges by the clock: a busy machine is no finding.
_PATIENT = settings(deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("suite", _PATIENT, derandomize=True)
settings.register_profile("explore", _PATIENT)
settings.load_profile("suite")

# Files that take long, the longest first: begun last, one of them would be waited for alone.
_LONGEST_FIRST = (
    "endtoend/test_faults.py",
    "browser/test_accessibility.py",
    "browser/test_touchscreen.py",
    "systemd/test_policies.py",
    "commands/test_run.py",
    "faults/test_each_touch.py",
    "ui/test_counter_keys.py",
    "hostile/test_hostile_chips.py",
    "monitoring/test_scrape.py",
    "commands/test_doctor.py",
    "endtoend/test_a_whole_visit.py",
    "hostile/test_desk.py",
    "hostile/test_desk_sign_in.py",
    "hostile/test_card_command_weighed.py",
    "commands/test_card.py",
    "commands/test_config.py",
    "endtoend/test_counter.py",
    "endtoend/test_check_in_by_touch.py",
    "endtoend/test_insurance_paths.py",
    "endtoend/test_kill.py",
    "commands/test_bridge.py",
    "ui/test_technician_browser.py",
    "benchmarks/test_front.py",
    "benchmarks/test_optical_bars.py",
    "endtoend/test_late_answers.py",
    "endtoend/test_desk_buttons.py",
    "browser/test_alive.py",
    "endtoend/test_camera.py",
    "browser/test_headset.py",
    "reader/optical/test_still.py",
    "reader/optical/test_camera.py",
    "hostile/test_images.py",
    "hostile/test_mangled_cards.py",
    "commands/test_bridge_desk.py",
    "commands/test_setup.py",
    "commands/test_doctor_cameras.py",
    "ui/test_server.py",
    "docs/test_audit.py",
    "tiepdon/update/test_release.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first, for `--no-loadscope-reorder`; within a file everything stays in order."""
    places = {Path(__file__).parent / file: place for place, file in enumerate(_LONGEST_FIRST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--pictures DIR` keeps the screens' pictures that the documentation shows (`make pictures`)."""
    parser.addoption("--pictures", type=Path, default=None, help="folder for the pictures of the screens")


def pytest_configure(config: pytest.Config) -> None:
    """Choose where this process looks for pcscd before any test can ask.

    libpcsclite reads the variable once, at a process's first call, and keeps what it read: a test that called before
    the private pcscd was there made every later test of the same process look where none is. It holds a link, because
    where our pcscd's socket lies is known only when it runs.
    """
    _load_numpy_with_one_thread()
    folder = Path(tempfile.mkdtemp(prefix="tiepdon-pcsc-"))
    os.environ[SOCKET_VARIABLE] = str(folder / "pcscd.comm")
    config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))


class _Compiled(BytecodeCache):
    """Templates compiled once for all the apps that a run makes; a changed source is compiled anew, as ever."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._kept:
            bucket.bytecode_from_string(self._kept[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._kept[bucket.key] = bucket.bytecode_to_string()


@pytest.fixture(scope="session", autouse=True)
def _compiled_templates() -> None:
    Flask.jinja_options["bytecode_cache"] = _Compiled()


def _load_numpy_with_one_thread() -> None:
    """As the reader's own processes have it: OpenBLAS reads the variable once, and its threads wait for each other by
    spinning, which on small matrices doubles the processor time. What the tests start chooses for itself.
    """
    before = os.environ.get("OPENBLAS_NUM_THREADS")
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    importlib.import_module("numpy")
    if before is None:
        del os.environ["OPENBLAS_NUM_THREADS"]


@pytest.fixture(scope="session")
def pictures(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pictures go: the folder asked for, else a temporary one."""
    folder: Path = request.config.getoption("--pictures") or tmp_path_factory.mktemp("pictures")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, one for the whole run: two at once would share one event loop and refuse."""
    expect.set_options(timeout=BUSY_SECONDS * 1000)  # a busy machine may hold a page up; a quiet one waits no longer
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            timeout=4 * BUSY_SECONDS * 1000,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"],
        )
        yield browser
        browser.close()


@pytest.fixture
def run_dir() -> Iterator[Path]:
    """A short path for Unix sockets (their names are limited to 107 bytes)."""
    folder = Path(tempfile.mkdtemp(prefix="tiepdon-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def authority() -> Authority:
    """The CSCA and document signer of this run's cards."""
    return trust.create()


@pytest.fixture
def trust_folder(authority: Authority, tmp_path: Path) -> Path:
    """A reader's trust folder that holds the sandbox CSCA."""
    folder = tmp_path / "trust"
    authority.export(folder)
    return folder


@pytest.fixture(scope="session")
def pcsc_world() -> Iterator[PcscForTests]:
    """The real pcscd with vpcd, private to this run; PCSCLITE_CSOCK_NAME leads this process to it."""
    link = Path(os.environ[SOCKET_VARIABLE])
    with private(link.parent) as daemon:
        if daemon is None:
            pytest.fail(
                "no pcscd with a virtual reader: `make setup` installs pcscd and vsmartcard-vpcd; if both are there, "
                "this machine allows no mount namespace (run as root, or allow unprivileged user namespaces) or "
                "another pcscd runs without a namespace of its own"
            )
        link.symlink_to(daemon.socket)
        yield PcscForTests(daemon, daemon.environment(), VirtualReader(daemon.port))
    link.unlink()


@pytest.fixture
def card_slot(pcsc_world: PcscForTests, authority: Authority) -> Iterator[CardSlot]:
    """The virtual reader, empty before and after the test, with pcscd running."""
    if pcsc_world.daemon.pid is None:
        pcsc_world.start()
    slot = CardSlot(pcsc_world.slot, authority)
    wait_until(lambda: card_present() is False, what="an empty reader")
    yield slot
    slot.remove()


@pytest.fixture
def placed_card(card_slot: CardSlot) -> Callable[..., PlacedCard]:
    """`placed_card("mau", quirks=Quirks(...), change=...)` puts a card on the reader; see CardSlot.place."""
    return card_slot.place


@pytest.fixture
def card_command(pcsc_world: PcscForTests) -> CardCommand:
    """`card_command("--can", "900017")` runs `tiepdon card read --json` against the card on the reader."""
    return functools.partial(read_card_command, pcsc_world.environment)
