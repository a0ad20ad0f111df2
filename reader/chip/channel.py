"""The plain channel to a card: encodes commands, collects long answers, counts, and keeps the reading within bounds.

The bounds are what makes a hostile card harmless: time, number of APDUs, size of an answer. Must not know about
secure messaging or files.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from reader.chip.apdu import OK, Command, Response, chained, parse_response
from reader.chip.trace import NoTrace, Trace
from reader.chip.transport import NotTransmitted, Transport
from reader.errors import CardBroken, ReaderError, TooSlow

MAX_APDUS = 6000  # a megabyte in the smallest blocks, and room
MAX_ANSWER = 65536  # bytes in one logical answer, however it is cut
MAX_CONTINUATIONS = 300

Clock = Callable[[], float]


class Sender(Protocol):
    """Anything that takes a command and gives its response: the plain channel, or secure messaging over it."""

    def send(self, command: Command) -> Response: ...


@dataclass
class Meter:
    """What a whole reading cost, over every reconnection; also where its limits are kept.

    `clock` is monotonic seconds, `deadline` on the same clock. `check` may raise to stop the reading (cancelled).
    """

    clock: Clock
    deadline: float
    check: Callable[[], None] = lambda: None
    trace: Trace = field(default_factory=NoTrace)
    apdus: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0

    def __post_init__(self) -> None:
        self.started = self.clock()

    def elapsed_ms(self) -> float:
        """Milliseconds since the reading began."""
        return (self.clock() - self.started) * 1000

    def admit(self) -> None:
        """Called before each APDU. Raises TooSlow, CardBroken (too many), or what `check` raises."""
        self.check()
        if self.clock() >= self.deadline:
            raise TooSlow(apdus=self.apdus)
        if self.apdus >= MAX_APDUS:
            raise CardBroken(where="apdu.endless")
        self.apdus += 1


class PlainChannel:
    """Commands in the clear over a transport; long ones are chained, answers in pieces (61xx) are put together.

    `extended` says whether card and reader take extended length as far as is known.
    """

    def __init__(self, transport: Transport, meter: Meter, extended: bool = True) -> None:
        self._transport = transport
        self._meter = meter
        self.extended = extended

    def send(self, command: Command) -> Response:
        """Send one command, following 61xx with GET RESPONSE and 6Cxx by asking again with the right length.

        A protected command is never sent twice: its counter is spent, so 6Cxx goes up to secure messaging.
        Raises CardBroken when the card never comes to an end, and whatever the transport raises.
        """
        *parts, command = [command] if self.extended else chained(command)
        for part in parts:
            response = self._exchange(part)
            if response.sw != OK:
                return response
        response = self._exchange(command)
        if response.sw >> 8 == 0x6C and command.le is not None and not command.cla & 0x0C:
            response = self._exchange(command.with_le(response.sw & 0xFF or 256))
        if response.sw >> 8 != 0x61:
            return response
        data = bytearray(response.data)
        for _ in range(MAX_CONTINUATIONS):
            response = self._exchange(Command(command.cla & 0x03, 0xC0, 0, 0, b"", response.sw & 0xFF or 256))
            data += response.data
            if len(data) > MAX_ANSWER:
                break
            if response.sw >> 8 != 0x61:
                return Response(bytes(data), response.sw)
        raise CardBroken(where="apdu.endless")

    def _exchange(self, command: Command) -> Response:
        meter = self._meter
        meter.admit()
        raw = command.encode()
        meter.bytes_sent += len(raw)
        meter.trace.sent(command, meter.elapsed_ms())
        try:
            answer = self._transport.transmit(raw)
            meter.bytes_received += len(answer)
            response = parse_response(answer)
        except ReaderError as error:
            meter.trace.failed(error.code, meter.elapsed_ms())
            raise
        except NotTransmitted:
            meter.trace.failed("reader.not_transmitted", meter.elapsed_ms())
            raise
        meter.trace.received(response, meter.elapsed_ms())
        return response


class Between:
    """A sender that lets somebody have a turn after each answer."""

    def __init__(self, channel: Sender, turn: Callable[[], None]) -> None:
        self._channel = channel
        self._turn = turn

    def send(self, command: Command) -> Response:
        """See Sender. Raises what `turn` raises too."""
        response = self._channel.send(command)
        self._turn()
        return response


class InsideTrace:
    """A sender under secure messaging whose plain commands and answers are told to the trace."""

    def __init__(self, channel: Sender, meter: Meter) -> None:
        self._channel = channel
        self._meter = meter

    def send(self, command: Command) -> Response:
        """See Sender."""
        meter = self._meter
        meter.trace.inside_sent(command, meter.elapsed_ms())
        response = self._channel.send(command)
        meter.trace.inside_received(response, meter.elapsed_ms())
        return response
