"""The chip's operating system: one method takes a command APDU and gives the answer (ISO/IEC 7816-4, ICAO 9303-10).

Knows how commands and replies travel: secure messaging, chaining, refusals in the clear, time. What the commands mean
stands in `filing.py` and `authentication.py`.
"""

import os
import time
from collections.abc import Callable
from dataclasses import replace

from sandbox.card import apdu, der, pace
from sandbox.card.apdu import Command, Reply
from sandbox.card.authentication import Authentication
from sandbox.card.filing import APPLET, Filing
from sandbox.card.image import CardImage
from sandbox.card.quirks import Quirks
from sandbox.card.secure_messaging import PROTECTED, Channel, Refused
from sandbox.card.session import InTheClear, Session

__all__ = ["APPLET", "CardGone", "Chip"]

CHAINED = 0x10  # class bit: more of this command follows
GENERAL_AUTHENTICATE, GET_RESPONSE = 0x86, 0xC0
SHORT_REPLY = 256  # bytes of data that a short Le can ask for
LONGEST_REPLY = 0xFFFD  # what the two-byte length of the virtual reader carries beside a status word
LONGEST_CHAIN = 0x10000  # bytes of a command that comes in parts
NO_QUIRKS = Quirks()


class CardGone(Exception):
    """The card left the reader while a command was under way."""


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
        self._sleep = sleep
        self._filing = Filing(card, quirks)
        self._authentication = Authentication(card, quirks, random, sleep)
        self._session = Session()
        self._protected_commands = 0
        self._sessions_lost = 0
        self.apdus = 0

    @property
    def atr(self) -> bytes:
        """Answer to reset."""
        return self._card.atr

    def power_on(self) -> None:
        """Power or reset the card: it forgets everything."""
        self._session = Session()

    def power_off(self) -> None:
        """Cut the power."""
        self._session = Session()

    def transmit(self, raw: bytes) -> bytes:
        """Answer one command APDU. Raises CardGone when the card is meant to leave now."""
        self.apdus += 1
        quirks = self._quirks
        if quirks.remove_after_apdus is not None and self.apdus > quirks.remove_after_apdus:
            raise CardGone
        if quirks.mute_from is not None and self.apdus >= quirks.mute_from:
            return b""
        if quirks.delay_seconds:
            self._sleep(quirks.delay_seconds)
        answer = self._answer(raw).encoded()
        cost = quirks.milliseconds_per_apdu / 1e3 + quirks.microseconds_per_byte * (len(raw) + len(answer)) / 1e6
        if cost:
            self._sleep(cost)
        return answer

    def _answer(self, raw: bytes) -> Reply:
        try:
            command = apdu.parse(raw)
        except apdu.BadCommand:
            return Reply(apdu.WRONG_LENGTH)
        if command.extended and self._quirks.no_extended_length and not self._quirks.extended_refusal_protected:
            return self._in_clear(InTheClear(apdu.WRONG_LENGTH))
        if command.cla & ~(PROTECTED | CHAINED) or command.cla & PROTECTED not in (0, PROTECTED):
            return Reply(apdu.CLA_NOT_SUPPORTED)
        if command.ins == GET_RESPONSE and self._session.pending:
            return self._rest(command)
        self._session.pending = b""
        try:
            reply = self._protected(command) if command.cla & PROTECTED else self._plain(command)
        except InTheClear as refusal:
            return self._in_clear(refusal)
        return self._first_part(reply, command)

    def _plain(self, command: Command) -> Reply:
        if self._quirks.stays_in_secure_messaging and self._session.channel is not None:
            return Reply(apdu.SECURITY_STATUS)
        # A plain command ends secure messaging (9303-11, 9.8.3); its access rights go with it.
        self._session.channel = None
        self._session.room = LONGEST_REPLY
        return self._whole(command)

    def _protected(self, command: Command) -> Reply:
        session = self._session
        channel = session.channel
        if channel is None:
            return Reply(apdu.SM_OBJECTS_WRONG)
        self._lose_session()
        try:
            opened = channel.open(command)
        except Refused as refused:
            session.channel = None
            return Reply(refused.status)
        fits = channel.room(LONGEST_REPLY if command.extended else SHORT_REPLY)
        session.room = fits if self._quirks.chains_replies is None else channel.room(LONGEST_REPLY)
        reply = self._whole(opened)
        refused_status = self._quirks.long_reply_refused
        if refused_status is not None and len(reply.data) > fits:
            reply = Reply(refused_status)
        if self._quirks.endless_61xx and reply.status == 0x61FF:
            return reply
        return self._sealed(reply, channel, command)

    def _sealed(self, reply: Reply, channel: Channel, command: Command) -> Reply:
        sealed = channel.seal(reply, odd_instruction=bool(command.ins & 1))
        self._session.sealed += 1
        wrong_from = self._quirks.wrong_mac_from
        if wrong_from is not None and self._session.sealed >= wrong_from:
            return Reply(sealed.status, sealed.data[:-1] + bytes([sealed.data[-1] ^ 1]))
        return sealed

    def _lose_session(self) -> None:
        self._protected_commands += 1
        after = self._quirks.session_lost_after
        if after is None or self._protected_commands <= after:
            return
        if self._sessions_lost < self._quirks.session_lost_times:
            self._sessions_lost += 1
            self._protected_commands = 0
            raise InTheClear(self._quirks.session_lost_status, ends=True)

    def _in_clear(self, refusal: InTheClear) -> Reply:
        if refusal.ends or self._quirks.refusal_ends_session:
            self._session.channel = None
        return Reply(refusal.status)

    # Commands and replies in parts (ISO/IEC 7816-4, 5.3.3 and 5.3.4)

    def _whole(self, command: Command) -> Reply:
        """Carry out a command, or keep a part of it until the last part comes."""
        session = self._session
        if session.collecting is not None and session.collecting != command.ins:
            session.collected, session.collecting = b"", None
        data = session.collected + command.data
        # In GENERAL AUTHENTICATE the bit links the steps of a protocol, each a whole object (9303-11, 4.4.4.3).
        partial = command.cla & CHAINED and not (command.ins == GENERAL_AUTHENTICATE and _complete(data))
        if not partial:
            session.collected, session.collecting = b"", None
            refused = command.extended and self._quirks.no_extended_length
            return Reply(apdu.WRONG_LENGTH) if refused else self._execute(replace(command, data=data))
        if self._quirks.no_command_chaining or len(data) > LONGEST_CHAIN:
            session.collected, session.collecting = b"", None
            return Reply(apdu.CHAINING_NOT_SUPPORTED)
        session.collected, session.collecting = data, command.ins
        return Reply(apdu.OK)

    def _first_part(self, reply: Reply, command: Command) -> Reply:
        limit = self._quirks.chains_replies or SHORT_REPLY
        if command.extended or len(reply.data) <= limit:
            return reply
        self._session.pending, self._session.pending_status = reply.data, reply.status
        return self._rest(replace(command, expected=limit))

    def _rest(self, command: Command) -> Reply:
        session = self._session
        count = min(command.expected or SHORT_REPLY, self._quirks.chains_replies or SHORT_REPLY)
        piece, session.pending = session.pending[:count], session.pending[count:]
        left = len(session.pending)
        return Reply(0x6100 | left if left < SHORT_REPLY else 0x6100, piece) if left else self._last(piece)

    def _last(self, piece: bytes) -> Reply:
        return Reply(self._session.pending_status, piece)

    def _execute(self, command: Command) -> Reply:
        filing, authentication, session = self._filing, self._authentication, self._session
        match command.ins:
            case 0xA4:
                return filing.select(command, session)
            case 0xB0:
                return filing.read_binary(command, session)
            case 0xB1:
                return filing.read_binary_far(command, session)
            case 0xC0 if self._quirks.endless_61xx:
                return Reply(0x61FF, bytes(16))
            case 0x22:
                return authentication.manage(command, session)
            case 0x82:
                return authentication.external(command, session)
            case 0x84:
                return authentication.challenge(session)
            case 0x86:
                return authentication.general(command, session)
            case 0x88:
                return authentication.internal(command, session)
        return Reply(apdu.INS_NOT_SUPPORTED)


def _complete(data: bytes) -> bool:
    """Is nothing missing at the end of these data objects? What is broken otherwise, more bytes cannot mend."""
    try:
        der.split(data)
    except der.CutShort:
        return False
    except der.BadEncoding:
        pass
    return True
