"""What can go wrong at the message desk."""

from wire.errors import TiepDonError


class NothingChosen(TiepDonError):
    """An act on deliveries names none: everything there is was surely not meant."""

    code = "desk.nothing_chosen"


class NameMissing(TiepDonError):
    """Who wants to see a person's message has to say who it is; it is written down."""

    code = "desk.name_missing"


class MessageUnrenderable(TiepDonError):
    """The message cannot be shown: rendering its record fails, or ended a process before."""

    code = "delivery.unrenderable"
