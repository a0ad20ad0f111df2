"""The card's side of secure messaging, written from the standards one block at a time (ICAO Doc 9303-11, 9.8; ISO/IEC
9797-1, MAC algorithm 3; RFC 4493). Shares no code with the reader or the sandbox card, so that a misreading of the
standard in either does not show as agreement here.
"""

from collections.abc import Callable
from dataclasses import dataclass

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

Block = Callable[[bytes], bytes]


def xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))


def blocks(data: bytes, size: int) -> list[bytes]:
    assert len(data) % size == 0
    return [data[at : at + size] for at in range(0, len(data), size)]


def padded(data: bytes, size: int) -> bytes:
    data += b"\x80"
    while len(data) % size:
        data += b"\x00"
    return data


def one_block(algorithm) -> tuple[Block, Block]:
    ecb = Cipher(algorithm, modes.ECB())  # noqa: S305
    return (lambda block: ecb.encryptor().update(block)), (lambda block: ecb.decryptor().update(block))


class TripleDesPaper:
    """3DES in CBC with a zero vector; the MAC single DES but for its last block."""

    size = 8

    def __init__(self, encryption_key: bytes, mac_key: bytes) -> None:
        self.encipher, self.decipher = one_block(TripleDES(encryption_key + encryption_key[:8]))
        self.first, self.second = one_block(TripleDES(mac_key[:8] * 3)), one_block(TripleDES(mac_key[8:] * 3))

    def vector(self, _: bytes) -> bytes:
        return bytes(8)

    def mac(self, message: bytes) -> bytes:
        state = bytes(8)
        for block in blocks(padded(message, 8), 8):
            state = self.first[0](xor(state, block))
        return self.first[0](self.second[1](state))


class AesPaper:
    """AES in CBC with the enciphered counter as vector; CMAC by its own definition."""

    size = 16

    def __init__(self, encryption_key: bytes, mac_key: bytes) -> None:
        self.encipher, self.decipher = one_block(algorithms.AES(encryption_key))
        self.mac_block, _ = one_block(algorithms.AES(mac_key))

    def vector(self, counter: bytes) -> bytes:
        return self.encipher(counter)

    def mac(self, message: bytes) -> bytes:
        # Doc 9303-11 has the message padded before CMAC sees it, so that the last block is always whole.
        subkey = int.from_bytes(self.mac_block(bytes(16)), "big") << 1
        if subkey >> 128:
            subkey = (subkey & ((1 << 128) - 1)) ^ 0x87
        *most, last = blocks(padded(message, 16), 16)
        state = bytes(16)
        for block in [*most, xor(last, subkey.to_bytes(16, "big"))]:
            state = self.mac_block(xor(state, block))
        return state[:8]


@dataclass(frozen=True)
class Seen:
    """A command as the card understood it, and how its outside looked."""

    header: bytes
    data: bytes
    le: int | None
    extended: bool
    outer_le: int


class PaperCard:
    """Opens protected commands, keeps what it saw, and answers with `answer(seen)`: data objects and status, or bytes.

    `answer` gives (data, status) to be sealed as DO'87' (DO'85' where the instruction is odd), or raw data objects to
    be sealed as they are.
    """

    def __init__(self, paper: TripleDesPaper | AesPaper, counter: int, answer: Callable[[Seen], object]) -> None:
        self.paper = paper
        self.counter = counter
        self.answer = answer
        self.seen: list[Seen] = []
        self._pending: bytes | None = None  # the reply's counter, once its cryptogram is made

    def transmit(self, raw: bytes) -> bytes:
        """The whole reply, with its status word outside too."""
        seen = self.opened(raw)
        self.seen.append(seen)
        said = self.answer(seen)
        if isinstance(said, bytes):
            return self.sealed(said) + b"\x90\x00"
        data, status = said
        objects = b""
        if data:
            hidden = self.hidden(data)
            objects = self.object(0x85, hidden) if seen.header[1] & 1 else self.object(0x87, b"\x01" + hidden)
        return self.sealed(objects + b"\x99\x02" + status) + status

    def step(self) -> bytes:
        self.counter = (self.counter + 1) % (1 << 8 * self.paper.size)
        return self.counter.to_bytes(self.paper.size, "big")

    def opened(self, raw: bytes) -> Seen:
        counter = self.step()
        header, rest = raw[:4], raw[4:]
        assert header[0] & 0x0C == 0x0C
        extended = rest[0] == 0
        if extended:
            length, rest = int.from_bytes(rest[1:3], "big"), rest[3:]
            outer = int.from_bytes(rest[length:], "big") or 65536
            assert len(rest) == length + 2
        else:
            length, rest = rest[0], rest[1:]
            outer = rest[length] or 256
            assert len(rest) == length + 1
        objects, mac = rest[: length - 10], rest[length - 10 : length]
        assert mac[:2] == b"\x8e\x08"
        covered = counter + padded(header, self.paper.size) + objects
        if not objects:
            covered = counter + header  # header alone: the padding that ends the message is its padding
        assert mac[2:] == self.paper.mac(covered), "wrong checksum"
        data, le = b"", None
        while objects:
            tag, value, objects = self.taken(objects)
            if tag == 0x97:
                le = int.from_bytes(value, "big") or 256 ** len(value)
                continue
            assert tag == (0x85 if header[1] & 1 else 0x87)
            if tag == 0x87:
                assert value[0] == 1
                value = value[1:]
            data = self.revealed(counter, value)
        return Seen(bytes([header[0] & 0xF3]) + header[1:], data, le, extended, outer)

    def sealed(self, objects: bytes) -> bytes:
        """Data objects with their checksum."""
        counter = self._pending or self.step()
        self._pending = None
        return objects + b"\x8e\x08" + self.paper.mac(counter + objects)

    def hidden(self, data: bytes) -> bytes:
        """The cryptogram of the reply."""
        return self.enciphered(padded(data, self.paper.size))

    def enciphered(self, whole_blocks: bytes) -> bytes:
        self._pending = self._pending or self.step()
        state, out = self.paper.vector(self._pending), b""
        for block in blocks(whole_blocks, self.paper.size):
            state = self.paper.encipher(xor(state, block))
            out += state
        return out

    def revealed(self, counter: bytes, cryptogram: bytes) -> bytes:
        state, out = self.paper.vector(counter), b""
        for block in blocks(cryptogram, self.paper.size):
            out += xor(state, self.paper.decipher(block))
            state = block
        while out[-1] == 0:
            out = out[:-1]
        assert out[-1] == 0x80
        return out[:-1]

    @staticmethod
    def object(tag: int, value: bytes) -> bytes:
        size = len(value)
        if size < 0x80:
            return bytes([tag, size]) + value
        if size < 0x100:
            return bytes([tag, 0x81, size]) + value
        return bytes([tag, 0x82, size >> 8, size & 0xFF]) + value

    @staticmethod
    def taken(data: bytes) -> tuple[int, bytes, bytes]:
        tag, size, at = data[0], data[1], 2
        if size & 0x80:
            count = size & 0x7F
            size, at = int.from_bytes(data[2 : 2 + count], "big"), 2 + count
        assert at + size <= len(data)
        return tag, data[at : at + size], data[at + size :]
