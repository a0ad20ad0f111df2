"""The agent's own interface (docs/integration/local-agent.md): status, pairing, what waits, offers, and taking one.

Two feeds tell of offers, server-sent events and WebSocket; both carry ticket numbers only. A record leaves in the
answer to a POST with the token of a paired page, once.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from importlib import resources
from typing import Annotated

from msgspec import Meta

from config.destinations import LocalAgentDestination
from hisbridge.agent import pairing, typing
from hisbridge.agent.errors import AgentForbidden, AgentNotPaired, AgentPairing, AgentTooMany, UnknownScreen
from hisbridge.agent.offers import Offers, Told
from hisbridge.agent.peer import Peer, Rate
from hisbridge.agent.web import Call, Reply, json_reply
from hisbridge.records import PatientRecord
from wire import sqlite
from wire.codec import Record, from_json, to_json
from wire.errors import MalformedMessage

log = logging.getLogger(__name__)

MOST = 2**63 - 1  # of a delivery's number, as the database counts
VERSION = "1"  # of this interface
MOST_FEEDS = 16
FIRST_MESSAGE_SECONDS = 5.0
HEARTBEAT_SECONDS = 10.0
REPEAT_SECONDS = 30.0  # how long a lost answer can be asked for again
PAIRINGS_PER_SECOND = 0.2
PAIRINGS_AT_ONCE = 4
PAGE = {
    "/": ("agent.html", "text/html; charset=utf-8"),
    "/agent.js": ("agent.js", "text/javascript; charset=utf-8"),
    "/agent.css": ("agent.css", "text/css; charset=utf-8"),
}
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


class Status(Record, frozen=True, kw_only=True):
    """The answer of `/v1/status`: nothing of any person."""

    product: str = "tiepdon"
    version: str = VERSION
    feed: str
    offer: str
    paired: bool
    synthetic: bool


class Pair(Record, frozen=True, kw_only=True):
    """What a page sends to be paired."""

    code: str


class Paired(Record, frozen=True, kw_only=True):
    """What a page keeps: it is shown once."""

    token: str


class Choose(Record, frozen=True, kw_only=True):
    """Which waiting record is to be offered."""

    delivery: Annotated[int, Meta(ge=1, le=MOST)]


class Take(Record, frozen=True, kw_only=True):
    """Which offer is taken. `attempt`: a name of the caller's own, so that a lost answer can be asked for again."""

    offer: str
    attempt: str = ""


class TakeBlocks(Record, frozen=True, kw_only=True):
    """Which offer is taken as text blocks for a screen."""

    offer: str
    screen: str
    attempt: str = ""


class ScreenTold(Record, frozen=True, kw_only=True):
    """One screen that the settings know; `window` and `delay_ms` are for whoever presses the keys."""

    name: str
    window: str
    delay_ms: int


class Hello(Record, frozen=True, kw_only=True):
    """A WebSocket's first message."""

    token: str


class Calls:
    """The calls of one agent, whatever its feed."""

    def __init__(
        self,
        destination: LocalAgentDestination,
        connection: sqlite.Connection,
        offers: Offers,
        now: Callable[[], datetime],
        synthetic: bool,
        words: dict[str, dict[str, str]],
    ) -> None:
        self._destination = destination
        self._connection = connection
        self._offers = offers
        self._now = now
        self._synthetic = synthetic
        self._words = words
        self._pairings = Rate(PAIRINGS_PER_SECOND, PAIRINGS_AT_ONCE)
        self._feeds = 0
        self._routes: dict[tuple[str, str], Callable[[Call], Awaitable[Reply]]] = {
            ("GET", "/v1/status"): self._status,
            ("POST", "/v1/pair"): self._pair,
            ("POST", "/v1/unpair"): self._unpair,
            ("GET", "/v1/waiting"): self._waiting,
            ("POST", "/v1/offer"): self._offer,
            ("POST", "/v1/take"): self._take,
            ("POST", "/v1/take/blocks"): self._take_blocks,
            ("GET", "/v1/screens"): self._screens,
            ("GET", "/v1/events"): self._events,
            ("GET", "/v1/words"): self._page_words,
        }

    def is_socket(self, path: str) -> bool:
        """The WebSocket feed."""
        return path == "/v1/feed"

    async def answer(self, call: Call) -> Reply:
        """Raises TiepDonError."""
        if call.method == "GET" and call.path in PAGE:
            return _page(call)
        route = self._routes.get((call.method, call.path))
        if route is None:
            return json_reply({"code": MalformedMessage.code, "retriable": False, "data": {"why": "no such path"}}, 404)
        return await route(call)

    async def converse(self, call: Call, peer: Peer) -> None:
        """A page's feed: it says its token first, then hears what SSE says too."""
        async with asyncio.timeout(FIRST_MESSAGE_SECONDS):
            hello = from_json(await peer.receive(), Hello)
        self._origin_of(call, hello.token)
        async for told in self._following():
            if told is not None:
                await peer.send(to_json(told).decode())

    async def _status(self, call: Call) -> Reply:
        status = Status(
            feed=self._destination.feed,
            offer=self._destination.offer,
            paired=self._is_paired(call),
            synthetic=self._synthetic,
        )
        return json_reply(status)

    async def _pair(self, call: Call) -> Reply:
        if not self._pairings.allows():
            raise AgentTooMany()
        try:
            token = pairing.pair(
                self._connection,
                self._destination.name,
                call.caller.origin,
                from_json(call.body, Pair).code,
                self._now(),
            )
        except AgentPairing:
            log.warning("%s: a pairing was refused", self._destination.name)
            raise
        log.info("%s: paired with %s", self._destination.name, call.caller.origin or "a program")
        return json_reply(Paired(token=token))

    async def _unpair(self, call: Call) -> Reply:
        self._paired(call)
        pairing.forget_token(self._connection, _token(call))
        return json_reply({"unpaired": True})

    async def _waiting(self, call: Call) -> Reply:
        self._paired(call)
        return json_reply({"waiting": self._offers.look(), "offers": self._offers.told()})

    async def _offer(self, call: Call) -> Reply:
        self._paired(call)
        return json_reply(self._offers.offer(from_json(call.body, Choose).delivery))

    async def _take(self, call: Call) -> Reply:
        by = self._paired(call)
        wanted = from_json(call.body, Take)
        return json_reply(self._taken(wanted.offer, by, wanted.attempt))

    async def _take_blocks(self, call: Call) -> Reply:
        by = self._paired(call)
        wanted = from_json(call.body, TakeBlocks)
        screen = self._destination.screens.get(wanted.screen)
        if screen is None:
            raise UnknownScreen(known=", ".join(sorted(self._destination.screens)) or None)
        record = self._taken(wanted.offer, by, wanted.attempt)
        return json_reply({"blocks": typing.blocks(record, screen)})

    async def _screens(self, call: Call) -> Reply:
        self._paired(call)
        told = [
            ScreenTold(name=name, window=screen.window, delay_ms=screen.delay_ms)
            for name, screen in sorted(self._destination.screens.items())
        ]
        return json_reply({"screens": told})

    async def _page_words(self, _call: Call) -> Reply:
        return json_reply(self._words)

    async def _events(self, call: Call) -> Reply:
        self._paired(call)
        if self._feeds >= MOST_FEEDS:
            raise AgentTooMany()
        return Reply(content_type="text/event-stream", stream=self._stream())

    async def _stream(self) -> AsyncIterator[bytes]:
        async for told in self._following():
            if told is None:
                yield b": alive\n\n"
            else:
                yield b"event: " + told.event.encode() + b"\ndata: " + to_json(told) + b"\n\n"

    async def _following(self) -> AsyncIterator[Told | None]:
        """Everything told from now on; None when nothing happened for a while."""
        if self._feeds >= MOST_FEEDS:
            raise AgentTooMany()
        self._feeds += 1
        mailbox = self._offers.follow()
        try:
            while True:
                told = None
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(HEARTBEAT_SECONDS):
                        told = await mailbox.get()
                yield told
        finally:
            self._offers.unfollow(mailbox)
            self._feeds -= 1

    def _taken(self, offer: str, by: str, attempt: str) -> PatientRecord:
        record = self._offers.take(offer, by, attempt)
        asyncio.get_running_loop().call_later(REPEAT_SECONDS, self._offers.forget, offer)
        return record

    def _is_paired(self, call: Call) -> bool:
        try:
            self._paired(call)
        except AgentNotPaired:
            return False
        return True

    def _paired(self, call: Call) -> str:
        """The paired origin that calls. Raises AgentNotPaired."""
        return self._origin_of(call, _token(call))

    def _origin_of(self, call: Call, token: str) -> str:
        origin = token and pairing.paired_origin(
            self._connection, self._destination.name, token, call.caller.candidates
        )
        if not token or origin is None:
            raise AgentNotPaired()
        return origin


def _token(call: Call) -> str:
    kind, _, token = call.headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


def _page(call: Call) -> Reply:
    if call.caller.origin and call.headers.get("sec-fetch-site", "same-origin") != "same-origin":
        raise AgentForbidden(why="site")
    name, kind = PAGE[call.path]
    body = resources.files("hisbridge.agent").joinpath("page", name).read_bytes()
    return Reply(200, body, kind, {"Content-Security-Policy": CONTENT_SECURITY_POLICY})
