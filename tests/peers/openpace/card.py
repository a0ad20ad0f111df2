"""A chip card in a process of its own whose cryptography is OpenPACE's: `python card.py FOLDER PORT`.

What FOLDER holds stands in tests/peers/card_process.py. Speaks vpcd's protocol to pcscd's virtual reader on PORT.
Written from ISO/IEC 7816-4 and ICAO Doc 9303-11 alone; imports nothing of product or sandbox.
"""

import json
import os
import socket
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import libeac
from commands import Command, Status, encoded, number, objects, oid, parse

APPLET = bytes.fromhex("A0000002471001")
ATR = bytes.fromhex("3B80800101")
CARD_ACCESS = 0x011C
FINGERS_AND_IRIS = {0x0103, 0x0104}
LEFT = 0  # exit code of a card that left the reader, as it was told to


@dataclass(frozen=True)
class Settings:
    """How this card is made. After `wrong_key` all make it a plainer or a more difficult one (chip.md 2.7)."""

    can: str | None
    mrz: str | None  # the three lines of the machine-readable zone as one string
    protocol: str  # of PACE, dotted
    parameters: int  # number of the standardised domain parameters
    names_parameters: bool = False  # MSE:Set AT must say which domain parameters
    chip_keys: Sequence[
        Sequence[object]
    ] = ()  # dotted protocol, parameters, private key in hexadecimal, number or None
    wrong_key: int = 0x6300
    card_access: int | None = None  # this status word to whoever wants EF.CardAccess
    extended: bool = True  # else 6700 in the clear, before secure messaging is looked at
    short_ids: int | None = None  # this status word to READ BINARY by short file identifier
    largest: int = 65536  # most bytes in one answer
    larger: str = "less"  # what asking for more gets: `less` (that many), `none` (no byte, 9000), `6700`, `6Cxx`
    in_clear: bool = False  # the refusals of the three lines above come in the clear and end the session
    at_end: int = 0x9000  # with fewer bytes than asked for because the file ends
    leaves_at: tuple[int, int] | None = None  # this file from this offset on is never given: the card is gone


class Card:
    """The chip: what it remembers while it has power."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._session: libeac.Session | None = None
        self.power()

    def power(self) -> None:
        """Forget everything that power cut would make a chip forget, and be what the folder says now."""
        self._life = self._folder / (self._folder / "current").read_text()
        self._settings = Settings(**json.loads((self._life / "card.json").read_text()))
        self._files = {int(file.stem, 16): file.read_bytes() for file in self._life.glob("*.bin")}
        self._note("power")
        self._forget_session()
        self._locked = self._applet = False
        self._current: int | None = None

    def answer(self, raw: bytes) -> bytes:
        try:
            command, extended = parse(raw)
            if extended and not self._settings.extended:
                raise Status(0x6700, clear=True)
            if command.header[0] & 0x0C:
                return self._secured(command)
            if self._locked:
                self._note_command("locked", command)
                raise Status(0x6982)  # once in secure messaging always so, until the power is cut
            data, word = self._execute(command, secure=False)
            return data + word.to_bytes(2, "big")
        except Status as status:
            if status.clear:
                self._forget_session()
            return status.word.to_bytes(2, "big")
        except (libeac.LibraryError, IndexError):
            return b"\x6a\x80"

    def _forget_session(self) -> None:
        if self._session is not None:
            self._session.close()
        self._session = None
        self._steps: list[Callable[..., tuple[int, bytes]]] = []
        self._protected = self._new_keys = False
        self._chip_key: Sequence[object] | None = None

    def _note_command(self, how: str, command: Command) -> None:
        self._note(f"{how} {command.header.hex()} {command.data.hex()} {command.expected}")

    def _note(self, line: str) -> None:
        with (self._life / "commands").open("a") as notes:
            notes.write(f"{line}\n")

    # Secure messaging: padding, cipher, checksum and counter are libeac's

    def _secured(self, command: Command) -> bytes:
        session = self._session
        if session is None or not self._protected:
            raise Status(0x6882)
        inside = objects(command.data)
        if not inside or inside[-1][0] != 0x8E:
            raise Status(0x6987, clear=True)
        session.count()
        signed = b"".join(encoded(tag, value) for tag, value in inside[:-1])
        covered = session.pad(command.header) + (session.pad(signed) if signed else b"")
        if session.checksum(covered) != inside[-1][1]:
            raise Status(0x6988, clear=True)
        named = dict(inside)
        hidden = named[0x87][1:] if 0x87 in named else named.get(0x85, b"")
        plain = session.unpad(session.decrypt(hidden)) if hidden else b""
        wanted = named.get(0x97, b"")
        header = bytes([command.header[0] & 0xF3]) + command.header[1:]
        try:
            reply, word = self._execute(Command(header, plain, number(wanted, 256 ** len(wanted))), secure=True)
        except Status as status:
            if status.clear:
                raise
            reply, word = b"", status.word
        session.count()
        answer = b""
        if reply:
            cryptogram = session.encrypt(session.pad(reply))
            # An odd instruction answers with data objects (7816-4, 5.6).
            answer = encoded(0x85, cryptogram) if header[1] & 1 else encoded(0x87, b"\x01" + cryptogram)
        answer += encoded(0x99, word.to_bytes(2, "big"))
        answer += encoded(0x8E, session.checksum(session.pad(answer)))
        if self._new_keys:
            session.use_chip_keys()
            self._new_keys = False
        return answer + word.to_bytes(2, "big")

    def _execute(self, command: Command, secure: bool) -> tuple[bytes, int]:
        self._note_command("secure" if secure else "plain", command)
        match command.ins, command.parameters:
            case 0x22, 0xC1A4 if not secure:
                return self._choose(dict(objects(command.data))), 0x9000
            case 0x22, 0x41A4 if secure:
                return self._choose_chip_key(dict(objects(command.data))), 0x9000
            case 0x22, 0x41A6 if secure:
                return self._agree_at_once(dict(objects(command.data))), 0x9000
            case 0x86, 0:
                step = self._authenticate_chip if secure else self._authenticate
                inside = dict(objects(command.data)).get(0x7C, b"")
                return encoded(0x7C, step(inside, not command.header[0] & 0x10)), 0x9000
            case 0xA4, how_selected:
                return self._select(how_selected >> 8, command.data), 0x9000
            case 0xB0 | 0xB1, _:
                return self._read(command)
        raise Status(0x6D00)

    # PACE (ICAO Doc 9303-11, 4.4.4)

    def _choose(self, named: dict[int, bytes]) -> bytes:
        settings = self._settings
        self._forget_session()
        password = {b"\x01": settings.mrz, b"\x02": settings.can}.get(named.get(0x83, b""))
        if password is None or (settings.names_parameters and named.get(0x84) is None):
            raise Status(0x6A88)
        parameters = bytes([settings.parameters])
        if named.get(0x84, parameters) != parameters or named.get(0x80) != oid(settings.protocol):
            raise Status(0x6A80)
        self._session = libeac.Session(settings.protocol, settings.parameters, password, named[0x83][0])
        self._steps = [self._nonce, self._mapping, self._agreement, self._token]
        return b""

    def _authenticate(self, inside: bytes, last: bool) -> bytes:
        """GENERAL AUTHENTICATE, step by step; the last one is not chained."""
        if self._session is None or not self._steps or last != (len(self._steps) == 1):
            raise Status(0x6985)
        step, self._steps = self._steps[0], self._steps[1:]
        sent = objects(inside)
        return encoded(*step(self._session, *(sent[0] if sent else (0, b""))))

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
        ours, self._protected, self._locked = session.open(), True, True
        return 0x86, ours

    # Chip authentication (ICAO Doc 9303-11, 6.2.4)

    def _choose_chip_key(self, named: dict[int, bytes]) -> bytes:
        self._chip_key = self._key_for(named.get(0x84), named.get(0x80))
        return b""

    def _authenticate_chip(self, inside: bytes, last: bool) -> bytes:
        theirs = dict(objects(inside)).get(0x80)
        if self._chip_key is None or theirs is None or not last:
            raise Status(0x6985)
        self._agree_with_chip(self._chip_key, theirs)
        return b""

    def _agree_at_once(self, named: dict[int, bytes]) -> bytes:
        """MSE:Set KAT: with 3DES only, and without an answer of its own (6.2.4.1)."""
        if 0x91 not in named:
            raise Status(0x6A80)
        self._agree_with_chip(self._key_for(named.get(0x84), None), named[0x91])
        return b""

    def _key_for(self, key: bytes | None, protocol: bytes | None) -> Sequence[object]:
        for offered in self._settings.chip_keys:
            dotted, _, _, key_id = offered
            wanted = str(dotted).endswith(".1") if protocol is None else protocol == oid(str(dotted))
            if wanted and (key is None if key_id is None else key == bytes([int(str(key_id))])):
                return offered
        raise Status(0x6A88)

    def _agree_with_chip(self, offered: Sequence[object], theirs: bytes) -> None:
        assert self._session is not None
        protocol, parameters, private, _ = offered
        self._chip_key = None
        self._session.agree_with_chip(str(protocol), int(str(parameters)), bytes.fromhex(str(private)), theirs)
        self._new_keys = True

    # Files

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
        if file == CARD_ACCESS and self._settings.card_access is not None:
            raise Status(self._settings.card_access)
        if file != CARD_ACCESS and not (self._protected and self._applet):
            raise Status(0x6982)
        if file not in self._files:
            raise Status(0x6A82)
        if file in FINGERS_AND_IRIS:
            raise Status(0x6982)
        return file

    def _read(self, command: Command) -> tuple[bytes, int]:
        settings, p = self._settings, command.parameters
        odd = command.ins & 1
        if odd:
            if p or self._current is None:
                raise Status(0x6A86)
            offset = int.from_bytes(dict(objects(command.data))[0x54], "big")
        elif p & 0x8000:
            if settings.short_ids is not None and self._protected:
                raise Status(settings.short_ids, settings.in_clear)
            self._current, offset = self._allowed(0x0100 | p >> 8 & 0x1F), p & 0xFF
        else:
            offset = p
        if self._current is None:
            raise Status(0x6986)
        if (
            settings.leaves_at is not None
            and self._current == settings.leaves_at[0]
            and offset >= settings.leaves_at[1]
        ):
            os._exit(LEFT)
        content = self._files[self._current]
        if offset > len(content):
            raise Status(0x6B00)
        wanted = self._limited(command.expected) if self._protected else command.expected
        if odd:
            return encoded(0x53, content[offset : offset + wanted - 4]), 0x9000
        found = content[offset : offset + wanted]
        return found, settings.at_end if len(found) < wanted else 0x9000

    def _limited(self, expected: int) -> int:
        largest, larger = self._settings.largest, self._settings.larger
        if expected <= largest or larger == "less":
            return min(expected, largest)
        if larger == "none":
            return 0
        raise Status(0x6C00 | largest if larger == "6Cxx" else 0x6700, self._settings.in_clear)


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
                card.power()
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
    serve(Card(Path(sys.argv[1])), int(sys.argv[2]))
