"""A chip card in a process of its own whose cryptography is OpenPACE's: `python card.py FOLDER PORT`.

FOLDER holds the files as `<file id>.bin` and `card.json` (see Settings). Speaks vpcd's protocol to pcscd's virtual
reader on PORT. Written from ISO/IEC 7816-4 and ICAO Doc 9303-11 alone; imports nothing of product or sandbox.
"""

import json
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import libeac

APPLET = bytes.fromhex("A0000002471001")
ATR = bytes.fromhex("3B80800101")
CARD_ACCESS = 0x011C


class Status(Exception):
    """The command ends with this status word."""

    def __init__(self, word: int) -> None:
        super().__init__(f"{word:04X}")
        self.word = word


@dataclass(frozen=True)
class Settings:
    """How this card is made; the last three make it a plainer one (chip.md 2.4)."""

    can: str
    protocol: str = "0.4.0.127.0.7.2.2.4.2.2"
    curve: int = 13
    names_curve: bool = False  # MSE:Set AT must say which domain parameters
    wrong_key: int = 0x6300
    short_ids: bool = True
    extended: bool = True
    largest: int = 65536  # bytes in one answer


def objects(data: bytes) -> list[tuple[int, bytes]]:
    """The data objects in a row; one-byte tags are all that commands to a card need."""
    found, at = [], 0
    while at < len(data):
        tag, size, at = data[at], data[at + 1], at + 2
        if size & 0x80:
            count = size & 0x7F
            size, at = int.from_bytes(data[at : at + count], "big"), at + count
        if at + size > len(data):
            raise Status(0x6A80)
        found.append((tag, data[at : at + size]))
        at += size
    return found


def encoded(tag: int, value: bytes) -> bytes:
    size = len(value)
    length = bytes([size]) if size < 128 else bytes([0x81, size]) if size < 256 else b"\x82" + size.to_bytes(2, "big")
    return bytes([tag]) + length + value


def lengths(raw: bytes) -> tuple[bytes, int, bool]:
    """Data, Ne (0: none) and whether the lengths are extended, of a command."""
    body = raw[4:]
    extended = len(body) >= 3 and body[0] == 0
    wide, most = (2, 65536) if extended else (1, 256)
    body = body[1:] if extended else body
    if len(body) <= wide:
        return b"", (int.from_bytes(body, "big") or most) if body else 0, extended
    size = int.from_bytes(body[:wide], "big")
    data, rest = body[wide : wide + size], body[wide + size :]
    if len(data) != size or len(rest) not in (0, wide):
        raise Status(0x6700)
    return data, (int.from_bytes(rest, "big") or most) if rest else 0, extended


class Card:
    """The chip: what it remembers while it has power."""

    def __init__(self, settings: Settings, files: dict[int, bytes]) -> None:
        self._settings = settings
        self._files = files
        self._session: libeac.Session | None = None
        self.reset()

    def reset(self) -> None:
        """Forget everything that power cut would make a chip forget."""
        if self._session is not None:
            self._session.close()
        self._session = None
        self._steps: list[Callable[..., tuple[int, bytes]]] = []
        self._protected = self._applet = False
        self._current: int | None = None

    def answer(self, raw: bytes) -> bytes:
        try:
            if len(raw) < 4:
                raise Status(0x6700)
            data, expected, extended = lengths(raw)
            if extended and not self._settings.extended:
                raise Status(0x6700)
            if raw[0] & 0x0C:
                return self._secured(raw[:4], data)
            return self._execute(raw[0], raw[1], raw[2] << 8 | raw[3], data, expected) + b"\x90\x00"
        except Status as status:
            return status.word.to_bytes(2, "big")
        except (libeac.LibraryError, IndexError):
            return b"\x6a\x80"

    def _secured(self, header: bytes, data: bytes) -> bytes:
        """Secure messaging: padding, cipher, checksum and counter are libeac's."""
        session = self._session
        if session is None or not self._protected:
            raise Status(0x6882)
        inside = objects(data)
        if not inside or inside[-1][0] != 0x8E:
            raise Status(0x6987)
        session.count()
        signed = b"".join(encoded(tag, value) for tag, value in inside[:-1])
        covered = session.pad(header) + (session.pad(signed) if signed else b"")
        if session.checksum(covered) != inside[-1][1]:
            self.reset()
            raise Status(0x6988)
        named = dict(inside)
        hidden = named[0x87][1:] if 0x87 in named else named.get(0x85, b"")
        plain = session.unpad(session.decrypt(hidden)) if hidden else b""
        expected = named.get(0x97, b"")
        wanted = (int.from_bytes(expected, "big") or 256 ** len(expected)) if expected else 0
        try:
            reply, word = self._execute(header[0] & 0xF3, header[1], header[2] << 8 | header[3], plain, wanted), 0x9000
        except Status as status:
            reply, word = b"", status.word
        session.count()
        answer = encoded(0x87, b"\x01" + session.encrypt(session.pad(reply))) if reply else b""
        answer += encoded(0x99, word.to_bytes(2, "big"))
        return answer + encoded(0x8E, session.checksum(session.pad(answer))) + word.to_bytes(2, "big")

    def _execute(self, cla: int, ins: int, p: int, data: bytes, expected: int) -> bytes:
        if (ins, p) == (0x22, 0xC1A4):
            return self._choose(dict(objects(data)))
        if (ins, p) == (0x86, 0):
            return self._authenticate(dict(objects(data)).get(0x7C, b""), last=not cla & 0x10)
        if ins == 0xA4:
            return self._select(p >> 8, data)
        if ins == 0xB0:
            return self._read(p, expected)
        raise Status(0x6D00)

    def _choose(self, named: dict[int, bytes]) -> bytes:
        settings = self._settings
        self.reset()
        if named.get(0x83) not in (b"\x01", b"\x02") or (settings.names_curve and named.get(0x84) is None):
            raise Status(0x6A88)
        if named.get(0x84, bytes([settings.curve])) != bytes([settings.curve]) or named.get(0x80) != oid(
            settings.protocol
        ):
            raise Status(0x6A80)
        self._session = libeac.Session(settings.protocol, settings.curve, settings.can, libeac.CAN)
        self._steps = [self._nonce, self._mapping, self._agreement, self._token]
        return b""

    def _authenticate(self, inside: bytes, last: bool) -> bytes:
        """GENERAL AUTHENTICATE, step by step (ICAO Doc 9303-11, 4.4.4.2); the last one is not chained."""
        if self._session is None or not self._steps or last != (len(self._steps) == 1):
            raise Status(0x6985)
        step, self._steps = self._steps[0], self._steps[1:]
        sent = objects(inside)
        return encoded(0x7C, encoded(*step(self._session, *(sent[0] if sent else (0, b"")))))

    def _nonce(self, session: libeac.Session, *_: object) -> tuple[int, bytes]:
        return 0x80, session.encrypted_nonce()

    def _mapping(self, session: libeac.Session, tag: int, theirs: bytes) -> tuple[int, bytes]:
        if tag != 0x81:
            raise Status(0x6A80)
        return 0x82, session.map(theirs)

    def _agreement(self, session: libeac.Session, tag: int, theirs: bytes) -> tuple[int, bytes]:
        if tag != 0x83:
            raise Status(0x6A80)
        return 0x84, session.agree(theirs)

    def _token(self, session: libeac.Session, tag: int, theirs: bytes) -> tuple[int, bytes]:
        if tag != 0x85 or not session.token_fits(theirs):
            raise Status(self._settings.wrong_key)
        ours, self._protected = session.open(), True
        return 0x86, ours

    def _select(self, how: int, data: bytes) -> bytes:
        if how == 0x04:
            if data != APPLET:
                raise Status(0x6A82)
            self._applet, self._current = True, None
            return b""
        if how != 0x02:
            raise Status(0x6D00)
        self._current = self._allowed(int.from_bytes(data, "big"))
        return b""

    def _allowed(self, file: int) -> int:
        if file != CARD_ACCESS and not (self._protected and self._applet):
            raise Status(0x6982)
        if file not in self._files:
            raise Status(0x6A82)
        return file

    def _read(self, p: int, expected: int) -> bytes:
        offset = p
        if p & 0x8000:
            if not self._settings.short_ids:
                raise Status(0x6A86)
            self._current, offset = self._allowed(0x0100 | p >> 8 & 0x1F), p & 0xFF
        if self._current is None:
            raise Status(0x6986)
        content = self._files[self._current]
        if offset > len(content):
            raise Status(0x6B00)
        return content[offset : offset + min(expected, self._settings.largest)]


def oid(dotted: str) -> bytes:
    """The content octets of an object identifier whose arcs are all below 128."""
    first, second, *rest = (int(arc) for arc in dotted.split("."))
    return bytes([40 * first + second, *rest])


def serve(card: Card, port: int) -> None:
    """Messages with a two-byte length: one byte is a control (0 off, 1 on, 2 reset, 4 tell the ATR), else an APDU."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while True:
            message = receive(connection, int.from_bytes(receive(connection, 2), "big"))
            if len(message) > 1:
                answer = card.answer(message)
            elif message == b"\x04":
                answer = ATR
            else:
                card.reset()
                continue
            connection.sendall(len(answer).to_bytes(2, "big") + answer)


def receive(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        piece = connection.recv(count - len(data))
        if not piece:
            sys.exit(0)  # pcscd went away, and the card with it
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)  # else 44 ms for each half of a message
        data += piece
    return data


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    contents = {int(file.stem, 16): file.read_bytes() for file in folder.glob("*.bin")}
    serve(Card(Settings(**json.loads((folder / "card.json").read_text())), contents), int(sys.argv[2]))
