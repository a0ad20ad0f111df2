"""What can go wrong between the bridge and the population register. Data never holds what the outside said."""

from wire.errors import TiepDonError


class PopulationError(TiepDonError):
    """The register gave no usable answer; `code` becomes the `reason` of the Citizen."""

    code = "population.failed"
    retriable = True


class PopulationUnreachable(PopulationError):
    """No connection to the register's gateway."""

    code = "population.unreachable"


class PopulationTimeout(PopulationError):
    """The register did not answer in time."""

    code = "population.timeout"


class PopulationTooLarge(PopulationError):
    """The answer is larger than any can be."""

    code = "population.answer_too_large"


class PopulationServerError(PopulationError):
    """The gateway answered with an HTTP error that may pass (`status`)."""

    code = "population.server_error"


class PopulationFault(PopulationError):
    """A SOAP fault of the other side (fault code Server), or an answer that holds nothing but an error."""

    code = "population.fault"


class PopulationGarbled(PopulationError):
    """The answer is not the document it should be, or contradicts itself (`why`)."""

    code = "population.garbled_answer"


class PopulationUnknownAnswer(PopulationError):
    """An answer in good form that holds neither a person nor an empty list: no table of such messages is public."""

    code = "population.unknown_answer"


class PopulationIncomplete(PopulationError):
    """A person without number, name or birth date: nothing proves that it is the one who was asked for."""

    code = "population.incomplete_answer"


class PopulationTokenFailed(PopulationError):
    """The gateway gives no usable token at the moment."""

    code = "population.token_failed"


class PopulationQuestionUnusable(PopulationError):
    """The question lacks what the register needs: a number, a name it can carry, a birth date (`why`)."""

    code = "population.question_unusable"
    retriable = False


class PopulationDisabled(PopulationError):
    """No transport to the register is set up; nothing was asked."""

    code = "population.disabled"
    retriable = False


class PopulationSetup(PopulationError):
    """Refused for a reason that only an administrator can mend."""

    code = "population.setup"
    retriable = False


class PopulationBadAccount(PopulationSetup):
    """The gateway gives no token to this account (`status`)."""

    code = "population.bad_account"


class PopulationNotAllowed(PopulationSetup):
    """Account, address or agency may not ask the register (HTTP 401 or 403, or an access-denied fault)."""

    code = "population.not_allowed"


class PopulationRequestRefused(PopulationSetup):
    """The other side does not understand the request: wrong address (`status`), or a SOAP fault that blames us."""

    code = "population.request_refused"


class PopulationCertificate(PopulationSetup):
    """TLS refused the gateway, so nothing was told to it (`why`: as of PortalCertificate)."""

    code = "population.certificate"


class PopulationPasswordMissing(PopulationSetup):
    """The file that holds the account's secret is missing, empty or unreadable."""

    code = "population.password_missing"


class PopulationNotConfigured(PopulationSetup):
    """A setting that every question needs is empty or has no usable form (`key`)."""

    code = "population.not_configured"
