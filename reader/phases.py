"""Phases of a chip reading, with fixed numbers: screens and logs switch on the number, words are made in `ui/`."""

from enum import IntEnum


class Phase(IntEnum):
    """Where a chip reading stands. Numbers are stable; a new phase takes a new number."""

    CONNECTING = 10
    ACCESS = 20
    IDENTITY = 30
    PROOF = 40
    PORTRAIT = 50
    DONE = 60


# Share of the whole reading that is over when a phase begins, in percent; the progress bar's stops.
PROGRESS: dict[Phase, int] = {
    Phase.CONNECTING: 5,
    Phase.ACCESS: 15,
    Phase.IDENTITY: 45,
    Phase.PROOF: 65,
    Phase.PORTRAIT: 80,
    Phase.DONE: 100,
}
