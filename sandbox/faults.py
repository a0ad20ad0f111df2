"""Faults of the pretend outside systems: switched on and off by name while everything runs."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sandbox.errors import UnknownFault

OFF = frozenset({"", "off", "0", "false", "no"})
ON = "on"

Check = Callable[[str], bool]


@dataclass(frozen=True)
class Takes:
    """A check of a fault's value that can say what it takes."""

    told: str
    fits: Check

    def __call__(self, value: str) -> bool:
        """Whether it is such a value."""
        return self.fits(value)


def _is_seconds(value: str) -> bool:
    try:
        return value == ON or 0 <= float(value) <= 3600
    except ValueError:
        return False


switch = Takes(ON, lambda value: value in (ON, "true", "1", "yes"))  # only on or off
seconds = Takes(f"{ON}, seconds from 0 to 3600", _is_seconds)  # `on`: its usual length


def one_of(*words: str) -> Takes:
    """A fault that takes one of these words, or `on` for the first."""
    return Takes(", ".join((ON, *words)), lambda value: value in (ON, *words))


class Faults:
    """The faults one system knows (name to check of its value) and the ones that are on."""

    def __init__(self, known: Mapping[str, Check]) -> None:
        self._known = known
        self._on: dict[str, str] = {}
        self._changed = threading.Condition()

    def set(self, name: str, value: object) -> None:
        """Switch a fault on (`on` or its own value) or off (None, False, "", "off"). Raises UnknownFault."""
        text = _word(value)
        if name not in self._known:
            raise UnknownFault(name=name[:64])
        if not (text in OFF or self._known[name](text)):
            raise UnknownFault(name=name, takes=self.takes()[name])
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

    def takes(self) -> dict[str, str]:
        """Every fault known, with the values it takes; nothing is told of a check that cannot say."""
        return {name: getattr(check, "told", "") for name, check in self._known.items()}

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
