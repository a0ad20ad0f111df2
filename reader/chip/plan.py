"""How much to ask for in one command: what card and reader have taken so far, and what to try when they refuse.

Sizes are plain bytes of file content. Begins with what nearly every card with extended length gives, grows while
blocks come full, shrinks when something is refused (chip.md 3.4 and 3.5). Must not send anything.
"""

from dataclasses import dataclass, replace

from reader.chip.apdu import EXTENDED_LE_MAX, SHORT_LE_MAX
from reader.chip.secure_messaging import short_payload

EXTENDED_SIZES = (4000, 2048, 1000)
SHORT_SIZES = (231, 223, 192, 160, 128, 112, 64, 32)
MAX_SIZE = 16000  # about a second on the air at 106 kbit/s: longer, and nobody sees progress
GROWTH = 4
PROTECTION = 64  # bytes that secure messaging and the status word add to an answer, at most
MAX_ANSWER = EXTENDED_LE_MAX - PROTECTION  # plain bytes that fit the longest answer there is
MAX_REMEMBERED = 64


@dataclass(frozen=True)
class Plan:
    """The sizes to ask for, best first (never empty); by short identifiers or by SELECT; nothing above `ceiling`."""

    sizes: tuple[int, ...]
    short_ids: bool = True
    ceiling: int = MAX_SIZE

    @property
    def size(self) -> int:
        """What to ask for now."""
        return self.sizes[0]

    @property
    def extended(self) -> bool:
        """Whether extended length is in use."""
        return self.size > SHORT_LE_MAX

    def smaller(self) -> "Plan | None":
        """The same with the next smaller size, never to grow again; None when there is none."""
        return replace(self, sizes=self.sizes[1:], ceiling=self.sizes[1]) if len(self.sizes) > 1 else None

    def after_refusal(self, asked: int) -> "Plan | None":
        """After the card ended the session because of a length.

        A grown size falls back to what worked; a first extended one to short length at once, for every further
        try would cost the card a whole authentication.
        """
        if asked > SHORT_LE_MAX and self.size in EXTENDED_SIZES:
            return self.short()
        return self.smaller()

    def after_transmission_failed(self) -> "Plan | None":
        """After the reader could not carry a long command: the smallest extended size may fit its buffer."""
        rest = tuple(size for size in self.sizes if size < self.size and size in (1000, *SHORT_SIZES, 256))
        if self.size > EXTENDED_SIZES[0]:
            return self.smaller()
        return replace(self, sizes=rest, ceiling=rest[0]) if self.extended and rest else None

    def short(self) -> "Plan | None":
        """The same without extended length; None when that is what it does already."""
        rest = tuple(size for size in self.sizes if size <= SHORT_LE_MAX)
        return replace(self, sizes=rest, ceiling=rest[0]) if self.extended and rest else None

    def selecting(self) -> "Plan | None":
        """The same without short identifiers; None when that is what it does already."""
        return replace(self, short_ids=False) if self.short_ids else None

    def at_most(self, size: int) -> "Plan":
        """The same with no block larger than `size`, the card's own word."""
        return replace(self, sizes=(size, *(smaller for smaller in self.sizes if smaller < size)), ceiling=size)

    def grown(self, received: int) -> "Plan":
        """After a full block under extended length: the next may be larger."""
        larger = min(received * GROWTH, self.ceiling)
        if received <= SHORT_LE_MAX or received != self.size or larger <= self.size:
            return self
        return replace(self, sizes=(larger, *self.sizes))

    def settled(self) -> "Plan":
        """What to begin the next reading with: a size is grown into anew, its ceiling is kept."""
        return replace(self, sizes=tuple(size for size in self.sizes if size <= EXTENDED_SIZES[0]) or self.sizes)


PLAIN = Plan((256, *SHORT_SIZES), ceiling=256)


def protected(block_size: int, ceiling: int, extended: bool) -> Plan:
    """The plan under secure messaging with this cipher block size (bytes); never more than `ceiling` in one command."""
    largest = short_payload(block_size)
    sizes = (*(EXTENDED_SIZES if extended else ()), *(size for size in SHORT_SIZES if size <= largest))
    allowed = min(ceiling, MAX_ANSWER if extended else largest)
    first = min(allowed, sizes[0])
    return Plan((first, *(size for size in sizes if size < first)), ceiling=allowed)


class Memory:
    """What each kind of card took on each reader, so that nothing is found out twice. Holds no personal data.

    One instance per process; a key is the reader's name and what tells a kind of card (ATR, EF.CardAccess).
    """

    def __init__(self) -> None:
        self._plans: dict[tuple[str, bytes], Plan] = {}

    def recall(self, reader: str, kind: bytes) -> Plan | None:
        """The plan that worked last, None when this pair is new."""
        return self._plans.get((reader, kind))

    def remember(self, reader: str, kind: bytes, plan: Plan) -> None:
        """Keep a plan that worked."""
        self._plans.pop((reader, kind), None)
        self._plans[(reader, kind)] = plan
        while len(self._plans) > MAX_REMEMBERED:
            self._plans.pop(next(iter(self._plans)))
