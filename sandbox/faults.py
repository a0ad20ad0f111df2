"""Faults of the pretend outside systems: switched on and off by name while everything runs."""

import threading
from collections.abc import Callable, Mapping

from sandbox.errors import UnknownFault

OFF = frozenset({"", "off", "0", "false", "no"})
ON = "on"

Check = Callable[[str], bool]


def switch(value: str) -> bool:
    """A fault that is only on or off."""
    return value in (ON, "true", "1", "yes")


def seconds(value: str) -> bool:
    """A fault that takes a number of seconds, or `on` for its usual length."""
    try:
        return value == ON or 0 <= float(value) <= 3600
    except ValueError:
        return False


def one_of(*words: str) -> Check:
    """A fault that takes one of these words, or `on` for the first."""
    return lambda value: value in (ON, *words)


class Faults:
    """The faults one system knows (name to check of its value) and the ones that are on."""

    def __init__(self, known: Mapping[str, Check]) -> None:
        self._known = known
        self._on: dict[str, str] = {}
        self._changed = threading.Condition()

    def set(self, name: str, value: object) -> None:
        """Switch a fault on (`on` or its own value) or off (None, False, "", "off"). Raises UnknownFault."""
        text = _word(value)
        if name not in self._known or not (text in OFF or self._known[name](text)):
            raise UnknownFault(name=name[:64])
        with self._changed:
            if text in OFF:
                self._on.pop(name, None)
            else:
                self._on[name] = text
            self._changed.notify_all()

    def get(self, name: str) -> str | None:
        """The fault's value while it is on."""
        with self._changed:
            return self._on.get(name)

    def now(self) -> dict[str, str | None]:
        """Every fault known, with its value; None is off."""
        with self._changed:
            return {name: self._on.get(name) for name in self._known}

    def wait_until_off(self, name: str, longest: float) -> None:
        """Stay while the fault is on, at most `longest` seconds."""
        with self._changed:
            self._changed.wait_for(lambda: name not in self._on, longest)

    def clear(self) -> None:
        """Switch everything off."""
        with self._changed:
            self._on.clear()
            self._changed.notify_all()


def _word(value: object) -> str:
    if value is None or value is False:
        return ""
    return ON if value is True else str(value).strip().lower()
