"""Commands that prove something: PACE, BAC, chip authentication, active authentication (ICAO Doc 9303-11, 4 and 6)."""

import time
from collections.abc import Callable

from sandbox.card import apdu, bac, der, groups, identifiers, keys, pace, proofs
from sandbox.card.apdu import Command, Reply
from sandbox.card.groups import BadElement
from sandbox.card.image import CardImage, ChipKey, CipherName, EcdsaKey, Pace, RsaKey
from sandbox.card.quirks import Quirks
from sandbox.card.secure_messaging import Channel
from sandbox.card.session import InTheClear, Session

SET_PACE, SET_CHIP_AUTHENTICATION, SET_KEY_AGREEMENT = 0xC1A4, 0x41A4, 0x41A6


class Authentication:
    """The secrets of one card, and how often somebody guessed wrong: the one thing that outlives a session."""

    def __init__(
        self,
        card: CardImage,
        quirks: Quirks,
        random: pace.Random,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._card = card
        self._quirks = quirks
        self._random = random
        self._sleep = sleep
        self._wrong_keys = 0

    def manage(self, command: Command, session: Session) -> Reply:
        """MSE:Set AT (PACE, chip authentication) and MSE:Set KAT (chip authentication with 3DES)."""
        session.exchange, session.chip_key = None, None
        if self._quirks.no_le_on_select and command.expected:
            return Reply(apdu.WRONG_LENGTH)
        try:
            objects = dict(der.split(command.data))
        except (ValueError, IndexError):
            return Reply(apdu.WRONG_DATA)
        match command.p1p2:
            case place if place == SET_PACE:
                return self._choose_pace(objects, session)
            case place if place == SET_CHIP_AUTHENTICATION:
                return self._choose_chip_authentication(objects, session)
            case place if place == SET_KEY_AGREEMENT:
                return self._agree_at_once(objects, session)
        return Reply(apdu.WRONG_P1_P2)

    def general(self, command: Command, session: Session) -> Reply:
        """GENERAL AUTHENTICATE: the next step of PACE, or the terminal's key for chip authentication."""
        if session.chip_key is not None:
            return self._agree(command, session)
        if session.exchange is None:
            return Reply(apdu.CONDITIONS_NOT_SATISFIED)
        exchange = session.exchange
        try:
            reply = exchange.step(command.data)
        except pace.PaceFailed as failed:
            session.exchange = None
            return Reply(self._wrong_key() if failed.wrong_key else failed.status)
        if exchange.channel is not None:
            self._wrong_keys = 0
            session.channel, session.exchange = exchange.channel, None
        if self._quirks.pace_mirrors_keys and exchange.steps in ((3,) if exchange.offer.mapping == "IM" else (2, 3)):
            return Reply(apdu.OK, _answered_with_itself(command.data))
        instead = self._quirks.pace_replies.get(exchange.steps)
        return reply if instead is None else Reply(apdu.OK, instead)

    def challenge(self, session: Session) -> Reply:
        """GET CHALLENGE, with which basic access control begins."""
        if self._quirks.bac_refused is not None:
            return Reply(self._quirks.bac_refused)
        if not self._card.access.bac:
            return Reply(apdu.INS_NOT_SUPPORTED)
        if not session.applet or session.channel is not None:
            return Reply(apdu.CONDITIONS_NOT_SATISFIED)
        self._wait()
        if self._quirks.challenge is not None:
            session.challenge = self._quirks.challenge
        else:
            session.challenge = self._random(bac.CHALLENGE_SIZE)
        return Reply(apdu.OK, session.challenge)

    def external(self, command: Command, session: Session) -> Reply:
        """EXTERNAL AUTHENTICATE, with which basic access control ends."""
        if not self._card.access.bac:
            return Reply(apdu.INS_NOT_SUPPORTED)
        if session.challenge is None or session.channel is not None:
            return Reply(apdu.CONDITIONS_NOT_SATISFIED)
        if self._blocked():
            return Reply(apdu.BLOCKED)
        challenge, session.challenge = session.challenge, None
        try:
            answer, channel = bac.authenticate(self._card.mrz_information, challenge, command.data, self._random)
        except bac.WrongKey:
            return Reply(self._wrong_key())
        self._wrong_keys = 0
        session.channel = channel
        return Reply(apdu.OK, answer)

    def internal(self, command: Command, session: Session) -> Reply:
        """INTERNAL AUTHENTICATE: active authentication."""
        key = self._active_key()
        if session.channel is None:
            return Reply(apdu.SECURITY_STATUS)
        if key is None:
            return Reply(apdu.INS_NOT_SUPPORTED)
        if self._quirks.active_authentication_refused is not None:
            return Reply(self._quirks.active_authentication_refused)
        if len(command.data) != proofs.CHALLENGE_SIZE:
            return Reply(apdu.WRONG_LENGTH)
        return Reply(apdu.OK, proofs.sign(key, command.data, self._random))

    # PACE

    def _choose_pace(self, objects: dict[int, bytes], session: Session) -> Reply:
        if self._quirks.pace_refused is not None:
            return Reply(self._quirks.pace_refused)
        if self._blocked():
            return Reply(apdu.BLOCKED)
        wanted, number = der.tlv(0x06, objects.get(0x80, b"")), objects.get(0x84)
        offers = [
            offer
            for offer in self._card.access.pace
            if der.oid(identifiers.pace(offer)) == wanted and number in (None, bytes([offer.parameters]))
        ]
        if not offers:
            return Reply(apdu.WRONG_DATA)
        password_key = self._password_key(objects.get(0x83), offers[0].cipher)
        if password_key is None or len(offers) > 1:  # which domain parameters is not told (9303-11, 4.4.4.1)
            return Reply(apdu.REFERENCE_NOT_FOUND)
        self._wait()
        static = self._static_key(offers[0])
        session.exchange = pace.Exchange(offers[0], password_key, self._random, static, self._quirks.wrong_key_status)
        return Reply(apdu.OK)

    def _password_key(self, reference: bytes | None, cipher: CipherName) -> bytes | None:
        if reference == bytes([pace.CAN]) and self._card.can:
            return keys.can_key(self._card.can, cipher)
        if reference == bytes([pace.MRZ]):
            return keys.mrz_key(self._card.mrz_information, cipher)
        return None

    def _static_key(self, offer: Pace) -> int | None:
        if offer.mapping != "CAM":
            return None
        name = groups.by_number(offer.parameters).name
        usable = [key for key in self._card.chip_authentication if key.group == name]
        usable.sort(key=lambda key: len(key.ciphers))  # one that is there for nothing else goes first
        return self._private(usable[0]) if usable else None

    # Chip authentication

    def _choose_chip_authentication(self, objects: dict[int, bytes], session: Session) -> Reply:
        wanted = der.tlv(0x06, objects.get(0x80, b""))
        found = [
            (key, cipher)
            for key in self._card.chip_authentication
            for cipher in key.ciphers
            if der.oid(identifiers.chip_authentication(key.group, cipher)) == wanted
        ]
        chosen = self._chosen(found, objects, session)
        if isinstance(chosen, Reply):
            return chosen
        session.chip_key = chosen
        return Reply(apdu.OK)

    def _agree_at_once(self, objects: dict[int, bytes], session: Session) -> Reply:
        found: list[tuple[ChipKey, CipherName]] = [
            (key, "3DES") for key in self._card.chip_authentication if "3DES" in key.ciphers
        ]
        chosen = self._chosen(found, objects, session)
        if isinstance(chosen, Reply):
            return chosen
        channel = self._agreed(chosen, objects.get(0x91, b""))
        if channel is None:
            return Reply(apdu.WRONG_DATA)
        session.channel = channel
        return Reply(apdu.OK)

    def _chosen(
        self, found: list[tuple[ChipKey, CipherName]], objects: dict[int, bytes], session: Session
    ) -> tuple[ChipKey, CipherName] | Reply:
        """The one key that is meant, or why there is none."""
        refused = self._quirks.chip_authentication_refused
        if self._quirks.chip_authentication_ends_session:
            raise InTheClear(refused or apdu.SM_OBJECTS_WRONG, ends=True)
        if refused is not None:
            return Reply(refused)
        if session.channel is None:
            return Reply(apdu.SECURITY_STATUS)
        if not found:
            return Reply(apdu.WRONG_DATA)
        reference = objects.get(0x84)
        if reference is not None:
            named = int.from_bytes(reference, "big")
            found = [(key, cipher) for key, cipher in found if key.key_id == named]
        return found[0] if len(found) == 1 else Reply(apdu.REFERENCE_NOT_FOUND)

    def _agree(self, command: Command, session: Session) -> Reply:
        chosen, session.chip_key = session.chip_key, None
        try:
            ((tag, content),) = der.split(command.data)
            ((kind, theirs),) = der.split(content)
        except (ValueError, IndexError):
            return Reply(apdu.WRONG_DATA)
        channel = self._agreed(chosen, theirs) if chosen is not None and (tag, kind) == (0x7C, 0x80) else None
        if channel is None:
            return Reply(apdu.WRONG_DATA)
        # New session keys hold from the next command on; whoever seals this reply still holds the old channel.
        session.channel = channel
        return Reply(apdu.OK, der.tlv(0x7C, b""))

    def _agreed(self, chosen: tuple[ChipKey, CipherName], theirs: bytes) -> Channel | None:
        key, cipher = chosen
        try:
            return proofs.agree(key.group, self._private(key), cipher, theirs)
        except BadElement:
            return None

    # Secrets

    def _private(self, key: ChipKey) -> int:
        return int.from_bytes(key.private, "big") + (1 if self._quirks.cloned_chip_key else 0)

    def _active_key(self) -> RsaKey | EcdsaKey | None:
        key = self._card.active_authentication
        if key is None or not self._quirks.cloned_active_key:
            return key
        return proofs.other_key(key)

    # Wrong keys

    def _wrong_key(self) -> int:
        self._wrong_keys += 1
        tries = self._quirks.tries
        return self._quirks.wrong_key_status if tries is None else 0x63C0 | max(tries - self._wrong_keys, 0)

    def _blocked(self) -> bool:
        return self._quirks.tries is not None and self._wrong_keys >= self._quirks.tries

    def _wait(self) -> None:
        if self._quirks.wrong_key_delay_seconds and self._wrong_keys:
            self._sleep(self._quirks.wrong_key_delay_seconds * self._wrong_keys)


def _answered_with_itself(data: bytes) -> bytes:
    ((_, content),) = der.split(data)
    ((kind, value),) = der.split(content)
    return der.tlv(0x7C, der.tlv(kind + 1, value))
