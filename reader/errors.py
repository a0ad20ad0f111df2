"""Everything that can go wrong between a person's card and a `Reading`, as one tree of stable codes.

Must not import any device library. Words for people are made in `ui/`, keyed by the code.
"""

from wire.errors import TiepDonError


class ReaderError(TiepDonError):
    """Base of every error of the reader."""

    code = "reader.failed"


class ServiceDown(ReaderError):
    """The resource manager (pcscd) does not answer."""

    code = "reader.service_down"
    retriable = True


class NotAllowed(ReaderError):
    """The resource manager refuses this user (polkit rule missing)."""

    code = "reader.not_allowed"


class NoReader(ReaderError):
    """No card reader is plugged in, or none of the name asked for."""

    code = "reader.no_reader"
    retriable = True


class NoCard(ReaderError):
    """No card lies on the reader."""

    code = "reader.no_card"
    retriable = True


class CardMute(ReaderError):
    """A card is there but does not answer: lying askew, or not a chip card of this kind."""

    code = "reader.card_mute"
    retriable = True


class CardShared(ReaderError):
    """Another program holds the card."""

    code = "reader.card_shared"
    retriable = True


class CardRemoved(ReaderError):
    """The card was taken away while it was being read."""

    code = "reader.card_removed"
    retriable = True


class WrongKey(ReaderError):
    """The card does not open with this key. `attempts_left` when the card says so (status word 63Cx)."""

    code = "reader.wrong_key"


class CardBroken(ReaderError):
    """The card breaks the protocol or its files are malformed. `where` names the place, never the content."""

    code = "reader.card_broken"


class Forged(ReaderError):
    """The card was read and is not genuine: a check of its files or of its chip failed (`checks`, by name).

    Never raised by a reading, which reports each check on its own; for those who want one word for it.
    """

    code = "reader.forged"


class NotAnIdCard(ReaderError):
    """The chip has no electronic identity document on it."""

    code = "reader.not_an_id_card"


class UnsupportedAccess(ReaderError):
    """The chip offers no access protocol that this version speaks."""

    code = "reader.unsupported_access"


class MrzNeeded(ReaderError):
    """The chip opens only with what its machine-readable zone says; the six digits are not enough."""

    code = "reader.mrz_needed"


class Busy(ReaderError):
    """Another card reading is still running."""

    code = "reader.busy"
    retriable = True


class TooSlow(ReaderError):
    """The reading took longer than it may."""

    code = "reader.too_slow"
    retriable = True


class Cancelled(ReaderError):
    """The reading was stopped because nobody waits for it any more."""

    code = "reader.cancelled"
    retriable = True


class KeyMalformed(ReaderError):
    """What was given to open the card is no key: not six digits, not twelve, not a citizen card's payload (`what`)."""

    code = "reader.key_malformed"
