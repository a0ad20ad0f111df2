"""The agent as a part of the bridge: one thread with one event loop, where other destinations have a courier.

It has a courier's outside (run, wake, resume, stop, health), so that the bridge treats both alike.
"""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Mapping
from datetime import datetime

from config.destinations import LocalAgentDestination
from hisbridge.agent import waiting
from hisbridge.agent.access import access, address_of
from hisbridge.agent.calls import Calls
from hisbridge.agent.errors import AgentCannotListen, AgentSetup
from hisbridge.agent.offers import Offer, Offers
from hisbridge.agent.peer import Peer
from hisbridge.agent.readers import Cameraip, Feed, Hn212, hand_over
from hisbridge.agent.web import Call, Reply, Server
from hisbridge.connectors.local_agent import render
from hisbridge.desk_records import Depth, Pause
from hisbridge.records import Event, PatientRecord
from hisbridge.standing import Condition, DestinationHealth, Standing
from wire import sqlite
from wire.database import DatabaseUnavailable, require_in_place

log = logging.getLogger(__name__)

AGAIN_SECONDS = 1.0  # between two tries to listen
LOOK_SECONDS = 0.5  # between two looks while something is on offer

Words = Mapping[str, Mapping[str, str]]  # language, key, text: what the agent's own page shows


class LocalAgent:
    """One local agent. `port` is the one really bound, 0 before."""

    connector_name = "local_agent"

    def __init__(
        self,
        destination: LocalAgentDestination,
        open_connection: Callable[[], sqlite.Connection],
        now: Callable[[], datetime],
        synthetic: bool = False,
        words: Words | None = None,
    ) -> None:
        self.name = destination.name
        self.port = 0
        self._destination = destination
        self._open_connection = open_connection
        self._now = now
        self._synthetic = synthetic
        self._words = {language: dict(texts) for language, texts in (words or {}).items()}
        self._standing = Standing(destination.name)
        self._offers: Offers | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._woken: asyncio.Event | None = None
        self._changed = threading.Event()
        self._stopping = threading.Event()
        self.listening = threading.Event()

    def run(self, poll_seconds: float) -> None:
        """Listen until `stop`; survives a database that fails and an address that is taken."""
        while not self._stopping.is_set():
            self._changed.clear()
            try:
                asyncio.run(self._serve(poll_seconds))
            except AgentSetup as error:
                self._standing.stop(error.code, str(error))
                self._changed.wait()
            except OSError as error:
                self._failed(AgentCannotListen.code, type(error).__name__)
            except (sqlite.Error, DatabaseUnavailable) as error:
                self._failed(DatabaseUnavailable.code, type(error).__name__)
            except Exception as error:  # its text may be personal
                self._failed("internal", type(error).__name__)
            finally:
                self.listening.clear()
                self.port = 0
            if not self._stopping.is_set():
                self._changed.wait(AGAIN_SECONDS)

    def wake(self) -> None:
        """Something was put into the outbox."""
        loop, woken = self._loop, self._woken
        if loop is not None and woken is not None:
            with contextlib.suppress(RuntimeError):  # the loop has just ended
                loop.call_soon_threadsafe(woken.set)

    def let_go(self) -> None:
        """The destination was paused: what is on offer is withdrawn."""
        self.wake()

    def resume(self) -> None:
        """Somebody changed what stood in the way: try again."""
        self._standing.resume()
        self._changed.set()
        self.wake()

    def stop(self) -> None:
        """End `run`."""
        self._stopping.set()
        self._changed.set()
        self.wake()

    def health(self, owed: Depth, pause: Pause | None = None) -> DestinationHealth:
        """How it is going, with what the outbox holds for this destination."""
        self._standing.last_acknowledged = self._offers.last_taken if self._offers else None
        return self._standing.health(self.connector_name, 0, owed, pause)

    def _failed(self, code: str, why: str) -> None:
        if self._standing.problem != code:
            log.error("%s: %s (%s)", self.name, code, why)
        self._standing.failures += 1
        self._standing.condition, self._standing.problem = Condition.FAILING, code

    async def _serve(self, poll_seconds: float) -> None:
        self._loop, self._woken = asyncio.get_running_loop(), asyncio.Event()
        if self._stopping.is_set():
            return
        host, port = address_of(self._destination)
        access(self._destination, port)  # before anything is bound
        connection = self._open_connection()
        try:
            waiting.take_back(connection, self.name)
            offers = self._offers = Offers(self._destination, connection, self._now, self._concerns)
            calls = Calls(self._destination, connection, offers, self._now, self._synthetic, self._words)
            feed = _feed(self._destination.feed)
            server = Server(_Application(calls, feed))
            self.port = await server.listen(host.strip("[]"), port)
            server.open(access(self._destination, self.port))
            log.info("%s: local agent listens on %s port %d", self.name, host, self.port)
            handing = asyncio.ensure_future(self._hand_over(offers, feed)) if feed is not None else None
            try:
                await self._look(connection, offers, poll_seconds)
            finally:
                if handing is not None:
                    handing.cancel()
                    await asyncio.gather(handing, return_exceptions=True)
                await server.close()
        finally:
            connection.close()

    async def _look(self, connection: sqlite.Connection, offers: Offers, poll_seconds: float) -> None:
        assert self._woken is not None  # noqa: S101 - set by the caller
        while not self._stopping.is_set():
            self._woken.clear()
            require_in_place(connection)
            offers.look()
            self._standing.answered()
            self.listening.set()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(poll_seconds, LOOK_SECONDS) if offers.open() else poll_seconds):
                    await self._woken.wait()

    async def _hand_over(self, offers: Offers, feed: Feed) -> None:
        """Each offer in its turn: a reader reads one card after the other."""
        mailbox = offers.follow()
        while True:
            await mailbox.get()
            while offer := next(iter(offers.open()), None):
                await self._handed(offers, feed, offer)

    async def _handed(self, offers: Offers, feed: Feed, offer: Offer) -> None:
        def over() -> bool:
            return offer not in offers.open()

        try:
            await hand_over(offers, feed, offer, self._destination.feed, over)
        except (sqlite.Error, DatabaseUnavailable) as error:
            log.error("%s: %s (%s)", self.name, DatabaseUnavailable.code, type(error).__name__)
            await asyncio.sleep(1.0)
        if self._woken is not None:
            self._woken.set()  # the next may be offered

    def _concerns(self, record: PatientRecord) -> bool:
        return record.event is not Event.MERGED and render(record, self._destination.feed) is not None


def _feed(name: str) -> Feed | None:
    match name:
        case "hn212":
            return Hn212()
        case "cameraip":
            return Cameraip()
        case _:
            return None


class _Application:
    """The agent's own interface, and the feed beside it."""

    def __init__(self, calls: Calls, feed: Feed | None) -> None:
        self._calls = calls
        self._feed = feed

    def is_socket(self, path: str) -> bool:
        return self._calls.is_socket(path) or (self._feed is not None and self._feed.is_socket(path))

    async def answer(self, call: Call) -> Reply:
        if self._feed is not None and (reply := await self._feed.answer(call)) is not None:
            return reply
        return await self._calls.answer(call)

    async def converse(self, call: Call, peer: Peer) -> None:
        if self._feed is not None and self._feed.is_socket(call.path):
            await self._feed.converse(call, peer)
        else:
            await self._calls.converse(call, peer)
