"""How a process says whether it is there and whether it can do its work: the same two questions for every process.

Live: it answers. Ready: what its work cannot go on without is there; what else is missing is told by its code and makes
it degraded, never unready. Must not import anything of the product.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum

from wire.codec import Record

SERVICE_UNAVAILABLE = 503
OK = 200


class Status(StrEnum):
    """`ready` and `degraded` are answered with 200, `unready` with 503."""

    READY = "ready"
    DEGRADED = "degraded"
    UNREADY = "unready"


class Live(Record, frozen=True, kw_only=True):
    """The answer of `/health/live`: that there is one says it."""

    status: str = "live"


class Health(Record, frozen=True, kw_only=True):
    """The answer of `/health/ready`. `parts`: the error code of each part that is missing, None where one is well."""

    status: Status
    parts: dict[str, str | None]

    @property
    def http_status(self) -> int:
        """200 where work can be done, else 503."""
        return SERVICE_UNAVAILABLE if self.status is Status.UNREADY else OK


Parts = Mapping[str, str | None]
Look = Callable[[], Health]


def health_of(needed: Parts, helpful: Parts | None = None) -> Health:
    """The health of a process whose work needs these parts and is helped by those."""
    parts = {**needed, **(helpful or {})}
    working = Status.DEGRADED if any(parts.values()) else Status.READY
    return Health(status=Status.UNREADY if any(needed.values()) else working, parts=parts)
