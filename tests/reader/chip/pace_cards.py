"""Card sides for the PACE tests: a conversation by heart, and the sandbox card's own PACE without files around it."""

import hashlib
from collections.abc import Iterator

from reader.chip.apdu import Command, Response, parse_response
from reader.chip.channel import Meter, PlainChannel
from reader.chip.security_infos import PaceInfo, SecurityInfos
from sandbox.card import der, identifiers, keys
from sandbox.card.image import Pace
from sandbox.card.pace import Exchange, PaceFailed

CAN = "900017"


class Transcript:
    """A card that only knows one conversation, byte for byte."""

    def __init__(self, lines: list[tuple[str, str]]) -> None:
        self._lines = [(bytes.fromhex(sent), bytes.fromhex(answer)) for sent, answer in lines]
        self._refusing = False

    def refuse_from_now(self) -> None:
        self._refusing = True

    def transmit(self, command: bytes) -> bytes:
        if self._refusing:
            return b"\x69\x82"
        expected, answer = self._lines.pop(0)
        assert command.hex() == expected.hex()
        return answer

    @property
    def finished(self) -> bool:
        return not self._lines


def channel_to(card: object) -> PlainChannel:
    return PlainChannel(card, Meter(clock=lambda: 0.0, deadline=1.0))  # type: ignore[arg-type]


def infos(*pace: PaceInfo) -> SecurityInfos:
    return SecurityInfos(pace=pace)


def info_of(offer: Pace) -> PaceInfo:
    """The PACEInfo by which a card makes this offer."""
    return PaceInfo(der.oid(identifiers.pace(offer))[2:], 2, offer.parameters)


def numbers(seed: str) -> Iterator[int]:
    """Numbers that only look random: the same in every run."""
    count = 0
    while True:
        count += 1
        yield int.from_bytes(hashlib.shake_256(f"{seed} {count}".encode()).digest(320), "big")


class SandboxSide:
    """The sandbox card's half of PACE, with the CAN; its arithmetic shares nothing with the reader's.

    `spoil` is what the card answers instead to the step that carries this data object (0: none, the nonce's), and
    `chip_data` what it gives for the chip authentication data of the last step (None: nothing).
    """

    def __init__(self, offer: Pace, static: int | None = None, spoil: dict[int, bytes] | None = None) -> None:
        source = numbers(f"card {offer}")
        self.exchange = Exchange(
            offer,
            keys.can_key(CAN, offer.cipher),
            lambda size: (next(source) % 256**size).to_bytes(size, "big"),
            static,
        )
        self.set_at = b""
        self.chip_data: bytes | None = b"as it is"
        self._spoil = spoil or {}

    def send(self, command: Command) -> Response:
        if command.ins == 0x22:
            self.set_at = command.data
            return parse_response(b"\x90\x00")
        ((_, content),) = der.split(command.data)
        sent = der.split(content)
        try:
            answer = self.exchange.step(command.data)
        except PaceFailed as failure:
            return Response(b"", failure.status)
        tag = sent[0][0] if sent else 0
        if tag in self._spoil:
            return Response(self._spoil[tag], 0x9000)
        if tag == 0x85 and self.chip_data != b"as it is":
            ((_, content),) = der.split(answer.data)
            token = der.tlv(*der.split(content)[0])
            return Response(
                der.tlv(0x7C, token + (der.tlv(0x8A, self.chip_data) if self.chip_data is not None else b"")), 0x9000
            )
        return Response(answer.data, 0x9000)
