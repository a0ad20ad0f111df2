"""Why the local agent refuses. Data never holds what the caller sent."""

from wire.errors import TiepDonError


class AgentForbidden(TiepDonError):
    """The caller is none that the settings allow (`why`: address, host, origin, site, method)."""

    code = "agent.forbidden"


class AgentNotPaired(TiepDonError):
    """The page is not paired, or its pairing belongs to another page."""

    code = "agent.not_paired"


class AgentPairing(TiepDonError):
    """The pairing code is wrong, was used, or is over."""

    code = "agent.pairing"


class AgentTooMany(TiepDonError):
    """Too many calls or connections at once."""

    code = "agent.too_many"
    retriable = True


class AgentNoOffer(TiepDonError):
    """The record is not offered any more: it was taken, its time is over, or it never was."""

    code = "agent.no_offer"


class AgentSetup(TiepDonError):
    """The agent's settings make it useless or dangerous (`key`, `why`)."""

    code = "agent.setup"


class NoAgent(TiepDonError):
    """The settings hold no destination with the connector local_agent."""

    code = "config.no_agent"


class TokenUnusable(TiepDonError):
    """The file that keeps this program's pairing cannot be read or written (`file`, `why`: missing, empty or the
    system's word)."""

    code = "agent.token_unusable"


class AgentCannotListen(TiepDonError):
    """The address is in use or not this machine's (`listen`)."""

    code = "agent.cannot_listen"
    retriable = True


class AgentNotTaken(TiepDonError):
    """Nobody took the record within the time the settings give it; it has to be entered by hand or sent again."""

    code = "agent.not_taken"


class AgentUnreachable(TiepDonError):
    """No agent answers at this address (`why`)."""

    code = "agent.unreachable"
    retriable = True


class TypingImpossible(TiepDonError):
    """This machine cannot type into windows (`why`: no_program, no_display, wrong_window, no_spare_key, failed)."""

    code = "agent.typing_impossible"


class UnknownScreen(TiepDonError):
    """The settings hold no screen of this name (`name`, `known`)."""

    code = "agent.unknown_screen"
