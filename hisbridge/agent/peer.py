"""One WebSocket of a caller that nobody trusts, on wsproto's frames: bounded messages, and proof that they arrived."""

import asyncio
import contextlib
import time
from collections.abc import Callable

import wsproto
from wsproto.events import CloseConnection, Message, Ping, Pong, TextMessage

MAX_MESSAGE = 16 << 10  # characters
WRITE_SECONDS = 10.0  # for a caller to take what was written
PING_SECONDS = 20.0
MESSAGES_PER_SECOND = 20.0


class Rate:
    """At most so many a second on average, and `at_once` after a while of silence."""

    def __init__(self, per_second: float, at_once: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._at_once = at_once
        self._clock = clock
        self._left = at_once
        self._at = clock()

    def allows(self) -> bool:
        """Whether one more may pass now."""
        now = self._clock()
        self._left = min(self._at_once, self._left + (now - self._at) * self._per_second)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Peer:
    """One WebSocket. Pings are answered and sent by itself; a caller that answers none is gone."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, frames: wsproto.WSConnection
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._frames = frames
        self._inbox: asyncio.Queue[str | None] = asyncio.Queue(16)
        self._rate = Rate(MESSAGES_PER_SECOND, 2 * MESSAGES_PER_SECOND)
        self._pings: dict[bytes, asyncio.Event] = {}
        self._count = 0

    async def send(self, text: str) -> None:
        """One text message. Raises ConnectionError."""
        await self._write(self._frames.send(Message(text)))

    async def receive(self) -> str:
        """The next text message. Raises ConnectionError at the end."""
        text = await self._inbox.get()
        if text is None:
            raise ConnectionResetError
        return text

    async def reached(self, seconds: float = PING_SECONDS) -> bool:
        """Whether everything sent so far has arrived: a ping sent after it was answered in time."""
        self._count += 1
        name = b"%d" % self._count  # a pong to an earlier ping says nothing of what was sent since
        answered = self._pings[name] = asyncio.Event()
        try:
            await self._write(self._frames.send(Ping(name)))
            async with asyncio.timeout(seconds):  # wait_for of Python 3.11 can swallow a cancellation
                await answered.wait()
        except (TimeoutError, ConnectionError, wsproto.utilities.LocalProtocolError):
            return False
        finally:
            self._pings.pop(name, None)
        return True

    async def close(self, code: int = 1000) -> None:
        """Say goodbye; never raises."""
        with contextlib.suppress(wsproto.utilities.LocalProtocolError, ConnectionError, TimeoutError):
            await self._write(self._frames.send(CloseConnection(code)))

    async def pump(self) -> None:
        """Read until the connection ends; everything above needs it running."""
        parts: list[str] = []
        size = 0
        try:
            while True:
                data = await self._reader.read(1 << 14)
                self._frames.receive_data(data or None)
                for event in self._frames.events():
                    match event:
                        case TextMessage():
                            size += len(event.data)
                            if size > MAX_MESSAGE:
                                await self.close(1009)
                                return
                            parts.append(event.data)
                            if event.message_finished:
                                if not self._rate.allows():
                                    await self.close(1008)
                                    return
                                await self._inbox.put("".join(parts))
                                parts, size = [], 0
                        case Message():  # binary: nobody has a reason to send it
                            await self.close(1003)
                            return
                        case Ping():
                            await self._write(self._frames.send(event.response()))
                        case Pong():
                            if answered := self._pings.get(bytes(event.payload)):
                                answered.set()
                        case CloseConnection():
                            with contextlib.suppress(wsproto.utilities.LocalProtocolError):
                                await self._write(self._frames.send(event.response()))
                            return
                if not data:
                    return
        except wsproto.utilities.RemoteProtocolError:
            await self.close(1002)
        except (ConnectionError, TimeoutError):
            pass
        finally:
            with contextlib.suppress(asyncio.QueueFull):
                self._inbox.put_nowait(None)

    async def heartbeat(self) -> None:
        """Returns when the caller is gone."""
        while await self.reached():
            await asyncio.sleep(PING_SECONDS)

    async def _write(self, data: bytes) -> None:
        await write(self._writer, data)


async def write(writer: asyncio.StreamWriter, data: bytes) -> None:
    """Raises TimeoutError when the caller does not take it."""
    writer.write(data)
    async with asyncio.timeout(WRITE_SECONDS):
        await writer.drain()
