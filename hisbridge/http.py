"""The only door to httpx and its engine httpcore: one question with one deadline over everything, one bounded answer.

httpcore counts its time-outs per read, so a server that drips bytes could hold a call for ever; here every wait, from
the name's look-up to the last byte, gets only what is left of the whole, on kept connections as well. No redirect is
followed, no proxy, credential or key log is taken from the environment, no cookie is kept, and the library's own logs
stay silent: they print addresses, and the portal's address holds secrets.
"""

import logging
import ssl
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpcore
import httpx

from hisbridge.connections import Connections
from hisbridge.errors import PortalCertificate, PortalError, PortalTimeout, PortalTooLarge, PortalUnreachable
from hisbridge.trust import client_refused, refusal, trust
from wire.names import Resolve, resolve_within

LOGGERS = (
    "httpx",
    "httpcore",
    "httpcore.connection",
    "httpcore.http11",
    "httpcore.http2",
    "httpcore.proxy",
    "httpcore.socks",
)
CONNECT_SECONDS = 3.0  # name, TCP and TLS together: a line that is up needs a fraction; the rest is for the answer
MAX_CONNECTIONS = 8  # to one side at once; further questions wait their turn within their own deadlines
KEPT_SECONDS = 30.0  # an idle connection is used again; servers and firewalls commonly keep one for 60 s
PIECE = 16 * 1024  # bytes written at once, so that a slow reader cannot stretch a write past the deadline
LONGEST_HEADER = 400  # characters of an answer's header that are looked at
AGENT = "TiepDon"
_TOLD = (b"content-type", b"date", b"retry-after", b"location", b"etag")  # in the order of Answer


@dataclass(frozen=True, repr=False)
class Answer:
    """Status, body, and some headers of an HTTP answer (Content-Type in lower case), each empty when untold.

    Any status is an answer: what a refusal's body says is the caller's to read.
    """

    status: int
    body: bytes
    content_type: str = ""
    date: str = ""
    retry_after: str = ""
    location: str = ""
    etag: str = ""


@dataclass(frozen=True, repr=False)
class Question:
    """One request: address without query, body and its media type, query, method, further headers.

    `repeatable`: asking twice does no harm, as with every look-up. `anew`: makes it again for a further try, where a
    signature holds for one request only.
    """

    url: str
    body: bytes
    content_type: str
    query: Mapping[str, str]
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)
    repeatable: bool = True
    anew: "Callable[[], Question] | None" = None


Post = Callable[[Question, float], Answer]


def again(question: Question) -> Question:
    """The question for a further try. Raises whatever making it raised the first time."""
    return question if question.anew is None else question.anew()


class _Call(threading.local):
    """The call that this thread is in: until when, and what has happened so far."""

    deadline = 0.0
    connected = False  # on a connection made for it, not on a kept one
    sent = False  # at least a byte of the question
    received = False  # at least a byte of an answer


def silence() -> None:
    """Switch the HTTP libraries' own logs off for this process, whatever level the others are at."""
    for name in LOGGERS:
        logging.getLogger(name).disabled = True


class Poster:
    """A `Post`, safe from several threads; its connections are kept and shared, and closed with it."""

    def __init__(
        self,
        max_answer: int,
        tls: ssl.SSLContext | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        resolve: Resolve = resolve_within,
    ) -> None:
        silence()
        self._max_answer = max_answer
        self._monotonic = monotonic
        self._call = _Call()
        context, backend = tls or trust(), _DeadlineBackend(_Left(self._call, monotonic), resolve)
        self._connections = Connections(
            lambda origin: httpcore.HTTPConnection(
                origin, context, keepalive_expiry=KEPT_SECONDS, network_backend=backend
            ),
            MAX_CONNECTIONS,
        )
        self._closing = weakref.finalize(self, self._connections.close)

    def __call__(self, question: Question, deadline: float) -> Answer:
        """The answer before `deadline` (monotonic seconds).

        Raises PortalTimeout (`asked` is False where every connection was in use all the time), PortalUnreachable,
        PortalCertificate or PortalTooLarge; none carries a word of the question or of the answer.
        """
        self._call.deadline = deadline
        self._call.sent = False
        try:
            return self._asked(question)
        except httpcore.PoolTimeout:
            failure: PortalError = PortalTimeout(asked=False)
        except httpcore.TimeoutException:
            failure = PortalTimeout()
        except _UNUSABLE:
            failure = PortalUnreachable()
        # Outside the except clauses, so that not even the context keeps httpcore's words and frames.
        raise failure

    @property
    def sent(self) -> bool:
        """Whether this thread's last call put a byte of its question on the wire: without one, nobody has read it."""
        return self._call.sent

    def close(self) -> None:
        """Close every connection; calls under way fail."""
        self._closing()

    def _asked(self, question: Question) -> Answer:
        try:
            return self._exchange(_request(question), fresh=False)
        except (_Leftover, httpcore.ReadError, httpcore.WriteError, httpcore.RemoteProtocolError):
            # The server gave a kept connection up just as it was used: nobody has read the question.
            if self._call.connected or self._call.received or not question.repeatable:
                raise
        # Over a new one, which cannot have been given up meanwhile as other kept ones can.
        return self._exchange(_request(again(question)), fresh=True)

    def _exchange(self, request: httpcore.Request, *, fresh: bool) -> Answer:
        call = self._call
        call.connected = call.received = False
        left = call.deadline - self._monotonic()
        if left <= 0:
            raise PortalTimeout
        connection = self._connections.take(request.url.origin, left, fresh=fresh)
        try:
            response = connection.handle_request(request)
            try:
                if not call.received:
                    raise _Leftover
                assert isinstance(response.stream, Iterable)  # noqa: S101  # narrows a type of httpcore's
                body = _bounded(response.stream, self._max_answer, response.status)
            finally:
                response.close()
        except BaseException:
            # A leftover may be whole and followed by more of its kind: such a connection is not kept.
            connection.close()
            raise
        finally:
            self._connections.give(connection)
        content_type, *others = (_header(response.headers, name) for name in _TOLD)
        return Answer(response.status, body, content_type.lower(), *others)


def poster(
    max_answer: int, tls: ssl.SSLContext | None = None, monotonic: Callable[[], float] = time.monotonic
) -> Poster:
    """A Post that takes no answer of more than `max_answer` bytes; `tls` says whom to trust (default: the system)."""
    return Poster(max_answer, tls, monotonic)


class _Leftover(httpcore.RemoteProtocolError):
    """An answer that was there before the question: it belongs to nobody, least of all to this person."""


# Also what a hostile server sends instead of HTTP, and an address that is none.
_UNUSABLE = (
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.UnsupportedProtocol,
    httpx.InvalidURL,
    UnicodeError,
    ValueError,
)


def _request(question: Question) -> httpcore.Request:
    url = httpx.URL(question.url)
    if url.scheme not in ("http", "https") or not url.host:
        raise httpcore.UnsupportedProtocol
    if question.query:
        url = url.copy_merge_params(dict(question.query))
    headers = httpx.Headers(
        {
            # No compression: an answer must not grow after it was measured.
            "Accept-Encoding": "identity",
            "Accept": "application/json",
            "User-Agent": AGENT,
        }
    )
    if question.body:
        headers["Content-Type"] = question.content_type
    headers.update(dict(question.headers))
    made = httpx.Request(question.method, url, headers=headers, content=question.body)
    return httpcore.Request(
        method=made.method,
        url=httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
        headers=made.headers.raw,
        content=question.body,
    )


def _header(headers: Iterable[tuple[bytes, bytes]], wanted: bytes) -> str:
    told = next((value for name, value in headers if name.lower() == wanted), b"")
    return told[:LONGEST_HEADER].decode("latin-1").strip()


def _bounded(pieces: Iterable[bytes], limit: int, status: int) -> bytes:
    body = bytearray()
    for piece in pieces:
        body += piece
        if len(body) > limit:
            raise PortalTooLarge(status=status)
    return bytes(body)


class _DeadlineStream(httpcore.NetworkStream):
    """A connection whose every wait ends with the deadline of the call that uses it at the moment."""

    def __init__(self, inner: httpcore.NetworkStream, left: "_Left", connect_by: float) -> None:
        self._inner = inner
        self._left = left
        self._connect_by = connect_by

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002  # httpcore's signature
        try:
            told = self._inner.read(max_bytes, self._left(httpcore.ReadTimeout))
        except httpcore.ReadError as error:
            # With TLS 1.3 a server refuses the client's certificate only after the handshake.
            if not client_refused(error.__cause__):
                raise
            told = None
        if told is None:
            raise PortalCertificate(why="client_refused")
        if told:
            self._left.call.received = True
        return told

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        for begin in range(0, len(buffer), PIECE):
            self._left.call.sent = True
            self._inner.write(buffer[begin : begin + PIECE], self._left(httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        left = self._left(httpcore.ConnectTimeout, self._connect_by)
        try:
            inner = self._inner.start_tls(ssl_context, server_hostname, left)
        except httpcore.ConnectError as error:
            why = refusal(error.__cause__)
            if why is None:
                raise
        else:
            return _DeadlineStream(inner, self._left, self._connect_by)
        raise PortalCertificate(why=why)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _Left:
    """What is left of the call this thread is in."""

    def __init__(self, call: _Call, monotonic: Callable[[], float]) -> None:
        self.call = call
        self.monotonic = monotonic

    def __call__(self, too_late: type[Exception], by: float | None = None) -> float:
        """Seconds until the deadline, or until `by` where that is sooner. Raises `too_late`."""
        end = self.call.deadline if by is None else min(by, self.call.deadline)
        seconds = end - self.monotonic()
        if seconds <= 0:
            raise too_late
        return seconds


class _DeadlineBackend(httpcore.SyncBackend):
    def __init__(self, left: _Left, resolve: Resolve) -> None:
        self._left = left
        self._resolve = resolve

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        self._left.call.connected = True
        by = self._left.monotonic() + CONNECT_SECONDS
        try:
            addresses = self._resolve(host, port, self._left(httpcore.ConnectTimeout, by))
        except TimeoutError:
            raise httpcore.ConnectTimeout from None
        except (OSError, OverflowError):
            raise httpcore.ConnectError from None
        failure: Exception = httpcore.ConnectError()
        for number, address in enumerate(addresses):
            # A fair share each, so that an address that swallows everything leaves time for the next one.
            share = self._left(httpcore.ConnectTimeout, by) / (len(addresses) - number)
            try:
                inner = super().connect_tcp(address, port, share, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return _DeadlineStream(inner, self._left, by)
        raise failure
