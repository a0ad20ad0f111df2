"""The feeds that programs already read: a card reader's own service, in whose place the agent stands (bridge.md 3.1).

Such programs cannot be paired and confirm nothing. So each record goes to one client, the one that connected last
(the window the clerk opened last), and counts as taken when that client answered something sent after it.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import Protocol

from hisbridge.agent import engineio
from hisbridge.agent.engineio import Session
from hisbridge.agent.errors import AgentForbidden, AgentNoOffer, AgentTooMany
from hisbridge.agent.offers import Offer, Offers
from hisbridge.agent.peer import Peer
from hisbridge.agent.web import Call, Reply
from hisbridge.connectors.local_agent import render
from wire.codec import to_json
from wire.errors import MalformedMessage

log = logging.getLogger(__name__)

MOST_CLIENTS = 16
PROOF_SECONDS = 10.0
HN212_EVENT = "/event"  # the channel's name; an event of the default namespace
SOCKET_IO = "/socket.io/"
NEW_CARD = to_json({"id": 1, "message": "new card!"}).decode()
FAILED = to_json({"id": 3, "message": "read card failed!"}).decode()
READ = to_json({"EventName": "READ"}).decode()
EMPTY = to_json({"NewState": "EMPTY"}).decode()
FAILURE = to_json({"Status": "FAILURE"}).decode()


class Feed(Protocol):
    """A reader's service: calls and sockets of its own, and records for the client that connected last."""

    def is_socket(self, path: str) -> bool:
        """Whether WebSockets are answered at this path."""
        ...

    async def answer(self, call: Call) -> Reply | None:
        """None: no path of this feed's."""
        ...

    async def converse(self, call: Call, peer: Peer) -> None:
        """One WebSocket."""
        ...

    async def deliver(self, offer: Offer) -> bool:
        """Tell the last client of this record; whether it surely has it."""
        ...

    async def fail(self) -> None:
        """Tell the last client that the reading failed."""
        ...

    @property
    def arrived(self) -> asyncio.Event:
        """Set whenever a client joins."""
        ...


class Cameraip:
    """A WebSocket that sends READ, CARD_RESULT, EMPTY and FAILURE."""

    def __init__(self) -> None:
        self._peers: list[Peer] = []
        self.arrived = asyncio.Event()

    def is_socket(self, path: str) -> bool:
        """At the root, as such a kit has it."""
        return path == "/"

    async def answer(self, call: Call) -> Reply | None:  # noqa: ARG002
        """Nothing besides the WebSocket."""
        return None

    async def converse(self, call: Call, peer: Peer) -> None:  # noqa: ARG002
        """Until the client leaves; what it says has no meaning."""
        if len(self._peers) >= MOST_CLIENTS:
            raise AgentTooMany()
        self._peers.append(peer)
        self.arrived.set()
        try:
            while True:
                await peer.receive()
        finally:
            self._peers.remove(peer)

    async def deliver(self, offer: Offer) -> bool:
        """EMPTY first: whatever stood there was somebody else."""
        if not self._peers:
            return False
        peer = self._peers[-1]
        try:
            for text in (EMPTY, READ, (render(offer.record, "cameraip") or b"{}").decode()):
                await peer.send(text)
        except (ConnectionError, TimeoutError):
            return False
        return await peer.reached(PROOF_SECONDS)

    async def fail(self) -> None:
        """Never raises."""
        if self._peers:
            with contextlib.suppress(ConnectionError, TimeoutError):
                await self._peers[-1].send(FAILURE)


class Hn212:
    """The Socket.IO service of HN212-class readers: channel `/event`, ids 1 to 3 (4 would be the portrait: never)."""

    def __init__(self) -> None:
        self._sessions: dict[str, Session] = {}
        self._polled: set[str] = set()
        self.arrived = asyncio.Event()

    def is_socket(self, path: str) -> bool:
        """Where socket.io-client looks."""
        return path == SOCKET_IO

    async def answer(self, call: Call) -> Reply | None:
        """Engine.IO polling. Raises MalformedMessage, AgentForbidden, AgentTooMany."""
        if call.path != SOCKET_IO:
            return None
        if "j" in call.query:  # a script of any page could read it
            raise AgentForbidden(why="jsonp")
        sid = call.query.get("sid")
        if sid is None:
            if call.method != "GET":
                raise MalformedMessage(why="no session", where="engine.io")
            session = self._opened(call)
            packets = [session.handshake(upgrades=True), *await session.packets(0)]
            return _polled(call, engineio.encode_payload(session.protocol, packets))
        session = self._session(call, sid)
        if call.method == "POST":
            for packet in engineio.decode_payload(session.protocol, call.body):
                self._received(session, packet)
            return _polled(call, b"ok")
        return await self._poll(call, session)

    async def converse(self, call: Call, peer: Peer) -> None:
        """Engine.IO over WebSocket, from the start or in place of a session's polling."""
        sid = call.query.get("sid")
        if sid is None:
            session = self._opened(call)
            await peer.send(session.handshake(upgrades=False))
            self._use(session)
        else:
            session = self._session(call, sid)
            if await peer.receive() != engineio.PING + "probe":
                raise MalformedMessage(why="probe", where="engine.io")
            await peer.send(engineio.PONG + "probe")
            session.probing = True
            session.put(engineio.NOOP)  # ends the poll that is under way; the client waits for its end
            if await peer.receive() != engineio.UPGRADE:
                raise MalformedMessage(why="upgrade", where="engine.io")
        session.polling = session.probing = False
        try:
            await _both(self._sending(session, peer), self._receiving(session, peer))
        finally:
            self._drop(session)

    async def deliver(self, offer: Offer) -> bool:
        """The new card, then its texts."""
        session = self._last()
        if session is None:
            return False
        session.emit(HN212_EVENT, NEW_CARD)
        session.emit(HN212_EVENT, (render(offer.record, "hn212") or b"{}").decode())
        if await session.proven(PROOF_SECONDS):
            return True
        self._drop(session)
        return False

    async def fail(self) -> None:
        """Never raises."""
        if (session := self._last()) is not None:
            session.emit(HN212_EVENT, FAILED)

    def _opened(self, call: Call) -> Session:
        protocol = {"4": 4, "3": 3}.get(call.query.get("EIO", ""))
        if protocol is None:
            raise MalformedMessage(why="protocol", where="engine.io")
        for old in [one for one in self._sessions.values() if one.overdue() or one.closed]:
            self._drop(old)
        if len(self._sessions) >= MOST_CLIENTS:
            # A page that reloads leaves its session behind; the one heard of longest ago gives way.
            self._drop(min(self._sessions.values(), key=lambda one: one.seen))
        session = Session(protocol, call.caller.page)
        self._sessions[session.sid] = session
        return session

    def _session(self, call: Call, sid: str) -> Session:
        session = self._sessions.get(sid)
        if session is None or session.closed or session.page != call.caller.page:
            raise MalformedMessage(why="no session", where="engine.io")
        self._use(session)
        return session

    def _use(self, session: Session) -> None:
        session.used = True
        if session.connected:
            self.arrived.set()

    def _received(self, session: Session, packet: str) -> None:
        session.receive(packet)
        if session.connected:
            self.arrived.set()
        if session.closed:
            self._drop(session)

    async def _poll(self, call: Call, session: Session) -> Reply:
        if session.sid in self._polled or not session.polling:
            self._drop(session)
            raise MalformedMessage(why="two polls", where="engine.io")
        self._polled.add(session.sid)
        try:
            packets = await session.packets(0.1 if session.probing else engineio.PING_SECONDS)
        finally:
            self._polled.discard(session.sid)
        if session.closed:
            packets.append(engineio.CLOSE)
        if not packets:
            packets.append(engineio.PING if session.protocol == 4 and not session.probing else engineio.NOOP)
        return _polled(call, engineio.encode_payload(session.protocol, packets))

    async def _sending(self, session: Session, peer: Peer) -> None:
        while not session.closed:
            packets = await session.packets(engineio.PING_SECONDS)
            if not packets and session.protocol == 4:
                packets = [engineio.PING]
            for packet in packets:
                await peer.send(packet)
            if session.overdue():
                return

    async def _receiving(self, session: Session, peer: Peer) -> None:
        while not session.closed:
            self._received(session, await peer.receive())

    def _last(self) -> Session | None:
        ready = [
            one
            for one in self._sessions.values()
            if one.used and one.connected and not one.closed and not one.overdue()
        ]
        return ready[-1] if ready else None

    def _drop(self, session: Session) -> None:
        session.close()
        self._sessions.pop(session.sid, None)


async def hand_over(offers: Offers, feed: Feed, offer: Offer, by: str, over: Callable[[], bool]) -> None:
    """Bring one offered record to a client, as long as it is on offer."""
    while not over():
        feed.arrived.clear()
        if await feed.deliver(offer):
            try:
                offers.take(offer.offer_id, by)
            except AgentNoOffer:
                await feed.fail()
            return
        if not over():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await feed.arrived.wait()


def _polled(call: Call, body: bytes) -> Reply:
    # Older clients ask with credentials; there are none, but browsers want the word.
    allowed = {"Access-Control-Allow-Credentials": "true"} if call.caller.origin else {}
    return Reply(200, body, "text/plain; charset=UTF-8", allowed)


async def _both(*jobs: Awaitable[None]) -> None:
    """Until the first of them ends; the others end with it. Raises what that one raised."""
    tasks = [asyncio.ensure_future(job) for job in jobs]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
