"""Errors that the pages' own border can raise. Must not import Flask."""

from wire.errors import TiepDonError


class UnknownAction(TiepDonError):
    """The page sent an action, or a value for it, that does not exist."""

    code = "touchscreen.unknown_action"


class ForbiddenCaller(TiepDonError):
    """The pages were called by another host name or from another site (`why`: which check refused)."""

    code = "touchscreen.forbidden_caller"


class AnswerGone(TiepDonError):
    """The insurance answer to be taken over is not kept any more: it is old, was taken over, or the kiosk restarted."""

    code = "counter.answer_gone"


class ConfirmationGone(TiepDonError):
    """The act to be confirmed is not kept any more: it is old, was confirmed already, or the kiosk restarted."""

    code = "technician.confirmation_gone"


class NoPlaceChosen(TiepDonError):
    """Whoever is signed in has not said yet at which counter they sit."""

    code = "counter.no_place"
