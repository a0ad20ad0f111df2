"""Cards that misuse the line itself: they never end, repeat themselves, say nothing, lose sessions, take their time."""

from collections.abc import Iterator
from functools import partial

from reader.chip.task import Wanted
from reader.chip.transport import NotTransmitted
from reader.errors import CardMute
from sandbox.card import image
from sandbox.card.apdu import Command, Reply
from sandbox.card.chip import Chip
from sandbox.card.quirks import Quirks
from tests.hostile.attack import TIMEOUT, Attack
from tests.hostile.chips import Failing, Insider, Parrot, Twisted, from_command, genuine, holding, honest, instead

BOUND = 6000  # commands of one reading, whatever the card does
READS = {0xB0, 0xB1}
STATUSES = (
    *(0x6100, 0x6200, 0x6282, 0x6300, 0x63C1, 0x6700, 0x6982, 0x6987, 0x6988),
    *(0x6A82, 0x6B00, 0x6C00, 0x6C10, 0x6CFF, 0x6F00, 0x9000),
)  # fmt: skip
ANSWERS = {
    "61FF": b"\x61\xff",
    "255 bytes and 61FF": bytes(255) + b"\x61\xff",
    "one byte and 6101": b"\0\x61\x01",
    "6C00": b"\x6c\x00",
    "6C10": b"\x6c\x10",
    "9000": b"\x90\x00",
    "60 kB": bytes(60_000) + b"\x90\x00",
    "more than an answer may have": bytes(65_540) + b"\x90\x00",
    "half a status word": b"\x90",
    "nothing": b"",
}


def attacks() -> Iterator[Attack]:
    yield from _endless()
    yield from _slow_portraits()
    yield from _sizes()
    yield from _sessions()
    yield from _readers()
    yield from _times()


def _endless() -> Iterator[Attack]:
    for first in (1, 2, 3, 7, 8, 12):
        for name, answer in ANSWERS.items():
            yield Attack(
                f"{name} to everything from command {first} on",
                partial(Twisted, genuine(), from_command(first, answer)),
            )
    yield Attack("endless 61xx to every read", partial(honest, endless_61xx=True))
    yield Attack("every file goes on for ever", partial(honest, never_ends=True))
    yield Attack("no chip, but random bytes", lambda: Parrot(lambda number, _raw: _noise(number)))
    yield Attack("no chip, but an echo", lambda: Parrot(lambda _number, raw: raw))


def _noise(seed: int) -> bytes:
    return bytes((seed * 97 + at * 61) % 251 for at in range(20))


def _slow_portraits() -> Iterator[Attack]:
    for size in (1, 50, 160, 200):
        make = partial(holding, {image.DG2: _megabyte()}, most_bytes_per_reply=size)
        yield Attack(f"a megabyte of DG2, {size} bytes at a time", make, most_apdus=BOUND)
    yield Attack("a megabyte of DG2", partial(holding, {image.DG2: _megabyte()}))
    yield Attack("a megabyte of DG2 in pieces of 4 bytes", partial(holding, {image.DG2: _megabyte()}, chains_replies=4))


def _megabyte() -> bytes:
    size = (1 << 20) - 5
    return b"\x75\x83" + size.to_bytes(3, "big") + b"\x7f\x61\x83" + (size - 6).to_bytes(3, "big") + bytes(size - 6)


def _sizes() -> Iterator[Attack]:
    yield Attack("every block is the first one", partial(honest, repeats_first_block=True))
    for more in (1, 16, 4000, 40_000):
        yield Attack(f"{more} bytes more than asked for", partial(honest, extra_bytes_per_reply=more))
    for size in (1, 2, 3, 5, 7):
        yield Attack(f"{size} bytes at a time", partial(honest, most_bytes_per_reply=size), most_apdus=BOUND)
    for first in (1, 2, 4, 9):
        for status in STATUSES:
            yield Attack(
                f"{status:04X} without data to reads from number {first} on",
                partial(_instead, READS, Reply(status), first),
            )
    for status in STATUSES:
        yield Attack(f"data and {status:04X} to every read", partial(Insider, genuine(), partial(_relabelled, status)))
    yield Attack("60 kB to every read", partial(_instead, READS, Reply(0x9000, bytes(60_000)), 1))
    yield Attack(
        "every second block is empty", lambda: Insider(genuine(), _Alternating(), Quirks(most_bytes_per_reply=99))
    )


def _instead(instructions: set[int], reply: Reply, first: int) -> Chip:
    return Insider(genuine(), instead(instructions, reply, first))


def _relabelled(status: int, sent: Command, reply: Reply) -> Reply:
    return Reply(status, reply.data) if sent.ins in READS else reply


class _Alternating:
    """Every second READ BINARY gives nothing."""

    def __init__(self) -> None:
        self._seen = 0

    def __call__(self, sent: Command, reply: Reply) -> Reply:
        self._seen += sent.ins in READS
        return Reply(0x9000) if sent.ins in READS and self._seen % 2 == 0 else reply


def _sessions() -> Iterator[Attack]:
    for first in (1, 2, 3, 5, 8, 12):
        yield Attack(f"wrong checksums from reply {first} on", partial(honest, wrong_mac_from=first))
    for kind in ("citizen", "pace_parameters_14", "pace_dh", "pace_dh_im", "pace_aes256_secp521r1", "pace_cam"):
        for after in (0, 1, 2, 3, 6):
            yield Attack(
                f"{kind}: the session is lost after every {after} commands",
                partial(honest, kind, session_lost_after=after, session_lost_times=10_000),
            )
    for status in (0x6982, 0x6A82, 0x6700, 0x6C10, 0x9000, 0x6100):
        for after in (1, 2, 4):
            lost = {"session_lost_after": after, "session_lost_times": 10_000, "session_lost_status": status}
            yield Attack(f"{status:04X} in the clear after every {after} commands", partial(honest, **lost))
    yield Attack(
        "refusals end the session",
        partial(honest, refusal_ends_session=True, max_le=20, max_le_in_clear=True),
    )
    yield Attack("an old session that never ends", lambda: Parrot(lambda _number, _raw: b"\x69\x82"))


def _readers() -> Iterator[Attack]:
    yield Attack("the reader carries nothing", lambda: Failing(1, NotTransmitted("80100016")))
    for first in (2, 4, 6, 8, 10, 14):
        yield Attack(f"taken away after {first} commands", partial(honest, remove_after_apdus=first))
        yield Attack(f"an empty answer from command {first} on", partial(honest, mute_from=first))
        yield Attack(f"no answer from command {first} on", partial(Failing, first, CardMute()))
        yield Attack(
            f"the reader carries nothing from command {first} on", partial(Failing, first, NotTransmitted("80100016"))
        )


def _times() -> Iterator[Attack]:
    yield Attack("half a second for each command", honest, seconds_per_apdu=0.5)
    yield Attack("1.5 seconds for each command", honest, seconds_per_apdu=1.5, most_apdus=12)
    yield Attack("longer for one command than for all", honest, seconds_per_apdu=TIMEOUT, most_apdus=1)
    yield Attack(
        "5 ms for each of very many commands",
        partial(holding, {image.DG2: _megabyte()}, most_bytes_per_reply=50),
        seconds_per_apdu=0.005,
        most_apdus=3600,
    )
    yield Attack(
        "endless pieces, slowly",
        partial(Twisted, genuine(), from_command(3, b"\0\x61\x01")),
        seconds_per_apdu=0.1,
        most_apdus=181,
    )
    one_by_one = Wanted(portrait=True, everything=True, max_le=1, extended=False)
    yield Attack("the caller wants one byte at a time", honest, wanted=one_by_one, most_apdus=BOUND)
