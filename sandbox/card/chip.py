"""The chip's operating system: one method takes a command APDU and gives the answer (ISO/IEC 7816-4, ICAO 9303-10).

Knows files and access rules; PACE, secure messaging and the proofs of genuineness have modules of their own.
"""

import os
import time
from collections.abc import Callable

from sandbox.card import apdu, der, image, keys, pace, proofs
from sandbox.card.apdu import Command, Reply
from sandbox.card.image import CardImage
from sandbox.card.quirks import Quirks
from sandbox.card.secure_messaging import PROTECTED, Channel, Refused

APPLET = bytes.fromhex("A0000002471001")
SENSITIVE = frozenset({0x0103, 0x0104})  # fingers and iris: terminal authentication only (9303-11, 7)
NO_QUIRKS = Quirks()


class CardGone(Exception):
    """The card left the reader while a command was under way."""


class _Session:
    """All that the chip forgets when its power is cut."""

    def __init__(self) -> None:
        self.applet = False
        self.current: int | None = None
        self.exchange: pace.Exchange | None = None
        self.channel: Channel | None = None
        self.chip_authentication = False  # chosen by MSE:Set AT, its key awaited
        self.sealed = 0  # protected replies so far


class Chip:
    """One card. `transmit` may be called by one thread at a time; randomness and sleep come in as arguments."""

    def __init__(
        self,
        card: CardImage,
        quirks: Quirks = NO_QUIRKS,
        random: pace.Random = os.urandom,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._card = card
        self._quirks = quirks
        self._random = random
        self._sleep = sleep
        self._session = _Session()
        self.apdus = 0

    @property
    def atr(self) -> bytes:
        """Answer to reset."""
        return self._card.atr

    def power_on(self) -> None:
        """Power or reset the card: it forgets everything."""
        self._session = _Session()

    def power_off(self) -> None:
        """Cut the power."""
        self._session = _Session()

    def transmit(self, raw: bytes) -> bytes:
        """Answer one command APDU. Raises CardGone when the card is meant to leave now."""
        self.apdus += 1
        limit = self._quirks.remove_after_apdus
        if limit is not None and self.apdus > limit:
            raise CardGone
        if self._quirks.delay_seconds:
            self._sleep(self._quirks.delay_seconds)
        try:
            command = apdu.parse(raw)
        except apdu.BadCommand:
            return Reply(apdu.WRONG_LENGTH).encoded()
        if command.extended and self._quirks.no_extended_length:
            return self._in_clear(apdu.WRONG_LENGTH).encoded()
        if command.cla & 0x80 or command.cla & PROTECTED not in (0, PROTECTED):
            return Reply(apdu.CLA_NOT_SUPPORTED).encoded()
        answer = self._protected if command.cla & PROTECTED else self._plain
        return answer(command).encoded()

    def _plain(self, command: Command) -> Reply:
        # A plain command ends secure messaging (9303-11, 9.8.3); its access rights go with it.
        self._session.channel = None
        return self._execute(command)

    def _protected(self, command: Command) -> Reply:
        session = self._session
        channel = session.channel
        if channel is None:
            return Reply(apdu.SM_OBJECTS_WRONG)
        try:
            opened = channel.open(command)
        except Refused as refused:
            session.channel = None
            return Reply(refused.status)
        if self._refuses_in_clear(opened):
            return self._in_clear(self._quirks.no_short_file_ids or apdu.CONDITIONS_NOT_SATISFIED)
        if self._promises_more(opened):
            return Reply(0x61FF)
        sealed = channel.seal(self._execute(opened), odd_instruction=bool(command.ins & 1))
        session.sealed += 1
        wrong_from = self._quirks.wrong_mac_from
        if wrong_from is not None and session.sealed >= wrong_from:
            return Reply(sealed.status, sealed.data[:-1] + bytes([sealed.data[-1] ^ 1]))
        return sealed

    def _in_clear(self, status: int) -> Reply:
        if self._quirks.refusal_ends_session:
            self._session.channel = None
        return Reply(status)

    def _refuses_in_clear(self, command: Command) -> bool:
        by_short_id = command.ins == 0xB0 and bool(command.p1 & 0x80)
        return by_short_id and self._quirks.no_short_file_ids is not None

    def _promises_more(self, command: Command) -> bool:
        return self._quirks.endless_61xx and command.ins in (0xB0, 0xB1, 0xC0)

    def _execute(self, command: Command) -> Reply:
        match command.ins:
            case 0xA4:
                return self._select(command)
            case 0xB0:
                return self._read_binary(command)
            case 0xB1:
                return self._read_binary_far(command)
            case 0xC0 if self._quirks.endless_61xx:
                return Reply(0x61FF, bytes(16))
            case 0x22:
                return self._set_authentication_template(command)
            case 0x86:
                return self._general_authenticate(command)
            case 0x88:
                return self._internal_authenticate(command)
        return Reply(apdu.INS_NOT_SUPPORTED)

    # Files

    def _select(self, command: Command) -> Reply:
        session = self._session
        if command.p1 == 0x04:
            if command.data != APPLET:
                return Reply(apdu.FILE_NOT_FOUND)
            session.applet, session.current = True, None
            return Reply(apdu.OK)
        if command.p1 == 0x02:
            if len(command.data) != 2:
                return Reply(apdu.WRONG_LENGTH)
            file = int.from_bytes(command.data, "big")
            refused = self._refusal(file)
            if refused is None:
                session.current = file
            return Reply(refused or apdu.OK)
        # Seen on these cards: SELECT of the master file is not known to the applet (card.md 7).
        return Reply(apdu.INS_NOT_SUPPORTED if command.p1 == 0x00 else apdu.WRONG_P1_P2)

    def _refusal(self, file: int) -> int | None:
        """Why this file may not be touched now, as a status word; None when it may."""
        if file == image.CARD_ACCESS:
            return self._quirks.card_access_refused
        if not self._session.applet:
            return apdu.FILE_NOT_FOUND
        if self._session.channel is None or file in SENSITIVE:
            return apdu.SECURITY_STATUS
        return None if file in self._card.files else apdu.FILE_NOT_FOUND

    def _read_binary(self, command: Command) -> Reply:
        if not command.p1 & 0x80:
            return self._read(command, self._session.current, command.p1p2)
        if self._quirks.no_short_file_ids is not None:
            return Reply(self._quirks.no_short_file_ids)
        if command.p1 & 0x60:
            return Reply(apdu.WRONG_P1_P2)
        limit = self._quirks.short_file_id_offset_limit
        if limit is not None and command.p2 > limit:
            return Reply(apdu.WRONG_OFFSET)
        return self._read(command, 0x0100 | command.p1 & 0x1F, command.p2)

    def _read_binary_far(self, command: Command) -> Reply:
        """READ BINARY with odd instruction: the offset stands in DO'54', the answer in DO'53' (7816-4, 11.2.3)."""
        try:
            ((tag, offset),) = der.split(command.data)
        except (ValueError, IndexError):
            return Reply(apdu.WRONG_DATA)
        if tag != 0x54 or not 1 <= len(offset) <= 4:
            return Reply(apdu.WRONG_DATA)
        file = self._session.current if command.p1p2 == 0 else command.p1p2
        reply = self._read(command, file, int.from_bytes(offset, "big"))
        return Reply(reply.status, der.tlv(0x53, reply.data)) if reply.data else reply

    def _read(self, command: Command, file: int | None, offset: int) -> Reply:
        if file is None:
            return Reply(apdu.NO_CURRENT_FILE)
        refused = self._refusal(file)
        if refused is not None:
            return Reply(refused)
        self._session.current = file
        quirks = self._quirks
        if self._promises_more(command):
            return Reply(0x61FF)
        if quirks.max_le is not None and command.expected > quirks.max_le and not command.whole:
            return Reply(0x6C00 | quirks.max_le & 0xFF if quirks.exact_le else apdu.WRONG_LENGTH)
        if quirks.zero_bytes_for_big_le is not None and command.expected > quirks.zero_bytes_for_big_le:
            return Reply(apdu.OK)
        if not command.expected:
            return Reply(apdu.WRONG_LENGTH)
        return self._content(file, offset, command)

    def _content(self, file: int, offset: int, command: Command) -> Reply:
        content = self._card.files[file]
        wanted = min(command.expected, self._quirks.most_bytes_per_reply or command.expected)
        claimed = self._quirks.claimed_lengths.get(file)
        if claimed is not None:
            return Reply(apdu.OK, _lie(content, claimed, offset, wanted))
        if offset > len(content):
            return Reply(apdu.WRONG_OFFSET)
        piece = content[offset : offset + wanted]
        ended = len(piece) < wanted and not command.whole
        return Reply(apdu.END_OF_FILE if ended else apdu.OK, piece)

    # Access and proofs

    def _set_authentication_template(self, command: Command) -> Reply:
        session = self._session
        session.exchange, session.chip_authentication = None, False
        try:
            objects = dict(der.split(command.data))
        except (ValueError, IndexError):
            return Reply(apdu.WRONG_DATA)
        if command.p1p2 == 0x41A4:
            return self._choose_chip_authentication(objects)
        if command.p1p2 != 0xC1A4:
            return Reply(apdu.WRONG_P1_P2)
        parameters = objects.get(0x84, bytes([pace.PARAMETERS]))
        if der.tlv(0x06, objects.get(0x80, b"")) != pace.OID or parameters != bytes([pace.PARAMETERS]):
            return Reply(apdu.WRONG_DATA)
        match objects.get(0x83):
            case b"\x02":
                password_key = keys.can_key(self._card.can)
            case b"\x01":
                password_key = keys.mrz_key(self._card.mrz_information)
            case _:
                return Reply(apdu.REFERENCE_NOT_FOUND)
        session.exchange = pace.Exchange(password_key, self._random, self._quirks.wrong_key_status)
        return Reply(apdu.OK)

    def _choose_chip_authentication(self, objects: dict[int, bytes]) -> Reply:
        if self._session.channel is None:
            return Reply(apdu.SECURITY_STATUS)
        if (
            not self._card.chip_authentication_key
            or der.tlv(0x06, objects.get(0x80, b"")) != proofs.CHIP_AUTHENTICATION
        ):
            return Reply(apdu.WRONG_DATA)
        self._session.chip_authentication = True
        return Reply(apdu.OK)

    def _general_authenticate(self, command: Command) -> Reply:
        session = self._session
        if session.chip_authentication:
            session.chip_authentication = False
            try:
                channel = proofs.authenticate_chip(self._card.chip_authentication_key, command.data)
            except proofs.BadRequest:
                return Reply(apdu.WRONG_DATA)
            return self._switch(channel, Reply(apdu.OK, der.tlv(0x7C, b"")))
        if session.exchange is None:
            return Reply(apdu.CONDITIONS_NOT_SATISFIED)
        try:
            reply = session.exchange.step(command.data)
        except pace.PaceFailed as failed:
            session.exchange = None
            return Reply(failed.status)
        if session.exchange.channel is not None:
            channel, session.exchange = session.exchange.channel, None
            return self._switch(channel, reply)
        return reply

    def _switch(self, channel: Channel, reply: Reply) -> Reply:
        """New session keys hold from the next command on; a caller that seals still holds the old channel."""
        self._session.channel = channel
        return reply

    def _internal_authenticate(self, command: Command) -> Reply:
        if self._session.channel is None:
            return Reply(apdu.SECURITY_STATUS)
        if not self._card.active_authentication_key:
            return Reply(apdu.INS_NOT_SUPPORTED)
        if len(command.data) != proofs.CHALLENGE_SIZE:
            return Reply(apdu.WRONG_LENGTH)
        return Reply(apdu.OK, proofs.sign_challenge(self._card.active_authentication_key, command.data))


def _lie(content: bytes, claimed: int, offset: int, wanted: int) -> bytes:
    """The file with another length in its header, going on for ever."""
    head = content[:2] if content[0] & 0x1F == 0x1F else content[:1]
    header = head + b"\x84" + claimed.to_bytes(4, "big")
    piece = (header + content[len(head) + 3 :])[offset : offset + wanted]
    return piece + bytes(wanted - len(piece))
