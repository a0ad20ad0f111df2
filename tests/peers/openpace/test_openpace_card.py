"""A card whose PACE and secure messaging are OpenPACE's C code, through the real pcscd: the reader agrees with somebody
who read the same standard (chip.md 2.4).
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from ctypes import CDLL
from pathlib import Path

import pytest

from sandbox.card import files, image
from sandbox.card.trust import Authority
from sandbox.people import find
from sandbox.portrait import jpeg
from tests.support.command import CardCommand
from tests.support.pcsc import CardSlot, PcscForTests, card_present
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.peer, pytest.mark.pcsc]

PROGRAM = Path(__file__).with_name("card.py")
AES = {128: "0.4.0.127.0.7.2.2.4.2.2", 192: "0.4.0.127.0.7.2.2.4.2.3", 256: "0.4.0.127.0.7.2.2.4.2.4"}
Placed = Callable[..., None]


def card_access(bits: int, curve: int) -> bytes:
    """EF.CardAccess with one PACEInfo."""
    info = bytes.fromhex("060A04007F00070202040200020102020100")
    info = info[:11] + bytes([{128: 2, 192: 3, 256: 4}[bits]]) + info[12:-1] + bytes([curve])
    return bytes([0x31, len(info) + 2, 0x30, len(info)]) + info


@pytest.fixture(scope="module")
def library() -> None:
    try:
        CDLL("libeac.so.3")
    except OSError:
        pytest.fail("libeac3 is missing: `make setup-test` installs it")


@pytest.fixture
def openpace_card(
    library: None, card_slot: CardSlot, pcsc_world: PcscForTests, authority: Authority, tmp_path: Path
) -> Iterator[Placed]:
    """`openpace_card("mau", bits=128, curve=13, largest=192)` puts a person's files on OpenPACE's card."""
    running: list[subprocess.Popen[bytes]] = []

    def place(key: str = "mau", bits: int = 128, curve: int = 13, **settings: object) -> None:
        person = find(key)
        made = files.build(person, jpeg(person) if person.portrait else None, authority)
        folder = tmp_path / "card"
        folder.mkdir()
        for file, content in {**made.files, image.CARD_ACCESS: card_access(bits, curve)}.items():
            (folder / f"{file:04X}.bin").write_bytes(content)
        told = {"can": person.can, "protocol": AES[bits], "curve": curve, **settings}
        (folder / "card.json").write_text(json.dumps(told))
        running.append(subprocess.Popen([sys.executable, str(PROGRAM), str(folder), str(pcsc_world.port)]))
        wait_until(card_present, what="pcscd sees the card")

    yield place
    for process in running:
        process.kill()
        process.wait()
    wait_until(lambda: not card_present(), what="pcscd sees that the card is gone")


def test_a_person_is_read_by_can(openpace_card: Placed, card_command: CardCommand, trust_folder: Path) -> None:
    openpace_card("mau")
    read = card_command("--can", "900017", "--everything", "--trust", str(trust_folder))
    assert read.code == 0
    assert read.answer["holder"]["full_name"] == "Trần Thị Mẫu"
    assert read.answer["holder"]["personal_id"] == "001303900017"
    checks = read.answer["evidence"]["checks"]
    assert {checks[name]["result"] for name in ("access", "hashes", "signature", "chain")} == {"passed"}
    assert checks["access"]["protocol"] == "PACE-ECDH-GM-AES-CBC-CMAC-128"
    assert read.answer["files"]["dg2"]["length"] > 10_000


def test_a_wrong_can_exits_2(openpace_card: Placed, card_command: CardCommand) -> None:
    openpace_card("mau")
    assert (card_command("--can", "900018").told) == (2, "reader.wrong_key")
    assert card_command("--can", "900017").code == 0


@pytest.mark.parametrize(("bits", "curve"), [(128, 12), (192, 13), (256, 17), (256, 18)])
def test_other_curves_and_key_sizes_agree(
    openpace_card: Placed, card_command: CardCommand, bits: int, curve: int
) -> None:
    openpace_card("mau", bits=bits, curve=curve)
    read = card_command("--can", "900017")
    assert read.code == 0
    assert read.answer["evidence"]["checks"]["access"]["protocol"].endswith(str(bits))


@pytest.mark.parametrize(
    "plainer",
    [{"short_ids": False}, {"extended": False}, {"largest": 192}, {"largest": 17, "short_ids": False}],
    ids=["no_short_ids", "no_extended", "at_most_192", "tiny"],
)
def test_a_plainer_card_is_read(openpace_card: Placed, card_command: CardCommand, plainer: dict[str, object]) -> None:
    openpace_card("mau", **plainer)
    assert card_command("--can", "900017").answer["holder"]["full_name"] == "Trần Thị Mẫu"


@pytest.mark.parametrize("status", [0x63C2, 0x6982, 0x6A80])
def test_every_way_to_refuse_a_key_exits_2(openpace_card: Placed, card_command: CardCommand, status: int) -> None:
    openpace_card("mau", wrong_key=status)
    assert card_command("--can", "111111").told == (2, "reader.wrong_key")
