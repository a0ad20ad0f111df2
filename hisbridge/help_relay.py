"""Help pressed at this kiosk, told to the desk of its hall on another machine, and whether somebody is coming.

Best effort: a call is worth nothing later, so none is kept. Must not import reader, kiosk or ui.
"""

import threading
from typing import Annotated

from msgspec import Meta

from config.destinations import DeskDestination
from config.settings import Settings
from hisbridge.connectors.desk import DeskConnector, HelpCalled
from hisbridge.errors import UnknownDestination
from wire.codec import Record, from_json
from wire.server import Request, Response, Routes, json_response


class HelpRequest(Record, frozen=True, kw_only=True):
    """`POST /v1/help`: on which screen it was pressed."""

    screen: Annotated[str, Meta(pattern=r"^[a-z_]{1,40}\Z")]


class HelpQuestion(Record, frozen=True, kw_only=True):
    """`POST /v1/help/state`: which call."""

    call_id: Annotated[int, Meta(ge=1)]


class HelpRelay:
    """The calls of the bridge's socket; one at a time, for there is one touchscreen."""

    def __init__(self, settings: Settings) -> None:
        desk = next((one for one in settings.destinations if isinstance(one, DeskDestination)), None)
        self._connector = None if desk is None else DeskConnector(desk)
        self._lock = threading.Lock()

    def routes(self) -> Routes:
        """Method and path to handler."""
        return {("POST", "/v1/help"): self._ask, ("POST", "/v1/help/state"): self._state}

    def _ask(self, request: Request) -> Response:
        asked = from_json(request.body, HelpRequest)
        with self._lock:
            return json_response(self._desk().call_for_help(asked.screen))

    def _state(self, request: Request) -> Response:
        asked = from_json(request.body, HelpQuestion)
        with self._lock:
            told: HelpCalled = self._desk().help_call(asked.call_id)
        return json_response(told)

    def _desk(self) -> DeskConnector:
        if self._connector is None:
            raise UnknownDestination(name="desk")
        return self._connector
