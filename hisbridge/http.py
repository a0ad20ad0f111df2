"""The only door to httpx: one POST with one deadline over everything and a bound on the answer's size.

httpx counts its time-outs per read, so a server that drips bytes could hold a call for ever; here every read and
write gets only what is left of the whole. No redirect is followed, no proxy or credential is taken from the
environment, and the library's own logs stay silent: they print addresses, and the portal's address holds secrets.
"""

import logging
import ssl
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import httpcore
import httpx

from hisbridge.errors import PortalTimeout, PortalTooLarge, PortalUnreachable

LOGGERS = (
    "httpx",
    "httpcore",
    "httpcore.connection",
    "httpcore.http11",
    "httpcore.http2",
    "httpcore.proxy",
    "httpcore.socks",
)


@dataclass(frozen=True, repr=False)
class Answer:
    """Status and body of an HTTP answer."""

    status: int
    body: bytes


@dataclass(frozen=True, repr=False)
class Question:
    """One POST: address without query, query, body and its media type."""

    url: str
    body: bytes
    content_type: str
    query: Mapping[str, str]


Post = Callable[[Question, float], Answer]


def silence() -> None:
    """Switch the HTTP libraries' own logs off for this process, whatever level the others are at."""
    for name in LOGGERS:
        logging.getLogger(name).disabled = True


def poster(max_answer: int, tls: ssl.SSLContext | None = None, monotonic: Callable[[], float] = time.monotonic) -> Post:
    """A function that POSTs a Question before a deadline (monotonic seconds) and returns the Answer.

    It raises PortalTimeout, PortalUnreachable or PortalTooLarge; none carries a word of the question.
    """
    silence()
    context = tls or ssl.create_default_context()

    def post(question: Question, deadline: float) -> Answer:
        left = max(deadline - monotonic(), 0.001)
        transport = _DeadlineTransport(context, lambda: deadline - monotonic())
        try:
            with (
                httpx.Client(transport=transport, trust_env=False, follow_redirects=False, timeout=left) as client,
                client.stream(
                    "POST",
                    question.url,
                    params=dict(question.query),
                    content=question.body,
                    # No compression: an answer must not grow after it was measured.
                    headers={
                        "Content-Type": question.content_type,
                        "Accept": "application/json",
                        "Accept-Encoding": "identity",
                    },
                ) as response,
            ):
                return Answer(response.status_code, _bounded(response.iter_raw(), max_answer))
        except httpx.TimeoutException:
            raise PortalTimeout from None
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError, ValueError):
            # Also what a hostile server sends instead of HTTP, and a body that does not unpack.
            raise PortalUnreachable from None

    return post


def _bounded(pieces: Iterable[bytes], limit: int) -> bytes:
    body = bytearray()
    for piece in pieces:
        body += piece
        if len(body) > limit:
            raise PortalTooLarge
    return bytes(body)


class _DeadlineStream(httpcore.NetworkStream):
    """A connection whose every wait ends with the whole call's deadline."""

    def __init__(self, inner: httpcore.NetworkStream, left: Callable[[], float]) -> None:
        self._inner = inner
        self._left = left

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _remaining(self._left, timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _remaining(self._left, timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = _remaining(self._left, timeout, httpcore.ConnectTimeout)
        return _DeadlineStream(self._inner.start_tls(ssl_context, server_hostname, left), self._left)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _DeadlineBackend(httpcore.SyncBackend):
    def __init__(self, left: Callable[[], float]) -> None:
        self._left = left

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        left = _remaining(self._left, timeout, httpcore.ConnectTimeout)
        return _DeadlineStream(super().connect_tcp(host, port, left, local_address, socket_options), self._left)


class _DeadlineTransport(httpx.HTTPTransport):
    """httpx's own transport over the deadline backend: httpx has no setting for it, httpcore documents it."""

    def __init__(self, context: ssl.SSLContext, left: Callable[[], float]) -> None:
        super().__init__(verify=context, trust_env=False)
        self._pool = httpcore.ConnectionPool(
            ssl_context=context, network_backend=_DeadlineBackend(left), max_connections=1, max_keepalive_connections=0
        )


def _remaining(left: Callable[[], float], timeout: float | None, too_late: type[Exception]) -> float:
    seconds = left()
    if seconds <= 0:
        raise too_late
    return seconds if timeout is None else min(seconds, timeout)
