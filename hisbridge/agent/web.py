"""HTTP/1.1 and WebSocket on one address for callers that nobody trusts: bounded in size, time and number.

h11 reads and writes HTTP, wsproto the frames; neither knows a socket. A connection counts as admitted once it asked
something that `Access` allows; where there are too many, those that are not give way first. What is sent is never
logged.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

import h11
import wsproto
from wsproto.events import AcceptConnection

from hisbridge.agent.access import Access, Caller, cors, preflight
from hisbridge.agent.errors import AgentForbidden, AgentNotPaired, AgentTooMany
from hisbridge.agent.peer import Peer, Rate, write
from wire.codec import to_json
from wire.errors import MalformedMessage, TiepDonError

log = logging.getLogger(__name__)

MAX_HEAD = 16 << 10  # bytes
MAX_BODY = 16 << 10  # bytes; the largest anybody has to send is a pairing code
MAX_CONNECTIONS = 64
REQUEST_SECONDS = 5.0  # for a whole request, however slowly its bytes come
PARTING_SECONDS = 2.0  # for the last bytes to a caller who does not read
ROUNDS_TO_BEGIN = 5  # of the event loop, until a connection that was just accepted is known here
IDLE_SECONDS = 15.0  # between two requests of a kept connection
CALLS_PER_SECOND = 40.0  # of all callers together
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Frame-Options": "DENY",
}


@dataclass(frozen=True)
class Call:
    """One request that passed the door. Header names are in lower case; `query` holds the first value of each name."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    caller: Caller


@dataclass(frozen=True)
class Reply:
    """One answer; `stream` is sent piece by piece until it ends or the caller leaves."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    stream: AsyncIterator[bytes] | None = None


def json_reply(value: Any, status: int = 200) -> Reply:
    """A record or plain value as JSON."""
    return Reply(status, to_json(value))


class Application(Protocol):
    """What is behind the door."""

    def is_socket(self, path: str) -> bool:
        """Whether WebSockets are answered at this path."""
        ...

    async def answer(self, call: Call) -> Reply:
        """Raises TiepDonError."""
        ...

    async def converse(self, call: Call, peer: Peer) -> None:
        """One WebSocket until this returns; Raises TiepDonError, ConnectionError."""
        ...


class Server:
    """Serves an application on one address, inside a running event loop."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._rate = Rate(CALLS_PER_SECOND, 2 * CALLS_PER_SECOND)
        self._connections: dict[asyncio.Task[None], bool] = {}  # in order of arrival; whether admitted
        self._access: Access | None = None
        self._server: asyncio.Server | None = None
        self._closing = False

    async def listen(self, host: str, port: int) -> int:
        """Begin to accept, still refusing everybody; returns the port. Raises OSError."""
        self._server = await asyncio.start_server(self._connected, host, port, limit=1 << 16, reuse_address=True)
        return int(self._server.sockets[0].getsockname()[1])

    def open(self, access: Access) -> None:
        """Answer those whom `access` allows."""
        self._access = access

    async def close(self) -> None:
        """Accept nobody any more and end what is open."""
        self._closing = True
        if self._server is not None:
            # First of all nobody new: a server that is closed fails over those it has just accepted, and leaves them.
            for one in self._server.sockets:
                asyncio.get_running_loop().remove_reader(one.fileno())
            for _ in range(ROUNDS_TO_BEGIN):
                await asyncio.sleep(0)
            self._server.close()
        tasks = list(self._connections)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        access = self._access
        if task is None or access is None or self._closing or not self._room():
            writer.transport.abort()
            return
        self._connections[task] = False
        try:
            await self._requests(reader, writer, access, task)
        except (ConnectionError, TimeoutError, asyncio.CancelledError):
            pass
        except Exception as error:  # its text may hold what the caller sent
            log.error("a caller's connection failed (%s)", type(error).__name__)
        finally:
            await self._part(writer)
            self._connections.pop(task, None)

    async def _part(self, writer: asyncio.StreamWriter) -> None:
        """Close once the last bytes are sent; whoever does not take them soon is cut off, and counts until then."""
        with contextlib.suppress(OSError, TimeoutError, asyncio.CancelledError):
            if self._closing:
                writer.transport.abort()
            writer.close()
            async with asyncio.timeout(PARTING_SECONDS):
                await writer.wait_closed()
        writer.transport.abort()

    def _room(self) -> bool:
        if len(self._connections) < MAX_CONNECTIONS:
            return True
        stranger = next((task for task, admitted in self._connections.items() if not admitted), None)
        if stranger is None:
            return False
        del self._connections[stranger]
        stranger.cancel()
        return True

    async def _requests(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, access: Access, task: "asyncio.Task[None]"
    ) -> None:
        http = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD)
        address = str(writer.get_extra_info("peername")[0])
        origin = ""
        while True:
            try:
                async with asyncio.timeout(IDLE_SECONDS):
                    first = await reader.read(1 << 14)
                async with asyncio.timeout(REQUEST_SECONDS):
                    head, body = await _request(http, reader, first)
            except h11.RemoteProtocolError as error:
                await _send(http, writer, _refusal(MalformedMessage(why="http"), error.error_status_hint))
                return
            if head is None:
                return
            try:
                headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in head.headers}
                origin = ""
                caller = access.caller(address, headers)
                origin = caller.origin
                if not self._rate.allows():
                    raise AgentTooMany()
                self._connections[task] = True
                call = _call(head, headers, body, caller)
                if "websocket" in headers.get("upgrade", "").lower() and self._application.is_socket(call.path):
                    await self._websocket(http, reader, writer, call)
                    return
                if call.method == "OPTIONS":
                    reply = Reply(204, headers=preflight(origin, headers))
                else:
                    reply = await self._application.answer(call)
            except TiepDonError as error:
                reply = _refusal(error)
            except Exception as error:
                log.error("a call failed (%s)", type(error).__name__)
                reply = _refusal(TiepDonError(), 500)
            await _send(http, writer, reply, origin, reader)
            refused = reply.status in (403, 429)
            if refused or http.our_state is not h11.DONE or http.their_state is not h11.DONE:
                return
            http.start_next_cycle()

    async def _websocket(
        self, http: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, call: Call
    ) -> None:
        frames = wsproto.WSConnection(wsproto.ConnectionType.SERVER)
        try:
            raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in call.headers.items()]
            frames.initiate_upgrade_connection(raw, call.path)
            for _ in frames.events():
                pass
            writer.write(frames.send(AcceptConnection()))
        except wsproto.utilities.RemoteProtocolError:
            await _send(http, writer, _refusal(MalformedMessage(why="websocket")), call.caller.origin)
            return
        trailing, _ = http.trailing_data
        if trailing:
            frames.receive_data(trailing)
        peer = Peer(reader, writer, frames)
        await _until_one_ends(self._conversation(call, peer), peer.pump(), peer.heartbeat())

    async def _conversation(self, call: Call, peer: Peer) -> None:
        code = 1000
        try:
            await self._application.converse(call, peer)
        except TiepDonError as error:
            log.info("a conversation was ended (%s)", error.code)
            code = 1008
        except (ConnectionError, TimeoutError, wsproto.utilities.LocalProtocolError):
            return
        await peer.close(code)


async def _request(
    http: h11.Connection, reader: asyncio.StreamReader, first: bytes
) -> tuple[h11.Request | None, bytes]:
    """One whole request; (None, b"") when the caller left. Raises h11.RemoteProtocolError."""
    http.receive_data(first)
    head: h11.Request | None = None
    body = bytearray()
    while True:
        event = http.next_event()
        if event is h11.NEED_DATA:
            http.receive_data(await reader.read(1 << 14))
        elif isinstance(event, h11.Request):
            head = event
            if any(name == b"expect" for name, _ in head.headers):
                raise h11.RemoteProtocolError("expect", error_status_hint=417)
        elif isinstance(event, h11.Data):
            body += event.data
            if len(body) > MAX_BODY:
                raise h11.RemoteProtocolError("too large", error_status_hint=413)
        elif isinstance(event, h11.EndOfMessage):
            return head, bytes(body)
        else:
            return None, b""


def _call(head: h11.Request, headers: Mapping[str, str], body: bytes, caller: Caller) -> Call:
    parts = urlsplit(head.target.decode("latin-1"))
    query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
    return Call(head.method.decode("latin-1"), parts.path, query, headers, body, caller)


def _refusal(error: TiepDonError, status: int | None = None) -> Reply:
    if status is None:
        status = {AgentForbidden: 403, AgentNotPaired: 401, AgentTooMany: 429}.get(type(error), 400)
    return json_reply({"code": error.code, "retriable": error.retriable, "data": error.data}, status)


async def _send(
    http: h11.Connection,
    writer: asyncio.StreamWriter,
    reply: Reply,
    origin: str = "",
    reader: asyncio.StreamReader | None = None,
) -> None:
    if http.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
        return
    headers = {"Content-Type": reply.content_type, **SECURITY_HEADERS, **cors(origin), **reply.headers}
    if reply.stream is None:
        headers["Content-Length"] = str(len(reply.body))
    if reply.stream is not None or reply.status in (403, 429):
        headers["Connection"] = "close"
    if reply.status in (204, 304):
        headers.pop("Content-Length", None)
        headers.pop("Content-Type", None)
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    data = http.send(h11.Response(status_code=reply.status, headers=raw)) or b""
    if reply.stream is None:
        if reply.body and reply.status not in (204, 304):
            data += http.send(h11.Data(data=reply.body)) or b""
        data += http.send(h11.EndOfMessage()) or b""
        await write(writer, data)
        return
    await write(writer, data)
    gone = () if reader is None else (_until_gone(reader),)
    await _until_one_ends(*gone, _pieces(http, writer, reply.stream))


async def _until_one_ends(*works: Coroutine[Any, Any, None]) -> None:
    """Do these at a time until the first ends; the others are given up."""
    jobs = [asyncio.ensure_future(work) for work in works]
    try:
        await asyncio.wait(jobs, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for job in jobs:
            job.cancel()
        await asyncio.gather(*jobs, return_exceptions=True)


async def _pieces(http: h11.Connection, writer: asyncio.StreamWriter, stream: AsyncIterator[bytes]) -> None:
    async for piece in stream:
        await write(writer, http.send(h11.Data(data=piece)) or b"")
    await write(writer, http.send(h11.EndOfMessage()) or b"")


async def _until_gone(reader: asyncio.StreamReader) -> None:
    while await reader.read(1 << 12):
        pass
