"""What is true of a device that comes and goes: there, or missing and why. Must not import a device library."""

import logging
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

log = logging.getLogger(__name__)

State = Literal["absent", "open", "missing"]


class _Now(NamedTuple):
    state: State
    problem: str | None
    since: float


class Condition:
    """Written by the thread that runs the device, read by any. `clock` gives monotonic seconds.

    `absent`: none is configured (`device` is empty); `missing`: it cannot be used now, `problem` is the error code.
    """

    def __init__(self, name: str, device: str, clock: Callable[[], float]) -> None:
        self._name = name
        self._device = device
        self._clock = clock
        self._now = _Now("missing" if device else "absent", None, clock())

    def became(self, state: State, problem: str | None = None) -> None:
        """Note the state the device is in now."""
        if (state, problem) != self._now[:2]:
            log.info("%s %s: %s %s", self._name, self._device, state, problem or "")
            self._now = _Now(state, problem, self._clock())

    def report(self) -> dict[str, Any]:
        """`state`, `problem` (error code or None), `device` (path) and the `seconds` it has been so."""
        state, problem, since = self._now
        seconds = round(self._clock() - since, 1)
        return {"state": state, "problem": problem, "device": self._device, "seconds": seconds}
