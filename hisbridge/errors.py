"""What can go wrong between the bridge and the outside. Data never holds what the outside said: it may be personal."""

from wire.errors import TiepDonError


class DeliveryError(TiepDonError):
    """The outcome of an attempt is not known; the same record goes out again under the same key.

    `doubtful`: whether it may have been carried out. `retry_after_seconds`: how long the receiver wants to be left
    alone.
    """

    code = "delivery.failed"
    retriable = True
    doubtful = True
    retry_after_seconds = 0.0


class DestinationUnreachable(DeliveryError):
    """No connection to the receiving system (`why`: the system's word for it)."""

    code = "delivery.unreachable"
    doubtful = False


class NoAnswer(DeliveryError):
    """Sent, and no acknowledgement of this message came before the time-out or the end of the connection (`why`)."""

    code = "delivery.no_answer"


class GarbledAnswer(DeliveryError):
    """What came back is not an acknowledgement of the protocol, or is larger than any can be (`why`)."""

    code = "delivery.garbled_answer"


class PersonAmbiguous(TiepDonError):
    """The receiver holds this person more than once: a member of staff has to merge them there (bridge.md 2.1)."""

    code = "delivery.person_ambiguous"


class DestinationSetup(TiepDonError):
    """A setting of the destination makes every attempt vain: a file missing, a secret unreadable (`key`, `why`)."""

    code = "delivery.setup"


class UnknownDelivery(TiepDonError):
    """There is no such delivery, or it is not in a state in which this can be done to it (`state`)."""

    code = "delivery.unknown"


class UnknownConnector(TiepDonError):
    """No connector has this name (`name`, `known`)."""

    code = "bridge.unknown_connector"


class UnknownDestination(TiepDonError):
    """The settings hold no destination of this name for this connector (`name`, `known`)."""

    code = "config.unknown_destination"


class PortalError(TiepDonError):
    """The insurance portal gave no usable answer; `code` becomes the `reason` of the Coverage."""

    code = "portal.failed"
    retriable = True


class PortalUnreachable(PortalError):
    """No connection to the insurance portal."""

    code = "portal.unreachable"


class PortalTimeout(PortalError):
    """The insurance portal did not answer in time."""

    code = "portal.timeout"


class PortalServerError(PortalError):
    """The insurance portal answered with an HTTP error (`status`)."""

    code = "portal.server_error"


class PortalGarbled(PortalError):
    """The insurance portal's answer is not the JSON it should be (`why`)."""

    code = "portal.garbled_answer"


class PortalIncomplete(PortalError):
    """The insurance portal's answer lacks what its own result code promises."""

    code = "portal.incomplete_answer"


class PortalTooLarge(PortalError):
    """The answer is larger than any can be; `status`: its HTTP status."""

    code = "portal.answer_too_large"


class PortalTokenFailed(PortalError):
    """The insurance portal gives no token at the moment."""

    code = "portal.token_failed"


class PortalSetup(PortalError):
    """The insurance portal refuses for a reason that only an administrator can mend."""

    code = "portal.setup"
    retriable = False


class PortalBadAccount(PortalSetup):
    """The insurance portal does not accept the account's name or password."""

    code = "portal.bad_account"


class PortalNotAllowed(PortalSetup):
    """The account may log in but not ask (HTTP 401 or 403), or this address is not registered with the portal."""

    code = "portal.not_allowed"


class PortalPasswordMissing(PortalSetup):
    """The file that holds the portal's password is missing, empty or unreadable."""

    code = "portal.password_missing"


class PortalNotConfigured(PortalSetup):
    """A setting that every question to the portal needs is empty or no address (`key`)."""

    code = "portal.not_configured"


class PortalCertificate(PortalSetup):
    """TLS refused the server, so nothing was told to it.

    `why`: wrong_name, expired, not_yet_valid, self_signed, unknown_authority, old_tls, no_tls or refused.
    """

    code = "portal.certificate"


class PortalCaFile(PortalSetup):
    """The file that names the private authorities to trust is missing or holds no certificate."""

    code = "portal.ca_file_unusable"


class LookupOffline(PortalUnreachable):
    """The outside system failed too often just now and is not waited for (`system`, `why`: the last error's code)."""

    code = "lookup.offline"
