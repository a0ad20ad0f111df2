"""A touch on the page becomes an event of the check-in. The page is not trusted: what is not known is refused.

Must not import Flask.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from config.settings import Settings
from kiosk.events import (
    AdjustAsked,
    Cancelled,
    Confirmed,
    ConsentGiven,
    ConsentRefused,
    CounterTicketAsked,
    Denied,
    DigitsTyped,
    Event,
    HelpAsked,
    LanguageChosen,
    PathChosen,
    PrintAgainAsked,
    PriorityAsked,
    PriorityChosen,
    ServiceChosen,
    Touched,
    ViewChosen,
)
from kiosk.queue.model import DECLARED, Priority
from kiosk.states import Consent, CounterReason, Hand, NextPath, Session, Size, Theme
from ui.errors import UnknownAction
from ui.screens import consent_shown

NO_PRIORITY = "none"  # an empty value would be a button that lost its own


@dataclass(frozen=True)
class _Touch:
    """What was pressed, and on what."""

    value: str
    session: Session
    settings: Settings


def event_of(action: str, value: str, session: Session, settings: Settings) -> Event:
    """The event that a button stands for. Raises UnknownAction; neither action nor value is quoted in it."""
    if (always := _ALWAYS.get(action)) is not None:
        if value:
            raise UnknownAction(why="value")
        return always
    make = _ACTIONS.get(action)
    if make is None:
        raise UnknownAction(why="action")
    return make(_Touch(value, session, settings))


def _path(touch: _Touch) -> Event:
    if touch.value not in set(NextPath):
        raise UnknownAction(why="path")
    return PathChosen(NextPath(touch.value))


def _counter_ticket(touch: _Touch) -> Event:
    if touch.value not in set(CounterReason):
        raise UnknownAction(why="reason")
    return CounterTicketAsked(CounterReason(touch.value))


def _digits(touch: _Touch) -> Event:
    if re.fullmatch(r"[0-9]{1,12}", touch.value) is None:
        raise UnknownAction(why="digits")
    return DigitsTyped(touch.value)


def _language(touch: _Touch) -> Event:
    if touch.value not in touch.settings.kiosk.display.languages:
        raise UnknownAction(why="language")
    return LanguageChosen(touch.value)


def _consent(touch: _Touch) -> Event:
    """To what was shown: version and language are ours to know, never the page's to say."""
    if touch.value:
        raise UnknownAction(why="value")
    text, language = consent_shown(touch.settings, touch.session.language)
    if not touch.settings.kiosk.consent.enabled or not text:
        raise UnknownAction(why="consent")
    return ConsentGiven(Consent(touch.settings.kiosk.consent.version, language))


def _service(touch: _Touch) -> Event:
    if touch.value not in {service.code for service in touch.settings.kiosk.services if service.offered}:
        raise UnknownAction(why="service")
    return ServiceChosen(touch.value)


def _priority(touch: _Touch) -> Event:
    if touch.value == NO_PRIORITY:
        return PriorityChosen(Priority.NONE)
    if touch.value not in set(DECLARED):
        raise UnknownAction(why="priority")
    return PriorityChosen(Priority(touch.value))


def _view(touch: _Touch) -> Event:
    change = _VIEWS.get(touch.value)
    if change is None:
        raise UnknownAction(why="view")
    return ViewChosen(replace(touch.session.view, **change))


_VIEWS: Mapping[str, Mapping[str, Any]] = {
    **{f"theme-{theme}": {"theme": theme} for theme in Theme},
    **{f"size-{size}": {"size": size} for size in Size},
    **{f"hand-{hand}": {"hand": hand} for hand in Hand},
    "voice-off": {"muted": True},
    "voice-on": {"muted": False},
}

_ALWAYS: Mapping[str, Event] = {
    "confirm": Confirmed(),
    "deny": Denied(),
    "refuse": ConsentRefused(),
    "ask_priority": PriorityAsked(),
    "adjust": AdjustAsked(),
    "print_again": PrintAgainAsked(),
    "help": HelpAsked(),
    "cancel": Cancelled(),
    "done": Cancelled(),
    "touched": Touched(),
}

_ACTIONS: Mapping[str, Callable[[_Touch], Event]] = {
    "path": _path,
    "digits": _digits,
    "language": _language,
    "counter_ticket": _counter_ticket,
    "consent": _consent,
    "service": _service,
    "priority": _priority,
    "view": _view,
}
