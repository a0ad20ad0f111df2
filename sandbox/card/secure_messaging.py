"""Secure messaging with AES, card side (ICAO Doc 9303-11, 9.8): opens protected commands, seals replies."""

import hmac

from sandbox.card import apdu, der, keys
from sandbox.card.apdu import Command, Reply

PROTECTED = 0x0C  # class bits: secure messaging, header authenticated (ISO/IEC 7816-4, 6)
PADDING_INDICATOR = b"\x01"


class Refused(Exception):
    """The protected command is not genuine; secure messaging is over. `status` is the answer in the clear."""

    def __init__(self, status: int) -> None:
        super().__init__(f"{status:04X}")
        self.status = status


class Channel:
    """One session: two keys and the send sequence counter, which both sides advance before every message."""

    def __init__(self, encryption_key: bytes, mac_key: bytes) -> None:
        self._encryption_key = encryption_key
        self._mac_key = mac_key
        self._counter = 0

    def open(self, command: Command) -> Command:
        """Check and decrypt one command. Raises Refused when objects are missing or wrong."""
        self._counter += 1
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
        covered = keys.pad(command.header) + (keys.pad(authenticated) if authenticated else b"")
        if not hmac.compare_digest(checksum, keys.mac(self._mac_key, self._ssc() + covered)):
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
        self._counter += 1
        objects = b""
        if reply.data:
            hidden = keys.encrypt(self._encryption_key, self._iv(), keys.pad(reply.data))
            objects = der.tlv(0x85, hidden) if odd_instruction else der.tlv(0x87, PADDING_INDICATOR + hidden)
        objects += der.tlv(0x99, reply.status.to_bytes(2, "big"))
        checksum = keys.mac(self._mac_key, self._ssc() + keys.pad(objects))
        return Reply(reply.status, objects + der.tlv(0x8E, checksum))

    def _decrypted(self, objects: dict[int, bytes]) -> bytes:
        hidden = objects.get(0x85)
        if 0x87 in objects:
            indicator, hidden = objects[0x87][:1], objects[0x87][1:]
            if indicator != PADDING_INDICATOR:
                raise Refused(apdu.SM_OBJECTS_WRONG)
        if hidden is None:
            return b""
        if not hidden or len(hidden) % keys.BLOCK:
            raise Refused(apdu.SM_OBJECTS_WRONG)
        plain = keys.unpad(keys.decrypt(self._encryption_key, self._iv(), hidden))
        if plain is None:
            raise Refused(apdu.SM_OBJECTS_WRONG)
        return plain

    def _ssc(self) -> bytes:
        return self._counter.to_bytes(keys.BLOCK, "big")

    def _iv(self) -> bytes:
        return keys.encrypt_block(self._encryption_key, self._ssc())


def _expected(le: bytes | None) -> tuple[int, bool]:
    if le is None:
        return 0, False
    if len(le) not in (1, 2):
        raise Refused(apdu.SM_OBJECTS_WRONG)
    number = int.from_bytes(le, "big")
    return number or 256 ** len(le), number == 0
