"""The command line's way to the message desk: through the running bridge, or on the database where none runs."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import urlencode

from config.settings import Settings, database_file, socket_path
from hisbridge.agent.codes import PairCode, PairRequest
from hisbridge.desk import (
    ActRequest,
    AuditList,
    Changed,
    DeliveryList,
    Desk,
    Done,
    Message,
    MessageRequest,
    SwitchRequest,
    open_outbox,
)
from hisbridge.desk_records import Selection
from hisbridge.outbox import moment
from hisbridge.schema import MIGRATIONS
from wire import sqlite
from wire.client import Client
from wire.database import DatabaseUnavailable, open_for_reading, require
from wire.errors import ServiceUnreachable

ACT_SECONDS = 60.0  # a replay of a hundred thousand
PROBE_GRACE_SECONDS = 5.0  # over the destination's own time-out

T = TypeVar("T")


class Line:
    """The desk's calls. Each raises what the desk raises."""

    def __init__(self, settings: Settings) -> None:
        self._client = Client(socket_path(settings, "bridge"))
        self._desk = Desk(settings, lambda: open_outbox(database_file(settings)), _now)
        self._reading = Desk(settings, lambda: _read_only(settings), _now)

    def deliveries(self, selection: Selection, limit: int) -> DeliveryList:
        """Deliveries, newest first."""
        asked = {
            "state": ",".join(selection.states),
            "destination": selection.destination,
            "since": selection.since and moment(selection.since),
            "until": selection.until and moment(selection.until),
            "record_id": selection.record_id,
            "before": selection.before,
            "open_work": "true" if selection.open_work else None,
            "limit": limit,
        }
        query = urlencode({name: value for name, value in asked.items() if value not in (None, "")})
        return self._either(
            lambda: self._client.get(f"/v1/deliveries?{query}", DeliveryList),
            lambda: self._reading.deliveries(selection, limit),
        )

    def message(self, asked: MessageRequest) -> Message:
        """What is sent for a delivery."""
        return self._posted("/v1/delivery/message", asked, Message, lambda: self._desk.message(asked))

    def act(self, asked: ActRequest) -> Changed:
        """Do it."""
        return self._posted("/v1/deliveries/act", asked, Changed, lambda: self._desk.act(asked))

    def count(self, asked: ActRequest) -> Changed:
        """How many it would change."""
        return self._posted("/v1/deliveries/count", asked, Changed, lambda: self._desk.count(asked))

    def pause(self, asked: SwitchRequest) -> Done:
        """Send nothing more there."""
        return self._posted("/v1/destinations/pause", asked, Done, lambda: self._desk.pause(asked))

    def resume(self, asked: SwitchRequest) -> Done:
        """Go on there."""
        return self._posted("/v1/destinations/resume", asked, Done, lambda: self._desk.resume(asked))

    def audit(self, since: datetime | None, limit: int) -> AuditList:
        """Who did what, newest first."""
        asked = {"limit": limit, **({} if since is None else {"since": moment(since)})}
        return self._either(
            lambda: self._client.get(f"/v1/audit?{urlencode(asked)}", AuditList),
            lambda: self._reading.audit(since, limit),
        )

    def pair(self, asked: PairRequest) -> PairCode:
        """A code that pairs one page."""
        return self._posted("/v1/agent/pair", asked, PairCode, lambda: self._desk.pair(asked))

    def probe(self, asked: SwitchRequest) -> Done:
        """Reach it."""
        seconds = self._desk.seconds(asked.destination) + PROBE_GRACE_SECONDS
        return self._posted("/v1/destinations/probe", asked, Done, lambda: self._desk.probe(asked), seconds)

    def _posted(
        self, path: str, asked: Any, kind: type[T], otherwise: Callable[[], T], seconds: float = ACT_SECONDS
    ) -> T:
        return self._either(lambda: self._client.post(path, asked, kind, timeout=seconds), otherwise)

    @staticmethod
    def _either(through_bridge: Callable[[], T], otherwise: Callable[[], T]) -> T:
        try:
            return through_bridge()
        except ServiceUnreachable:
            return otherwise()


def _now() -> datetime:
    return datetime.now(UTC)


def _read_only(settings: Settings) -> sqlite.Connection:
    """The database for looking only: works beside the running processes and without them."""
    connection = open_for_reading(database_file(settings))
    try:
        require(connection, MIGRATIONS)
        connection.execute("SELECT 1 FROM deliveries LIMIT 1").fetchone()
    except sqlite.Error as error:
        raise DatabaseUnavailable(why=str(error)) from None
    return connection
