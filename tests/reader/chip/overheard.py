"""A reading overheard: every raw command the card got, and every command and answer inside secure messaging."""

from contextlib import contextmanager
from dataclasses import dataclass, field

from reader.chip import apdu
from reader.chip.access_keys import AccessKeys
from reader.chip.apdu import Command, Response
from reader.chip.session import read_card
from reader.chip.task import CardRead, Listener, Surroundings, Wanted
from reader.chip.trace import NoTrace
from reader.phases import Phase
from reader.reading import Reading
from sandbox.card.chip import Chip
from sandbox.card.image import CardImage
from sandbox.card.quirks import Quirks
from tests.reader.chip.cards import InProcessSlot, surroundings

LONG = 60.0
READ_BINARY, READ_BINARY_ODD, SELECT = 0xB0, 0xB1, 0xA4


@dataclass(frozen=True)
class Read:
    """Bytes of a file that came in one answer."""

    file: int
    offset: int
    count: int


class Ears(NoTrace):
    """What was said inside secure messaging, in order, and how large the plain READ BINARY before it were."""

    def __init__(self) -> None:
        self.said: list[tuple[Command, Response | None]] = []
        self.reads: list[Read] = []
        self._current = 0

    def connected(self, reader: str, atr: bytes, at_ms: float) -> None:  # noqa: ARG002
        self._current = 0

    def inside_sent(self, command: Command, at_ms: float) -> None:  # noqa: ARG002
        self.said.append((command, None))

    def inside_received(self, response: Response, at_ms: float) -> None:  # noqa: ARG002
        command, _ = self.said[-1]
        self.said[-1] = command, response
        if command.ins == SELECT and command.p1 == 0x02 and response.sw == apdu.OK:
            self._current = int.from_bytes(command.data, "big")
        if response.data and command.ins in (READ_BINARY, READ_BINARY_ODD):
            self.reads.append(self._read(command, response.data))

    def asked(self, file: int) -> list[int]:
        """The sizes asked for while this file was read, by what was the current file."""
        return [command.le or 0 for command, _ in self.said if _short_id(command) == file & 0x1F]

    def files(self) -> list[int]:
        """Files in the order in which their first byte came."""
        return list(dict.fromkeys(read.file for read in self.reads))

    def _read(self, command: Command, data: bytes) -> Read:
        short = _short_id(command)
        if short is not None:
            self._current = 0x0100 | short
            return Read(self._current, 0, len(data))
        if command.ins == READ_BINARY:
            return Read(self._current, command.p1 << 8 | command.p2, len(data))
        # DO'54' of two bytes of header around the offset; the answer has DO'53' around the bytes.
        header = 2 + (data[1] & 0x7F if data[1] & 0x80 else 0)
        return Read(self._current, int.from_bytes(command.data[2:], "big"), len(data) - header)


def _short_id(command: Command) -> int | None:
    return command.p1 & 0x1F if command.ins == READ_BINARY and command.p1 & 0x80 else None


class OverheardSlot(InProcessSlot):
    """Keeps the raw commands of each powered session."""

    def __init__(self, chip: Chip) -> None:
        super().__init__(chip)
        self.sessions: list[list[bytes]] = []

    @contextmanager
    def connect(self):
        self.sessions.append([])
        with super().connect() as transport:
            yield transport

    def transmit(self, command: bytes) -> bytes:
        self.sessions[-1].append(command)
        return super().transmit(command)

    def attempts(self) -> int:
        """Keys tried: how often the terminal proved that it knows one, by PACE's last step or by BAC."""
        commands = [command for session in self.sessions for command in session]
        return sum(command[:2] == b"\x00\x86" for command in commands) + sum(
            command[:2] == b"\x00\x82" for command in commands
        )


@dataclass
class Overheard:
    """A reading that came to its end, with everything that was said."""

    result: CardRead
    slot: OverheardSlot
    ears: Ears
    phases: list[Phase] = field(default_factory=list)
    identities: list[Reading] = field(default_factory=list)
    proven: list[Reading] = field(default_factory=list)

    @property
    def checks(self):
        checks = self.result.reading.evidence.checks
        assert checks is not None
        return checks

    @property
    def warnings(self) -> set[str]:
        return set(self.result.reading.warnings)


def keys_of(card: CardImage) -> AccessKeys:
    """Everything that opens this card."""
    return AccessKeys(card.can, (card.mrz_information,))


def overhear(
    slot: OverheardSlot,
    keys: AccessKeys,
    wanted: Wanted | None = None,
    world: Surroundings | None = None,
) -> Overheard:
    """Read the card and hear everything; whatever comes of it, nothing was said in the clear after the keys."""
    ears = Ears()
    phases: list[Phase] = []
    identities: list[Reading] = []
    proven: list[Reading] = []
    listener = Listener(phase=phases.append, identity=identities.append, proven=proven.append, trace=ears)
    try:
        result = read_card(slot, keys, world or surroundings(), LONG, wanted, listener)
    finally:
        nothing_in_the_clear(slot)
    return Overheard(result, slot, ears, phases, identities, proven)


def nothing_in_the_clear(slot: OverheardSlot) -> None:
    """After the first protected command of a powered session there is no plain one but GET RESPONSE."""
    for commands in slot.sessions:
        protected = False
        for command in commands:
            protected = protected or command[0] & 0x0C == 0x0C
            assert not protected or command[0] & 0x0C == 0x0C or command[1] == 0xC0, command[:4].hex()


def no_byte_twice(ears: Ears) -> None:
    """Every byte of every file came once."""
    for file in ears.files():
        reads = [read for read in ears.reads if read.file == file]
        at = 0
        for read in reads:
            assert read.offset == at, reads
            at += read.count


def card_slot(card: CardImage, quirks: Quirks | None = None) -> OverheardSlot:
    """A card to be overheard."""
    slot = OverheardSlot(Chip(card, quirks or Quirks()))
    slot.image = card
    return slot
