"""A terminal of the tests' own: PACE with generic mapping and AES secure messaging (ICAO Doc 9303-11, 4.4 and 9.8).

Written from the standard with library calls only (points by OpenSSL's named curve where it can), sharing nothing with
the card side and nothing with the product's reader, so that neither can hide a mistake of the other.
"""

import hashlib
import secrets
from collections.abc import Callable

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC

PRIME = int("A9FB57DBA1EEA9BC3E660A909D838D726E3BF623D52620282013481D1F6E5377", 16)
A = int("7D5A0975FC2C3057EEF67530417AFFE7FB8055C126DC5C6CE94A4B44F330B5D9", 16)
ORDER = int("A9FB57DBA1EEA9BC3E660A909D838D718C397AA3B561A6F7901E0E82974856A7", 16)
BASE = (
    int("8BD2AEB9CB7E57CB2C4B482FFC81B7AFB9DE27E1E3BD23C23A4453BD9ACE3262", 16),
    int("547EF835C3DAC4FD97F8461A14611DC9C27745132DED8E545C1D54C72F046997", 16),
)
PACE_OID = bytes.fromhex("04007F00070202040202")
CA_OID = bytes.fromhex("04007F00070202030202")

Transmit = Callable[[bytes], bytes]
Affine = tuple[int, int] | None


class Refused(Exception):
    """A status word other than 9000."""

    def __init__(self, status: int) -> None:
        super().__init__(f"{status:04X}")
        self.status = status


def plus(left: Affine, right: Affine) -> Affine:
    if left is None or right is None:
        return left or right
    if left[0] == right[0]:
        if (left[1] + right[1]) % PRIME == 0:
            return None
        slope = (3 * left[0] ** 2 + A) * pow(2 * left[1], -1, PRIME) % PRIME
    else:
        slope = (right[1] - left[1]) * pow(right[0] - left[0], -1, PRIME) % PRIME
    x = (slope * slope - left[0] - right[0]) % PRIME
    return x, (slope * (left[0] - x) - left[1]) % PRIME


def times(scalar: int, point: Affine) -> Affine:
    result: Affine = None
    while scalar:
        if scalar & 1:
            result = plus(result, point)
        point, scalar = plus(point, point), scalar >> 1
    return result


def octets(point: Affine) -> bytes:
    assert point is not None
    return b"\x04" + point[0].to_bytes(32, "big") + point[1].to_bytes(32, "big")


def point(data: bytes) -> Affine:
    assert len(data) == 65
    assert data[0] == 4
    return int.from_bytes(data[1:33], "big"), int.from_bytes(data[33:], "big")


def kdf(secret: bytes, counter: int) -> bytes:
    return hashlib.sha1(secret + bytes([0, 0, 0, counter]), usedforsecurity=False).digest()[:16]


def cbc(key: bytes, iv: bytes) -> Cipher:
    return Cipher(algorithms.AES(key), modes.CBC(iv))


def cmac(key: bytes, data: bytes) -> bytes:
    engine = CMAC(algorithms.AES(key))
    engine.update(data)
    return engine.finalize()[:8]


def padded(data: bytes) -> bytes:
    data += b"\x80"
    return data + bytes(-len(data) % 16)


def wrapped(tag: bytes, value: bytes) -> bytes:
    size = len(value)
    if size < 128:
        return tag + bytes([size]) + value
    if size < 256:
        return tag + bytes([0x81, size]) + value
    return tag + b"\x82" + size.to_bytes(2, "big") + value


def unwrapped(data: bytes, tag: int) -> bytes:
    """The value of the first object, which must have this one-byte tag."""
    assert data[0] == tag, f"{data[0]:02X}"
    if data[1] < 128:
        return data[2 : 2 + data[1]]
    count = data[1] & 0x7F
    size = int.from_bytes(data[2 : 2 + count], "big")
    return data[2 + count : 2 + count + size]


class Terminal:
    """Asks one card."""

    def __init__(self, transmit: Transmit) -> None:
        self.transmit = transmit
        self.encryption_key = self.mac_key = b""
        self.counter = 0

    def plain(self, command: str | bytes) -> bytes:
        """Send in the clear; raises Refused."""
        answer = self.transmit(bytes.fromhex(command) if isinstance(command, str) else command)
        status = int.from_bytes(answer[-2:], "big")
        if status != 0x9000:
            raise Refused(status)
        return answer[:-2]

    def pace(self, password_key: bytes, reference: int = 2) -> None:
        """Open the card. `password_key` from `can_key` or `mrz_key`."""
        parameters = wrapped(b"\x80", PACE_OID) + wrapped(b"\x83", bytes([reference]))
        self.plain(b"\x00\x22\xc1\xa4" + bytes([len(parameters)]) + parameters)
        hidden = unwrapped(self._authenticate(b"", 0x10), 0x80)
        nonce = cbc(password_key, bytes(16)).decryptor().update(hidden)
        first = secrets.randbelow(ORDER - 1) + 1
        theirs = point(unwrapped(self._authenticate(wrapped(b"\x81", octets(times(first, BASE))), 0x10), 0x82))
        mapped = plus(times(int.from_bytes(nonce, "big"), BASE), times(first, theirs))
        second = secrets.randbelow(ORDER - 1) + 1
        own = octets(times(second, mapped))
        their_public = unwrapped(self._authenticate(wrapped(b"\x83", own), 0x10), 0x84)
        shared = times(second, point(their_public))
        assert shared is not None
        self._agree(shared[0].to_bytes(32, "big"))
        proof = unwrapped(self._authenticate(wrapped(b"\x85", self._token(their_public)), 0x00), 0x86)
        assert proof == self._token(own), "the card's own token is wrong"

    def chip_authentication(self, public: bytes) -> None:
        """Agree on new keys with the chip's static key."""
        self.secured(b"\x0c\x22\x41\xa4", wrapped(b"\x80", CA_OID))
        scalar = secrets.randbelow(ORDER - 1) + 1
        data = wrapped(b"\x7c", wrapped(b"\x80", octets(times(scalar, BASE))))
        assert self.secured(b"\x0c\x86\x00\x00", data, 256) == b"\x7c\x00"
        shared = times(scalar, point(public))
        assert shared is not None
        self._agree(shared[0].to_bytes(32, "big"))

    def secured(self, header: bytes, data: bytes = b"", expected: int | None = None) -> bytes:
        """Send one protected command; raises Refused with the protected status word."""
        status, plain = self.exchange(header, data, expected)
        if status != 0x9000:
            raise Refused(status)
        return plain

    def exchange(self, header: bytes, data: bytes = b"", expected: int | None = None) -> tuple[int, bytes]:
        """One protected command: (status word, data). Raises Refused for an answer in the clear."""
        self.counter += 1
        objects = b""
        if data:
            ciphertext = cbc(self.encryption_key, self._iv()).encryptor().update(padded(data))
            objects += wrapped(b"\x85", ciphertext) if header[1] & 1 else wrapped(b"\x87", b"\x01" + ciphertext)
        if expected is not None:
            le = bytes([expected & 0xFF]) if expected <= 256 else (expected & 0xFFFF).to_bytes(2, "big")
            objects += wrapped(b"\x97", le)
        checked = padded(header) + (padded(objects) if objects else b"")
        body = objects + wrapped(b"\x8e", cmac(self.mac_key, self.counter.to_bytes(16, "big") + checked))
        if expected is not None and expected > 256:
            command = header + b"\x00" + len(body).to_bytes(2, "big") + body + b"\x00\x00"
        else:
            command = header + bytes([len(body)]) + body + b"\x00"
        return self._opened(self.transmit(command))

    def _opened(self, answer: bytes) -> tuple[int, bytes]:
        objects, status = answer[:-2], int.from_bytes(answer[-2:], "big")
        if not objects:
            raise Refused(status)
        self.counter += 1
        covered, checksum = objects[:-10], objects[-8:]
        assert objects[-10:-8] == b"\x8e\x08"
        wanted = cmac(self.mac_key, self.counter.to_bytes(16, "big") + padded(covered))
        assert checksum == wanted, "wrong MAC"
        assert covered[-4:-2] == b"\x99\x02"
        assert int.from_bytes(covered[-2:], "big") == status
        if len(covered) == 4:
            return status, b""
        hidden = unwrapped(covered, covered[0])
        if covered[0] == 0x87:
            assert hidden[0] == 1
            hidden = hidden[1:]
        plain = cbc(self.encryption_key, self._iv()).decryptor().update(hidden).rstrip(b"\x00")
        assert plain.endswith(b"\x80")
        return status, plain[:-1]

    def select_applet(self) -> None:
        self.secured(b"\x0c\xa4\x04\x0c", bytes.fromhex("A0000002471001"))

    def read(self, file: int, block: int = 223) -> bytes:
        """A whole file: select it, then blocks until the card says that it ends."""
        self.secured(b"\x0c\xa4\x02\x0c", file.to_bytes(2, "big"))
        content = b""
        while True:
            status, piece = self.exchange(b"\x0c\xb0" + len(content).to_bytes(2, "big"), b"", block)
            if status not in (0x9000, 0x6282):
                raise Refused(status)
            content += piece
            if status == 0x6282 or len(piece) < block:
                return content

    def _authenticate(self, data: bytes, cla: int) -> bytes:
        body = wrapped(b"\x7c", data)
        return unwrapped(self.plain(bytes([cla, 0x86, 0, 0, len(body)]) + body + b"\x00"), 0x7C)

    def _agree(self, secret: bytes) -> None:
        self.encryption_key, self.mac_key, self.counter = kdf(secret, 1), kdf(secret, 2), 0

    def _token(self, public: bytes) -> bytes:
        return cmac(self.mac_key, wrapped(b"\x7f\x49", wrapped(b"\x06", PACE_OID) + wrapped(b"\x86", public)))

    def _iv(self) -> bytes:
        block = Cipher(algorithms.AES(self.encryption_key), modes.ECB()).encryptor()  # noqa: S305  # one block
        return block.update(self.counter.to_bytes(16, "big"))


def can_key(can: str) -> bytes:
    return kdf(can.encode(), 3)


def mrz_key(information: str) -> bytes:
    return kdf(hashlib.sha1(information.encode(), usedforsecurity=False).digest(), 3)
