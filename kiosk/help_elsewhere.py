"""Help where the counters are on another machine: the call goes to the bridge, which tells the desk of the hall.

Here nobody looks at this machine's own calls, so none is written. Must not import Flask, a device library or a
connector.
"""

from typing import Protocol

from config.settings import Settings
from kiosk.clock import Clock
from kiosk.help_calls import HelpCall, open_help_calls
from wire.client import Client
from wire.codec import Record

SECONDS = 12.0  # longer than the bridge waits for the desk


class Calls(Protocol):
    """Where help is called, and whether somebody is coming (kiosk/help_calls.py)."""

    def ask(self, kiosk_id: str, screen: str) -> HelpCall: ...

    def one(self, call_id: int) -> HelpCall: ...

    def close(self) -> None: ...


class _Told(Record, frozen=True, kw_only=True):
    """What the desk says of a call, by the bridge."""

    call_id: int
    answered: bool


class HelpElsewhere:
    """The calls of this kiosk at the desk of its hall. Raises what the bridge reports, ServiceUnreachable."""

    def __init__(self, bridge: Client, clock: Clock) -> None:
        self._bridge = bridge
        self._clock = clock

    def ask(self, kiosk_id: str, screen: str) -> HelpCall:
        """Call somebody to this kiosk."""
        return self._call(kiosk_id, screen, self._told("/v1/help", {"screen": screen}))

    def one(self, call_id: int) -> HelpCall:
        """A call as it stands now."""
        return self._call("", "", self._told("/v1/help/state", {"call_id": call_id}))

    def close(self) -> None:
        """Nothing is held."""

    def _told(self, path: str, asked: dict[str, object]) -> _Told:
        return self._bridge.post(path, asked, _Told, SECONDS)

    def _call(self, kiosk_id: str, screen: str, told: _Told) -> HelpCall:
        now = int(self._clock.now().timestamp())
        return HelpCall(told.call_id, kiosk_id, screen, now, now if told.answered else None, None)


def calls_of(settings: Settings, clock: Clock, bridge: Client) -> Calls:
    """This machine's own calls, or those at the desk that it hands its check-ins over to."""
    elsewhere = any(one.connector == "desk" for one in settings.destinations)
    return HelpElsewhere(bridge, clock) if elsewhere else open_help_calls(settings, clock)
