"""Errors of the pretend outside world. They reach the desk page and the command line, never the product itself."""

from wire.errors import TiepDonError


class UnknownPerson(TiepDonError):
    """No synthetic person has this key."""

    code = "sandbox.unknown_person"


class UnknownTicket(TiepDonError):
    """The pretend printer has no such ticket (any more)."""

    code = "sandbox.unknown_ticket"


class ReaderUnreachable(TiepDonError):
    """The virtual reader's port does not answer: pcscd is not running, or runs without the vpcd driver (`port`)."""

    code = "sandbox.reader_unreachable"
    retriable = True


class ForbiddenCaller(TiepDonError):
    """The desk was called by another host name or not with JSON; only this machine's own page may drive it (`why`)."""

    code = "sandbox.forbidden_caller"


class UnknownFault(TiepDonError):
    """No pretend system has a fault of this name, or it does not take this value (`name`, `takes`)."""

    code = "sandbox.unknown_fault"


class TrustUnusable(TiepDonError):
    """The sandbox's signing keys in the state folder cannot be read; delete that folder to make new ones (`why`)."""

    code = "sandbox.trust_unusable"
