"""The record for the browser page or the window that a clerk already has open (bridge.md 3.1, 3.3)."""

from typing import Annotated, Literal

from msgspec import Meta

from config.destinations.base import Destination, Seconds


class LocalAgentDestination(Destination, frozen=True, kw_only=True, tag="local_agent"):
    """Offers each record on a local address until a paired page takes it."""

    listen: Annotated[str, Meta(pattern=r"^[^\s:]*:[0-9]{1,5}\Z|^\[[0-9a-fA-F:]+\]:[0-9]{1,5}\Z")] = "127.0.0.1:8000"
    origins: tuple[str, ...] = ()  # pages that may ask, exactly as the browser sends them
    feed: Literal["tiepdon", "hn212", "cameraip"] = "tiepdon"  # whose field names and events
    offer_seconds: Seconds = 60.0  # how long a record is offered
