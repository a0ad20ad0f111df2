"""The health and the figures of a process that answers by `wire.server`: the same three paths everywhere."""

from collections.abc import Callable, Sequence
from importlib.metadata import version

from wire.health import Live, Look
from wire.meter import Amount, Meter, Report
from wire.server import Request, Response, Routes, json_response

LIVE = "/v1/health/live"
READY = "/v1/health/ready"
METRICS = "/v1/metrics"


def health_routes(look: Look, meter: Meter, levels: Callable[[], Sequence[Amount]]) -> Routes:
    """`look` says whether the process can do its work, `levels` what stands at this moment."""

    def live(_: Request) -> Response:
        return json_response(Live())

    def ready(_: Request) -> Response:
        health = look()
        return json_response(health, health.http_status)

    def metrics(_: Request) -> Response:
        return json_response(Report(version=version("tiepdon"), health=look(), figures=meter.figures(levels())))

    return {("GET", LIVE): live, ("GET", READY): ready, ("GET", METRICS): metrics}
