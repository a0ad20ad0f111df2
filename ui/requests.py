"""Every request of the pages has a name: told in the answer's head, in each line of the log, on the desk's error page.

A browser's own is never taken: it would stand in the log. One that came over a Unix socket of ours is, where it has the
form of ours.
"""

import socket
from typing import Any

from flask import Flask, Response, request

from wire.request_id import HEADER, begin, current, new_id, taken


def install(app: Flask) -> None:
    """Name every request of the application before anything else looks at it."""

    @app.before_request
    def name_it() -> None:
        begin(taken(request.headers.get(HEADER)) if on_own_socket(request.environ) else new_id())

    @app.after_request
    def tell_it(response: Response) -> Response:
        if name := current():
            response.headers[HEADER] = name
        return response

    @app.teardown_request
    def end_it(_: BaseException | None) -> None:
        begin("")


def on_own_socket(environ: dict[str, Any]) -> bool:
    """Whether a request came over the process's own Unix socket, which only this machine's own users reach."""
    client = environ.get("gunicorn.socket")
    return client is not None and client.family == socket.AF_UNIX
