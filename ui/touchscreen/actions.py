"""A touch on the page becomes an event of the check-in. The page is not trusted: what is not known is refused.

Must not import Flask.
"""

import re
from collections.abc import Callable, Mapping

from kiosk.events import (
    Cancelled,
    Confirmed,
    CounterTicketAsked,
    Denied,
    DigitsTyped,
    Event,
    HelpAsked,
    LanguageChosen,
    PathChosen,
    Touched,
)
from kiosk.states import CounterReason, NextPath
from ui.errors import UnknownAction
from ui.words import LANGUAGES


def event_of(action: str, value: str) -> Event:
    """The event that a button stands for. Raises UnknownAction; neither action nor value is quoted in it."""
    make = _ACTIONS.get(action)
    if make is None:
        raise UnknownAction(why="action")
    return make(value)


def _path(value: str) -> Event:
    if value not in set(NextPath):
        raise UnknownAction(why="path")
    return PathChosen(NextPath(value))


def _counter_ticket(value: str) -> Event:
    if value not in set(CounterReason):
        raise UnknownAction(why="reason")
    return CounterTicketAsked(CounterReason(value))


def _digits(value: str) -> Event:
    if re.fullmatch(r"[0-9]{1,12}", value) is None:
        raise UnknownAction(why="digits")
    return DigitsTyped(value)


def _language(value: str) -> Event:
    if value not in LANGUAGES:
        raise UnknownAction(why="language")
    return LanguageChosen(value)


def _always(event: Event) -> Callable[[str], Event]:
    def make(value: str) -> Event:
        if value:
            raise UnknownAction(why="value")
        return event

    return make


_ACTIONS: Mapping[str, Callable[[str], Event]] = {
    "path": _path,
    "digits": _digits,
    "language": _language,
    "confirm": _always(Confirmed()),
    "deny": _always(Denied()),
    "help": _always(HelpAsked()),
    "counter_ticket": _counter_ticket,
    "cancel": _always(Cancelled()),
    "done": _always(Cancelled()),
    "touched": _always(Touched()),
}
