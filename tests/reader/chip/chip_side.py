"""The chip's side of secure messaging, written from ICAO Doc 9303-11, 9.8, and ISO/IEC 7816-4 for the tests alone.

Nothing of the reader's is used but errors, so that the two sides check each other.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC

from reader.chip.channel import Meter, PlainChannel
from reader.curves import Curve


@dataclass(frozen=True)
class Plain:
    """A command as the chip's application sees it."""

    ins: int
    p1: int
    p2: int
    data: bytes
    le: int | None


@dataclass(frozen=True)
class Answer:
    """What the application answers; `keys` take over afterwards. `in_clear`: without secure messaging."""

    data: bytes = b""
    sw: int = 0x9000
    keys: "Keys | None" = None
    in_clear: bool = False


class Keys:
    """Two session keys and a counter. `aes`: the cipher, else two-key triple DES."""

    def __init__(self, aes: bool, encryption: bytes, checksum: bytes) -> None:
        self.block = 16 if aes else 8
        self._encryption, self._checksum = encryption, checksum
        self.counter = 0

    def step(self) -> None:
        self.counter += 1

    def _cbc(self) -> Cipher:
        if self.block == 16:
            once = Cipher(algorithms.AES(self._encryption), modes.ECB()).encryptor()  # noqa: S305
            vector = once.update(self.counter.to_bytes(16, "big")) + once.finalize()
            return Cipher(algorithms.AES(self._encryption), modes.CBC(vector))
        return Cipher(TripleDES(self._encryption + self._encryption[:8]), modes.CBC(bytes(8)))

    def encrypt(self, plain: bytes) -> bytes:
        run = self._cbc().encryptor()
        return run.update(self.padded(plain)) + run.finalize()

    def decrypt(self, blocks: bytes) -> bytes:
        run = self._cbc().decryptor()
        plain = (run.update(blocks) + run.finalize()).rstrip(b"\0")
        assert plain.endswith(b"\x80")
        return plain[:-1]

    def padded(self, data: bytes) -> bytes:
        data += b"\x80"
        return data + bytes(-len(data) % self.block)

    def checksum(self, message: bytes) -> bytes:
        message = self.padded(self.counter.to_bytes(self.block, "big") + message)
        if self.block == 16:
            mac = CMAC(algorithms.AES(self._checksum))
            mac.update(message)
            return mac.finalize()[:8]
        first, second = self._checksum[:8], self._checksum[8:]
        state = bytes(8)
        for at in range(0, len(message), 8):
            state = _des(first, bytes(a ^ b for a, b in zip(state, message[at : at + 8], strict=True)), encrypt=True)
        return _des(first, _des(second, state, encrypt=False), encrypt=True)


def _des(key: bytes, block: bytes, encrypt: bool) -> bytes:
    single = Cipher(TripleDES(key * 3), modes.ECB())  # noqa: S305
    run = single.encryptor() if encrypt else single.decryptor()
    return run.update(block) + run.finalize()


def wrapped(tag: int, value: bytes) -> bytes:
    size = len(value)
    if size < 0x80:
        return bytes((tag, size)) + value
    digits = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(digits))) + digits + value


def unwrapped(data: bytes) -> list[tuple[int, bytes, bytes]]:
    """Tag, value and whole encoding of each data object with a tag of one byte."""
    found = []
    while data:
        size, start = data[1], 2
        if size & 0x80:
            start = 2 + (size & 0x7F)
            size = int.from_bytes(data[2:start], "big")
        found.append((data[0], data[start : start + size], data[: start + size]))
        data = data[start + size :]
    return found


class Chip:
    """A chip in the middle of a session. `application` decides; `seen` is what it was asked, in plain."""

    def __init__(self, keys: Keys, application: Callable[[Plain], Answer], extended: bool = True) -> None:
        self.keys = keys
        self.seen: list[Plain] = []
        self.raw: list[bytes] = []
        self._application = application
        self._extended = extended
        self._chain = b""
        self._rest = b""

    def transmit(self, command: bytes) -> bytes:
        self.raw.append(command)
        cla, ins, p1, p2 = command[:4]
        if ins == 0xC0:
            return self._piece(command[4] or 256)
        assert cla & 0x0C == 0x0C
        body = command[4:]
        if body[0] == 0 and len(body) > 1:
            if not self._extended:
                return b"\x67\x00"
            size = int.from_bytes(body[1:3], "big")
            data = body[3 : 3 + size]
            room = 65536
        else:
            data = body[1 : 1 + body[0]]
            room = 256
        plain = self._open(bytes((cla, ins, p1, p2)), data)
        if cla & 0x10:
            self._chain += plain.data
            assert plain.le is None
            self._rest = self._protect(Answer(b"", 0x9000))
            return self._piece(room)
        plain, self._chain = replace(plain, data=self._chain + plain.data), b""
        self.seen.append(plain)
        answer = self._application(plain)
        if answer.in_clear:
            return answer.data + answer.sw.to_bytes(2, "big")
        self._rest = self._protect(answer)
        if answer.keys is not None:
            self.keys = answer.keys
        return self._piece(room)

    def _piece(self, room: int) -> bytes:
        piece, self._rest = self._rest[:room], self._rest[room:]
        if not self._rest:
            return piece + b"\x90\x00"
        return piece + bytes((0x61, min(len(self._rest), 256) & 0xFF))

    def _open(self, header: bytes, data: bytes) -> Plain:
        self.keys.step()
        objects = unwrapped(data)
        assert objects[-1][0] == 0x8E
        covered = b"".join(encoded for _, _, encoded in objects[:-1])
        message = self.keys.padded(header) + covered if covered else header
        if self.keys.checksum(message) != objects[-1][1]:
            raise WrongChecksum
        values = {tag: value for tag, value, _ in objects}
        plain = self.keys.decrypt(values[0x87][1:]) if 0x87 in values else b""
        le = None
        if 0x97 in values:
            le = int.from_bytes(values[0x97], "big") or 256 ** len(values[0x97])
        return Plain(header[1], header[2], header[3], plain, le)

    def _protect(self, answer: Answer) -> bytes:
        self.keys.step()
        objects = wrapped(0x87, b"\x01" + self.keys.encrypt(answer.data)) if answer.data else b""
        objects += wrapped(0x99, answer.sw.to_bytes(2, "big"))
        return objects + wrapped(0x8E, self.keys.checksum(objects))


class WrongChecksum(Exception):
    """What a real chip would answer with 6988."""


class Clone:
    """A chip that accepts everything and knows no new keys: any protected command ends in 6988."""

    def __init__(self, chip: Chip) -> None:
        self._chip = chip

    def transmit(self, command: bytes) -> bytes:
        try:
            return self._chip.transmit(command)
        except WrongChecksum:
            return b"\x69\x88"


def plain_channel(card: object, extended: bool = True) -> PlainChannel:
    return PlainChannel(card, Meter(clock=lambda: 0.0, deadline=1.0), extended)  # type: ignore[arg-type]


def agreed_on_curve(curve: Curve, private: int, public: bytes) -> bytes:
    """The chip's half of ECDH: inside the library where it has the curve, else by adding points in affine form."""
    size = (curve.p.bit_length() + 7) // 8
    if curve.library is not None:
        key = ec.derive_private_key(private, curve.library)
        return key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(curve.library, public))
    x, y = int.from_bytes(public[1 : 1 + size], "big"), int.from_bytes(public[1 + size :], "big")
    product = times(curve, private, (x, y))
    assert product is not None
    return product[0].to_bytes(size, "big")


def public_on_curve(curve: Curve, private: int) -> bytes:
    size = (curve.p.bit_length() + 7) // 8
    product = times(curve, private, (curve.g.x, curve.g.y))
    assert product is not None
    return b"\x04" + product[0].to_bytes(size, "big") + product[1].to_bytes(size, "big")


def times(curve: Curve, scalar: int, point: tuple[int, int]) -> tuple[int, int] | None:
    """Doubling and adding in affine coordinates, as schoolbooks have it."""
    total: tuple[int, int] | None = None
    for bit in bin(scalar)[2:]:
        total = _sum(curve, total, total)
        if bit == "1":
            total = _sum(curve, total, point)
    return total


def _sum(curve: Curve, left: tuple[int, int] | None, right: tuple[int, int] | None) -> tuple[int, int] | None:
    if left is None or right is None:
        return left or right
    p = curve.p
    if left[0] == right[0] and (left[1] + right[1]) % p == 0:
        return None
    if left == right:
        slope = (3 * left[0] ** 2 + curve.a) * pow(2 * left[1], -1, p) % p
    else:
        slope = (right[1] - left[1]) * pow(right[0] - left[0], -1, p) % p
    x = (slope * slope - left[0] - right[0]) % p
    return x, (slope * (left[0] - x) - left[1]) % p
