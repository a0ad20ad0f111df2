"""Terminals of the tests' own for every protocol that the sandbox card speaks (ICAO Doc 9303-11, 4, 6 and 9.8).

Slow and plain on purpose: one function per formula of the standard, sharing nothing that computes with the card.
"""

import hashlib
import secrets
from collections.abc import Callable

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC

from sandbox.card.parameters import NAMES
from tests.sandbox.plain_groups import Affine, Integers, Points, group_named, scalar
from tests.support.terminal import Refused, padded, unwrapped, wrapped

PACE = "04007F0007020204"  # 0.4.0.127.0.7.2.2.4, the two last arcs follow
CHIP_AUTHENTICATION = "04007F0007020203"  # 0.4.0.127.0.7.2.2.3
AGREEMENTS = {"GM": (1, 2), "IM": (3, 4), "CAM": (6, 6)}  # the arc for DH, for ECDH
CIPHERS = {"3DES": 1, "AES-128": 2, "AES-192": 3, "AES-256": 4}
KEY_BYTES = {"3DES": 16, "AES-128": 16, "AES-192": 24, "AES-256": 32}

Transmit = Callable[[bytes], bytes]


# Ciphers


def kdf(secret: bytes, counter: int, cipher: str) -> bytes:
    data = secret + bytes([0, 0, 0, counter])
    if KEY_BYTES[cipher] > 16:
        return hashlib.sha256(data).digest()[: KEY_BYTES[cipher]]
    return hashlib.sha1(data, usedforsecurity=False).digest()[:16]


def cbc(key: bytes, iv: bytes, cipher: str) -> Cipher:
    algorithm = TripleDES(key + key[:8]) if cipher == "3DES" else AES(key)
    return Cipher(algorithm, modes.CBC(iv))


def block(cipher: str) -> int:
    return 8 if cipher == "3DES" else 16


def pad(data: bytes, size: int) -> bytes:
    return padded(data) if size == 16 else data + b"\x80" + bytes(-(len(data) + 1) % size)


def retail_mac(key: bytes, blocks: bytes) -> bytes:
    """ISO/IEC 9797-1 algorithm 3: CBC with single DES, then back with the second key and forth with the first."""
    zero = bytes(8)
    chained = Cipher(TripleDES(key[:8] * 3), modes.CBC(zero)).encryptor().update(blocks)[-8:]
    back = Cipher(TripleDES(key[8:] * 3), modes.CBC(zero)).decryptor().update(chained)
    return Cipher(TripleDES(key[:8] * 3), modes.CBC(zero)).encryptor().update(back)


def checksum(key: bytes, message: bytes, cipher: str) -> bytes:
    """Over whole blocks for 3DES."""
    if cipher == "3DES":
        return retail_mac(key, message)
    engine = CMAC(AES(key))
    engine.update(message)
    return engine.finalize()[:8]


def token(key: bytes, message: bytes, cipher: str) -> bytes:
    return checksum(key, pad(message, 8) if cipher == "3DES" else message, cipher)


# Terminals


class AnyTerminal:
    """Asks one card in the clear and, once a protocol has agreed on keys, under secure messaging."""

    def __init__(self, transmit: Transmit) -> None:
        self.transmit = transmit
        self.cipher = "AES-128"
        self.encryption_key = self.mac_key = b""
        self.counter = 0

    def plain(self, command: str | bytes) -> bytes:
        """Send in the clear; raises Refused."""
        answer = self.asked(bytes.fromhex(command) if isinstance(command, str) else command)
        status = int.from_bytes(answer[-2:], "big")
        if status != 0x9000:
            raise Refused(status)
        return answer[:-2]

    def pace(
        self,
        password: bytes,
        mapping: str = "GM",
        cipher: str = "AES-128",
        parameters: int = 13,
        *,
        reference: int = 2,
        tell_parameters: bool = False,
        ephemeral: Callable[[Points | Integers], int] = scalar,
    ) -> bytes | None:
        """Open the card; `password` is the CAN, or the SHA-1 of the MRZ information.

        For chip authentication mapping gives the point that the card's static key multiplied with its secret must
        give: the caller compares. Otherwise None.
        """
        group = group_named(NAMES[parameters])
        oid = bytes.fromhex(PACE) + bytes([AGREEMENTS[mapping][group.tag == 0x86], CIPHERS[cipher]])
        data = wrapped(b"\x80", oid) + wrapped(b"\x83", bytes([reference]))
        data += wrapped(b"\x84", bytes([parameters])) if tell_parameters else b""
        self.plain(b"\x00\x22\xc1\xa4" + bytes([len(data)]) + data)
        hidden = unwrapped(self._authenticate(b"", 0x10), 0x80)
        password_key = kdf(password, 3, cipher)
        nonce = cbc(password_key, bytes(block(cipher)), cipher).decryptor().update(hidden)
        theirs_mapped = b""
        if mapping == "IM":
            generator = self._integrated(group, nonce, cipher)
        else:
            first = ephemeral(group)
            mine = wrapped(b"\x81", group.octets(group.times(first, group.base)))
            theirs_mapped = unwrapped(self._authenticate(mine, 0x10), 0x82)
            shared = group.times(first, group.element(theirs_mapped))
            generator = group.plus(group.times(int.from_bytes(nonce, "big") % group.order, group.base), shared)
        second = ephemeral(group)
        own = group.octets(group.times(second, generator))
        public = unwrapped(self._authenticate(wrapped(b"\x83", own), 0x10), 0x84)
        self.agree(group.secret(second, group.element(public)), cipher)
        answer = self._authenticate(wrapped(b"\x85", self._token(oid, group.tag, public)), 0x00)
        assert unwrapped(answer, 0x86) == self._token(oid, group.tag, own), "the card's own token is wrong"
        if mapping != "CAM":
            assert len(answer) == 10
            return None
        proof = unwrapped(answer[10:], 0x8A)
        iv = cbc(self.encryption_key, bytes(16), cipher).encryptor().update(b"\xff" * 16)
        plain = cbc(self.encryption_key, iv, cipher).decryptor().update(proof).rstrip(b"\x00")
        assert plain.endswith(b"\x80")
        self.chip_authentication_data = int.from_bytes(plain[:-1], "big")
        return theirs_mapped

    def bac(self, information: str) -> None:
        """Basic access control after SELECT of the application (9303-11, 4.3)."""
        seed = hashlib.sha1(information.encode(), usedforsecurity=False).digest()[:16]
        encryption_key, mac_key = kdf(seed, 1, "3DES"), kdf(seed, 2, "3DES")
        challenge = self.plain("0084000008")
        mine, half = secrets.token_bytes(8), secrets.token_bytes(16)
        hidden = cbc(encryption_key, bytes(8), "3DES").encryptor().update(mine + challenge + half)
        answer = self.plain(b"\x00\x82\x00\x00\x28" + hidden + token(mac_key, hidden, "3DES") + b"\x28")
        assert token(mac_key, answer[:32], "3DES") == answer[32:]
        plain = cbc(encryption_key, bytes(8), "3DES").decryptor().update(answer[:32])
        assert plain[:16] == challenge + mine
        self.agree(bytes(a ^ b for a, b in zip(half, plain[16:], strict=True)), "3DES")
        self.counter = int.from_bytes(challenge[4:] + mine[4:], "big")

    def chip_authentication(self, public: bytes, group_name: str, cipher: str, key_id: int | None = None) -> None:
        """MSE:Set AT and GENERAL AUTHENTICATE; then the new keys."""
        group = group_named(group_name)
        reference = b"" if key_id is None else wrapped(b"\x84", bytes([key_id]))
        oid = bytes.fromhex(CHIP_AUTHENTICATION) + bytes([1 if group.tag == 0x84 else 2, CIPHERS[cipher]])
        self.secured(b"\x0c\x22\x41\xa4", wrapped(b"\x80", oid) + reference)
        private = scalar(group)
        data = wrapped(b"\x7c", wrapped(b"\x80", group.octets(group.times(private, group.base))))
        assert self.secured(b"\x0c\x86\x00\x00", data, 256) == b"\x7c\x00"
        self.agree(group.secret(private, group.element(public)), cipher)

    def key_agreement(self, public: bytes, group_name: str, key_id: int | None = None) -> None:
        """MSE:Set KAT, the older form of chip authentication with 3DES."""
        group = group_named(group_name)
        reference = b"" if key_id is None else wrapped(b"\x84", bytes([key_id]))
        private = scalar(group)
        mine = wrapped(b"\x91", group.octets(group.times(private, group.base)))
        self.secured(b"\x0c\x22\x41\xa6", mine + reference)
        self.agree(group.secret(private, group.element(public)), "3DES")

    def agree(self, secret: bytes, cipher: str) -> None:
        self.cipher, self.counter = cipher, 0
        self.encryption_key, self.mac_key = kdf(secret, 1, cipher), kdf(secret, 2, cipher)

    # Secure messaging

    def secured(self, header: bytes, data: bytes = b"", expected: int | None = None) -> bytes:
        """Send one protected command; raises Refused with the protected status word."""
        status, plain = self.exchange(header, data, expected)
        if status != 0x9000:
            raise Refused(status)
        return plain

    def exchange(self, header: bytes, data: bytes = b"", expected: int | None = None) -> tuple[int, bytes]:
        """One protected command: (status word, data). Raises Refused for an answer in the clear."""
        return self.opened(self.asked(self.protected(header, data, expected)))

    def protected(
        self, header: bytes, data: bytes = b"", expected: int | None = None, extended: bool | None = None
    ) -> bytes:
        """The command APDU; `extended` forces the length form."""
        self.counter += 1
        size = block(self.cipher)
        objects = b""
        if data:
            hidden = cbc(self.encryption_key, self._iv(), self.cipher).encryptor().update(pad(data, size))
            objects += wrapped(b"\x85", hidden) if header[1] & 1 else wrapped(b"\x87", b"\x01" + hidden)
        if expected is not None:
            le = bytes([expected & 0xFF]) if expected <= 256 else (expected & 0xFFFF).to_bytes(2, "big")
            objects += wrapped(b"\x97", le)
        checked = pad(header, size) + (pad(objects, size) if objects else b"")
        body = objects + wrapped(b"\x8e", self._checksum(checked))
        long = extended if extended is not None else len(body) > 255 or (expected or 0) > 256
        if long:
            return header + b"\x00" + len(body).to_bytes(2, "big") + body + b"\x00\x00"
        return header + bytes([len(body)]) + body + b"\x00"

    def asked(self, command: bytes) -> bytes:
        """Send, and fetch the rest with GET RESPONSE as long as the card promises more."""
        answer = self.transmit(command)
        collected = b""
        while answer[-2] == 0x61:
            collected += answer[:-2]
            assert len(collected) < 1 << 17
            answer = self.transmit(b"\x00\xc0\x00\x00" + answer[-1:])
        return collected + answer

    def opened(self, answer: bytes) -> tuple[int, bytes]:
        objects, status = answer[:-2], int.from_bytes(answer[-2:], "big")
        if not objects:
            raise Refused(status)
        self.counter += 1
        size = block(self.cipher)
        covered, told = objects[:-10], objects[-8:]
        assert objects[-10:-8] == b"\x8e\x08"
        assert told == self._checksum(pad(covered, size)), "wrong MAC"
        assert covered[-4:] == b"\x99\x02" + answer[-2:]
        if len(covered) == 4:
            return status, b""
        hidden = unwrapped(covered, covered[0])
        if covered[0] == 0x87:
            assert hidden[0] == 1
            hidden = hidden[1:]
        plain = cbc(self.encryption_key, self._iv(), self.cipher).decryptor().update(hidden).rstrip(b"\x00")
        assert plain.endswith(b"\x80")
        return status, plain[:-1]

    def select_applet(self) -> None:
        self.secured(b"\x0c\xa4\x04\x0c", bytes.fromhex("A0000002471001"))

    def read(self, file: int, size: int = 160) -> bytes:
        """A whole file: select it, then blocks until the card says that it ends."""
        self.secured(b"\x0c\xa4\x02\x0c", file.to_bytes(2, "big"))
        content = b""
        while True:
            status, piece = self.exchange(b"\x0c\xb0" + len(content).to_bytes(2, "big"), b"", size)
            if status not in (0x9000, 0x6282):
                raise Refused(status)
            content += piece
            if status == 0x6282 or len(piece) < size:
                return content

    def _authenticate(self, data: bytes, cla: int) -> bytes:
        body = wrapped(b"\x7c", data)
        header = bytes([cla, 0x86, 0, 0])
        if len(body) > 255:
            return unwrapped(self.plain(header + b"\x00" + len(body).to_bytes(2, "big") + body + b"\x00\x00"), 0x7C)
        return unwrapped(self.plain(header + bytes([len(body)]) + body + b"\x00"), 0x7C)

    def _integrated(self, group: Points | Integers, nonce: bytes, cipher: str) -> Affine | int:
        mine = secrets.token_bytes(KEY_BYTES[cipher])
        assert unwrapped(self._authenticate(wrapped(b"\x81", mine), 0x10), 0x82) == b""
        return group.mapped(pseudo_random(group.p, nonce, mine, cipher))

    def _token(self, oid: bytes, tag: int, public: bytes) -> bytes:
        message = wrapped(b"\x7f\x49", wrapped(b"\x06", oid) + wrapped(bytes([tag]), public))
        return token(self.mac_key, message, self.cipher)

    def _checksum(self, blocks: bytes) -> bytes:
        counter = self.counter.to_bytes(block(self.cipher), "big")
        return checksum(self.mac_key, counter + blocks, self.cipher)

    def _iv(self) -> bytes:
        if self.cipher == "3DES":
            return bytes(8)
        return cbc(self.encryption_key, bytes(16), self.cipher).encryptor().update(self.counter.to_bytes(16, "big"))


def pseudo_random(p: int, nonce: bytes, mine: bytes, cipher: str) -> int:
    """R_p(s, t) of 9303-11, 4.4.3.3.2, figure 2."""
    short = KEY_BYTES[cipher] == 16
    c0 = bytes.fromhex(
        "a668892a7c41e3ca739f40b057d85904"
        if short
        else "d463d65234124ef7897054986dca0a174e28df758cbaa03f240616414d5a1676"
    )
    c1 = bytes.fromhex(
        "a4e136ac725f738b01c1f60217c188ad"
        if short
        else "54bd7255f0aaf831bec3423fcf39d69b6cbf066677d0faae5aadd99df8e53517"
    )

    def encrypted(key: bytes, data: bytes) -> bytes:
        return cbc(key, bytes(block(cipher)), cipher).encryptor().update(data)

    rounds = -(-(p.bit_length() + 64) // (8 * len(c0)))
    key = encrypted(mine, nonce)[: KEY_BYTES[cipher]]
    output = b""
    for _ in range(rounds):
        output += encrypted(key, c1)
        key = encrypted(key, c0)[: KEY_BYTES[cipher]]
    return int.from_bytes(output, "big") % p


def can(number: str) -> bytes:
    return number.encode()


def mrz(information: str) -> bytes:
    return hashlib.sha1(information.encode(), usedforsecurity=False).digest()
