"""What an act of the staff can run into; each names what to do instead."""

from wire.errors import TiepDonError


class NoSuchTicket(TiepDonError):
    """There is no such ticket today."""

    code = "queue.no_such_ticket"


class NoSuchCounter(TiepDonError):
    """The settings know no such counter (`counter`)."""

    code = "queue.no_such_counter"


class NoSuchQueue(TiepDonError):
    """The settings know no such service, or nobody calls from it (`queue`)."""

    code = "queue.no_such_queue"


class NotPossible(TiepDonError):
    """The ticket does not stand where this act begins (`standing`: where it stands now): somebody else acted first.

    Also where another counter has called it or serves it.
    """

    code = "queue.not_possible"


class ActedMeanwhile(TiepDonError):
    """Somebody else has acted at this counter since whoever acts looked: what was meant may be another person's."""

    code = "queue.acted_meanwhile"


class NothingToUndo(TiepDonError):
    """The counter's last act is too long ago, or something has happened to the ticket since."""

    code = "queue.nothing_to_undo"
