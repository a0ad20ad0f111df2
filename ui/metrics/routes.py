"""`GET /metrics` of the desk: for technicians, for a machine of scope `metrics`, and free on RUN/desk.sock."""

from flask import Blueprint, Response
from flask.typing import ResponseReturnValue

from kiosk.accounts import Role
from ui.desk.access import Scope, allow, free_on_own_socket
from ui.metrics.gathering import Gatherer


def blueprint(gatherer: Gatherer) -> Blueprint:
    """The page, if it is one."""
    pages = allow(Blueprint("metrics", __name__), Role.TECHNICIAN, Scope.METRICS)

    @pages.get("/metrics")
    @free_on_own_socket
    def metrics() -> ResponseReturnValue:
        from ui.metrics.exposition import CONTENT_TYPE, exposition

        return Response(exposition(gatherer.gather()), content_type=CONTENT_TYPE)

    return pages
