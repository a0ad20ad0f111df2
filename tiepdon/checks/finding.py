"""What a look at one part finds. Shared by every look; must not import any part."""

from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum

from wire.codec import Record
from wire.errors import Datum


class Status(StrEnum):
    """`note`: worth knowing, nothing to do now. `warn`: the check-in goes on without it. `fail`: it does not, or
    nothing is handed over."""

    OK = "ok"
    NOTE = "note"
    WARN = "warn"
    FAIL = "fail"


class Finding(Record, frozen=True, kw_only=True):
    """What one probe found. `code` is a code of docs/operations.md, None when all is well."""

    probe: str
    status: Status
    code: str | None = None
    data: Mapping[str, Datum] = {}  # msgspec copies an empty default
    milliseconds: float = 0.0


Probe = Callable[[], Iterator[Finding]]
