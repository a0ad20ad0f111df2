"""Secure messaging (ICAO Doc 9303-11, 9.8): every command and answer encrypted and authenticated.

A reply without its cryptographic checksum ends the session: nothing is ever sent or believed in the clear
afterwards, and no protected command is ever sent twice. The cipher is an object of its own, so that 3DES and AES
differ nowhere else. Must not know any file or access protocol.
"""

import hmac
from typing import Protocol

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import BlockCipherAlgorithm, algorithms, modes
from cryptography.hazmat.primitives.ciphers import Cipher as Run
from cryptography.hazmat.primitives.cmac import CMAC

from reader import tlv
from reader.chip.apdu import EXTENDED_LE_MAX, OK, SHORT_LE_MAX, Command, Response, chained
from reader.chip.channel import Sender
from reader.chip.key_derivation import Cipher
from reader.errors import CardBroken

PADDED_CONTENT = b"\x01"  # padding-content indicator: ISO/IEC 9797-1 method 2 follows
CHECKSUM_SIZE = 8
_PROTECTED = 0x0C  # class bits: secure messaging, header authenticated (ISO/IEC 7816-4, 5.1.1)
_STATUS_HEADER = b"\x99\x02"
_CHECKSUM_HEADER = b"\x8e\x08"
_TRAILER_SIZE = 14  # DO'99' of four bytes, DO'8E' of ten


class LeftSecureMessaging(CardBroken):
    """The card answered in the clear: the session is dead. `sw` is what it said; nobody vouches for it."""

    def __init__(self, sw: int) -> None:
        super().__init__(where="secure_messaging.left", sw=f"{sw:04X}")
        self.sw = sw


class Suite(Protocol):
    """A cipher and a checksum under the two session keys; the counter is one block."""

    block_size: int

    def encrypt(self, counter: bytes, padded: bytes) -> bytes:
        """Encrypt whole blocks under the initialisation vector that belongs to this counter."""
        ...

    def decrypt(self, counter: bytes, ciphertext: bytes) -> bytes:
        """Reverse `encrypt`."""
        ...

    def checksum(self, padded: bytes) -> bytes:
        """Eight bytes over whole blocks that begin with the counter."""
        ...


class AesSuite:
    """AES-CBC and AES-CMAC (Doc 9303-11, 9.8.7); the key size follows from the keys."""

    block_size = 16

    def __init__(self, encryption_key: bytes, checksum_key: bytes) -> None:
        self._algorithm = algorithms.AES(encryption_key)
        # The vector is the encrypted counter; ECB of one block is how the standard defines it.
        self._vectors = Run(self._algorithm, modes.ECB()).encryptor()  # noqa: S305
        self._keyed = CMAC(algorithms.AES(checksum_key))

    def encrypt(self, counter: bytes, padded: bytes) -> bytes:
        return Run(self._algorithm, modes.CBC(self._vectors.update(counter))).encryptor().update(padded)

    def decrypt(self, counter: bytes, ciphertext: bytes) -> bytes:
        return Run(self._algorithm, modes.CBC(self._vectors.update(counter))).decryptor().update(ciphertext)

    def checksum(self, padded: bytes) -> bytes:
        mac = self._keyed.copy()  # the key schedule and the subkeys are made once
        mac.update(padded)
        return mac.finalize()[:CHECKSUM_SIZE]


class TripleDesSuite:
    """3DES-CBC with a zero vector and the retail MAC (Doc 9303-11, 9.8.6); two keys of 16 bytes."""

    block_size = 8

    def __init__(self, encryption_key: bytes, checksum_key: bytes) -> None:
        self._cipher = Run(_two_keys(encryption_key), modes.CBC(bytes(8)))
        self._keyed = RetailMac(checksum_key)

    def encrypt(self, counter: bytes, padded: bytes) -> bytes:  # noqa: ARG002 (the counter is the checksum's alone)
        return self._cipher.encryptor().update(padded)

    def decrypt(self, counter: bytes, ciphertext: bytes) -> bytes:  # noqa: ARG002
        return self._cipher.decryptor().update(ciphertext)

    def checksum(self, padded: bytes) -> bytes:
        return self._keyed.of(padded)


class RetailMac:
    """ISO/IEC 9797-1 MAC algorithm 3 with DES: single DES in CBC over all blocks, the last one under both keys."""

    def __init__(self, key: bytes) -> None:
        # `cryptography` has no single DES; three times the same key is single DES.
        self._single = Run(TripleDES(key[:8] * 3), modes.CBC(bytes(8)))
        self._last = _two_keys(key)

    def of(self, padded: bytes) -> bytes:
        """The checksum, eight bytes, over whole blocks (at least one)."""
        chained = self._single.encryptor().update(padded[:-8])[-8:] or bytes(8)
        return Run(self._last, modes.CBC(chained)).encryptor().update(padded[-8:])


def _two_keys(key: bytes) -> BlockCipherAlgorithm:
    if len(key) != 16:
        raise ValueError("two-key triple DES takes 16 bytes")
    return TripleDES(key + key[:8])


def suite(cipher: Cipher, encryption_key: bytes, checksum_key: bytes) -> Suite:
    """The suite of this cipher. Raises ValueError when a key has another size than the cipher wants."""
    if cipher is Cipher.TDES:
        return TripleDesSuite(encryption_key, checksum_key)
    return AesSuite(encryption_key, checksum_key)


def token_checksum(cipher: Cipher, key: bytes, message: bytes) -> bytes:
    """Eight bytes over a message that is not padded yet, for authentication tokens (Doc 9303-11, 4.3.1 and 4.4.3.4).

    AES-CMAC cut to eight bytes, or the retail MAC after ISO/IEC 9797-1 padding method 2.
    """
    if cipher is Cipher.TDES:
        return RetailMac(key).of(pad(message, 8))
    mac = CMAC(algorithms.AES(key))
    mac.update(message)
    return mac.finalize()[:CHECKSUM_SIZE]


def pad(data: bytes, block_size: int) -> bytes:
    """ISO/IEC 9797-1 padding method 2."""
    return data + b"\x80" + bytes(-(len(data) + 1) % block_size)


def unpad(data: bytes) -> bytes:
    """Reverse `pad`. Raises CardBroken."""
    stripped = data.rstrip(b"\0")
    if not stripped.endswith(b"\x80"):
        raise CardBroken(where="secure_messaging.padding")
    return stripped[:-1]


def short_payload(block_size: int) -> int:
    """The most plain bytes that a protected short command carries, and as many a short reply: 223 AES, 231 3DES.

    Around whole blocks stand four bytes of DO'87' and fourteen of DO'99' and DO'8E' (a command: thirteen of DO'97'
    and DO'8E'), in 256 (255); one byte of the blocks is padding.
    """
    return (256 - 4 - _TRAILER_SIZE) // block_size * block_size - 1


class SecureChannel:
    """Commands under secure messaging over a plain channel. After any failure it is dead for good.

    `counter` is the send sequence counter as the access protocol leaves it: 0 after PACE and chip authentication,
    made of both nonces after BAC (Doc 9303-11, 9.8.3). `channel` is the plain channel underneath, `suite` the keys.
    """

    def __init__(self, channel: Sender, suite: Suite, counter: int = 0) -> None:
        self.channel = channel
        self.suite = suite
        self._count = counter
        self._dead = False

    def send(self, command: Command) -> Response:
        """Protect, send, verify, open. The status word returned is the protected one.

        Where the channel takes no extended length a long command goes out as a chain whose parts are protected one
        by one (ISO/IEC 7816-4, 5.3.3). Raises LeftSecureMessaging (a reply in the clear), CardBroken (checksum,
        padding or structure wrong), and what the channel raises.
        """
        *parts, last = self._chain(command)
        for part in parts:
            response = self._exchange(part)
            if response.sw != OK:
                return response
        return self._exchange(last)

    def _chain(self, command: Command) -> list[Command]:
        # Only the plain channel knows what the reader carries; whatever else stands in its place carries anything.
        if getattr(self.channel, "extended", True):
            return [command]
        return chained(command, short_payload(self.suite.block_size))

    def _exchange(self, command: Command) -> Response:
        if self._dead:
            raise CardBroken(where="secure_messaging.dead")
        self._dead = True
        response = self.channel.send(self._protect(command))
        opened = self._open(response)
        self._dead = False
        return opened

    def _step(self) -> bytes:
        """Advance the send sequence counter (Doc 9303-11, 9.8.3) and give it as one block; it may wrap around."""
        size = self.suite.block_size
        self._count = (self._count + 1) & ((1 << 8 * size) - 1)
        return self._count.to_bytes(size, "big")

    def _protect(self, command: Command) -> Command:
        counter = self._step()
        block = self.suite.block_size
        objects = b""
        if command.data:
            ciphertext = self.suite.encrypt(counter, pad(command.data, block))
            objects = tlv.encode(0x85, ciphertext) if command.ins & 1 else tlv.encode(0x87, PADDED_CONTENT + ciphertext)
        if command.le is not None:
            if command.le <= SHORT_LE_MAX:
                objects += bytes((0x97, 1, command.le & 0xFF))
            else:
                objects += b"\x97\x02" + (command.le & 0xFFFF).to_bytes(2, "big")
        cla = command.cla | _PROTECTED
        covered = counter + pad(bytes((cla, command.ins, command.p1, command.p2)), block)
        # Header and data objects are padded each; what is not there is not padded (ISO/IEC 7816-4, 10.2.3).
        checksum = self.suite.checksum(pad(covered + objects, block) if objects else covered)
        objects += _CHECKSUM_HEADER + checksum
        extended = len(objects) > 0xFF or (command.le or 0) > SHORT_LE_MAX
        le = EXTENDED_LE_MAX if extended else SHORT_LE_MAX
        return Command(cla, command.ins, command.p1, command.p2, objects, le)

    def _open(self, response: Response) -> Response:
        data = response.data
        trailer = data[-_TRAILER_SIZE:]
        if trailer[:2] != _STATUS_HEADER or trailer[4:6] != _CHECKSUM_HEADER:
            if not data or not _successful(response.sw):
                raise LeftSecureMessaging(response.sw)
            raise CardBroken(where="secure_messaging.reply")
        counter = self._step()
        expected = self.suite.checksum(pad(counter + data[:-10], self.suite.block_size))
        if not hmac.compare_digest(expected, trailer[6:]):
            raise CardBroken(where="secure_messaging.checksum")
        # The word outside is nobody's word: it is neither believed nor compared. Whoever could change it could as well
        # cut the line, and some cards always say 9000 there.
        status = int.from_bytes(trailer[2:4], "big")
        return Response(self._plain(counter, data[:-_TRAILER_SIZE]), status)

    def _plain(self, counter: bytes, covered: bytes) -> bytes:
        """What DO'87' or DO'85' holds; nothing where the card sent no data.

        The object itself says how its value is to be taken: a card that answers an odd instruction with DO'87', or an
        even one with DO'85', leaves nothing in doubt (Doc 9303-11, 9.8.4 has them the other way).
        """
        if not covered:
            return b""
        header = tlv.read_header(covered, "secure_messaging.reply")
        if header.tag not in (0x85, 0x87) or header.size + header.length != len(covered):
            raise CardBroken(where="secure_messaging.reply")
        ciphertext = covered[header.size :]
        if header.tag == 0x87:
            if not ciphertext.startswith(PADDED_CONTENT):
                raise CardBroken(where="secure_messaging.padding")
            ciphertext = ciphertext[1:]
        if not ciphertext:
            return b""
        if len(ciphertext) % self.suite.block_size:
            raise CardBroken(where="secure_messaging.length")
        return unpad(self.suite.decrypt(counter, ciphertext))


def _successful(sw: int) -> bool:
    return sw == OK or sw >> 8 in (0x61, 0x62, 0x63)
