"""Secure messaging (ICAO Doc 9303-11, 9.8): every command and answer encrypted and authenticated.

A reply without its cryptographic checksum ends the session: nothing is ever sent or believed in the clear
afterwards. The cipher is an object of its own, so that another one moves nothing here. Must not know any file.
"""

import hmac
from typing import Protocol

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC

from reader.chip import tlv
from reader.chip.apdu import SHORT_LE_MAX, Command, Response
from reader.chip.channel import Sender
from reader.errors import CardBroken

PADDED_CONTENT = b"\x01"  # padding-content indicator: ISO/IEC 9797-1 method 2 follows
CHECKSUM_SIZE = 8


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


def aes_checksum(key: bytes, message: bytes) -> bytes:
    """AES-CMAC cut to eight bytes (Doc 9303-11, 9.8.7.2)."""
    mac = CMAC(algorithms.AES(key))
    mac.update(message)
    return mac.finalize()[:CHECKSUM_SIZE]


class AesSuite:
    """AES-CBC and AES-CMAC (Doc 9303-11, 9.8.6.1 and 9.8.7.2); the key size follows from the keys."""

    block_size = 16

    def __init__(self, encryption_key: bytes, checksum_key: bytes) -> None:
        self._algorithm = algorithms.AES(encryption_key)
        self._checksum_key = checksum_key

    def _cbc(self, counter: bytes) -> "Cipher[modes.CBC]":
        # The vector is the encrypted counter; ECB of one block is how the standard defines it.
        one_block = Cipher(self._algorithm, modes.ECB()).encryptor()  # noqa: S305
        return Cipher(self._algorithm, modes.CBC(one_block.update(counter) + one_block.finalize()))

    def encrypt(self, counter: bytes, padded: bytes) -> bytes:
        run = self._cbc(counter).encryptor()
        return run.update(padded) + run.finalize()

    def decrypt(self, counter: bytes, ciphertext: bytes) -> bytes:
        run = self._cbc(counter).decryptor()
        return run.update(ciphertext) + run.finalize()

    def checksum(self, padded: bytes) -> bytes:
        return aes_checksum(self._checksum_key, padded)


def pad(data: bytes, block_size: int) -> bytes:
    """ISO/IEC 9797-1 padding method 2."""
    return data + b"\x80" + b"\0" * (-(len(data) + 1) % block_size)


def unpad(data: bytes) -> bytes:
    """Reverse `pad`. Raises CardBroken."""
    stripped = data.rstrip(b"\0")
    if not stripped.endswith(b"\x80"):
        raise CardBroken(where="secure_messaging.padding")
    return stripped[:-1]


class SecureChannel:
    """Commands under secure messaging over a plain channel. After any failure it is dead for good."""

    def __init__(self, channel: Sender, suite: Suite) -> None:
        self._channel = channel
        self._suite = suite
        self._count = 0
        self._dead = False

    def send(self, command: Command) -> Response:
        """Protect, send, verify, open. The status word returned is the protected one.

        Raises LeftSecureMessaging (a reply in the clear), CardBroken (checksum, padding or structure wrong), and
        what the channel raises.
        """
        if self._dead:
            raise CardBroken(where="secure_messaging.dead")
        self._dead = True
        response = self._channel.send(self._protect(command))
        opened = self._open(response, odd=bool(command.ins & 1))
        self._dead = False
        return opened

    def _step(self) -> bytes:
        """Advance the send sequence counter (Doc 9303-11, 9.8.3) and give it as one block."""
        self._count += 1
        return self._count.to_bytes(self._suite.block_size, "big")

    def _protect(self, command: Command) -> Command:
        counter = self._step()
        block = self._suite.block_size
        objects = b""
        if command.data:
            ciphertext = self._suite.encrypt(counter, pad(command.data, block))
            objects += (
                tlv.encode(0x85, ciphertext) if command.ins & 1 else tlv.encode(0x87, PADDED_CONTENT + ciphertext)
            )
        if command.le is not None:
            size = 1 if command.le <= SHORT_LE_MAX else 2
            objects += tlv.encode(0x97, (command.le & ((1 << 8 * size) - 1)).to_bytes(size, "big"))
        header = bytes([command.cla | 0x0C]) + command.header[1:]
        checksum = self._suite.checksum(pad(counter + pad(header, block) + objects, block))
        objects += tlv.encode(0x8E, checksum)
        extended = len(objects) > 0xFF or (command.le or 0) > SHORT_LE_MAX
        return Command(
            command.cla | 0x0C, command.ins, command.p1, command.p2, objects, 65536 if extended else SHORT_LE_MAX
        )

    def _open(self, response: Response, odd: bool) -> Response:
        if not response.data:
            raise LeftSecureMessaging(response.sw)
        counter = self._step()
        where = "secure_messaging.reply"
        nodes = tlv.read_all(response.data, where)
        tags = [node.tag for node in nodes]
        if tags not in ([0x99, 0x8E], [0x87, 0x99, 0x8E], [0x85, 0x99, 0x8E]):
            raise CardBroken(where=where)
        covered = b"".join(node.encoded for node in nodes[:-1])
        expected = self._suite.checksum(pad(counter + covered, self._suite.block_size))
        if not hmac.compare_digest(expected, nodes[-1].value):
            raise CardBroken(where="secure_messaging.checksum")
        status = nodes[-2].value
        if len(status) != 2:
            raise CardBroken(where=where)
        data = self._decrypt(counter, nodes[0]) if len(nodes) == 3 else b""
        if len(nodes) == 3 and odd != (nodes[0].tag == 0x85):
            raise CardBroken(where=where)
        return Response(data, int.from_bytes(status, "big"))

    def _decrypt(self, counter: bytes, node: tlv.Node) -> bytes:
        ciphertext = node.value
        if node.tag == 0x87:
            if not ciphertext.startswith(PADDED_CONTENT):
                raise CardBroken(where="secure_messaging.padding")
            ciphertext = ciphertext[1:]
        if not ciphertext:
            return b""
        if len(ciphertext) % self._suite.block_size:
            raise CardBroken(where="secure_messaging.length")
        return unpad(self._suite.decrypt(counter, ciphertext))
