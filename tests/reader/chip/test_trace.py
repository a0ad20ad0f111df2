"""The APDU log: the safe kind holds nothing worth hiding, the unsafe kind everything, so that it plays back as a card.

`traces/` holds recorded readings of synthetic persons as regression files; `record` below made them.
"""

import functools
import re
from dataclasses import replace
from pathlib import Path

import pytest

from reader.chip.access_keys import AccessKeys, from_can
from reader.chip.apdu import Command, Response
from reader.chip.session import read_card
from reader.chip.task import CardRead, Listener, Wanted
from reader.chip.trace import LineTrace, UnsafeTrace
from reader.errors import WrongKey
from reader.reading import Outcome
from sandbox.card import kinds
from sandbox.card.image import CardImage
from sandbox.card.quirks import Quirks
from sandbox.people import find
from sandbox.portrait import jpeg
from tests.reader.chip.cards import InProcessSlot, slot_with, surroundings
from tests.reader.chip.overheard import keys_of
from tests.support.replay import OtherCommand, Replay, replay_of

TRACES = Path(__file__).parent / "traces"
PERSON = find("mau")
EVERYTHING = Wanted(everything=True)

# What a line of the safe kind may be: times, headers, lengths, status words by number and name.
_SAFE_LINE = re.compile(
    r" *[0-9]+\.[0-9] ms  (?:"
    r"[>(]  [0-9A-F]{8}  Lc=[0-9]+ Le=(?:[0-9]+|-)"
    r"|[<)]  [0-9A-F]{4} [a-z0-9_]+  data=[0-9]+"
    r"|!  [a-z_.]+"
    r"|#  connected, reader '[^']*', ATR [0-9A-F]*)\n"
)


class Transcript(InProcessSlot):
    """Keeps every byte that went over the air."""

    def __init__(self, chip) -> None:
        super().__init__(chip)
        self.exchanges: list[tuple[bytes, bytes]] = []

    def transmit(self, command: bytes) -> bytes:
        answer = super().transmit(command)
        self.exchanges.append((command, answer))
        return answer


class Both:
    """Two listeners at one reading."""

    def __init__(self, *listeners: object) -> None:
        self._listeners = listeners

    def __getattr__(self, name: str):
        def tell(*arguments: object) -> None:
            for listener in self._listeners:
                getattr(listener, name)(*arguments)

        return tell


def record(
    card: CardImage, wanted: Wanted, quirks: Quirks | None = None, keys: AccessKeys | None = None
) -> tuple[str, str, Transcript, CardRead]:
    """Read a card; the safe trace, the unsafe trace, the bytes on the air, and the result."""
    safe: list[str] = []
    unsafe: list[str] = []
    slot = Transcript(slot_with(card, quirks).chip)
    listener = Listener(trace=Both(LineTrace(safe.append), UnsafeTrace(unsafe.append)))
    result = read_card(slot, keys or keys_of(card), surroundings(), 60, wanted, listener)
    return "".join(safe), "".join(unsafe), slot, result


def play(replay: Replay, keys: AccessKeys, wanted: Wanted | None = None) -> CardRead:
    world = replace(surroundings(), octets=replay.octets, scalar=replay.scalar)
    return read_card(replay, keys, world, 60, wanted)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def portrait() -> bytes:
    return jpeg(PERSON)


@pytest.fixture(scope="module")
def make(authority, portrait):
    made = functools.cache(lambda kind: kinds.build(kind, PERSON, portrait, authority))
    return lambda kind="citizen": made(kind)


# The safe kind


@pytest.mark.parametrize("kind", ["citizen", "bac_only", "pace_cam", "ca_dh", "passport"])
@pytest.mark.parametrize("extended", [True, False], ids=["extended", "short"])
def test_the_safe_trace_holds_shapes_and_nothing_else(make, kind, extended):
    safe, _, slot, _ = record(make(kind), replace(EVERYTHING, extended=extended))
    title, *lines = safe.splitlines(keepends=True)
    assert "safe to send" in title
    assert "UNSAFE" not in title
    for line in lines:
        assert _SAFE_LINE.fullmatch(line), line
    assert sum("  >  " in line for line in lines) == len(slot.exchanges)


@pytest.mark.parametrize("kind", ["citizen", "bac_only"])
def test_the_safe_trace_holds_no_name_no_number_no_key_no_checksum_and_no_ciphertext(make, kind):
    card = make(kind)
    safe, unsafe, slot, _ = record(card, EVERYTHING)
    flat = safe.upper().replace(" ", "")
    for text in (
        PERSON.personal_id,
        PERSON.can,
        PERSON.full_name,
        "TRAN",
        "MAU",
        PERSON.birth_date,
        PERSON.birth_date.replace("-", ""),
        PERSON.birth_date.replace("-", "")[2:],
        PERSON.issue_date,
        PERSON.previous_id or PERSON.personal_id,
        card.mrz_information,
        card.mrz_information[:9],
    ):
        assert text.upper() not in flat
        assert text.encode().hex().upper() not in flat
    # Six bytes of anything that was sent or received beyond a header: not one of them stands there.
    air = [part for command, answer in slot.exchanges for part in (command[5:], answer[:-2])]
    drawn = [bytes.fromhex(line.split("~")[1].strip()) for line in unsafe.splitlines() if " ms  ~" in line]
    assert drawn
    shown = set(re.findall(r"(?=([0-9A-F]{12}))", "\n".join(safe.splitlines()[2:])))
    atr = card.atr.hex().upper()
    for data in (*air, *drawn, *card.files.values()):
        pieces = {data[at : at + 6].hex().upper() for at in range(max(len(data) - 5, 0))}
        assert not {piece for piece in pieces & shown if piece not in atr}


def test_an_error_is_traced_by_its_code(make):
    lines: list[str] = []
    with pytest.raises(WrongKey):
        read_card(
            slot_with(make()), from_can("111111"), surroundings(), 60, None, Listener(trace=LineTrace(lines.append))
        )
    assert "111111" not in "".join(lines)
    lines.clear()
    LineTrace(lines.append).failed("reader.card_removed", 12.34)
    assert lines[1] == "      12.3 ms  !  reader.card_removed\n"


def test_lines_are_as_documented():
    lines: list[str] = []
    trace = LineTrace(lines.append)
    trace.connected("Reader 00", bytes.fromhex("3B80"), 0.0)
    trace.sent(Command(0x0C, 0xB0, 0x8D, 0x00, bytes(13), 65536), 1.0)
    trace.received(Response(bytes(500), 0x9000), 22.26)
    trace.inside_sent(Command(0x00, 0xB0, 0x8D, 0x00, b"", 4000), 0.9)
    trace.inside_received(Response(bytes(479), 0x6282), 22.3)
    trace.drew(b"secret", 3.0)
    assert lines == [
        "# tiepdon card trace, format 2; without data, safe to send\n",
        "       0.0 ms  #  connected, reader 'Reader 00', ATR 3B80\n",
        "       1.0 ms  >  0CB08D00  Lc=13 Le=65536\n",
        "      22.3 ms  <  9000 ok  data=500\n",
        "       0.9 ms  (  00B08D00  Lc=0 Le=4000\n",
        "      22.3 ms  )  6282 end_of_file_before_le  data=479\n",
    ]


# The unsafe kind


def test_the_unsafe_trace_says_what_it_is_and_holds_the_plain_text(make):
    _, unsafe, _, result = record(make(), Wanted())
    assert "UNSAFE" in unsafe.splitlines()[0]
    assert result.contents["dg13"].hex().upper() in unsafe
    assert PERSON.full_name.encode().hex().upper() in unsafe


CASES = [
    ("citizen", Wanted(portrait=True), Quirks()),
    ("citizen", Wanted(everything=True, extended=False), Quirks()),
    ("bac_only", EVERYTHING, Quirks()),
    ("pace_cam", EVERYTHING, Quirks()),
    ("ca_dh", EVERYTHING, Quirks()),
    ("pace_dh_im", EVERYTHING, Quirks()),
    ("citizen", EVERYTHING, Quirks(session_lost_after=5)),
    ("citizen", EVERYTHING, Quirks(no_extended_length=True)),
    ("citizen", EVERYTHING, Quirks(pace_refused=0x6982)),
    ("passport", EVERYTHING, Quirks()),
]


@pytest.mark.parametrize(("kind", "wanted", "quirks"), CASES, ids=[f"{kind}-{n}" for n, (kind, *_) in enumerate(CASES)])
def test_a_recorded_reading_plays_back_to_the_same_reading(make, kind, wanted, quirks):
    card = make(kind)
    _, unsafe, slot, result = record(card, wanted, quirks)
    replay = replay_of(unsafe)
    assert replay.exchanges == slot.exchanges
    again = play(replay, keys_of(card), wanted)
    assert again.reading == result.reading
    assert again.contents == result.contents
    assert (again.apdus, again.bytes_sent, again.bytes_received) == (
        result.apdus,
        result.bytes_sent,
        result.bytes_received,
    )
    assert replay.at == len(replay.exchanges)
    assert replay.drawn == []


def test_another_key_is_another_conversation(make):
    card = make()
    _, unsafe, _, _ = record(card, Wanted())
    with pytest.raises(OtherCommand):
        play(replay_of(unsafe), AccessKeys("111111", (card.mrz_information,)))


def test_the_safe_kind_cannot_be_played_back(make):
    safe, _, _, _ = record(make(), Wanted())
    with pytest.raises(ValueError, match="without data"):
        replay_of(safe)


# Recorded readings


RECORDED = {
    "pace-gm-chip-authentication": ("PACE-GM", Outcome.PASSED, Outcome.NOT_DONE),
    "bac-active-authentication": ("BAC", Outcome.NOT_DONE, Outcome.PASSED),
    "pace-cam-short": ("PACE-CAM", Outcome.PASSED, Outcome.NOT_DONE),
}
WANTED = {"pace-cam-short": Wanted(extended=False)}
KEYS = {"bac-active-authentication": AccessKeys(mrz=("303900017703021402802149",))}


@pytest.mark.parametrize("name", RECORDED)
def test_readings_recorded_long_ago_come_out_as_they_did(name):
    access, chip, active = RECORDED[name]
    replay = replay_of((TRACES / f"{name}.trace").read_text("ascii"))
    result = play(replay, KEYS.get(name, from_can("900017")), WANTED.get(name))
    assert replay.at == len(replay.exchanges)
    checks = result.reading.evidence.checks
    assert checks is not None
    assert (checks.access.protocol, checks.chip_authentication.result) == (access, chip)
    assert checks.active_authentication.result is active
    assert [checks.hashes.result, checks.signature.result, checks.agreement.result] == [Outcome.PASSED] * 3
    holder = result.reading.holder
    assert (holder.personal_id, holder.full_name) == (PERSON.personal_id, PERSON.full_name)
    assert (holder.birth_date, holder.residence, holder.issue_date) == (
        PERSON.birth_date,
        PERSON.residence,
        PERSON.issue_date,
    )


def test_every_recorded_reading_is_played():
    assert {file.stem for file in TRACES.glob("*.trace")} == set(RECORDED)
