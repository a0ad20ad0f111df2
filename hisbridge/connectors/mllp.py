"""The MLLP client: stop and wait, one message out at a time, one deadline over the whole exchange (bridge.md 1.4).

Real receivers split acknowledgements anywhere, forget the CR, add a LF, answer late and answer twice. So an answer
counts only when it names our message, and a connection that disappointed once is never used again.
"""

import contextlib
import time
from collections.abc import Callable

from config.destinations import Hl7v2Destination
from hisbridge.connectors.contract import Receipt
from hisbridge.connectors.hl7ack import Answer, acknowledgement, is_interim, judge
from hisbridge.connectors.hl7read import read
from hisbridge.connectors.mllp_line import Line, PeerLeft
from hisbridge.errors import DestinationUnreachable, GarbledAnswer, NoAnswer

START, END = b"\x0b", b"\x1c"
MAX_ANSWER = 1 << 20  # bytes received for one message, stale answers included
REFUSAL_SECONDS = 0.5  # how long a probe waits for a receiver that does not like our certificate
_BETWEEN_FRAMES = b"\r\n \x00"


class MllpClient:
    """One receiver. `stale_answers` counts acknowledgements of something else than what was asked."""

    def __init__(self, destination: Hl7v2Destination, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._destination = destination
        self._monotonic = monotonic
        self._line = Line(destination)
        self._buffer = bytearray()
        self._deadline = 0.0
        self.stale_answers = 0

    def exchange(self, message: bytes, control_id: str) -> Receipt:
        """Send one message and wait for the acknowledgement whose MSA-2 is `control_id`.

        Raises DestinationUnreachable (nothing was sent), NoAnswer or GarbledAnswer (the outcome is not known),
        DestinationSetup.
        """
        return judge(self.ask(message, control_id).acknowledgement, self._destination.retry_errors)

    def ask(self, message: bytes, control_id: str) -> Answer:
        """Send one message; the whole answer whose MSA-2 is `control_id`. Raises as `exchange`."""
        self._begin()
        reused = self._is_usable()
        try:
            try:
                answer = self._attempt(message, control_id)
            except PeerLeft:
                if not reused:
                    self._ask_why()
                    raise
                # The peer had left this idle connection before our frame reached it; its own time-out, not a failure.
                self.close()
                answer = self._attempt(message, control_id)
        except BaseException:
            self.close()
            raise
        if self._destination.connection == "per_message":
            self.close()
        return answer

    def connect(self) -> None:
        """Hold a connection, made within the time-out. Raises DestinationUnreachable, DestinationSetup."""
        self._begin()
        self._open()

    def probe(self) -> None:
        """Connect, shake hands, and leave. Raises DestinationUnreachable, DestinationSetup."""
        self.close()
        try:
            self.connect()
            if self._destination.tls:
                self._wait_for_refusal()
        finally:
            self.close()

    def close(self) -> None:
        """Drop the connection, if one is held."""
        self._line.close()
        self._buffer.clear()

    def _begin(self) -> None:
        self._deadline = self._monotonic() + self._destination.timeout_seconds

    def _open(self) -> None:
        if not self._line.is_open:
            self._line.open(self._left)
            self._buffer.clear()

    def _attempt(self, message: bytes, control_id: str) -> Answer:
        self._open()
        self._line.send(START + message + END + b"\r", self._left)
        allowance = MAX_ANSWER
        interim: Answer | None = None
        while True:
            try:
                frame, used = self._frame(allowance)
            except NoAnswer as silence:
                return self._taken_over(interim, silence)
            allowance -= used
            told = read(frame)
            answer = Answer(told, acknowledgement(told))
            if answer.acknowledgement.control_id != control_id:
                self.stale_answers += 1
            elif not is_interim(answer.acknowledgement) or self._destination.acknowledgement == "commit":
                return answer
            elif interim is None:
                interim = answer
                # The verdict on the content may come much later than the word that the message is stored.
                self._begin()

    def _taken_over(self, interim: Answer | None, silence: NoAnswer) -> Answer:
        """No verdict came. Where none was asked for, "stored" (CA) counts: the receiver is responsible now."""
        if interim is None:
            raise silence
        if self._destination.acknowledgement == "enhanced":
            raise NoAnswer(why="stored, and no verdict") from None
        self.close()
        return interim

    def _frame(self, allowance: int) -> tuple[bytes, int]:
        """The next frame's content and how many bytes were received for it."""
        received = 0
        searched = 0
        while True:
            begun = self._buffer.lstrip(_BETWEEN_FRAMES)
            if begun and begun[:1] != START:
                raise GarbledAnswer(why="no start of frame")
            end = begun.find(END, searched)
            if end >= 0:
                self._buffer = begun[end + 1 :]
                return bytes(begun[1:end]), received
            if received > allowance:
                raise GarbledAnswer(why="answer too large")
            self._buffer, searched = begun, len(begun)
            piece = self._line.receive(self._left)
            if not piece:
                raise PeerLeft(why="connection closed") if received == 0 else NoAnswer(why="connection closed")
            received += len(piece)
            self._buffer += piece

    def _left(self) -> float:
        left = self._deadline - self._monotonic()
        if left <= 0:
            raise NoAnswer(why="time-out")
        return left

    def _is_usable(self) -> bool:
        """Whether the held connection still stands and is silent; drops it when not."""
        if not self._line.is_open:
            return False
        early = self._line.early()
        # Line ends after the last frame are harmless; the end of the stream or a late answer is not.
        if early is None or (early and not early.strip(_BETWEEN_FRAMES)):
            return True
        self.close()
        return False

    def _ask_why(self) -> None:
        """A receiver that leaves at once may not like our certificate, and its word for it is lost when we write."""
        if self._destination.tls:
            with contextlib.suppress(NoAnswer):
                self.probe()

    def _wait_for_refusal(self) -> None:
        """With TLS 1.3 a receiver refuses our certificate when the handshake is over for us."""
        until = self._monotonic() + REFUSAL_SECONDS
        try:
            self._line.receive(lambda: max(until - self._monotonic(), 0.001))
        except DestinationUnreachable:
            raise
        except NoAnswer:
            return
