"""The message desk's line to the bridge: everything it shows and does goes through these calls, nothing past them.

Must not import Flask, a connector or the database.
"""

from datetime import UTC, datetime
from typing import Annotated, Literal
from urllib.parse import urlencode

import msgspec
from msgspec import Meta

from hisbridge.desk_records import Delivery
from hisbridge.outbox import State
from hisbridge.records import HospitalAnswer
from wire.client import Client
from wire.codec import Record

Act = Literal["retry", "replay", "hold", "release", "cancel", "complete"]

HEALTH_SECONDS = 3.0  # a page that is opened waits for it
PROBE_SECONDS = 65.0  # the longest time-out of a destination that is sensible, and a little more
ACT_SECONDS = 60.0  # a replay of a hundred thousand


class Destination(msgspec.Struct, frozen=True, kw_only=True):
    """One destination of `/v1/health`, as far as it is shown; what a newer bridge tells besides is passed over."""

    name: str
    connector: str
    condition: str
    problem: str | None = None
    problem_detail: str | None = None
    last_acknowledged_at: str | None = None
    paused: bool = False
    paused_at: str | None = None
    why_paused: str | None = None
    waiting: int = 0
    held: int = 0
    oldest_created_at: str | None = None
    acknowledged: int = 0
    rejected: int = 0
    dead: int = 0
    open_work: int = 0


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """The part of `/v1/health` that is shown. `database`: an error's code, None when well."""

    database: str | None
    destinations: tuple[Destination, ...]


class Chosen(Record, frozen=True, kw_only=True):
    """Which deliveries an act is meant for; every part given narrows it. Moments are RFC 3339."""

    numbers: tuple[int, ...] = ()
    destination: str | None = None
    states: tuple[State, ...] = ()
    since: str | None = None
    until: str | None = None
    personal_id: Annotated[str, Meta(max_length=20)] | None = None
    record_id: str | None = None
    open_work: bool = False

    @property
    def empty(self) -> bool:
        """Whether nothing narrows it: the bridge refuses that, it would be everything there is."""
        return self == Chosen()


class Filter(Record, frozen=True, kw_only=True):
    """What the list shows. `before`: the number of the last delivery of the page before."""

    destination: str | None = None
    states: tuple[State, ...] = ()
    since: str | None = None
    until: str | None = None
    record_id: str | None = None
    before: int | None = None
    open_work: bool = False


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What is or was sent for a delivery."""

    content_type: str
    body: str
    masked: bool


class _List(msgspec.Struct, frozen=True):
    deliveries: tuple[Delivery, ...]


class Known(msgspec.Struct, frozen=True):
    """One delivery, and what its receiver told back."""

    delivery: Delivery
    answer: HospitalAnswer | None = None


class _Changed(msgspec.Struct, frozen=True):
    changed: int


class Done(msgspec.Struct, frozen=True):
    """What became of a pause, a resumption or a probe; `code` is an error's where it is not `ok`."""

    ok: bool
    code: str | None = None


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of the audit: `selection` is JSON, the person in it by key."""

    seq: int
    at: str
    who: str
    act: str
    delivery_id: int | None = None
    destination: str | None = None
    selection: str | None = None
    changed: int | None = None


class _Audit(msgspec.Struct, frozen=True):
    entries: tuple[Entry, ...]


class PairCode(msgspec.Struct, frozen=True, kw_only=True):
    """Digits that pair one page with a local agent within so many seconds."""

    code: str
    destination: str
    seconds: float


class Bridge:
    """The calls. All raise wire.errors.ServiceUnreachable, ServiceTimeout, RemoteError and MalformedMessage."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def health(self) -> Health:
        """How every destination is doing."""
        return self._client.get("/v1/health", Health, timeout=HEALTH_SECONDS)

    def deliveries(self, wanted: Filter, limit: int) -> tuple[Delivery, ...]:
        """Deliveries, newest first."""
        asked = {
            "destination": wanted.destination,
            "state": ",".join(wanted.states),
            "since": wanted.since,
            "until": wanted.until,
            "record_id": wanted.record_id,
            "before": wanted.before,
            "open_work": "true" if wanted.open_work else None,
            "limit": limit,
        }
        query = urlencode({name: value for name, value in asked.items() if value not in (None, "")})
        return self._client.get(f"/v1/deliveries?{query}", _List).deliveries

    def delivery(self, number: int) -> Known:
        """One delivery."""
        return self._client.get(f"/v1/delivery?{urlencode({'number': number})}", Known)

    def message(self, number: int, whole: bool, by: str) -> Message:
        """What is sent for it: with personal data masked, or `whole`, which the bridge audits under the name `by`."""
        return self._client.post("/v1/delivery/message", {"number": number, "whole": whole, "by": by}, Message)

    def count(self, act: Act, chosen: Chosen) -> int:
        """How many deliveries the act would change now; changes nothing."""
        asked = self._asked(act, chosen, "")
        return self._client.post("/v1/deliveries/count", asked, _Changed, timeout=ACT_SECONDS).changed

    def act(self, act: Act, chosen: Chosen, by: str) -> int:
        """Do it; how many deliveries it changed."""
        asked = self._asked(act, chosen, by)
        return self._client.post("/v1/deliveries/act", asked, _Changed, timeout=ACT_SECONDS).changed

    def switch(self, what: Literal["pause", "resume", "probe"], destination: str, why: str, by: str) -> Done:
        """Pause a destination, let it go on, or reach it without sending anything."""
        asked = {"destination": destination, "why": why, "by": by}
        return self._client.post(f"/v1/destinations/{what}", asked, Done, timeout=PROBE_SECONDS)

    def audit(self, limit: int) -> tuple[Entry, ...]:
        """Who looked at whole messages and who did what, newest first."""
        return self._client.get(f"/v1/audit?{urlencode({'limit': limit})}", _Audit).entries

    def pair(self, destination: str, by: str) -> PairCode:
        """A code that pairs one page with this local agent; the bridge audits it under the name `by`."""
        return self._client.post("/v1/agent/pair", {"destination": destination, "by": by}, PairCode)

    @staticmethod
    def _asked(act: Act, chosen: Chosen, by: str) -> dict[str, object]:
        return {"act": act, "by": by, **msgspec.structs.asdict(chosen)}


def utc(moment: datetime) -> str:
    """A moment as the bridge writes and takes it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
