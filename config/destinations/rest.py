"""Registration interfaces over REST with a token and without an idempotency key (bridge.md 3.1)."""

from typing import Literal

import msgspec

from config.destinations.base import HttpDestination


class RestDestination(HttpDestination, frozen=True, kw_only=True, tag="rest"):
    """A hospital system's own registration interface. `preset` is a published one; `paths` and `fields` adapt it."""

    preset: Literal["dhg_hospital"] = "dhg_hospital"
    username: str = ""
    password_file: str = ""
    paths: dict[str, str] = msgspec.field(default_factory=dict)
    fields: dict[str, str] = msgspec.field(default_factory=dict)  # our name = theirs; empty: not sent
    values: dict[str, str] = msgspec.field(default_factory=dict)  # further fields with a fixed text: theirs = text
    booking: bool = True  # also register the visit, which gives the queue number
