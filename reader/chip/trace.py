"""The APDU log that is safe to send to anyone: headers, lengths, status words and times, never any data.

Must not see more than the lengths of what it logs.
"""

from collections.abc import Callable
from typing import Protocol

from reader.chip.apdu import Command, Response, status_name


class Trace(Protocol):
    """Listens to the exchange of APDUs. Times are milliseconds since the reading began."""

    def sent(self, command: Command, at_ms: float) -> None: ...

    def received(self, response: Response, at_ms: float) -> None: ...

    def failed(self, code: str, at_ms: float) -> None: ...


class NoTrace:
    """Nobody listens."""

    def sent(self, command: Command, at_ms: float) -> None:
        pass

    def received(self, response: Response, at_ms: float) -> None:
        pass

    def failed(self, code: str, at_ms: float) -> None:
        pass


class LineTrace:
    """One line of text per APDU to `write`: time, direction, header or status word, lengths."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write

    def sent(self, command: Command, at_ms: float) -> None:
        wanted = "-" if command.le is None else str(command.le)
        self._write(f"{at_ms:10.1f} ms  >  {command.header.hex().upper()}  Lc={len(command.data)} Le={wanted}\n")

    def received(self, response: Response, at_ms: float) -> None:
        name = status_name(response.sw)
        self._write(f"{at_ms:10.1f} ms  <  {response.sw:04X} {name}  data={len(response.data)}\n")

    def failed(self, code: str, at_ms: float) -> None:
        self._write(f"{at_ms:10.1f} ms  !  {code}\n")
