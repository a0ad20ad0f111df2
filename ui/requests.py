"""Every request of the pages has a name: told in the answer's head, in each line of the log, on the desk's error page.

A browser's own is never taken: it would stand in the log. One that came over a Unix socket of ours is, where it has the
form of ours.
"""

import socket
from collections.abc import Iterable, Iterator
from typing import Any

from flask import Flask, Response, request

from wire.request_id import HEADER, begin, current, new_id, taken, working_for

STREAM = "text/event-stream"


def install(app: Flask) -> None:
    """Name every request of the application before anything else looks at it."""

    @app.before_request
    def name_it() -> None:
        begin(taken(request.headers.get(HEADER)) if on_own_socket(request.environ) else new_id())

    @app.after_request
    def tell_it(response: Response) -> Response:
        if name := current():
            response.headers[HEADER] = name
            if response.is_streamed and response.mimetype == STREAM:
                response.response = _Under(name, response.response)  # written when the request is long over
        return response

    @app.teardown_request
    def end_it(_: BaseException | None) -> None:
        begin("")


class _Under:
    """The pieces of a stream, each made under the name of its request: between two its thread may serve others."""

    def __init__(self, name: str, pieces: Iterable[Any]) -> None:
        self._name = name
        self._pieces = pieces
        self._told = iter(pieces)

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        with working_for(self._name):
            return next(self._told)

    def close(self) -> None:
        """What the stream holds is let go, also where nobody asked for a piece."""
        if close := getattr(self._pieces, "close", None):
            with working_for(self._name):
                close()


def on_own_socket(environ: dict[str, Any]) -> bool:
    """Whether a request came over the process's own Unix socket, which only this machine's own users reach."""
    client = environ.get("gunicorn.socket")
    return client is not None and client.family == socket.AF_UNIX
