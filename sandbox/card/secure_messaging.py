"""Secure messaging, card side (ICAO Doc 9303-11, 9.8): opens protected commands, seals replies; AES and 3DES."""

import hmac

from sandbox.card import apdu, der, keys
from sandbox.card.apdu import Command, Reply
from sandbox.card.image import CipherName

PROTECTED = 0x0C  # class bits: secure messaging, header authenticated (ISO/IEC 7816-4, 6)
PADDING_INDICATOR = b"\x01"


class Refused(Exception):
    """The protected command is not genuine; secure messaging is over. `status` is the answer in the clear."""

    def __init__(self, status: int) -> None:
        super().__init__(f"{status:04X}")
        self.status = status


class Channel:
    """One session: two keys and the send sequence counter, which both sides advance before every message."""

    def __init__(self, encryption_key: bytes, mac_key: bytes, cipher: CipherName = "AES-128", counter: int = 0) -> None:
        self._encryption_key = encryption_key
        self._mac_key = mac_key
        self._cipher = cipher
        self._block = keys.block_size(cipher)
        self._counter = counter

    def open(self, command: Command) -> Command:
        """Check and decrypt one command. Raises Refused when objects are missing or wrong."""
        self._advance()
        try:
            listed = der.split(command.data)
        except der.BadEncoding:
            raise Refused(apdu.SM_OBJECTS_WRONG) from None
        objects = dict(listed)
        checksum = objects.get(0x8E)
        if checksum is None or listed[-1][0] != 0x8E:
            raise Refused(apdu.SM_OBJECTS_MISSING)
        if len(objects) != len(listed) or not set(objects) <= {0x85, 0x87, 0x97, 0x8E}:
            raise Refused(apdu.SM_OBJECTS_WRONG)
        authenticated = command.data[: len(command.data) - len(der.tlv(0x8E, checksum))]
        covered = self._pad(command.header) + (self._pad(authenticated) if authenticated else b"")
        if not hmac.compare_digest(checksum, self._checksum(covered)):
            raise Refused(apdu.SM_OBJECTS_WRONG)
        expected, whole = _expected(objects.get(0x97))
        return Command(
            command.cla & ~PROTECTED,
            command.ins,
            command.p1,
            command.p2,
            data=self._decrypted(objects),
            expected=expected,
            whole=whole,
            extended=command.extended,
        )

    def seal(self, reply: Reply, odd_instruction: bool) -> Reply:
        """Encrypt and authenticate one reply (DO'87' or DO'85', DO'99', DO'8E')."""
        self._advance()
        objects = b""
        if reply.data:
            hidden = keys.encrypt(self._encryption_key, self._iv(), self._pad(reply.data), self._cipher)
            objects = der.tlv(0x85, hidden) if odd_instruction else der.tlv(0x87, PADDING_INDICATOR + hidden)
        objects += der.tlv(0x99, reply.status.to_bytes(2, "big"))
        return Reply(reply.status, objects + der.tlv(0x8E, self._checksum(self._pad(objects))))

    def room(self, sealed: int) -> int:
        """Most bytes of plain data whose sealed reply, status word aside, has at most `sealed` bytes."""
        # DO'99' takes 4 bytes and DO'8E' 10; the cryptogram's tag, length (2 bytes from 128 on) and indicator 3 or 4.
        rest = sealed - 14
        header = 3 if rest <= 130 else 4 if rest <= 259 else 5
        return max((rest - header) // self._block * self._block - 1, 0)

    def _decrypted(self, objects: dict[int, bytes]) -> bytes:
        hidden = objects.get(0x85)
        if 0x87 in objects:
            indicator, hidden = objects[0x87][:1], objects[0x87][1:]
            if indicator != PADDING_INDICATOR:
                raise Refused(apdu.SM_OBJECTS_WRONG)
        if hidden is None:
            return b""
        if not hidden or len(hidden) % self._block:
            raise Refused(apdu.SM_OBJECTS_WRONG)
        plain = keys.unpad(keys.decrypt(self._encryption_key, self._iv(), hidden, self._cipher))
        if plain is None:
            raise Refused(apdu.SM_OBJECTS_WRONG)
        return plain

    def _advance(self) -> None:
        self._counter = (self._counter + 1) % (1 << 8 * self._block)

    def _checksum(self, padded: bytes) -> bytes:
        return keys.mac(self._mac_key, self._counter.to_bytes(self._block, "big") + padded, self._cipher)

    def _pad(self, data: bytes) -> bytes:
        return keys.pad(data, self._block)

    def _iv(self) -> bytes:
        if self._cipher == "3DES":
            return bytes(self._block)
        return keys.encrypt_block(self._encryption_key, self._counter.to_bytes(self._block, "big"))


def _expected(le: bytes | None) -> tuple[int, bool]:
    if le is None:
        return 0, False
    if len(le) not in (1, 2):
        raise Refused(apdu.SM_OBJECTS_WRONG)
    number = int.from_bytes(le, "big")
    return number or 256 ** len(le), number == 0
