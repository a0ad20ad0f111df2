"""Chips that lie: the sandbox's chip with its answers changed before or after they are sealed, and chips that are none.
And the genuine cards they begin with.
"""

from collections.abc import Callable
from functools import cache

import msgspec

from reader.chip.access_keys import AccessKeys
from sandbox.card import der, keys, kinds, trust
from sandbox.card.apdu import Command, Reply
from sandbox.card.chip import Chip
from sandbox.card.image import ATR, CardImage
from sandbox.card.quirks import Quirks
from sandbox.card.secure_messaging import Channel
from sandbox.card.trust import Authority
from sandbox.people import find
from sandbox.portrait import jpeg
from tests.hostile.attack import Dice
from tests.hostile.documents import signed
from tests.reader.chip.cards import with_file

Twist = Callable[[int, bytes], bytes]  # number of the command, the honest answer: what is answered instead
Inside = Callable[[Command, Reply], Reply]  # the plain command, the honest reply: what is sealed instead
Seal = Callable[[int, bytes, bytes], bytes]  # number of the reply, ciphertext, status: the objects before the checksum


@cache
def authority() -> Authority:
    """Who signs the cards of this process."""
    return trust.create()


@cache
def portrait() -> bytes:
    """A genuine JPEG."""
    return jpeg(find("mau"))


@cache
def genuine(kind: str = "citizen") -> CardImage:
    """Mẫu's card of this kind."""
    return kinds.build(kind, find("mau"), portrait(), authority())


def mrz_of(kind: str) -> AccessKeys:
    """What opens the card of this kind by its MRZ."""
    return AccessKeys(mrz=(genuine(kind).mrz_information,))


def plays(card: CardImage, **quirks: object) -> Chip:
    """This card, which never really waits."""
    return Chip(card, Quirks(**quirks), Dice("card").octets, lambda _seconds: None)  # type: ignore[arg-type]


def honest(kind: str = "citizen", **quirks: object) -> Chip:
    """A genuine card with quirks."""
    return plays(genuine(kind), **quirks)


def holding(files: dict[int, bytes | None], *, sign: bool = True, **quirks: object) -> Chip:
    """A card with files replaced (None: taken out); signed as it then is, or left with the genuine signature."""
    card = genuine()
    for number, content in files.items():
        card = with_file(card, number, content)
    return plays(signed(card, authority()) if sign else card, **quirks)


def with_master_files(files: dict[int, bytes], kind: str = "citizen") -> Chip:
    """A card with files replaced that lie outside the application."""
    card = genuine(kind)
    return plays(msgspec.structs.replace(card, master_files={**card.master_files, **files}))


class Twisted(Chip):
    """The sandbox card with its answers changed on their way out."""

    def __init__(self, card: CardImage, twist: Twist, atr: bytes | None = None) -> None:
        super().__init__(card, Quirks(), Dice("card").octets)
        self._twist = twist
        self._atr = atr

    @property
    def atr(self) -> bytes:
        return self._atr or super().atr

    def transmit(self, raw: bytes) -> bytes:
        answer = super().transmit(raw)
        return self._twist(self.apdus, answer)


class Insider(Chip):
    """The sandbox card with its replies changed before they are sealed."""

    def __init__(self, card: CardImage, inside: Inside, quirks: Quirks | None = None) -> None:
        super().__init__(card, quirks or Quirks(), Dice("card").octets)
        self._inside = inside

    def _execute(self, command: Command) -> Reply:
        return self._inside(command, super()._execute(command))


class Sealer(Chip):
    """The sandbox card that builds the objects of secure messaging in its own way; their checksum is right."""

    def __init__(self, card: CardImage, seal: Seal) -> None:
        super().__init__(card, Quirks(), Dice("card").octets)
        self._seal = seal

    def _sealed(self, reply: Reply, channel: Channel, command: Command) -> Reply:  # noqa: ARG002 (the chip's own)
        channel._advance()
        hidden = b""
        if reply.data:
            padded = channel._pad(reply.data)
            hidden = keys.encrypt(channel._encryption_key, channel._iv(), padded, channel._cipher)
        self._session.sealed += 1
        objects = self._seal(self._session.sealed, hidden, reply.status.to_bytes(2, "big"))
        return Reply(reply.status, objects + der.tlv(0x8E, channel._checksum(channel._pad(objects))))


class Failing(Chip):
    """The genuine chip on a reader that fails from some command on."""

    def __init__(self, first: int, error: Exception) -> None:
        super().__init__(genuine(), Quirks(), Dice("card").octets)
        self._first, self._error = first, error

    def transmit(self, raw: bytes) -> bytes:
        if self.apdus + 1 >= self._first:
            self.apdus += 1
            raise self._error
        return super().transmit(raw)


class Parrot:
    """No chip at all: what `say` says to the number of the command and its bytes."""

    atr = ATR

    def __init__(self, say: Callable[[int, bytes], bytes]) -> None:
        self._say = say
        self.apdus = 0

    def power_on(self) -> None:
        pass

    def power_off(self) -> None:
        pass

    def transmit(self, raw: bytes) -> bytes:
        self.apdus += 1
        return self._say(self.apdus, raw)


def from_command(first: int, answer: bytes) -> Twist:
    """The card turns hostile with this command: 1 is the first, 7 the first under secure messaging."""
    return lambda number, said: answer if number >= first else said


def instead(instructions: set[int], reply: Reply, first: int = 1) -> Inside:
    """Another reply to commands of these instructions, from the `first` of them on."""
    seen = 0

    def inside(sent: Command, honest_reply: Reply) -> Reply:
        nonlocal seen
        seen += sent.ins in instructions
        return reply if sent.ins in instructions and seen >= first else honest_reply

    return inside
