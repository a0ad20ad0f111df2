"""What the reader process is asked, and what it says of its devices; the API stands in docs/architecture.md."""

from typing import Annotated

from msgspec import Meta

from reader.chip.access_keys import AccessKeys, from_can, from_holder
from reader.reading import Holder
from wire.codec import Record


class OpenRequest(Record, frozen=True, kw_only=True):
    """Read the card on the reader with this CAN, for this presentation.

    `printed` is what the card's QR code or a person said of its holder: it may give keys for cards that know no CAN,
    and the chip is compared with it.
    """

    presentation: Annotated[str, Meta(min_length=1, max_length=64)]
    can: Annotated[str, Meta(pattern=r"^[0-9]{6}\Z")]
    printed: Holder | None = None

    def keys(self) -> AccessKeys:
        """What may open the card; what was printed counts only where it is of the same number."""
        number = self.printed.personal_id if self.printed is not None else None
        if self.printed is not None and number is not None and number.endswith(self.can):
            return from_holder(self.printed)
        return from_can(self.can)


class Seeing(Record, frozen=True, kw_only=True):
    """Which devices can see a code now: the serial scanner, one that acts as a keyboard, any camera."""

    scanner: bool = False
    keyboard: bool = False
    camera: bool = False


class LookRequest(Record, frozen=True, kw_only=True):
    """Look for the machine-readable lines by camera, for this presentation."""

    presentation: Annotated[str, Meta(min_length=1, max_length=64)]


class CancelRequest(Record, frozen=True, kw_only=True):
    """Stop the reading, or the look for the lines, of this presentation."""

    presentation: str
