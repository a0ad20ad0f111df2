"""Socket.IO as far as a reader's service needs it: one namespace, events from server to client, nothing else.

Engine.IO protocol 3 (socket.io-client 2) and 4 (socket.io-client 3 and 4, python-socketio 5), polling and WebSocket
and the change from one to the other; Socket.IO protocols 4 and 5. Sessions and packets only: knows no HTTP.
"""

import asyncio
import json
import secrets
import time
from dataclasses import dataclass, field

from wire.errors import MalformedMessage

OPEN, CLOSE, PING, PONG, MESSAGE, UPGRADE, NOOP = "0123456"
CONNECT, DISCONNECT, EVENT, CONNECT_ERROR = "0124"
SEPARATOR = "\x1e"  # between packets of one payload, protocol 4
PING_SECONDS = 20.0  # protocol 4: the server asks
CLIENT_PING_SECONDS = 1.0  # protocol 3: the client asks; two of its questions tell that an event arrived
TIMEOUT_SECONDS = 20.0
MOST_QUEUED = 100
MAX_PAYLOAD = 16 << 10
MOST_PACKETS = 20  # in one payload


@dataclass(eq=False)
class Session:
    """One client. `page` opened it (hisbridge.agent.access.Caller); no other may use it."""

    protocol: int
    page: str
    sid: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    connected: bool = False  # the client joined the namespace
    closed: bool = False
    used: bool = False  # the client came back with the session's name: a page that cannot read us never does
    polling: bool = True
    probing: bool = False  # a WebSocket is about to take the place of polling
    seen: float = field(default_factory=time.monotonic)
    opened: float = field(default_factory=time.monotonic)
    _out: list[str] = field(default_factory=list)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _heard: int = 0  # proofs of life since the start
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def handshake(self, upgrades: bool) -> str:
        """The first packet. With protocol 3 the server joins the client to the namespace by itself."""
        told = {
            "sid": self.sid,
            "upgrades": ["websocket"] if upgrades else [],
            "pingInterval": int((PING_SECONDS if self.protocol == 4 else CLIENT_PING_SECONDS) * 1000),
            "pingTimeout": int(TIMEOUT_SECONDS * 1000),
        }
        if self.protocol == 4:
            told["maxPayload"] = MAX_PAYLOAD
        else:
            self._join(MESSAGE + CONNECT)
        return OPEN + json.dumps(told)

    def emit(self, name: str, value: str) -> None:
        """One event; `value` is JSON."""
        self.put(f"{MESSAGE}{EVENT}[{json.dumps(name)},{value}]")

    def put(self, packet: str) -> None:
        """Queue one packet. A client that does not fetch them is dropped."""
        if len(self._out) >= MOST_QUEUED:
            self.close()
            return
        self._out.append(packet)
        self._wake.set()

    async def packets(self, seconds: float) -> list[str]:
        """What is queued, waiting up to `seconds` for the first."""
        if not self._out and not self.closed:
            self._wake.clear()
            try:
                async with asyncio.timeout(seconds):
                    await self._wake.wait()
            except TimeoutError:
                return []
        out, self._out = self._out, []
        return out

    def receive(self, packet: str) -> None:
        """One packet of the client's. Raises MalformedMessage."""
        self.seen = time.monotonic()
        kind, rest = packet[:1], packet[1:]
        if kind == PING and self.protocol == 3:
            self.put(PONG + rest)
            self._hear()
        elif kind == PONG and self.protocol == 4:
            self._hear()
        elif kind == CLOSE:
            self.close()
        elif kind == MESSAGE:
            self._message(rest)
        elif kind not in (PING, PONG, UPGRADE, NOOP):
            raise MalformedMessage(why="packet", where="engine.io")

    async def proven(self, seconds: float) -> bool:
        """Whether everything emitted so far reached the client: packets keep their order, and it answered a later one.

        With protocol 3 only the client asks: its second question shows that it had our answer to the first.
        """
        wanted = self._heard + (1 if self.protocol == 4 else 2)
        if self.protocol == 4:
            self.put(PING)
        try:
            async with asyncio.timeout(seconds):
                while self._heard < wanted and not self.closed:
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            return False
        return self._heard >= wanted

    def overdue(self) -> bool:
        """Whether nothing was heard for too long."""
        return time.monotonic() - self.seen > PING_SECONDS + TIMEOUT_SECONDS

    def close(self) -> None:
        """End it; who waits for packets is woken."""
        self.closed = True
        self.connected = False
        self._wake.set()
        self._news.set()

    def _message(self, rest: str) -> None:
        kind, told = rest[:1], rest[1:]
        if kind == CONNECT:
            if told.startswith("/") and told.partition(",")[0] not in ("/", ""):
                name = told.partition(",")[0].partition("?")[0]
                error = '{"message":"Invalid namespace"}' if self.protocol == 4 else '"Invalid namespace"'
                self.put(f"{MESSAGE}{CONNECT_ERROR}{name},{error}")
            elif self.protocol == 4:
                self._join(MESSAGE + CONNECT + json.dumps({"sid": secrets.token_urlsafe(12)}))
        elif kind == DISCONNECT:
            self.close()
        # Events of the client's have no meaning to a reader's service and are passed over.

    def _join(self, packet: str) -> None:
        if not self.connected:
            self.connected = True
            self.put(packet)

    def _hear(self) -> None:
        self._heard += 1
        self._news.set()


def encode_payload(protocol: int, packets: list[str]) -> bytes:
    """Packets as the body of one HTTP message. Protocol 3 counts UTF-16 units, as JavaScript does."""
    if protocol == 4:
        return SEPARATOR.join(packets).encode()
    return "".join(f"{len(one.encode('utf-16-le')) // 2}:{one}" for one in packets).encode()


def decode_payload(protocol: int, body: bytes) -> list[str]:
    """The packets of one HTTP message's body. Raises MalformedMessage."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise MalformedMessage(why="not UTF-8", where="engine.io") from None
    packets = text.split(SEPARATOR) if protocol == 4 else _counted(text)
    if len(packets) > MOST_PACKETS:
        raise MalformedMessage(why="too many packets", where="engine.io")
    return packets


def _counted(text: str) -> list[str]:
    packets: list[str] = []
    units = text.encode("utf-16-le")
    while units:
        head, colon, _ = units[:24].decode("utf-16-le", "replace").partition(":")
        if not (colon and head.isascii() and head.isdigit()):
            raise MalformedMessage(why="length", where="engine.io")
        begin = 2 * (len(head) + 1)
        end = begin + 2 * int(head)
        if end > len(units) or len(packets) > MOST_PACKETS:
            raise MalformedMessage(why="length", where="engine.io")
        packets.append(units[begin:end].decode("utf-16-le", "replace"))
        units = units[end:]
    return packets
