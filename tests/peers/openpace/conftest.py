"""OpenPACE's card on the virtual reader, with a person's files signed by the test run's authority."""

import sys
from collections.abc import Callable, Iterator
from ctypes import CDLL
from pathlib import Path

import pytest

from sandbox.card.trust import Authority
from tests.peers.card_process import CardProcess
from tests.peers.openpace.making import card_of, settings_of
from tests.support.pcsc import PcscForTests, card_present
from tests.support.waiting import wait_until

PROGRAM = Path(__file__).with_name("card.py")

Placed = Callable[..., CardProcess]


@pytest.fixture(scope="session")
def library() -> None:
    try:
        CDLL("libeac.so.3")
    except OSError:
        pytest.fail("libeac3 is missing: `make setup-test` installs it")


@pytest.fixture(scope="module")
def openpace_process(
    library: None, pcsc_world: PcscForTests, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[CardProcess]:
    if pcsc_world.daemon.pid is None:
        pcsc_world.start()
    wait_until(lambda: card_present() is False, what="an empty reader")
    process = CardProcess([sys.executable, str(PROGRAM)], tmp_path_factory.mktemp("openpace"), pcsc_world.port)
    yield process
    process.leave()


@pytest.fixture
def openpace_card(openpace_process: CardProcess, authority: Authority) -> Placed:
    """`openpace_card("pace_dh", "mau", change=..., largest=192)` puts a card of a kind on OpenPACE's chip.

    `change` may replace the sandbox's files before they are handed over; the rest are settings of card.py.
    """

    def place(kind: object = "citizen", person: str = "mau", change=lambda image: image, **settings) -> CardProcess:
        image = change(card_of(kind, person, authority))
        openpace_process.become({**image.files, **image.master_files}, {**settings_of(image), **settings})
        return openpace_process

    return place
