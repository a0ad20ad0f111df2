"""What can go wrong between the bridge and the hospital system that asks the portal for us.

Each is a kind of the portal's own errors, so whoever handles those handles these. Data never holds what was said.
"""

from hisbridge.errors import (
    PortalError,
    PortalGarbled,
    PortalIncomplete,
    PortalNotAllowed,
    PortalNotConfigured,
    PortalServerError,
    PortalSetup,
    PortalTimeout,
    PortalTooLarge,
    PortalUnreachable,
)


class HisProxyUnreachable(PortalUnreachable):
    """No connection to the hospital system."""

    code = "his_proxy.unreachable"


class HisProxyTimeout(PortalTimeout):
    """The hospital system did not answer in time."""

    code = "his_proxy.timeout"


class HisProxyTooLarge(PortalTooLarge):
    """The hospital system's answer is larger than any can be."""

    code = "his_proxy.answer_too_large"


class HisProxyServerError(PortalServerError):
    """The hospital system answered with an HTTP error (`status`)."""

    code = "his_proxy.server_error"


class HisProxyFailed(PortalError):
    """The hospital system could not ask (its code 999, or an undocumented one), or the portal is down."""

    code = "his_proxy.failed"


class HisProxyGarbled(PortalGarbled):
    """What came back is not the JSON it should be (`why`): a maintenance page, half an answer, a field twice."""

    code = "his_proxy.garbled_answer"


class HisProxyIncomplete(PortalIncomplete):
    """The answer lacks what its own code promises, or holds it in a form that nobody can read (`field`: our name)."""

    code = "his_proxy.incomplete_answer"


class HisProxyRefused(PortalNotAllowed):
    """The hospital system refuses us (`status`): merchant id, key or signed fields are not its own, or a clock is off.

    HTTP 401 is all it says; which of them it was, only its own log tells.
    """

    code = "his_proxy.refused"


class HisProxyNoService(PortalSetup):
    """A server answers at the address, but nothing that looks up insurance (HTTP 404 without an envelope)."""

    code = "his_proxy.no_service"


class HisProxyPortalSetup(PortalSetup):
    """The portal refuses the hospital system itself: its account or its officer (`result_code`)."""

    code = "his_proxy.portal_setup"


class HisProxySecretMissing(PortalSetup):
    """The file that holds the key of the signature is missing, empty or unreadable."""

    code = "his_proxy.secret_missing"


class HisProxySecretExposed(PortalSetup):
    """The file that holds the key of the signature can be read by everybody on this machine, or written by others."""

    code = "his_proxy.secret_exposed"


class HisProxyNotConfigured(PortalNotConfigured):
    """A setting that every question needs is empty, no address or contradicts another (`key`)."""

    code = "his_proxy.not_configured"
