"""Debian's emulator of a passport on the virtual reader, with a person's files signed by the test run's authority."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from sandbox.card import kinds
from sandbox.card.image import DG1, CardImage
from sandbox.card.spec import Kind
from sandbox.card.trust import Authority
from sandbox.people import Person, find
from sandbox.portrait import jpeg
from tests.peers.card_process import CardProcess
from tests.support.pcsc import PcscForTests, card_present
from tests.support.waiting import wait_until

PROGRAM = Path(__file__).with_name("card.py")
PYTHON = "/usr/bin/python3"  # the one that Debian's packages belong to
PACKAGES = ("vsmartcard-vpicc", "python3-pycryptodome")

PERSON = find("mau")
PASSPORT_DG1 = 5 + 88  # bytes: header, two lines

Placed = Callable[..., CardProcess]


@pytest.fixture(scope="session")
def emulator() -> list[str]:
    """The command line of the emulator. Skips where the distribution has none, fails where it is not installed."""
    for package in PACKAGES:
        if not _installed(package):
            if not _offered(package):
                pytest.skip(f"this distribution has no package {package}")
            pytest.fail(f"{package} is missing: `make setup-test` installs it")
    return [PYTHON, "-I", str(PROGRAM)]


def _installed(package: str) -> bool:
    return "install ok installed" in _told("dpkg-query", "-W", "-f", "${Status}", package)


def _offered(package: str) -> bool:
    """Whether the distribution has it; yes where its lists are not there to be asked."""
    if shutil.which("apt-cache") is None:
        return False
    known = any(Path("/var/lib/apt/lists").glob("*Packages*"))
    return not known or bool(_told("apt-cache", "show", "--no-all-versions", package))


def _told(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False).stdout
    except FileNotFoundError:
        return ""


@pytest.fixture(scope="module")
def vicc_process(
    emulator: list[str], pcsc_world: PcscForTests, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[CardProcess]:
    if pcsc_world.daemon.pid is None:
        pcsc_world.start()
    wait_until(lambda: card_present() is False, what="an empty reader")
    process = CardProcess(emulator, tmp_path_factory.mktemp("vicc"), pcsc_world.port)
    yield process
    process.leave()


@cache
def card_of(kind: Kind | str, person: Person, authority: Authority) -> CardImage:
    """The sandbox's card of a person, made once for each kind."""
    return kinds.build(kind, person, jpeg(person), authority)


@pytest.fixture
def vicc_card(vicc_process: CardProcess, authority: Authority) -> Placed:
    """`vicc_card("bac_only", person, short_ids=False)` puts a person's files on Debian's emulator."""

    def place(kind: Kind | str = "bac_only", person: Person = PERSON, **settings: object) -> CardProcess:
        image = card_of(kind, person, authority)
        # The emulator takes a passport's keys from DG1 by itself, and knows no other form of document.
        known = {} if len(image.files[DG1]) == PASSPORT_DG1 else {"mrz": image.mrz_information}
        vicc_process.become(image.files, {**known, **settings})
        return vicc_process

    return place
