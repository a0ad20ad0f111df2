"""The APDU log of a reading, in two kinds. The usual one is safe to send to anyone: headers, lengths, status words
and times, never any data - not even encrypted data, for what BAC encrypts can be guessed from a birth date. The
unsafe one holds everything, the terminal's random numbers too, so that it can be played back as a card.

One line per event: milliseconds, a mark, the rest.

    >  command as it goes to the card        (  the same inside secure messaging
    <  answer as it came                     )  the same inside secure messaging
    ~  a random number the terminal drew     !  an error code       #  a remark

Must not decide anything.
"""

from collections.abc import Callable
from typing import Protocol

from reader.chip.apdu import Command, Response, status_name

FORMAT = 2


class Trace(Protocol):
    """Listens to the exchange of APDUs. Times are milliseconds since the reading began."""

    def connected(self, reader: str, atr: bytes, at_ms: float) -> None: ...

    def sent(self, command: Command, at_ms: float) -> None: ...

    def received(self, response: Response, at_ms: float) -> None: ...

    def inside_sent(self, command: Command, at_ms: float) -> None: ...

    def inside_received(self, response: Response, at_ms: float) -> None: ...

    def drew(self, secret: bytes, at_ms: float) -> None: ...

    def failed(self, code: str, at_ms: float) -> None: ...


class NoTrace:
    """Nobody listens."""

    def connected(self, reader: str, atr: bytes, at_ms: float) -> None:
        pass

    def sent(self, command: Command, at_ms: float) -> None:
        pass

    def received(self, response: Response, at_ms: float) -> None:
        pass

    def inside_sent(self, command: Command, at_ms: float) -> None:
        pass

    def inside_received(self, response: Response, at_ms: float) -> None:
        pass

    def drew(self, secret: bytes, at_ms: float) -> None:
        pass

    def failed(self, code: str, at_ms: float) -> None:
        pass


class _Lines:
    """What both kinds have in common. `write` gets whole lines."""

    title: str

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write
        write(f"# tiepdon card trace, format {FORMAT}; {self.title}\n")

    def connected(self, reader: str, atr: bytes, at_ms: float) -> None:
        self._line(at_ms, "#", f"connected, reader {reader!r}, ATR {atr.hex().upper()}")

    def failed(self, code: str, at_ms: float) -> None:
        self._line(at_ms, "!", code)

    def _line(self, at_ms: float, mark: str, text: str) -> None:
        self._write(f"{at_ms:10.1f} ms  {mark}  {text}\n")


class LineTrace(_Lines):
    """The safe kind: nothing but the shape of what was said."""

    title = "without data, safe to send"

    def sent(self, command: Command, at_ms: float) -> None:
        self._line(at_ms, ">", _command(command))

    def received(self, response: Response, at_ms: float) -> None:
        self._line(at_ms, "<", _response(response))

    def inside_sent(self, command: Command, at_ms: float) -> None:
        self._line(at_ms, "(", _command(command))

    def inside_received(self, response: Response, at_ms: float) -> None:
        self._line(at_ms, ")", _response(response))

    def drew(self, secret: bytes, at_ms: float) -> None:
        pass


class UnsafeTrace(_Lines):
    """The unsafe kind: every byte, in the clear where secure messaging was opened. Holds personal data and keys."""

    title = "UNSAFE: holds personal data and session secrets"

    def sent(self, command: Command, at_ms: float) -> None:
        self._line(at_ms, ">", command.encode().hex().upper())

    def received(self, response: Response, at_ms: float) -> None:
        self._line(at_ms, "<", f"{response.data.hex().upper()}{response.sw:04X}")

    def inside_sent(self, command: Command, at_ms: float) -> None:
        self._line(at_ms, "(", f"{_command(command)} {command.data.hex().upper()}".rstrip())

    def inside_received(self, response: Response, at_ms: float) -> None:
        self._line(at_ms, ")", f"{_response(response)} {response.data.hex().upper()}".rstrip())

    def drew(self, secret: bytes, at_ms: float) -> None:
        self._line(at_ms, "~", secret.hex().upper())


def _command(command: Command) -> str:
    wanted = "-" if command.le is None else str(command.le)
    return f"{command.header.hex().upper()}  Lc={len(command.data)} Le={wanted}"


def _response(response: Response) -> str:
    return f"{response.sw:04X} {status_name(response.sw)}  data={len(response.data)}"
