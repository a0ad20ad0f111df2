"""What a reading is given and what it gives back: surroundings, wishes, listeners, the result.

Only records: must not send anything or know how a card is read.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

from reader.chip import pace
from reader.chip.channel import Clock
from reader.chip.plan import Memory
from reader.chip.trace import NoTrace, Trace
from reader.lds.portrait import Picture
from reader.phases import Phase
from reader.pki.trust import NO_TRUST, Trust
from reader.reading import Holder, Reading


@dataclass(frozen=True)
class Surroundings:
    """The world a reading takes place in: monotonic seconds, UTC now, identities, secrets, trust, experience."""

    clock: Clock
    utc_now: Callable[[], datetime]
    new_id: Callable[[], str]
    octets: Callable[[int], bytes] = secrets.token_bytes
    scalar: pace.RandomScalar = pace.random_scalar
    trust: Trust = NO_TRUST
    memory: Memory = field(default_factory=Memory)


@dataclass(frozen=True)
class Wanted:
    """What to read and how.

    `portrait`: DG2 too. `everything`: every file that needs no special right. `max_le`: the most bytes to ask for in
    one command; `extended`: whether extended length may be used. `printed`: what a QR code, an MRZ or a person said
    of the holder. `has_portrait`: whether the portrait of the card with this SOD (SHA-256) is at hand already.
    """

    portrait: bool = False
    everything: bool = False
    max_le: int | None = None
    extended: bool = True
    printed: Holder | None = None
    has_portrait: Callable[[bytes], bool] = lambda _sod: False


@dataclass(frozen=True)
class Listener:
    """Who wants to hear about a reading while it runs. `check` is asked before each APDU and may raise to stop it.

    `identity`: name and number are known, nothing is proven. `proven`: all but the portrait is done.
    """

    phase: Callable[[Phase], None] = lambda _phase: None
    identity: Callable[[Reading], None] = lambda _reading: None
    proven: Callable[[Reading], None] = lambda _reading: None
    check: Callable[[], None] = lambda: None
    trace: Trace = field(default_factory=NoTrace)


@dataclass(frozen=True)
class CardRead:
    """What came out, and what it cost. `contents`: the files read, by name, in the order of reading.

    `apdus_to_name`: until name and number were known; `apdus_to_proof`: until DG1, DG13 and EF.SOD were there.
    """

    reading: Reading
    portraits: tuple[Picture, ...]
    contents: dict[str, bytes]
    apdus: int
    bytes_sent: int
    bytes_received: int
    apdus_to_name: int
    apdus_to_proof: int
    timings_ms: dict[str, float]

    @property
    def files(self) -> dict[str, tuple[int, str]]:
        """Length and SHA-256 of each file read, by name."""
        return {name: (len(data), sha256(data).hexdigest()) for name, data in self.contents.items()}

    @property
    def portrait(self) -> bytes | None:
        """The first image of DG2, as it is encoded in the card."""
        return self.portraits[0].image if self.portraits else None
